"""Each open question's other answers: what they change, and that the default is what the docs say."""

from decimal import Decimal

import pytest
from rating_kit import at, bill, breakdown, dated, event, flat, lines, metric, product, terms

from nova_iac import rating as r

HALVES = [event("2024-09-10", n="0.5"), event("2024-09-20", n="0.5")]
CHANGING = dated(("2024-01-01", flat("1")), ("2024-09-15", flat("10")))
ROUND_UP = r.Rounding(0, r.RoundingMode.UP)


def test_the_defaults() -> None:
    """The package's answers to what no source settles."""
    assert (
        r.RatingPolicy(
            quantity_level=r.QuantityLevel.PERIOD,
            quantity_order=r.QuantityOrder.CONVERT_THEN_ROUND,
            month_end=r.MonthEnd.CLAMP,
            max_billing=r.MaxBilling.AS_IT_RISES,
            non_numeric=r.NonNumeric.IGNORE,
            total_rounding=None,
        )
        == r.DEFAULT
    )


@pytest.mark.parametrize(("level", "quantities"), [("PERIOD", [1, 0]), ("SLICE", [1, 1])])
def test_quantity_level(level: str, quantities: list[int]) -> None:
    """By period two halves are one unit however they are cut; by slice each is rounded up by itself."""
    policy = r.RatingPolicy(quantity_level=r.QuantityLevel[level])
    invoice = bill(terms(product(rounding=ROUND_UP), rates=CHANGING), HALVES, policy=policy)
    assert [line.quantity for line in invoice.lines] == quantities


@pytest.mark.parametrize(("order", "quantity"), [("CONVERT_THEN_ROUND", "2"), ("ROUND_THEN_CONVERT", "1.5")])
def test_quantity_order(order: str, quantity: str) -> None:
    """1,500 MB in GB, rounded up: two, or one and a half if the MB are rounded."""
    policy = r.RatingPolicy(quantity_order=r.QuantityOrder[order])
    in_gb = product(conversion=r.Conversion(Decimal(1000), r.Operation.DIVIDE), rounding=ROUND_UP)
    (line,) = bill(terms(in_gb, rates=flat("1")), [event("2024-09-10", n="1499.5")], policy=policy).lines
    assert line.quantity == Decimal(quantity)


@pytest.mark.parametrize(
    ("month_end", "starts"), [("CLAMP", ["01-31", "02-29", "03-31"]), ("NEXT_MONTH", ["01-31", "03-01", "03-31"])]
)
def test_month_end(month_end: str, starts: list[str]) -> None:
    """A period from the 31st starts on February's last day, or on the first of March."""
    policy = r.RatingPolicy(month_end=r.MonthEnd[month_end])
    schedule = r.Schedule(anchor=r.Anchor.CONTRACT_START)
    periods = r.Calendar(schedule, at("2024-01-31"), policy=policy).started(at("2024-03-31"))
    assert [f"{one.start:%m-%d}" for one in periods] == starts


@pytest.mark.parametrize(
    ("billing", "expected"),
    [
        ("AS_IT_RISES", ["peak 7 x 1 = 7 09-01..09-15", "peak 2 x 10 = 20 09-15..10-01"]),
        ("AT_PERIOD_END", ["peak 0 x 1 = 0 09-01..09-15", "peak 9 x 10 = 90 09-15..10-01"]),
    ],
)
def test_max_billing(billing: str, expected: list[str]) -> None:
    """A maximum of 7 that becomes 9 after a price change is billed at both prices, or whole at the last."""
    policy = r.RatingPolicy(max_billing=r.MaxBilling[billing])
    events = [event("2024-09-10", n=7), event("2024-09-11", n=3), event("2024-09-20", n=9), event("2024-09-21", n=1)]
    assert lines(bill(terms(product("peak", metric("MAX")), rates=CHANGING), events, policy=policy)) == expected


def test_a_maximum_at_period_end_is_in_its_last_window() -> None:
    """Billed at the period's end a maximum stands in the breakdown's last window."""
    policy = r.RatingPolicy(max_billing=r.MaxBilling.AT_PERIOD_END)
    days = breakdown(terms(product("peak", metric("MAX")), rates=flat("1")), HALVES, r.WindowSize.DAY, policy=policy)
    assert [day.total for day in days if day.total] == [days[-1].total] == [Decimal("0.5")]


BROKEN = [event("2024-09-10", id="bad", n="many"), event("2024-09-11", n=True), event("2024-09-12", n=-4)]


@pytest.mark.parametrize(("policy", "peak", "counted"), [("IGNORE", -4, 1), ("ZERO", 0, 3)])
def test_non_numeric(policy: str, peak: int, counted: int) -> None:
    """An event without a number does not count at all, or counts as 0: a maximum tells the two apart."""
    priced = terms(product("peak", metric("MAX")), rates=flat("1"))
    meter = r.PeriodMeter(
        priced, r.Span(at("2024-09-01"), at("2024-10-01")), policy=r.RatingPolicy(non_numeric=r.NonNumeric[policy])
    )
    assert meter.add_all(BROKEN) == counted
    assert r.price_period(priced, meter.usage()).total == peak


def test_non_numeric_refused() -> None:
    """Under REFUSE the first such event is named."""
    policy = r.RatingPolicy(non_numeric=r.NonNumeric.REFUSE)
    with pytest.raises(r.NotANumber, match="event bad: n = 'many' is no number"):
        bill(terms(product(), rates=flat("1")), BROKEN, policy=policy)


@pytest.mark.parametrize(
    ("rounding", "total"),
    [(None, "0.126"), (r.Rounding(2, r.RoundingMode.HALF_UP), "0.13"), (r.Rounding(0, r.RoundingMode.UP), "1")],
)
def test_total_rounding(rounding: r.Rounding | None, total: str) -> None:
    """A total is the exact sum of its lines unless the policy rounds it; lines are never rounded (§3.8: fractions are legal)."""
    priced = terms(product(), rates=flat("0.042"))
    invoice = bill(priced, [event("2024-09-10", n=3)], policy=r.RatingPolicy(total_rounding=rounding))
    assert (invoice.total, invoice.lines[0].total) == (Decimal(total), Decimal("0.126"))
