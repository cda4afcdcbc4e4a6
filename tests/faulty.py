"""A wire that fails on purpose, between the real SDK and the emulator, in one process.

Faults strike requests of one method and path, a number of times. Before: the emulator never sees the request. After: it has
carried it out, and the answer is lost or spoilt.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from unittest import mock

import httpx

from nova_iac.emulator import Emulator
from nova_iac.retry import RetryPolicy

NO_PAUSES = RetryPolicy(first_pause=0.0, longest_pause=0.0)

FAULTS = (
    "timeout before", "timeout after", "cut before", "cut after", "409 by key", "409 after", "429 storm", "500 before",
    "500 after", "truncated body", "lost, then 401",
)  # fmt: skip


@dataclass
class Fault:
    """What befalls matching requests, so often."""

    name: str
    method: str
    path: str
    times: int
    struck: int = 0

    def strikes(self, method: str, path: str) -> bool:
        if self.struck >= self.times or method != self.method or not fnmatchcase(path, self.path):
            return False
        self.struck += 1
        return True


class FaultyWire:
    """The emulator behind a bad line."""

    def __init__(self, app: Emulator, faults: Iterable[Fault]) -> None:
        self._app = app
        self._faults = tuple(faults)

    def close(self) -> None:
        self._app.close()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        for fault in self._faults:
            if fault.strikes(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
                return self._fail(fault, environ, start_response)
        return self._app(environ, start_response)

    def _fail(self, fault: Fault, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match fault.name:
            case "timeout before":
                raise httpx.ReadTimeout("no answer")
            case "cut before":
                raise httpx.RemoteProtocolError("connection lost")
            case "409 by key":
                return _answer(start_response, "409 Conflict", {"message": "Idempotency-Key was used with other parameters"})
            case "refused":
                return _answer(start_response, "400 Bad Request", {"message": "no"})
            case "401":
                return _answer(start_response, "401 Unauthorized", {"message": "Unauthorized"})
            case "403":
                return _answer(start_response, "403 Forbidden", {"message": "Forbidden"})
            case "504":
                return _answer(start_response, "504 Gateway Timeout", {"message": "no answer"})
            case "lost, then 401" if fault.struck > 1:
                return _answer(start_response, "401 Unauthorized", {"message": "Unauthorized"})
            case "429 storm":
                headers = [("X-Metronome-Rate-Limit-Type", "client")]
                return _answer(start_response, "429 Too Many Requests", {"message": "slow down"}, headers)
            case "500 before":
                return _answer(start_response, "500 Internal Server Error", {"message": "broken"})
        body = b"".join(self._app(environ, lambda *_: None))
        match fault.name:
            case "timeout after" | "lost, then 401":
                raise httpx.ReadTimeout("no answer")
            case "cut after":
                raise httpx.RemoteProtocolError("connection lost")
            case "409 after":
                return _answer(start_response, "409 Conflict", {"message": "a call under this Idempotency-Key is in flight"})
            case "uniqueness after":
                return _answer(start_response, "409 Conflict", {"message": "This uniqueness key has already been used."})
            case "500 after":
                return _answer(start_response, "500 Internal Server Error", {"message": "broken"})
            case "truncated body":
                start_response("200 OK", [("Content-Type", "application/json")])
                return [body[: len(body) // 2]]
        raise AssertionError(fault.name)


def _answer(
    start_response: Callable[..., Any], status: str, body: Any, headers: Iterable[tuple[str, str]] = ()
) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json"), *headers])
    return [json.dumps(body).encode()]


@contextlib.contextmanager
def bad_line(*faults: Fault) -> Iterator[None]:
    """Commands run inside meet these faults; retries don't wait."""

    def behind(*arguments: Any, **options: Any) -> FaultyWire:
        return FaultyWire(Emulator(*arguments, **options), faults)

    with mock.patch("nova_iac.emulator.Emulator", behind), mock.patch("nova_iac.cli.session.RETRY", NO_PAUSES):
        yield
