"""Planning: a pure function of what is desired, recorded and live, of the time, and of the options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import Diagnostic, PlanError, Severity
from nova_iac.kinds.base import Kind, Task
from nova_iac.plan.calls import Work, plan_calls
from nova_iac.plan.change import Change, FieldChange, Plan, PlannedCall, PlanOptions
from nova_iac.plan.diff import all_fields, timeline_changes
from nova_iac.plan.guards import guards_of
from nova_iac.plan.inputs import LiveState
from nova_iac.plan.moved import apply_moves
from nova_iac.plan.scope import in_scope
from nova_iac.plan.twins import Twins
from nova_iac.plan.verdict import (
    Case,
    Times,
    Verdict,
    compare,
    digest_of,
    drift_of,
    end_timeline,
    problem,
)
from nova_iac.resource import NO_LIFECYCLE, Action, Address, RemoteObject
from nova_iac.state.journal import Effect, Intent
from nova_iac.state.lockfile import LockEntry, Lockfile

RISK = (
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


def make_plan(
    graph: ResourceGraph,
    lockfile: Lockfile,
    live: LiveState,
    *,
    kinds: Mapping[str, Kind],
    now: str,
    options: PlanOptions,
    spec_digest: str,
    spec_file: str,
    unresolved: Sequence[Intent] = (),
    first: bool = False,
) -> Plan:
    """The plan that makes the account match the graph.

    :param now: a canonical instant.
    :param unresolved: intents of an interrupted run that recovery will settle before anything else is sent.
    :param first: the lockfile did not exist before this run.
    :raises PlanError: with every reason why this can't be planned.
    """
    return _Planner(graph, lockfile, live, kinds, now, options, spec_digest, spec_file, unresolved, first).plan()


def addresses_in_scope(
    graph: ResourceGraph, lockfile: Lockfile, kinds: Mapping[str, Kind], options: PlanOptions
) -> list[Address]:
    """Everything declared or recorded that the options leave to be planned, declared ones first.

    :raises PlanError: ``--target`` or ``--exclude`` names nothing.
    """
    known = [*graph.resources, *(address for address in lockfile.resources if address not in graph.resources)]
    if not options.targets and not options.excludes:
        return known
    needs = {
        address: graph.after.get(address) or (entry.depends_on if (entry := lockfile.resources.get(address)) else ())
        for address in known
    }
    scope = in_scope(known, needs, _parents(known, kinds), options)
    return [address for address in known if address in scope]


class _Planner:
    def __init__(
        self,
        graph: ResourceGraph,
        lockfile: Lockfile,
        live: LiveState,
        kinds: Mapping[str, Kind],
        now: str,
        options: PlanOptions,
        spec_digest: str,
        spec_file: str,
        unresolved: Sequence[Intent],
        first: bool,
    ) -> None:
        self.graph, self.live, self.kinds, self.options = graph, live, kinds, options
        self.spec_digest, self.spec_file, self.unresolved = spec_digest, spec_file, unresolved
        self.times = Times.at(now, options.effective_at)
        self.lockfile, self.move_effects, self.notes = apply_moves(graph, lockfile)
        self.pending = {intent.creates for intent in unresolved if intent.creates}
        self.twins = Twins(live, options, lineage_known=not first, pending=self.pending)
        self.verdicts: dict[Address, Verdict] = {}
        self.warnings: list[Diagnostic] = list(graph.warnings)
        self.problems: list[Diagnostic] = []
        self.dependants = _dependants(graph, self.lockfile)

    def plan(self) -> Plan:
        addresses = addresses_in_scope(self.graph, self.lockfile, self.kinds, self.options)
        for address in addresses:
            self.verdicts[address] = self._decide(self._case(address))
        self._follow_replacements()
        for verdict in self.verdicts.values():
            self.problems += verdict.problems
        if self.problems:
            count = len(self.problems)
            raise PlanError(
                f"no plan can be made: {count} {'problem' if count == 1 else 'problems'}",
                sorted(self.problems, key=Diagnostic.sort_key),
            )
        works = self._works()
        in_use_after = self._in_use_after()
        calls = plan_calls(works, self.graph.after, self.lockfile, self.kinds, in_use_after)
        changes = self._changes()
        self._note_renames()
        drift = [found for address in addresses if (found := drift_of(self.verdicts[address].case))]
        tasks = [work.task for work in works]
        called = {card for card, rates in in_use_after.items() for call in calls if set(rates) & set(call.call.covers)}
        return Plan(
            environment=self.lockfile.environment,
            base_url=self.lockfile.base_url,
            lineage=self.lockfile.lineage,
            serial=self.lockfile.serial,
            spec_digest=self.spec_digest,
            spec_file=self.spec_file,
            options=self.options,
            changes=changes,
            calls=calls,
            drift=tuple(drift),
            guards=tuple(
                guards_of(self.verdicts.values(), tasks, changes, self.lockfile, self.live, self.kinds, self.options, self.times)
            ),
            warnings=tuple(self.warnings),
            notes=tuple(self.notes),
            records=self._records(calls, [card for card in in_use_after if card not in called]),
            in_use_after={card: tuple(rates) for card, rates in in_use_after.items()},
            moves={
                verdict.address: digest_of(verdict.case.live)
                for verdict in self.verdicts.values()
                if verdict.moves and verdict.action is Action.NOOP
            },
        )

    # --- what each address comes to ------------------------------------------------------------------------------------

    def _case(self, address: Address) -> Case:
        entry = self.lockfile.resources.get(address)
        read = self.live.refreshed and (address in self.live.asked)
        return Case(
            address, self.kinds[address.kind], self.graph.resources.get(address), entry, self.live.objects.get(address), read
        )

    def _decide(self, case: Case) -> Verdict:
        if case.desired is None:
            return self._gone(case)
        if case.entry is None:
            return self._new(case)
        if self._remade(_parent(case.address, case.kind)):
            return Verdict(case, Action.CREATE, "its parent is made again")
        if case.absent:
            return self._found_absent(case)
        verdict = compare(case, self.dependants.get(case.address, ()), self.times)
        if case.entry.superseded and verdict.action is Action.NOOP:
            verdict.action, verdict.reason = Action.REPLACE, "an interrupted replacement is finished: the old object is archived"
        return verdict

    def _new(self, case: Case) -> Verdict:
        if case.kind.appends:
            verdict = compare(case, (), self.times)
            if verdict.action is Action.NOOP:
                verdict.action = Action.ADOPT
                verdict.reason = "declared and not recorded; it is in place already"
            return verdict
        candidates = self.twins.candidates(case)
        adopted = self.twins.adopts(case, candidates)
        if isinstance(adopted, RemoteObject):
            return self._adopt(case, adopted)
        diagnostics = adopted or self.twins.judge(case, candidates)
        verdict = Verdict(case, Action.CREATE, "declared and not recorded")
        self.warnings += [one for one in diagnostics if one.severity is Severity.WARNING]
        verdict.problems += [one for one in diagnostics if one.severity is Severity.ERROR]
        return verdict

    def _adopt(self, case: Case, found: RemoteObject) -> Verdict:
        entry = LockEntry(found.id, {})
        adopted_case = Case(case.address, case.kind, case.desired, entry, found, read=True)
        verdict = compare(adopted_case, (), self.times)
        if verdict.action is Action.REPLACE:
            names = ", ".join(change.path for change in verdict.fields)
            verdict.problems.append(
                problem(case, "NV414", "Object can't be adopted", f"{found.id} differs in {names}, which can't change in place.")
            )
        verdict.action, verdict.adopted = Action.ADOPT, found
        verdict.reason = f"found in the account by {case.kind.identity}"
        return verdict

    def _found_absent(self, case: Case) -> Verdict:
        state = "gone from the account" if case.live is None else "archived in the account"
        if case.kind.when_archived == "refuse":
            verdict = Verdict(case, Action.NOOP, state)
            verdict.problems.append(
                problem(
                    case, "NV412", "Object was archived outside",
                    f"it is {state}, and made again it would price what was billed before. Add a new key for a new one, or drop "
                    f"this one with `nova-iac state forget {case.address}`.",
                )
            )  # fmt: skip
            return verdict
        if case.kind.when_archived == "replace":
            return Verdict(case, Action.REPLACE, f"it is {state}; a new one takes its place")
        return Verdict(case, Action.CREATE, f"it is {state}")

    def _gone(self, case: Case) -> Verdict:
        """Recorded and no longer declared."""
        if case.absent:
            return Verdict(case, Action.FORGET, "no longer declared, and archived in the account already")
        parent = _parent(case.address, case.kind)
        parent_goes = parent is not None and parent in self.lockfile.resources and parent not in self.graph.resources
        if case.kind.appends:
            if parent_goes or (parent is not None and parent not in self.lockfile.resources):
                return Verdict(case, Action.FORGET, "goes with its card: rates can't be archived")
            return end_timeline(case, self.times)
        return Verdict(case, Action.ARCHIVE, "no longer declared" if not self.options.destroy else "everything is taken down")

    def _remade(self, parent: Address | None) -> bool:
        verdict = self.verdicts.get(parent) if parent else None
        return verdict is not None and verdict.action in (Action.CREATE, Action.REPLACE) and verdict.case.entry is not None

    def _follow_replacements(self) -> None:
        """What refers to a replaced object is moved to the new one, by a call of its own that is no change of its own."""
        replaced = [verdict for verdict in self.verdicts.values() if verdict.action is Action.REPLACE]
        for old in replaced:
            for user in self.dependants.get(old.address, ()):
                # Also what --target leaves out is moved: the old object is archived behind it.
                verdict = self.verdicts.get(user) or Verdict(self._case(user), Action.NOOP, "nothing differs")
                if verdict.case.desired is None or verdict.case.entry is None:
                    continue
                if verdict.action not in (Action.NOOP, Action.UPDATE):
                    continue
                names = verdict.case.kind.reference_fields(verdict.case.desired.attributes, old.address)
                moved = [name for name in names if name not in verdict.changed]
                if not moved or (not old.changed and old.case.entry and old.case.entry.superseded):
                    continue
                for name in moved:
                    verdict.changed[name] = verdict.case.desired.attributes[name]
                self.verdicts[user] = verdict
                verdict.moves.add(old.address)
                verdict.effective = verdict.effective or self.times.effective
                old.effective = verdict.effective

    # --- what is done --------------------------------------------------------------------------------------------------

    def _works(self) -> list[Work]:
        works: list[Work] = []
        for verdict in self.verdicts.values():
            works += self._works_of(verdict)
        return works

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
        children = tuple(
            address
            for address in self.lockfile.resources
            if address.kind in case.kind.archive_covers
            and _parent(address, self.kinds[address.kind]) == case.address
            and verdict.action is Action.ARCHIVE
        )
        return Task(
            case.address, Action.ARCHIVE, remote_id, before=case.before, live=case.live, children=children, now=self.times.now
        )

    def _covered(self, case: Case) -> bool:
        """Whether the parent's archive takes this one along."""
        parent = _parent(case.address, case.kind)
        verdict = self.verdicts.get(parent) if parent else None
        return verdict is not None and verdict.action is Action.ARCHIVE and case.kind.name in verdict.case.kind.archive_covers

    def _changes(self) -> tuple[Change, ...]:
        changes = []
        for verdict in self.verdicts.values():
            case = verdict.case
            fields = verdict.fields
            if verdict.action is Action.CREATE and case.desired is not None:
                fields = self._created_fields(case)
            elif verdict.action is Action.ARCHIVE and not fields:
                fields = all_fields(case.before, created=False)
            desired = {} if case.desired is None else case.desired.attributes
            remote = verdict.adopted.id if verdict.adopted else case.entry.id if case.entry else None
            touched = verdict.action not in (Action.NOOP, Action.CREATE) or verdict.moves
            changes.append(
                Change(
                    case.address,
                    verdict.action,
                    verdict.reason,
                    remote,
                    tuple(fields),
                    verdict.effective if verdict.action not in (Action.NOOP, Action.CREATE) else None,
                    digest_of(verdict.adopted or case.live) if touched else None,
                    max(0, len(desired) - len(verdict.changed)),
                    case.desired.location if case.desired else None,
                )
            )
        return tuple(sorted(changes, key=self._presentation))

    def _created_fields(self, case: Case) -> list[FieldChange]:
        assert case.desired is not None
        if case.kind.appends:
            return timeline_changes(case.desired.attributes[case.kind.appends], ())
        return all_fields(case.desired.attributes, created=True)

    def _presentation(self, change: Change) -> tuple[int, int, str]:
        return (RISK.index(change.action), list(self.kinds).index(change.address.kind), change.address)

    # --- what is recorded without a call -------------------------------------------------------------------------------

    def _records(self, calls: Sequence[PlannedCall], in_use: Sequence[Address]) -> dict[Address, Effect]:
        records: dict[Address, Effect] = dict(self.move_effects)
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

    def _in_use_after(self) -> dict[Address, list[Address]]:
        """Cards that aren't in use yet, and the declared rates that make them so; only where all of them are planned."""
        waiting: dict[Address, list[Address]] = {}
        partial: set[Address] = set()
        for address in self.graph.resources:
            kind = self.kinds[address.kind]
            parent = _parent(address, kind)
            if not kind.appends or parent is None:
                continue
            entry = self.lockfile.resources.get(parent)
            if entry is not None and entry.in_use:
                continue
            waiting.setdefault(parent, []).append(address)
            if address not in self.verdicts:
                partial.add(parent)
        return {card: rates for card, rates in waiting.items() if card not in partial}

    def _note_renames(self) -> None:
        """A resource that goes and one that comes, alike in every field, are most likely one whose key changed."""
        gone = [one for one in self.verdicts.values() if one.action is Action.ARCHIVE and not one.case.kind.appends]
        come = [one for one in self.verdicts.values() if one.action is Action.CREATE and not one.case.kind.appends]
        for old in gone:
            for new in come:
                same_kind = old.case.kind is new.case.kind and new.case.desired is not None
                if same_kind and new.case.desired and dict(old.case.recorded) == dict(new.case.desired.attributes):
                    self.notes.append(
                        f"{old.address} and {new.address} look like a rename: add `moved: {{{old.address}: {new.address}}}` "
                        "to keep the object."
                    )


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


def _parent(address: Address, kind: Kind) -> Address | None:
    return Address.of(kind.parent, address.keys[0]) if kind.parent else None


def _parents(addresses: Iterable[Address], kinds: Mapping[str, Kind]) -> dict[Address, Address]:
    return {address: parent for address in addresses if (parent := _parent(address, kinds[address.kind]))}


def _dependants(graph: ResourceGraph, lockfile: Lockfile) -> dict[Address, list[Address]]:
    """For each address, what refers to it, in the spec or by the record."""
    found: dict[Address, dict[Address, None]] = {}
    for address, resource in graph.resources.items():
        for other in resource.depends_on:
            found.setdefault(other, {})[address] = None
    for address, entry in lockfile.resources.items():
        for other in entry.depends_on:
            found.setdefault(other, {})[address] = None
    return {address: list(users) for address, users in found.items()}
