"""The rejected file: one JSON line per event that was not sent, with the reason and where it stands in its source."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from nova_iac.errors import UsageProblem
from nova_iac.usage.event import Event, Exact

SUFFIX: Final = ".rejected.ndjson"
_LOOKED_AT: Final = 4_096
_OURS: Final = re.compile(rb'\s*\{\s*"line"\s*:\s*\d+\s*,\s*"reason"\s*:\s*"')


@dataclass(frozen=True, slots=True)
class Reject:
    """An event that was not sent. event is None where the row is none."""

    line: int
    reason: str
    source: str
    event: Event | Exact | None = None

    def as_data(self) -> dict[str, object]:
        """As it stands in the file. ``event`` can be corrected and sent by itself: it has its id."""
        data: dict[str, object] = {"line": self.line, "reason": self.reason, "source": self.source}
        return data if self.event is None else {**data, "event": self.event}


class RejectedFile:
    """Collects rejects in the order of their lines. Nothing is touched before the first comes.

    It then replaces what an earlier run left there, or goes on behind what a checkpoint has settled. A file of another kind is
    refused, and what is no regular file (a pipe, /dev/null) is only ever written to.

    :param kept: how many bytes of it belong to rows that a checkpoint has settled, and ``mark`` their :func:`fingerprint`.
    :param numbered: replace nothing; where something is there, take the name with a number. For sources that can't be read again.
    """

    def __init__(self, path: Path, kept: int = 0, mark: str = "", *, numbered: bool = False) -> None:
        self.path = path
        self._kept = kept
        self._mark = mark
        self._numbered = numbered
        self._regular = True
        self._empty = False
        self._file: BinaryIO | None = None

    @property
    def is_older(self) -> bool:
        """Whether what is there was left by an earlier run: this one, or the one that it goes on with, rejected nothing."""
        unused = self._file is None and not self._kept and not self._numbered
        return unused and self.path.is_file() and self.path.stat().st_size > 0

    def start(self) -> None:
        """See to it that rejects can be written; forget those that came after the checkpoint.

        :raises UsageProblem: they can't be, or something else is there.
        """
        try:
            self._regular = self.path.is_file() or not self.path.exists()
            if not self._regular or not self.path.exists():
                self._kept = 0
                if not self.path.parent.is_dir():
                    raise UsageProblem(f"{self.path} can't be written: there is no folder {self.path.parent}.")
                return
            with self.path.open("rb") as file:
                head = file.read(_LOOKED_AT)
            if self._numbered:
                self._empty = not head
                return
            if head and not _OURS.match(head):
                raise UsageProblem(f"{self.path} holds something else than rejected events; name another file with --rejected.")
            if self._kept and fingerprint(self.path, self._kept) == self._mark:
                os.truncate(self.path, self._kept)
            elif self._kept:  # somebody has edited it: whatever is in there stays
                self._kept = self.path.stat().st_size
        except OSError as problem:
            raise self._explained(problem) from problem

    def add(self, rejects: Sequence[Reject]) -> None:
        """Write some down.

        :raises UsageProblem: it can't be written.
        """
        try:
            if self._file is None:
                self._file = self._opened()
            self._file.write(b"".join(msgspec.json.encode(reject.as_data()) + b"\n" for reject in rejects))
            if not self._regular or self._numbered:
                self._file.flush()
        except OSError as problem:
            raise self._explained(problem) from problem

    def sync(self) -> tuple[int, str]:
        """Have everything on disk, before a checkpoint that says so: how many bytes that is, and their fingerprint.

        :raises UsageProblem: it can't be written.
        """
        if not self._regular:
            return 0, ""
        try:
            if self._file is not None:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._kept = os.fstat(self._file.fileno()).st_size
            return self._kept, fingerprint(self.path, self._kept) if self._kept else ""
        except OSError as problem:
            raise self._explained(problem) from problem

    def close(self) -> None:
        """Have everything on disk and let go.

        :raises UsageProblem: it can't be written.
        """
        try:
            if self._file is not None:
                try:
                    self.sync()
                finally:
                    self._file.close()
        except OSError as problem:
            raise self._explained(problem) from problem

    def _opened(self) -> BinaryIO:
        if not self._regular:
            return self.path.open("ab")
        if self._numbered and not self._empty:
            return self._next_to_it()
        path = self.path.resolve()  # where a link leads, so that the link stays
        if not self._kept:
            path.unlink(missing_ok=True)  # not emptied: a program that still reads it has the whole of it
        return path.open("ab")

    def _next_to_it(self) -> BinaryIO:
        end = SUFFIX if self.path.name.endswith(SUFFIX) else self.path.suffix
        stem = self.path.name.removesuffix(end)
        for number in count(2):
            try:
                return self.path.open("xb")
            except FileExistsError:
                self.path = self.path.with_name(f"{stem}.{number}{end}")
        raise AssertionError("numbers don't end")

    def _explained(self, problem: OSError) -> UsageProblem:
        return UsageProblem(f"{self.path} can't be written: {problem.strerror or problem}")


def fingerprint(path: Path, size: int) -> str:
    """A hash of what stands at the beginning of a file and at the end of its first ``size`` bytes.

    :raises OSError: it can't be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(min(_LOOKED_AT, size)))
        file.seek(max(0, size - _LOOKED_AT))
        digest.update(file.read(size - file.tell()))
    return digest.hexdigest()
