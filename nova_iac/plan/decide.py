"""What each address comes to: created, changed, replaced, archived, adopted, forgotten, or left as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import Diagnostic, Severity
from nova_iac.kinds.base import Kind
from nova_iac.plan.change import PlanOptions
from nova_iac.plan.inputs import LiveState
from nova_iac.plan.twins import Twins
from nova_iac.plan.verdict import Case, Times, Verdict, compare, end_timeline, problem
from nova_iac.resource import Action, Address, RemoteObject
from nova_iac.state.lockfile import LockEntry, Lockfile


class Decider:
    """Decides address by address, parents before children; afterwards references follow what was replaced."""

    def __init__(
        self,
        graph: ResourceGraph,
        lockfile: Lockfile,
        live: LiveState,
        kinds: Mapping[str, Kind],
        options: PlanOptions,
        times: Times,
        twins: Twins,
    ) -> None:
        self.graph, self.lockfile, self.live, self.kinds = graph, lockfile, live, kinds
        self.options, self.times, self.twins = options, times, twins
        self.verdicts: dict[Address, Verdict] = {}
        self.warnings: list[Diagnostic] = []
        self.dependants = _dependants(graph, lockfile)

    def decide(self, addresses: Sequence[Address]) -> dict[Address, Verdict]:
        """The verdicts, by address; also of what isn't in scope and refers to something that is replaced."""
        for address in addresses:
            self.verdicts[address] = self._decide(self._case(address))
        self._follow_replacements()
        return self.verdicts

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
        if self._remade(parent_of(case.address, case.kind)):
            return Verdict(case, Action.CREATE, "its parent is made again")
        if case.absent:
            return self._found_absent(case)
        verdict = compare(case, self.dependants.get(case.address, ()), self.times)
        if case.entry.superseded and verdict.action is Action.NOOP:
            verdict.action, verdict.reason = Action.REPLACE, "an interrupted replacement is finished: the old object is archived"
        return verdict

    def _new(self, case: Case) -> Verdict:
        if case.kind.appends:
            if case.kind.section in case.ignored and parent_of(case.address, case.kind) in self.lockfile.resources:
                return Verdict(case, Action.NOOP, "its price is left to the account")
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
        why = "taken down" if self.options.destroy else "no longer declared"
        if case.absent:
            state = "gone from the account" if case.live is None else "archived in the account"
            freed = f"; its {' and '.join(case.keeps).replace('_', ' ')} are freed" if case.keeps else ""
            return Verdict(case, Action.FORGET, f"{why}, and {state} already{freed}")
        if case.kind.appends:
            return self._ended(case)
        return Verdict(case, Action.ARCHIVE, why)

    def _ended(self, case: Case) -> Verdict:
        """A rate goes with its card; on a card that stays its price ends."""
        parent = parent_of(case.address, case.kind)
        card = self.verdicts.get(parent) if parent else None
        if case.kind.section in case.ignored:
            return Verdict(case, Action.FORGET, "no longer declared, and its price is left to the account")
        if parent not in self.lockfile.resources or (card is not None and card.action in (Action.ARCHIVE, Action.FORGET)):
            return Verdict(case, Action.FORGET, "goes with its card: rates can't be archived")
        return end_timeline(case, self.times)

    def _remade(self, parent: Address | None) -> bool:
        verdict = self.verdicts.get(parent) if parent else None
        return verdict is not None and verdict.action in (Action.CREATE, Action.REPLACE) and verdict.case.entry is not None

    def _follow_replacements(self) -> None:
        """What refers to a replaced object is moved to the new one, by a call of its own that is no change of its own."""
        for old in [verdict for verdict in self.verdicts.values() if verdict.action is Action.REPLACE]:
            for user in self.dependants.get(old.address, ()):
                # Also what --target leaves out is moved: the old object is archived behind it.
                verdict = self.verdicts.get(user) or Verdict(self._case(user), Action.NOOP, "nothing differs")
                if verdict.case.desired is None or verdict.case.entry is None:
                    continue
                if verdict.action in (Action.NOOP, Action.UPDATE) and self._move(verdict, old):
                    self.verdicts[user] = verdict
                    verdict.moves.add(old.address)
                    verdict.effective = verdict.effective or self.times.effective
                    old.effective = verdict.effective

    def _move(self, verdict: Verdict, old: Verdict) -> bool:
        """Make a resource refer to the new object; whether there is anything to move."""
        case = verdict.case
        assert case.desired is not None
        names = case.kind.reference_fields(case.desired.attributes, old.address)
        made_anew = bool(old.changed) or old.case.absent
        finishing = not made_anew and old.case.entry is not None and bool(old.case.entry.superseded)
        if finishing and case.read:
            # An interrupted replacement: what still refers to the superseded object differs from the spec by just that.
            names = tuple(name for name in names if name in verdict.changed)
            verdict.fields = [part for part in verdict.fields if part.path.partition("[")[0] not in names]
            if set(verdict.changed) <= set(names):
                verdict.action, verdict.reason = Action.NOOP, "nothing differs"
        else:
            names = tuple(name for name in names if name not in verdict.changed)
        verdict.changed |= {name: case.desired.attributes[name] for name in names}
        return bool(names)


def parent_of(address: Address, kind: Kind) -> Address | None:
    """The address that another is nested under."""
    return Address.of(kind.parent, address.keys[0]) if kind.parent else None


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
