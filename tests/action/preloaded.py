"""A ``nova-iac`` for PATH that starts at once: a process that has everything imported forks for each command.

Arguments, environment, folder, output and exit code are the real ones; only the imports are shared.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(request).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(request)
    sys.exit(int(server.recv(16) or b"70"))
"""


@contextlib.contextmanager
def preloaded(folder: Path) -> Iterator[Path]:
    """A folder for PATH that has the command while the context lasts."""
    address = str(folder / "socket")
    tool = folder / "bin" / "nova-iac"
    tool.parent.mkdir(parents=True)
    tool.write_text(_CLIENT.format(python=sys.executable, address=address))
    tool.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        command = [sys.executable, __file__, str(listening.fileno())]
        with subprocess.Popen(command, pass_fds=[listening.fileno()]) as server:
            try:
                yield tool.parent
            finally:
                server.kill()


def _serve(listening: socket.socket) -> None:
    import metronome  # noqa: F401

    import nova_iac.cli
    import nova_iac.cli.drifting
    import nova_iac.cli.perform  # noqa: F401

    while True:
        client, _ = listening.accept()
        if os.fork() == 0:
            _answer(client)
        client.close()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _answer(client: socket.socket) -> None:
    """One command, in a fork."""
    from nova_iac.cli import run

    head, files, _, _ = socket.recv_fds(client, 4, 3)
    size, request = int.from_bytes(head, "big"), b""
    while len(request) < size:
        request += client.recv(size - len(request))
    arguments, folder, variables = json.loads(request)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    code = 70
    try:
        code = run(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        client.sendall(str(code).encode())
        os._exit(0)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as inherited:
        _serve(inherited)
