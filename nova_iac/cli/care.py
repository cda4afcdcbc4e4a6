"""What the state commands do, but for rebuild. Offline: the lockfile is all that they read and write."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import click

from nova_iac.cli.recording import Recording, ask
from nova_iac.cli.session import Session, open_session
from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import UsageProblem
from nova_iac.kinds import KINDS
from nova_iac.plan.moved import apply_moves
from nova_iac.render.yaml import Block, text
from nova_iac.resource import Address, AddressError, AddressPattern
from nova_iac.state.lockfile import LockEntry
from nova_iac.state.mutex import unlock


def list_recorded(ctx: click.Context, pattern: str | None, *, ids: bool) -> None:
    """The recorded addresses that a pattern names, sorted."""
    session = open_session(ctx)
    recorded = _recorded(session)
    for address in _matching(recorded, [pattern]) if pattern else sorted(recorded):
        click.echo(f"{address}\t{recorded[address].id or '-'}" if ids else address)


def show_recorded(ctx: click.Context, what: str, output: str) -> None:
    """One entry.

    :raises UsageProblem: nothing is recorded under the address.
    """
    session = open_session(ctx)
    recorded = _recorded(session)
    address = _address(what)
    if address not in recorded:
        raise UsageProblem(_unknown(what, recorded))
    data = {name: part for name, part in recorded[address].as_data().items() if part not in ([], {})}
    if output == "json":
        click.echo(json.dumps({address: data}, indent=2, ensure_ascii=False))
        return
    shown = Block({name: data[name] for name in ("id", "in_use", "superseded", "depends_on", "lifecycle") if name in data})
    shown["attributes"] = Block(data.get("attributes", {}))
    click.echo(text(Block({address: shown})), nl=False)


def move(ctx: click.Context, old_text: str, new_text: str) -> None:
    """Record a resource under another address.

    :raises UsageProblem: it can't be.
    """
    session = open_session(ctx)
    old, new = _address(old_text), _address(new_text)
    with Recording(session, "state mv") as recording:
        before = recording.lockfile
        _check_move(old, new, before.resources)
        after, _, _ = apply_moves(ResourceGraph(MappingProxyType({}), moved={old: new}), before, KINDS)
        if len(after.resources) < len(before.resources):
            taken = sorted(after.resources.keys() & before.resources.keys() - {old})
            raise UsageProblem(f"what is nested under {new} is recorded already: {', '.join(taken[:5])}.")
        recording.save(after.resources)
    moved = len(before.resources.keys() - after.resources.keys())
    along = f", with {moved - 1} more that belong to it" if moved > 1 else ""
    click.echo(f"{old} is recorded as {new} now{along}.")
    _advise(session, [old], "declares {}; change its key, too: the next apply would make it anew.")
    if new not in session.spec.blocks and old not in session.spec.blocks:
        click.echo(f"{session.spec.path} doesn't declare {new}: the next apply would archive it.", err=True)


def _check_move(old: Address, new: Address, recorded: Mapping[Address, LockEntry]) -> None:
    if old not in recorded:
        raise UsageProblem(_unknown(old, recorded))
    kind = KINDS[old.kind]
    if new.kind != old.kind or len(new.keys) != len(old.keys) or new.selector:
        raise UsageProblem(f"{old} can't become {new}: both are addresses of one kind.")
    if kind.appends:
        raise UsageProblem(
            f"{old} is named after what it belongs to: move {KINDS[kind.parent or ''].name}.{old.keys[0]} instead."
        )
    if kind.parent and new.keys[0] != old.keys[0]:
        raise UsageProblem(f"{old} can't become {new}: an object stays with its {kind.parent.replace('_', ' ')}.")
    if new in recorded:
        raise UsageProblem(f"{new} is recorded already, as {recorded[new].id}.")


def forget(ctx: click.Context, patterns: Iterable[str], *, yes: bool) -> None:
    """Drop entries, and those nested under them.

    :raises UsageProblem: a pattern names nothing, or it wasn't confirmed.
    """
    session = open_session(ctx)
    with Recording(session, "state forget") as recording:
        recorded = recording.lockfile.resources
        named = set(_matching(recorded, patterns))
        gone = {address for address in recorded if address in named or _parent(address) in named}
        click.echo("Dropped from the record, while the objects live on. What brings each one back:")
        show_ways_back({address: recorded[address] for address in gone})
        ask(session, yes)
        recording.save({address: entry for address, entry in recorded.items() if address not in gone})
    click.echo(f"Forgot {len(gone)} {'resource' if len(gone) == 1 else 'resources'}.")
    users = sorted({a for a, entry in recorded.items() if a not in gone and any(other in gone for other in entry.depends_on)})
    if users:
        click.echo(f"Still recorded, and referring to what was forgotten: {', '.join(users)}.", err=True)
    _advise(session, sorted(gone), "still declares {}: the next apply would make it anew.")


def show_ways_back(entries: Mapping[Address, LockEntry]) -> None:
    """The command that takes each object back under its address, in an order in which they can be run."""
    order = list(KINDS)
    told: set[str] = set()
    for address in sorted(entries, key=lambda one: (order.index(one.kind), one)):
        ident = entries[address].id
        line = f"nova-iac import {address} {ident}" if ident else f"{address.head} comes back with its {_words(address)}"
        if line not in told:
            click.echo(f"  {line}")
            told.add(line)


def free_lock(ctx: click.Context, lock_id: str) -> None:
    """Free a lock whose holder can't be seen to be dead.

    :raises LockfileError: there is no such lock, or its holder is alive on this machine.
    """
    session = open_session(ctx)
    holder = unlock(session.paths.mutex, lock_id)
    click.echo(
        f"Freed lock {lock_id}: {holder.operation} by {holder.user} on {holder.host}, pid {holder.pid}, since {holder.since}."
    )


def _recorded(session: Session) -> Mapping[Address, LockEntry]:
    folded = session.folded()
    if folded is None:
        click.echo(f"Nothing is recorded: there is no {session.paths.lockfile}.", err=True)
        return {}
    return folded.lockfile.resources


def _matching(recorded: Mapping[Address, LockEntry], patterns: Iterable[str]) -> list[Address]:
    found: set[Address] = set()
    for written in patterns:
        pattern = AddressPattern(written)
        matching = {address for address in recorded if pattern.matches(address)}
        if not matching:
            raise UsageProblem(_unknown(written, recorded))
        found |= matching
    return sorted(found)


def _address(written: str) -> Address:
    try:
        address = Address.parse(written)
    except AddressError as problem:
        raise UsageProblem(f"{problem}.") from None
    if address.kind not in KINDS:
        raise UsageProblem(f"{address}: there is no kind {address.kind}; the kinds are {', '.join(KINDS)}.")
    return address


def _unknown(what: str, recorded: Mapping[Address, LockEntry]) -> str:
    near = difflib.get_close_matches(what, recorded, n=3)
    return f"{what} is not recorded." + (f" Did you mean {', '.join(near)}?" if near else "")


def _parent(address: Address) -> Address | None:
    kind = KINDS[address.kind]
    return Address.of(kind.parent, address.keys[0]) if kind.parent else None


def _words(address: Address) -> str:
    return (KINDS[address.kind].parent or "").replace("_", " ")


def _advise(session: Session, addresses: Iterable[Address], words: str) -> None:
    """What the spec still says of addresses that the lockfile no longer has."""
    declared = [address for address in dict.fromkeys(Address(one.head) for one in addresses) if address in session.spec.blocks]
    if declared:
        names = ", ".join(declared[:5]) + (f" and {len(declared) - 5} more" if len(declared) > 5 else "")
        click.echo(f"{session.spec.path} {words.format(names)}", err=True)
