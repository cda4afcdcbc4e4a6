"""Looks at one thing: a saved plan, or one resource."""

from __future__ import annotations

import difflib
import sys

import click

from nova_iac.cli.options import Settings
from nova_iac.cli.output import style_for
from nova_iac.cli.saved import load_plan
from nova_iac.cli.session import open_session
from nova_iac.errors import UsageProblem
from nova_iac.kinds import KINDS
from nova_iac.plan.document import plan_from_data
from nova_iac.plan.verdict import Case
from nova_iac.resource import Address, AddressError
from nova_iac.state.lockfile import Lockfile


def show_file(ctx: click.Context, path: str) -> None:
    """A saved plan, as plan showed it."""
    from nova_iac.render.terminal import plan_text

    settings = Settings.of(ctx)
    saved = load_plan(path)
    assert saved.document is not None
    plan = plan_from_data(saved.document, settings.file.name)
    style = style_for(sys.stdout, no_color=settings.no_color)
    click.echo(plan_text(plan, style), nl=False, color=True)
    click.echo(f"Digest: {saved.digest}")


def show_resource(ctx: click.Context, what: str, *, refresh: bool) -> None:
    """What is declared, recorded and live of one address.

    :raises UsageProblem: it is no address, or of nothing known.
    """
    from nova_iac.render.resource import resource_text
    from nova_iac.state.live import none_adopted, read_live, reading_of

    session = open_session(ctx)
    graph = session.graph(destroy=False)
    folded = session.folded()
    lockfile = folded.lockfile if folded else Lockfile("", 0, session.environment.name, session.base_url)
    try:
        address = Address.parse(what)
    except AddressError as problem:
        raise UsageProblem(f"{problem}; and there is no file of that name.") from None
    if address.kind not in KINDS:
        raise UsageProblem(f"there is no file {what}, and no kind {address.kind}; the kinds are {', '.join(KINDS)}.")
    if address not in graph.resources and address not in lockfile.resources:
        near = difflib.get_close_matches(address, dict.fromkeys([*graph.resources, *lockfile.resources]), n=3)
        raise UsageProblem(f"{address} is neither declared nor recorded." + (f" Did you mean {', '.join(near)}?" if near else ""))
    live = None
    if refresh and address in lockfile.resources:
        with session.client() as client:
            live = read_live(reading_of(graph, lockfile, KINDS, [address]), KINDS, client, none_adopted).objects.get(address)
    read = refresh and address in lockfile.resources
    case = Case(address, KINDS[address.kind], graph.resources.get(address), lockfile.resources.get(address), live, read)
    style = style_for(sys.stdout, no_color=session.settings.no_color)
    click.echo(resource_text(case, style), nl=False, color=True)
