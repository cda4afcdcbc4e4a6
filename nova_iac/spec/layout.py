"""Where the blocks of each kind stand in a spec, and under which address: everything that follows from section and parent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from nova_iac.kinds import KINDS
from nova_iac.kinds.base import Kind
from nova_iac.resource import KEY_PATTERN, Address
from nova_iac.spec import nodes

KEY: Final = re.compile(KEY_PATTERN)
KEY_RULE: Final = "a key begins with a-z or 0-9 and goes on with a-z, 0-9, _ and -"


@cache
def roots() -> Mapping[str, Kind]:
    """The kinds with a section of their own, by section."""
    return {kind.section: kind for kind in KINDS.values() if kind.parent is None}


@cache
def children(name: str) -> Mapping[str, Kind]:
    """The kinds that stand inside of a kind's blocks, by section."""
    return {kind.section: kind for kind in KINDS.values() if kind.parent == name}


def is_list(kind: Kind) -> bool:
    """Whether a block of this kind is a list of entries, so that it has no fields of its own."""
    return bool(kind.schema.get("type") == "array")


def path_of(address: Address) -> tuple[str, ...] | None:
    """The path of keys from the top level to a block; None if there can be no such block in a spec."""
    kind, keys = KINDS.get(address.kind), address.keys
    if kind is None or address.head != address or len(keys) != (2 if kind.parent else 1):
        return None
    if kind.parent is None:
        return (kind.section, keys[0])
    return (KINDS[kind.parent].section, keys[0], kind.section, keys[1])


def address_at(path: Sequence[str | int]) -> Address | None:
    """The address of the block that a path from the top level leads to or into."""
    kind = roots().get(str(path[0])) if path else None
    if kind is None or len(path) < 2:
        return None
    child = children(kind.name).get(str(path[2])) if len(path) > 3 else None
    if child is None:
        return Address.of(kind.name, str(path[1]))
    return Address.of(child.name, str(path[1]), str(path[3]))


def find(sections: nodes.Mapping, path: Sequence[str]) -> nodes.Node | None:
    """What stands at a path, if anything does."""
    node: nodes.Node = sections
    for name in path:
        if not isinstance(node, nodes.Mapping) or name not in node.entries:
            return None
        node = node.entries[name]
    return node


def addresses(sections: nodes.Mapping) -> Iterator[Address]:
    """Every address that has a block, parents before their children."""
    for section, kind in roots().items():
        held = sections.entries.get(section)
        if not isinstance(held, nodes.Mapping):
            continue
        for key, block in held.entries.items():
            yield Address.of(kind.name, key)
            yield from inside(kind, key, block)


def inside(kind: Kind, key: str, block: nodes.Node) -> Iterator[Address]:
    """The addresses of what stands inside of a block."""
    if isinstance(block, nodes.Mapping):
        for section, child in children(kind.name).items():
            held = block.entries.get(section)
            if isinstance(held, nodes.Mapping):
                for child_key in held.entries:
                    yield Address.of(child.name, key, child_key)
