"""Which addresses a plan is about: all, or what ``--target`` and ``--exclude`` leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from nova_iac.errors import PlanError
from nova_iac.plan.change import PlanOptions
from nova_iac.resource import Address, AddressPattern

Edges: TypeAlias = Mapping[Address, Iterable[Address]]


def in_scope(
    addresses: Iterable[Address], needs: Edges, parents: Mapping[Address, Address], options: PlanOptions
) -> set[Address]:
    """The addresses that are planned; everything else stays as it is, in the account and in the lockfile.

    :param needs: for each address, what it refers to or must come after.
    :param parents: for each nested address, the one it is nested under.
    :raises PlanError: a pattern names nothing.
    """
    known = set(addresses)
    if options.targets and options.excludes:
        raise PlanError("--target and --exclude don't combine: name either what to plan, or what to leave.")
    if options.targets:
        named = _with_children(_named(options.targets, known, "--target"), known, parents)
        return _closure(named, _reversed(needs) if options.destroy else needs, known, parents if options.destroy else {})
    if options.excludes:
        named = _named(options.excludes, known, "--exclude")
        if options.destroy:
            return known - _closure(named, needs, known, {})
        return known - _closure(_with_children(named, known, parents), _reversed(needs), known, parents)
    return known


def _named(patterns: Iterable[str], known: set[Address], option: str) -> set[Address]:
    found: set[Address] = set()
    heads: dict[str, set[Address]] = {}
    for address in known:
        heads.setdefault(address.head, set()).add(address)
    for text in patterns:
        pattern = AddressPattern(text)
        if "*" in text or "?" in text:
            matching = {address for address in known if pattern.matches(address)}
        else:
            matching = heads.get(text, set()) | {address for address in heads.get(Address(text).head, ()) if address == text}
        if not matching:
            raise PlanError(f"{option} {text} names no resource of this spec or its lockfile.")
        found |= matching
    return found


def _with_children(named: set[Address], known: set[Address], parents: Mapping[Address, Address]) -> set[Address]:
    return named | {address for address in known if parents.get(address) in named}


def _closure(named: set[Address], edges: Edges, known: set[Address], parents: Mapping[Address, Address]) -> set[Address]:
    """named and all that can be reached over edges; with parents given, children are reached from their parent too."""
    children: dict[Address, list[Address]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    found, work = set(named), list(named)
    while work:
        address = work.pop()
        for other in (*edges.get(address, ()), *children.get(address, ())):
            if other in known and other not in found:
                found.add(other)
                work.append(other)
    return found


def _reversed(edges: Edges) -> dict[Address, list[Address]]:
    back: dict[Address, list[Address]] = {}
    for address, others in edges.items():
        for other in others:
            back.setdefault(other, []).append(address)
    return back
