"""The run of ``emit``: rows are read and judged one by one, sent in batches, and settled in their order.

Memory is bounded by what is in flight, whatever the length of the source. Nothing here prints: progress is told to a callback.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Final

from nova_iac import moment
from nova_iac.errors import RemoteError
from nova_iac.usage.checkpoint import Checkpoint
from nova_iac.usage.event import MOST_EVENTS, Exact, encode, instant
from nova_iac.usage.judge import SUMMARIES, Judge, Unknown
from nova_iac.usage.rejects import Reject, RejectedFile
from nova_iac.usage.sender import Delivery, Pacer, Ready, Sender
from nova_iac.usage.sources import Position, Row, Source

SAMPLE: Final = 20
"""How many sent events are kept for ``--verify``."""
_LARGEST_BATCH: Final = 1 << 18
_REASONS: Final = 9
OTHER_REASONS: Final = "other reasons; the rejected file has them all"
_BATCHES_AHEAD: Final = 3  # per thread
_SAVED_EVERY: Final = 1.0  # seconds


@dataclass(slots=True)
class Tally:
    """What a run has come to so far. skipped are rows that a checkpoint knows; rejected includes those of the run it resumes."""

    sent: int = 0
    skipped: int = 0
    rejected: int = 0
    warned: int = 0
    offset: int = 0
    line: int = 0
    retries: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    examples: list[Reject] = field(default_factory=list)
    complete: bool = False
    error: RemoteError | None = None


@dataclass(slots=True)
class Batch:
    """Some rows of the source, in order: those to send, those that aren't, and where the source stood after them."""

    ready: list[Ready]
    rejected: list[Reject]
    end: Position


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run's checkpoint goes, and with what it starts."""

    path: Path
    source: Path
    checkpoint: Checkpoint


class Intake:
    """Turns rows into batches of events that are to be sent.

    :param sampled: keep a sample of them.
    """

    def __init__(
        self,
        source: Source,
        judge: Judge,
        unknown: Unknown,
        clock: Callable[[], datetime],
        tally: Tally,
        *,
        sampled: bool = False,
    ) -> None:
        self._source = source
        self._judge = judge
        self._unknown = unknown
        self._clock = clock
        self._tally = tally
        self._sampled = sampled
        self._open = Batch([], [], source.position)
        self._size = 0
        self.sample: list[Ready] = []
        self._random = Random(0)
        self._count = 0

    def batches(self) -> Iterator[Batch]:
        """All batches of the source."""
        for row in self._source:
            self.take(row)
            batch = self._open
            if len(batch.ready) >= MOST_EVENTS or self._size > _LARGEST_BATCH or len(batch.rejected) >= MOST_EVENTS:
                yield self.cut()
        if not self.is_empty:
            yield self.cut()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for a batch to be full."""
        return not (self._open.ready or self._open.rejected)

    def cut(self) -> Batch:
        """What was taken so far, as a batch."""
        batch, self._open, self._size = self._open, Batch([], [], self._source.position), 0
        batch.end = self._source.position
        self._judge.look_at_clock(self._clock())
        if self._sampled:
            self._keep_some(batch.ready)
        return batch

    def take(self, row: Row) -> None:
        """Judge one row."""
        event = row.event
        if event is None or row.problem is not None:
            self._reject(row, row.problem or "no event")
            return
        payload = None
        try:
            at = instant(event.timestamp)
            if isinstance(event, Exact):
                payload = row.raw
        except ValueError:
            try:
                event.timestamp = moment.canonical(event.timestamp)
                at = instant(event.timestamp)
            except ValueError as problem:
                self._reject(row, f"timestamp: {problem}")
                return
        if found := self._judge.findings(event, at):
            unknown = self._unknown
            stopped = [one.reason for one in found if not one.lets_through(unknown)]
            if stopped:
                self._reject(row, "; ".join(dict.fromkeys(stopped)))
                return
            if unknown is Unknown.WARN:
                self._tally.warned += 1
                for one in found:
                    count_reason(self._tally.warnings, one.reason, SUMMARIES[one.fault])
        if payload is None:
            payload = encode(event)
        self._size += len(payload)
        self._open.ready.append(Ready(row.line, payload, row.raw, event))

    def _reject(self, row: Row, reason: str) -> None:
        self._open.rejected.append(Reject(row.line, reason, row.source, row.event))

    def _keep_some(self, ready: Sequence[Ready]) -> None:
        """A sample of all events, each as likely as any other."""
        for one in ready:
            self._count += 1
            if len(self.sample) < SAMPLE:
                self.sample.append(one)
            elif (place := self._random.randrange(self._count)) < SAMPLE:
                self.sample[place] = one


class Emission:
    """Sends what an intake gives. Everything before a batch that failed is settled; what comes after it isn't.

    :param stop: set by Ctrl-C; what is in flight ends, and what is settled is saved.
    :param announce: called before something is sent for the first time.
    :param tell: called whenever something was settled.
    """

    def __init__(
        self,
        intake: Intake,
        sender: Sender,
        tally: Tally,
        *,
        stop: threading.Event,
        concurrency: int,
        pacer: Pacer,
        rejected: RejectedFile | None = None,
        progress: Progress | None = None,
        announce: Callable[[], None] = lambda: None,
        tell: Callable[[Tally], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
        save_every: float = _SAVED_EVERY,
    ) -> None:
        self._intake = intake
        self._sender = sender
        self._tally = tally
        self._stop = stop
        self._pacer = pacer
        self._rejected = rejected
        self._progress = progress
        self._announce = announce
        self._tell = tell
        self._monotonic = monotonic
        self._save_every = save_every
        self._concurrency = concurrency
        self._pending: deque[tuple[Batch, Future[Delivery] | None]] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._begun = False
        self._unbroken = True
        self._settled = Position() if progress is None else progress.checkpoint.position
        self._saved_at = monotonic()
        self._unsaved = False

    def run(self) -> None:
        """Send everything, or as much as can be; the tally says how far that came."""
        if self._rejected is not None:
            self._rejected.start()
        try:
            with ThreadPoolExecutor(self._concurrency, thread_name_prefix="emit") as self._pool:
                for batch in self._intake.batches():
                    self._submit(batch)
                    if self._ending:
                        break
                while self._pending:
                    self._settle_first()
            self._tally.complete = self._unbroken and not self._stop.is_set()
        finally:
            self._tally.retries = self._sender.retries
            try:
                self._save()
            finally:
                if self._rejected is not None:
                    self._rejected.close()

    def idle(self) -> bool:
        """The source is quiet: send what there is, settle what is done. Whether to wait on."""
        if not self._intake.is_empty:
            self._submit(self._intake.cut())
        self._settle_done()
        return not self._ending

    @property
    def _ending(self) -> bool:
        return self._stop.is_set() or not self._unbroken

    def _submit(self, batch: Batch) -> None:
        if delay := self._pacer.delay(len(batch.ready)):
            self._stop.wait(delay)
        if self._ending:  # what a stream gives then may be half of a line
            return
        assert self._pool is not None
        if batch.ready and not self._begun:
            self._begun = True
            self._announce()
        self._pending.append((batch, self._pool.submit(self._sender.deliver, batch.ready) if batch.ready else None))
        while len(self._pending) >= self._concurrency * _BATCHES_AHEAD:
            self._settle_first()
        self._settle_done()

    def _settle_done(self) -> None:
        while self._pending and ((future := self._pending[0][1]) is None or future.done()):
            self._settle_first()

    def _settle_first(self) -> None:
        batch, future = self._pending.popleft()
        delivery = Delivery() if future is None else future.result()
        tally = self._tally
        tally.sent += delivery.sent
        tally.error = tally.error or delivery.error
        if delivery.unsent:
            self._unbroken = False
        if not self._unbroken:
            return
        self._write_down(sorted([*batch.rejected, *delivery.rejected], key=lambda one: one.line))
        self._settled, self._unsaved = batch.end, True
        tally.offset, tally.line = batch.end.offset, batch.end.line
        if self._monotonic() - self._saved_at >= self._save_every:
            self._save()
        self._tell(tally)

    def _write_down(self, rejects: Sequence[Reject]) -> None:
        tally = self._tally
        tally.rejected += len(rejects)
        for one in rejects:
            count_reason(tally.reasons, one.reason)
        tally.examples += rejects[: max(0, SAMPLE - len(tally.examples))]
        if rejects and self._rejected is not None:
            self._rejected.add(rejects)

    def _save(self) -> None:
        progress = self._progress
        if progress is None or not (self._unsaved or self._tally.complete):
            return
        rejected_bytes, mark = (0, "") if self._rejected is None else self._rejected.sync()
        start, tally = progress.checkpoint, self._tally
        Checkpoint(
            start.target,
            start.reading,
            self._settled,
            sent=start.sent + tally.sent,
            rejected=tally.rejected,
            rejected_bytes=rejected_bytes,
            rejected_fingerprint=mark,
            complete=tally.complete,
        ).save(progress.path, progress.source)
        self._saved_at, self._unsaved = self._monotonic(), False


def count_reason(reasons: Counter[str], reason: str, otherwise: str = OTHER_REASONS) -> None:
    """Count a reason; only so many different ones are told apart."""
    reasons[reason if reason in reasons or len(reasons) < _REASONS else otherwise] += 1
