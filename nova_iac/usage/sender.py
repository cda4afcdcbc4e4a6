"""Batches of events to Metronome: every event at least sent once under its id, and counted once by it.

A batch that can't be delivered now is repeated as it is, because its events keep their ids (§13.1). A batch that is refused is
halved until the events are found that are the reason; the others are sent.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from nova_iac.errors import RemoteError
from nova_iac.remote import Attempt, Endpoint
from nova_iac.retry import RetryPolicy, Throttle
from nova_iac.usage.event import Event, Exact
from nova_iac.usage.rejects import Reject

INGEST: Final = Endpoint("POST", "/v1/ingest", "v1.usage.ingest")
PATIENCE: Final = RetryPolicy(attempts=12, first_pause=0.5, longest_pause=30.0)
"""About four minutes without a single success anywhere; a 429 while others get through doesn't count."""
_CONTENT: Final = frozenset((400, 413, 422))
"""Statuses that are about what was sent; any other refusal is about who sends it, or where to."""
_ENOUGH_REFUSED: Final = 100

Post = Callable[[bytes], Attempt]


class Ready(msgspec.Struct, gc=False):
    """An event that is to be sent, and where it comes from."""

    line: int
    payload: bytes
    raw: bytes
    event: Event | Exact


@dataclass(slots=True)
class Delivery:
    """What became of a batch. unsent: it wasn't begun, or could not be delivered as a whole; it is then to be sent again."""

    sent: int = 0
    rejected: list[Reject] = field(default_factory=list)
    error: RemoteError | None = None
    unsent: bool = False


class Pacer:
    """At most so many events a second, evenly. None is no bound."""

    def __init__(self, rate: int | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._next = 0.0

    def delay(self, events: int) -> float:
        """How long to wait before sending so many; they are then taken as sent."""
        if self._rate is None:
            return 0.0
        now = self._monotonic()
        start = max(now, self._next)
        self._next = start + events / self._rate
        return start - now


class Sender:
    """Delivers batches, from several threads at once.

    :param post: one attempt at a request.
    :param stop: once set, nothing is repeated any more: what is in flight ends, what waits gives up.
    """

    def __init__(
        self,
        post: Post,
        *,
        stop: threading.Event,
        concurrency: int,
        policy: RetryPolicy = PATIENCE,
        wait: Callable[[float], object] | None = None,
        random_source: Callable[[], float] = random.random,
    ) -> None:
        self._post = post
        self._stop = stop
        self._wait = wait or stop.wait
        self._policy = policy
        self._random = random_source
        self._throttle = Throttle(concurrency)
        self._lock = threading.Lock()
        self._successes = 0
        self.refused = 0
        self.retries = 0

    def deliver(self, batch: Sequence[Ready]) -> Delivery:
        """Send a batch, whatever it takes."""
        delivery = Delivery(unsent=self._stop.is_set())
        if not delivery.unsent:
            self._deliver(batch, delivery)
            delivery.unsent = delivery.error is not None
        return delivery

    def _deliver(self, batch: Sequence[Ready], delivery: Delivery) -> None:
        error = self._attempts(b"[" + b",".join([one.payload for one in batch]) + b"]")
        if error is None:
            delivery.sent += len(batch)
        elif not isinstance(error, RemoteError) or error.status not in _CONTENT or self._hopeless():
            delivery.error = error
        elif len(batch) == 1:
            with self._lock:
                self.refused += 1
            one = batch[0]
            delivery.rejected.append(
                Reject(one.line, _reason(error), one.raw.decode("utf-8", "replace").rstrip("\r\n"), one.event)
            )
        else:
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                if delivery.error is None:
                    self._deliver(half, delivery)

    def _attempts(self, body: bytes) -> RemoteError | None:
        """One request, repeated until it is answered for good; why not, if not."""
        failures, seen = 0, self._successes
        while True:
            with self._throttle:
                attempt = self._post(body)
            if attempt.error is None:
                with self._lock:
                    self._successes += 1
                self._throttle.faster()
                return None
            if not attempt.repeatable:
                return attempt.error
            held_back = attempt.error.status == 429
            if held_back and attempt.whole_account:
                self._throttle.slower()
            if held_back and self._successes != seen:
                failures, seen = min(failures, 2), self._successes
            failures += 1
            if failures >= self._policy.attempts or self._stop.is_set():
                return attempt.error
            with self._lock:
                self.retries += 1
            self._wait(self._policy.pause(failures - 1, attempt.asked, self._random()))
            if self._stop.is_set():
                return attempt.error

    def _hopeless(self) -> bool:
        """Whether everything so far was refused: then it isn't the events' fault, and halving would only ask again and again."""
        return self.refused >= _ENOUGH_REFUSED and not self._successes


def _reason(error: RemoteError) -> str:
    text = error.body.get("message") if isinstance(error.body, dict) else None
    return f"Metronome refused it: {text or error}"
