"""Price timelines: as step functions by themselves, and end to end through the command line and the account.

The model of Metronome's rates here is written anew from the API facts (§7.2), so that it can't share a mistake with the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nova_iac import timeline

Entry = dict[str, Any]

law = settings(max_examples=300, deadline=None, derandomize=True)

INSTANTS = [f"2026-{month:02}-01T00:00:00Z" for month in range(1, 8)]
VALUES: list[Entry] = [
    {"price": "$0.01"},
    {"price": "$0.02"},
    {"tiers": [{"price": "$0.01", "size": "100"}, {"price": "$0.005"}]},
    {"price": "$0.02", "commit_rate": {"price": "$0.015"}},
    {"price": "$0.01", "entitled": False},
    {"price": "$0.02", "entitled": False},
]


# --- a model of the account ------------------------------------------------------------------------------------------------


def at(segments: Sequence[Mapping[str, Any]], instant: str) -> Entry | None:
    """What stands at an instant: the segment that started last, unless it has ended by then."""
    begun = [segment for segment in segments if segment["starting_at"] <= instant]
    if not begun:
        return None
    last = max(begun, key=lambda segment: segment["starting_at"])
    if "ending_before" in last and last["ending_before"] <= instant:
        return None
    return {name: part for name, part in last.items() if name not in ("starting_at", "ending_before")}


def billed(value: Entry | None) -> Entry | None:
    """What is billed of it: nothing, if it isn't entitled."""
    return None if value is None or value.get("entitled") is False else value


def fits(wanted: Entry | None, found: Entry | None) -> bool:
    """Whether the account is as declared: nothing declared is nothing billed; what is declared stands there as it is."""
    return billed(found) is None if wanted is None else wanted == found


def add(segments: Sequence[Entry], posts: Sequence[timeline.Post]) -> list[Entry]:
    """The segments after some more were added; an equal start replaces."""
    by_start = {segment["starting_at"]: segment for segment in segments}
    for post in posts:
        end = {"ending_before": post.ending_before} if post.ending_before else {}
        by_start[post.starting_at] = {"starting_at": post.starting_at, **end, **post.value}
    return [by_start[start] for start in sorted(by_start)]


def instants_of(*timelines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every instant at which one of them can change."""
    found = {entry[name] for entries in timelines for entry in entries for name in ("starting_at", "ending_before") if name in entry}
    return sorted(found)


def least(desired: Sequence[Entry], live: Sequence[Entry]) -> int:
    """The least number of segments that make live fit desired: every choice at every instant, tried."""
    first = desired[0]["starting_at"]
    instants = [instant for instant in instants_of(desired, live) if instant >= first]
    starts = {segment["starting_at"]: segment for segment in live}
    values = [at(desired, instant) for instant in instants]
    choices = [value for value in values if value is not None]
    choices += [{**value, "entitled": False} for value in (*choices, *map(timeline.value_of, live))]
    ends = [None, *instants[1:]]
    before = [segment for segment in live if segment["starting_at"] < first]

    @lru_cache(maxsize=None)
    def from_here(index: int, start: str | None, choice: int, end: str | None) -> float:
        if index == len(instants):
            return 0
        instant = instants[index]
        if instant in starts:
            start, choice, end = instant, -1, None
        kept = _cost(index, start, choice, end)
        posted = min(
            (1 + _cost(index, instant, number, new_end) for number in range(len(choices)) for new_end in ends
             if new_end is None or new_end > instant),
            default=float("inf"),
        )  # fmt: skip
        return min(kept, posted)

    def _cost(index: int, start: str | None, choice: int, end: str | None) -> float:
        if start is None:
            held: list[Entry] = []
        elif choice < 0:
            held = [starts[start]]
        else:
            held = [{"starting_at": start, **({"ending_before": end} if end else {}), **choices[choice]}]
        if not fits(values[index], at(held, instants[index])):
            return float("inf")
        return from_here(index + 1, start, choice, end)

    return int(from_here(0, before[-1]["starting_at"] if before else None, -1, None))


@st.composite
def timelines(draw: st.DrawFn, *, least_entries: int = 0) -> list[Entry]:
    """Entries in order of time; an entry may end before the next one starts."""
    starts = sorted(draw(st.sets(st.sampled_from(INSTANTS), min_size=least_entries, max_size=4)))
    entries: list[Entry] = []
    for start, following in pairwise([*starts, "9999"]):
        entry = {"starting_at": start, **draw(st.sampled_from(VALUES))}
        ends = [instant for instant in INSTANTS if start < instant <= following]
        if end := draw(st.sampled_from([None, None, *ends])):
            entry["ending_before"] = end
        entries.append(entry)
    return entries


DECLARED = timelines(least_entries=1)


@law
@given(desired=DECLARED, live=timelines())
def test_account_fits_the_spec_afterwards(desired: list[Entry], live: list[Entry]) -> None:
    """From the first declared entry on every instant is as declared; every instant before it is as it was."""
    first = desired[0]["starting_at"]

    after = add(live, timeline.posts(desired, live))

    for instant in INSTANTS:
        wanted = at(desired, instant) if instant >= first else at(live, instant)
        assert fits(wanted, at(after, instant)), instant


@law
@given(desired=DECLARED, live=timelines())
def test_second_time_adds_nothing(desired: list[Entry], live: list[Entry]) -> None:
    """What was put in place is not put there again."""
    after = add(live, timeline.posts(desired, live))

    assert timeline.posts(desired, after) == []
    assert timeline.same(desired, after)


@law
@given(desired=DECLARED, live=timelines())
def test_no_fewer_segments_would_do(desired: list[Entry], live: list[Entry]) -> None:
    """The segments that are added are as few as any choice of segments could be."""
    assert len(timeline.posts(desired, live)) == least(desired, live)


@law
@given(desired=DECLARED, live=timelines())
def test_same_means_that_nothing_is_to_be_added(desired: list[Entry], live: list[Entry]) -> None:
    """Comparing two timelines and looking for what to add come to the same."""
    assert timeline.same(desired, live) == (timeline.posts(desired, live) == [])


@law
@given(desired=DECLARED)
def test_account_reads_back_what_was_declared(desired: list[Entry]) -> None:
    """A timeline that was put into an empty account is equal to itself, however its segments are cut there."""
    cut = [
        {**entry, "ending_before": min(entry.get("ending_before", following["starting_at"]), following["starting_at"])}
        for entry, following in pairwise(desired)
    ] + desired[-1:]
    split = add(desired, [timeline.Post(instant, value) for instant in INSTANTS if (value := at(desired, instant))])

    assert timeline.posts(desired, desired) == []
    assert timeline.posts(desired, cut) == []
    assert timeline.same(desired, [entry for entry in split if entry["starting_at"] >= desired[0]["starting_at"]]) or any(
        "ending_before" in entry for entry in desired
    )


@law
@given(live=timelines(), since=st.sampled_from(INSTANTS))
def test_a_price_that_ends_is_billed_no_more(live: list[Entry], since: str) -> None:
    """Nothing is billed from the end on, what was still to come included; before it all is as it was."""
    after = add(live, timeline.posts([timeline.nothing(since)], live))

    for instant in INSTANTS:
        assert (billed(at(after, instant)) is None) if instant >= since else (at(after, instant) == at(live, instant))


@law
@given(entries=timelines(), since=st.none() | st.sampled_from(INSTANTS))
def test_steps_say_what_the_entries_say(entries: list[Entry], since: str | None) -> None:
    """As steps a timeline gives the same value at every instant, with no two equal steps in a row."""
    found = timeline.steps(entries, since)

    for instant in INSTANTS:
        if instant >= (since or ""):
            begun = [step for step in found if step.starting_at <= instant]
            assert (begun[-1].value if begun else None) == at(entries, instant)
    assert all(one.value != following.value for one, following in pairwise(found))
