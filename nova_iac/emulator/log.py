"""The request log: the last requests in memory and, if asked for, every one as a JSON line in a file."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import Any

from nova_iac.emulator import codec

KEPT = 10_000


class RequestLog:
    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._last: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self._last.append(entry)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(codec.dumps(entry) + "\n")

    def entries(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._last)

    def clear(self) -> None:
        """Forgets what is in memory; the file stays."""
        with self._lock:
            self._last.clear()
