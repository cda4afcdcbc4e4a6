"""Prices as step functions of time, and the fewest segments that turn one into another.

A *timeline* is a list of entries, each with ``starting_at``, perhaps ``ending_before``, and a value (price or tiers, commit rate,
``entitled``). At an instant the entry with the latest start at or before it holds, unless it has ended. Metronome keeps rates in
the same way (§7.2): segments are only ever added, a segment with an equal start replaces what stood there, and nothing is
deleted. All instants here are canonical texts, which sort as instants do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from nova_iac.resource import Value

Entry: TypeAlias = Mapping[str, Value]
StepValue: TypeAlias = Mapping[str, Value]

_DATES: Final = ("starting_at", "ending_before")


@dataclass(frozen=True, slots=True)
class Post:
    """A segment to add: from starting_at (inclusive) to ending_before (exclusive), or on."""

    starting_at: str
    value: StepValue
    ending_before: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch of a timeline: from an instant on, this value; None is no price."""

    starting_at: str
    value: StepValue | None


def value_of(entry: Entry) -> StepValue:
    """An entry without its dates."""
    return {name: part for name, part in entry.items() if name not in _DATES}


def is_none(value: StepValue | None) -> bool:
    """Whether this bills nothing: no price at all, or a live one that isn't entitled."""
    return value is None or value.get("entitled") is False


def equal(desired: StepValue | None, live: StepValue | None) -> bool:
    """Whether live is what is desired. No price equals a live ``entitled: false``; a declared one keeps its price."""
    return is_none(live) if desired is None else desired == live


def value_at(entries: Iterable[Entry], instant: str) -> StepValue | None:
    """The value that holds at an instant."""
    latest: Entry | None = None
    for entry in entries:
        if entry["starting_at"] <= instant and (latest is None or entry["starting_at"] >= latest["starting_at"]):
            latest = entry
    if latest is None or (latest.get("ending_before") or "~") <= instant:
        return None
    return value_of(latest)


def breakpoints(entries: Iterable[Entry]) -> set[str]:
    """Every instant at which a timeline can change."""
    return {instant for entry in entries for name in _DATES if (instant := entry.get(name))}


def steps(entries: Sequence[Entry], since: str | None = None) -> list[Step]:
    """The step function as its steps, equal neighbours merged; since cuts off what was before."""
    instants = sorted(breakpoints(entries) | ({since} if since else set()))
    found: list[Step] = []
    for instant in instants:
        if since and instant < since:
            continue
        value = value_at(entries, instant)
        if not found or found[-1].value != value:
            found.append(Step(instant, value))
    return found


def same(desired: Sequence[Entry], live: Sequence[Entry]) -> bool:
    """Whether live gives what is desired at every instant from the first desired entry on."""
    if not desired:
        return True
    first = min(entry["starting_at"] for entry in desired)
    instants = breakpoints(desired) | breakpoints(live)
    return all(equal(value_at(desired, instant), value_at(live, instant)) for instant in instants | {first} if instant >= first)


def posts(desired: Sequence[Entry], live: Sequence[Entry]) -> list[Post]:
    """The least list of segments after which live equals desired from the first desired entry on, in order of time.

    Walks the instants at which either can change. Where a live segment starts, it stays if it gives the right value and is
    replaced if not; elsewhere the value carries over, and a segment is added only where it must not. A price that ends where a
    segment was added before ends by that segment's ``ending_before``; otherwise by a segment that isn't entitled.
    """
    if not desired:
        return []
    first = min(entry["starting_at"] for entry in desired)
    starts = {entry["starting_at"]: entry for entry in live}
    instants = sorted({instant for instant in breakpoints(desired) | breakpoints(live) if instant > first} | {first})
    running = max((start for start in starts if start < first), default=None)
    carried = None if running is None else starts[running]
    added: list[Post] = []
    for instant in instants:
        carried = starts.get(instant, carried)
        wanted, now = value_at(desired, instant), None if carried is None else value_at([carried], instant)
        if equal(wanted, now):
            continue
        if wanted is None and added and carried is not None and added[-1].starting_at == carried["starting_at"]:
            added[-1] = replace(added[-1], ending_before=instant)
        elif wanted is None:
            added.append(Post(instant, _switched_off(desired, instant, now or {})))
        else:
            added.append(Post(instant, wanted))
        carried = _entry(added[-1])
    return added


def _switched_off(desired: Sequence[Entry], instant: str, now: StepValue) -> StepValue:
    """What stands where a price ends: what is declared next if that isn't entitled either, else the price that ended."""
    following = min((entry for entry in desired if entry["starting_at"] > instant), key=_start, default=None)
    return value_of(following) if following and following.get("entitled") is False else {**now, "entitled": False}


def withdrawn(desired: Sequence[Entry], recorded: Sequence[Entry], live: Sequence[Entry], now: str) -> list[Entry]:
    """The start that desired gets where recorded entries that were still to come in front of its first one are gone.

    They were put into the account and would hold until the first desired entry; what held before them goes on instead. Empty
    where there are none: what has begun is history, and history isn't touched.
    """
    first = min((entry["starting_at"] for entry in desired), default="")
    gone = min((entry["starting_at"] for entry in recorded if now < entry["starting_at"] < first), default=None)
    if gone is None:
        return []
    before = max((entry for entry in live if entry["starting_at"] < gone), key=_start, default=None)
    if before is None or before.get("ending_before", gone) < gone:
        return [nothing(gone)]
    return [{"starting_at": gone, **value_of(before)}]


def nothing(since: str) -> Entry:
    """The entry that says: no price from here on."""
    return {"starting_at": since, "ending_before": since}


def _entry(post: Post) -> Entry:
    end = {} if post.ending_before is None else {"ending_before": post.ending_before}
    return {"starting_at": post.starting_at, **end, **post.value}


def _start(entry: Entry) -> str:
    start: str = entry["starting_at"]
    return start
