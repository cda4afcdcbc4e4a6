"""A ``nova-iac`` and a ``python3`` for PATH that start at once: a process that has everything imported forks for each command.

Arguments, environment, folder, output and exit code are the real ones; only the imports are shared. ``python3`` runs a script
that is given as ``python3 -B FILE``, as the action gives its own.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# As few imports as can be: this is run for every command.
_CLIENT = """#!{python} -IS
import _socket, os, sys
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
variables = [name + b"=" + value for name, value in os.environb.items()]
words = [{name!r}, *map(os.fsencode, sys.argv[1:]), b"", os.getcwdb(), *variables]
request = b"\\0".join(words)
files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)]
server.sendmsg([len(request).to_bytes(4, "big")], rights)
server.sendall(request)
sys.exit(int(server.recv(16) or b"70"))
"""

_PRELOADED = (
    *("certifi", "httpcore", "jsonschema_rs", "metronome.pagination", "metronome.resources"),
    *(f"nova_iac.cli.{name}" for name in ("apply", "drift", "drifting", "init", "perform", "plan", "validation")),
    *("secrets", "shlex", "tempfile", "urllib.request", "zipfile"),
)
"""What the commands and the action import: most of their time."""


@contextlib.contextmanager
def preloaded(folder: Path) -> Iterator[Path]:
    """A folder for PATH that has the commands while the context lasts."""
    address = str(folder / "socket")
    tools = folder / "bin"
    tools.mkdir(parents=True)
    for name in ("nova-iac", "python3"):
        (tools / name).write_text(_CLIENT.format(python=sys.executable, address=address, name=name.encode()))
        (tools / name).chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        command = [sys.executable, __file__, str(listening.fileno())]
        with subprocess.Popen(command, pass_fds=[listening.fileno()]) as server:
            try:
                yield tools
            finally:
                server.kill()


def _serve(listening: socket.socket) -> None:
    for name in _PRELOADED:
        importlib.import_module(name)

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
    head, files, _, _ = socket.recv_fds(client, 4, 3)
    size, request = int.from_bytes(head, "big"), b""
    while len(request) < size:
        request += client.recv(size - len(request))
    words = request.split(b"\0")
    end = words.index(b"")
    name, *arguments = map(os.fsdecode, words[:end])
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(words[end + 1])
    os.environb.clear()
    os.environb.update(word.split(b"=", 1) for word in words[end + 2 :])
    code = 70
    try:
        code = _script(arguments) if name == "python3" else _nova_iac(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        client.sendall(str(code).encode())
        os._exit(0)


def _nova_iac(arguments: list[str]) -> int:
    from nova_iac.cli import run

    return run(arguments)


def _script(arguments: list[str]) -> int:
    option, file, *rest = arguments
    assert option == "-B", arguments
    sys.argv[:] = [file, *rest]
    sys.path.insert(0, str(Path(file).parent))
    try:
        runpy.run_path(file, run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as inherited:
        _serve(inherited)
