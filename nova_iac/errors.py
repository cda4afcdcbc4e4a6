"""Everything that can go wrong, as values and as exceptions.

The tree; the command line turns each leaf into its exit code and nothing else is ever caught there, so a bug stays a bug::

    NovaError
    ├── UsageProblem                a command was called in a way that can't be carried out          exit 1
    ├── SpecError                   the spec has problems: carries all its diagnostics               exit 1
    ├── LockfileError               the lockfile can't be used; it is left as it was                 exit 1
    │   ├── WrongAccount            made for another environment or host
    │   ├── NewerFormat             written by a newer version
    │   └── Locked                  another run holds the lock                                       exit 5
    ├── PlanError                   a plan can't be made from these inputs: carries diagnostics      exit 1
    │   ├── UnsafePlan              a guard blocks it                                                exit 4
    │   ├── Protected               the environment takes only a saved plan                          exit 4
    │   └── StalePlan               what was reviewed is not what would be done now                  exit 5
    ├── RemoteError                 Metronome could not or would not answer                          exit 1
    │   ├── NotFound                no such object
    │   ├── Conflict                an alias, a uniqueness key or an Idempotency-Key is taken
    │   ├── Refused                 the request breaks a rule, or the token may not make it
    │   └── Unavailable             no answer, or a fault of the server: what happened is unknown
    └── ApplyError                  some calls failed: carries the result                            exit 1 or 3
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a text file. Lines and columns count from 1; a column counts characters, not bytes."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    """An error stops the run; a warning is shown and does not change the exit code."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem, for people first.

    summary is fixed text without names, so that equal problems look equal; detail says what, why and how to fix it.
    code is stable (``NV203``). source is the offending line of the file, where there is one.
    """

    severity: Severity
    code: str
    summary: str
    detail: str
    address: str | None = None
    location: Location | None = None
    source: str | None = None

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Order of presentation: by place, then by code."""
        place = self.location
        if place is None:
            return ("", 0, 0, self.code, self.detail)
        return (place.file, place.line, place.column, self.code, self.detail)


class NovaError(Exception):
    """A failure that is explained to the user. The message says what, where and how to fix it."""


class UsageProblem(NovaError):
    """The command line asks for something that can't be done as asked."""


class SpecError(NovaError):
    """The spec has at least one error; warnings come along."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        errors = sum(d.severity is Severity.ERROR for d in self.diagnostics)
        super().__init__(f"{errors} {'error' if errors == 1 else 'errors'} in the spec")


class LockfileError(NovaError):
    """The lockfile or its journal can't be used. Nothing was written."""


class WrongAccount(LockfileError):
    """The lockfile belongs to another environment or another host."""


class NewerFormat(LockfileError):
    """The file was written by a newer version of nova-iac."""


class Locked(LockfileError):
    """Another run holds the lock of this lockfile."""


class PlanError(NovaError):
    """No plan can be made; diagnostics say why."""

    def __init__(self, message: str, diagnostics: Sequence[Diagnostic] = ()) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(message)


class UnsafePlan(PlanError):
    """A guard that was not allowed by name blocks the whole apply; nothing was sent."""


class Protected(PlanError):
    """The environment is protected: only a saved plan, or its digest, is applied there."""


class StalePlan(PlanError):
    """The plan that was reviewed is not the plan that would be carried out now."""


class RemoteError(NovaError):
    """A call to Metronome failed.

    status is the HTTP status, None when there was no answer; body is the answer's parsed body. Never holds the token.
    """

    def __init__(self, message: str, *, status: int | None = None, body: Any = None) -> None:
        self.status = status
        self.body = body
        super().__init__(message)


class NotFound(RemoteError):
    """404, or a 400 whose code says that an object is unknown."""


class Conflict(RemoteError):
    """409."""


class Refused(RemoteError):
    """Any other 4xx: sending the same again would be refused again."""


class Unavailable(RemoteError):
    """No answer, a 5xx or a 429 that outlasted the retries. A write may or may not have taken effect."""


class ApplyError(NovaError):
    """An apply that did not finish. result is an ``apply.executor.ApplyResult``."""

    def __init__(self, message: str, result: Any) -> None:
        self.result = result
        super().__init__(message)
