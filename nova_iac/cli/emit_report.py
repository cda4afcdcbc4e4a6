"""What a run of emit came to, for people and for programs: the result on stdout, everything else on stderr."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field

import click

from nova_iac.cli.emit_input import Input
from nova_iac.cli.output import json_text, style_for
from nova_iac.cli.session import Session
from nova_iac.errors import RemoteError, Unavailable
from nova_iac.render.emit import estimate_text, per_second, reasons_text, summary_line, verified_text
from nova_iac.render.style import Style
from nova_iac.usage.emission import Tally
from nova_iac.usage.estimate import Estimate
from nova_iac.usage.verify import Verified


@dataclass(slots=True)
class Outcome:
    """A run that has ended. seconds is how long it sent; doubt is why the sample could not be looked up."""

    session: Session
    given: Input
    tally: Tally
    seconds: float
    verified: list[Verified] = field(default_factory=list)
    doubt: str | None = None


def again(given: Input) -> str:
    """How a run that didn't come to its end is repeated without billing anything twice."""
    if given.progress is not None:
        return "Run it again with --resume to go on."
    if given.transaction_id is not None:
        return f"Run it again with --transaction-id {shlex.quote(given.transaction_id)}: then it isn't billed twice."
    return "Run it again: what was sent isn't billed twice."


def report(outcome: Outcome, output: str, style: Style) -> None:
    """Tell what a run came to."""
    given, tally = outcome.given, outcome.tally
    if tally.error is not None:
        click.echo(f"{style.paint('Error:', 'red')} {_sentence(tally.error)} {_advice(tally.error, given)}", err=True, color=True)
    elif not tally.complete:
        click.echo(again(given), err=True)
    _tell_reasons(tally, style, "Rejected, not sent:", "Sent, but look at these:")
    if given.rejected is not None:
        if tally.rejected:
            click.echo(f"The rejected events are in {given.rejected.path}.", err=True)
        elif given.rejected.is_older:
            click.echo(f"{given.rejected.path} is of an earlier run; this one rejected nothing.", err=True)
    if outcome.doubt is not None:
        click.echo(f"{style.paint('Error:', 'red')} what was sent could not be verified: {outcome.doubt}", err=True, color=True)
    if output == "json":
        click.echo(json_text(_data(outcome)))
        return
    out = style_for(sys.stdout, no_color=outcome.session.settings.no_color)
    if outcome.verified:
        click.echo(verified_text(outcome.verified, out), nl=False, color=True)
    click.echo(summary_line(tally, outcome.seconds, out), color=True)


def _data(outcome: Outcome) -> dict[str, object]:
    given, tally = outcome.given, outcome.tally
    return {
        "environment": outcome.session.environment.name,
        "complete": tally.complete,
        "sent": tally.sent,
        "skipped": tally.skipped,
        "rejected": tally.rejected,
        "warned": tally.warned,
        "retries": tally.retries,
        "events_per_second": per_second(tally, outcome.seconds),
        "reasons": dict(tally.reasons),
        "warnings": dict(tally.warnings),
        "transaction_id": given.transaction_id,
        "rejected_file": str(given.rejected.path) if given.rejected is not None and tally.rejected else None,
        "checkpoint": str(given.progress.path) if given.progress else None,
        "error": None if tally.error is None else str(tally.error),
        "verified": [one.as_data() for one in outcome.verified],
        "verify_error": outcome.doubt,
    }


def report_estimate(session: Session, estimate: Estimate, tally: Tally, output: str) -> None:
    """Tell what a dry run came to."""
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
        click.echo(json_text(document))
        return
    style = style_for(sys.stderr, no_color=session.settings.no_color)
    _tell_reasons(tally, style, "Would be rejected:", "Would be sent with a warning:")
    if tally.reasons or tally.warnings:
        click.echo(err=True)
    style = style_for(sys.stdout, no_color=session.settings.no_color)
    click.echo(estimate_text(invoices, estimate.events, estimate.not_priced, style), nl=False, color=True)


def _tell_reasons(tally: Tally, style: Style, rejected: str, warned: str) -> None:
    for title, reasons, color in ((rejected, tally.reasons, "red"), (warned, tally.warnings, "yellow")):
        if reasons:
            click.echo(reasons_text(title, reasons, style, color), err=True, color=True)


def _sentence(error: RemoteError) -> str:
    text = str(error)
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _advice(error: RemoteError, given: Input) -> str:
    """A refusal of the token, the path or the whole run stays one, however often it is repeated."""
    if isinstance(error, Unavailable):
        return again(given)
    words = again(given)
    return f"Put that right first. {words}"
