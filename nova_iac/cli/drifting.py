"""Compares the account with the record, asks who changed what differs, and shows it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping

import click

from nova_iac.adopt.audit import Author, authors
from nova_iac.cli.output import style_for
from nova_iac.cli.session import open_session
from nova_iac.cli.show import markdown_budget, show_unresolved, spec_in_repository
from nova_iac.desired.graph import EMPTY
from nova_iac.errors import RemoteError, UsageProblem
from nova_iac.kinds import KINDS
from nova_iac.plan.change import Drift
from nova_iac.render import drift as render
from nova_iac.resource import Address, AddressPattern
from nova_iac.state.live import reading_of
from nova_iac.state.lockfile import LockEntry, Lockfile

_SLOW = 60.0  # seconds from which reading is announced


def show_drift(ctx: click.Context, targets: tuple[str, ...], output: str) -> int:
    """The drift on stdout; 2 if there is any, else 0."""
    budget = markdown_budget() if output == "markdown" else 0
    session = open_session(ctx)
    folded = session.folded()
    show_unresolved(folded)
    lockfile = folded.lockfile if folded else Lockfile("", 0, session.environment.name, session.base_url)
    chosen = _chosen(lockfile.resources, targets)
    if folded is None:
        click.echo(f"Nothing is recorded: there is no {session.paths.lockfile}.", err=True)
    found: list[Drift] = []
    known: dict[Address, Author] = {}
    problem: RemoteError | None = None
    if chosen:
        _announce(reading_of(EMPTY, lockfile, KINDS, chosen).seconds(KINDS))
        with session.client() as client:
            # What the spec says is of no interest here: recorded is compared with live.
            found = session.drift(EMPTY, lockfile, client, chosen)
            known, problem = authors([one.address for one in found], lockfile, KINDS, client)
        if problem is not None:
            click.echo(f"Who changed this can't be told: {problem}", err=True)
    if output == "json":
        click.echo(render.as_json(found, known, lockfile, len(chosen)), nl=False)
    elif output == "markdown":
        path = spec_in_repository(session.settings.file)
        unknown = "" if problem is None else str(problem)
        name = session.environment.name
        markdown = render.as_markdown(found, known, name, len(chosen), spec_path=path, unknown=unknown, budget=budget)
        click.echo(markdown, nl=False)
    else:
        style = style_for(sys.stdout, no_color=session.settings.no_color)
        click.echo(render.as_text(found, known, len(chosen), style), nl=False, color=True)
    return 2 if found else 0


def _announce(seconds: float) -> None:
    if seconds > _SLOW:
        click.echo(
            f"Reading the account takes about {seconds / 60:.0f} minutes at Metronome's rate; --target reads less.", err=True
        )


def _chosen(recorded: Mapping[Address, LockEntry], targets: Iterable[str]) -> list[Address]:
    if not targets:
        return list(recorded)
    named: set[Address] = set()
    for text in targets:
        pattern = AddressPattern(text)
        matching = {address for address in recorded if pattern.matches(address)}
        if not matching:
            near = difflib.get_close_matches(text, recorded, n=3)
            raise UsageProblem(f"--target {text} names nothing recorded." + (f" Did you mean {', '.join(near)}?" if near else ""))
        named |= matching
    return [address for address in recorded if address in named or _parent(address) in named]


def _parent(address: Address) -> Address | None:
    kind = KINDS[address.kind]
    return Address.of(kind.parent, address.keys[0]) if kind.parent else None
