"""The emulator's clock: the one that was injected, or set and moved by hand under /_emulator/clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self, source: Callable[[], datetime]) -> None:
        self._source = source
        self._frozen: datetime | None = None
        self._ahead = timedelta()
        self._lock = threading.Lock()

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    def now(self) -> datetime:
        return (self._frozen or self._source().astimezone(UTC)) + self._ahead

    def set(self, instant: datetime) -> None:
        """Stops the clock at an instant."""
        with self._lock:
            self._frozen, self._ahead = instant.astimezone(UTC), timedelta()

    def advance(self, by: timedelta) -> None:
        """Moves on; a running clock runs on from there."""
        with self._lock:
            self._ahead += by

    def release(self) -> None:
        """Back to the injected clock."""
        with self._lock:
            self._frozen, self._ahead = None, timedelta()
