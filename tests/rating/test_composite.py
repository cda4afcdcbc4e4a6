"""Step 8: percentages of the spend of other products."""

from decimal import Decimal

from rating_kit import SEPTEMBER, bill, composite, dated, event, flat, lines, metric, percent, product, terms, tiered, unbilled

from nova_iac import rating as r
from nova_iac.rating.composite import includes

EVENTS = [event("2024-09-10", a=100, b=10, c=1), event("2024-09-20", a=100, b=10, c=1)]
A, B, C = (product(key, metric("SUM", key), tags=tags) for key, tags in (("a", ["ai"]), ("b", ["ai", "core"]), ("c", [])))
ONES = {"a": flat("1"), "b": flat("1"), "c": flat("1")}


def fees(*composites: r.CompositeProduct, **rates: object) -> list[str]:
    invoice = bill(terms(A, B, C, *composites, rates={**ONES, **rates}), EVENTS)
    return [line for line in lines(invoice) if line[0] not in "abc"]


def test_by_products_and_by_tags() -> None:
    """What is listed and what has any of the tags is included, each once (§6.2)."""
    assert fees(composite("fee", "a c"), fee=percent("0.1")) == ["fee 202 x 0.1 = 20.2"]
    assert fees(composite("fee", tags="core"), fee=percent("0.1")) == ["fee 20 x 0.1 = 2"]
    assert fees(composite("fee", tags="core ai"), fee=percent("0.1")) == ["fee 220 x 0.1 = 22"]
    assert fees(composite("fee", "b", tags="ai"), fee=percent("0.1")) == ["fee 220 x 0.1 = 22"]


def test_nothing_spent_is_a_line_of_zero() -> None:
    """A composite product is a plain one: without spend it has a zero line."""
    assert fees(composite("fee", "unknown"), fee=percent("0.1")) == ["fee 0 x 0.1 = 0"]


def test_without_a_price_or_entitlement_there_is_no_fee() -> None:
    """No rate or not entitled: no line, and the spend is named (§14.3 step 5)."""
    assert fees(composite("fee", "a")) == []
    not_entitled = r.Rate(r.Percentage(Decimal("0.1")), entitled=False)
    invoice = bill(terms(A, composite("fee", "a"), rates={"a": flat("1"), "fee": not_entitled}), EVENTS)
    assert unbilled(invoice) == ["fee 200 (NOT_ENTITLED)"]


def test_a_percentage_that_changes_is_of_the_spend_of_its_time() -> None:
    """Each percentage is of what was spent while it held; the lines of the usage itself are not cut by it."""
    rising = dated(("2024-01-01", percent("0.1")), ("2024-09-15", percent("0.2")))
    invoice = bill(terms(A, composite("fee", "a"), rates={"a": flat("1"), "fee": rising}), EVENTS)
    assert lines(invoice) == [
        "a 200 x 1 = 200",
        "fee 100 x 0.1 = 10 09-01..09-15",
        "fee 100 x 0.2 = 20 09-15..10-01",
    ]


def test_a_price_change_of_what_is_included() -> None:
    """The spend is that of both prices, in one line: the percentage did not change."""
    rising = dated(("2024-01-01", flat("1")), ("2024-09-15", flat("2")))
    assert fees(composite("fee", "a"), a=rising, fee=percent("0.1")) == ["fee 300 x 0.1 = 30"]


def test_what_is_included_may_change() -> None:
    """A composite product that lists another product from a date on includes each while it is listed."""
    listed = (r.CompositeDefinition(frozenset(one)) for one in ("a", "b"))
    fee = r.CompositeProduct("fee", dated(*zip(("2024-01-01", "2024-09-15"), listed, strict=True)))
    assert fees(fee, fee=percent("0.1")) == ["fee 100 x 0.1 = 10 09-01..09-15", "fee 10 x 0.1 = 1 09-15..10-01"]


def test_tags_that_change() -> None:
    """A product counts by the tags that it had when the spend arose; neither its lines nor the fee's are cut by that."""
    tagged = r.UsageProduct("a", A.definition, dated(("2024-09-15", frozenset({"ai"}))))
    priced = terms(tagged, composite("fee", tags="ai"), rates={"a": flat("1"), "fee": percent("0.1")})
    assert lines(bill(priced, EVENTS)) == ["a 200 x 1 = 200", "fee 100 x 0.1 = 10"]


def test_tiers_of_spend() -> None:
    """A tiered percentage is graduated over the period's spend, across a change of the percentages too (§7.2)."""

    def tiers(*rows: tuple[str, str | None]) -> r.Rate:
        return r.Rate(r.TieredPercentage(tuple(r.Tier(Decimal(p), None if size is None else Decimal(size)) for p, size in rows)))

    assert fees(composite("fee", "a"), fee=tiers(("0.1", "150"), ("0.05", None))) == [
        "fee 150 x 0.1 = 15 tier 1",
        "fee 50 x 0.05 = 2.5 tier 2",
    ]
    changing = dated(("2024-01-01", tiers(("0.1", "150"), ("0.05", None))), ("2024-09-15", tiers(("0.2", "150"), ("0.1", None))))
    assert fees(composite("fee", "a"), fee=changing) == [
        "fee 100 x 0.1 = 10 tier 1 09-01..09-15",
        "fee 50 x 0.2 = 10 tier 1 09-15..10-01",
        "fee 50 x 0.1 = 5 tier 2 09-15..10-01",
    ]


def test_composite_spend_is_out_unless_asked_for() -> None:
    """A composite product includes others only with include_composite_spend (§6.2)."""
    first, rates = composite("fee", "a"), {"fee": percent("0.1"), "tax": percent("0.5")}
    assert fees(first, composite("tax", "a fee"), **rates)[1] == "tax 200 x 0.5 = 100"
    assert fees(first, composite("tax", "a fee", include_composite_spend=True), **rates)[1] == "tax 220 x 0.5 = 110"


def test_composites_are_priced_after_what_they_include() -> None:
    """The order of products decides the order of lines, not what is known when a percentage is taken."""
    tax = composite("tax", tags="fees", include_composite_spend=True)
    found = fees(tax, composite("fee", "a", own_tags="fees"), fee=percent("0.1"), tax=percent("0.5"))
    assert found == ["tax 20 x 0.5 = 10", "fee 200 x 0.1 = 20"]


def test_composites_that_include_each_other_leave_each_other_out() -> None:
    """Neither its own spend nor that of a product that includes it is in a percentage: there is no circle."""
    one = composite("x", "a y x", include_composite_spend=True)
    other = composite("y", "b x", include_composite_spend=True)
    above = composite("z", "x y", include_composite_spend=True)
    assert fees(one, other, above, x=percent("0.1"), y=percent("0.1"), z=percent("1")) == [
        "x 200 x 0.1 = 20",
        "y 20 x 0.1 = 2",
        "z 22 x 1 = 22",
    ]


def test_a_longer_circle_is_none_either() -> None:
    """Three that include each other in turn: each is of its own usage product only."""
    circle = [
        composite(id, f"{usage} {following}", include_composite_spend=True) for id, usage, following in ("xay", "ybz", "zcx")
    ]
    assert fees(*circle, x=percent("0.1"), y=percent("0.1"), z=percent("0.1")) == [
        "x 200 x 0.1 = 20",
        "y 20 x 0.1 = 2",
        "z 2 x 0.1 = 0.2",
    ]


def test_a_composite_of_a_composite_that_changes() -> None:
    """Spend of another composite product counts in the time in which it arose."""
    rising = dated(("2024-01-01", percent("0")), ("2024-09-15", percent("1")))
    fee, tax = composite("fee", "a"), composite("tax", "fee", include_composite_spend=True)
    assert fees(fee, tax, fee=percent("0.1"), tax=rising)[1:] == [
        "tax 10 x 0 = 0 09-01..09-15",
        "tax 10 x 1 = 10 09-15..10-01",
    ]


def test_free_usage_can_be_left_out() -> None:
    """With exclude_free_usage what is priced 0 is no part of a composite product (§6.2), free tiers among it."""
    tiers = terms(A, rates=tiered(("0", "150"), ("2", None)))
    free, paid = bill(tiers, EVENTS).lines
    with_free, without = (r.CompositeDefinition(frozenset("a"), exclude_free_usage=left_out) for left_out in (False, True))
    assert [includes(with_free, line, A) for line in (free, paid)] == [True, True]
    assert [includes(without, line, A) for line in (free, paid)] == [False, True]


def test_negative_spend_lowers_a_fee() -> None:
    """A correction gives its percentage back."""
    events = [*EVENTS, event("2024-09-21", a=-50)]
    invoice = bill(terms(A, composite("fee", "a"), rates={"a": flat("1"), "fee": percent("0.1")}), events, SEPTEMBER)
    assert lines(invoice)[1] == "fee 150 x 0.1 = 15"
