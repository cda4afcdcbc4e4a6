"""From blocks to the graph of what should be: every block expanded, every reference found, every offline check made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from nova_iac.errors import Diagnostic, Severity, SpecError
from nova_iac.kinds.base import Kind
from nova_iac.kinds.block import Block
from nova_iac.kinds.lookup import Declared
from nova_iac.resource import Address, Resource
from nova_iac.spec import nearest

if TYPE_CHECKING:
    from nova_iac.spec import Spec


@dataclass(frozen=True, slots=True)
class ResourceGraph:
    """The desired state. after gives, for each resource, those that must be in place before it, references included."""

    resources: Mapping[Address, Resource]
    after: Mapping[Address, tuple[Address, ...]] = field(default_factory=dict)
    moved: Mapping[Address, Address] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()


EMPTY: Final = ResourceGraph(MappingProxyType({}))
"""Nothing should be: what destroy plans for."""


def build_graph(spec: Spec, kinds: Mapping[str, Kind]) -> ResourceGraph:
    """The graph that a spec declares.

    :raises SpecError: with every problem of the spec, those found while it was loaded included.
    """
    problems = list(spec.diagnostics)
    broken = spec.unsound
    resources: dict[Address, Resource] = {}
    for address, block in spec.blocks.items():
        if address in broken:
            continue
        expanded, found = kinds[address.kind].expand(block, _sound(spec.blocks, broken))
        resources |= {resource.address: resource for resource in expanded}
        problems += found
    if spec.complete:
        problems += _unknown_references(resources, spec)
    declared = Declared(resources, spec.blocks)
    if not any(problem.severity is Severity.ERROR for problem in problems):
        for kind in kinds.values():
            problems += kind.check_all(declared)
    after = _order(resources, declared, kinds)
    problems += _cycles(after, spec)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise SpecError(sorted(problems, key=Diagnostic.sort_key))
    return ResourceGraph(resources, after, spec.moved, tuple(sorted(problems, key=Diagnostic.sort_key)))


def _sound(blocks: Mapping[Address, Block], broken: frozenset[Address]) -> Mapping[Address, Block]:
    """The blocks whose data fits the schema; others can't be looked into."""
    return {address: block for address, block in blocks.items() if address not in broken} if broken else blocks


def _unknown_references(resources: Mapping[Address, Resource], spec: Spec) -> Iterable[Diagnostic]:
    known: dict[str, list[str]] = {}
    told: set[tuple[Address, Address]] = set()
    for resource in resources.values():
        block_address = Address(resource.address.head)
        for target in resource.depends_on:
            if target in resources or target in spec.blocks or (block_address, target) in told:
                continue
            told.add((block_address, target))
            key = target.keys[0]
            if not known:
                for address in spec.blocks:
                    known.setdefault(address.kind, []).append(address.keys[-1])
            block = spec.blocks[block_address]
            if target in spec.excluded:
                place = spec.excluded[target]
                detail = f"{target} is excluded from environment {spec.environment.name} at {place}: exclude this one too."
                yield block.problem("NV202", "Reference to an excluded resource", detail, *_path_to(block.data, key))
                continue
            near = nearest(key, known.get(target.kind, ()))
            hint = f" Did you mean {near}?" if near else ""
            yield block.problem("NV201", "Unknown reference", f"there is no {target}.{hint}", *_path_to(block.data, key))


def _path_to(data: object, key: str) -> tuple[str | int, ...]:
    """Where a key stands in a block; the block itself if it stands nowhere (a rate's product is the block's own key)."""
    if isinstance(data, dict):
        pairs: Iterable[tuple[str | int, object]] = data.items()
    elif isinstance(data, list):
        pairs = enumerate(data)
    else:
        return ()
    for name, value in pairs:
        if value == key and name != "name":
            return (name,)
        if inner := _path_to(value, key):
            return (name, *inner)
    return ()


def _order(
    resources: Mapping[Address, Resource], declared: Declared, kinds: Mapping[str, Kind]
) -> dict[Address, tuple[Address, ...]]:
    return {
        address: tuple(
            dict.fromkeys(
                other for other in (*resource.depends_on, *kinds[address.kind].after(resource, declared)) if other in resources
            )
        )
        for address, resource in resources.items()
    }


def _cycles(after: Mapping[Address, tuple[Address, ...]], spec: Spec) -> Iterable[Diagnostic]:
    try:
        TopologicalSorter(after).prepare()
    except CycleError as cycle:
        chain = [Address(step) for step in reversed(cycle.args[1])]
        block = spec.blocks[Address(chain[0].head)]
        yield block.problem("NV203", "References go round", f"{' needs '.join(chain)}: none of them can be made first.")
