"""The published worked examples (API facts §15) that yield lines of usage and composite products, and their kin.

Amounts are in dollars where the source speaks of dollars and in cents where it shows API values.
"""

from decimal import Decimal

import pytest
from rating_kit import (
    at,
    bill,
    breakdown,
    composite,
    dated,
    event,
    flat,
    lines,
    metric,
    percent,
    product,
    read,
    span,
    terms,
    tiered,
)

from nova_iac import rating as r

FREE_THEN_PAID = tiered(("0", "5"), ("1", "5"), ("1.5", None))


def used(n: object) -> list[r.Event]:
    return [event("2024-09-10", n=n)]


def test_flat_price_in_cents_of_example_1() -> None:
    """Example 1 before its commit is drawn: 80 tokens at 100 cents are 8,000 cents [docs: how-invoicing-works]."""
    assert lines(bill(terms(product("tokens"), rates=flat("100")), used(80))) == ["tokens 80 x 100 = 8000"]


def test_storage_at_a_dollar_of_example_2() -> None:
    """Example 2 before its commit: 10 units at $1 are $10 [docs: create-a-pre-paid-commit]."""
    assert bill(terms(product("storage"), rates=flat("1")), used(10)).total == 10


def test_graduated_tiers_of_example_3() -> None:
    """Example 3: (0,5] $0, (5,10] $1, (10,∞) $1.50; 12 units are three lines and $8 [docs: create-manage-rate-cards]."""
    invoice = bill(terms(product(), rates=FREE_THEN_PAID), used(12))
    assert lines(invoice) == ["calls 5 x 0 = 0 tier 1", "calls 5 x 1 = 5 tier 2", "calls 2 x 1.5 = 3 tier 3"]
    assert invoice.total == 8
    assert [(one.tier.starting_at, one.tier.size) for one in invoice.lines if one.tier] == [(0, 5), (5, 5), (10, None)]


@pytest.mark.parametrize(("units", "dollars"), [("5", "0"), ("6", "1"), ("10", "5"), ("10.5", "5.75"), ("11", "6.5")])
def test_upper_bounds_belong_to_their_tier(units: str, dollars: str) -> None:
    """Example 3, derived: a tier's lower bound is not in it, its upper bound is [docs: create-manage-rate-cards]."""
    assert bill(terms(product(), rates=FREE_THEN_PAID), used(units)).total == Decimal(dollars)


def test_two_tiers_of_example_4() -> None:
    """Example 4: 15,000 calls, 10,000 at 1 cent and the rest at half a cent, are $125 [skills: metronome-plg-billing]."""
    invoice = bill(terms(product(), rates=tiered(("0.01", "10000"), ("0.005", None))), used(15_000))
    assert lines(invoice) == ["calls 10000 x 0.01 = 100 tier 1", "calls 5000 x 0.005 = 25 tier 2"]
    assert invoice.total == 125


def test_tiers_restart_per_presentation_value_of_example_5() -> None:
    """Example 5: with a presentation key each project fills the tiers from the bottom [docs: create-manage-rate-cards]."""
    events = [event("2024-09-10", n=12, project_id="a"), event("2024-09-11", n=6, project_id="b")]
    assert lines(bill(terms(product(presentation="project_id"), rates=FREE_THEN_PAID), events)) == [
        "calls project_id=a 5 x 0 = 0 tier 1",
        "calls project_id=a 5 x 1 = 5 tier 2",
        "calls project_id=a 2 x 1.5 = 3 tier 3",
        "calls project_id=b 5 x 0 = 0 tier 1",
        "calls project_id=b 1 x 1 = 1 tier 2",
    ]


def test_four_dimensions_of_example_6() -> None:
    """Example 6: 3 x 4 x 3 x 2 combinations x 3 products are 216 prices by 3 metrics [docs: create-manage-rate-cards]."""
    combinations = [
        {"provider": provider, "zone": zone, "class": kind, "azs": azs}
        for provider in ("aws", "gcp", "azure")
        for zone in ("1", "2", "3", "4")
        for kind in ("s", "m", "l")
        for azs in ("1", "2")
    ]
    keys = "provider zone class azs"
    measured = {name: metric("SUM", name, keys) for name in ("storage", "reads", "writes")}
    products = [product(name, one, pricing=keys) for name, one in measured.items()]
    expected = {
        (name, r.group(one)): number
        for number, (name, one) in enumerate((name, one) for name in measured for one in combinations)
    }
    rates = {
        f"{name} " + " ".join(f"{key}={value}" for key, value in values): flat(str(n)) for (name, values), n in expected.items()
    }
    events = [event("2024-09-10", **one, **{name: n}) for one in combinations for n, name in enumerate(measured, 1)]
    invoice = bill(terms(*products, rates=rates), events)
    assert len(expected) == len(rates) == 216
    assert {(line.product, line.pricing_values): line.unit_price for line in invoice.lines} == expected
    assert {(line.product, line.quantity) for line in invoice.lines} == {("storage", 1), ("reads", 2), ("writes", 3)}


def test_conversion_of_example_7() -> None:
    """Example 7: 2,048 MB with factor 1024 and DIVIDE are billed as 2 GB [sdk]."""
    in_gb = product("storage", conversion=r.Conversion(Decimal(1024), r.Operation.DIVIDE))
    assert lines(bill(terms(in_gb, rates=flat("3")), used(2048))) == ["storage 2 x 3 = 6"]


def test_multiplying_conversion() -> None:
    """The text's other operation: factor 100 and MULTIPLY make 2.5 units 250 [sdk]."""
    times_100 = product(conversion=r.Conversion(Decimal(100), r.Operation.MULTIPLY))
    assert lines(bill(terms(times_100, rates=flat("1")), used("2.5"))) == ["calls 250 x 1 = 250"]


@pytest.mark.parametrize(
    ("mode", "places", "used_up", "billed"),
    [
        ("UP", 0, "2.1", "3"),
        ("UP", 1, "2.11", "2.2"),
        ("DOWN", 0, "2.9", "2"),
        ("HALF_UP", 0, "2.5", "3"),
        ("HALF_UP", 1, "2.44", "2.4"),
    ],
)
def test_rounding_of_example_8(mode: str, places: int, used_up: str, billed: str) -> None:
    """Example 8: ROUND_UP with 0 decimals makes 2.1 the integer 3 [sdk]; and the other methods."""
    rounded = product(rounding=r.Rounding(places, r.RoundingMode[mode]))
    assert [line.quantity for line in bill(terms(rounded, rates=flat("1")), used(used_up)).lines] == [Decimal(billed)]


def test_many_calls_at_a_tenth_of_a_cent_of_example_9() -> None:
    """Example 9: 150,000 calls at $0.001 are $150.00 [skills: metronome-plg-billing]."""
    counted = product("calls", metric("COUNT"))
    invoice = bill(terms(counted, rates=flat("0.001")), (event("2024-09-10") for _ in range(150_000)))
    assert invoice.total == 150


def test_usage_half_of_example_10() -> None:
    """Example 10 without its subscription: 5,000 calls at $0.01 are $50 [skills: metronome-plg-billing]."""
    assert bill(terms(product(), rates=flat("0.01")), used(5_000)).total == 50


def test_products_keep_the_order_of_the_card() -> None:
    """Example 14's lines, storage at $1 and reads at $2.60, stand in the card's order [docs: prioritization-rules]."""
    storage, reads = product("storage", metric("SUM", "gb")), product("reads", metric("SUM", "rows"))
    both = terms(storage, reads, rates={"storage": flat("1"), "reads": flat("2.6")})
    events = [event("2024-09-10", rows=10), event("2024-09-11", gb=3)]
    assert lines(bill(both, events)) == ["storage 3 x 1 = 3", "reads 10 x 2.6 = 26"]


LATEST = product("seats", metric("LATEST", "seats"))
FOUR_DAYS = [event(f"2024-09-0{day} 12:00", seats=seats) for day, seats in ((1, 7), (2, 9), (3, 10), (4, 5))]


def test_latest_bills_the_change_of_example_38() -> None:
    """Example 38: LATEST values 7, 9, 10, 5 on four days bill 7, 2, 1, -5 [docs: non-monotonically-increasing-metrics]."""
    days = breakdown(terms(LATEST, rates=flat("1")), FOUR_DAYS, r.WindowSize.DAY)
    assert [day.lines[0].quantity for day in days[:5]] == [7, 2, 1, -5, 0]
    assert bill(terms(LATEST, rates=flat("1")), FOUR_DAYS).total == 5


def test_latest_usage_is_absolute_in_example_38() -> None:
    """Example 38: the usage endpoint shows 7, 9, 10, 5 for the same events [docs: non-monotonically-increasing-metrics]."""
    meter = r.WindowMeter(metric("LATEST", "seats"), r.windows(span("2024-09-01", "2024-09-06"), r.WindowSize.DAY))
    meter.add_all(FOUR_DAYS)
    assert [row.value for row in meter.rows()] == [7, 9, 10, 5]


def test_latest_across_a_price_rise_of_example_39() -> None:
    """Example 39: 7 at $3, then 9 after the change to $4, is $29 [docs: non-monotonically-increasing-metrics]."""
    rising = terms(LATEST, rates=dated(("2024-01-01", flat("3")), ("2024-09-02", flat("4"))))
    invoice = bill(rising, FOUR_DAYS[:2])
    assert lines(invoice) == ["seats 7 x 3 = 21 09-01..09-02", "seats 2 x 4 = 8 09-02..10-01"]
    assert invoice.total == 29


def test_latest_refunds_at_the_price_of_the_moment_of_example_40() -> None:
    """Example 40: 40 at $3, a drop of 10 after the change to $4: $80 [docs: non-monotonically-increasing-metrics]."""
    rising = terms(LATEST, rates=dated(("2024-01-01", flat("3")), ("2024-09-15", flat("4"))))
    events = [event("2024-09-03", seats=25), event("2024-09-05", seats=40), event("2024-09-20", seats=30)]
    invoice = bill(rising, events)
    assert lines(invoice) == ["seats 40 x 3 = 120 09-01..09-15", "seats -10 x 4 = -40 09-15..10-01"]
    assert invoice.total == 80


def test_money_is_exact_where_the_shown_quantity_is_rounded() -> None:
    """§14.3's sample, shown as 33.33 x 3.00 = 100.00: money is exact [docs: non-monotonically-increasing-metrics]."""
    thirds = product(conversion=r.Conversion(Decimal(3), r.Operation.DIVIDE))
    (line,) = bill(terms(thirds, rates=flat("3")), used(100)).lines
    assert (round(line.quantity, 2), line.total) == (Decimal("33.33"), 100)


def test_money_is_exact_in_tiers_of_a_divided_quantity() -> None:
    """The same where tiers cut it: of 33.33 units 5 at 3 and the others at 6, which are 15 + 170; and in its breakdown."""
    thirds = terms(product(conversion=r.Conversion(Decimal(3), r.Operation.DIVIDE)), rates=tiered(("3", "5"), ("6", None)))
    events = [event("2024-09-10", n=50), event("2024-09-20", n=50)]
    assert [line.total for line in bill(thirds, events).lines] == [15, 170]
    assert sum(day.total for day in breakdown(thirds, events, r.WindowSize.DAY)) == 185


def test_the_count_of_tiers_runs_on_when_the_division_changes() -> None:
    """By 3 until mid-month, then by 4: 90 and 40 are 30 and 10 units, the last 5 of them in the second tier."""
    by = [r.Conversion(Decimal(factor), r.Operation.DIVIDE) for factor in (3, 4)]
    definition = r.Timeline.of(
        r.Step(at(day), r.UsageDefinition(metric(), conversion=one))
        for day, one in zip(("2024-01-01", "2024-09-15"), by, strict=True)
    )
    rates = {("calls", ()): r.Timeline.always(tiered(("1", "35"), ("2", None)))}
    priced = r.Terms((r.UsageProduct("calls", definition),), rates)
    invoice = bill(priced, [event("2024-09-10", n=90), event("2024-09-20", n=40)])
    assert [(line.quantity, line.total) for line in invoice.lines] == [(30, 30), (5, 5), (5, 10)]


def test_tutorial_prices_per_image_type() -> None:
    """Three images of each type at 2, 5 and 10 cents are 51 cents; a type without a price is free [docs: api-quickstart]."""
    measured = metric("SUM", "num_images", "image_type")
    images = product("images", measured, pricing="image_type", presentation="image_type")
    card = {f"images image_type={kind}": flat(price) for kind, price in (("standard", "2"), ("high-res", "5"), ("ultra", "10"))}
    events = [event("2024-09-10", image_type=kind, num_images="3") for kind in ("ultra", "standard", "high-res", "4k")]
    invoice = bill(terms(images, rates=card), events)
    assert lines(invoice) == [
        "images image_type=high-res 3 x 5 = 15",
        "images image_type=standard 3 x 2 = 6",
        "images image_type=ultra 3 x 10 = 30",
    ]
    assert invoice.total == 51
    assert [read(one, invoice.span) for one in invoice.unbilled] == ["images image_type=4k 3 (NO_RATE)"]


def test_percentage_of_the_listed_spend() -> None:
    """A composite product at 0.1 is 10 % of the spend of what it lists (§3.8) [docs: create-products-contracts]."""
    rates = {"calls": flat("2"), "other": flat("1"), "support": percent("0.1")}
    priced = terms(product(), product("other"), composite("support", "calls"), rates=rates)
    assert lines(bill(priced, used(500))) == ["calls 500 x 2 = 1000", "other 500 x 1 = 500", "support 1000 x 0.1 = 100"]


def test_custom_anchor_periods_of_example_46() -> None:
    """Example 46: start 2024-09-15, custom anchor 2024-09-10, monthly: 09-15 to 10-10, then from the 10th [sdk]."""
    schedule = r.Schedule(r.Frequency.MONTHLY, r.Anchor.CUSTOM_DATE, at("2024-09-10").date())
    periods = list(r.Calendar(schedule, at("2024-09-15")).started(at("2024-11-10")))
    assert periods == [
        span("2024-09-15", "2024-10-10"),
        span("2024-10-10", "2024-11-10"),
        span("2024-11-10", "2024-12-10"),
    ]
