"""Price timelines: as step functions by themselves, and end to end through the command line and the account.

The model of Metronome's rates here is written anew from the API facts (§7.2), so that it can't share a mistake with the code.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from card_kit import Card
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nova_iac import timeline
from nova_iac.moment import canonical
from nova_iac.resource import Address

Entry = dict[str, Any]

law = settings(max_examples=150, deadline=None, derandomize=True)

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
    found = {
        entry[name] for entries in timelines for entry in entries for name in ("starting_at", "ending_before") if name in entry
    }
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

    @cache
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
@example(
    desired=[
        {"starting_at": INSTANTS[0], "price": "$0.01", "ending_before": INSTANTS[1]},
        {"starting_at": INSTANTS[2], "price": "$0.02", "entitled": False},
    ],
    live=[{"starting_at": INSTANTS[0], "price": "$0.01"}],
)
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
    first = desired[0]["starting_at"]
    split = [
        {"starting_at": instant, **(at(desired, instant) or {"price": "$9", "entitled": False})}
        for instant in INSTANTS
        if instant >= first
    ]

    assert timeline.posts(desired, desired) == []
    assert timeline.posts(desired, cut) == []
    assert timeline.posts(desired, split) == []


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


# --- end to end ------------------------------------------------------------------------------------------------------------

whole = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

SIZES = ("small", "large")
TIMES = ["2025-12-10T08:00:00Z", "2026-02-01T00:00:00Z", "2026-03-10T14:30:00Z", "2026-04-01T00:00:00Z", "2026-05-20T23:59:59Z"]
SINCE = {"2025-12-10T08:00:00Z": "2025-12-10T09:00:00Z", "2026-02-01T00:00:00Z": "2026-02-01T01:00:00Z",
         "2026-03-10T14:30:00Z": "2026-03-10T15:00:00Z", "2026-04-01T00:00:00Z": "2026-04-01T01:00:00Z",
         "2026-05-20T23:59:59Z": "2026-05-21T00:00:00Z"}  # fmt: skip
"""The next full hour, from which on a price that is no longer declared ends."""

API, SMALL, LARGE = "rate.standard.api", "rate.standard.images[size=small]", "rate.standard.images[size=large]"


@st.composite
def by_size(draw: st.DrawFn) -> list[Entry]:
    """Entries that give one size or both a price."""
    entries = draw(DECLARED)
    dates = ("starting_at", "ending_before")
    return [
        {**{name: entry[name] for name in dates if name in entry},
         "prices": dict.fromkeys(draw(st.sampled_from([SIZES, SIZES[:1], SIZES[1:]])), timeline.value_of(entry))}
        for entry in entries
    ]  # fmt: skip


def of_size(entries: Sequence[Entry], size: str) -> list[Entry]:
    """The timeline of one size: the entries that name it."""
    return [
        {name: part for name, part in entry.items() if name != "prices"} | entry["prices"][size]
        for entry in entries
        if size in entry["prices"]
    ]


@st.composite
def chapters(draw: st.DrawFn) -> tuple[dict[str, list[Entry]], list[tuple[str, float, str]]]:
    """What one chapter of a card's life holds: what is declared, and before that what somebody does by hand."""
    rates = {}
    if api := draw(st.none() | DECLARED):
        rates["api"] = api
    if images := draw(st.none() | by_size()):
        rates["images"] = images
    hands = draw(
        st.lists(st.tuples(st.sampled_from(INSTANTS), st.sampled_from([1.0, 3.0]), st.sampled_from([API, SMALL])), max_size=2)
    )
    return rates, hands


def live(card: Card, address: str) -> list[Entry]:
    """What the account has of a rate, in spec terms."""
    values = {} if address == API else {"size": Address(address).selector["size"]}
    return [_in_spec_terms(row) for row in card.rows("api" if address == API else "images", **values)]


def _in_spec_terms(row: Mapping[str, Any]) -> Entry:
    def price(rate: Mapping[str, Any]) -> Entry:
        if "tiers" in rate:
            return {
                "tiers": [price(tier) | ({"size": plain(tier["size"])} if tier.get("size") else {}) for tier in rate["tiers"]]
            }
        return {"price": f"${plain(Decimal(str(rate['price'])) / 100)}"}

    def plain(number: object) -> str:
        return f"{Decimal(str(number)).normalize():f}"

    found = {name: canonical(row[name]) for name in ("starting_at", "ending_before") if row.get(name)} | price(row["rate"])
    if row.get("commit_rate"):
        found["commit_rate"] = price(row["commit_rate"])
    return found if row["entitled"] else found | {"entitled": False}


@whole
@given(life=st.lists(chapters(), min_size=2, max_size=4))
def test_life_of_a_card(life: list[tuple[dict[str, list[Entry]], list[tuple[str, float, str]]]]) -> None:
    """Entries come, move and go, values are split over entries, somebody edits the account: it always becomes as declared.

    Checked after every apply: each instant, from the first entry on as declared and before it as it was; the second plan is
    empty; the segments sent are the fewest possible, in one call.
    """
    with tempfile.TemporaryDirectory() as folder:
        card = Card(Path(folder))
        card.apply(now=TIMES[0])
        recorded: dict[str, list[Entry]] = {}
        for now, (rates, hands) in zip(TIMES[1:], life, strict=False):
            for start, cents, address in hands:
                values = {} if address == API else {"pricing_group_values": {"size": "small"}}
                card.by_hand(start, cents, "api" if address == API else "images", now=now, **values)
            card.declare(**rates)
            declared = {API: rates.get("api", [])} | {
                f"rate.standard.images[size={size}]": of_size(rates.get("images", []), size) for size in SIZES
            }
            before = {address: live(card, address) for address in declared}

            sent = sum(len(call["body"]["rates"]) for call in card.project.plan(now=now)["calls"])
            card.apply("--allow", "NV401", now=now)

            fewest = 0
            for address, entries in declared.items():
                old = recorded.get(address, [])
                if entries:
                    wanted = [*withdrawn(entries, old, before[address], now), *entries]
                elif old:
                    wanted = [{"starting_at": SINCE[now], "ending_before": SINCE[now]}]
                else:
                    wanted = []
                _check(wanted, before[address], live(card, address))
                fewest += least(wanted, before[address]) if wanted else 0
            assert sent == fewest
            assert card.project.writes() == [("POST", "/v1/contract-pricing/rate-cards/addRates")] * bool(sent)
            assert card.project.actions(now=now) == {}
            recorded = {address: entries for address, entries in declared.items() if entries}


def withdrawn(entries: Sequence[Entry], recorded: Sequence[Entry], before: Sequence[Entry], now: str) -> list[Entry]:
    """What holds from a removed entry on that was still to come and stood in front of all that is declared now."""
    gone = [entry["starting_at"] for entry in recorded if now < entry["starting_at"] < entries[0]["starting_at"]]
    if not gone:
        return []
    earlier = [segment for segment in before if segment["starting_at"] < gone[0]]
    if not earlier or earlier[-1].get("ending_before", gone[0]) < gone[0]:
        return [{"starting_at": gone[0], "ending_before": gone[0]}]
    return [{**timeline.value_of(earlier[-1]), "starting_at": gone[0]}]


def _check(wanted: Sequence[Entry], before: Sequence[Entry], after: Sequence[Entry]) -> None:
    since = wanted[0]["starting_at"] if wanted else "9999"
    for instant in instants_of(wanted, before, after):
        if instant >= since:
            assert fits(at(wanted, instant), at(after, instant)), instant
        else:
            assert at(before, instant) == at(after, instant), instant
