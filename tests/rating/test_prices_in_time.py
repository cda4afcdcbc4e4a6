"""Prices that change: each unit is billed at the price that was in force when it was used, whatever else happens.

The cases are those in which other billing systems charged a wrong price (Kill Bill's issues are named by number).
"""

from decimal import Decimal

import pytest
from rating_kit import bill, dated, event, flat, lines, product, span, terms, tiered, unbilled

from nova_iac import rating as r

EVERY_FIVE_DAYS = [event(f"2024-09-{day:02} 12:00", n=10) for day in (1, 6, 11, 16, 21, 26)]


def test_two_changes_in_one_period() -> None:
    """Both changes of a period take effect, each from its own instant (Kill Bill 2291: the older price won)."""
    rates = dated(("2024-01-01", flat("1")), ("2024-09-10", flat("2")), ("2024-09-20", flat("3")))
    assert lines(bill(terms(product(), rates=rates), EVERY_FIVE_DAYS)) == [
        "calls 20 x 1 = 20 09-01..09-10",
        "calls 20 x 2 = 40 09-10..09-20",
        "calls 20 x 3 = 60 09-20..10-01",
    ]


def test_the_order_in_which_prices_were_added_does_not_matter() -> None:
    """A price is in force by its start, not by when it was added (Kill Bill 2291)."""
    rates = dated(("2024-09-20", flat("3")), ("2024-01-01", flat("1")), ("2024-09-10", flat("2")))
    assert bill(terms(product(), rates=rates), EVERY_FIVE_DAYS).total == 120


def test_a_price_posted_twice_for_one_start_is_the_last_one() -> None:
    """Of two prices with one start the one that was added last is billed (§7.2)."""
    rates = dated(("2024-09-01", flat("1")), ("2024-09-01", flat("7")))
    assert lines(bill(terms(product(), rates=rates), EVERY_FIVE_DAYS)) == ["calls 60 x 7 = 420"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("2024-08-31 23:00", ["calls 60 x 2 = 120"]),
        ("2024-09-01", ["calls 60 x 2 = 120"]),
        ("2024-09-01 01:00", ["calls 0 x 1 = 0 09-01..09-01 01:00", "calls 60 x 2 = 120 09-01 01:00..10-01"]),
        ("2024-09-30 23:00", ["calls 60 x 1 = 60 09-01..09-30 23:00", "calls 0 x 2 = 0 09-30 23:00..10-01"]),
        ("2024-10-01", ["calls 60 x 1 = 60"]),
    ],
    ids=["before", "at the start", "in the first hour", "in the last hour", "at the end"],
)
def test_a_change_on_or_beside_a_boundary(change: str, expected: list[str]) -> None:
    """A change at a period's start is that period's price, one at its end is the next one's (Kill Bill 2079: when exactly?)."""
    rates = dated(("2024-01-01", flat("1")), (change, flat("2")))
    assert lines(bill(terms(product(), rates=rates), EVERY_FIVE_DAYS)) == expected


def test_an_event_at_the_instant_of_change_is_at_the_new_price() -> None:
    """A price holds from its start, inclusive; a microsecond earlier the old one did (§3.7)."""
    rates = dated(("2024-01-01", flat("1")), ("2024-09-10", flat("2")))
    events = [event("2024-09-09 23:59:59.999999", n=1), event("2024-09-10", n=1)]
    assert [line.total for line in bill(terms(product(), rates=rates), events).lines] == [1, 2]


def test_every_change_of_an_annual_period_counts() -> None:
    """A year billed at once is billed at each month's own price (Kill Bill 1887: annual plans kept the old one)."""
    rates = dated(*((f"2024-{month:02}-01", flat(str(month))) for month in range(1, 13)))
    events = [event(f"2024-{month:02}-15", n=1) for month in range(1, 13)]
    year = span("2024-01-01", "2025-01-01")
    invoice = bill(terms(product(), rates=rates), events, year)
    assert [line.unit_price for line in invoice.lines] == list(range(1, 13))
    assert invoice.total == sum(range(1, 13))


def test_usage_of_a_part_period_is_not_prorated() -> None:
    """A period of a week bills its usage whole (§14.3; Kill Bill 1661: proration that nobody wanted)."""
    assert bill(terms(product(), rates=flat("2")), EVERY_FIVE_DAYS, span("2024-09-20", "2024-09-27")).total == 40


def test_a_new_price_is_used_in_the_next_period() -> None:
    """A price that starts within one period holds in all of the next (Kill Bill 1842: new price not used)."""
    rates = dated(("2024-01-01", flat("1")), ("2024-09-20", flat("2")))
    october = span("2024-10-01", "2024-11-01")
    assert lines(bill(terms(product(), rates=rates), [event("2024-10-01", n=5)], october)) == ["calls 5 x 2 = 10"]


def test_a_price_that_is_put_back() -> None:
    """Undoing a change is a third step at the old price: three lines, not one."""
    rates = dated(("2024-01-01", flat("1")), ("2024-09-10", flat("2")), ("2024-09-12", flat("1")))
    assert [line.total for line in bill(terms(product(), rates=rates), EVERY_FIVE_DAYS).lines] == [20, 20, 30]


def test_the_count_of_tiers_runs_on_across_a_change() -> None:
    """Tiers are counted over the period, so a price change in its middle does not grant the free tier again (§14.3 step 7)."""
    rates = dated(
        ("2024-01-01", tiered(("0", "25"), ("1", None))),
        ("2024-09-15", tiered(("0", "25"), ("2", "20"), ("3", None))),
    )
    assert lines(bill(terms(product(), rates=rates), EVERY_FIVE_DAYS)) == [
        "calls 25 x 0 = 0 tier 1 09-01..09-15",
        "calls 5 x 1 = 5 tier 2 09-01..09-15",
        "calls 15 x 2 = 30 tier 2 09-15..10-01",
        "calls 15 x 3 = 45 tier 3 09-15..10-01",
    ]


def test_tiers_begin_where_a_flat_price_left_off() -> None:
    """Units billed at a flat price count towards the tiers that replace it, and tiers towards nothing of a flat price."""
    rates = dated(("2024-01-01", flat("1")), ("2024-09-15", tiered(("5", "40"), ("6", None))), ("2024-09-25", flat("1")))
    assert [line.total for line in bill(terms(product(), rates=rates), EVERY_FIVE_DAYS).lines] == [30, 50, 60, 10]


def test_tiers_restart_in_the_next_period() -> None:
    """The count is the billing period's (§14.3 step 7)."""
    both = [*EVERY_FIVE_DAYS, event("2024-10-05", n=6)]
    priced = terms(product(), rates=tiered(("0", "5"), ("1", None)))
    assert bill(priced, both, span("2024-10-01", "2024-11-01")).total == 1


def test_usage_in_a_gap_is_not_charged() -> None:
    """After a price has ended and before the next one starts usage is free, and named (§7.2)."""
    rates = dated(("2024-01-01", flat("1"), "2024-09-10"), ("2024-09-20", flat("3")))
    invoice = bill(terms(product(), rates=rates), EVERY_FIVE_DAYS)
    assert lines(invoice) == ["calls 20 x 1 = 20 09-01..09-10", "calls 20 x 3 = 60 09-20..10-01"]
    assert unbilled(invoice) == ["calls 20 09-10..09-20 (NO_RATE)"]


def test_what_is_not_charged_does_not_fill_tiers() -> None:
    """Usage in a gap leaves the count of tiers where it was."""
    rates = dated(
        ("2024-01-01", tiered(("0", "25"), ("1", None)), "2024-09-10"), ("2024-09-20", tiered(("0", "25"), ("1", None)))
    )
    assert bill(terms(product(), rates=rates), EVERY_FIVE_DAYS).total == 15


def test_a_price_that_is_not_entitled_charges_nothing() -> None:
    """A segment with entitled false ends the charge from its instant on (§7.2, §17.7)."""
    rates = dated(("2024-01-01", flat("1")), ("2024-09-15", flat("1", entitled=False)))
    invoice = bill(terms(product(), rates=rates), EVERY_FIVE_DAYS)
    assert lines(invoice) == ["calls 30 x 1 = 30 09-01..09-15"]
    assert unbilled(invoice) == ["calls 30 09-15..10-01 (NOT_ENTITLED)"]


def test_a_price_before_any_starts() -> None:
    """Usage before the first price is not charged."""
    invoice = bill(terms(product(), rates=dated(("2024-09-20", flat("1")))), EVERY_FIVE_DAYS)
    assert (lines(invoice), unbilled(invoice)) == (["calls 20 x 1 = 20 09-20..10-01"], ["calls 40 09-01..09-20 (NO_RATE)"])


def test_each_group_has_its_own_changes() -> None:
    """A change of one value's price cuts that value's lines only."""
    rates = {
        "calls zone=eu": dated(("2024-01-01", flat("1")), ("2024-09-15", flat("2"))),
        "calls zone=us": flat("5"),
    }
    events = [event(f"2024-09-{day}", n=1, zone=zone) for day in (10, 20) for zone in ("eu", "us")]
    assert lines(bill(terms(product(pricing="zone"), rates=rates), events)) == [
        "calls zone=eu 1 x 1 = 1 09-01..09-15",
        "calls zone=eu 1 x 2 = 2 09-15..10-01",
        "calls zone=us 2 x 5 = 10",
    ]


def test_rounding_is_not_repeated_by_a_change() -> None:
    """Half units rounded up across a change are three halves, so two units, and not one for each side."""
    whole = product(rounding=r.Rounding(0, r.RoundingMode.UP))
    rates = dated(("2024-01-01", flat("1")), ("2024-09-15", flat("10")))
    events = [event("2024-09-10", n="0.5"), event("2024-09-20", n="0.5"), event("2024-09-21", n="0.5")]
    assert lines(bill(terms(whole, rates=rates), events)) == [
        "calls 1 x 1 = 1 09-01..09-15",
        "calls 1 x 10 = 10 09-15..10-01",
    ]


def test_the_metric_that_a_product_is_switched_to_bills_from_the_switch() -> None:
    """A dated product update bills usage before it by the old metric and after it by the new one (§6.2, §17.1)."""
    by_calls, by_tokens = (
        r.UsageDefinition(r.Metric(r.Aggregation.SUM, key)) for key in ("calls", "tokens")
    )  # fmt: skip
    switched = r.UsageProduct("api", dated(("2024-01-01", by_calls), ("2024-09-15", by_tokens)))
    events = [event(when, calls=1, tokens=100) for when in ("2024-09-10", "2024-09-14", "2024-09-20")]
    assert lines(bill(terms(switched, rates=flat("1")), events)) == [
        "api 2 x 1 = 2 09-01..09-15",
        "api 100 x 1 = 100 09-15..10-01",
    ]


def test_a_latest_metric_that_is_switched_bills_its_change_since_the_switch() -> None:
    """The new metric's value at the switch is what its increments start from: seats are not billed twice (§14.3 step 3)."""
    old, new = (r.UsageDefinition(r.Metric(r.Aggregation.LATEST, key)) for key in ("seats", "members"))
    switched = r.UsageProduct("seats", dated(("2024-01-01", old), ("2024-09-15", new)))
    events = [event("2024-09-10", seats=40, members=40), event("2024-09-20", seats=42, members=42)]
    assert [line.quantity for line in bill(terms(switched, rates=flat("1")), events).lines] == [40, 2]


def test_a_conversion_that_changes_holds_from_its_date() -> None:
    """From MB to GB in mid-period: each side is billed in its own unit."""
    in_mb, in_gb = r.UsageDefinition(r.Metric(r.Aggregation.SUM, "n")), r.UsageDefinition(
        r.Metric(r.Aggregation.SUM, "n"), conversion=r.Conversion(Decimal(1000), r.Operation.DIVIDE)
    )  # fmt: skip
    changed = r.UsageProduct("storage", dated(("2024-01-01", in_mb), ("2024-09-15", in_gb)))
    assert [line.quantity for line in bill(terms(changed, rates=flat("1")), EVERY_FIVE_DAYS).lines] == [30, Decimal("0.03")]
