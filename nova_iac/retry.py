"""How patiently a call is repeated, and how many may be in flight: the numbers of the one policy that `remote` carries out.

Facts: API facts §3.5.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a call is repeated. Seconds; pauses double up to the longest, with jitter downwards."""

    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 16.0

    def pause(self, attempt: int, asked: float | None, jitter: float) -> float:
        """How long to wait after the given attempt (from 0). A server's Retry-After is honoured up to a minute."""
        if asked is not None and 0 < asked <= 60:
            return asked
        return float(min(self.first_pause * 2**attempt, self.longest_pause)) * (1 - jitter / 4)


class Throttle:
    """Bounds the requests in flight: the bound halves when Metronome says 429, and grows back one by one.

    Without it, a client that is told to slow down would go on with all its threads after each pause.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._bound = float(most)
        self._flying = 0
        self._free = threading.Condition()

    @property
    def bound(self) -> int:
        """How many requests may be in flight now."""
        return max(1, int(self._bound))

    def __enter__(self) -> None:
        with self._free:
            self._free.wait_for(lambda: self._flying < self.bound)
            self._flying += 1

    def __exit__(self, *_: object) -> None:
        with self._free:
            self._flying -= 1
            self._free.notify()

    def slower(self) -> None:
        """After a 429."""
        with self._free:
            self._bound = max(1.0, self._bound / 2)

    def faster(self) -> None:
        """After a success: a bound's worth of them raises the bound by one."""
        with self._free:
            self._bound = min(float(self._most), self._bound + 1 / self._bound)
            self._free.notify()


def random_jitter() -> Callable[[], float]:
    """Random numbers from 0 to 1; loaded here, because only calls need them."""
    import random

    return random.random


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The pause in seconds that a server asks for, as a number or as a date."""
    asked = headers.get("retry-after")
    if not asked:
        return None
    try:
        return float(asked)
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(asked)
    except (ValueError, OverflowError):
        return None
    # HTTP knows no other zone; without one (and with "-0000") Python gives no zone either.
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
