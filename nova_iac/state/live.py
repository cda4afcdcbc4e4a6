"""Reads the live state of what is recorded, in the fewest calls, and looks for twins of what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nova_iac.desired.graph import ResourceGraph
from nova_iac.kinds.base import Kind, Wanted
from nova_iac.kinds.lookup import Names
from nova_iac.plan.change import PlanOptions
from nova_iac.plan.inputs import LiveState
from nova_iac.plan.moved import apply_moves
from nova_iac.plan.planner import addresses_in_scope
from nova_iac.remote import REQUESTS_PER_SECOND, Client
from nova_iac.resource import Address, RemoteObject
from nova_iac.state.lockfile import Lockfile


@dataclass(frozen=True, slots=True)
class Reading:
    """What a refresh will ask for: recorded resources by kind, and unrecorded ones to look for."""

    lockfile: Lockfile
    recorded: Mapping[str, list[Wanted]]
    unrecorded: Mapping[str, list[Wanted]]

    def seconds(self, kinds: Mapping[str, Kind]) -> float:
        """About how long the refresh takes at the rate that Metronome was seen to allow."""
        return sum(kinds[name].reads(wanted) for name, wanted in self.recorded.items()) / REQUESTS_PER_SECOND


def plan_reading(graph: ResourceGraph, lockfile: Lockfile, kinds: Mapping[str, Kind], options: PlanOptions) -> Reading:
    """Which objects a plan needs to see: those in scope, and what refers to them (a replacement moves it)."""
    lockfile, _, _ = apply_moves(graph, lockfile, kinds)
    scope = dict.fromkeys(addresses_in_scope(graph, lockfile, kinds, options))
    if options.targets or options.excludes:
        users = [
            address
            for address, entry in lockfile.resources.items()
            if address in graph.resources and any(other in scope for other in entry.depends_on)
        ]
        scope |= dict.fromkeys(users)
    return _reading(graph, lockfile, kinds, scope)


def reading_of(graph: ResourceGraph, lockfile: Lockfile, kinds: Mapping[str, Kind], addresses: Iterable[Address]) -> Reading:
    """What must be read to see the recorded ones among some addresses."""
    lockfile, _, _ = apply_moves(graph, lockfile, kinds)
    return _reading(graph, lockfile, kinds, [address for address in addresses if address in lockfile.resources])


def _reading(graph: ResourceGraph, lockfile: Lockfile, kinds: Mapping[str, Kind], addresses: Iterable[Address]) -> Reading:
    recorded: dict[str, list[Wanted]] = {}
    unrecorded: dict[str, list[Wanted]] = {}
    for address in addresses:
        kind = kinds[address.kind]
        entry, resource = lockfile.resources.get(address), graph.resources.get(address)
        wanted = Wanted(
            address,
            None if entry is None else entry.id,
            None if entry is None else entry.attributes,
            None if resource is None else resource.attributes,
        )
        if entry is not None or (kind.appends and Address.of(kind.parent or "", address.keys[0]) in lockfile.resources):
            recorded.setdefault(kind.name, []).append(wanted)
        else:
            unrecorded.setdefault(kind.name, []).append(wanted)
    return Reading(lockfile, recorded, unrecorded)


def read_live(
    reading: Reading, kinds: Mapping[str, Kind], client: Client, adopting: Callable[[Address, Sequence[RemoteObject]], str | None]
) -> LiveState:
    """The live state. Changes nothing.

    :param adopting: which id an unrecorded address takes over of those that were found for it, None for none. What refers to it
        is looked for by that id.
    :raises RemoteError: a read failed for good.
    """
    ids = {address: entry.id for address, entry in reading.lockfile.resources.items() if entry.id}
    names = Names(ids)

    def recorded(name: str) -> Mapping[Address, RemoteObject]:
        return kinds[name].read(reading.recorded[name], client, names)

    objects = {address: one for part in client.map(recorded, reading.recorded) for address, one in part.items()}
    asked = {item.address for wanted in reading.recorded.values() for item in wanted}
    found: dict[Address, Sequence[RemoteObject]] = {}
    holders: dict[Address, Sequence[RemoteObject]] = {}
    for name, kind in kinds.items():
        if gaining := _gaining(kind, reading.recorded.get(name, ()), objects):
            holders |= kind.find(gaining, client, names)
        wanted = reading.unrecorded.get(name, ())
        if kind.appends:
            # Nothing is looked for under a parent that is neither recorded nor taken over.
            wanted = [item for item in wanted if Address.of(kind.parent or "", item.address.keys[0]) in ids]
            objects |= kind.read(wanted, client, names) if wanted else {}
            asked |= {item.address for item in wanted}
        elif wanted:
            for address, candidates in kind.find(wanted, client, names).items():
                if kind.claims:
                    holders[address] = candidates
                found[address] = tuple(one for one in candidates if one.id not in set(names.ids))
            taken = {item.address: adopting(item.address, found.get(item.address, ())) for item in wanted}
            ids |= {address: remote for address, remote in taken.items() if remote}
            names = Names(ids)
    return LiveState(True, frozenset(asked), objects, found, holders)


def _gaining(kind: Kind, recorded: Sequence[Wanted], objects: Mapping[Address, RemoteObject]) -> list[Wanted]:
    """Recorded resources that want what none of the objects read holds, reduced to that: somebody else may hold it."""
    if not kind.claims:
        return []
    held = {token for item in recorded if item.address in objects for token in kind.claimed(objects[item.address].attributes)}
    gaining = []
    for item in recorded:
        desired = item.desired or {}
        missing = {name: [one for one in desired.get(name) or () if f"{name} {one}" not in held] for name in kind.claims}
        if any(missing.values()):
            gaining.append(replace(item, desired={**desired, **missing}))
    return gaining


def none_adopted(_address: Address, _candidates: Sequence[RemoteObject]) -> str | None:
    """For runs that take nothing over."""
    return None
