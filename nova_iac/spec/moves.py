"""``moved``: which recorded resource a block with a new key is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from nova_iac.errors import Diagnostic
from nova_iac.kinds import KINDS
from nova_iac.resource import Address, AddressError
from nova_iac.spec import nodes
from nova_iac.spec.layout import path_of
from nova_iac.spec.overrides import instead_of_address
from nova_iac.spec.problems import place, problem, shorten


def read_moves(block: nodes.Node | None) -> tuple[dict[Address, Address], list[Diagnostic]]:
    """The moves that are well formed, and what is wrong with the others. What exists is not looked at."""
    moves: dict[Address, Address] = {}
    problems: list[Diagnostic] = []
    if not isinstance(block, nodes.Mapping):
        return moves, problems
    for name, node in block.entries.items():
        old = _address(block.keys[name], problems)
        new = _address(node, problems) if isinstance(node, nodes.Scalar) else None
        if old is None or new is None:
            continue
        if old.kind != new.kind:
            problems.append(problem("NV226", f"a {old.kind} can't become a {new.kind}.", place(node)))
        elif old == new or new in moves.values():
            why = "moves to itself" if old == new else f"is not the only one that moves to {new}"
            problems.append(problem("NV226", f"{old} {why}: remove this entry.", place(node)))
        else:
            moves[old] = new
    return moves, problems


def check_moves(
    moves: dict[Address, Address], block: nodes.Node | None, declared: Collection[Address], excluded: Collection[Address]
) -> list[Diagnostic]:
    """A move leads from an address that has no block any more to one that has."""
    problems: list[Diagnostic] = []
    for old, new in moves.items():
        assert isinstance(block, nodes.Mapping)
        if old in declared:
            detail = f"{old} still has a block of its own, so nothing has moved: remove one of the two."
            problems.append(problem("NV226", detail, place(block.keys[old])))
        if new not in declared and new not in excluded and new not in moves:
            known: Sequence[Address] = list(declared)
            detail = f"there is no {new} in this spec; {instead_of_address(new, known)}"
            problems.append(problem("NV226", detail, place(block.entries[old])))
    return problems


def _address(node: nodes.Scalar, problems: list[Diagnostic]) -> Address | None:
    try:
        address = Address.parse(node.text)
    except AddressError:
        address = None
    if address is None or path_of(address) is None:
        detail = f"{shorten(node.text)} is not the address of a block, such as product.api; kinds: {', '.join(KINDS)}."
        problems.append(problem("NV226", detail, place(node)))
        return None
    return address
