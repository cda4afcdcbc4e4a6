"""Keys for objects that have none: slugs of their names, and numbers, by content, for those that share a name.

Equal accounts get equal keys, whatever their ids and the order in which they are listed. So objects with one name are told apart
by what they hold, and where that is the same by what refers to them: each object has a colour, a hash of its content, its
references' colours and its referrers', refined until nothing changes (the classical test for equal graphs).
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from nova_iac.kinds.base import Kind
from nova_iac.kinds.lookup import Names
from nova_iac.kinds.sighting import Sighting
from nova_iac.resource import Address, Attributes, RemoteObject, Value

LONGEST: Final = 48
"""Characters of a slug; names can be much longer, keys are typed."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """An account with addresses. homeless are sightings that are named by something that has no key (an archived product)."""

    objects: Mapping[Address, tuple[Sighting, RemoteObject]]
    homeless: Sequence[tuple[str, Sighting]]


def slug(text: str) -> str:
    """A key made of a text; empty where it has no letter or digit that a key can have."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower().replace("'", ""))
    made = "_".join(words)
    if len(made) <= LONGEST:
        return made
    cut = made[: LONGEST + 1].rpartition("_")[0]
    return cut or made[:LONGEST]


def assign_keys(seen: Mapping[str, Sequence[Sighting]], kinds: Mapping[str, Kind]) -> Keyed:
    """An address for every object, parents before their children."""
    return _Keys(seen, kinds).assign()


class _Keys:
    def __init__(self, seen: Mapping[str, Sequence[Sighting]], kinds: Mapping[str, Kind]) -> None:
        self.seen, self.kinds = seen, kinds
        self.ids: dict[Address, str] = {}  # first made-up addresses, one by one replaced by real ones
        self.made_up: dict[str, Address] = {}
        for kind in kinds.values():
            for number, sighting in enumerate(seen[kind.name]):
                if sighting.id is not None:
                    holder = (self.made_up[sighting.parent].keys[0],) if sighting.parent else ()
                    self.made_up[sighting.id] = Address.of(kind.name, *holder, f"n{number}")
        self.ids = {address: remote for remote, address in self.made_up.items()}
        self.colours: _Colours | None = None

    def assign(self) -> Keyed:
        real: dict[Address, str] = {}
        for kind in self.kinds.values():
            sightings = [sighting for sighting in self.seen[kind.name] if sighting.id is not None]
            by_parent: dict[str | None, list[Sighting]] = {}
            for sighting in sightings:
                by_parent.setdefault(sighting.parent, []).append(sighting)
            names = Names({**self._without(real), **real})
            found = {
                address: one.id for parent, held in by_parent.items() for address, one in self._keys(kind, parent, held, names)
            }
            real |= {address: remote for address, remote in found.items() if remote is not None}
        names = Names(real)
        objects: dict[Address, tuple[Sighting, RemoteObject]] = {}
        homeless: list[tuple[str, Sighting]] = []
        by_id = {remote: address for address, remote in real.items()}
        for kind in self.kinds.values():
            placed: list[tuple[Address, Sighting]] = []
            for sighting in self.seen[kind.name]:
                address = by_id[sighting.id] if sighting.id is not None else sighting.place(names) if sighting.place else None
                if address is None:
                    homeless.append((kind.name, sighting))
                else:
                    placed.append((address, sighting))
            objects |= {address: (sighting, sighting.see(names)) for address, sighting in sorted(placed, key=lambda one: one[0])}
        return Keyed(objects, homeless)

    def _without(self, real: Mapping[Address, str]) -> dict[Address, str]:
        done = set(real.values())
        return {address: remote for address, remote in self.ids.items() if remote not in done}

    def _keys(
        self, kind: Kind, parent: str | None, sightings: Sequence[Sighting], names: Names
    ) -> Iterable[tuple[Address, Sighting]]:
        """The addresses of the objects of a kind, or of those under one parent."""
        groups: dict[str, list[tuple[Sighting, Attributes]]] = {}
        for sighting in sightings:
            attributes = sighting.see(names).attributes
            words = [made for word in kind.key_words(attributes) if (made := slug(word))]
            groups.setdefault(words[0] if words else kind.name, []).append((sighting, attributes))
        holder: tuple[str, ...] = () if parent is None else (Address(names.address(parent)).keys[0],)
        taken = set(groups)
        for base, held in sorted(groups.items()):
            number = 1
            for sighting in self._in_order(kind, held):
                key = base
                if number > 1:
                    while (key := f"{base}_{number}") in taken:
                        number += 1
                    taken.add(key)
                number += 1
                yield Address.of(kind.name, *holder, key), sighting

    def _in_order(self, kind: Kind, held: Sequence[tuple[Sighting, Attributes]]) -> list[Sighting]:
        """Objects that would have one key, in an order that follows from what they are."""
        if len(held) == 1:
            return [held[0][0]]
        contents = [_content(kind, attributes) for _, attributes in held]
        colours = [""] * len(held)
        if len(set(contents)) < len(contents):
            self.colours = self.colours or _Colours(self.seen, self.kinds, Names(self.ids), self.made_up)
            alike = Counter(contents)
            self.colours.tell_apart(
                [self.made_up[str(one.id)] for (one, _), text in zip(held, contents, strict=True) if alike[text] > 1]
            )
            colours = [self.colours.of[self.made_up[str(one.id)]] for one, _ in held]
        order = sorted(range(len(held)), key=lambda index: (contents[index], colours[index]))
        return [held[index][0] for index in order]


def _content(kind: Kind, attributes: Attributes) -> str:
    """An object's fields in their order; what has no key yet stands as nothing."""
    return json.dumps([_blank(attributes.get(name), kind.name) for name in kind.fields], sort_keys=True, ensure_ascii=False)


def _blank(value: Value, kind: str) -> Value:
    match value:
        case Address():
            return None if value.kind == kind else str(value)
        case list():
            return [_blank(part, kind) for part in value]
        case dict():
            return {name: _blank(part, kind) for name, part in value.items()}
        case _:
            return value


@dataclass(slots=True)
class _Node:
    kind: str
    attributes: Attributes
    selector: Mapping[str, str]
    belongs: tuple[Address, ...]
    refers: frozenset[Address]
    referrers: list[Address] = field(default_factory=list)


class _Colours:
    """The colour of every object, by its made-up address."""

    def __init__(
        self, seen: Mapping[str, Sequence[Sighting]], kinds: Mapping[str, Kind], names: Names, made_up: Mapping[str, Address]
    ) -> None:
        self.nodes: dict[Address, _Node] = {}
        for kind in kinds.values():
            for sighting in seen[kind.name]:
                address = names.address(sighting.id) if sighting.id is not None else sighting.place and sighting.place(names)
                if not isinstance(address, Address):
                    continue
                attributes = sighting.see(names).attributes
                belongs = tuple(made_up[other] for other in (sighting.parent or "", *sighting.belongs) if other in made_up)
                refers = frozenset((*belongs, *kind.references(attributes)))
                self.nodes[address] = _Node(kind.name, attributes, address.selector, belongs, refers)
        for address, node in self.nodes.items():
            for other in node.refers & self.nodes.keys():
                self.nodes[other].referrers.append(address)
        self.of: dict[Address, str] = dict.fromkeys(self.nodes, "")
        self._refine()

    def tell_apart(self, addresses: Sequence[Address]) -> None:
        """Give different colours to objects that are alike, in such a way that no choice among them shows anywhere.

        Which of several is chosen means nothing, and the choice tells apart what belongs to them. Objects that refer to the
        same ones and that nothing refers to can stay as they are.
        """
        for address in addresses:
            node = self.nodes[address]
            alike = [other for other in addresses if other != address and self.of[other] == self.of[address]]
            if alike and (node.referrers or any(self.nodes[other].refers != node.refers for other in alike)):
                self.of[address] = _hash("chosen", self.of[address])
                self._refine()

    def _refine(self) -> None:
        count = -1
        while (now := len(set(self.of.values()))) > count:
            count = now
            self.of = {address: self._next(address, node) for address, node in self.nodes.items()}

    def _next(self, address: Address, node: _Node) -> str:
        around = sorted(self.of[other] for other in node.belongs), sorted(self.of[other] for other in node.referrers)
        return _hash(node.kind, self.of[address], self._painted(node.attributes), node.selector, around)

    def _painted(self, value: Value) -> Value:
        match value:
            case Address():
                return self.of.get(value, str(value))
            case list():
                painted = [self._painted(part) for part in value]
                # Only sets hold addresses; made-up ones give them no order.
                return sorted(painted) if any(isinstance(part, Address) for part in value) else painted
            case dict():
                return {name: self._painted(part) for name, part in value.items()}
            case _:
                return value


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:24]
