"""A whole account as blocks of a spec and entries of a lockfile, such that a plan of the two is empty.

What a spec can't say is told, never dropped in silence. Nothing is believed: what was drafted goes through the same checks as
what a person wrote, and through the planner; what doesn't stand there is left out with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nova_iac.adopt.keys import Keyed, assign_keys
from nova_iac.adopt.record import block_of, not_said, prices_under
from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import Diagnostic, PlanError, Severity, SpecError
from nova_iac.kinds.base import Kind
from nova_iac.kinds.block import Block
from nova_iac.kinds.lookup import Names
from nova_iac.kinds.sighting import Sighting
from nova_iac.plan.change import PlanOptions
from nova_iac.plan.inputs import LiveState
from nova_iac.plan.planner import make_plan
from nova_iac.remote import Client
from nova_iac.resource import Address, Attributes, Value
from nova_iac.state.lockfile import LockEntry, Lockfile

Judge = Callable[[Mapping[Address, Value]], ResourceGraph]
"""Writes blocks as a spec, reads that, and builds its graph; raises SpecError for what doesn't stand."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What is told of one object: what a spec can't say of it, or why it is left out. subject is an address, or a name."""

    subject: str
    words: str


@dataclass(slots=True)
class Pulled:
    """An account as a spec. left_out are objects that aren't in it, beyond is what objects have besides what it says."""

    blocks: dict[Address, Value]
    entries: dict[Address, LockEntry] = field(default_factory=dict)
    left_out: list[Remark] = field(default_factory=list)
    beyond: list[Remark] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def read_account(
    client: Client, kinds: Mapping[str, Kind], now: str, announce: Callable[[Kind, int], None]
) -> dict[str, list[Sighting]]:
    """Every live object, by kind. One list for each kind, and one for each parent of those that are listed by parent.

    :param announce: told before the objects of a kind are asked for, with the number of parents that this takes.
    """
    seen: dict[str, list[Sighting]] = {}
    for kind in kinds.values():
        parents = [sighting.id for sighting in seen[kind.parent] if sighting.id] if kind.parent else []
        announce(kind, len(parents))
        seen[kind.name] = list(kind.survey(client, parents, now))
    return seen


def pull(seen: Mapping[str, Sequence[Sighting]], kinds: Mapping[str, Kind], empty: Lockfile, judge: Judge, now: str) -> Pulled:
    """The account as a spec and a lockfile's entries.

    :param empty: the lockfile that the entries are for.
    :raises SpecError: something is wrong that isn't an object's fault.
    """
    keyed = assign_keys(seen, kinds)
    draft = _Draft(keyed, kinds)
    while True:
        blocks = draft.blocks()
        try:
            graph = judge(blocks)
        except SpecError as found:
            draft.drop_broken(found.diagnostics)
            continue
        entries = draft.entries(graph)
        lockfile = empty.with_resources(entries)
        live = LiveState(True, frozenset(entries), {address: keyed.objects[address][1] for address in entries})
        try:
            plan = make_plan(
                graph, lockfile, live, kinds=kinds, now=now, options=PlanOptions(), spec_digest="", spec_file=""
            )  # fmt: skip
        except PlanError as found:
            draft.drop_broken(found.diagnostics)
            continue
        if not plan.doing:
            break
        for change in plan.doing:
            names = ", ".join(dict.fromkeys(part.path.partition("[")[0] for part in change.fields))
            draft.drop(change.address, f"a plan would change its {names}" if names else f"a plan would {change.action.word} it")
    draft.out.blocks, draft.out.entries = blocks, entries
    return draft.finish()


class _Draft:
    """The resources that are still in, and what is told of the others."""

    def __init__(self, keyed: Keyed, kinds: Mapping[str, Kind]) -> None:
        self.keyed, self.kinds = keyed, kinds
        self.out = Pulled({})
        self.declared: dict[Address, Attributes] = {}
        self._addresses = {sighting.id: address for address, (sighting, _) in keyed.objects.items() if sighting.id}
        self._sound: set[Address] = set()
        for address, (sighting, remote) in keyed.objects.items():
            kind = kinds[address.kind]
            attributes = kind.as_declared(remote.attributes)
            for name, other, ident in kind.unknown_references(attributes):
                attributes.pop(name, None)
                self.out.beyond.append(Remark(address, f"its {name}, for the {other.replace('_', ' ')} {ident} is archived"))
            self.declared[address] = attributes
            self.out.beyond += [Remark(address, words) for words in sighting.beyond]
        self._tell_homeless()

    def _tell_homeless(self) -> None:
        """Objects that are named by one without a key, which is archived."""
        told: dict[Remark, None] = {}
        for kind, sighting in self.keyed.homeless:
            name = sighting.see(Names({})).name
            ids = ", ".join(other for other in sighting.belongs if other not in self._addresses)
            what = f"its {self.kinds[kind].section} of {name or 'an object'} ({ids}), which is archived"
            told[Remark(str(self._addresses.get(sighting.parent or "", sighting.parent)), what)] = None
        self.out.left_out += told

    def drop(self, address: Address, why: str) -> None:
        """Leave a resource out."""
        if self.declared.pop(address, None) is not None:
            self.out.left_out.append(Remark(address, why.rstrip(".")))

    def drop_broken(self, problems: Sequence[Diagnostic]) -> None:
        """Leave out what the checks refuse.

        :raises SpecError: a problem is none of the account's.
        """
        count = len(self.declared)
        for problem in problems:
            if problem.severity is Severity.ERROR and problem.address is not None:
                for address in [one for one in self.declared if problem.address in (one, one.head)]:
                    self.drop(address, problem.detail)
        if len(self.declared) == count:
            raise SpecError(problems)

    def blocks(self) -> dict[Address, Value]:
        """The data of every block; what can't be said in one is left out here."""
        typed: dict[Address, Block] = {}
        by_block: dict[Address, dict[Address, Attributes]] = {}
        for address, attributes in self.declared.items():
            by_block.setdefault(Address(address.head), {})[address] = attributes
        for block, resources in by_block.items():
            kind = self.kinds[block.kind]
            for address in list(resources):
                if why := self._not_said(kind, address, resources[address], typed):
                    self.drop(address, why)
                    del resources[address]
            if resources:
                typed[block] = block_of(block, kind.block_data(resources, typed))
        return {address: block.data for address, block in typed.items()}

    def _not_said(self, kind: Kind, address: Address, attributes: Attributes, typed: Mapping[Address, Block]) -> str | None:
        """Why a resource can't be declared, as far as it can be told before the whole spec is read."""
        sighting, _ = self.keyed.objects[address]
        for other in (sighting.parent, *sighting.belongs):
            if other is not None and self._addresses[other] not in typed:
                return f"{self._addresses[other]} is left out"
        if not kind.appends or address in self._sound:
            return None
        if sighting.beyond:
            return f"{', '.join(sighting.beyond)}: a spec has no words for them"
        if why := not_said(kind, address, attributes, typed):
            return why
        self._sound.add(address)
        return None

    def entries(self, graph: ResourceGraph) -> dict[Address, LockEntry]:
        """What is recorded: what was declared, which the account is known to hold."""
        found = {}
        for address, resource in graph.resources.items():
            prices = prices_under(self.kinds[address.kind], self.kinds)
            ident = self.keyed.objects[address][0].id
            found[address] = LockEntry(ident, resource.attributes, resource.depends_on, resource.lifecycle, in_use=prices)
        return found

    def finish(self) -> Pulled:
        """The result, with what is told in the order of addresses."""
        out = self.out
        dropped = {remark.subject for remark in out.left_out}
        # What timelines have besides is the reason why they are left out, and has been said.
        named = {address for address in self.keyed.objects if address in dropped and not self.kinds[address.kind].appends}
        out.left_out += [remark for remark in out.beyond if remark.subject in named]
        out.left_out.sort(key=lambda remark: remark.subject)
        out.beyond = sorted((remark for remark in out.beyond if remark.subject in out.entries), key=lambda one: one.subject)
        present = {address.kind for address in out.entries}
        out.unreadable = [
            f"{kind.name}.{name}"
            for kind in self.kinds.values()
            for name, part in kind.fields.items()
            if kind.name in present and not part.readable
        ]
        return out
