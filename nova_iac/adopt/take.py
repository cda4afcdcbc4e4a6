"""``import``: one object of the account under one address."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from nova_iac.adopt.keys import slug
from nova_iac.adopt.record import block_of, differing, entry_of, not_said, prices_under
from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import UsageProblem
from nova_iac.kinds.base import Kind, Wanted
from nova_iac.kinds.block import Block
from nova_iac.kinds.lookup import Names
from nova_iac.kinds.sighting import Sighting
from nova_iac.remote import Client
from nova_iac.resource import NO_LIFECYCLE, Address, RemoteObject, Resource, Value
from nova_iac.state.lockfile import LockEntry, Lockfile

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import comes to.

    entries are to be recorded. blocks, where the address isn't declared yet, are the data of its block and of those inside.
    differs names declared fields that the object has otherwise: changes of the next plan. trusted are fields that can't be read
    back and were taken as declared. remarks tell what wasn't taken along.
    """

    address: Address
    name: str
    entries: Mapping[Address, LockEntry]
    blocks: Mapping[Address, Value] = field(default_factory=dict)
    differs: Sequence[str] = ()
    trusted: Sequence[str] = ()
    remarks: Sequence[str] = ()


class Importer:
    """One import into one lockfile. Reads the account and changes nothing."""

    def __init__(
        self,
        graph: ResourceGraph,
        blocks: Mapping[Address, Block],
        lockfile: Lockfile,
        kinds: Mapping[str, Kind],
        client: Client,
        now: str,
    ) -> None:
        self.graph, self.blocks, self.lockfile = graph, blocks, lockfile
        self.kinds, self.client, self.now = kinds, client, now
        self.names = Names({address: entry.id for address, entry in lockfile.resources.items() if entry.id})

    def take(self, address: Address, ident: str) -> Taken:
        """The object under the address.

        :raises UsageProblem: it can't be taken, with the reason and what to do.
        """
        kind = self._checked(address, ident)
        live = self.kinds[kind.name].read([Wanted(address, ident, None, None)], self.client, self.names).get(address)
        if live is None:
            raise UsageProblem(self._unknown(address, ident))
        if live.archived:
            raise UsageProblem(f"{ident} is archived, which can't be undone: declare it, and apply makes a new one.")
        declared = self.graph.resources.get(address)
        if declared is None:
            self._require_known(kind, address, kind.as_declared(live.attributes))
            taken = self._undeclared(kind, address, live)
        else:
            held = {name: value for name, value in live.attributes.items() if name in declared.attributes}
            self._require_known(kind, address, held)
            taken = self._declared(kind, declared, live)
        recorded = self.lockfile.resources.get(address)
        if recorded is None:
            return taken
        # Again under its own address: what is still to be archived behind it stays on record.
        entry = replace(taken.entries[address], superseded=recorded.superseded)
        return replace(taken, entries={**taken.entries, address: entry})

    def _checked(self, address: Address, ident: str) -> Kind:
        kind = self.kinds.get(address.kind)
        if kind is None or len(address.keys) != (2 if kind.parent else 1):
            forms = [f"{one.name}.{'PARENT.' if one.parent else ''}KEY" for one in self.kinds.values() if not one.appends]
            raise UsageProblem(f"{address} can't be imported; an address here is one of {', '.join(forms)}.")
        if kind.appends:
            raise UsageProblem(f"{kind.section} have no ids: they come along when their {_words(kind.parent)} is imported.")
        if not _UUID.fullmatch(ident):
            raise UsageProblem(f"{ident!r} is no Metronome id: that is a UUID, as the app shows it for the object.")
        for other, entry in self.lockfile.resources.items():
            if other != address and ident in (entry.id, *entry.superseded):
                raise UsageProblem(f"{ident} is recorded as {other} already. To rename that: nova-iac state mv {other} {address}")
        recorded = self.lockfile.resources.get(address)
        if recorded is not None and recorded.id != ident:
            raise UsageProblem(
                f"{address} is recorded as {recorded.id} already. To let that one go: nova-iac state forget {address}"
            )
        parent = _parent(kind, address)
        if parent is not None and self.names.id(parent) is None:
            raise UsageProblem(f"{address} is nested under {parent}, which isn't recorded: import that first, with its id.")
        return kind

    def _unknown(self, address: Address, ident: str) -> str:
        """What to say of an id that the kind doesn't know."""
        if found := self._find(ident):
            return f"{ident} is no {_words(address.kind)}: it is the {_words(found[0].name)} {found[1].name!r}."
        where = f" of {Address.of(self.kinds[address.kind].parent or '', address.keys[0])}" if len(address.keys) > 1 else ""
        return f"there is no {_words(address.kind)} {ident}{where} in this account; is it the right environment?"

    def _require_known(self, kind: Kind, address: Address, attributes: Mapping[str, Value]) -> None:
        for name, other, ident in kind.unknown_references(attributes):
            found = self._find(ident)
            if found is None or found[1].archived:
                what = f"{found[1].name!r} ({ident})" if found else ident
                raise UsageProblem(
                    f"the {name} of {address} is the {_words(other)} {what}, which is archived: it needs a live one."
                )
            raise UsageProblem(f"the {name} of {address} isn't recorded here. Import it first:{_advice(*found)}")

    def _declared(self, kind: Kind, resource: Resource, live: RemoteObject) -> Taken:
        """A resource of the spec: only the lockfile has to know."""
        entries = {resource.address: entry_of(kind, resource, live, self.kinds)}
        remarks: list[str] = []
        for child in self._priced(kind):
            placed, homeless = self._schedule(child, resource.address, live)
            remarks += homeless
            for place, (_, price) in placed.items():
                if found := self.graph.resources.get(place):
                    entries[place] = entry_of(child, found, price, self.kinds)
                else:
                    remarks.append(f"{place} isn't declared, so it is left as it is")
        trusted = [name for name in resource.attributes if not kind.fields[name].readable]
        return Taken(
            resource.address, live.name or "", entries, differs=differing(kind, resource, live), trusted=trusted, remarks=remarks
        )

    def _undeclared(self, kind: Kind, address: Address, live: RemoteObject) -> Taken:
        """An object that nothing declares: its block is made too."""
        attributes = kind.as_declared(live.attributes)
        if why := not_said(kind, address, attributes, self.blocks):
            raise UsageProblem(f"{address} can't be declared as it is: {why}")
        typed = {**self.blocks, address: block_of(address, kind.block_data({address: attributes}, self.blocks))}
        made = {address: typed[address]}
        remarks: list[str] = [f"its {words} can't be said in a spec yet" for words in self._beyond(kind, address, live)]
        for child in self._priced(kind):
            by_block: dict[Address, dict[Address, Mapping[str, Value]]] = {}
            placed, homeless = self._schedule(child, address, live)
            remarks += homeless
            for place, (sighting, price) in placed.items():
                if why := self._why_not(child, place, sighting, price, typed):
                    remarks.append(f"{place} is left out: {why}")
                else:
                    by_block.setdefault(Address(place.head), {})[place] = price.attributes
            for block, held in sorted(by_block.items()):
                made[block] = typed[block] = block_of(block, child.block_data(held, typed))
        resources = [one for block, data in made.items() for one in self.kinds[block.kind].expand(data, typed)[0]]
        entries = {
            one.address: LockEntry(
                live.id if one.address == address else None,
                one.attributes,
                one.depends_on,
                NO_LIFECYCLE,
                in_use=prices_under(self.kinds[one.address.kind], self.kinds),
            )
            for one in resources
        }
        return Taken(address, live.name or "", entries, {block: data.data for block, data in made.items()}, remarks=remarks)

    def _schedule(
        self, child: Kind, address: Address, live: RemoteObject
    ) -> tuple[dict[Address, tuple[Sighting, RemoteObject]], list[str]]:
        """Every timeline under an object, by address, and what is told of those that can't have one.

        :raises UsageProblem: some belong to live objects that could be imported before.
        """
        known = Names(
            {**{other: entry.id for other, entry in self.lockfile.resources.items() if entry.id}, address: str(live.id)}
        )
        placed: dict[Address, tuple[Sighting, RemoteObject]] = {}
        homeless: dict[str, None] = {}
        for sighting in child.survey(self.client, [str(live.id)], self.now):
            place = sighting.place(known) if sighting.place else None
            if place is not None:
                placed[place] = sighting, sighting.see(known)
            else:
                homeless |= dict.fromkeys(other for other in sighting.belongs if not isinstance(known.address(other), Address))
        found = {ident: self._find(ident) for ident in homeless}
        missing = [_advice(*one) for one in found.values() if one and not one[1].archived]
        if missing:
            raise UsageProblem(f"{address} has {child.section} of what isn't recorded here. Import that first:{''.join(missing)}")
        names = {ident: repr(one[1].name) if one else "something" for ident, one in found.items()}
        return placed, [
            f"its {child.section} of {name} ({ident}), which is archived, are left out" for ident, name in names.items()
        ]

    def _find(self, ident: str) -> tuple[Kind, RemoteObject] | None:
        """What an id is of, among the kinds that can be asked by id alone."""
        for kind in self.kinds.values():
            if kind.parent is None and not kind.appends:
                address = Address.of(kind.name, "import")
                if found := kind.read([Wanted(address, ident, None, None)], self.client, self.names).get(address):
                    return kind, found
        return None

    def _why_not(
        self, child: Kind, place: Address, sighting: Sighting, price: RemoteObject, typed: Mapping[Address, Block]
    ) -> str | None:
        if sighting.beyond:
            return f"{', '.join(sighting.beyond)}: a spec has no words for them"
        known = (self.names.address(other) for other in sighting.belongs)
        missing = next((other for other in known if other not in typed), None)
        return f"{missing} isn't declared" if missing else not_said(child, place, price.attributes, typed)

    def _beyond(self, kind: Kind, address: Address, live: RemoteObject) -> Sequence[str]:
        parent = _parent(kind, address)
        parents = [str(self.names.id(parent))] if parent else []
        return next((one.beyond for one in kind.survey(self.client, parents, self.now) if one.id == live.id), ())

    def _priced(self, kind: Kind) -> list[Kind]:
        return [child for child in self.kinds.values() if child.parent == kind.name and child.appends]


def _advice(kind: Kind, live: RemoteObject) -> str:
    """The command that imports an object, with the key that it would get."""
    return f"\n  nova-iac import {kind.name}.{slug(live.name or '') or 'KEY'} {live.id}"


def _parent(kind: Kind, address: Address) -> Address | None:
    return Address.of(kind.parent, address.keys[0]) if kind.parent else None


def _words(name: str | None) -> str:
    return (name or "").replace("_", " ")
