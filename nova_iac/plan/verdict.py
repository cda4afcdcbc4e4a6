"""One resource at a time: what is desired, recorded and live of it, and what follows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from nova_iac import moment, timeline
from nova_iac.errors import Diagnostic, Severity
from nova_iac.kinds.base import NOT_CLEARABLE, Field, Kind, Mutability
from nova_iac.plan.change import Drift, FieldChange
from nova_iac.plan.diff import field_changes, timeline_changes
from nova_iac.resource import Action, Address, Attributes, RemoteObject, Resource, Value
from nova_iac.state.lockfile import LockEntry
from nova_iac.timeline import Post


@dataclass(frozen=True, slots=True)
class Case:
    """The three states of one address. read: the account was asked, so live None means that nothing is there."""

    address: Address
    kind: Kind
    desired: Resource | None
    entry: LockEntry | None
    live: RemoteObject | None
    read: bool

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that are left as they are in the account."""
        names: set[str] = set()
        if self.desired is not None:
            names.update(self.desired.lifecycle.ignore_changes)
        elif self.entry is not None:
            names.update(self.entry.lifecycle.ignore_changes)
        return frozenset(names)

    @property
    def recorded(self) -> Attributes:
        """The attributes last applied."""
        return {} if self.entry is None else self.entry.attributes

    @property
    def before(self) -> Attributes:
        """What a change starts from: the live attributes, or the recorded ones."""
        return self.live.attributes if self.read and self.live is not None else self.recorded

    @property
    def absent(self) -> bool:
        """Recorded, and archived or gone in the account."""
        if self.entry is None or not self.read or self.kind.appends:
            return False
        return self.live is None or self.live.archived

    @property
    def keeps(self) -> tuple[str, ...]:
        """Fields by which an object that was archived outside still stands in the way of others."""
        if self.live is None or not self.absent:
            return ()
        return tuple(name for name in self.kind.claims if self.live.attributes.get(name))


@dataclass(slots=True)
class Verdict:
    """What follows for one address; other resources may still add to it (a reference that moves)."""

    case: Case
    action: Action
    reason: str
    changed: dict[str, Value] = field(default_factory=dict)
    fields: list[FieldChange] = field(default_factory=list)
    effective: str | None = None
    posts: tuple[Post, ...] = ()
    moves: set[Address] = field(default_factory=set)
    adopted: RemoteObject | None = None
    problems: list[Diagnostic] = field(default_factory=list)

    @property
    def address(self) -> Address:
        """The address it is about."""
        return self.case.address


@dataclass(frozen=True, slots=True)
class Times:
    """The instants of a planning run, as canonical texts. effective may be ``apply+1h``; reached is its present meaning."""

    now: str
    effective: str
    reached: str

    @classmethod
    def at(cls, now: str, effective_at: str | None) -> Times:
        """From the clock and the option."""
        reached = effective_at or moment.text(moment.next_full_hour(moment.parse(now)))
        return cls(now, effective_at or moment.NEXT_HOUR, reached)


def compare(case: Case, dependants: Sequence[Address], times: Times) -> Verdict:
    """A declared, recorded resource whose object exists: the fields that differ, and the action that this takes."""
    assert case.desired is not None
    if case.kind.appends:
        return _compare_timeline(case, times)
    verdict = Verdict(case, Action.NOOP, "nothing differs")
    replaced: list[str] = []
    for name, wanted, now in _differing(case, verdict):
        declared = case.kind.fields[name]
        refusal = case.kind.refuses(name, dependants)
        if declared.mutability in (Mutability.FIXED, Mutability.COMPUTED) or refusal:
            why = refusal or "Metronome fixes it when the object is made"
            verdict.problems.append(
                problem(
                    case,
                    "NV410",
                    "Field can't change",
                    f"{name} can't change from {_shown(now)} to {_shown(wanted)}: {why}. Add a new key with the new value, and "
                    "move what uses the old one.",
                )
            )
            continue
        note = "" if declared.readable or not case.read else "can't be read back: compared with what was recorded"
        if declared.mutability is Mutability.REPLACE:
            replaced.append(name)
            note = "forces a replacement"
        elif declared.mutability is Mutability.UPDATE_FROM_DATE:
            start = wanted.get("starting_at") if isinstance(wanted, dict) else None
            verdict.effective = start or times.effective
        verdict.changed[name] = wanted
        verdict.fields += field_changes(name, now, wanted, note)
    if replaced:
        verdict.action = Action.REPLACE
        verdict.reason = f"{_listed(replaced)} can't change in place"
        verdict.effective = None
    elif verdict.changed:
        verdict.action = Action.UPDATE
        verdict.reason = f"{_listed(list(verdict.changed))} {'differs' if len(verdict.changed) == 1 else 'differ'} from the spec"
    return verdict


def _differing(case: Case, verdict: Verdict) -> Iterable[tuple[str, Value, Value]]:
    assert case.desired is not None
    desired = case.desired.attributes
    for name in (*desired, *(name for name in case.recorded if name not in desired)):
        if name in case.ignored or name not in case.kind.fields:
            continue
        declared = case.kind.fields[name]
        wanted = desired.get(name)
        now = live_value(case, name, wanted)
        if name not in desired:
            if declared.default is NOT_CLEARABLE:
                if now is not None:
                    verdict.problems.append(
                        problem(
                            case,
                            "NV411",
                            "Field can't be cleared",
                            f"{name} was {_shown(now)} and is no longer declared, but Metronome can't clear it: declare it "
                            f"again, or leave it as it is with lifecycle: {{ignore_changes: [{name}]}}.",
                        )
                    )
                continue
            wanted = declared.default
        if wanted != now:
            yield name, wanted, now


def live_value(case: Case, name: str, declared: Value) -> Value:
    """What holds now of one field, in the terms in which it is declared; the default where nothing was set."""
    part = case.kind.fields[name]
    recorded = case.recorded.get(name)
    value = recorded
    if case.read and case.live is not None and part.readable:
        value = case.kind.project(name, case.live.attributes.get(name), declared, recorded)
    return _or_default(value, part)


def _or_default(value: Value, part: Field) -> Value:
    if value is not None:
        return value
    return None if part.default is NOT_CLEARABLE else part.default


def _compare_timeline(case: Case, times: Times) -> Verdict:
    assert case.desired is not None
    assert case.kind.appends is not None
    name = case.kind.appends
    live: Sequence[timeline.Entry] = case.before.get(name, ())
    declared: Sequence[timeline.Entry] = case.desired.attributes[name]
    desired = [*timeline.withdrawn(declared, case.recorded.get(name, ()), live, times.now), *declared]
    if case.kind.section in case.ignored and case.entry is not None:
        return Verdict(case, Action.NOOP, "its changes are ignored")
    posts = tuple(timeline.posts(desired, live))
    if not posts:
        return Verdict(case, Action.NOOP, "every price is in place")
    fields = timeline_changes(desired, live)
    instants = [post.starting_at for post in posts]
    verdict = Verdict(case, Action.UPDATE, "the price that holds differs from the spec", fields=fields, posts=posts)
    if case.entry is None:
        verdict.action, verdict.reason = Action.CREATE, "declared and not recorded"
    elif instants[0] > times.now:
        verdict.action, verdict.reason = Action.SCHEDULE, "a price that is still to come differs from the spec"
    if case.entry is not None:
        verdict.effective = instants[0]
    return verdict


def end_timeline(case: Case, times: Times) -> Verdict:
    """A rate that is no longer declared, on a card that stays: its price ends at the effective date."""
    assert case.kind.appends is not None
    live: Sequence[timeline.Entry] = case.before.get(case.kind.appends, ())
    ended = [timeline.nothing(times.reached)]
    posts = [
        Post(times.effective, post.value, post.ending_before) if post.starting_at == times.reached else post
        for post in timeline.posts(ended, live)
    ]
    reason = "no longer declared; rates can't be archived, so its price ends"
    if not posts:
        return Verdict(case, Action.FORGET, "no longer declared, and its price has ended")
    # As the post: a date that is fixed when the call is sent must not make a plan of the last hour another one.
    fields = [
        replace(part, path=part.path.replace(f"entries[{times.reached}]", f"entries[{times.effective}]", 1))
        for part in timeline_changes(ended, live)
    ]
    return Verdict(case, Action.ARCHIVE, reason, fields=fields, effective=posts[0].starting_at, posts=tuple(posts))


def drift_of(case: Case) -> Drift | None:
    """What somebody changed outside: live against recorded."""
    if case.entry is None or not case.read:
        return None
    if case.absent:
        return Drift(case.address, "gone" if case.live is None else "archived")
    if case.kind.appends and case.kind.section in case.ignored:
        return None
    if case.kind.appends:
        recorded, live = case.recorded.get(case.kind.appends, ()), case.before.get(case.kind.appends, ())
        changes = () if timeline.same(recorded, live) else tuple(timeline_changes(recorded, live))
        # Shown from recorded to live, the way it went.
        turned = tuple(FieldChange(part.path, part.after, part.before) for part in changes)
        return Drift(case.address, "changed", turned) if turned else None
    fields: list[FieldChange] = []
    for name, value in case.recorded.items():
        part = case.kind.fields.get(name)
        if part is None or not part.readable or name in case.ignored:
            continue
        live = live_value(case, name, value)
        if live != value:
            fields += field_changes(name, value, live)
    return Drift(case.address, "changed", tuple(fields)) if fields else None


def problem(case: Case, code: str, summary: str, detail: str) -> Diagnostic:
    """A reason why no plan can be made, at the resource's place in the spec."""
    location = case.desired.location if case.desired else None
    return Diagnostic(Severity.ERROR, code, summary, f"{case.address}: {detail}", case.address, location)


def digest_of(live: RemoteObject | None) -> str | None:
    """A fingerprint of an object in spec terms, what is scheduled included."""
    if live is None:
        return None
    data: Mapping[str, Any] = {
        "id": live.id,
        "attributes": live.attributes,
        "archived": live.archived,
        "extra": live.extra,
    }
    return "sha256:" + hashlib.sha256(canonical_json(data).encode()).hexdigest()


def canonical_json(data: Any) -> str:
    """Equal data, equal text."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


_SHORT: Final = 60


def _shown(value: Value) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
