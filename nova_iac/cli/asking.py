"""Asks the account what a customer used and what that costs, and shows the answer."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import click

from nova_iac import moment
from nova_iac.cli.options import require_text
from nova_iac.cli.output import json_text, style_for
from nova_iac.cli.session import Session, now, open_session
from nova_iac.errors import UsageProblem
from nova_iac.resource import Address
from nova_iac.usage import customers
from nova_iac.usage.agreed import Agreed
from nova_iac.usage.queries import day_of, usage
from nova_iac.usage.statements import invoices


def agreed_in(session: Session) -> Agreed:
    """What the spec agrees, with the ids that the lockfile records.

    :raises SpecError: with every problem of the spec.
    """
    folded = session.folded()
    ids = {} if folded is None else {address: entry.id or "" for address, entry in folded.lockfile.resources.items()}
    return Agreed(session.graph(destroy=False), ids)


def show_usage(
    ctx: click.Context,
    customer: str,
    output: str,
    *,
    since: str | None = None,
    until: str | None = None,
    metric: str | None = None,
    group_by: str | None = None,
) -> None:
    """A customer's usage on stdout."""
    from nova_iac.render.usage import usage_text

    require_text(customer, metric or "", group_by or "")
    session = open_session(ctx)
    start, end = _days(since, until)
    agreed = agreed_in(session)
    keys = None if group_by is None else [name.strip() for name in group_by.split(",") if name.strip()]
    with session.client() as client:
        found = customers.find(client, agreed, customer)
        used = usage(client, found.id, start, end, metric=_metric_id(agreed, metric), group_by=keys)
    if output == "json":
        who = {"environment": session.environment.name, "customer": {"id": found.id, "name": found.name}}
        click.echo(json_text({**who, **used.as_data()}))
        return
    style = style_for(sys.stdout, no_color=session.settings.no_color)
    click.echo(usage_text(used, found.name, style, running=end > now()), nl=False, color=True)


def show_invoices(ctx: click.Context, customer: str, status: str | None, everything: bool, output: str) -> None:
    """A customer's invoices on stdout."""
    from nova_iac.render.usage import invoices_text

    require_text(customer)
    session = open_session(ctx)
    agreed = agreed_in(session)
    with session.client() as client:
        found = customers.find(client, agreed, customer)
        listed = list(invoices(client, found.id, status=status.upper() if status else None))
    chosen = everything or status is not None
    shown = [one for one in listed if chosen or one.status == "DRAFT" or (one.status == "FINALIZED" and one.total.amount)]
    if output == "json":
        document = {
            "environment": session.environment.name,
            "customer": {"id": found.id, "name": found.name},
            "invoices": [one.as_data() for one in shown],
        }
        click.echo(json_text(document))
        return
    style = style_for(sys.stdout, no_color=session.settings.no_color)
    click.echo(invoices_text(shown, found.name, style, hidden=len(listed) - len(shown)), nl=False, color=True)


def _days(since: str | None, until: str | None) -> tuple[datetime, datetime]:
    """The window: whole UTC days, both named ones inclusive; today where none is named."""
    today, tomorrow = day_of(now())
    start, last = _day("--from", since) or today, _day("--to", until)
    end = tomorrow if last is None else last + timedelta(days=1)
    if start >= end:
        raise UsageProblem(f"--from {start:%Y-%m-%d} is after --to {end - timedelta(days=1):%Y-%m-%d}.")
    return start, end


def _day(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        parsed = moment.parse(text)
    except moment.MomentError as problem:
        raise UsageProblem(f"{option}: {problem}") from None
    if parsed != day_of(parsed)[0]:
        raise UsageProblem(f"{option}: {text} is not a UTC day; Metronome reports usage by days: write {parsed:%Y-%m-%d}.")
    return parsed


def _metric_id(agreed: Agreed, metric: str | None) -> str | None:
    """The id behind a metric's key; what is no key is left for the account to know."""
    if metric is None:
        return None
    address = next((one for one in agreed.metrics if metric in (one.keys[0], one)), None)
    return agreed.id(address) or metric if isinstance(address, Address) else metric
