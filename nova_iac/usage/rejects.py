"""The rejected file: one JSON line per event that was not sent, with the reason and where it stands in its source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from nova_iac.errors import UsageProblem
from nova_iac.usage.event import Event, Exact


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
    """Collects rejects in the order of their lines. Made when the first comes; what an earlier run left there is replaced.

    :param kept: how many bytes of it belong to rows that a checkpoint has settled.
    """

    def __init__(self, path: Path, kept: int = 0) -> None:
        self.path = path
        self.size = kept
        self._file: BinaryIO | None = None

    def start(self) -> None:
        """Forget what isn't of this run, or of the one that it resumes.

        :raises UsageProblem: it can't be written.
        """
        try:
            if not self.size:
                self.path.unlink(missing_ok=True)
            elif self.path.exists():
                self.size = min(self.size, self.path.stat().st_size)
                os.truncate(self.path, self.size)
            else:
                self.size = 0
        except OSError as problem:
            raise self._explained(problem) from problem

    def add(self, rejects: Sequence[Reject]) -> None:
        """Write some down.

        :raises UsageProblem: it can't be written.
        """
        try:
            if self._file is None:
                self._file = self.path.open("ab")
            for reject in rejects:
                line = msgspec.json.encode(reject.as_data()) + b"\n"
                self._file.write(line)
                self.size += len(line)
        except OSError as problem:
            raise self._explained(problem) from problem

    def sync(self) -> None:
        """Have everything on disk: before a checkpoint that says so."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Have everything on disk and let go."""
        if self._file is not None:
            self.sync()
            self._file.close()
            self._file = None

    def _explained(self, problem: OSError) -> UsageProblem:
        return UsageProblem(f"{self.path} can't be written: {problem.strerror or problem}")
