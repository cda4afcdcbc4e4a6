"""Accounts as somebody else set them up: by plain calls of the official SDK, without nova-iac."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FUTURE = "2027-03-01T00:00:00Z"


class Hand:
    """Makes objects by SDK calls and returns their ids."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.catalog = client.v1.contracts

    def metric(self, name: str, *keys: Sequence[str], **fields: Any) -> str:
        """A streaming metric with these group keys."""
        filters = sorted(
            {part for key in keys for part in key} | ({fields["aggregation_key"]} if "aggregation_key" in fields else set())
        )
        made: dict[str, Any] = {"aggregation_type": "COUNT", "event_type_filter": {"in_values": [name.lower()]}, **fields}
        if filters:
            given = fields.get("property_filters", [])
            named = {part["name"] for part in given}
            made["property_filters"] = [*given, *({"name": part, "exists": True} for part in filters if part not in named)]
        if keys:
            made["group_keys"] = [list(key) for key in keys]
        return str(self.client.v1.billable_metrics.create(name=name, **made).data.id)

    def product(self, name: str, metric: str | None = None, *, type: str = "USAGE", **fields: Any) -> str:
        """A product."""
        more = {} if metric is None else {"billable_metric_id": metric}
        return str(self.catalog.products.create(name=name, type=type, **more, **fields).data.id)

    def update(self, product: str, starting_at: str, **fields: Any) -> None:
        """A product's change from a date on."""
        self.catalog.products.update(product_id=product, starting_at=starting_at, **fields)

    def card(self, name: str, **fields: Any) -> str:
        """A rate card."""
        return str(self.catalog.rate_cards.create(name=name, **fields).data.id)

    def rate(self, card: str, product: str, cents: float | None, start: str = "2025-09-01T00:00:00Z", **fields: Any) -> None:
        """A segment, flat unless fields say otherwise; further keywords are the API's."""
        price = {} if cents is None else {"rate_type": "FLAT", "price": cents}
        self.catalog.rate_cards.rates.add(
            rate_card_id=card, product_id=product, starting_at=start, **{"entitled": True, **price, **fields}
        )

    def customer(self, name: str, *aliases: str, **fields: Any) -> str:
        """A customer."""
        return str(self.client.v1.customers.create(name=name, ingest_aliases=list(aliases), **fields).data.id)

    def contract(self, customer: str, card: str | None, start: str = "2025-09-01T00:00:00Z", **fields: Any) -> str:
        """A contract."""
        more = {} if card is None else {"rate_card_id": card}
        return str(self.catalog.create(customer_id=customer, starting_at=start, **more, **fields).data.id)

    def fiat(self, code: str) -> str:
        """The id of a currency."""
        return next(row.id for row in self.client.v1.pricing_units.list() if row.name.split()[0] == code)


def small(client: Any) -> None:
    """One of each, as a tutorial has it."""
    hand = Hand(client)
    metric = hand.metric("Nova Image Generation", ["image_type"], aggregation_type="SUM", aggregation_key="num_images")
    product = hand.product(
        "Nova AI Image Generation", metric, pricing_group_key=["image_type"], presentation_group_key=["image_type"]
    )
    card = hand.card("Nova Image Generation Pricing", description="What images cost")
    for value, cents in (("standard", 2), ("high-res", 5), ("ultra", 10)):
        hand.rate(card, product, cents, pricing_group_values={"image_type": value})
    hand.contract(hand.customer("Nova Demo Customer", "jane@nova.com"), card)


def studio(client: Any) -> None:
    """All forms of prices and products, twins and their archived namesakes, and what is still to come."""
    hand = Hand(client)
    _archived(hand)
    calls = hand.metric("API Calls")
    again = hand.metric("API Calls", event_type_filter={"in_values": ["call", "retry"], "not_in_values": ["ping"]})
    tokens = hand.metric("Tokens", ["model", "region"], ["user"], aggregation_type="SUM", aggregation_key="tokens")
    sql = "SELECT COUNT(DISTINCT properties.user) AS value\nFROM events\nWHERE event_type = 'login'  -- once a user\n"
    seats = client.v1.billable_metrics.create(name="Active Users", sql=sql).data.id

    api = hand.product("API Calls", calls, tags=["core", "api"])
    hand.product("API Calls", again, quantity_rounding={"decimal_places": 0, "rounding_method": "ROUND_UP"})
    hand.update(api, "2026-01-01T00:00:00Z", name="API calls (v1)")
    hand.update(api, FUTURE, name="API calls: v2", tags=["core"])
    llm = hand.product(
        "Tokens: in & out", tokens, pricing_group_key=["model", "region"],
        quantity_conversion={"conversion_factor": 1000, "operation": "DIVIDE", "name": "thousands"},
    )  # fmt: skip
    users = hand.product("Utilisateurs actifs (été)", seats)
    support = hand.product("Support", type="COMPOSITE", composite_product_ids=[llm, api])
    seat = hand.product("Seat", type="SUBSCRIPTION")
    hand.product("Onboarding", type="FIXED")

    card = hand.card("Standard", aliases=[{"name": "standard", "starting_at": "2025-01-01T00:00:00Z"}])
    twin = hand.card("Standard")
    unit = hand.fiat("EUR")
    euro = hand.card("Standard", fiat_credit_type_id=unit, description="Prices in €")
    hand.rate(card, api, 0.04)
    hand.rate(card, api, 0.05, FUTURE)
    hand.rate(twin, api, 0.03)
    hand.rate(euro, api, 0.0004, credit_type_id=unit)
    hand.rate(euro, users, 3, ending_before="2026-06-01T00:00:00Z", credit_type_id=unit)
    hand.rate(euro, users, 4, "2026-09-01T00:00:00Z", credit_type_id=unit)
    for model, region, cents in (("large", "eu", 12), ("large", "us", 10), ("small", "eu", 1.5), ("small", "us", 1)):
        hand.rate(card, llm, cents, pricing_group_values={"model": model, "region": region})
    hand.rate(card, llm, 13, FUTURE, pricing_group_values={"model": "large", "region": "eu"})
    hand.rate(card, users, None, rate_type="TIERED", tiers=[{"size": 100, "price": 0}, {"size": 900, "price": 50}, {"price": 25}])
    hand.rate(card, users, 40, "2026-12-01T00:00:00Z", commit_rate={"rate_type": "FLAT", "price": 35})
    hand.rate(card, support, None, rate_type="PERCENTAGE", price=0.125)
    for frequency, cents in (("MONTHLY", 2000), ("ANNUAL", 20000)):
        hand.rate(card, seat, cents, billing_frequency=frequency, entitled=False)
    hand.rate(card, seat, 2500, FUTURE, billing_frequency="MONTHLY", entitled=False)

    acme = hand.customer("Acme Corp.", "acme", "billing@acme.example")
    second = hand.customer("Acme Corp.", "acme-eu")
    hand.customer("株式会社サンプル", "sample-jp")
    hand.customer("No", external_id="no-such-thing")
    client.v1.customers.update_config(customer_id=acme, salesforce_account_id="0015500001WO1ZiABL")
    hand.contract(acme, card, net_payment_terms_days=30, ending_before="2027-01-01T00:00:00Z")
    hand.contract(acme, card, "2027-01-01T00:00:00Z", name="Renewal 2027")
    hand.contract(acme, twin, usage_filter={"group_key": "user", "group_values": ["b", "a"]})
    hand.contract(
        second, euro, "2025-09-15T00:00:00Z", usage_statement_schedule={"frequency": "QUARTERLY", "day": "CONTRACT_START"}
    )  # fmt: skip
    hand.contract(second, euro, "2026-02-01T00:00:00Z", name="Monthly", usage_statement_schedule={"frequency": "MONTHLY"})


def _archived(hand: Hand) -> None:
    """Archived objects of the same names as live ones."""
    metric = hand.metric("API Calls", event_type_filter={"in_values": ["old"]})
    product = hand.product("API Calls", metric)
    card = hand.card("Standard")
    hand.rate(card, product, 1)
    customer = hand.customer("Acme Corp.", "acme-old")
    contract = hand.contract(hand.customer("Live One", "live"), card)
    hand.client.v1.contracts.archive(
        customer_id=hand.client.v1.customers.list(ingest_alias="live").data[0].id, contract_id=contract, void_invoices=False
    )
    hand.client.v1.customers.archive(id=customer)
    hand.client.v1.contracts.rate_cards.archive(id=card)
    hand.client.v1.contracts.products.archive(product_id=product)
    hand.client.v1.billable_metrics.archive(id=metric)


def large(client: Any) -> None:
    """Three hundred objects, most of them with names that others have too."""
    hand = Hand(client)
    metrics = [
        hand.metric(f"Metric {number % 7}", ["region"], event_type_filter={"in_values": [f"event_{number}"]})
        for number in range(15)
    ]
    products = [
        hand.product(f"Product {number % 9}", metrics[number % 15], pricing_group_key=["region"] if number % 2 else [])
        for number in range(30)
    ]  # fmt: skip
    cards = [hand.card(f"Card {number % 3}") for number in range(5)]
    for number, card in enumerate(cards):
        rates = [
            {
                "product_id": product,
                "starting_at": start,
                "entitled": True,
                "rate_type": "FLAT",
                "price": price + number,
                **values,
            }
            for place, product in enumerate(products)
            for start, price in (("2025-09-01T00:00:00Z", 10), (FUTURE, 12))
            for values in ([{"pricing_group_values": {"region": region}} for region in ("eu", "us")] if place % 2 else [{}])
        ]
        for begin in range(0, len(rates), 100):
            client.v1.contracts.rate_cards.rates.add_many(rate_card_id=card, rates=rates[begin : begin + 100])
    for number in range(130):
        customer = hand.customer(f"Customer {number % 40}", f"customer-{number}")
        hand.contract(customer, cards[number % 5], f"2026-{number % 9 + 1:02d}-01T00:00:00Z")
    for _ in range(2):
        archived = hand.customer("Customer 1", f"gone-{_}")
        client.v1.customers.archive(id=archived)
        client.v1.billable_metrics.archive(id=hand.metric("Metric 1"))


def tangled(client: Any) -> None:
    """Objects that are alike in every field, and told apart only by what uses them."""
    hand = Hand(client)
    metrics = [hand.metric("Hits") for _ in range(4)]
    twins = [hand.product("Hits", metric) for metric in metrics[:3]]
    sums = [
        hand.product(name, type="COMPOSITE", composite_product_ids=[product]) for name, product in zip("ABA", twins, strict=True)
    ]
    cards = [hand.card("Prices") for _ in range(3)]
    for number, (card, product) in enumerate(zip(cards, twins, strict=True)):
        hand.rate(card, product, 5)
        hand.rate(card, sums[number], None, rate_type="PERCENTAGE", price=0.1)
    for card, alias in zip(cards, ("x", "y", "z"), strict=True):
        customer = hand.customer("Same Name", alias)
        hand.contract(customer, card)
        hand.contract(customer, card, "2026-01-01T00:00:00Z")


def beyond(client: Any) -> None:
    """What a spec can't say, beside what it can."""
    hand = Hand(client)
    client.v1.custom_fields.add_key(entity="customer", key="crm", enforce_uniqueness=False)
    credits = client.v1.pricing_units.create(name="Cloud Credits").data.id
    old = hand.metric("Old Events")
    broken = hand.metric("Unfit", ["region"])
    calls = hand.metric("Calls", ["region"], property_filters=[{"name": "region", "in_values": ["us", "eu"]}])
    hand.product("Legacy", old)
    hand.product("No compound key", broken, pricing_group_key=["region"], presentation_group_key=["region", "zone"])
    api = hand.product("API", calls, pricing_group_key=["region"])
    paid = hand.product("Paid in credits", calls, pricing_group_key=["region"])
    gone = hand.product("Gone", calls)
    card = hand.card("Standard")
    units = hand.card("In Credits", credit_type_conversions=[{"custom_credit_type_id": credits, "fiat_per_custom_credit": 50}])
    retired = hand.card("Retired")
    hand.rate(card, api, 4, pricing_group_values={"region": "eu"})
    hand.rate(units, paid, 5, pricing_group_values={"region": "eu"}, credit_type_id=credits)
    hand.rate(card, api, 9, pricing_group_values={"region": "mars"})
    hand.rate(card, gone, 1)
    hand.rate(retired, api, 4, pricing_group_values={"region": "eu"})
    customer = hand.customer("Acme", "acme", custom_fields={"crm": "42"})
    hand.contract(customer, card)
    hand.contract(customer, retired, "2024-01-01T00:00:00Z", name="Old deal", ending_before="2025-01-01T00:00:00Z")
    other = hand.contract(customer, card, name="Filtered", usage_filter={"group_key": "region", "group_values": ["eu"]})
    client.v1.contracts.set_usage_filter(
        customer_id=customer, contract_id=other, group_key="region", group_values=["us"], starting_at="2026-10-01T00:00:00Z"
    )  # fmt: skip
    client.v1.billable_metrics.archive(id=old)
    client.v1.contracts.products.archive(product_id=gone)
    client.v1.contracts.rate_cards.archive(id=retired)
