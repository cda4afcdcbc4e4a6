"""Runs a command in a child process and kills it, as a lost machine would, at any of its steps.

A step is the moment before or after a call to Metronome, a line of the journal, or the renaming or removal of a file: the
journal's head and the lockfile are put in place by a rename, journal and lock go by a removal. The child is a fork, so that
nothing is imported twice; it ends by SIGKILL: no handler, no finally, no flush.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import Project


class _Steps:
    def __init__(self, kill_at: int | None, report: int) -> None:
        self.kill_at, self.report, self.count = kill_at, report, 0
        self._lock = threading.Lock()

    def step(self, what: str) -> None:
        with self._lock:
            if self.count == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.count += 1
            os.write(self.report, f"{what}\n".encode())

    def around(self, what: str, function: Callable[..., Any], *, named: bool = False) -> Callable[..., Any]:
        """The function with a step on either side. named: by the file that its last argument is."""

        def wrapped(*arguments: Any, **options: Any) -> Any:
            step = f"{what} {Path(arguments[-1]).name}" if named else what
            self.step(f"before {step}")
            answer = function(*arguments, **options)
            self.step(f"after {step}")
            return answer

        return wrapped


def steps_of(project: Project, *arguments: str) -> list[str]:
    """Run a command to its end in a child and name its steps."""
    status, steps = _run(project, arguments, None)
    assert os.waitstatus_to_exitcode(status) == 0, f"the run without a kill failed: {status}"
    return steps


def kill_at(project: Project, step: int, *arguments: str) -> None:
    """Run a command in a child that is killed at a step (counted from 0)."""
    status, steps = _run(project, arguments, step)
    assert os.WIFSIGNALED(status), f"the child ended by itself after {len(steps)} steps"
    assert os.WTERMSIG(status) == signal.SIGKILL


def fork() -> int:
    """os.fork, which newer Pythons warn of where other threads run; the child here uses none of theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _run(project: Project, arguments: tuple[str, ...], kill_at_step: int | None) -> tuple[int, list[str]]:
    import metronome  # noqa: F401 - loaded once, before the fork

    reader, writer = os.pipe()
    child = fork()
    if not child:
        os.close(reader)
        try:
            code = _child(project, arguments, _Steps(kill_at_step, writer))
        except BaseException as problem:  # noqa: BLE001 - a child must never return into pytest
            os.write(2, f"{type(problem).__name__}: {problem}\n".encode())
            code = 99
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        steps = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    return status, steps


def _child(project: Project, arguments: tuple[str, ...], steps: _Steps) -> int:
    from nova_iac.remote import Client
    from nova_iac.state.journal import Journal

    Client.send = steps.around("call", Client.send)  # type: ignore[method-assign]
    Journal._append = steps.around("journal line", Journal._append)  # type: ignore[method-assign]
    os.replace = steps.around("rename to", os.replace, named=True)
    os.unlink = steps.around("removal of", os.unlink, named=True)
    result = project.run(*arguments)
    if result.code:
        sys.__stderr__.write(f"{result.out}\n{result.err}\n")  # type: ignore[union-attr]
        sys.__stderr__.flush()  # type: ignore[union-attr]
    return result.code
