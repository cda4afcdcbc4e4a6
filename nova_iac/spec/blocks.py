"""The blocks of every kind: typed once per node, whatever the number of environments that show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from nova_iac.errors import Diagnostic, Location
from nova_iac.kinds.base import Kind
from nova_iac.kinds.block import Block
from nova_iac.kinds.shapes import Struct
from nova_iac.resource import NO_LIFECYCLE, Address, Lifecycle, Value
from nova_iac.spec import nodes
from nova_iac.spec.layout import KEY, KEY_RULE, children, roots
from nova_iac.spec.problems import place, problem, shorten
from nova_iac.spec.schema import LIFECYCLE, shape_of
from nova_iac.spec.walker import FAILED, Convert, Findings, compile_walker


@dataclass(frozen=True, slots=True)
class Places:
    """Finds the place of a value below a node when it is asked for; a table for every block would cost more than the data."""

    key: nodes.Scalar
    node: nodes.Node

    def __call__(self, path: tuple[str | int, ...]) -> Location:
        node: nodes.Node = self.key
        below: nodes.Node = self.node
        for step in path:
            if isinstance(below, nodes.Mapping) and step in below.entries:
                node = below = below.entries[str(step)]
            elif isinstance(below, nodes.Sequence) and isinstance(step, int) and 0 <= step < len(below.items):
                node = below = below.items[step]
            else:
                break
        return place(node)


@dataclass(slots=True)
class Typed:
    """A block's node, read.

    own is the block's data; whole is that data with lifecycle and children, as the schema sees it (FAILED if there is none).
    sound is False if anything in it was reported.
    """

    own: Value
    whole: Value
    lifecycle: Lifecycle
    children: list[tuple[Kind, nodes.Scalar, nodes.Node, Typed]]
    sound: bool
    diagnostics: tuple[Diagnostic, ...] = ()


class BlockReader:
    """Reads blocks and remembers them by their nodes."""

    def __init__(self, found: Findings, cut: frozenset[int]) -> None:
        self._found = found
        self._cut = cut
        self._known: dict[tuple[str, int], tuple[nodes.Node, Typed]] = {}

    def read(self, kind: Kind, address: Address, node: nodes.Node) -> Typed:
        """One top-level block with its children."""
        known = self._known.get((kind.name, id(node)))
        if known is not None:
            return known[1]
        before = len(self._found.diagnostics)
        typed = self._typed(kind, address, node)
        typed.diagnostics = tuple(self._found.diagnostics[before:])
        # The node is kept with its id, which would mean another node otherwise.
        self._known[kind.name, id(node)] = (node, typed)
        return typed

    def _typed(self, kind: Kind, address: Address, node: nodes.Node) -> Typed:
        found = self._found
        found.address = address
        before = found.refusals
        fields, whole_block = _reader(kind.name)
        if whole_block is not None:
            value = whole_block(node, found)
            sound = found.refusals == before and id(node) not in self._cut
            return Typed([] if value is FAILED else value, value, NO_LIFECYCLE, [], sound)
        if not isinstance(node, nodes.Mapping):
            found.mismatch(node, "a mapping", f"write the fields of this {kind.name} under its key.")
            return Typed({}, FAILED, NO_LIFECYCLE, [], False)
        own: dict[str, Value] = {}
        aside: dict[str, Value] = {}  # what the schema sees besides the block's own data
        nested: list[tuple[Kind, nodes.Mapping]] = []
        inner = children(kind.name)
        for name, part in node.entries.items():
            convert = fields.get(name)
            if convert is not None:
                value = convert(part, found)
                if value is not FAILED:
                    (aside if name == LIFECYCLE else own)[name] = value
            elif name not in inner:
                found.unknown(node, name, [*fields, *inner])
            elif isinstance(part, nodes.Mapping):
                nested.append((inner[name], part))
            else:
                found.mismatch(part, "a mapping", "write one `key: …` for each.")
        sound = found.refusals == before and id(node) not in self._cut
        typed = Typed(own, own, Lifecycle.from_data(aside.get(LIFECYCLE)), [], sound)
        for child, held in nested:
            aside[child.section] = self._children(child, address, held, typed)
        if aside:
            typed.whole = {**own, **aside}
        return typed

    def _children(self, kind: Kind, parent: Address, held: nodes.Mapping, typed: Typed) -> dict[str, Value]:
        whole: dict[str, Value] = {}
        for name, node in held.entries.items():
            key = held.keys[name]
            if not KEY.fullmatch(name):
                self._found.diagnostics.append(bad_key(key))
                continue
            child = self._typed(kind, Address.of(kind.name, *parent.keys, name), node)
            typed.children.append((kind, key, node, child))
            if child.whole is not FAILED:
                whole[name] = child.whole
        return whole


def bad_key(key: nodes.Scalar) -> Diagnostic:
    """What to say about a key that can't be part of an address."""
    return problem("NV137", f"{shorten(key.text)} can't be a resource's key: {KEY_RULE}.", place(key))


@cache
def _reader(name: str) -> tuple[Mapping[str, Convert], Convert | None]:
    """How a kind's block is read: the functions of its fields, or the one of the whole block where it is a list."""
    shape = shape_of(name)
    if not isinstance(shape, Struct):
        return {}, compile_walker(shape)
    return {field: compile_walker(part) for field, part in shape.fields.items() if field not in children(name)}, None


@dataclass(frozen=True, slots=True)
class Read:
    """All blocks of a tree of sections. data is what the schema judges."""

    blocks: Mapping[Address, Block]
    unsound: frozenset[Address]
    data: Mapping[str, Value]
    diagnostics: tuple[Diagnostic, ...]


def read_blocks(sections: nodes.Mapping, reader: BlockReader) -> Read:
    """Read every block, in the order of kinds and of the file, children behind their parents."""
    blocks: dict[Address, Block] = {}
    unsound: set[Address] = set()
    data: dict[str, Value] = {}
    diagnostics: list[Diagnostic] = []
    for section, kind in roots().items():
        held = sections.entries.get(section)
        if not isinstance(held, nodes.Mapping):
            continue
        whole: dict[str, Value] = {}
        for name, node in held.entries.items():
            key = held.keys[name]
            if not KEY.fullmatch(name):
                diagnostics.append(bad_key(key))
                continue
            address = Address.of(kind.name, name)
            typed = reader.read(kind, address, node)
            diagnostics.extend(typed.diagnostics)
            if typed.whole is not FAILED:
                whole[name] = typed.whole
            for made, sound in _blocks(address, key, node, typed):
                blocks[made.address] = made
                if not sound:
                    unsound.add(made.address)
        data[section] = whole
    return Read(blocks, frozenset(unsound), data, tuple(diagnostics))


def _blocks(address: Address, key: nodes.Scalar, node: nodes.Node, typed: Typed) -> Iterator[tuple[Block, bool]]:
    yield Block(address, typed.own, place(key), Places(key, node), typed.lifecycle), typed.sound
    for kind, child_key, child_node, child in typed.children:
        child_address = Address.of(kind.name, *address.keys, child_key.text)
        yield from _blocks(child_address, child_key, child_node, child)
