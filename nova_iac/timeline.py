"""Prices as step functions of time, and the fewest segments that turn one into another.

A *timeline* is a list of entries, each with ``starting_at``, perhaps ``ending_before``, and a value (price or tiers, commit rate,
``entitled``). At an instant the entry with the latest start at or before it holds, unless it has ended. Metronome keeps rates in
the same way (§7.2): segments are only ever added, a segment with an equal start replaces what stood there, and nothing is
deleted. All instants here are canonical texts, which sort as instants do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    segment is added anyway ends by that segment's ``ending_before``; otherwise by a segment that isn't entitled.
    """
    if not desired:
        return []
    first = min(entry["starting_at"] for entry in desired)
    starts = {entry["starting_at"]: entry for entry in live}
    instants = sorted({instant for instant in breakpoints(desired) | breakpoints(live) if instant > first} | {first})
    before = [entry["starting_at"] for entry in live if entry["starting_at"] < first]
    carried = starts[max(before)] if before else None
    added: list[Post] = []
    held: StepValue = {}
    for instant in instants:
        carried = starts.get(instant, carried)
        wanted = value_at(desired, instant)
        if carried is None or (carried.get("ending_before") or "~") <= instant:
            now: StepValue | None = None
        else:
            now = value_of(carried)
        held = now or held
        if equal(wanted, now):
            continue
        if wanted is None:
            if added and added[-1].starting_at == carried_start(carried) and instant not in starts:
                last = added.pop()
                added.append(Post(last.starting_at, last.value, instant))
                carried = {"starting_at": last.starting_at, "ending_before": instant, **last.value}
                continue
            wanted = {**held, "entitled": False}
        added.append(Post(instant, wanted))
        carried = {"starting_at": instant, **wanted}
        held = wanted
    return added


def carried_start(entry: Entry | None) -> str | None:
    """The start of a segment, if there is one."""
    return None if entry is None else entry["starting_at"]
