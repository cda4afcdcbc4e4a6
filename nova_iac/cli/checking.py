"""Asks the account one small thing, and says what the answer means."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import urlsplit

import click

from nova_iac.cli import session as sessions
from nova_iac.cli.output import json_text, style_for
from nova_iac.cli.session import Session, open_session
from nova_iac.errors import RemoteError, Unavailable
from nova_iac.render.diagnostics import visible
from nova_iac.usage import customers
from nova_iac.usage.customers import RemoteCustomer

_ATTEMPTS = 3  # somebody sits there and waits


def check(ctx: click.Context, output: str) -> int:
    """Tell whether the environment's token is good; the exit code."""
    session = open_session(ctx)
    retry = replace(sessions.RETRY, attempts=min(_ATTEMPTS, sessions.RETRY.attempts))

    def wait(seconds: float) -> None:
        click.echo(f"No good answer from {session.base_url} yet; asking again.", err=True)
        time.sleep(seconds)

    found: RemoteCustomer | None = None
    error: RemoteError | None = None
    try:
        with session.client(retry=retry, sleep=wait) as client:
            found = customers.first(client)
    except RemoteError as problem:
        error = problem
    if output == "json":
        click.echo(json_text(_data(session, found, error)))
    else:
        _tell(session, found, error)
    return 0 if error is None else 1


def _tell(session: Session, found: RemoteCustomer | None, error: RemoteError | None) -> None:
    environment = session.environment
    style = style_for(sys.stdout if error is None else sys.stderr, no_color=session.settings.no_color)
    if error is not None:
        click.echo(f"{style.paint('✗', 'red')} {environment.name}: {visible(str(error))}", err=True, color=True)
        click.echo(_advice(session, error), err=True)
        return
    what = "the embedded emulator answers" if environment.emulator else f"the token in {environment.token_env} is good"
    first = "There is no customer yet." if found is None else f"First customer: {visible(found.name)}"
    click.echo(f"{style.paint('✓', 'green')} {environment.name}: {what}. {first}", color=True)


def _data(session: Session, found: RemoteCustomer | None, error: RemoteError | None) -> dict[str, object]:
    return {
        "environment": session.environment.name,
        "base_url": None if session.environment.emulator else session.base_url,
        "good": error is None,
        "first_customer": None if found is None else {"id": found.id, "name": found.name},
        "status": None if error is None else error.status,
        "error": None if error is None else str(error),
        "advice": None if error is None else _advice(session, error),
    }


def _advice(session: Session, error: RemoteError) -> str:
    environment = session.environment
    if error.status in (401, 403):
        return (
            f"Set {environment.token_env} to an API token of this account, in the process environment or in "
            f"{session.paths.lockfile.parent / '.env'}. Metronome's app makes one under Connections, API tokens & webhooks."
        )
    if not isinstance(error, Unavailable):
        return f"Is {session.base_url} Metronome's API? `base_url:` of environment {environment.name} decides that."
    if error.status is None and _is_here(session.base_url):
        return f"Does something listen at {session.base_url}? `nova-iac emulator serve` does, until it is stopped."
    return "Look at https://status.metronome.com, at the network and the proxy settings, and try again."


def _is_here(url: str) -> bool:
    """Whether it is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
