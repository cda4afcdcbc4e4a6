"""Usage invoices, their breakdowns, previews (§13.2, §14)."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import metronome
import pytest
from emulator_kit import NOBODY, USD, Hand, Shop, Till, refused
from metronome import Metronome

JAN = "2026-01-01T00:00:00Z"


@pytest.fixture
def clock() -> Hand:
    """New Year's Day, a minute past midnight."""
    return Hand(Hand().now.replace(month=1, day=1, hour=0, minute=1))


@pytest.fixture
def till(shop: Shop) -> Till:
    return Till(shop)


def test_a_draft_has_every_part(till: Till) -> None:
    """§14.2: invoice and line as the API answers them, numbers as the card's cents."""
    till.shop.send("acme", {"n": "1.5"}, {"n": 2}, at=JAN)
    [invoice] = till.invoices()
    unit = {"id": USD, "name": "USD (cents)"}
    read = invoice.to_dict(mode="json")
    assert read == {
        "id": read["id"],
        "status": "DRAFT",
        "type": "USAGE",
        "customer_id": till.customer,
        "contract_id": till.contract,
        "credit_type": unit,
        "start_timestamp": JAN,
        "end_timestamp": "2026-02-01T00:00:00Z",
        "issued_at": "2026-02-02T00:00:00Z",
        "created_at": "2026-01-01T00:01:00Z",
        "subtotal": 35,
        "total": 35,
        "billable_status": "billable",
        "customer_custom_fields": {},
        "contract_custom_fields": {},
        "custom_fields": {},
        "invoice_adjustments": [],
        "line_items": [
            {
                "name": "Image generation",
                "type": "usage",
                "credit_type": unit,
                "product_id": till.product,
                "product_type": "UsageProductListItem",
                "product_tags": [],
                "product_custom_fields": {},
                "quantity": 3.5,
                "unit_price": 10,
                "total": 35,
                "starting_at": JAN,
                "ending_before": "2026-02-01T00:00:00Z",
            }
        ],
    }
    one = till.client.v1.customers.invoices.retrieve(customer_id=till.customer, invoice_id=invoice.id).data
    assert one.to_dict() == invoice.to_dict()


def test_list_prices_and_zero_lines_are_shown_on_request(till: Till) -> None:
    """§14.2: include_list_prices isn't a typed parameter of the SDK."""
    [line] = till.invoices(extra_query={"include_list_prices": "true"})[0].line_items
    assert line.list_price.price == 10
    assert line.quantity == 0
    assert till.invoices(skip_zero_qty_line_items=True)[0].line_items == []


def test_a_draft_becomes_final_a_day_after_its_period(till: Till, clock: Hand) -> None:
    """§14.1: until then late usage is billed."""
    clock.go(days=30)
    till.shop.send("acme", {"n": 3}, at="2026-01-31T23:59:59Z")
    clock.now = clock.now.replace(month=2, day=1, hour=23)
    assert till.totals() == [("01-01", "DRAFT", 30), ("02-01", "DRAFT", 0)]
    till.shop.send("acme", {"n": 1}, at="2026-01-31T23:59:59Z")
    clock.go(hours=1)
    assert till.totals() == [("01-01", "FINALIZED", 40), ("02-01", "DRAFT", 0)]


CHANGES: dict[str, Callable[[Till], object]] = {
    "usage": lambda till: till.shop.send("acme", {"n": 100}, at="2026-01-15T00:00:00Z"),
    "a price": lambda till: till.shop.rate(till.card, till.product, 99, starting_at=JAN),
    "many prices": lambda till: till.client.v1.contracts.rate_cards.rates.add_many(
        rate_card_id=till.card,
        rates=[{"product_id": till.product, "starting_at": JAN, "entitled": False, "rate_type": "FLAT", "price": 1}],
    ),
    "a product": lambda till: till.client.v1.contracts.products.update(
        product_id=till.product,
        starting_at=JAN,
        name="New",
        quantity_conversion={"conversion_factor": 5, "operation": "MULTIPLY"},
    ),
    "aliases": lambda till: till.client.v1.customers.set_ingest_aliases(customer_id=till.customer, ingest_aliases=[]),
    "the filter": lambda till: till.client.v1.contracts.set_usage_filter(
        customer_id=till.customer, contract_id=till.contract, group_key="n", group_values=["9"], starting_at=JAN
    ),
    "the end": lambda till: till.client.v1.contracts.update_end_date(
        customer_id=till.customer, contract_id=till.contract, ending_before="2026-01-15T00:00:00Z"
    ),
    "the payment terms": lambda till: till.client.v2.contracts.edit(
        customer_id=till.customer, contract_id=till.contract, update_net_payment_terms_days=5
    ),
    "a name from its grace on": lambda till: till.client.v1.contracts.products.update(
        product_id=till.product, starting_at="2026-02-01T12:00:00Z", name="New"
    ),
    "the product order": lambda till: till.client.v1.contracts.rate_cards.product_orders.set(
        rate_card_id=till.card, product_order=[till.other, till.product]
    ),
    "fields of the customer": lambda till: till.client.v1.custom_fields.set_values(
        entity="customer", entity_id=till.customer, custom_fields={"k": "new"}
    ),
    "fields of the contract": lambda till: till.client.v1.custom_fields.set_values(
        entity="contract", entity_id=till.contract, custom_fields={"k": "new"}
    ),
    "fields of the product": lambda till: till.client.v1.custom_fields.set_values(
        entity="contract_product", entity_id=till.product, custom_fields={"k": "new"}
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_finalized_invoice_is_frozen(till: Till, clock: Hand, change: str) -> None:
    """§14.1: whatever changes afterwards, the invoice is what it was, to the last member."""
    for entity in ("customer", "contract", "contract_product"):
        till.client.v1.custom_fields.add_key(entity=entity, key="k", enforce_uniqueness=False)  # type: ignore[arg-type]
    till.shop.rate(till.card, till.other, 1)
    till.shop.send("acme", {"n": 3}, at=JAN)
    clock.now = clock.now.replace(month=2, day=3)
    before = till.invoices()[0].to_dict()
    assert (before["status"], before["total"]) == ("FINALIZED", 33)
    CHANGES[change](till)
    assert till.invoices()[0].to_dict() == before


def test_freezing_reaches_only_what_a_change_can_touch(till: Till, clock: Hand) -> None:
    """A future price leaves past invoices to be computed as before, with equal result."""
    till.shop.send("acme", {"n": 3}, at=JAN)
    clock.now = clock.now.replace(month=4)
    before = till.totals()
    till.shop.rate(till.card, till.product, 20, starting_at="2026-04-01T00:00:00Z")
    till.shop.rate(till.card, till.product, 50, starting_at="2026-02-01T00:00:00Z")
    assert till.totals()[:2] == before[:2] == [("01-01", "FINALIZED", 30), ("02-01", "FINALIZED", 0)]


def test_prices_changed_in_mid_period_split_the_line(till: Till, clock: Hand) -> None:
    """§14.3: before at the old price, after at the new."""
    till.shop.rate(till.card, till.product, 20, starting_at="2026-01-11T00:00:00Z")
    clock.now = clock.now.replace(day=20)
    till.shop.send("acme", {"n": 1}, at="2026-01-10T23:59:59Z")
    till.shop.send("acme", {"n": 1}, at="2026-01-11T00:00:00Z")
    lines = till.invoices()[0].line_items
    assert [(f"{line.starting_at:%d}", f"{line.ending_before:%d}", line.total) for line in lines] == [
        ("01", "11", 10),
        ("11", "01", 20),
    ]


def test_dimensions_and_tiers_show_on_lines(shop: Shop) -> None:
    """§14.2: pricing and presentation values; tier level, start and size, the last two as texts."""
    metric = shop.sum_metric("project", "type")
    product = shop.product(metric, pricing_group_key=["type"], presentation_group_key=["project"])
    card, customer = shop.card(), shop.customer("acme")
    shop.rate(
        card, product, rate_type="TIERED", tiers=[{"price": 2, "size": 5}, {"price": 1}], pricing_group_values={"type": "x"}
    )
    shop.contract(customer, card)
    shop.send("acme", {"n": 7, "type": "x", "project": "p"}, {"n": 1, "type": "misspelt", "project": "p"}, at=JAN)
    [invoice] = shop.client.v1.customers.invoices.list(customer_id=customer)
    assert [(line.total, line.tier and line.tier.to_dict()) for line in invoice.line_items] == [
        (10, {"level": 1, "starting_at": "0", "size": "5"}),
        (2, {"level": 2, "starting_at": "5"}),
    ]
    assert {
        (line.pricing_group_values["type"], line.presentation_group_values["project"])
        for line in invoice.line_items
        if line.pricing_group_values and line.presentation_group_values
    } == {("x", "p")}


def test_composites_are_lines_of_type_usage(till: Till) -> None:
    """§14.2: a percentage of the others' spend."""
    support = till.shop.product(name="Support", type="COMPOSITE", composite_product_ids=[till.product])
    till.shop.rate(till.card, support, 0.1, rate_type="PERCENTAGE")
    till.shop.send("acme", {"n": 10}, at=JAN)
    [invoice] = till.invoices()
    assert [(line.product_type, line.type, line.quantity, line.total) for line in invoice.line_items] == [
        ("UsageProductListItem", "usage", 10, 100),
        ("CompositeProductListItem", "usage", 100, 10),
    ]
    assert invoice.total == 110


def test_a_usage_filter_routes_usage(shop: Shop) -> None:
    """§10.1: and needs its key in the metric's compound key."""
    metric = shop.sum_metric("region")
    product, card, customer = shop.product(metric), shop.card(), shop.customer("acme")
    shop.rate(card, product, 10)
    for region in ("eu", "us"):
        shop.contract(customer, card, usage_filter={"group_key": "region", "group_values": [region]})
    shop.send("acme", {"n": 1, "region": "eu"}, {"n": 2, "region": "us"}, at=JAN)
    assert [each.total for each in shop.client.v1.customers.invoices.list(customer_id=customer)] == [10, 20]


def test_a_subscription_rate_bills_nothing_by_itself(till: Till) -> None:
    """§17.34: it takes a contract's subscription."""
    seat = till.shop.product(type="SUBSCRIPTION")
    till.shop.rate(till.card, seat, 4900, billing_frequency="MONTHLY")
    assert [line.product_id for line in till.invoices()[0].line_items] == [till.product]


def test_prices_in_pricing_units_are_not_rated(http: httpx.Client, shop: Shop) -> None:
    """501, never a wrong invoice."""
    unit = shop.client.v1.pricing_units.create(name="credit").data.id
    card = shop.card(credit_type_conversions=[{"custom_credit_type_id": unit, "fiat_per_custom_credit": 5}])
    shop.rate(card, shop.product(), 1, credit_type_id=unit)
    customer = shop.customer()
    shop.contract(customer, card)
    assert "pricing units" in refused(http.get(f"/v1/customers/{customer}/invoices"), 501)


def test_invoices_are_in_the_cards_fiat(shop: Shop) -> None:
    """§14.3: whole euros, say."""
    euro = next(each.id for each in shop.client.v1.pricing_units.list() if each.name == "EUR" and each.id)
    card, product, customer = shop.card(fiat_credit_type_id=euro), shop.product(), shop.customer("acme")
    shop.rate(card, product, 0.5, credit_type_id=euro)
    shop.contract(customer, card, net_payment_terms_days=14)
    shop.send("acme", {}, at=JAN)
    [invoice] = shop.client.v1.customers.invoices.list(customer_id=customer, credit_type_id=euro)
    assert (invoice.credit_type.name, invoice.total, invoice.net_payment_terms_days) == ("EUR", 0.5, 14)
    assert not list(shop.client.v1.customers.invoices.list(customer_id=customer, credit_type_id=USD))


def test_the_list_filters_and_sorts(till: Till, clock: Hand) -> None:
    """§14.2: by status, type, contract and billing period; oldest first unless told otherwise."""
    clock.now = clock.now.replace(month=3, day=15)
    months = ["01-01", "02-01", "03-01"]
    assert [row[0] for row in till.totals()] == months
    assert [row[0] for row in till.totals(sort="date_desc")] == months[::-1]
    assert [row[0] for row in till.totals(status="DRAFT")] == months[2:]
    assert [row[0] for row in till.totals(status="finalized")] == months[:2]
    assert [row[0] for row in till.totals(starting_on="2026-02-01T00:00:00Z")] == months[1:]
    assert [row[0] for row in till.totals(ending_before="2026-03-01T00:00:00Z")] == months[:1]
    assert till.totals(type="SCHEDULED") == []
    assert len(till.totals(type="USAGE", contract_id=till.contract)) == 3
    assert till.totals(contract_id=NOBODY) == []
    assert len(list(till.client.v1.customers.invoices.list(customer_id=till.customer, limit=2))) == 3


def test_every_parameter_of_the_list_is_typed(http: httpx.Client, till: Till) -> None:
    """§14.2: also those that change nothing here."""
    path = f"/v1/customers/{till.customer}/invoices"
    assert "must be true or false" in refused(http.get(path, params={"include_historical_commit_invoices": "banana"}), 400)
    fine = {"include_historical_commit_invoices": "true", "webhook_notification_id": "w"}
    assert len(http.get(path, params=fine).json()["data"]) == 1


def test_periods_follow_the_statement_schedule(shop: Shop, clock: Hand) -> None:
    """Example 46: from the start to the anchor day, then month by month; invoice_generation_starting_at skips some."""
    clock.now = clock.now.replace(year=2024, month=12)
    schedule = {"frequency": "MONTHLY", "day": "CUSTOM_DATE", "billing_anchor_date": "2024-09-10T00:00:00Z"}

    def starts(**fields: str) -> list[str]:
        customer = shop.customer()
        shop.contract(customer, starting_at="2024-09-15T00:00:00Z", usage_statement_schedule=schedule | fields)
        return [f"{each.start_timestamp:%m-%d}" for each in shop.client.v1.customers.invoices.list(customer_id=customer)]

    assert starts() == ["09-15", "10-10", "11-10"]
    assert starts(invoice_generation_starting_at="2024-10-10T00:00:00Z") == ["10-10", "11-10"]
    # What lies before, in the middle of a period too, is for historical invoices; the rest of it is billed.
    assert starts(invoice_generation_starting_at="2024-10-20T00:00:00Z") == ["10-20", "11-10"]
    assert starts(invoice_generation_starting_at="2024-12-05T00:00:00Z") == []


def test_voided_invoices_can_be_regenerated(till: Till, clock: Hand) -> None:
    """§14.1: only finalized ones are voided; the new one is by present usage and prices."""
    till.shop.send("acme", {"n": 1}, at=JAN)
    clock.now = clock.now.replace(month=2, day=3)
    january, february = till.invoices()
    client = till.client
    with pytest.raises(metronome.BadRequestError, match="DRAFT"):
        client.v1.invoices.void(id=february.id)
    with pytest.raises(metronome.BadRequestError, match="FINALIZED"):
        client.v1.invoices.regenerate(id=january.id)
    voided = client.v1.invoices.void(id=january.id).data
    assert voided is not None
    assert voided.id == january.id
    till.shop.send("acme", {"n": 1}, at="2026-01-04T00:00:00Z")
    regenerated = client.v1.invoices.regenerate(id=january.id).data
    assert regenerated is not None
    assert regenerated.id != january.id
    assert till.totals() == [("01-01", "VOID", 10), ("01-01", "FINALIZED", 20), ("02-01", "DRAFT", 0)]
    new = client.v1.customers.invoices.retrieve(customer_id=till.customer, invoice_id=regenerated.id).data
    assert new.regenerated_from_invoice_id == january.id
    with pytest.raises(metronome.BadRequestError, match=regenerated.id):
        client.v1.invoices.regenerate(id=january.id)
    client.v1.invoices.void(id=regenerated.id)
    client.v1.invoices.regenerate(id=january.id)
    with pytest.raises(metronome.BadRequestError, match="has been regenerated"):
        client.v1.invoices.regenerate(id=regenerated.id)
    assert [status for _, status, _ in till.totals()] == ["VOID", "VOID", "FINALIZED", "DRAFT"]
    with pytest.raises(metronome.NotFoundError):
        client.v1.invoices.void(id=NOBODY)


@pytest.mark.parametrize(("void", "status"), [(False, "FINALIZED"), (True, "VOID")])
def test_archiving_a_contract_cancels_its_drafts(till: Till, clock: Hand, void: bool, status: str) -> None:
    """§2.2: void_invoices decides the finalized ones, also those that were never read."""
    till.shop.send("acme", {"n": 1}, at=JAN)
    clock.now = clock.now.replace(month=2, day=3)
    till.client.v1.contracts.archive(customer_id=till.customer, contract_id=till.contract, void_invoices=void)
    assert till.totals() == [("01-01", status, 10)]
    clock.now = clock.now.replace(month=6)
    till.shop.rate(till.card, till.product, 99, starting_at=JAN)
    assert till.totals() == [("01-01", status, 10)]


def test_archiving_a_customer_voids_its_invoices(till: Till, clock: Hand) -> None:
    """§2.2, §17.15."""
    till.shop.send("acme", {"n": 1}, at=JAN)
    clock.now = clock.now.replace(month=2, day=3)
    till.client.v1.customers.archive(id=till.customer)
    assert till.totals() == [("01-01", "VOID", 10)]


def test_a_contract_can_be_kept_from_ending_before_a_finalized_invoice(till: Till, clock: Hand) -> None:
    """§10.6: allowed by default; what is final stays."""
    clock.now = clock.now.replace(month=3, day=15)
    ids = {"customer_id": till.customer, "contract_id": till.contract}
    client, end = till.client, "2026-02-15T00:00:00Z"
    with pytest.raises(metronome.BadRequestError, match="finalized invoice"):
        client.v1.contracts.update_end_date(**ids, ending_before=end, allow_ending_before_finalized_invoice=False)
    with pytest.raises(metronome.BadRequestError, match="finalized invoice"):
        client.v2.contracts.edit(**ids, update_contract_end_date=end, allow_contract_ending_before_finalized_invoice=False)
    client.v1.contracts.update_end_date(**ids, ending_before=end)
    assert [(f"{each.start_timestamp:%m-%d}", f"{each.end_timestamp:%m-%d}", each.status) for each in till.invoices()] == [
        ("01-01", "02-01", "FINALIZED"),
        ("02-01", "03-01", "FINALIZED"),
    ]


def test_an_extended_contract_bills_the_rest_of_its_period(shop: Shop, clock: Hand) -> None:
    """A last period that was final when it was short gets a second invoice for what came on."""
    till = Till(shop, ending_before="2026-01-15T00:00:00Z")
    clock.now = clock.now.replace(day=20)
    till.client.v1.contracts.update_end_date(customer_id=till.customer, contract_id=till.contract)
    shop.send("acme", {"n": 1}, at="2026-01-18T00:00:00Z")
    assert till.totals() == [("01-01", "FINALIZED", 0), ("01-15", "DRAFT", 10)]


def test_custom_fields_flow_down_to_invoices(client: Metronome, shop: Shop) -> None:
    """§5.1: of customer, contract and product."""
    for entity in ("customer", "contract", "contract_product"):
        client.v1.custom_fields.add_key(entity=entity, key="k", enforce_uniqueness=False)  # type: ignore[arg-type]
    product = shop.product(custom_fields={"k": "p"})
    card, customer = shop.card(), shop.customer(custom_fields={"k": "c"})
    shop.rate(card, product)
    shop.contract(customer, card, custom_fields={"k": "t"})
    [invoice] = client.v1.customers.invoices.list(customer_id=customer)
    fields = (invoice.customer_custom_fields, invoice.contract_custom_fields, invoice.line_items[0].product_custom_fields)
    assert fields == ({"k": "c"}, {"k": "t"}, {"k": "p"})


def test_unknown_invoices_are_404(http: httpx.Client, shop: Shop) -> None:
    """§3.3."""
    refused(http.get(f"/v1/customers/{shop.customer()}/invoices/{NOBODY}"), 404)
    refused(http.get(f"/v1/customers/{NOBODY}/invoices"), 404)
