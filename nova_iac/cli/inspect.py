"""Looks at one thing: a saved plan, or one resource."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable

import click

from nova_iac.cli.options import Settings
from nova_iac.cli.output import style_for
from nova_iac.cli.saved import load_plan
from nova_iac.cli.session import open_session
from nova_iac.errors import UsageProblem
from nova_iac.kinds import KINDS
from nova_iac.plan.document import plan_from_data
from nova_iac.plan.verdict import Case
from nova_iac.resource import Address, AddressError, AddressPattern
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
    """What is declared, recorded and live of an address, or of all that a pattern names.

    :raises UsageProblem: it names nothing known.
    """
    from nova_iac.render.resource import resource_text
    from nova_iac.state.live import none_adopted, read_live, reading_of

    session = open_session(ctx)
    graph = session.graph(destroy=False)
    folded = session.folded()
    lockfile = folded.lockfile if folded else Lockfile("", 0, session.environment.name, session.base_url)
    known = dict.fromkeys([*graph.resources, *lockfile.resources])
    addresses = [address for address in known if AddressPattern(what).matches(address)]
    if not addresses:
        raise UsageProblem(_unknown(what, known))
    objects = {}
    recorded = [address for address in addresses if address in lockfile.resources] if refresh else []
    if recorded:
        with session.client() as client:
            objects = dict(read_live(reading_of(graph, lockfile, KINDS, recorded), KINDS, client, none_adopted).objects)
    style = style_for(sys.stdout, no_color=session.settings.no_color)
    cases = (
        Case(one, KINDS[one.kind], graph.resources.get(one), lockfile.resources.get(one), objects.get(one), one in recorded)
        for one in addresses
    )
    click.echo("\n".join(resource_text(case, style) for case in cases), nl=False, color=True)


def _unknown(what: str, known: Iterable[Address]) -> str:
    """Why nothing is named, and what may have been meant."""
    near = difflib.get_close_matches(what, list(known), n=3)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    try:
        kind = Address.parse(what).kind
    except AddressError as problem:
        return f"{problem}; and there is no file of that name."
    if kind not in KINDS:
        return f"there is no file {what}, and no kind {kind}; the kinds are {', '.join(KINDS)}."
    return f"{what} is neither declared nor recorded.{hint}"
