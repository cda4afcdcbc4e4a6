"""The real command on a terminal of its own: for what it asks, and for a terminal that goes away."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType

from support import Project

HEEDING = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); from nova_iac.__main__ import main; "
"""Python that loads the command and makes it heed a hangup, also where the tests themselves were started with nohup."""

_ON_A_TERMINAL = f"{HEEDING}import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); main()"
"""Makes stdin the terminal that controls the process, so that it is told when that goes away."""


class Terminal:
    """A command that runs on a terminal. Use as a context manager: in the end it is gone."""

    def __init__(self, project: Project, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self._ours, theirs = pty.openpty()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOVA_", "METRONOME_"))}
        variables = {"NOVA_NOW": project.now, "NOVA_EMULATOR_LOG": str(project.log), "TERM": "dumb", **(env or {})}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, *arguments],
            cwd=project.folder, env=clean | variables, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self._open = True
        self.seen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.hang_up()
        self.process.kill()
        self.process.wait()

    def read_until(self, text: str) -> None:
        """Wait until the screen shows a text."""
        while text not in self.seen:
            self.seen += self._read()

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{line}\n".encode())

    def hang_up(self) -> None:
        """The terminal goes away."""
        if self._open:
            os.close(self._ours)
        self._open = False

    def code(self) -> int:
        """Wait for the end; the exit code."""
        while self._open:
            try:
                self.seen += self._read()
            except OSError:  # nobody has the other side open any more
                break
        return self.process.wait(60)

    def _read(self) -> str:
        return os.read(self._ours, 4096).decode()
