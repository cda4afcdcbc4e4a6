"""Rate cards, their aliases, pricing units and product order (§5.2, §7.1, §7.4)."""

from __future__ import annotations

import httpx
import metronome
import pytest
from emulator_kit import NOBODY, USD, Shop, refused
from metronome import Metronome

CARDS = "/v1/contract-pricing/rate-cards"


def aliases(client: Metronome, card: str) -> list[tuple[str, str | None, str | None]]:
    """Name, start and end, dates only."""
    read = client.v1.contracts.rate_cards.retrieve(id=card).data
    return [
        (each.name, each.starting_at and f"{each.starting_at:%Y-%m-%d}", each.ending_before and f"{each.ending_before:%Y-%m-%d}")
        for each in read.aliases or []
    ]


def test_a_card_reads_back_as_it_was_made(client: Metronome, shop: Shop) -> None:
    """Every field; the conversion factor is written as a number and read as a string (§3.8)."""
    client.v1.custom_fields.add_key(entity="rate_card", key="team", enforce_uniqueness=False)
    unit = client.v1.pricing_units.create(name="credit").data.id
    alias = {"name": "std", "starting_at": "2026-01-01T00:00:00Z", "ending_before": "2027-01-01T00:00:00Z"}
    card = shop.card(
        description="d",
        aliases=[alias],
        fiat_credit_type_id=USD,
        credit_type_conversions=[{"custom_credit_type_id": unit, "fiat_per_custom_credit": 0.5}],
        custom_fields={"team": "img"},
    )
    assert client.v1.contracts.rate_cards.retrieve(id=card).data.to_dict(mode="json") == {
        "id": card,
        "name": "Standard",
        "description": "d",
        "aliases": [alias],
        "fiat_credit_type": {"id": USD, "name": "USD (cents)"},
        "credit_type_conversions": [{"custom_credit_type": {"id": unit, "name": "credit"}, "fiat_per_custom_credit": "0.5"}],
        "created_at": "2026-03-15T12:30:00Z",
        "created_by": "emulator",
        "custom_fields": {"team": "img"},
    }
    assert [each.id for each in client.v1.contracts.rate_cards.list(body={})] == [card]


def test_a_card_is_in_dollars_unless_told_otherwise(client: Metronome, shop: Shop) -> None:
    """§7.1: one fiat, USD cents by default, any of §3.8 by its id."""
    euro = next(each.id for each in client.v1.pricing_units.list() if each.name == "EUR")
    fiats = [
        client.v1.contracts.rate_cards.retrieve(id=shop.card(**fields)).data.fiat_credit_type
        for fields in ({}, {"fiat_credit_type_id": euro})
    ]
    assert [fiat and fiat.name for fiat in fiats] == ["USD (cents)", "EUR"]


def test_a_pricing_unit_is_no_fiat(http: httpx.Client, client: Metronome) -> None:
    """A card's fiat is a currency."""
    unit = client.v1.pricing_units.create(name="credit").data.id
    assert "not a currency" in refused(http.post(f"{CARDS}/create", json={"name": "c", "fiat_credit_type_id": unit}), 400)


def test_conversions_are_added_and_never_changed(client: Metronome, shop: Shop) -> None:
    """§7.1: a second conversion is fine, the same unit again is not."""
    units = [client.v1.pricing_units.create(name=name).data.id for name in ("a", "b")]
    wish = [{"custom_credit_type_id": unit, "fiat_per_custom_credit": 50} for unit in units]
    card = shop.card(credit_type_conversions=wish[:1])
    client.v1.contracts.rate_cards.update(rate_card_id=card, add_credit_type_conversions=wish[1:])
    read = client.v1.contracts.rate_cards.retrieve(id=card).data.credit_type_conversions or []
    assert [each.custom_credit_type.id for each in read] == units
    with pytest.raises(metronome.BadRequestError, match="can't be changed"):
        client.v1.contracts.rate_cards.update(rate_card_id=card, add_credit_type_conversions=wish[1:])


def test_name_and_description_change_and_what_is_omitted_stays(client: Metronome, shop: Shop) -> None:
    """§2.1."""
    card = shop.card(description="d", aliases=[{"name": "std"}])
    client.v1.contracts.rate_cards.update(rate_card_id=card, name="New")
    read = client.v1.contracts.rate_cards.retrieve(id=card).data
    assert (read.name, read.description, [each.name for each in read.aliases or []]) == ("New", "d", ["std"])
    client.v1.contracts.rate_cards.update(rate_card_id=card, description="e")
    assert client.v1.contracts.rate_cards.retrieve(id=card).data.description == "e"


def test_an_alias_moves_to_whoever_takes_it(client: Metronome, shop: Shop) -> None:
    """§2.3, example 59: no error; the old card's segment is cut at the new start."""
    old = shop.card(aliases=[{"name": "std", "starting_at": "2024-01-01T00:00:00Z"}])
    new = shop.card(aliases=[{"name": "std", "starting_at": "2025-01-01T00:00:00Z"}])
    assert aliases(client, old) == [("std", "2024-01-01", "2025-01-01")]
    assert aliases(client, new) == [("std", "2025-01-01", None)]


def test_an_alias_without_dates_is_taken_whole(client: Metronome, shop: Shop) -> None:
    """Nothing is left for the old card."""
    old = shop.card(aliases=[{"name": "std"}, {"name": "other"}])
    shop.card(aliases=[{"name": "std"}])
    assert aliases(client, old) == [("other", None, None)]


def test_a_segment_that_does_not_meet_the_new_one_stays(client: Metronome, shop: Shop) -> None:
    """Before and after the new segment the old card keeps the name."""
    old = shop.card(
        aliases=[
            {"name": "std", "starting_at": "2024-01-01T00:00:00Z", "ending_before": "2024-06-01T00:00:00Z"},
            {"name": "std", "starting_at": "2026-01-01T00:00:00Z"},
        ]
    )
    shop.card(aliases=[{"name": "std", "starting_at": "2025-01-01T00:00:00Z", "ending_before": "2025-06-01T00:00:00Z"}])
    assert aliases(client, old) == [("std", "2024-01-01", "2024-06-01"), ("std", "2026-01-01", None)]


def test_the_alias_list_of_an_update_replaces_the_cards_own(client: Metronome, shop: Shop) -> None:
    """§7.1."""
    card = shop.card(aliases=[{"name": "a"}, {"name": "b"}])
    client.v1.contracts.rate_cards.update(rate_card_id=card, aliases=[{"name": "c"}])
    assert aliases(client, card) == [("c", None, None)]
    client.v1.contracts.rate_cards.update(rate_card_id=card, aliases=[])
    assert aliases(client, card) == []


def test_alias_segments_must_make_sense(http: httpx.Client) -> None:
    """An end before its start, or two at once of one name."""
    begin, end = "2025-01-01T00:00:00Z", "2024-01-01T00:00:00Z"
    body = {"name": "c", "aliases": [{"name": "a", "starting_at": begin, "ending_before": end}]}
    assert "must be after" in refused(http.post(f"{CARDS}/create", json=body), 400)
    assert "overlapping" in refused(
        http.post(f"{CARDS}/create", json={"name": "c", "aliases": [{"name": "a"}, {"name": "a", "starting_at": begin}]}), 400
    )


def test_an_archived_card_takes_no_contracts_and_keeps_its_own(client: Metronome, shop: Shop) -> None:
    """§2.2, §7.1: it is readable, listed with archived_at, and goes on pricing."""
    card, product, customer = shop.card(aliases=[{"name": "std"}]), shop.product(), shop.customer()
    contract = shop.contract(customer, card)
    client.v1.contracts.rate_cards.archive(id=card)
    for wish in ({"rate_card_id": card}, {"rate_card_alias": "std"}):
        with pytest.raises(metronome.BadRequestError, match="archived"):
            shop.contract(customer, **wish)
    shop.rate(card, product)
    assert client.v2.contracts.retrieve(customer_id=customer, contract_id=contract).data.rate_card_id == card
    [listed] = client.v1.contracts.rate_cards.list(body={})
    assert (listed.model_extra or {})["archived_at"]
    with pytest.raises(metronome.BadRequestError, match="already archived"):
        client.v1.contracts.rate_cards.archive(id=card)


def test_all_fiats_and_live_pricing_units_are_listed(client: Metronome) -> None:
    """§3.8, §5.2: USD under its known id."""
    kept, gone = (client.v1.pricing_units.create(name=name).data.id for name in ("credit", "token"))
    client.v1.pricing_units.archive(id=gone)
    rows = {each.id: (each.name, each.is_currency) for each in client.v1.pricing_units.list()}
    assert rows[USD] == ("USD (cents)", True)
    assert sum(currency is True for _, currency in rows.values()) == 18
    assert rows[kept] == ("credit", False)
    assert gone not in rows


def test_an_archived_unit_gets_no_new_conversion(client: Metronome, shop: Shop) -> None:
    """It is out of the selectors; archiving it twice, or a currency, is refused."""
    unit = client.v1.pricing_units.create(name="credit").data.id
    client.v1.pricing_units.archive(id=unit)
    with pytest.raises(metronome.BadRequestError, match="No such custom pricing unit"):
        shop.card(credit_type_conversions=[{"custom_credit_type_id": unit, "fiat_per_custom_credit": 1}])
    for id in (unit, USD):
        with pytest.raises(metronome.BadRequestError):
            client.v1.pricing_units.archive(id=id)


def test_product_order_is_written_and_moved(client: Metronome, shop: Shop) -> None:
    """§7.4: answers the card's id; positions count from 0; unknown products are refused. Invoices show the order."""
    card, metric = shop.card(), shop.metric()
    a, b, c = (shop.product(metric, name=name) for name in "abc")
    for product in (a, b, c):
        shop.rate(card, product)
    customer = shop.customer()
    shop.contract(customer, card)

    def order() -> list[str]:
        invoice = list(client.v1.customers.invoices.list(customer_id=customer))[-1]
        return [line.name for line in invoice.line_items]

    assert order() == ["a", "b", "c"]
    assert client.v1.contracts.rate_cards.product_orders.set(rate_card_id=card, product_order=[c]).data.id == card
    assert order() == ["c", "a", "b"]
    client.v1.contracts.rate_cards.product_orders.update(rate_card_id=card, product_moves=[{"product_id": b, "position": 0}])
    assert order() == ["b", "c", "a"]
    with pytest.raises(metronome.BadRequestError, match="No such product"):
        client.v1.contracts.rate_cards.product_orders.set(rate_card_id=card, product_order=[NOBODY])
