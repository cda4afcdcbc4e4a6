"""One apply at a time per lockfile, on one machine.

The lock is an advisory file lock, so it dies with its holder; the file says who holds it. A holder on another host (a shared
folder) can't be seen to be dead: it counts as alive until ``state unlock ID``.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from nova_iac import moment
from nova_iac.errors import Locked, LockfileError


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, since when, for what."""

    id: str
    operation: str
    user: str
    host: str
    pid: int
    since: str

    def describe(self, now: datetime) -> str:
        """For an error message."""
        minutes = int((now - moment.parse(self.since)).total_seconds() // 60)
        age = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
        return f"{self.operation} by {self.user} on {self.host}, pid {self.pid}, for {age} (lock {self.id})"


class Mutex:
    """A context manager that holds the lock of one lockfile."""

    def __init__(self, path: Path, operation: str, now: datetime) -> None:
        self.path = path
        self._now = now
        self.holder = Holder(
            uuid.uuid4().hex[:12], operation, _user(), socket.gethostname(), os.getpid(), moment.text(now.replace(microsecond=0))
        )
        self._file: BinaryIO | None = None

    def __enter__(self) -> Mutex:
        """Take the lock.

        :raises Locked: another run holds it; the message names it.
        :raises LockfileError: it can't be written.
        """
        while True:
            self._file = self._open_locked()
            holder = read_holder(self.path)
            if holder is not None and holder.host != self.holder.host:
                self._file.close()
                raise Locked(self._message(holder, f" If that run is dead, free it with `nova-iac state unlock {holder.id}`."))
            if self._file.writable():
                break
            self._remove_left(holder)
        try:
            self._file.truncate(0)
            os.write(self._file.fileno(), json.dumps(asdict(self.holder)).encode() + b"\n")
        except OSError as problem:
            self._file.close()
            raise LockfileError(f"the lock {self.path} can't be written: {problem.strerror or problem}") from problem
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._file is not None
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._file.close()

    def _remove_left(self, holder: Holder | None) -> None:
        """Make room where another user's run was killed: its file can be locked and read, and not written."""
        assert self._file is not None
        with self._file:
            try:
                self.path.unlink(missing_ok=True)
            except OSError as problem:
                who = "another user's run" if holder is None else holder.describe(self._now)
                raise LockfileError(
                    f"the lock {self.path} was left behind by {who}, which is dead, and can't be removed: "
                    f"{problem.strerror or problem}. Remove the file as its owner."
                ) from problem

    def _open_locked(self) -> BinaryIO:
        while True:
            try:
                file = _open(self.path)
            except OSError as problem:
                raise LockfileError(f"the lock {self.path} can't be written: {problem.strerror or problem}") from problem
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                raise Locked(self._message(read_holder(self.path), " Wait for it to end.")) from None
            # The holder before us may have removed the file between our open and our lock.
            with contextlib.suppress(FileNotFoundError):
                if self.path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    return file
            file.close()

    def _message(self, holder: Holder | None, advice: str) -> str:
        who = "another run" if holder is None else holder.describe(self._now)
        return f"{self.path} is held: {who}.{advice}"


def _open(path: Path) -> BinaryIO:
    """The lock's file, made if need be; another user's can be read only, which is enough to see whether it is held."""
    try:
        return path.open("a+b")
    except PermissionError:
        with contextlib.suppress(OSError):
            return path.open("rb")
        raise


def read_holder(path: Path) -> Holder | None:
    """Who holds a lock, as its file says."""
    try:
        return Holder(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def unlock(path: Path, lock_id: str) -> Holder:
    """Free a lock whose holder can't be seen to be dead.

    :raises LockfileError: there is no such lock, its holder is alive on this machine, or the file can't be removed.
    """
    holder = read_holder(path)
    if holder is None or holder.id != lock_id:
        there = "there is no lock" if holder is None else f"the lock there is {holder.id}"
        raise LockfileError(f"{path}: no lock {lock_id} to free; {there}.")
    try:
        with _open(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    except BlockingIOError:
        raise LockfileError(
            f"{path}: pid {holder.pid} is alive on this machine and holds lock {lock_id}; stop it first."
        ) from None
    except OSError as problem:
        raise LockfileError(f"{path} can't be removed: {problem.strerror or problem}. Remove it as {holder.user}.") from problem
    return holder


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
