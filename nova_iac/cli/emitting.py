"""A run of emit from its options to its exit code."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import click

from nova_iac.cli.asking import agreed_in
from nova_iac.cli.emit_input import Input, read_input
from nova_iac.cli.emit_report import Outcome, again, report, report_estimate
from nova_iac.cli.output import style_for
from nova_iac.cli.session import Session, now, open_session
from nova_iac.errors import RemoteError
from nova_iac.render.emit import progress_text
from nova_iac.render.style import Style
from nova_iac.usage import sender
from nova_iac.usage.agreed import Agreed
from nova_iac.usage.emission import Emission, Intake, Tally, count_reason
from nova_iac.usage.estimate import Estimate
from nova_iac.usage.event import instant
from nova_iac.usage.judge import Judge
from nova_iac.usage.sender import INGEST, Pacer, Sender
from nova_iac.usage.verify import verify

_TOLD_EVERY = 0.1, 10.0  # seconds, on a terminal and in a pipe


def emit(ctx: click.Context, options: Mapping[str, Any]) -> int:
    """Send, or price, what the options name; the exit code."""
    session = open_session(ctx)
    agreed = agreed_in(session)
    style = style_for(sys.stderr, no_color=session.settings.no_color)
    _say_where(session, agreed, style, sends=not options["dry_run"])
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        held: list[Emission] = []
        given = read_input(session, agreed, options, stack, idle=lambda: not stop.is_set() if not held else held[0].idle())
        _collect_garbage_early()
        judge = Judge(agreed, now())
        tally = Tally(skipped=given.skipped, rejected=given.rejected_before)
        intake = Intake(given.source, judge, given.unknown, now, tally, sampled=options["verify"])
        if options["dry_run"]:
            return _dry_run(session, agreed, intake, tally, stop, options["output"])
        client = stack.enter_context(session.client(options["concurrency"]))
        began = time.monotonic()
        teller = _Teller(given.size, style)
        emission = Emission(
            intake,
            Sender(client.poster(INGEST), stop=stop, concurrency=options["concurrency"], policy=sender.PATIENCE),
            tally,
            stop=stop,
            concurrency=options["concurrency"],
            pacer=Pacer(options["rate"]),
            rejected=given.rejected,
            progress=given.progress,
            announce=lambda: _announce(given, options["output"]),
            tell=teller.tell,
        )
        held.append(emission)
        with _interruptible(stop, again(given)) as interrupted:
            emission.run()
        outcome = Outcome(session, given, tally, time.monotonic() - began)
        teller.clear()
        if options["verify"] and intake.sample and not stop.is_set():
            events = [one.event for one in intake.sample]
            try:
                outcome.verified = verify(client, events, agreed, judge, wait=time.sleep, timed=given.timed)
            except RemoteError as problem:
                outcome.doubt = str(problem)
            except (KeyboardInterrupt, SystemExit):
                outcome.doubt = "interrupted"
                report(outcome, options["output"], style)
                raise
        report(outcome, options["output"], style)
        return _exit_code(outcome, interrupted[0])


def _collect_garbage_early() -> None:
    """Requests and their answers refer to each other, bodies and all: thousands of them must not wait for a late collection.

    The spec, which stays, is kept out of it.
    """
    gc.freeze()
    gc.set_threshold(2_000, 10, 10)


def _say_where(session: Session, agreed: Agreed, style: Style, *, sends: bool) -> None:
    environment = session.environment
    click.echo(f"Environment: {environment.name}{' (protected)' if environment.protected else ''}", err=True)
    missing = [address for address in agreed.metrics if not agreed.is_applied(address)]
    if missing and sends:
        words = f"{missing[0]} isn't applied in {environment.name}: a metric doesn't count events that came before it."
        click.echo(f"{style.paint('Warning:', 'yellow')} {words} Run nova-iac apply first.", err=True, color=True)


def _announce(given: Input, output: str) -> None:
    """A single event's id, before it is sent: whoever doesn't get to see the end can send it again under it."""
    if given.transaction_id is not None:
        click.echo(f"transaction_id: {given.transaction_id}", err=output == "json")


def _dry_run(session: Session, agreed: Agreed, intake: Intake, tally: Tally, stop: threading.Event, output: str) -> int:
    estimate = Estimate(agreed)
    with _interruptible(stop, "Nothing was sent.") as interrupted:
        for batch in intake.batches():
            for one in batch.ready:
                estimate.add(one.event, instant(one.event.timestamp))
            tally.rejected += len(batch.rejected)
            for reject in batch.rejected:
                count_reason(tally.reasons, reject.reason)
            if stop.is_set():
                break
    if interrupted[0]:  # a part of it would look like the whole
        return 128 + interrupted[0]
    report_estimate(session, estimate, tally, output)
    return 0 if not tally.rejected else 3 if estimate.events else 1


def _exit_code(outcome: Outcome, signal_number: int) -> int:
    tally = outcome.tally
    if signal_number:
        return 128 + signal_number
    if tally.rejected or tally.error is not None:
        return 3 if tally.sent or tally.skipped else 1
    return 1 if outcome.doubt is not None or any(one.problem for one in outcome.verified) else 0


class _Teller:
    """How far a run is: a line that is written over on a terminal, now and then a line in a pipe."""

    def __init__(self, size: int | None, style: Style) -> None:
        self._size = size
        self._style = style
        self._terminal = sys.stderr.isatty()
        self._began = self._told = time.monotonic()
        self._open = False

    def tell(self, tally: Tally) -> None:
        """Show it, unless it was shown a moment ago."""
        moment = time.monotonic()
        if moment - self._told < _TOLD_EVERY[not self._terminal]:
            return
        self._told = moment
        text = progress_text(tally, moment - self._began, self._size, self._style)
        with contextlib.suppress(OSError):  # a full disk or a lost terminal there is no reason to stop sending
            if self._terminal:
                click.echo(f"\r\x1b[K{text}", err=True, nl=False, color=True)
                self._open = True
            else:
                click.echo(text, err=True)

    def clear(self) -> None:
        """Take the line away again."""
        if self._open:
            with contextlib.suppress(OSError):
                click.echo("\r\x1b[K", err=True, nl=False, color=True)
            self._open = False


@contextlib.contextmanager
def _interruptible(stop: threading.Event, advice: str) -> Iterator[list[int]]:
    """The first Ctrl-C, SIGTERM or hangup finishes the batches in flight; a second one leaves at once.

    Gives the signal, 0 if none.

    :param advice: what is told of what was sent, to whoever leaves at once.
    """
    caught = [0]

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            _shout(f"\nLeaving at once. {advice}\n")
            os._exit(128 + number)
        caught[0] = number
        stop.set()
        _shout("\nInterrupted. Finishing the batches in flight; once more to leave at once.\n")

    numbers = [one for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _shout(text: str) -> None:
    """Write past every buffer; where nobody listens any more, that is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), text.encode("utf-8", "replace"))
