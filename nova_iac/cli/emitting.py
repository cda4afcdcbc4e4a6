"""A run of emit from its options to its exit code."""

from __future__ import annotations

import contextlib
import gc
import json
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
from nova_iac.cli.output import style_for
from nova_iac.cli.session import Session, now, open_session
from nova_iac.errors import UsageProblem
from nova_iac.render.emit import estimate_text, progress_text, reasons_text, summary_line, verified_text
from nova_iac.render.emit import per_second as rate_of
from nova_iac.render.style import Style
from nova_iac.usage import sender
from nova_iac.usage.agreed import Agreed
from nova_iac.usage.emission import Emission, Intake, Tally
from nova_iac.usage.estimate import Estimate
from nova_iac.usage.event import instant
from nova_iac.usage.judge import Judge
from nova_iac.usage.rejects import RejectedFile
from nova_iac.usage.sender import INGEST, Pacer, Sender
from nova_iac.usage.verify import Verified, verify

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
        try:
            if options["dry_run"]:
                with _interruptible(stop):
                    return _dry_run(session, agreed, intake, tally, stop, options["output"])
            with session.client(options["concurrency"]) as client:
                began = time.monotonic()
                teller = _Teller(given.size, style)
                emission = Emission(
                    intake,
                    Sender(client.poster(INGEST), stop=stop, concurrency=options["concurrency"], policy=sender.PATIENCE),
                    tally,
                    stop=stop,
                    concurrency=options["concurrency"],
                    pacer=Pacer(options["rate"]),
                    rejected=None if given.rejected is None else RejectedFile(given.rejected, given.rejected_bytes),
                    progress=given.progress,
                    tell=teller.tell,
                )
                held.append(emission)
                with _interruptible(stop) as interrupted:
                    emission.run()
                seconds = time.monotonic() - began
                teller.clear()
                verified = []
                if options["verify"] and intake.sample and not stop.is_set():
                    events = [one.event for one in intake.sample]
                    verified = verify(client, events, agreed, judge, wait=time.sleep)
        except OSError as problem:
            raise UsageProblem(f"{given.name} can't be read: {problem.strerror or problem}") from problem
        _report(session, given, tally, seconds, verified, options["output"], style)
        return _exit_code(tally, interrupted[0], verified)


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


def _dry_run(session: Session, agreed: Agreed, intake: Intake, tally: Tally, stop: threading.Event, output: str) -> int:
    estimate = Estimate(agreed)
    for batch in intake.batches():
        for one in batch.ready:
            estimate.add(one.event, instant(one.event.timestamp))
        tally.rejected += len(batch.rejected)
        tally.reasons.update(one.reason for one in batch.rejected)
        if stop.is_set():
            return 130
    invoices = estimate.invoices()
    if output == "json":
        document = {
            "environment": session.environment.name,
            "dry_run": True,
            "events": estimate.events,
            "rejected": tally.rejected,
            "reasons": dict(tally.reasons),
            "warnings": dict(tally.warnings),
            "not_priced": dict(estimate.not_priced),
            "invoices": [one.as_data() for one in invoices],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        style = style_for(sys.stderr, no_color=session.settings.no_color)
        _tell_reasons(tally, style, "Would be rejected:", "Would be sent with a warning:")
        if tally.reasons or tally.warnings:
            click.echo(err=True)
        style = style_for(sys.stdout, no_color=session.settings.no_color)
        click.echo(estimate_text(invoices, estimate.events, estimate.not_priced, style), nl=False, color=True)
    return 0 if not tally.rejected else 3 if estimate.events else 1


def _report(
    session: Session, given: Input, tally: Tally, seconds: float, verified: list[Verified], output: str, style: Style
) -> None:
    """What a run came to: the result on stdout, everything else on stderr."""
    if tally.error is not None:
        again = "Run it again with --resume to go on." if given.progress else "Run it again: what was sent isn't billed twice."
        click.echo(f"{style.paint('Error:', 'red')} {tally.error}. {again}", err=True, color=True)
    _tell_reasons(tally, style, "Rejected, not sent:", "Sent, but look at these:")
    if given.rejected is not None and tally.rejected:
        click.echo(f"The rejected events are in {given.rejected}.", err=True)
    if output == "json":
        document = {
            "environment": session.environment.name,
            "complete": tally.complete,
            "sent": tally.sent,
            "skipped": tally.skipped,
            "rejected": tally.rejected,
            "warned": tally.warned,
            "retries": tally.retries,
            "events_per_second": rate_of(tally, seconds),
            "reasons": dict(tally.reasons),
            "warnings": dict(tally.warnings),
            "transaction_id": given.transaction_id,
            "rejected_file": str(given.rejected) if given.rejected is not None and tally.rejected else None,
            "checkpoint": str(given.progress.path) if given.progress else None,
            "error": None if tally.error is None else str(tally.error),
            "verified": [one.as_data() for one in verified],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    out = style_for(sys.stdout, no_color=session.settings.no_color)
    if verified:
        click.echo(verified_text(verified, out), nl=False, color=True)
    if given.transaction_id is not None and tally.sent:
        click.echo(f"transaction_id: {given.transaction_id}")
    click.echo(summary_line(tally, seconds, out), color=True)


def _tell_reasons(tally: Tally, style: Style, rejected: str, warned: str) -> None:
    for title, reasons, color in ((rejected, tally.reasons, "red"), (warned, tally.warnings, "yellow")):
        if reasons:
            click.echo(reasons_text(title, reasons, style, color), err=True, color=True)


def _exit_code(tally: Tally, signal_number: int, verified: list[Verified]) -> int:
    if signal_number:
        return 143 if signal_number == signal.SIGTERM else 130
    if tally.rejected or tally.error is not None:
        return 3 if tally.sent or tally.skipped else 1
    return 1 if any(one.problem for one in verified) else 0


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
        if self._terminal:
            click.echo(f"\r\x1b[K{text}", err=True, nl=False, color=True)
            self._open = True
        else:
            click.echo(text, err=True)

    def clear(self) -> None:
        """Take the line away again."""
        if self._open:
            click.echo("\r\x1b[K", err=True, nl=False, color=True)
            self._open = False


@contextlib.contextmanager
def _interruptible(stop: threading.Event) -> Iterator[list[int]]:
    """The first Ctrl-C (or SIGTERM) finishes the batches in flight; a second one leaves at once. Gives the signal, 0 if none."""
    caught = [0]

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os.write(sys.stderr.fileno(), b"\nLeaving at once. What was sent isn't billed twice.\n")
            os._exit(130)
        caught[0] = number
        stop.set()
        with contextlib.suppress(OSError, ValueError):
            os.write(sys.stderr.fileno(), b"\nInterrupted. Finishing the batches in flight; once more to leave at once.\n")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
