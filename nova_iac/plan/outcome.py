"""From verdicts to what a plan holds: work for calls, changes for people, and what is recorded without a call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from nova_iac.desired.graph import ResourceGraph
from nova_iac.kinds.base import Kind, Task
from nova_iac.plan.calls import Work
from nova_iac.plan.change import Change, FieldChange, PlannedCall
from nova_iac.plan.decide import parent_of
from nova_iac.plan.diff import all_fields, timeline_changes
from nova_iac.plan.twins import Twins
from nova_iac.plan.verdict import Case, Times, Verdict, canonical_json, digest_of
from nova_iac.resource import NO_LIFECYCLE, Action, Address
from nova_iac.state.journal import Effect
from nova_iac.state.lockfile import Lockfile

RISK: Final = (
    Action.ARCHIVE,
    Action.REPLACE,
    Action.UPDATE,
    Action.SCHEDULE,
    Action.FORGET,
    Action.ADOPT,
    Action.CREATE,
    Action.NOOP,
)
"""Actions in the order in which a reviewer should look at them."""


class Outcome:
    """Reads verdicts; decides nothing any more."""

    def __init__(
        self,
        verdicts: Mapping[Address, Verdict],
        graph: ResourceGraph,
        lockfile: Lockfile,
        kinds: Mapping[str, Kind],
        times: Times,
        twins: Twins,
    ) -> None:
        self.verdicts, self.graph, self.lockfile = verdicts, graph, lockfile
        self.kinds, self.times, self.twins = kinds, times, twins
        self._children: dict[Address, list[Address]] = {}
        for address in lockfile.resources:
            if parent := parent_of(address, kinds[address.kind]):
                self._children.setdefault(parent, []).append(address)

    def works(self) -> list[Work]:
        """What is to be expressed as calls."""
        return [work for verdict in self.verdicts.values() for work in self._works_of(verdict)]

    def _works_of(self, verdict: Verdict) -> Iterable[Work]:
        case, entry = verdict.case, verdict.case.entry
        desired = {} if case.desired is None else case.desired.attributes
        known = Work(
            Task(case.address, verdict.action),
            () if case.desired is None else case.desired.depends_on,
            NO_LIFECYCLE if case.desired is None else case.desired.lifecycle,
            tuple(name for name in case.recorded if name not in desired),
        )
        live = verdict.adopted or case.live
        create = Task(
            case.address, Action.CREATE, None, desired, after=desired, live=live, posts=verdict.posts, now=self.times.now
        )
        match verdict.action:
            case Action.CREATE:
                yield replace(known, task=create, probe=self.twins.is_probe(case.address))
            case Action.REPLACE:
                archived = case.live is not None and case.live.archived
                if verdict.changed or case.absent:
                    keeps = case.kind.replace_order == "create first" and not case.absent
                    yield replace(known, task=create, keeps_old=keeps)
                if entry and entry.id and not case.absent and verdict.changed and not archived:
                    yield Work(self._archive(verdict, entry.id), superseded=case.kind.replace_order == "create first")
                for old in entry.superseded if entry else ():
                    yield Work(self._archive(verdict, old), superseded=True)
            case Action.ARCHIVE if case.kind.appends:
                yield Work(Task(case.address, Action.ARCHIVE, posts=verdict.posts, now=self.times.now))
            case Action.ARCHIVE if entry is not None:
                if not self._covered(case):
                    yield Work(self._archive(verdict, entry.id))
                for old in entry.superseded:
                    yield Work(self._archive(verdict, old), superseded=True)
            case Action.FORGET if entry is not None and case.keeps:
                yield Work(self._archive(verdict, entry.id))
            case Action.UPDATE | Action.SCHEDULE | Action.ADOPT | Action.NOOP if verdict.changed or verdict.posts:
                task = Task(
                    case.address,
                    Action.UPDATE,
                    verdict.adopted.id if verdict.adopted else entry.id if entry else None,
                    desired,
                    before=live.attributes if verdict.adopted and live else case.before,
                    after={**desired, **verdict.changed},
                    changed=tuple(verdict.changed),
                    effective=verdict.effective,
                    posts=verdict.posts,
                    live=live,
                    covered=tuple(sorted(verdict.moves)),
                    now=self.times.now,
                )
                yield replace(known, task=task, recorded=verdict.action is not Action.NOOP)

    def _archive(self, verdict: Verdict, remote_id: str | None) -> Task:
        case = verdict.case
        children: tuple[Address, ...] = ()
        if verdict.action is Action.ARCHIVE:
            recorded = self._children.get(case.address, ())
            children = tuple(address for address in recorded if address.kind in case.kind.archive_covers)
        return Task(
            case.address, Action.ARCHIVE, remote_id, before=case.before, live=case.live, children=children, now=self.times.now
        )

    def _covered(self, case: Case) -> bool:
        """Whether the parent's archive takes this one along."""
        parent = parent_of(case.address, case.kind)
        verdict = self.verdicts.get(parent) if parent else None
        return verdict is not None and verdict.action is Action.ARCHIVE and case.kind.name in verdict.case.kind.archive_covers

    def changes(self) -> tuple[Change, ...]:
        """What happens to each resource, riskiest first; no-ops last."""
        rank = {name: number for number, name in enumerate(self.kinds)}
        changes = []
        for verdict in self.verdicts.values():
            case = verdict.case
            fields = verdict.fields
            if verdict.action is Action.CREATE and case.desired is not None:
                fields = _created_fields(case)
            elif verdict.action is Action.ARCHIVE and not fields:
                fields = all_fields(case.before, created=False)
            desired = {} if case.desired is None else case.desired.attributes
            remote = verdict.adopted.id if verdict.adopted else case.entry.id if case.entry else None
            touched = verdict.action not in (Action.NOOP, Action.CREATE) or verdict.moves or case.absent
            hidden = 0 if case.kind.appends else max(0, len(desired) - len(verdict.changed))
            changes.append(
                Change(
                    case.address,
                    verdict.action,
                    verdict.reason,
                    remote,
                    tuple(fields),
                    verdict.effective if verdict.action not in (Action.NOOP, Action.CREATE) else None,
                    digest_of(verdict.adopted or case.live) if touched else None,
                    hidden,
                    case.desired.location if case.desired else None,
                )
            )
        return tuple(sorted(changes, key=lambda one: (RISK.index(one.action), rank[one.address.kind], one.address)))

    def records(self, calls: Sequence[PlannedCall], in_use: Sequence[Address]) -> dict[Address, Effect]:
        """Entries that change without a call: forgotten, adopted, or in place already.

        :param in_use: cards whose first set of rates is in place though no call of this plan puts it there.
        """
        records: dict[Address, Effect] = {}
        covered = {address for call in calls for address in call.effects}
        for verdict in self.verdicts.values():
            case = verdict.case
            if verdict.action is Action.FORGET and case.address not in covered:
                records[case.address] = Effect(remove=True)
            elif verdict.action is Action.ADOPT:
                records[case.address] = self._adoption(verdict)
            elif case.desired and case.entry and case.address not in covered and (effect := _settled(case)):
                records[case.address] = effect
        for card in in_use:
            if card in self.lockfile.resources and not self.lockfile.resources[card].in_use:
                records[card] = Effect(in_use=True)
        return records

    def _adoption(self, verdict: Verdict) -> Effect:
        desired = verdict.case.desired
        assert desired is not None
        in_place = {name: value for name, value in desired.attributes.items() if name not in verdict.changed}
        prices = any(kind.parent == desired.address.kind and kind.appends for kind in self.kinds.values())
        return Effect(
            set=in_place,
            depends_on=desired.depends_on,
            lifecycle=desired.lifecycle,
            id=None if verdict.adopted is None else verdict.adopted.id,
            in_use=True if prices else None,
        )

    def in_use_after(self) -> dict[Address, list[Address]]:
        """Cards that aren't in use yet, and the declared rates that make them so; only where all of them are planned."""
        waiting: dict[Address, list[Address]] = {}
        partial: set[Address] = set()
        for address in self.graph.resources:
            kind = self.kinds[address.kind]
            parent = parent_of(address, kind)
            if not kind.appends or parent is None:
                continue
            entry = self.lockfile.resources.get(parent)
            if entry is not None and entry.in_use:
                continue
            waiting.setdefault(parent, []).append(address)
            if address not in self.verdicts:
                partial.add(parent)
        return {card: rates for card, rates in waiting.items() if card not in partial}

    def rename_notes(self) -> Iterable[str]:
        """A resource that goes and one that comes, alike in every field, are most likely one whose key changed."""
        come: dict[tuple[str, str], Address] = {}
        for verdict in self.verdicts.values():
            case = verdict.case
            if verdict.action is Action.CREATE and case.desired is not None and not case.kind.appends:
                come.setdefault((case.kind.name, canonical_json(case.desired.attributes)), case.address)
        for old in self.verdicts.values():
            # What goes with its parent is renamed with it.
            if old.action is not Action.ARCHIVE or old.case.kind.appends or self._covered(old.case):
                continue
            new = come.get((old.case.kind.name, canonical_json(old.case.recorded)))
            if new and parent_of(new, old.case.kind) == parent_of(old.address, old.case.kind):
                yield f"{old.address} and {new} look like a rename: add `moved: {{{old.address}: {new}}}` to keep the object."


def _created_fields(case: Case) -> list[FieldChange]:
    assert case.desired is not None
    if case.kind.appends:
        return timeline_changes(case.desired.attributes[case.kind.appends], ())
    return all_fields(case.desired.attributes, created=True)


def _settled(case: Case) -> Effect | None:
    """What to record of a resource that needs no call: the account has it already, or only its guards changed."""
    assert case.desired is not None
    assert case.entry is not None
    desired = case.desired
    kept = {name: value for name, value in desired.attributes.items() if name not in case.ignored or name not in case.recorded}
    changed = {name: value for name, value in kept.items() if case.recorded.get(name) != value}
    dropped = tuple(name for name in case.recorded if name not in desired.attributes)
    same = case.entry.depends_on == desired.depends_on and case.entry.lifecycle == desired.lifecycle
    if not changed and not dropped and same:
        return None
    return Effect(set=changed, drop=dropped, depends_on=desired.depends_on, lifecycle=desired.lifecycle)
