"""Rates: writing, superseding, reading (§7.2, §7.3)."""

from __future__ import annotations

from typing import Any

import httpx
import metronome
import pytest
from emulator_kit import NOBODY, USD, Shop, refused
from metronome import Metronome

CARDS = "/v1/contract-pricing/rate-cards"
JAN, FEB, MAR, APR = (f"2026-0{month}-01T00:00:00Z" for month in (1, 2, 3, 4))


def schedule(client: Metronome, card: str, since: str = JAN, **fields: Any) -> list[tuple[Any, str, str | None]]:
    """Price, start and end of each row, dates only."""
    rows = client.v1.contracts.rate_cards.retrieve_rate_schedule(rate_card_id=card, starting_at=since, **fields).data
    return [(row.rate.price, f"{row.starting_at:%m-%d}", row.ending_before and f"{row.ending_before:%m-%d}") for row in rows]


def prices(client: Metronome, card: str, at: str, **fields: Any) -> list[Any]:
    return [row.rate.price for row in client.v1.contracts.rate_cards.rates.list(rate_card_id=card, at=at, **fields)]


def test_a_rate_reads_back_as_it_was_made(client: Metronome, shop: Shop) -> None:
    """Every field of a flat dimensional rate with a commit rate."""
    metric, card = shop.metric(), shop.card()
    product = shop.product(metric, name="p", tags=["t"], pricing_group_key=["type"])
    answer = client.v1.contracts.rate_cards.rates.add(
        rate_card_id=card,
        product_id=product,
        starting_at=JAN,
        ending_before=FEB,
        entitled=True,
        rate_type="FLAT",
        price=0.5,
        credit_type_id=USD,
        pricing_group_values={"type": "ultra"},
        commit_rate={"rate_type": "FLAT", "price": 0.25},
    ).data
    unit = {"id": USD, "name": "USD (cents)"}
    rate = {"rate_type": "FLAT", "price": 0.5, "credit_type": unit, "pricing_group_values": {"type": "ultra"}}
    commit = {"commit_rate": {"rate_type": "FLAT", "price": 0.25}}
    assert answer.to_dict() == rate | commit
    row = {
        "product_id": product,
        "product_name": "p",
        "product_tags": ["t"],
        "product_custom_fields": {},
        "entitled": True,
        "rate": rate,
        "starting_at": "2026-01-01T00:00:00Z",
        "ending_before": "2026-02-01T00:00:00Z",
        "pricing_group_values": {"type": "ultra"},
    } | commit
    [listed] = client.v1.contracts.rate_cards.rates.list(rate_card_id=card, at=JAN)
    assert listed.to_dict(mode="json") == row
    [scheduled] = client.v1.contracts.rate_cards.retrieve_rate_schedule(rate_card_id=card, starting_at=JAN).data
    assert scheduled.to_dict(mode="json") == row


@pytest.mark.parametrize(
    ("product", "rate"),
    [
        ({}, {"rate_type": "TIERED", "tiers": [{"price": 2, "size": 10}, {"price": 1}]}),
        ({}, {"rate_type": "TIERED", "tiers": [{"price": 2.5}], "commit_rate": {"rate_type": "TIERED", "tiers": [{"price": 1}]}}),
        ({"type": "COMPOSITE", "composite_tags": ["x"]}, {"rate_type": "PERCENTAGE", "price": 0.1}),
        (
            {"type": "COMPOSITE", "composite_tags": ["x"]},
            {"rate_type": "TIERED_PERCENTAGE", "tiers": [{"price": 0.2, "size": 5}, {"price": 0.1}]},
        ),
        ({"type": "SUBSCRIPTION"}, {"rate_type": "FLAT", "price": 4900, "billing_frequency": "MONTHLY"}),
        (
            {"type": "SUBSCRIPTION"},
            {"rate_type": "SUBSCRIPTION", "price": 1, "quantity": 2, "is_prorated": True, "billing_frequency": "ANNUAL"},
        ),
    ],
)
def test_each_rate_type_fits_its_product(client: Metronome, shop: Shop, product: dict[str, Any], rate: dict[str, Any]) -> None:
    """The table of §7.2."""
    card = shop.card()
    shop.rate(card, shop.product(**product), **rate)
    [row] = client.v1.contracts.rate_cards.rates.list(rate_card_id=card, at=JAN)
    read = row.rate.to_dict() | ({"commit_rate": row.commit_rate.to_dict()} if row.commit_rate else {})
    read |= {"billing_frequency": row.billing_frequency} if row.billing_frequency else {}
    expected = dict(rate)
    if "PERCENTAGE" not in rate["rate_type"]:
        expected["credit_type"] = {"id": USD, "name": "USD (cents)"}
    assert read == expected


@pytest.mark.parametrize(
    ("product", "rate", "complaint"),
    [
        ({}, {"rate_type": "PERCENTAGE", "price": 0.1}, "not available for USAGE"),
        ({"type": "FIXED"}, {}, "not available for FIXED"),
        ({"type": "SUBSCRIPTION"}, {}, "billing_frequency is required"),
        ({}, {"billing_frequency": "MONTHLY"}, "SUBSCRIPTION products only"),
        ({}, {"price": -1}, "at least 0"),
        ({}, {"price": None}, "must not be null"),
        ({}, {"tiers": [{"price": 1}]}, "tiers may only be set"),
        ({}, {"rate_type": "TIERED", "price": None, "tiers": []}, "must not be empty"),
        (
            {},
            {"rate_type": "TIERED", "price": None, "tiers": [{"price": 1}, {"price": 2}]},
            "greater than 0 in every tier but the last",
        ),
        ({}, {"rate_type": "TIERED", "price": None, "tiers": [{"price": 1, "size": 2}]}, "absent in the last tier"),
        ({"type": "COMPOSITE", "composite_tags": ["x"]}, {"rate_type": "PERCENTAGE", "price": 1.5}, "at most 1"),
        (
            {"type": "COMPOSITE", "composite_tags": ["x"]},
            {"rate_type": "PERCENTAGE", "commit_rate": {"rate_type": "FLAT", "price": 1}, "price": 1},
            "USAGE products only",
        ),
        ({}, {"quantity": 1}, "rate_type SUBSCRIPTION"),
        ({"type": "SUBSCRIPTION"}, {"rate_type": "SUBSCRIPTION", "quantity": 1, "is_prorated": False}, "must be true"),
        ({}, {"pricing_group_values": {"type": "a"}}, "pricing_group_key"),
        ({"pricing_group_key": ["type", "region"]}, {"pricing_group_values": {"type": "a"}}, "whole pricing_group_key"),
        ({"pricing_group_key": ["type"]}, {}, "whole pricing_group_key"),
        ({}, {"starting_at": "2026-01-01T00:30:00Z"}, "hour boundary"),
        ({}, {"ending_before": "2026-02-01T00:00:01Z"}, "hour boundary"),
        ({}, {"ending_before": JAN}, "must be after starting_at"),
        ({}, {"product_id": NOBODY}, "No such product"),
        ({}, {"credit_type_id": NOBODY}, "no conversion"),
        ({}, {"entitled": "yes"}, "true or false"),
        (
            {"type": "COMPOSITE", "composite_tags": ["x"]},
            {"rate_type": "PERCENTAGE", "price": 0.1, "credit_type_id": USD},
            "may not be set for percentages",
        ),
    ],
)
def test_rates_that_make_no_sense_are_refused(
    http: httpx.Client, shop: Shop, product: dict[str, Any], rate: dict[str, Any], complaint: str
) -> None:
    """§7.2: types, required fields, group values, hours, units; addRates refuses as addRate does, all or none."""
    card, good = shop.card(), shop.product()
    body = {"product_id": shop.product(**product), "starting_at": JAN, "entitled": True, "rate_type": "FLAT", "price": 1} | rate
    if "tiers" in body and body["price"] is None:
        del body["price"]
    assert complaint in refused(http.post(f"{CARDS}/addRate", json={"rate_card_id": card} | body), 400)
    fine = {"product_id": good, "starting_at": JAN, "entitled": True, "rate_type": "FLAT", "price": 1}
    assert complaint in refused(http.post(f"{CARDS}/addRates", json={"rate_card_id": card, "rates": [fine, body]}), 400)
    assert http.post(f"{CARDS}/getRates", json={"rate_card_id": card, "at": JAN}).json()["data"] == []


def test_custom_rates_are_501(http: httpx.Client, shop: Shop) -> None:
    """Restricted, and not rated: never accepted and ignored."""
    body = {"rate_card_id": shop.card(), "product_id": shop.product(), "starting_at": JAN, "entitled": True}
    assert "CUSTOM" in refused(http.post(f"{CARDS}/addRate", json=body | {"rate_type": "CUSTOM", "custom_rate": {}}), 501)


@pytest.mark.parametrize("field", ["custom_rate", "minimum_config", "subscription_rate"])
def test_fields_that_are_not_rated_are_501(http: httpx.Client, shop: Shop, field: str) -> None:
    """§7.2, §16: one is hidden from the SDKs, one stands in a sample of the guides only."""
    rate = {"product_id": shop.product(), "starting_at": JAN, "entitled": True, "rate_type": "FLAT", "price": 1}
    for call, body in (("addRate", rate | {field: {"price": 1}}), ("addRates", {"rates": [rate | {field: {"price": 1}}]})):
        assert field in refused(http.post(f"{CARDS}/{call}", json={"rate_card_id": shop.card()} | body), 501)


def test_the_last_tiers_size_may_be_null(client: Metronome, http: httpx.Client, shop: Shop) -> None:
    """§7.2: accepted, and not read back."""
    card = shop.card()
    tiers = [{"price": 2, "size": 1}, {"price": 1, "size": None}]
    body = {"rate_card_id": card, "product_id": shop.product(), "starting_at": JAN, "entitled": True, "rate_type": "TIERED"}
    assert http.post(f"{CARDS}/addRate", json=body | {"tiers": tiers}).status_code == 200
    [row] = client.v1.contracts.rate_cards.rates.list(rate_card_id=card, at=JAN)
    assert [tier.to_dict() for tier in row.rate.tiers or []] == [{"price": 2, "size": 1}, {"price": 1}]


def test_a_later_segment_ends_the_earlier(client: Metronome, shop: Shop) -> None:
    """§7.2: the effective end is the successor's start, however far the own end reaches."""
    card, product = shop.card(), shop.product()
    shop.rate(card, product, 3, starting_at=MAR)
    shop.rate(card, product, 1, starting_at=JAN, ending_before=APR)
    shop.rate(card, product, 2, starting_at=FEB, ending_before="2026-02-15T00:00:00Z")
    assert schedule(client, card) == [(1, "01-01", "02-01"), (2, "02-01", "02-15"), (3, "03-01", None)]
    assert [prices(client, card, at) for at in (JAN, FEB, "2026-02-20T00:00:00Z", MAR)] == [[1], [2], [], [3]]


def test_the_same_start_again_replaces_the_rate(client: Metronome, shop: Shop) -> None:
    """§7.2: 200, and the new values win whole."""
    card, product = shop.card(), shop.product()
    shop.rate(card, product, 1, ending_before=FEB, commit_rate={"rate_type": "FLAT", "price": 1})
    shop.rate(card, product, 2, entitled=False)
    [row] = client.v1.contracts.rate_cards.rates.list(rate_card_id=card, at=MAR)
    assert (row.rate.price, row.entitled, row.commit_rate, row.ending_before) == (2, False, None, None)


def test_identity_is_product_values_and_frequency(client: Metronome, shop: Shop) -> None:
    """§7.2: other group values, whatever their order, and other frequencies are other rates."""
    card, subscription = shop.card(), shop.product(type="SUBSCRIPTION")
    product = shop.product(pricing_group_key=["a", "b"])
    shop.rate(card, product, 1, pricing_group_values={"a": "x", "b": "y"})
    shop.rate(card, product, 2, pricing_group_values={"b": "y", "a": "x"})
    shop.rate(card, product, 3, pricing_group_values={"a": "y", "b": "x"})
    shop.rate(card, subscription, 4, billing_frequency="MONTHLY")
    shop.rate(card, subscription, 5, billing_frequency="ANNUAL")
    assert sorted(prices(client, card, JAN)) == [2, 3, 4, 5]


def test_the_schedule_includes_what_runs_at_its_start(client: Metronome, shop: Shop) -> None:
    """§7.3: from the running segment on, until the range's end."""
    card, product = shop.card(), shop.product()
    for price, start in enumerate((JAN, FEB, MAR, APR), 1):
        shop.rate(card, product, price, starting_at=start)
    assert [row[0] for row in schedule(client, card, "2026-02-10T00:00:00Z")] == [2, 3, 4]
    assert [row[0] for row in schedule(client, card, "2026-02-10T00:00:00Z", ending_before=APR)] == [2, 3]
    assert [row[0] for row in schedule(client, card, MAR)] == [3, 4]


def test_selectors_choose_rates(client: Metronome, shop: Shop) -> None:
    """§7.3: any selector, all its parts; exact and partial group values, tags by any, frequency."""
    card, subscription = shop.card(), shop.product(type="SUBSCRIPTION", tags=["seat", "x"])
    product = shop.product(pricing_group_key=["a", "b"])
    for price, (a, b) in enumerate((("1", "1"), ("1", "2"), ("2", "2")), 1):
        shop.rate(card, product, price, pricing_group_values={"a": a, "b": b})
    shop.rate(card, subscription, 4, billing_frequency="MONTHLY")
    cases: list[tuple[list[dict[str, Any]], list[int]]] = [
        ([], [1, 2, 3, 4]),
        ([{"product_id": product}], [1, 2, 3]),
        ([{"pricing_group_values": {"a": "1", "b": "2"}}], [2]),
        ([{"pricing_group_values": {"a": "1"}}], []),
        ([{"partial_pricing_group_values": {"a": "1"}}], [1, 2]),
        ([{"billing_frequency": "MONTHLY"}], [4]),
        ([{"product_id": product, "billing_frequency": "MONTHLY"}], []),
        ([{"partial_pricing_group_values": {"a": "2"}}, {"billing_frequency": "MONTHLY"}], [3, 4]),
    ]
    for selectors, expected in cases:
        assert sorted(prices(client, card, JAN, selectors=selectors)) == expected
        assert sorted(row[0] for row in schedule(client, card, selectors=selectors)) == expected
    assert prices(client, card, JAN, selectors=[{"product_tags": ["seat", "y"]}]) == [4]


def test_a_products_unit_on_a_card_is_kept(client: Metronome, shop: Shop) -> None:
    """§7.2: a unit needs its conversion, and can't change after the first save."""
    unit = client.v1.pricing_units.create(name="credit").data.id
    card, product = (
        shop.card(credit_type_conversions=[{"custom_credit_type_id": unit, "fiat_per_custom_credit": 5}]),
        shop.product(),
    )
    shop.rate(card, product, 1, credit_type_id=unit)
    [row] = client.v1.contracts.rate_cards.rates.list(rate_card_id=card, at=JAN)
    assert row.rate.credit_type is not None
    assert row.rate.credit_type.name == "credit"
    with pytest.raises(metronome.BadRequestError, match="pricing unit"):
        shop.rate(card, product, 1, starting_at=FEB)
    shop.rate(card, shop.product(), 1)


def test_group_values_may_fit_a_key_that_is_scheduled(client: Metronome, shop: Shop) -> None:
    """Rates can be laid out before the product's new pricing key begins."""
    card, product = shop.card(), shop.product()
    client.v1.contracts.products.update(product_id=product, starting_at=APR, pricing_group_key=["type"])
    shop.rate(card, product, 1, starting_at=APR, pricing_group_values={"type": "a"})
    shop.rate(card, product, 2)


def test_many_rates_in_one_call(client: Metronome, shop: Shop) -> None:
    """§7.2: addRates answers the card's id; 216 at once are fine (example 6)."""
    card, product = shop.card(), shop.product(pricing_group_key=["n"])
    rates: list[Any] = [
        {
            "product_id": product,
            "starting_at": JAN,
            "entitled": True,
            "rate_type": "FLAT",
            "price": n,
            "pricing_group_values": {"n": str(n)},
        }
        for n in range(216)
    ]
    assert client.v1.contracts.rate_cards.rates.add_many(rate_card_id=card, rates=rates).data.id == card
    assert len(prices(client, card, JAN)) == 216


def test_reads_of_an_unknown_card_are_404(http: httpx.Client) -> None:
    """§3.3."""
    refused(http.post(f"{CARDS}/getRates", json={"rate_card_id": NOBODY, "at": JAN}), 404)
    refused(http.post(f"{CARDS}/getRateSchedule", json={"rate_card_id": NOBODY, "starting_at": JAN}), 404)
    refused(http.post(f"{CARDS}/addRates", json={"rate_card_id": NOBODY, "rates": []}), 404)
