"""What is recorded of a live object that is taken for a declared resource, and what of one that nobody has declared yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nova_iac import timeline
from nova_iac.errors import Location, Severity
from nova_iac.kinds.base import Kind
from nova_iac.kinds.block import Block
from nova_iac.money import MoneyError
from nova_iac.plan.verdict import Case, live_value
from nova_iac.resource import Address, Attributes, RemoteObject, Resource, Value
from nova_iac.state.lockfile import LockEntry

_NOWHERE = Location("", 1, 1)


def entry_of(kind: Kind, resource: Resource, live: RemoteObject, kinds: Mapping[str, Kind]) -> LockEntry:
    """The entry of a declared resource that is this object: its declared fields, with the values that the account has.

    So what differs from the spec is a change of the next plan and no drift, and what the spec doesn't say isn't managed. What
    can't be read back is taken as it is declared.
    """
    if kind.appends:
        declared: Sequence[timeline.Entry] = resource.attributes[kind.appends]
        attributes: Attributes = {kind.appends: _comparable(declared, live.attributes[kind.appends])}
    else:
        attributes = {name: value for name, value in _live_values(kind, resource, live).items() if value is not None}
    return LockEntry(live.id, attributes, resource.depends_on, resource.lifecycle, in_use=prices_under(kind, kinds))


def differing(kind: Kind, resource: Resource, live: RemoteObject) -> list[str]:
    """The declared fields that an object has otherwise."""
    return [name for name, value in _live_values(kind, resource, live).items() if value != resource.attributes[name]]


def _live_values(kind: Kind, resource: Resource, live: RemoteObject) -> dict[str, Value]:
    case = Case(resource.address, kind, resource, LockEntry(live.id, resource.attributes), live, read=True)
    return {
        name: live_value(case, name, value) if kind.fields[name].readable else value
        for name, value in resource.attributes.items()
    }


def _comparable(declared: Sequence[timeline.Entry], live: Sequence[timeline.Entry]) -> Sequence[timeline.Entry]:
    """A live timeline from the first declared entry on; as declared where that is the same function of time."""
    if timeline.same(declared, live):
        return declared
    steps = timeline.steps(live, since=min(entry["starting_at"] for entry in declared))
    found: list[timeline.Entry] = []
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if step.value is not None:
            end = {"ending_before": following.starting_at} if following and following.value is None else {}
            found.append({"starting_at": step.starting_at, **end, **step.value})
    return found


def prices_under(kind: Kind, kinds: Mapping[str, Kind]) -> bool:
    """Whether a kind holds timelines, so that an object of it that was taken over is in use."""
    return any(child.parent == kind.name and child.appends for child in kinds.values())


def block_of(address: Address, data: Value) -> Block:
    """A block that stands nowhere yet."""
    return Block(address, data, _NOWHERE, lambda _: _NOWHERE)


def not_said(kind: Kind, address: Address, attributes: Attributes, blocks: Mapping[Address, Block]) -> str | None:
    """Why a spec can't say a resource as it is, None if it can.

    :param blocks: the blocks that it refers to.
    """
    block = block_of(Address(address.head), kind.block_data({address: attributes}, blocks))
    try:
        resources, problems = kind.expand(block, blocks)
    except MoneyError as unfit:
        return str(unfit)
    for problem in problems:
        if problem.severity is Severity.ERROR:
            return problem.detail
    said = {resource.address: resource.attributes for resource in resources}
    if said.keys() != {address}:
        return "a spec has no words for it"
    now, then = attributes, said[address]
    same = timeline.same(then[kind.appends], now[kind.appends]) if kind.appends else then == now
    return None if same else "a spec has no words for it"
