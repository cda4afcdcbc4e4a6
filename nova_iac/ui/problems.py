"""Failures as the API and the page tell them: a status, a code, what happened, and what to do."""

from __future__ import annotations

from typing import Any

from nova_iac.errors import (
    ApplyError,
    Diagnostic,
    Locked,
    LockfileError,
    NovaError,
    PlanError,
    Protected,
    RemoteError,
    SpecError,
    Unavailable,
    UnsafePlan,
    UsageProblem,
)


class Refusal(Exception):
    """An answer that is an error. advice says what to do; more are members for programs and for the page."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        advice: str,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        more: dict[str, Any] | None = None,
    ) -> None:
        self.status, self.code, self.message, self.advice = status, code, message, advice
        self.headers, self.more = headers, more or {}
        super().__init__(message)


def refusal_of(error: NovaError) -> Refusal:
    """How a failure of the pipeline is told. The messages of these errors hold no token."""
    match error:
        case SpecError():
            return Refusal(
                422, "spec", f"{error}.", "Correct the file; this page looks again by itself.", more=_details(error.diagnostics)
            )
        case UnsafePlan():
            return Refusal(409, "guard", str(error), "Review it with `nova-iac plan`; let it through there if it is meant.")
        case Protected():
            return Refusal(403, "protected", str(error), "Save a plan, have it reviewed, and apply that plan.")
        case PlanError():
            advice = "Each problem says what to do; `nova-iac plan` shows the same."
            return Refusal(409, "no_plan", f"{error}.", advice, more=_details(error.diagnostics))
        case Locked():
            return Refusal(423, "locked", str(error), "Try again when that run has ended.")
        case LockfileError():
            return Refusal(409, "lockfile", str(error), "Nothing was changed. Put the lockfile right, then try again.")
        case ApplyError():
            return Refusal(502, "incomplete", str(error), "Press again: it goes on where it stopped.")
        case Unavailable():
            return Refusal(503, "unavailable", str(error), "Metronome didn't answer. Try again in a moment.")
        case RemoteError():
            return Refusal(502, "metronome", str(error), "Metronome refused the call; its reason is in the message.")
        case UsageProblem():
            return Refusal(
                503,
                "not_ready",
                str(error),
                "What stands in the process environment is read when `nova-iac ui` starts; a `.env` file is read each time.",
            )
        case _:
            return Refusal(500, "failed", str(error), "Run the same with `nova-iac` to see more.")


def _details(diagnostics: tuple[Diagnostic, ...]) -> dict[str, Any]:
    return {
        "details": [
            {
                "code": one.code,
                "summary": one.summary,
                "detail": one.detail,
                "address": one.address,
                "location": None if one.location is None else str(one.location),
            }
            for one in diagnostics
        ]
    }
