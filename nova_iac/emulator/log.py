"""The request log: the last requests in memory and, if asked for, every one as a JSON line in a file."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import Any

from nova_iac.emulator import codec

KEPT = 10_000
KEPT_BYTES = 64 * 1024 * 1024
"""Of bodies: a hundred events a request would otherwise take more memory than all else."""


class RequestLog:
    """An entry's ``body`` is what came in, byte for byte; it is shown parsed, or as its text where it isn't JSON."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._last: deque[dict[str, Any]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self._last.append(entry)
            self._bytes += _size(entry)
            while len(self._last) > KEPT or (self._bytes > KEPT_BYTES and len(self._last) > 1):
                self._bytes -= _size(self._last.popleft())
            if self._path is not None:
                with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(codec.dumps(_shown(entry)) + "\n")

    def entries(self) -> list[dict[str, Any]]:
        with self._lock:
            kept = list(self._last)
        return [_shown(entry) for entry in kept]

    def clear(self) -> None:
        """Forgets what is in memory; the file stays."""
        with self._lock:
            self._last.clear()
            self._bytes = 0


def _size(entry: dict[str, Any]) -> int:
    return len(entry.get("body", b""))


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    if "body" not in entry:
        return entry
    raw = entry["body"]
    try:
        return entry | {"body": codec.loads(raw) if raw else None}
    except codec.Malformed:
        return entry | {"body": raw.decode("utf-8", "replace")}
