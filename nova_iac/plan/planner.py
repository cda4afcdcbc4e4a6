"""Planning: a pure function of what is desired, recorded and live, of the time, and of the options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import Diagnostic, Location, PlanError, Severity
from nova_iac.kinds.base import EffectiveAt, Kind, Task
from nova_iac.kinds.lookup import Declared
from nova_iac.plan.calls import plan_calls
from nova_iac.plan.change import Change, Drift, Plan, PlannedCall, PlanOptions
from nova_iac.plan.claims import held_elsewhere
from nova_iac.plan.decide import Decider, parent_of
from nova_iac.plan.guards import guards_of, is_wrong_account
from nova_iac.plan.inputs import LiveState
from nova_iac.plan.moved import apply_moves
from nova_iac.plan.outcome import Outcome
from nova_iac.plan.scope import in_scope
from nova_iac.plan.twins import Twins
from nova_iac.plan.verdict import Times, digest_of, drift_of
from nova_iac.resource import Action, Address, Resource
from nova_iac.state.journal import Effect, Intent, apply_effects
from nova_iac.state.lockfile import Lockfile


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
    times = Times.at(now, options.effective_at)
    lockfile, move_effects, notes = apply_moves(graph, lockfile, kinds)
    pending = frozenset(intent.creates for intent in unresolved if intent.creates)
    twins = Twins(live, options, lineage_known=not first, pending=pending)
    decider = Decider(graph, lockfile, live, kinds, options, times, twins)
    verdicts = decider.decide(addresses_in_scope(graph, lockfile, kinds, options))
    wrong_account = is_wrong_account(lockfile, live)
    _refuse(() if wrong_account else (problem for verdict in verdicts.values() for problem in verdict.problems))
    outcome = Outcome(verdicts, graph, lockfile, kinds, times, twins)
    works, changes, in_use_after = outcome.works(), outcome.changes(), outcome.in_use_after()
    calls = plan_calls(works, graph.after, lockfile, kinds, in_use_after)
    _refuse(() if wrong_account else held_elsewhere(calls, verdicts, lockfile, live, kinds, pending))
    changes = _dated(changes, calls)
    priced_by_calls = {address for call in calls for address in call.effects if call.effects[address].in_use}
    records = outcome.records(calls, [card for card in in_use_after if card not in priced_by_calls])
    superseded = {f"id {old}" for entry in lockfile.resources.values() for old in entry.superseded}
    found = (_from_outside(drift_of(verdict.case), superseded) for verdict in verdicts.values())
    drift = tuple(one for one in found if one is not None)
    changes, kept = _who_wins(changes, drift)
    tasks = [work.task for work in works]
    return Plan(
        environment=lockfile.environment,
        base_url=lockfile.base_url,
        lineage=lockfile.lineage,
        serial=lockfile.serial,
        spec_digest=spec_digest,
        spec_file=spec_file,
        options=options,
        changes=changes,
        calls=calls,
        drift=drift,
        guards=tuple(guards_of(verdicts.values(), tasks, changes, lockfile, live, kinds, options, times)),
        warnings=(*graph.warnings, *decider.warnings, *_cautions(tasks, graph, kinds)),
        notes=(*map(_open_note, unresolved), *notes, *kept, *outcome.rename_notes()),
        records=_together(move_effects, records, lockfile),
        moves={
            verdict.address: digest_of(verdict.case.live)
            for verdict in verdicts.values()
            if verdict.moves and verdict.action is Action.NOOP
        },
    )


def _refuse(problems: Iterable[Diagnostic]) -> None:
    """Stop where anything is wrong, and tell all of it."""
    found = sorted(problems, key=Diagnostic.sort_key)
    if found:
        raise PlanError(f"no plan can be made: {len(found)} {'problem' if len(found) == 1 else 'problems'}", found)


def _open_note(intent: Intent) -> str:
    names = ", ".join(intent.covers[:3]) + (f" and {len(intent.covers) - 3} more" if len(intent.covers) > 3 else "")
    return f"The last run left `{intent.method} {intent.path}` for {names} with an unknown outcome; apply settles it first."


def _dated(changes: Iterable[Change], calls: Iterable[PlannedCall]) -> tuple[Change, ...]:
    """Changes with the date of the first call that makes them: where only a pending update changes, that is later than asked."""
    starts: dict[Address, list[str]] = {}
    for planned in calls:
        for value in planned.call.params.values():
            if isinstance(value, EffectiveAt):
                for address in planned.call.covers:
                    starts.setdefault(address, []).append(value.instant)
    return tuple(
        replace(change, effective_at=starts[change.address][0])
        if change.effective_at and change.effective_at not in starts.get(change.address, [change.effective_at])
        else change
        for change in changes
    )


def _who_wins(changes: Sequence[Change], drift: Sequence[Drift]) -> tuple[tuple[Change, ...], list[str]]:
    """Of each edit by hand: the spec, and the change that overwrites it says so; or the account, where the spec agrees."""
    edited = {one.address: {part.path for part in one.fields} for one in drift if one.what == "changed"}
    told: list[Change] = []
    kept: list[str] = []
    for change in changes:
        paths = edited.get(change.address, set())
        if paths & {part.path for part in change.fields}:
            change = replace(change, reason=f"{change.reason}, which wins over the change made outside")
        elif paths and change.action is Action.NOOP:
            kept.append(f"{change.address} was changed outside to what the spec says by now: it stays as it is, and is recorded.")
        told.append(change)
    return tuple(told), kept


def _cautions(tasks: Sequence[Task], graph: ResourceGraph, kinds: Mapping[str, Kind]) -> Iterable[Diagnostic]:
    """What the kinds warn of, at the resource's place in the spec."""
    for task in tasks:
        location = graph.resources[task.address].location if task.address in graph.resources else None
        for one in kinds[task.address.kind].cautions(task):
            detail = f"{task.address}: {one.detail}"
            yield Diagnostic(Severity.WARNING, one.code, one.summary, detail, task.address, location)


def _from_outside(drift: Drift | None, superseded: set[str]) -> Drift | None:
    """Drift without what an interrupted replacement of our own has not moved yet."""
    if drift is None or drift.what != "changed" or not superseded:
        return drift
    fields = tuple(part for part in drift.fields if not (isinstance(part.after, str) and part.after in superseded))
    return Drift(drift.address, drift.what, fields) if fields else None


def addresses_in_scope(
    graph: ResourceGraph, lockfile: Lockfile, kinds: Mapping[str, Kind], options: PlanOptions
) -> list[Address]:
    """Everything declared or recorded that the options leave to be planned, declared ones first.

    :raises PlanError: ``--target`` or ``--exclude`` names nothing.
    """
    rank = {name: number for number, name in enumerate(kinds)}
    gone = [address for address in lockfile.resources if address not in graph.resources]
    known = [*graph.resources, *sorted(gone, key=lambda address: (rank[address.kind], address))]
    if not options.targets and not options.excludes:
        return known
    recorded = {address: entry.depends_on for address, entry in lockfile.resources.items()}
    if options.destroy and options.excludes:
        recorded = _recorded_needs(lockfile, kinds)
    needs = {address: graph.after.get(address) or recorded.get(address, ()) for address in known}
    scope = in_scope(known, needs, _parents(known, kinds), options)
    return [address for address in known if address in scope]


def _recorded_needs(lockfile: Lockfile, kinds: Mapping[str, Kind]) -> dict[Address, tuple[Address, ...]]:
    """What recorded resources need, by reference or by order: what is kept keeps all of it."""
    nowhere = Location("", 1, 1)
    resources = {
        address: Resource(address, entry.attributes, nowhere, entry.lifecycle, entry.depends_on)
        for address, entry in lockfile.resources.items()
    }
    declared = Declared(resources, {})
    return {
        address: (*resource.depends_on, *kinds[address.kind].after(resource, declared)) for address, resource in resources.items()
    }


def _parents(addresses: Sequence[Address], kinds: Mapping[str, Kind]) -> dict[Address, Address]:
    return {address: parent for address in addresses if (parent := parent_of(address, kinds[address.kind]))}


def _together(moves: Mapping[Address, Effect], records: Mapping[Address, Effect], moved: Lockfile) -> dict[Address, Effect]:
    """Both kinds of record changes as one; what moved and changed besides is written as one whole entry."""
    together = {**moves, **records}
    for address in moves.keys() & records.keys():
        entries = dict(moved.resources)
        apply_effects(entries, {address: records[address]}, None)
        together[address] = Effect(entry=entries[address].as_data()) if address in entries else Effect(remove=True)
    return together
