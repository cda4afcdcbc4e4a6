"""Laws that hold for all usage and all prices, under the default policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rating_kit import SEPTEMBER, bill, breakdown, composite, lines, product, timeline

from nova_iac import rating as r
from nova_iac.rating.exact import EXACT, exact

law = settings(max_examples=40, deadline=None)

HOURS = st.integers(-24, 31 * 24).map(lambda hours: SEPTEMBER.start + timedelta(hours=hours))
INSTANTS = st.integers(-10, 30 * 24 * 60 + 10).map(lambda minutes: SEPTEMBER.start + timedelta(minutes=minutes))
AMOUNTS = st.decimals(0, 1_000, places=3)
CORRECTIONS = st.decimals(-1_000, 1_000, places=3)
SIZES = st.decimals(Decimal("0.5"), 500, places=1)
KINDS = st.sampled_from(["COUNT", "SUM", "MAX", "LATEST", "UNIQUE"])
ZONES = ("eu", "us", "ap")


def events(amounts: st.SearchStrategy[Decimal] = CORRECTIONS) -> st.SearchStrategy[list[r.Event]]:
    values = amounts.map(str) | amounts
    one = st.tuples(INSTANTS, st.fixed_dictionaries({"n": values, "zone": st.sampled_from(ZONES), "team": st.sampled_from("ab")}))
    return st.lists(one, max_size=25).map(
        lambda rows: [r.Event(f"e{i}", when, "use", properties) for i, (when, properties) in enumerate(rows)]
    )


FLAT = AMOUNTS.map(r.Flat)
TIERED = st.tuples(st.lists(st.builds(r.Tier, AMOUNTS, SIZES), max_size=3), st.builds(r.Tier, AMOUNTS)).map(
    lambda tiers: r.Tiered((*tiers[0], tiers[1]))
)
FRACTIONS = st.decimals(0, 1, places=4)
PERCENTAGES = FRACTIONS.map(r.Percentage) | st.builds(r.Tier, FRACTIONS, SIZES).map(
    lambda tier: r.TieredPercentage((tier, r.Tier(Decimal("0.01"))))
)


def rates(prices: st.SearchStrategy[r.Price]) -> st.SearchStrategy[r.Timeline[r.Rate]]:
    """A price since long ago, and up to three changes, ends and gaps around the period."""
    rate = st.builds(r.Rate, prices, st.sampled_from([True, True, True, False]))
    first = prices.map(lambda price: r.Step(SEPTEMBER.start - timedelta(days=9), r.Rate(price)))
    later = st.lists(st.builds(r.Step, HOURS, rate, st.none() | HOURS), max_size=3)
    return st.tuples(first, later).map(lambda both: r.Timeline.of([both[0], *both[1]]))


FACTORS = st.sampled_from([Decimal(3), Decimal(1024), Decimal("0.7")])
CONVERSIONS = st.none() | st.builds(r.Conversion, FACTORS, st.sampled_from(r.Operation))
ROUNDINGS = st.none() | st.builds(r.Rounding, st.integers(0, 2), st.sampled_from(r.RoundingMode))
KEYS = st.sampled_from([("", ""), ("zone", ""), ("", "team"), ("zone", "team"), ("zone", "zone")])


@st.composite
def terms(draw: st.DrawFn, kinds: st.SearchStrategy[str] = KINDS) -> r.Terms:
    """One usage product of any shape, one plain one, and a composite product over both."""
    pricing, presentation = draw(KEYS)
    keys = frozenset(f"{pricing} {presentation}".split())
    measured = r.Metric(r.Aggregation(draw(kinds)), "n", group_keys=(keys,) if keys else ())
    conversion, rounding = draw(CONVERSIONS), draw(ROUNDINGS)
    usage = product("a", measured, pricing=pricing, presentation=presentation, conversion=conversion, rounding=rounding)
    plain = product("b", r.Metric(r.Aggregation.COUNT))
    values = [r.group({"zone": zone}) for zone in ZONES[:2]] if pricing else [()]
    table = {("a", value): draw(rates(FLAT | TIERED)) for value in values}
    table |= {("b", ()): draw(rates(FLAT)), ("fee", ()): draw(rates(PERCENTAGES))}
    return r.Terms((usage, plain, composite("fee", "a b")), table)


@exact
def summed(all_lines: Iterable[r.Line]) -> dict[tuple[object, ...], tuple[Decimal, Decimal]]:
    """Quantity and amount per product, group, tier and price; what comes to nothing is left out."""
    sums: dict[tuple[object, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for line in all_lines:
        both = sums[line.product, line.pricing_values, line.presentation_values, line.tier, line.unit_price]
        both[0] += line.quantity
        both[1] += line.total
    return {key: (quantity, total) for key, (quantity, total) in sums.items() if quantity or total}


@law
@given(terms(), events(), st.sampled_from([r.WindowSize.HOUR, r.WindowSize.DAY]))
def test_breakdowns_add_up_to_the_draft(priced: r.Terms, used: list[r.Event], size: r.WindowSize) -> None:
    """Over the windows of a period each price and tier of each group comes to what the draft's lines say, exactly."""
    windows = breakdown(priced, used, size)
    assert summed(line for window in windows for line in window.lines) == summed(bill(priced, used).lines)


@law
@given(terms(), events(), st.lists(HOURS, max_size=3))
def test_splitting_where_nothing_changes_changes_nothing(priced: r.Terms, used: list[r.Event], cuts: list[datetime]) -> None:
    """Repeating a price in mid-period, or metering more finely, leaves every line as it was."""
    repeated = {key: with_repeats(rate, cuts) for key, rate in priced.rates.items()}
    meter = r.PeriodMeter(priced, SEPTEMBER, cuts=cuts)
    meter.add_all(used)
    draft = bill(priced, used)
    assert r.price_period(priced, meter.usage()) == draft
    assert bill(replace(priced, rates=repeated), used) == draft


def with_repeats(rate: r.Timeline[r.Rate], cuts: Iterable[datetime]) -> r.Timeline[r.Rate]:
    """The same prices, posted again at further instants."""
    starts = sorted({*rate.starts, *cuts})
    held = [(start, rate.at(start)) for start in starts]
    ends = dict(zip(starts, [*starts[1:], None], strict=True))
    repeated = r.Timeline.of(r.Step(start, value, ends[start]) for start, value in held if value is not None)
    assert repeated == rate
    return repeated


@law
@given(terms(), events().flatmap(lambda used: st.tuples(st.just(used), st.permutations(used))))
def test_the_order_of_events_does_not_matter(priced: r.Terms, orders: tuple[list[r.Event], list[r.Event]]) -> None:
    """However events arrive, the invoice is the same."""
    one, other = orders
    assert bill(priced, one) == bill(priced, other)


@law
@given(TIERED, st.lists(AMOUNTS, min_size=2, max_size=6))
def test_tiers_are_monotone_and_continuous(price: r.Tiered, counts: list[Decimal]) -> None:
    """More usage never costs less, and no unit costs more than the dearest tier: there is no jump at a bound."""
    counts.sort()
    dearest = max(tier.price for tier in price.tiers)
    bounds = [sum((tier.size or Decimal(0) for tier in price.tiers[:level]), Decimal(0)) for level in range(len(price.tiers))]
    for low, high in zip(counts + bounds, counts[1:] + [bound + Decimal("1e-9") for bound in bounds], strict=False):
        low, high = min(low, high), max(low, high)
        with_more, with_less = cost(price, Decimal(0), high), cost(price, Decimal(0), low)
        assert 0 <= with_more - with_less <= dearest * (high - low)


@law
@given(TIERED, CORRECTIONS, st.lists(CORRECTIONS, max_size=5))
def test_tiers_depend_on_where_a_count_ends_and_not_on_its_way(price: r.Tiered, start: Decimal, steps: list[Decimal]) -> None:
    """Adding and taking back in steps costs what the sum of the steps costs at once, tier by tier."""
    walked: dict[object, Decimal] = defaultdict(Decimal)
    count = start
    for step in steps:
        for part in price.parts(count, step):
            walked[part.tier] += part.quantity
        count += step
    at_once = {part.tier: part.quantity for part in price.parts(start, count - start) if part.quantity}
    assert {tier: quantity for tier, quantity in walked.items() if quantity} == at_once


@exact
def cost(price: r.Tiered, start: Decimal, quantity: Decimal) -> Decimal:
    return sum((part.quantity * part.price for part in price.parts(start, quantity)), Decimal(0))


@law
@given(terms(), events(), st.decimals("0.001", 1_000, places=3))
def test_scaling_all_prices_scales_gross_usage(priced: r.Terms, used: list[r.Event], factor: Decimal) -> None:
    """Prices times k are totals times k, to the last digit that there is; composite fees follow (their tiers aside)."""
    assume(not any(isinstance(rate.price, r.TieredPercentage) for one in priced.rates.values() for rate in one.values if rate))

    def scaled(rate: r.Rate) -> r.Rate:
        match rate.price:
            case r.Flat(price):
                return replace(rate, price=r.Flat(EXACT.multiply(price, factor)))
            case r.Tiered(tiers):
                higher = (replace(tier, price=EXACT.multiply(tier.price, factor)) for tier in tiers)
                return replace(rate, price=r.Tiered(tuple(higher)))
            case _:
                return rate

    higher = {
        key: r.Timeline(one.starts, tuple(rate and scaled(rate) for rate in one.values)) for key, one in priced.rates.items()
    }
    before, after = bill(priced, used), bill(replace(priced, rates=higher), used)
    then = summed_by_product(after)
    assert all(same(then[id], EXACT.multiply(total, factor), priced) for id, total in summed_by_product(before).items())


def same(one: Decimal, other: Decimal, priced: r.Terms) -> bool:
    """Equal; where a product's quantity is divided, and the division may not end, as far as 50 places."""
    divided = any(
        definition is not None and definition.conversion is not None and definition.conversion.operation is r.Operation.DIVIDE
        for usage in priced.usage_products
        for definition in usage.definition.values
    )
    return one == other or (divided and abs(EXACT.subtract(one, other)) < Decimal("1e-50"))


def summed_by_product(invoice: r.Invoice) -> dict[str, Decimal]:
    return {product_id: invoice.spend(product_id) for product_id in ("a", "b", "fee")}


@law
@given(terms())
def test_no_usage_no_charge(priced: r.Terms) -> None:
    """Without events every line is 0 and so is the total."""
    invoice = bill(priced, [])
    assert invoice.total == 0
    assert all(line.quantity == line.total == 0 for line in invoice.lines)
    assert invoice.without_zero_lines().lines == ()


@law
@given(terms(st.sampled_from(["COUNT", "SUM", "MAX", "UNIQUE"])), events(AMOUNTS), events(AMOUNTS))
def test_more_usage_never_costs_less(priced: r.Terms, used: list[r.Event], more: list[r.Event]) -> None:
    """With prices and values of 0 or more, further events never lower what a period costs at one price per product."""
    constant = {key: timeline(r.Rate(one.values[0].price)) for key, one in priced.rates.items() if one.values[0]}
    always = replace(priced, rates=constant)
    further = [replace(event, transaction_id=f"more {event.transaction_id}") for event in more]
    assert bill(always, [*used, *further]).total >= bill(always, used).total >= 0


@law
@given(terms(), events())
def test_a_line_is_its_quantity_at_its_price(priced: r.Terms, used: list[r.Event]) -> None:
    """Every line's total is quantity times unit price, the invoice's total is exactly the sum of its lines."""
    invoice = bill(priced, used)
    assert all(same(line.total, EXACT.multiply(line.quantity, line.unit_price), priced) for line in invoice.lines)
    assert invoice.total == sum_exactly(line.total for line in invoice.lines)


@exact
def sum_exactly(numbers: Iterable[Decimal]) -> Decimal:
    return sum(numbers, Decimal(0))


@law
@given(terms(), events())
def test_all_usage_is_billed_or_named(priced: r.Terms, used: list[r.Event]) -> None:
    """Lines and what is named as unbilled have, per group, the quantity that one price for everything has: nothing is lost."""
    free = r.Timeline.always(r.Rate(r.Flat(Decimal(1))))
    values = {line.pricing_values for line in bill(priced, used).unbilled} | {value for _, value in priced.rates}
    everything = bill(replace(priced, rates={("a", value): free for value in values}), used)
    found, expected = quantities(bill(priced, used)), quantities(everything)
    assert all(same(found.get(key, Decimal(0)), expected.get(key, Decimal(0)), priced) for key in {*found, *expected})


@exact
def quantities(invoice: r.Invoice) -> dict[tuple[object, ...], Decimal]:
    sums: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for one in (*invoice.lines, *invoice.unbilled):
        if one.product == "a":
            sums[one.pricing_values, one.presentation_values] += one.quantity or Decimal(0)
    return {key: quantity for key, quantity in sums.items() if quantity}


def test_the_laws_are_tried_on_something() -> None:
    """The strategies of this module make invoices with several lines (a guard against laws about nothing)."""
    seen: list[int] = []

    @settings(max_examples=40, deadline=None, database=None)
    @given(terms(), events())
    def collect(priced: r.Terms, used: list[r.Event]) -> None:
        seen.append(len(lines(bill(priced, used).without_zero_lines())))

    collect()
    assert max(seen) > 3
