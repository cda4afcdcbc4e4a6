"""Finalized invoices stay as they were, whatever is written afterwards (§14.1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from emulator_kit import Hand, Shop, Till, emulator, raw, refused, sdk
from hypothesis import given, settings
from hypothesis import strategies as st
from metronome import Metronome

PRICING = "/v1/contract-pricing"
JAN = "2026-01-01T00:00:00Z"
SPRING = Hand().now.replace(month=3, day=1, hour=12, minute=0)
HOURS = st.integers(0, 100 * 24).map(lambda hours: (SPRING.replace(month=1, hour=0) + timedelta(hours=hours)).isoformat())
ENTITIES = ("customer", "contract", "contract_product", "invoice")


class Account:
    """A customer with a price, a composite product and values of custom fields; writes by their names."""

    def __init__(self, http: httpx.Client, shop: Shop, clock: Hand) -> None:
        self.http, self.clock = http, clock
        for entity in ENTITIES:
            self.post("/v1/customFields/addKey", entity=entity, key="k", enforce_uniqueness=False)
        self.till = Till(shop, net_payment_terms_days=30)
        self.fee = shop.product(name="Fee", type="COMPOSITE", composite_tags=["t"])
        self.sent = 0
        self.ids = {
            "customer": self.till.customer,
            "contract": self.till.contract,
            "contract_product": self.till.product,
        }
        self.both = {"customer_id": self.till.customer, "contract_id": self.till.contract}

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(path, json=body)

    def final(self) -> dict[str, Any]:
        """The finalized invoices by their id, to the last member."""
        query = {"status": "FINALIZED", "include_list_prices": "true"}
        rows = self.http.get(f"/v1/customers/{self.till.customer}/invoices", params=query).json()["data"]
        return {row["id"]: row for row in rows}

    def rate(self, product: str, at: str, n: int, **fields: Any) -> None:
        fields = {"rate_type": "FLAT", "price": n, "entitled": n != 3} | fields
        self.post(f"{PRICING}/rate-cards/addRate", rate_card_id=self.till.card, product_id=product, starting_at=at, **fields)

    def product(self, id: str, at: str, n: int, **fields: Any) -> None:
        self.post(f"{PRICING}/products/update", product_id=id, starting_at=at, name=f"name {n}", **fields)

    def ingest(self, n: int) -> None:
        self.sent += 1
        at = (self.clock.now - timedelta(days=3 * n)).isoformat()
        event = {"transaction_id": str(self.sent), "customer_id": "acme", "event_type": "x", "timestamp": at}
        self.http.post("/v1/ingest", json=[event | {"properties": {"n": n}}])

    def fields(self, n: int) -> None:
        entity = list(self.ids)[n % 3]
        self.post("/v1/customFields/setValues", entity=entity, entity_id=self.ids[entity], custom_fields={"k": str(n)})

    def field_gone(self, n: int) -> None:
        entity = list(self.ids)[n % 3]
        if n > 5:
            self.post("/v1/customFields/deleteValues", entity=entity, entity_id=self.ids[entity], keys=["k"])
        else:
            self.post("/v1/customFields/removeKey", entity=entity, key="k")


WRITES: dict[str, Callable[[Account, str, int], object]] = {
    "a day or more": lambda account, _, n: account.clock.go(hours=24 * n + 1),
    "usage": lambda account, _, n: account.ingest(n),
    "price": lambda account, at, n: account.rate(account.till.product, at, n),
    "another price": lambda account, at, n: account.rate(account.till.other, at, n),
    "a fee": lambda account, at, n: account.rate(account.fee, at, n, rate_type="PERCENTAGE", price=n / 10),
    "product": lambda account, at, n: account.product(account.till.product, at, n, tags=["t"] * (n % 2)),
    "what the fee is of": lambda account, at, n: account.product(account.fee, at, n, composite_product_ids=[account.till.other]),
    "order": lambda account, _, n: account.post(
        f"{PRICING}/rate-cards/setRateCardProductsOrder",
        rate_card_id=account.till.card,
        product_order=[account.till.product, account.till.other][:: 1 if n % 2 else -1],
    ),
    "aliases": lambda account, _, n: account.post(
        f"/v1/customers/{account.till.customer}/setIngestAliases", ingest_aliases=["acme"] * (n % 2)
    ),
    "end": lambda account, at, _: account.post("/v1/contracts/updateEndDate", **account.both, ending_before=at),
    "no end": lambda account, _, __: account.post("/v1/contracts/updateEndDate", **account.both),
    "edit": lambda account, at, n: account.post(
        "/v2/contracts/edit", **account.both, update_net_payment_terms_days=n, update_contract_end_date=at if n > 7 else None
    ),
    "terms": lambda account, _, n: account.post("/v2/contracts/edit", **account.both, update_net_payment_terms_days=n),
    "filter": lambda account, at, n: account.post(
        "/v1/contracts/setUsageFilter", **account.both, group_key="n", group_values=[str(n)], starting_at=at
    ),
    "values": lambda account, _, n: account.fields(n),
    "no values": lambda account, _, n: account.field_gone(n),
    "customer's name": lambda account, _, n: account.post(f"/v1/customers/{account.till.customer}/setName", name=str(n)),
    "no product": lambda account, _, n: (
        account.post(f"{PRICING}/products/archive", product_id=account.till.product) if n else None
    ),
    "no contract": lambda account, _, n: (
        account.post("/v1/contracts/archive", **account.both, void_invoices=False) if n < 2 else None
    ),
}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(WRITES)), HOURS, st.integers(0, 9)), min_size=5, max_size=20))
def test_no_write_changes_a_finalized_invoice(writes: list[tuple[str, str, int]]) -> None:
    """Any sequence of calls, with time going on: what was final once is that for ever."""
    clock = Hand(SPRING)
    with emulator(clock=clock) as app, sdk(app) as client, raw(app) as http:
        account = Account(http, Shop(client), clock)
        seen = account.final()
        assert len(seen) == 1
        for name, at, n in writes:
            WRITES[name](account, at, n)
            now = account.final()
            assert {id: now.get(id) for id in seen} == seen, name
            seen = now


@pytest.mark.parametrize("entity", ENTITIES[:3])
def test_a_removed_key_stays_on_final_invoices(http: httpx.Client, shop: Shop, clock: Hand, entity: str) -> None:
    """§5.1: its values are no longer accessible, but what was billed is as it was; drafts lose them."""
    account = Account(http, shop, clock)
    account.post("/v1/customFields/setValues", entity=entity, entity_id=account.ids[entity], custom_fields={"k": "v"})
    clock.go(days=40)
    before = account.final()
    assert '"k":"v"' in httpx.Response(200, json=list(before.values())).text
    assert account.post("/v1/customFields/removeKey", entity=entity, key="k").status_code == 200
    assert account.final() == before
    [draft] = account.till.invoices(status="DRAFT")
    assert '"k"' not in draft.to_json(indent=None)


def test_lines_are_named_as_products_were_called(shop: Shop, clock: Hand) -> None:
    """Not by what they are to be called: neither in a draft, nor by a change between a period's end and its final hour."""
    till = Till(shop)

    def names() -> list[str]:
        return [invoice.line_items[0].name for invoice in till.invoices()]

    def rename(name: str, at: str) -> None:
        till.client.v1.contracts.products.update(product_id=till.product, name=name, starting_at=at)

    rename("Since March", "2026-03-01T10:00:00Z")
    rename("To come", "2026-03-30T00:00:00Z")
    assert names() == ["Image generation"] * 2 + ["Since March"]
    clock.now = clock.now.replace(day=31)
    assert names() == ["Image generation"] * 2 + ["To come"]


# Prices in custom pricing units: not rated, and never in the way of a write ------------------------------------------


class Credits:
    """A customer with a final period, whose price is in a custom pricing unit."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.client = shop, shop.client
        self.unit = shop.client.v1.pricing_units.create(name="credit").data.id
        conversion: Any = {"custom_credit_type_id": self.unit, "fiat_per_custom_credit": 5}
        self.metric = shop.sum_metric("type")
        self.product, self.other = shop.product(self.metric), shop.product(self.metric)
        self.card = shop.card(credit_type_conversions=[conversion])
        shop.rate(self.card, self.product, 1, credit_type_id=self.unit)
        self.customer = shop.customer("acme")
        self.contract = shop.contract(self.customer, self.card, starting_at=JAN)
        self.both: Any = {"customer_id": self.customer, "contract_id": self.contract}


UNRATED: dict[str, Callable[[Credits], object]] = {
    "addRate": lambda credits: credits.shop.rate(credits.card, credits.other, 1),
    "addRates": lambda credits: credits.client.v1.contracts.rate_cards.rates.add_many(
        rate_card_id=credits.card,
        rates=[{"product_id": credits.other, "starting_at": JAN, "entitled": True, "rate_type": "FLAT", "price": 1}],
    ),
    "products/update": lambda credits: credits.client.v1.contracts.products.update(
        product_id=credits.product, starting_at=JAN, name="New"
    ),
    "setRateCardProductsOrder": lambda credits: credits.client.v1.contracts.rate_cards.product_orders.set(
        rate_card_id=credits.card, product_order=[credits.product]
    ),
    "moveRateCardProducts": lambda credits: credits.client.v1.contracts.rate_cards.product_orders.update(
        rate_card_id=credits.card, product_moves=[{"product_id": credits.product, "position": 0}]
    ),
    "ingest": lambda credits: credits.shop.send("acme", {"n": 1, "type": "a"}, at="2026-02-20T00:00:00Z"),
    "setIngestAliases": lambda credits: credits.client.v1.customers.set_ingest_aliases(
        customer_id=credits.customer, ingest_aliases=["b"]
    ),
    "updateEndDate": lambda credits: credits.client.v1.contracts.update_end_date(
        **credits.both, ending_before="2027-01-01T00:00:00Z"
    ),
    "edit": lambda credits: credits.client.v2.contracts.edit(
        **credits.both, update_contract_end_date="2027-01-01T00:00:00Z", update_net_payment_terms_days=5
    ),
    "setUsageFilter": lambda credits: credits.client.v1.contracts.set_usage_filter(
        **credits.both, group_key="type", group_values=["a"], starting_at=JAN
    ),
    "setValues": lambda credits: credits.client.v1.custom_fields.set_values(
        entity="customer", entity_id=credits.customer, custom_fields={"k": "v"}
    ),
    "deleteValues": lambda credits: credits.client.v1.custom_fields.delete_values(
        entity="customer", entity_id=credits.customer, keys=["k"]
    ),
    "removeKey": lambda credits: credits.client.v1.custom_fields.remove_key(entity="customer", key="k"),
    "archive": lambda credits: credits.client.v1.contracts.archive(**credits.both, void_invoices=True),
    "customers/archive": lambda credits: credits.client.v1.customers.archive(id=credits.customer),
}


@pytest.mark.parametrize("write", UNRATED)
def test_writes_work_where_amounts_are_not_rated(client: Metronome, http: httpx.Client, shop: Shop, write: str) -> None:
    """Only reading such an amount is 501, before and after."""
    credits = Credits(shop)
    client.v1.custom_fields.add_key(entity="customer", key="k", enforce_uniqueness=False)
    client.v1.custom_fields.set_values(entity="customer", entity_id=credits.customer, custom_fields={"k": "old"})
    UNRATED[write](credits)
    assert "pricing units" in refused(http.get(f"/v1/customers/{credits.customer}/invoices"), 501)


def test_only_periods_with_such_a_price_are_not_rated(http: httpx.Client, shop: Shop, clock: Hand) -> None:
    """Those before it are as they were; those with it can be voided and regenerated, which takes no amount."""
    till = Till(shop)
    january, _, march = (invoice.id for invoice in till.invoices())
    unit = till.client.v1.pricing_units.create(name="credit").data.id
    till.client.v1.contracts.rate_cards.update(
        rate_card_id=till.card, add_credit_type_conversions=[{"custom_credit_type_id": unit, "fiat_per_custom_credit": 5}]
    )
    shop.rate(till.card, till.other, 1, credit_type_id=unit, starting_at="2026-03-01T00:00:00Z")
    path = f"/v1/customers/{till.customer}/invoices"
    assert [row["total"] for row in http.get(path, params={"status": "FINALIZED"}).json()["data"]] == [0, 0]
    assert "pricing units" in refused(http.get(path, params={"status": "DRAFT"}), 501)
    clock.go(days=30)
    shop.rate(till.card, till.product, 2, starting_at=JAN)
    assert http.get(f"{path}/{january}").json()["data"]["line_items"][0]["unit_price"] == 10
    for call in ("void", "regenerate"):
        assert http.post(f"/v1/invoices/{call}", json={"id": march}).status_code == 200
    assert "pricing units" in refused(http.get(f"{path}/{march}"), 501)
