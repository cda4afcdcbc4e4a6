"""A draft told apart by hours or days."""

from decimal import Decimal, localcontext

import pytest
from rating_kit import (
    SEPTEMBER,
    at,
    bill,
    breakdown,
    composite,
    dated,
    event,
    flat,
    lines,
    percent,
    product,
    span,
    terms,
    tiered,
    unbilled,
)

from nova_iac import rating as r

EVENTS = [
    event("2024-09-01 08:30", n=3),
    event("2024-09-01 09:10", n=4),
    event("2024-09-02", n=5),
    event("2024-09-30 23:59", n=1),
]
TIERS = terms(product(), composite("fee", "calls"), rates={"calls": tiered(("0", "5"), ("1", None)), "fee": percent("0.1")})


def test_days_continue_the_tiers_of_the_days_before() -> None:
    """Each day bills what it added on top of the period before it; the tiers are the period's, not the day's."""
    days = breakdown(TIERS, EVENTS, r.WindowSize.DAY)
    assert len(days) == 30
    assert [line for day in days[:3] for line in lines(day)] == [
        "calls 5 x 0 = 0 tier 1",
        "calls 2 x 1 = 2 tier 2",
        "fee 2 x 0.1 = 0.2",
        "calls 5 x 1 = 5 tier 2",
        "fee 5 x 0.1 = 0.5",
        "calls 0 x 1 = 0 tier 2",
        "fee 0 x 0.1 = 0",
    ]
    assert [str(day.total) for day in (days[0], days[1], days[-1])] == ["2.2", "5.5", "1.1"]
    assert sum(day.total for day in days) == bill(TIERS, EVENTS).total


def test_hours_of_a_day() -> None:
    """Hours are cut the same way, and a price that changes at an hour changes there."""
    rates = dated(("2024-01-01", flat("1")), ("2024-09-01 09:00", flat("2")))
    hours = breakdown(terms(product(), rates=rates), EVENTS, r.WindowSize.HOUR)
    assert len(hours) == 720
    assert [lines(hour) for hour in hours[8:10]] == [["calls 3 x 1 = 3"], ["calls 4 x 2 = 8"]]


def test_a_change_within_a_window_cuts_it() -> None:
    """A day with a price change has a line for each side of it."""
    rates = dated(("2024-01-01", flat("1")), ("2024-09-01 09:00", flat("2")))
    first = breakdown(terms(product(), rates=rates), EVENTS, r.WindowSize.DAY)[0]
    assert lines(first) == ["calls 3 x 1 = 3 09-01..09-01 09:00", "calls 4 x 2 = 8 09-01 09:00..09-02"]


def test_a_grouped_product_has_lines_in_windows_with_usage_only() -> None:
    """A group without usage in a window has no line there; a plain product has its zero line (§14.3 step 11)."""
    grouped = terms(product(presentation="team"), product("plain"), rates={"calls": flat("1"), "plain": flat("1")})
    days = breakdown(grouped, [event("2024-09-02", n=5, team="a"), event("2024-09-02 01:00", n=1, team="a")], r.WindowSize.DAY)
    assert [lines(day) for day in days[:2]] == [["plain 0 x 1 = 0"], ["calls team=a 6 x 1 = 6", "plain 6 x 1 = 6"]]
    assert [lines(day.without_zero_lines()) for day in days[2:4]] == [[], []]


def test_a_fee_on_grouped_usage_by_days() -> None:
    """Each day's percentage is of that day's spend, of all groups."""
    rates = {"calls": flat("1"), "fee": percent("0.1")}
    priced = terms(product(presentation="team"), composite("fee", "calls"), rates=rates)
    days = breakdown(
        priced, [event(f"2024-09-{day:02}", n=day, team=f"t{day % 3}") for day in range(30, 0, -1)], r.WindowSize.DAY
    )
    assert [day.spend("fee") * 10 for day in days] == list(range(1, 31))


def test_unpriced_usage_stands_in_its_window() -> None:
    """What is not billed is told apart by windows as well."""
    days = breakdown(terms(product(), rates=dated(("2024-09-02", flat("1")))), EVENTS, r.WindowSize.DAY)
    assert [unbilled(day) for day in days[:2]] == [["calls 7 (NO_RATE)"], []]


def test_some_windows_of_a_period() -> None:
    """A page of windows is what those windows are in the whole, as if all had been asked for."""
    page = r.windows(span("2024-09-02", "2024-09-04"), r.WindowSize.DAY)
    meter = r.PeriodMeter(TIERS, SEPTEMBER, cuts=[edge for one in page for edge in (one.start, one.end)])
    meter.add_all(EVENTS)
    assert r.price_windows(TIERS, meter.usage(), page) == breakdown(TIERS, EVENTS, r.WindowSize.DAY)[1:3]


def test_windows_that_cannot_be() -> None:
    """Windows outside the period, overlapping or unsorted are refused, and so are edges that usage was not told apart at."""
    meter = r.PeriodMeter(TIERS, SEPTEMBER, cuts=[at("2024-09-02"), at("2024-09-03")])
    usage = meter.usage()
    for wrong in (
        [span("2024-08-31", "2024-09-02")],
        [span("2024-09-02", "2024-10-01"), span("2024-09-03", "2024-10-01")],
        [span("2024-09-02", "2024-09-03"), span("2024-09-01", "2024-09-02")],
    ):
        with pytest.raises(r.RatingError, match="windows are sorted"):
            r.price_windows(TIERS, usage, wrong)
    with pytest.raises(r.RatingError, match="not metered at 2024-09-04"):
        r.price_windows(TIERS, usage, [span("2024-09-03", "2024-09-04")])


def test_a_short_first_period_has_short_first_windows() -> None:
    """A period that starts at noon has a first day of twelve hours, and its events count."""
    days = breakdown(terms(product(), rates=flat("1")), EVENTS, r.WindowSize.DAY, span("2024-09-01 09:00", "2024-09-03"))
    assert [(day.span, day.total) for day in days] == [
        (span("2024-09-01 09:00", "2024-09-02"), 4),
        (span("2024-09-02", "2024-09-03"), 5),
    ]


def test_days_add_up_where_a_division_never_ends() -> None:
    """Three days with a third of a unit each: every one is cut, and together they are the draft's one unit at its price."""
    thirds = terms(product(conversion=r.Conversion(Decimal(3), r.Operation.DIVIDE)), rates=flat("1"))
    events = [event(f"2024-09-{day}", n=1) for day in (10, 11, 12)]
    days = [line for day in breakdown(thirds, events, r.WindowSize.DAY) for line in day.lines]
    with localcontext(prec=200):
        assert [sum(line.quantity for line in days), sum(line.total for line in days)] == [1, 1]
