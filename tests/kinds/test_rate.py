"""Rates: every form of a price, every word of an entry, for every type of product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinds_kit import GONE, LATER, Edit, Rich, applied, calls, changed, text
from support import NOW

ADD = "POST /v1/contract-pricing/rate-cards/addRates"
MARCH, APRIL = "2027-03-01T00:00:00Z", "2027-04-01T00:00:00Z"

PRODUCTS: dict[str, Any] = {
    "billable_metrics": {
        "calls": {"name": "Calls", "aggregation_type": "COUNT"},
        "images": {
            "name": "Images",
            "aggregation_type": "COUNT",
            "group_keys": [["region", "size"]],
            "property_filters": [{"name": "region", "exists": True}, {"name": "size", "exists": True}],
        },
    },
    "products": {
        "api": {"name": "API", "type": "USAGE", "billable_metric": "calls"},
        "images": {"name": "Images", "type": "USAGE", "billable_metric": "images", "pricing_group_key": ["size", "region"]},
        "support": {"name": "Support", "type": "COMPOSITE", "composite_products": ["api"]},
        "seat": {"name": "Seat", "type": "SUBSCRIPTION"},
    },
}
TIERS = [{"size": "1000", "price": "$0.01"}, {"size": "9000", "price": "$0.005"}, {"price": "$0.001"}]
STEPS = [{"size": "1000", "percent": "10"}, {"percent": "5"}]


def card(product: str, *entries: dict[str, Any]) -> dict[str, Any]:
    """The spec with one product's prices."""
    return PRODUCTS | {"rate_cards": {"standard": {"name": "Standard", "rates": {product: list(entries)}}}}


def entry(**words: Any) -> dict[str, Any]:
    """An entry that is still to come."""
    return {"starting_at": "2027-03-01", **words}


def rich(product: str, *edits: Edit, selector: str = "", name: str = "", entries: list[dict[str, Any]]) -> Rich:
    """The prices of one product as they are, and edits of the whole list."""
    address = f"rate.standard.{product}{selector}"
    return Rich(address, f"rate_cards.standard.rates.{product}", card(product, *entries), edits, name)


def becomes(*entries: dict[str, Any], **fields: tuple[Any, Any]) -> Edit:
    """Other entries: scheduled by one call, and these parts of the price change in March."""
    return Edit("", list(entries), "schedule", (ADD,), {f"entries[{MARCH}].{name}": values for name, values in fields.items()})


def ends(**fields: Any) -> Edit:
    """No entries: the price ends before it began."""
    return Edit("", GONE, "archive", (ADD,), {f"entries[{MARCH}].{name}": (value, None) for name, value in fields.items()})


RICH = [
    rich(
        "api",
        becomes(entry(price="$0.02"), price=("$0.01", "$0.02"), commit_rate=({"price": "$0.008"}, None), entitled=(False, True)),
        becomes(
            entry(price="$0.01", commit_rate={"price": "$0.009"}, entitled=False),
            commit_rate=({"price": "$0.008"}, {"price": "$0.009"}),
        ),
        becomes(entry(price="$0.01", commit_rate={"price": "$0.008"}), entitled=(False, True)),
        Edit("", GONE, "forget", (), {}),
        entries=[entry(price="$0.01", commit_rate={"price": "$0.008"}, entitled=False)],
        name="with commit rate",
    ),
    rich(
        "api",
        becomes(entry(price="$0.02", ending_before="2027-04-01"), price=("$0.01", "$0.02")),
        Edit("", [entry(price="$0.01")], "schedule", (ADD,), {f"entries[{APRIL}].price": (None, "$0.01")}),
        ends(price="$0.01"),
        entries=[entry(price="$0.01", ending_before="2027-04-01")],
        name="with an end",
    ),
    rich(
        "api",
        becomes(entry(tiers=[*TIERS[:1], {**TIERS[1], "size": "8000"}, TIERS[2]]),
                tiers=(TIERS, [TIERS[0], {**TIERS[1], "size": "8000"}, TIERS[2]])),
        becomes(entry(tiers=[TIERS[0], TIERS[2]]), tiers=(TIERS, [TIERS[0], TIERS[2]])),
        becomes(entry(tiers=[{**TIERS[0], "price": "$0"}, *TIERS[1:]]), tiers=(TIERS, [{**TIERS[0], "price": "$0"}, *TIERS[1:]])),
        becomes(entry(price="$0.01"), tiers=(TIERS, None), price=(None, "$0.01")),
        ends(tiers=TIERS),
        entries=[entry(tiers=TIERS)],
        name="tiered",
    ),
    rich(
        "api",
        becomes(entry(price="$0.01", commit_rate={"tiers": [TIERS[0], TIERS[2]]}),
                commit_rate=({"tiers": TIERS}, {"tiers": [TIERS[0], TIERS[2]]})),
        entries=[entry(price="$0.01", commit_rate={"tiers": TIERS})],
        name="with commit tiers",
    ),
    rich(
        "images",
        becomes(entry(prices=[{"size": "s", "region": "eu", "tiers": [TIERS[0], TIERS[2]]}]),
                price=("$0.01", None), tiers=(None, [TIERS[0], TIERS[2]])),
        becomes(entry(prices=[{"values": {"region": "eu", "size": "s"}, "price": "$0.03"}]), price=("$0.01", "$0.03")),
        ends(price="$0.01"),
        selector="[region=eu,size=s]",
        entries=[entry(prices=[{"size": "s", "region": "eu", "price": "$0.01"}])],
    ),
    rich(
        "support",
        becomes(entry(percent="12.5"), percent=("10", "12.5")),
        becomes(entry(tiers=STEPS), percent=("10", None), tiers=(None, STEPS)),
        ends(percent="10"),
        entries=[entry(percent="10")],
    ),
    rich(
        "support",
        becomes(entry(tiers=[STEPS[0], {"percent": "4"}]), tiers=(STEPS, [STEPS[0], {"percent": "4"}])),
        entries=[entry(tiers=STEPS)],
        name="tiered",
    ),
    rich(
        "seat",
        becomes(entry(billing_frequency="MONTHLY", price="$12"), price=("$10", "$12")),
        ends(price="$10"),
        selector="[billing_frequency=MONTHLY]",
        entries=[entry(billing_frequency="MONTHLY", price="$10")],
    ),
]  # fmt: skip


def test_another_frequency_is_another_price(tmp_path: Path) -> None:
    """The monthly price ends, the annual one begins; a product can have both."""
    monthly, annual = (entry(billing_frequency=name, price="$10") for name in ("MONTHLY", "ANNUAL"))
    project = applied(card("seat", monthly), tmp_path)
    project.write(text(card("seat", annual)))

    assert project.actions() == {
        "rate.standard.seat[billing_frequency=MONTHLY]": "archive",
        "rate.standard.seat[billing_frequency=ANNUAL]": "create",
    }
    project.write(text(card("seat", monthly, annual)))
    assert project.actions() == {"rate.standard.seat[billing_frequency=ANNUAL]": "create"}
    project.apply()
    assert all(project.actions(now=now) == {} for now in (NOW, *LATER))


def test_group_values_that_need_quotes(tmp_path: Path) -> None:
    """A value with a blank, a comma, a bracket or nothing in it is a value like any other."""
    odd = ["a b", "x,y", "[z]", 'say "hi"', "ü", "1.5", "true", "=", "a.b.c"]
    rows = [{"size": value, "region": "eu", "price": "$0.01"} for value in odd]
    project = applied(card("images", entry(prices=rows)), tmp_path)

    assert all(project.actions(now=now) == {} for now in (NOW, *LATER))
    assert 'rate.standard.images[region=eu,size="a b"]' in project.recorded
    project.write(text(card("images", entry(prices=rows[1:]))))
    assert project.actions() == {'rate.standard.images[region=eu,size="a b"]': "archive"}


def test_smallest_and_largest_prices_survive(tmp_path: Path) -> None:
    """Fifteen digits travel unchanged, in either direction from the point."""
    for number, price in enumerate(["$0.000003", "$0.00000000123456", "$1234567890123.45", "$0.1", "$0", "$999999999999999"]):
        project = applied(card("api", entry(price=price)), tmp_path / str(number))
        assert project.actions() == {}, price


def test_half_of_a_percent_survives(tmp_path: Path) -> None:
    """A percentage is a fraction on the wire; a third of a hundred digits is not needed, but these are."""
    for number, percent in enumerate(["0", "0.1", "0.7", "12.345", "33.3333333333333", "99.99", "100"]):
        project = applied(card("support", entry(percent=percent)), tmp_path / str(number))
        assert project.actions() == {}, percent


def test_quantities_of_tiers_are_exact(tmp_path: Path) -> None:
    """A size with a fraction, and one with fifteen digits."""
    tiers = [{"size": "0.5", "price": "$1"}, {"size": "123456789012345", "price": "$0.5"}, {"price": "$0.25"}]
    project = applied(card("api", entry(tiers=tiers)), tmp_path)

    assert project.actions() == {}


def test_rate_by_hand_of_a_kind_that_can_not_be_declared_is_replaced(tmp_path: Path) -> None:
    """A segment of the deprecated SUBSCRIPTION type equals nothing that is declared."""
    project = applied(card("seat", entry(billing_frequency="MONTHLY", price="$10")), tmp_path)
    with project.account() as account:
        account.v1.contracts.rate_cards.rates.add(
            rate_card_id=project.id("rate_card.standard"), product_id=project.id("product.seat"), starting_at=MARCH,
            entitled=True, rate_type="SUBSCRIPTION", price=1000, quantity=1, is_prorated=True, billing_frequency="MONTHLY",
        )  # fmt: skip

    assert project.actions() == {"rate.standard.seat[billing_frequency=MONTHLY]": "schedule"}
    project.apply()
    assert project.actions() == {}


def test_two_products_changed_are_one_call(tmp_path: Path) -> None:
    """All segments of a card travel together, each card's by themselves."""
    rates = {"api": [entry(price="$0.01")], "support": [entry(percent="10")]}
    spec = PRODUCTS | {"rate_cards": {key: {"name": key, "rates": rates} for key in ("a", "b")}}
    project = applied(spec, tmp_path)
    dearer = {"api": [entry(price="$0.02")], "support": [entry(percent="20")]}
    project.write(text(changed(spec, {"rate_cards.a.rates": dearer, "rate_cards.b.rates": dearer})))

    assert calls(project.plan()) == (ADD, ADD)
    assert project.plan()["summary"]["schedule"] == 4
