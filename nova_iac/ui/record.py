"""What is recorded, under the addresses that the spec has now."""

from __future__ import annotations

from collections.abc import Mapping

from nova_iac.desired.graph import ResourceGraph
from nova_iac.kinds import KINDS
from nova_iac.plan.moved import apply_moves
from nova_iac.resource import Address
from nova_iac.state.folding import Folded
from nova_iac.state.lockfile import LockEntry


def recorded(graph: ResourceGraph, folded: Folded | None) -> Mapping[Address, LockEntry]:
    """By address, ``moved:`` of the spec taken into account; nothing before the first apply."""
    return {} if folded is None else apply_moves(graph, folded.lockfile, KINDS)[0].resources


def known(graph: ResourceGraph, folded: Folded | None) -> list[Address]:
    """Everything declared or recorded, in the order of the spec; what is only recorded comes last."""
    return list(dict.fromkeys([*graph.resources, *recorded(graph, folded)]))


def id_of(entries: Mapping[Address, LockEntry], address: Address) -> str | None:
    """The id of a recorded resource."""
    entry = entries.get(address)
    return None if entry is None else entry.id
