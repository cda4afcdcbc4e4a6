"""Step 7 by itself: what a quantity costs at a price, from where the period's count stands."""

from decimal import Decimal

import pytest

from nova_iac import rating as r

FIVE_FIVE_REST = r.Tiered((r.Tier(Decimal(0), Decimal(5)), r.Tier(Decimal(1), Decimal(5)), r.Tier(Decimal("1.5"))))


def parts(price: r.Tiered | r.Flat, start: object, quantity: object) -> list[tuple[int | None, Decimal]]:
    found = price.parts(Decimal(str(start)), Decimal(str(quantity)))
    return [(one.tier.level if one.tier else None, one.quantity) for one in found]


@pytest.mark.parametrize(
    ("start", "quantity", "expected"),
    [
        (0, 5, [(1, 5)]),
        (0, "5.5", [(1, 5), (2, "0.5")]),
        (5, 5, [(2, 5)]),
        (4, 8, [(1, 1), (2, 5), (3, 2)]),
        (10, 1, [(3, 1)]),
        (100, 1, [(3, 1)]),
        (12, -4, [(2, -2), (3, -2)]),
        (10, -5, [(2, -5)]),
        (3, -5, [(1, -5)]),
        (-2, 3, [(1, 3)]),
        (-2, 9, [(1, 7), (2, 2)]),
        (0, 0, [(1, 0)]),
        (5, 0, [(1, 0)]),
        (6, 0, [(2, 0)]),
        (10, 0, [(2, 0)]),
        (99, 0, [(3, 0)]),
        (-1, 0, [(1, 0)]),
    ],
)
def test_tiers_that_a_quantity_touches(start: object, quantity: object, expected: list[tuple[int, object]]) -> None:
    """Lower bounds are exclusive and upper ones inclusive (§14.3 step 7); what is taken back comes off the top."""
    assert parts(FIVE_FIVE_REST, start, quantity) == [(level, Decimal(str(one))) for level, one in expected]


def test_a_flat_price_has_no_tiers() -> None:
    """A flat price is one part wherever the count stands."""
    assert parts(r.Flat(Decimal(3)), 99, "1.5") == [(None, Decimal("1.5"))]


def test_one_tier_is_every_unit() -> None:
    """A single tier without a size holds everything."""
    assert parts(r.Tiered((r.Tier(Decimal(3)),)), 7, 8) == [(1, 8)]


@pytest.mark.parametrize(
    "tiers",
    [
        [],
        [("1", "5")],
        [("1", None), ("2", None)],
        [("1", "5"), ("2", "5")],
        [("1", "0"), ("2", None)],
        [("1", "-5"), ("2", None)],
        [("NaN", None)],
    ],
    ids=["none", "closed end", "open in the middle", "closed last", "size 0", "negative size", "no number"],
)
def test_tiers_that_make_no_sense(tiers: list[tuple[str, str | None]]) -> None:
    """Each tier but the last has a size above 0, the last has none, and prices are numbers."""
    with pytest.raises(r.RatingError):
        r.Tiered(tuple(r.Tier(Decimal(price), None if size is None else Decimal(size)) for price, size in tiers))


@pytest.mark.parametrize("price", [Decimal("NaN"), Decimal("Infinity"), Decimal("1e200"), 0.1, 3])
def test_a_price_is_a_decimal_of_a_sane_size(price: Decimal) -> None:
    """Whatever is no finite Decimal is refused when a price is made, not when it is first used."""
    with pytest.raises(r.RatingError, match="a price"):
        r.Flat(price)


def test_prices_of_different_kinds_are_not_equal() -> None:
    """Three per unit is not three times the spend, although both are a 3."""
    assert r.Flat(Decimal(3)) != r.Percentage(Decimal(3))
    assert r.Flat(Decimal(3)) == r.Flat(Decimal("3.00"))
