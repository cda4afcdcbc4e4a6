"""``state rebuild``: the lockfile made again, from what is declared and what the account has.

A declared resource is the live object of equal natural identity: a customer the holder of one of its aliases, a contract the one
of its customer with its start and card, a price the timeline of its tuple, everything else the one object that is equal in all
declared fields. Of several, the one that has nothing besides; of several cards, the one with the declared prices. What still fits
more than once, or is claimed twice, is told and never guessed. An old record decides only between objects that fit, and keeps an
object that was edited since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nova_iac import timeline
from nova_iac.adopt.record import differing, entry_of
from nova_iac.desired.graph import ResourceGraph
from nova_iac.kinds.base import Kind, Wanted
from nova_iac.kinds.lookup import Names
from nova_iac.plan.twins import equal_in_all
from nova_iac.plan.verdict import Case
from nova_iac.remote import Client
from nova_iac.resource import Address, RemoteObject, Resource
from nova_iac.state.lockfile import LockEntry


@dataclass(frozen=True, slots=True)
class Doubt:
    """A resource for which no object was chosen: why, and the ids that it could be."""

    address: Address
    why: str
    ids: Sequence[str]


@dataclass(slots=True)
class Rebuilt:
    """The new entries, what the account doesn't have, what only a person can decide, and what waits for that."""

    entries: dict[Address, LockEntry] = field(default_factory=dict)
    missing: list[Address] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    waiting: list[Address] = field(default_factory=list)
    trusted: dict[Address, list[str]] = field(default_factory=dict)


def rebuild(
    graph: ResourceGraph, old: Mapping[Address, LockEntry], kinds: Mapping[str, Kind], client: Client, now: str
) -> Rebuilt:
    """Entries for all that is declared and can be found. Changes nothing."""
    run = _Rebuilding(graph, old, kinds, client, now)
    for kind in kinds.values():
        todo = {address: resource for address, resource in graph.resources.items() if address.kind == kind.name}
        if kind.appends:
            run.timelines(kind, run.decided(todo))
            continue
        while todo:
            # Objects of one kind can refer to each other: those that are referred to come first.
            ready = {a: one for a, one in todo.items() if not any(other in todo for other in one.depends_on)} or todo
            run.objects(kind, run.decided(ready))
            todo = {address: resource for address, resource in todo.items() if address not in ready}
    return run.out


class _Rebuilding:
    def __init__(
        self, graph: ResourceGraph, old: Mapping[Address, LockEntry], kinds: Mapping[str, Kind], client: Client, now: str
    ) -> None:
        self.graph, self.old, self.kinds, self.client, self.now = graph, old, kinds, client, now
        self.out = Rebuilt()

    @property
    def _names(self) -> Names:
        return Names({address: entry.id for address, entry in self.out.entries.items() if entry.id})

    def decided(self, resources: Mapping[Address, Resource]) -> dict[Address, Resource]:
        """Those whose references are all decided: with a doubt among them nothing can be said of the others."""
        undecided = {doubt.address for doubt in self.out.doubts}.union(self.out.waiting)
        self.out.waiting += [address for address, one in resources.items() if undecided.intersection(one.depends_on)]
        waiting = set(self.out.waiting)
        return {address: resource for address, resource in resources.items() if address not in waiting}

    def objects(self, kind: Kind, resources: Mapping[Address, Resource]) -> None:
        """Match resources of a kind whose references have been looked for."""
        names = self._names
        wanted = [Wanted(address, None, None, resource.attributes) for address, resource in resources.items()]
        near = dict(kind.find(wanted, self.client, names))
        nothing = [address for address in resources if not near.get(address)]
        if kind.exclusive and nothing:
            # What an identity doesn't find may be there without it: compared field by field.
            listed = [sighting.see(names) for sighting in kind.survey(self.client, (), self.now)]
            near |= {a: [one for one in listed if self._equal(kind, resources[a], one)] for a in nothing}
        fitting = {address: self._fitting(kind, resources[address], near.get(address, ())) for address in resources}
        chosen = {address: self._chosen(address, found) for address, found in fitting.items()}
        claims: dict[str | None, list[Address]] = {}
        for address, found in fitting.items():
            for one in found if chosen[address] is None else [chosen[address]]:
                if one is not None:
                    claims.setdefault(one.id, []).append(address)
        kept = self._kept(kind, [address for address in resources if not fitting[address]], names)
        for address, resource in resources.items():
            one = chosen[address]
            rivals = [] if one is None else [other for other in claims[one.id] if other != address]
            if one is not None and rivals and not self._was(address, one):
                why = f"{one.id} fits {', '.join([address, *rivals])}"
                self.out.doubts.append(Doubt(address, why, [str(one.id)]))
            elif one is not None:
                self._take(kind, resource, one)
            elif fitting[address]:
                ids = sorted(str(other.id) for other in fitting[address])
                why = f"{len(ids)} live objects fit equally"
                self.out.doubts.append(Doubt(address, why, ids))
            elif address in kept:
                self._take(kind, resource, kept[address])
            else:
                self._none(kind, resource, near.get(address, ()))

    def timelines(self, kind: Kind, resources: Mapping[Address, Resource]) -> None:
        """Match prices by their tuples."""
        assert kind.appends is not None
        wanted = [Wanted(address, None, None, resource.attributes) for address, resource in resources.items()]
        found = kind.read(wanted, self.client, self._names)
        for address, resource in resources.items():
            live = found.get(address)
            entry = None if live is None else entry_of(kind, resource, live, self.kinds)
            if entry is None or not entry.attributes[kind.appends]:
                self.out.missing.append(address)
            else:
                self.out.entries[address] = entry

    def _fitting(self, kind: Kind, resource: Resource, near: Iterable[RemoteObject]) -> list[RemoteObject]:
        """The objects that a resource could be; several that share an identity are told apart by all that is declared."""
        found = [one for one in near if not one.archived]
        if kind.adopted_by == "identity" and len(found) < 2:
            return found
        equal = [one for one in found if self._equal(kind, resource, one)]
        if kind.adopted_by == "identity" and not equal:
            return found
        for closer in (self._has_nothing_besides, self._has_its_prices):
            if len(equal) > 1:
                equal = [one for one in equal if closer(kind, resource, one)] or equal
        return equal

    def _has_nothing_besides(self, kind: Kind, resource: Resource, one: RemoteObject) -> bool:
        return kind.as_declared(one.attributes).keys() <= resource.attributes.keys()

    def _has_its_prices(self, kind: Kind, resource: Resource, one: RemoteObject) -> bool:
        """Whether the timelines under an object are those that are declared under the resource, and no others."""
        names = Names(
            {**{address: entry.id for address, entry in self.out.entries.items() if entry.id}, resource.address: str(one.id)}
        )
        for child in self.kinds.values():
            if child.parent == kind.name and child.appends:
                declared = {
                    address: other.attributes[child.appends]
                    for address, other in self.graph.resources.items()
                    if address.kind == child.name and address.keys[0] == resource.address.keys[0]
                }
                live = {
                    place: sighting.see(names).attributes[child.appends]
                    for sighting in child.survey(self.client, [str(one.id)], self.now)
                    if sighting.place and (place := sighting.place(names))
                }
                if live.keys() != declared.keys() or not all(timeline.same(declared[place], live[place]) for place in live):
                    return False
        return True

    def _equal(self, kind: Kind, resource: Resource, one: RemoteObject) -> bool:
        return equal_in_all(Case(resource.address, kind, resource, None, one, read=True), one)

    def _chosen(self, address: Address, fitting: Sequence[RemoteObject]) -> RemoteObject | None:
        if len(fitting) == 1:
            return fitting[0]
        return next((one for one in fitting if self._was(address, one)), None)

    def _was(self, address: Address, one: RemoteObject) -> bool:
        """Whether the old record has this object under the address."""
        return address in self.old and self.old[address].id == one.id

    def _kept(self, kind: Kind, addresses: Sequence[Address], names: Names) -> dict[Address, RemoteObject]:
        """Recorded objects that fit no more, and that live on under the id that they had."""
        wanted = [
            Wanted(address, self.old[address].id, None, None)
            for address in addresses
            if address in self.old and self.old[address].id
        ]
        found = kind.read(wanted, self.client, names) if wanted else {}
        return {address: one for address, one in found.items() if not one.archived}

    def _take(self, kind: Kind, resource: Resource, one: RemoteObject) -> None:
        entry = entry_of(kind, resource, one, self.kinds)
        old = self.old.get(resource.address)
        if old is not None and old.id == one.id:
            entry = replace(entry, superseded=old.superseded)
        self.out.entries[resource.address] = entry
        if trusted := [name for name in resource.attributes if not kind.fields[name].readable]:
            self.out.trusted[resource.address] = trusted

    def _none(self, kind: Kind, resource: Resource, near: Iterable[RemoteObject]) -> None:
        """Nothing fits. What has the same name and differs is told, for it may be the one."""
        alike = [one for one in near if not one.archived]
        if not alike:
            self.out.missing.append(resource.address)
            return
        named = "; ".join(f"{one.id} differs in {', '.join(differing(kind, resource, one))}" for one in alike)
        ids = [str(one.id) for one in alike]
        self.out.doubts.append(Doubt(resource.address, f"none is equal in all declared fields: {named}", ids))
