"""Steps 2 and 3: from events to values, per group and slice."""

from decimal import Decimal

import pytest
from rating_kit import SEPTEMBER, at, bill, dated, event, flat, lines, metric, product, span, terms

from nova_iac import rating as r

DAYS = r.windows(span("2024-09-01", "2024-09-05"), r.WindowSize.DAY)
VALUES = [("2024-09-01 08:00", "2"), ("2024-09-01 20:00", 5), ("2024-09-03 01:00", "5"), ("2024-09-03 02:00", Decimal("-1.5"))]
EVENTS = [event(when, n=value) for when, value in VALUES]


def windowed(measured: r.Metric, events: list[r.Event], **options: object) -> list[tuple[str, dict[str, str], Decimal]]:
    meter = r.WindowMeter(measured, DAYS, **options)  # type: ignore[arg-type]
    meter.add_all(events)
    return [(f"{row.window.start:%m-%d}", dict(row.group), row.value) for row in meter.rows()]


@pytest.mark.parametrize(
    ("kind", "first", "third"),
    [("COUNT", 2, 2), ("SUM", 7, "3.5"), ("MAX", 5, 5), ("LATEST", 5, "-1.5"), ("UNIQUE", 2, 2)],
)
def test_each_window_by_itself(kind: str, first: object, third: object) -> None:
    """A usage query gives each window its own value, and no row where there was nothing (§13.3)."""
    assert windowed(metric(kind), EVENTS) == [("09-01", {}, Decimal(str(first))), ("09-03", {}, Decimal(str(third)))]


@pytest.mark.parametrize(
    ("kind", "billed"),
    [
        ("COUNT", [2, 0, 2, 0]),
        ("SUM", [7, 0, "3.5", 0]),
        ("MAX", [5, 0, 0, 0]),
        ("LATEST", [5, 0, "-6.5", 0]),
        ("UNIQUE", [2, 0, 1, 0]),
    ],
)
@pytest.mark.parametrize("order", [EVENTS, EVENTS[::-1]], ids=["in order", "reversed"])
def test_a_slice_bills_its_increment(kind: str, billed: list[object], order: list[r.Event]) -> None:
    """What is billed is the value at the slice's end minus that at its start (§14.3 step 3)."""
    priced = terms(product("calls", metric(kind)), rates=flat("1"))
    meter = r.PeriodMeter(priced, SEPTEMBER, cuts=[day.start for day in DAYS] + [DAYS[-1].end])
    meter.add_all(order)
    days = r.price_windows(priced, meter.usage(), DAYS)
    assert [day.lines[0].quantity for day in days] == [Decimal(str(one)) for one in billed]


def test_latest_of_one_instant_is_the_greatest_transaction_id() -> None:
    """At one timestamp the event with the greatest transaction id is the latest, in whatever order they come."""
    tied = [event("2024-09-01 08:00", id=id, n=n) for id, n in (("b", 1), ("c", 2), ("a", 3))]
    for events in (tied, tied[::-1]):
        assert windowed(metric("LATEST"), events) == [("09-01", {}, 2)]


def test_latest_goes_by_timestamp_and_not_by_arrival() -> None:
    """An event that arrives late but is older does not replace a newer one (§13.1)."""
    assert windowed(metric("LATEST"), EVENTS[1::-1]) == [("09-01", {}, 5)]


def test_unique_compares_texts() -> None:
    """The number 5 and the text 5 are one value; 5.0 as a text is another."""
    events = [event("2024-09-01", n=value) for value in (5, "5", Decimal("5.0"), "5.0", True, "true")]
    assert windowed(metric("UNIQUE"), events) == [("09-01", {}, 3)]


def test_unique_values_of_many_days() -> None:
    """Each value is billed on the day on which it is first seen, with days in any order and number."""
    priced = terms(product("users", metric("UNIQUE")), rates=flat("1"))
    days = (30, 9, 2, 17, 9)
    meter = r.PeriodMeter(priced, SEPTEMBER, cuts=[at(f"2024-09-{day:02}") for day in range(1, 31)])
    meter.add_all(event(f"2024-09-{day:02}", n=user) for day in days for user in ("ann", f"user of {day}"))
    windows = r.price_windows(priced, meter.usage(), r.windows(SEPTEMBER, r.WindowSize.DAY))
    assert {f"{one.span.start:%d}": one.total for one in windows if one.total} == {"02": 2, "09": 1, "17": 1, "30": 1}


def test_a_sum_without_a_property_is_zero() -> None:
    """A SUM metric without an aggregation key matches its events and adds up nothing (§6.1)."""
    assert windowed(r.Metric(r.Aggregation.SUM), EVENTS) == [("09-01", {}, 0), ("09-03", {}, 0)]


def test_negative_values_correct_a_draft() -> None:
    """A negative value takes back usage of the same period (§13.1), below zero too."""
    events = [event("2024-09-10", n=5), event("2024-09-11", n="-7")]
    assert lines(bill(terms(product(), rates=flat("2")), events)) == ["calls -2 x 2 = -4"]


def test_maximum_of_negative_values() -> None:
    """A maximum below zero is that maximum: nothing counts as a value of 0."""
    events = [event("2024-09-10", n=-5), event("2024-09-11", n=-3)]
    assert windowed(metric("MAX"), [event("2024-09-01", n=-5), event("2024-09-01", n=-3)]) == [("09-01", {}, -3)]
    assert lines(bill(terms(product("peak", metric("MAX")), rates=flat("1")), events)) == ["peak -3 x 1 = -3"]


def test_groups_by_a_compound_key() -> None:
    """Each combination of a compound key's values is a group; an event without all of them is in none (§6.1)."""
    events = [
        event("2024-09-01", n=1, zone="eu", kind="a"),
        event("2024-09-01", n=2, zone="eu", kind="b"),
        event("2024-09-01", n=4, zone="eu", kind="a"),
        event("2024-09-01", n=8, zone="eu"),
        event("2024-09-01", n=16, zone="us", kind=None),
    ]
    meter = r.WindowMeter(metric("SUM", "n", "zone kind"), DAYS, by=["zone", "kind"])
    meter.add(events[0])
    assert meter.rows() == [r.WindowUsage(DAYS[0], r.group({"zone": "eu", "kind": "a"}), Decimal(1))]
    assert windowed(metric("SUM", "n", "zone kind"), events, by=["zone", "kind"]) == [
        ("09-01", {"kind": "a", "zone": "eu"}, 5),
        ("09-01", {"kind": "b", "zone": "eu"}, 2),
    ]


def test_group_filters_keep_other_values_out() -> None:
    """A query's group filters let only the named values in (§13.3)."""
    events = [event("2024-09-01", n=n, zone=zone) for n, zone in ((1, "eu"), (2, "us"), (4, "ap"))]
    wanted = [r.GroupFilter("zone", frozenset({"eu", "ap"}))]
    found = windowed(metric("SUM", "n", "zone"), events, by=["zone"], where=wanted)
    assert found == [("09-01", {"zone": "ap"}, 4), ("09-01", {"zone": "eu"}, 1)]


def test_only_the_windows_count() -> None:
    """The start of the first window is in, the end of the last one is not (§3.7)."""
    edges = [
        event(when, n=1) for when in ("2024-08-31 23:59:59.999999", "2024-09-01", "2024-09-04 23:59:59.999999", "2024-09-05")
    ]
    meter = r.WindowMeter(metric("COUNT"), DAYS)
    assert [meter.add(one) for one in edges] == [False, True, True, False]


def test_windows_must_adjoin() -> None:
    """Windows with a gap between them, or none at all, are refused."""
    with pytest.raises(r.RatingError, match="adjoin"):
        r.WindowMeter(metric("COUNT"), [DAYS[0], DAYS[2]])
    with pytest.raises(r.RatingError, match="at least one"):
        r.WindowMeter(metric("COUNT"), [])


def test_a_meter_can_be_read_and_fed_on() -> None:
    """Usage can be read at any time; what comes later is added to it."""
    priced = terms(product(), rates=flat("1"))
    meter = r.PeriodMeter(priced, SEPTEMBER)
    meter.add(EVENTS[0])
    first = meter.usage()
    meter.add_all(EVENTS[1:])
    assert (r.price_period(priced, first).total, r.price_period(priced, meter.usage()).total) == (2, Decimal("10.5"))


def test_usage_from_elsewhere_is_priced_as_metered_usage_is() -> None:
    """Increments known from a usage query, in any order, make the curve that metering the events would have made."""
    measured = metric()
    priced = terms(product(), rates=dated(("2024-01-01", flat("3")), ("2024-09-03", flat("4"))))
    curve = r.Curve.of({at("2024-09-03"): Decimal("3.5"), at("2024-09-01"): Decimal(7)})
    usage = r.PeriodUsage(SEPTEMBER, frozenset({at("2024-09-03")}), {r.Metering(measured): {(): curve}})
    assert r.price_period(priced, usage) == bill(priced, EVENTS)


def test_products_that_need_the_same_are_counted_once() -> None:
    """Two products on one metric share one meter, and each bills it (one metric may feed many products)."""
    measured = metric()
    priced = terms(product("a", measured), product("b", measured), rates={"a": flat("1"), "b": flat("2")})
    meter = r.PeriodMeter(priced, SEPTEMBER)
    meter.add_all(EVENTS)
    assert list(meter.usage().curves) == [r.Metering(measured)]
    assert lines(r.price_period(priced, meter.usage())) == ["a 10.5 x 1 = 10.5", "b 10.5 x 2 = 21"]
