"""From tasks to calls in their order, each with what it leaves recorded."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from nova_iac.kinds.base import Call, Kind, Task
from nova_iac.plan.change import PlannedCall
from nova_iac.resource import NO_LIFECYCLE, Action, Address, Lifecycle, Ref
from nova_iac.state.journal import Effect
from nova_iac.state.lockfile import Lockfile


@dataclass(frozen=True, slots=True)
class Work:
    """A task and what the planner knows about its resource.

    depends_on and lifecycle are recorded with it. dropped are recorded attributes that are no longer managed. keeps_old: the id
    that a create replaces is still to be archived. probe: sent before everything else.
    """

    task: Task
    depends_on: tuple[Address, ...] = ()
    lifecycle: Lifecycle = NO_LIFECYCLE
    dropped: tuple[str, ...] = ()
    keeps_old: bool = False
    superseded: bool = False
    probe: bool = False
    recorded: bool = True


@dataclass(slots=True)
class _Node:
    call: Call
    works: dict[Address, Work]
    archives: bool
    sequence: int
    needs: set[int] = field(default_factory=set)


def plan_calls(
    works: Sequence[Work],
    after: Mapping[Address, Sequence[Address]],
    lockfile: Lockfile,
    kinds: Mapping[str, Kind],
    in_use_after: Mapping[Address, Sequence[Address]],
) -> tuple[PlannedCall, ...]:
    """The calls of all tasks, in an order in which each comes after what it needs. Equal inputs, equal order.

    :param after: for each declared resource, those that must be in place before it is created.
    :param in_use_after: cards that are in use once these rates are in place.
    """
    nodes = list(_nodes(works, kinds))
    _connect(nodes, after, lockfile, kinds)
    order = _sorted(nodes, kinds)
    index_of = {node.sequence: index for index, node in enumerate(order)}
    last = _last_calls(order)
    in_use = _in_use(order, in_use_after)
    made = {node.call.creates for node in nodes}
    return tuple(
        PlannedCall(
            node.call,
            node.call.endpoint.path_for(_known_ids(node.call.params, lockfile, made)),
            tuple(sorted(index_of[need] for need in node.needs)),
            _effects(node, index, last) | {card: Effect(in_use=True) for card in in_use.get(index, ())},
            any(work.probe for work in node.works.values()),
        )
        for index, node in enumerate(order)
    )


def _nodes(works: Sequence[Work], kinds: Mapping[str, Kind]) -> Iterator[_Node]:
    """Calls of what is made and changed by kind, then of what is archived, so that each kind sees its tasks together."""
    sequence = 0
    for archives in (False, True):
        for name, kind in kinds.items():
            chosen = [work for work in works if work.task.address.kind == name and _is_archive(work.task, kind) is archives]
            by_address = {work.task.address: work for work in chosen}
            for call in kind.calls([work.task for work in chosen]):
                covered = {address: by_address[address] for address in call.covers if address in by_address}
                yield _Node(call, covered, archives, sequence)
                sequence += 1


def _is_archive(task: Task, kind: Kind) -> bool:
    return task.action is Action.ARCHIVE and not kind.appends


def _connect(
    nodes: Sequence[_Node], after: Mapping[Address, Sequence[Address]], lockfile: Lockfile, kinds: Mapping[str, Kind]
) -> None:
    creators = {node.call.creates: node for node in nodes if node.call.creates}
    covering: dict[Address, list[_Node]] = {}
    for node in nodes:
        for address in node.call.covers:
            covering.setdefault(address, []).append(node)
    freeing = {token: node for node in nodes for token in node.call.frees}
    dependants: dict[Address, list[Address]] = {}
    for address, entry in lockfile.resources.items():
        for other in entry.depends_on:
            dependants.setdefault(other, []).append(address)
    for node in nodes:
        for target in _refs(node.call.params):
            if (creator := creators.get(target)) and creator is not node:
                node.needs.add(creator.sequence)
        for token in node.call.takes:
            if (freer := freeing.get(token)) and freer is not node:
                node.needs.add(freer.sequence)
        if node.call.creates:
            before = after.get(node.call.creates, ())
            node.needs |= {other.sequence for address in before for other in covering.get(address, ()) if not other.archives} - {
                node.sequence
            }
        if node.archives:
            gone = [address for address in node.works if address in lockfile.resources]
            users = [user for address in gone for user in dependants.get(address, ())]
            node.needs |= {
                other.sequence
                for user in users
                for other in covering.get(user, ())
                if other is not node and not set(other.works) & set(node.works)
            }
    for address, chain in covering.items():
        first_archived = kinds[address.kind].replace_order == "archive first"
        # What refers to the new object comes after its create, also where both are of one kind.
        maker = creators[address].sequence if address in creators else None
        ordered = sorted(chain, key=lambda node: (node.archives is not first_archived, maker in node.needs, node.sequence))
        for earlier, later in pairwise(ordered):
            later.needs.add(earlier.sequence)


def _sorted(nodes: Sequence[_Node], kinds: Mapping[str, Kind]) -> list[_Node]:
    """A topological order; among those that are free, by kind, address and sequence. Probes come first of all."""
    rank = {name: number for number, name in enumerate(kinds)}

    def key(node: _Node) -> tuple[bool, bool, int, str, int]:
        address = node.call.covers[0]
        kind = rank[address.kind]
        probe = any(work.probe for work in node.works.values())
        return (not probe, node.archives, -kind if node.archives else kind, address, node.sequence)

    by_sequence = {node.sequence: node for node in nodes}
    waiting = {node.sequence: len(node.needs) for node in nodes}
    followers: dict[int, list[int]] = {}
    for node in nodes:
        for need in node.needs:
            followers.setdefault(need, []).append(node.sequence)
    free = [(key(node), node.sequence) for node in nodes if not node.needs]
    heapq.heapify(free)
    order: list[_Node] = []
    while free:
        _, sequence = heapq.heappop(free)
        order.append(by_sequence[sequence])
        for follower in followers.get(sequence, ()):
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(free, (key(by_sequence[follower]), follower))
    if len(order) < len(nodes):
        stuck = sorted(str(node.call.covers[0]) for node in nodes if waiting[node.sequence])
        raise AssertionError(f"the calls for {', '.join(stuck)} wait for each other")
    return order


def _last_calls(order: Sequence[_Node]) -> dict[tuple[Address, bool], int]:
    """For each address and role, the index of the last call that covers it."""
    return {(address, node.archives): index for index, node in enumerate(order) for address in node.call.covers}


def _in_use(order: Sequence[_Node], in_use_after: Mapping[Address, Sequence[Address]]) -> dict[int, list[Address]]:
    """After which call a card's whole first set of rates is in place; calls for one card follow each other."""
    found: dict[int, list[Address]] = {}
    for card, rates in in_use_after.items():
        wanted = set(rates)
        indexes = [index for index, node in enumerate(order) if wanted & set(node.call.covers)]
        if indexes:
            for earlier, later in pairwise(indexes):
                order[later].needs.add(order[earlier].sequence)
            found.setdefault(indexes[-1], []).append(card)
    return found


def _effects(node: _Node, index: int, last: Mapping[tuple[Address, bool], int]) -> dict[Address, Effect]:
    effects: dict[Address, Effect] = {}
    call = node.call
    for address in call.covers:
        work = node.works.get(address)
        is_last = last[address, node.archives] == index
        if work is None:
            # Covered by another's call: a contract that goes with its customer, a rate with its card.
            if node.archives and is_last and any(address in owner.task.children for owner in node.works.values()):
                effects[address] = Effect(remove=True)
            continue
        effect = _effect(work, call, address, is_last, node.archives)
        if effect is not None:
            effects[address] = effect
    return effects


def _effect(work: Work, call: Call, address: Address, is_last: bool, archives: bool) -> Effect | None:
    task = work.task
    if archives:
        if not is_last:
            params = call.endpoint.body_for(call.params)
            return Effect(set={name: params[name] for name in call.sets.get(address, ())})
        return Effect(archived=task.id) if work.superseded else Effect(remove=True)
    if not work.recorded:
        return None
    if task.action is Action.ARCHIVE:
        return Effect(remove=True) if is_last else None
    names = call.sets.get(address, ())
    effect_set = {name: task.desired[name] for name in names if name in task.desired}
    dropped = tuple(name for name in names if name not in task.desired)
    if not is_last and call.creates != address:
        return Effect(set=effect_set, drop=dropped)
    return Effect(
        set=dict(task.desired) if is_last else effect_set,
        drop=work.dropped if is_last else dropped,
        depends_on=work.depends_on,
        lifecycle=work.lifecycle,
        creates=call.creates == address,
        supersedes=work.keeps_old,
    )


def _refs(value: Any) -> Iterable[Address]:
    if isinstance(value, Ref):
        yield value.address
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _refs(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _refs(part)


def _known_ids(params: Mapping[str, Any], lockfile: Lockfile, made: Collection[Address | None]) -> dict[str, Any]:
    """Parameters with the ids that are known already, for the path that is shown; what this plan makes anew has none yet."""
    return {
        name: entry.id
        if isinstance(value, Ref) and value.address not in made and (entry := lockfile.resources.get(value.address))
        else value
        for name, value in params.items()
    }
