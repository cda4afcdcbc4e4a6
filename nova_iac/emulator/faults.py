"""Faults on purpose: latency, 429 above a rate, 5xx, cut connections, cut-off bodies. Set under /_emulator/faults."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from nova_iac.emulator.wire import Reader

KINDS = ("latency", "rate_limit", "error", "cut", "truncate")
RATE_PER_SECOND = 8
"""What was seen of the real service, shared over endpoints (§3.5)."""
ERROR_STATUSES = range(400, 600)


class ConnectionCut(ConnectionResetError):
    """The connection is to end without an answer. Raised through the WSGI call: a client in this process gets it as it is,
    the server makes it a closed connection.
    """


@dataclass(slots=True)
class Fault:
    """What befalls the requests that match, except the first ``skip``, then every ``every``-th, ``times`` times at most."""

    kind: str
    method: str | None = None
    path: str = "*"
    skip: int = 0
    every: int = 1
    times: int | None = None
    status: int = 500
    when: str = "before"
    kept: bool = False
    milliseconds: int = 0
    per_second: int = RATE_PER_SECOND
    limit_type: str = "client"
    size: int = 1
    seen: int = 0
    hits: int = 0
    passed: deque[float] = field(default_factory=deque)

    def befalls(self, method: str, path: str, now: float) -> bool:
        """Whether it strikes this request; counts it."""
        if self.method not in (None, method) or not fnmatchcase(path, self.path):
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.seen - self.skip - 1) % self.every:
            return False
        if self.kind == "rate_limit" and self._within_rate(now):
            return False
        self.hits += 1
        return True

    def _within_rate(self, now: float) -> bool:
        while self.passed and self.passed[0] <= now - 1:
            self.passed.popleft()
        if len(self.passed) >= self.per_second:
            return False
        self.passed.append(now)
        return True

    def shown(self) -> dict[str, Any]:
        names = ("kind", "method", "path", "skip", "every", "times", *_FIELDS[self.kind], "seen", "hits")
        return {name: getattr(self, name) for name in names}


_FIELDS: dict[str, tuple[str, ...]] = {
    "latency": ("milliseconds",),
    "rate_limit": ("per_second", "limit_type"),
    "error": ("status", "when", "kept"),
    "cut": ("when",),
    "truncate": ("size",),
}


class Faults:
    """The faults that are on."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self._monotonic = monotonic
        self.sleep = sleep
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def set(self, faults: Iterable[Fault]) -> None:
        with self._lock:
            self._faults = list(faults)

    def striking(self, method: str, path: str) -> list[Fault]:
        """The faults that befall a request."""
        with self._lock:
            now = self._monotonic() if self._faults else 0.0
            return [fault for fault in self._faults if fault.befalls(method, path, now)]

    def shown(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.shown() for fault in self._faults]


def read(reader: Reader) -> Fault:
    """One fault out of a request to /_emulator/faults."""
    fault = Fault(reader.enum("kind", KINDS, lower=True))
    reader.only(("kind", "method", "path", "skip", "every", "times", *_FIELDS.get(fault.kind, ())))
    method = reader.maybe_text("method", nullable=True)
    fault.method = None if method is None else method.upper()
    fault.path = reader.maybe_text("path") or fault.path
    fault.times = reader.maybe_whole("times", least=1, nullable=True)
    fault.skip = reader.maybe_whole("skip", least=0) or 0
    fault.every = reader.maybe_whole("every", least=1) or 1
    if fault.kind == "latency":
        fault.milliseconds = reader.whole("milliseconds", least=0, most=600_000)
    if fault.kind == "rate_limit":
        fault.per_second = reader.maybe_whole("per_second", least=1) or RATE_PER_SECOND
        fault.limit_type = reader.maybe_enum("limit_type", ("client", "customer"), lower=True) or "client"
    if fault.kind == "error":
        fault.status = reader.maybe_whole("status", least=ERROR_STATUSES.start, most=ERROR_STATUSES.stop - 1) or 500
        fault.kept = bool(reader.maybe_flag("kept"))
    if fault.kind in ("error", "cut"):
        fault.when = reader.maybe_enum("when", ("before", "after"), lower=True) or "before"
    if fault.kind == "truncate":
        fault.size = 1 if (size := reader.maybe_whole("size", least=0)) is None else size
    return fault
