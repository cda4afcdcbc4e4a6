"""``moved:``: a resource whose key changed keeps its object. Only the record moves; nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import PlanError
from nova_iac.kinds.base import Kind
from nova_iac.resource import Address
from nova_iac.state.journal import Effect
from nova_iac.state.lockfile import LockEntry, Lockfile


def apply_moves(
    graph: ResourceGraph, lockfile: Lockfile, kinds: Mapping[str, Kind]
) -> tuple[Lockfile, dict[Address, Effect], list[str]]:
    """The lockfile with moved addresses renamed, the effects that record it, and a note for each move.

    An entry moves when its old address is recorded and no longer declared and its new one is declared and not recorded; what is
    nested under it moves along, and every reference to it follows.
    """
    renames: dict[Address, Address] = {}
    for old, new in graph.moved.items():
        _refuse_other_parent(graph, kinds, old, new)
        if old in lockfile.resources and old not in graph.resources and new not in lockfile.resources:
            renames[old] = new
            for address in lockfile.resources:
                if moved := kinds[address.kind].renamed(address, old, new):
                    renames[address] = moved
    if not renames:
        return lockfile, {}, []
    entries: dict[Address, LockEntry] = {}
    effects: dict[Address, Effect] = {old: Effect(remove=True) for old in renames}
    for address, entry in lockfile.resources.items():
        renamed = replace(
            entry,
            attributes=_renamed(entry.attributes, renames),
            depends_on=tuple(renames.get(other, other) for other in entry.depends_on),
        )
        target = renames.get(address, address)
        entries[target] = renamed
        if target != address or renamed != entry:
            effects[target] = Effect(entry=renamed.as_data())
    notes = [f"{old} has moved to {new}." for old, new in sorted(renames.items())]
    return lockfile.with_resources(entries), effects, notes


def _refuse_other_parent(graph: ResourceGraph, kinds: Mapping[str, Kind], old: Address, new: Address) -> None:
    """A contract stays with its customer: it can only be renamed under it, or along with it."""
    parent = kinds[old.kind].parent
    if parent is None or old.keys[0] == new.keys[0]:
        return
    before, after = Address.of(parent, old.keys[0]), Address.of(parent, new.keys[0])
    if graph.moved.get(before) != after:
        raise PlanError(
            f"moved: {old} can't become {new}: a {old.kind} stays with its {parent}. If the {parent} was renamed, write "
            f"`moved: {{{before}: {after}}}`; what is nested under it moves along."
        )


def _renamed(value: Any, renames: Mapping[Address, Address]) -> Any:
    if isinstance(value, str):
        return renames.get(Address(value), value)
    if isinstance(value, dict):
        return {name: _renamed(part, renames) for name, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, renames) for part in value]
    return value
