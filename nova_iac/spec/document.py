"""From files to a spec: read once, shown for each environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from nova_iac.errors import Diagnostic, Location, SpecError
from nova_iac.kinds import KINDS
from nova_iac.kinds.block import Block
from nova_iac.kinds.shapes import canonical
from nova_iac.resource import Address, Value
from nova_iac.spec import nodes
from nova_iac.spec.blocks import BlockReader, bad_key, read_blocks
from nova_iac.spec.environments import Environment, choose, doubts, read_environment, unknown
from nova_iac.spec.include import Gathered, gather
from nova_iac.spec.judge import judge
from nova_iac.spec.layout import KEY, roots
from nova_iac.spec.loader import gc_paused, load_file
from nova_iac.spec.moves import check_moves, read_moves
from nova_iac.spec.overrides import Overrides
from nova_iac.spec.problems import place
from nova_iac.spec.schema import frame
from nova_iac.spec.walker import FAILED, Findings, compile_walker

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec as one environment shows it.

    path is the root file, name its stem. blocks are every block of every kind after include, exclude and set, parents before
    their children, otherwise in the order of kinds and of the file. excluded gives the place of the entry by which a resource
    is absent. diagnostics are what this layer found; errors among them mean that the rest may be looked at but not used.

    unsound are the addresses whose block has an error of its own: they exist, and may lack anything. complete is False when
    the end of a file wasn't read: what seems to be missing may stand there.
    """

    path: Path
    name: str
    environment: Environment
    blocks: Mapping[Address, Block]
    moved: Mapping[Address, Address]
    excluded: Mapping[Address, Location]
    diagnostics: tuple[Diagnostic, ...]
    unsound: frozenset[Address] = frozenset()
    complete: bool = True


@dataclass(slots=True)
class Document:
    """The files of a spec, read and put together; what is common to all environments is typed.

    Made by read_document; its parts are for this package.
    """

    path: Path
    root: nodes.Mapping
    gathered: Gathered
    found: Findings
    environments: dict[str, Environment]
    default: nodes.Scalar | None
    moves: dict[Address, Address]
    diagnostics: list[Diagnostic]
    reader: BlockReader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = BlockReader(self.found, frozenset(self.gathered.cut))

    def header(self, name: str) -> nodes.Node | None:
        """A top-level field of the root file."""
        return self.root.entries.get(name)

    def environment_block(self, name: str) -> nodes.Mapping:
        """The nodes of an environment."""
        held = self.header("environments")
        block = held.entries.get(name) if isinstance(held, nodes.Mapping) else None
        return block if isinstance(block, nodes.Mapping) else nodes.Mapping({}, {}, 1, 1, str(self.path))


def read_document(path: Path) -> Document:
    """Read a spec's files.

    :raises SpecError: the root file can't be read at all; every other problem is kept for the specs made of it.
    """
    with gc_paused():
        loaded = load_file(path, str(path))
        if loaded.root is None:
            raise SpecError(loaded.diagnostics)
        found = Findings()
        gathered = gather(path, loaded.root, loaded, found)
        environments, problems = _read_header(loaded.root, found, frozenset(gathered.cut))
        default = loaded.root.entries.get("default_environment")
        if not isinstance(default, nodes.Scalar) or not KEY.fullmatch(default.text):
            default = None
        elif default.text not in environments and gathered.complete:
            problems.append(unknown(default.text, environments, place(default)))
        moves, bad_moves = read_moves(loaded.root.entries.get("moved"))
        diagnostics = [*gathered.diagnostics, *found.diagnostics, *problems, *bad_moves]
        return Document(path, loaded.root, gathered, found, environments, default, moves, diagnostics)


def _read_header(root: nodes.Mapping, found: Findings, cut: frozenset[int]) -> tuple[dict[str, Environment], list[Diagnostic]]:
    """Type and judge everything at top level but the resources."""
    data: dict[str, Value] = {}
    environments: dict[str, Environment] = {}
    problems: list[Diagnostic] = []
    for name, shape in frame().fields.items():
        node = root.entries.get(name)
        if node is None or name in roots():
            continue
        value = compile_walker(shape)(node, found)
        if value is FAILED:
            continue
        data[name] = value
        if name == "environments" and isinstance(node, nodes.Mapping):
            for key in [key for key in node.keys.values() if not KEY.fullmatch(key.text)]:
                value.pop(key.text, None)
                problems.append(bad_key(key))
            for known, block in value.items():
                environments[known] = read_environment(known, node.keys[known], block)
                part = node.entries[known]
                if isinstance(part, nodes.Mapping):
                    problems.extend(doubts(environments[known], part))
    problems.extend(judge(data, root, found, cut))
    return environments, problems


def environments(document: Document) -> Mapping[str, Environment]:
    """The environments of a spec, in the order of the file."""
    return MappingProxyType(document.environments)


def spec_for(document: Document, environment: str | None) -> Spec:
    """The spec as an environment shows it.

    :param environment: a name; None for the default environment, or the only one.
    :raises SpecError: there is no such environment. The error carries everything else that is wrong too.
    """
    chosen = choose(document.environments, environment, document.default, str(document.path))
    if isinstance(chosen, Diagnostic):
        plain = _show(document, Environment("", Location(str(document.path), 1, 1)))
        # Where the end of the file wasn't read, the environment may stand there.
        missing = () if not document.gathered.complete and plain.diagnostics else (chosen,)
        raise SpecError(tuple(dict.fromkeys((*plain.diagnostics, *missing))))
    return _show(document, chosen)


def load_spec(path: Path, environment: str | None) -> Spec:
    """Read a spec for one environment; see read_document and spec_for."""
    return spec_for(read_document(path), environment)


def _show(document: Document, environment: Environment) -> Spec:
    with gc_paused():
        overrides = _overridden(document, environment)
        read = read_blocks(overrides.sections, document.reader)
        cut = frozenset(overrides.cut)
        judged = judge({"version": VERSION, **read.data}, overrides.sections, document.found, cut)
        moved = check_moves(document.moves, document.header("moved"), read.blocks, overrides.excluded)
        diagnostics = [*document.diagnostics, *overrides.diagnostics, *read.diagnostics, *judged]
        if document.gathered.complete:
            diagnostics.extend(moved)
        unsound = read.unsound | {Address(found.address) for found in judged if found.address is not None}
        return Spec(
            path=document.path,
            name=document.path.stem,
            environment=environment,
            blocks=MappingProxyType(read.blocks),
            moved=MappingProxyType(document.moves),
            excluded=MappingProxyType(overrides.excluded),
            diagnostics=tuple(dict.fromkeys(diagnostics)),
            unsound=unsound,
            complete=document.gathered.complete,
        )


def _overridden(document: Document, environment: Environment) -> Overrides:
    overrides = Overrides(document.gathered.sections, frozenset(document.gathered.cut))
    block = document.environment_block(environment.name)
    excluded, changed = block.entries.get("exclude"), block.entries.get("set")
    if isinstance(excluded, nodes.Sequence):
        for entry in excluded.items:
            if isinstance(entry, nodes.Scalar) and id(entry) not in document.found.failed:
                overrides.exclude(entry)
    if isinstance(changed, nodes.Mapping):
        for name, value in changed.entries.items():
            overrides.set(changed.keys[name], value)
    return overrides


def digest(spec: Spec) -> str:
    """sha256 of what the spec says: typed data, lifecycles and moves; not of bytes, comments, layout or the order of sets."""
    import hashlib  # here, because most runs never need it

    said = hashlib.sha256()

    def add(*parts: Value) -> None:
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        said.update(text.encode("utf-8", "surrogatepass") + b"\n")

    with gc_paused():
        for address, block in sorted(spec.blocks.items()):
            add(address, canonical(block.data, KINDS[address.kind].shape), block.lifecycle.as_data())
        add("moved", dict(spec.moved))
    return said.hexdigest()
