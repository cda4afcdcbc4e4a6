"""Refusals: what the API answers instead of a result (§3.3).

Behaviour raises them; only ``app`` turns them into HTTP. Every body is ``{"message": …}``; the v2 endpoints add ``"code"``.
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer that isn't 200. ``kept`` says whether an Idempotency-Key keeps it (§3.4: only once executing began)."""

    def __init__(self, status: int, message: str, code: str | None = None, *, kept: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.kept = kept

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        return {"message": self.message} if self.code is None else {"message": self.message, "code": self.code}


class BadRequest(ApiError):
    """400: malformed, or a rule is violated."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(400, message, code)


class NotFound(ApiError):
    """404: no such object."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(404, message, code)


class Conflict(ApiError):
    """409: a taken ingest alias, a used uniqueness_key, an Idempotency-Key with other parameters."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(409, message, code)


class NotEmulated(ApiError):
    """501: the API has it, the emulator doesn't. Names what was asked for, so that nothing is accepted and then ignored."""

    def __init__(self, what: str) -> None:
        super().__init__(501, f"not emulated: {what}", "NotEmulated")
        self.what = what
