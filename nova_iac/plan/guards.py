"""The guards NV401 to NV407: dangers that a plan shows and that stop an apply until each is allowed by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from nova_iac import moment, timeline
from nova_iac.kinds.base import Kind, Task
from nova_iac.plan.change import Change, GuardHit, PlanOptions
from nova_iac.plan.inputs import LiveState
from nova_iac.plan.verdict import Times, Verdict
from nova_iac.resource import Action, Address, Value
from nova_iac.state.lockfile import Lockfile

_SHARE: Final = 0.3
_AT_LEAST: Final = 10
_WISHED_BY_DESTROY: Final = frozenset(("NV402", "NV403", "NV405", "NV406"))


def guards_of(
    verdicts: Iterable[Verdict],
    tasks: Sequence[Task],
    changes: Sequence[Change],
    lockfile: Lockfile,
    live: LiveState,
    kinds: Mapping[str, Kind],
    options: PlanOptions,
    times: Times,
) -> list[GuardHit]:
    """Every guard that this plan hits, by code and address."""
    verdicts = list(verdicts)
    in_use = {address for address, entry in lockfile.resources.items() if entry.in_use}
    in_use |= {verdict.address for verdict in verdicts if verdict.action is Action.ADOPT}
    hits = [hit for verdict in verdicts for hit in (*_retroactive(verdict, in_use, times), *_protected(verdict))]
    for task in tasks:
        hits += [GuardHit(hazard.code, task.address, hazard.message) for hazard in kinds[task.address.kind].hazards(task)]
    hits += _thresholds(changes, lockfile)
    hits += _wrong_account(lockfile, live)
    if options.destroy:
        hits = [
            GuardHit(hit.code, hit.address, hit.message, hit.blocking and hit.code not in _WISHED_BY_DESTROY, hit.allowable)
            for hit in hits
        ]
    return sorted(hits, key=lambda hit: (hit.code, hit.address, hit.message))


def _retroactive(verdict: Verdict, in_use: set[Address], times: Times) -> Iterable[GuardHit]:
    """NV401: what was charged, or is being charged, would be charged differently."""
    case = verdict.case
    if case.kind.appends:
        past = [post for post in verdict.posts if post.starting_at < times.now]
        if Address.of(case.kind.parent or "", case.address.keys[0]) not in in_use or not past:
            return
        since = moment.show(past[0].starting_at)
        message = f"would change the price from {since} on, which is past; usage since then is rated again."
        if case.desired is not None:
            wanted = timeline.value_at(case.desired.attributes[case.kind.appends], times.now)
            entry = f"\n  {_entry(case.address, wanted, times)}"
            if case.entry is None:
                message += f" To give it a price from now on, write this entry instead:{entry}"
            elif timeline.equal(wanted, timeline.value_at(case.before.get(case.kind.appends, ()), times.now)):
                message += " The price that holds now is right already: leave the past entries as they were."
            else:
                message += f" To change it from now on, leave the past entry as it was and add:{entry}"
        yield GuardHit("NV401", case.address, message)
    elif verdict.effective and verdict.effective != moment.NEXT_HOUR and verdict.effective < times.now and verdict.changed:
        yield GuardHit(
            "NV401", case.address, f"would change from {moment.show(verdict.effective)}, which is past; drafts are rated again."
        )


def _entry(address: Address, value: Mapping[str, Value] | None, times: Times) -> str:
    """The entry that gives a price from the next full hour on, as it is written in a spec."""
    start = moment.text(moment.next_full_hour(moment.parse(times.now)))
    selector = {key: text for key, text in address.selector.items() if key != "billing_frequency"}
    frequency = address.selector.get("billing_frequency")
    form = _form(value or {"entitled": False})
    extra = f", billing_frequency: {frequency}" if frequency else ""
    if not selector:
        return f"- {{starting_at: {start}{extra}, {form}}}"
    if len(selector) == 1:
        return f"- {{starting_at: {start}{extra}, prices: {{{next(iter(selector.values()))}: {{{form}}}}}}}"
    values = ", ".join(f"{key}: {text}" for key, text in selector.items())
    return f"- {{starting_at: {start}{extra}, prices: [{{values: {{{values}}}, {form}}}]}}"


def _form(value: Value) -> str:
    if isinstance(value, dict):
        parts = (f"{name}: {_inner(part)}" for name, part in value.items() if name not in ("starting_at", "ending_before"))
        return ", ".join(parts)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _inner(part: Value) -> str:
    if isinstance(part, dict):
        return f"{{{_form(part)}}}"
    if isinstance(part, list):
        return f"[{', '.join(_inner(one) for one in part)}]"
    return _form(part)


def _protected(verdict: Verdict) -> Iterable[GuardHit]:
    """NV404: protected by the spec or by the record, so that deleting a block does not delete its protection."""
    case = verdict.case
    by_spec = case.desired is not None and case.desired.lifecycle.protect
    by_record = case.entry is not None and case.entry.lifecycle.protect
    if verdict.action in (Action.ARCHIVE, Action.REPLACE) and (by_spec or by_record):
        what = "archived" if verdict.action is not Action.REPLACE else "replaced"
        where = "its lifecycle.protect" if by_spec else "the lifecycle.protect that was recorded with it"
        yield GuardHit(
            "NV404", case.address, f"would be {what}, against {where}. To lift it, apply lifecycle: {{protect: false}} first."
        )


def _thresholds(changes: Sequence[Change], lockfile: Lockfile) -> Iterable[GuardHit]:
    """NV406: a large part of a kind would go."""
    recorded = Counter(address.kind for address in lockfile.resources)
    going = Counter(change.address.kind for change in changes if change.action in (Action.ARCHIVE, Action.REPLACE))
    for kind, count in going.items():
        if recorded[kind] >= _AT_LEAST and count > _SHARE * recorded[kind]:
            share = round(100 * count / recorded[kind])
            yield GuardHit("NV406", kind, f"{count} of {recorded[kind]} recorded would be archived or replaced ({share} %).")


def is_wrong_account(lockfile: Lockfile, live: LiveState) -> bool:
    """Whether none of the recorded ids that were asked for exists; archived ones do."""
    with_id = [address for address in live.asked if (entry := lockfile.resources.get(address)) and entry.id]
    return bool(with_id) and not any(address in live.objects for address in with_id)


def _wrong_account(lockfile: Lockfile, live: LiveState) -> Iterable[GuardHit]:
    """NV407: it can't be allowed."""
    if is_wrong_account(lockfile, live):
        message = "none of the recorded ids is known to this account: is the token of another one?"
        yield GuardHit("NV407", "account", message, allowable=False)
