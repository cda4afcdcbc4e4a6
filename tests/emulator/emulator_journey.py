"""One journey through every emulated endpoint with every field that the official client types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator_kit import USD, Hand
from metronome import Metronome


class Watched(Metronome):
    """The official client; keeps every answer it parsed."""

    answers: list[Any]

    def _process_response(self, **fields: Any) -> Any:  # type: ignore[override]
        answer = super()._process_response(**fields)
        self.__dict__.setdefault("answers", []).append(answer)
        return answer


def travel(client: Watched, clock: Hand) -> None:
    """Every call with every field, in an order that makes sense."""
    jan, feb, apr = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z"
    v1, v2 = client.v1, client.v2
    for entity in ("billable_metric", "contract_product", "rate_card", "customer", "contract"):
        v1.custom_fields.add_key(entity=entity, key="k", enforce_uniqueness=False)  # type: ignore[arg-type]
    fields = {"k": "v"}
    unit = v1.pricing_units.create(name="credit").data.id
    metric = v1.billable_metrics.create(
        name="m",
        aggregation_type="SUM",
        aggregation_key="n",
        event_type_filter={"in_values": ["image"], "not_in_values": ["video"]},
        property_filters=[
            {"name": "n", "exists": True},
            {"name": "type", "in_values": ["a", "b"], "not_in_values": ["c"]},
            {"name": "project", "exists": True},
        ],
        group_keys=[["type", "project"], ["type"]],
        custom_fields=fields,
    ).data.id
    sql = v1.billable_metrics.create(name="s", sql="SELECT 1").data.id
    v1.billable_metrics.update(billable_metric_id=metric, name="m2")
    v1.billable_metrics.retrieve(billable_metric_id=metric)
    usage: dict[str, Any] = {
        "billable_metric_id": metric,
        "is_refundable": True,
        "netsuite_internal_item_id": "n",
        "netsuite_overage_item_id": "o",
        "pricing_group_key": ["type"],
        "presentation_group_key": ["project"],
        "quantity_conversion": {"conversion_factor": 2, "operation": "MULTIPLY", "name": "double"},
        "quantity_rounding": {"decimal_places": 1, "rounding_method": "ROUND_UP"},
        "sql_breakdown_granularity": "HOUR",
        "tags": ["t"],
    }
    composite: dict[str, Any] = {"composite_tags": ["t"], "exclude_free_usage": True, "include_composite_spend": True}
    product = v1.contracts.products.create(name="p", type="USAGE", custom_fields=fields, **usage).data.id
    support = v1.contracts.products.create(name="c", type="COMPOSITE", composite_product_ids=[product], **composite).data.id
    seat = v1.contracts.products.create(name="s", type="SUBSCRIPTION").data.id
    v1.contracts.products.update(product_id=product, starting_at=feb, name="p2", **usage)
    v1.contracts.products.update(product_id=support, starting_at=feb, composite_product_ids=[product], **composite)
    v1.contracts.products.retrieve(id=product)
    alias = {"name": "std", "starting_at": jan, "ending_before": "2030-01-01T00:00:00Z"}
    conversion = {"custom_credit_type_id": unit, "fiat_per_custom_credit": 0.5}
    card = v1.contracts.rate_cards.create(
        name="r",
        description="d",
        aliases=[alias],  # type: ignore[list-item]
        fiat_credit_type_id=USD,
        credit_type_conversions=[conversion],  # type: ignore[list-item]
        custom_fields=fields,
    ).data.id
    spare = v1.contracts.rate_cards.create(name="spare").data.id
    v1.contracts.rate_cards.update(
        rate_card_id=spare,
        name="r2",
        description="d2",
        aliases=[alias | {"name": "spare"}],  # type: ignore[list-item]
        add_credit_type_conversions=[conversion],  # type: ignore[list-item]
    )
    rates: list[dict[str, Any]] = [
        {
            "product_id": product,
            "starting_at": jan,
            "ending_before": "2029-01-01T00:00:00Z",
            "entitled": True,
            "rate_type": "TIERED",
            "tiers": [{"price": 2, "size": 5}, {"price": 1}],
            "credit_type_id": USD,
            "pricing_group_values": {"type": "a"},
            "commit_rate": {"rate_type": "TIERED", "tiers": [{"price": 1, "size": 5}, {"price": 0.5}]},
        },
        {
            "product_id": product,
            "starting_at": jan,
            "entitled": True,
            "rate_type": "FLAT",
            "price": 3,
            "pricing_group_values": {"type": "b"},
            "commit_rate": {"rate_type": "FLAT", "price": 2},
        },
        {"product_id": support, "starting_at": jan, "entitled": True, "rate_type": "PERCENTAGE", "price": 0.1},
        {
            "product_id": seat,
            "starting_at": jan,
            "entitled": True,
            "rate_type": "SUBSCRIPTION",
            "price": 1,
            "quantity": 1,
            "is_prorated": True,
            "billing_frequency": "MONTHLY",
        },
    ]
    v1.contracts.rate_cards.rates.add_many(rate_card_id=card, rates=rates)  # type: ignore[arg-type]
    for rate in rates:
        v1.contracts.rate_cards.rates.add(rate_card_id=card, **rate)
    v1.contracts.rate_cards.product_orders.set(rate_card_id=card, product_order=[support, product])
    v1.contracts.rate_cards.product_orders.update(rate_card_id=card, product_moves=[{"product_id": product, "position": 0}])
    selectors: list[dict[str, Any]] = [
        {"product_id": product, "pricing_group_values": {"type": "a"}},
        {"partial_pricing_group_values": {"type": "b"}},
        {"billing_frequency": "MONTHLY"},
    ]
    tagged: list[Any] = [*selectors, {"product_tags": ["t"]}]
    page: dict[str, Any] = {"limit": 1}
    walk(v1.contracts.rate_cards.rates.list, page, rate_card_id=card, at=feb, selectors=tagged)
    walk(
        v1.contracts.rate_cards.retrieve_rate_schedule,
        page,
        rate_card_id=card,
        starting_at=jan,
        ending_before=apr,
        selectors=selectors,
    )

    v1.settings.billing_providers.create(billing_provider="aws_marketplace", delivery_method="aws_sqs", configuration={"q": 1})
    v1.settings.billing_providers.list(next_page=None)
    stripe: dict[str, Any] = {
        "billing_provider": "stripe",
        "delivery_method": "direct_to_billing_provider",
        "configuration": {"stripe_customer_id": "cus"},
        "tax_provider": "stripe",
    }
    customer = v1.customers.create(
        name="c",
        ingest_aliases=["acme"],
        external_id="ext",
        custom_fields=fields,
        customer_billing_provider_configurations=[stripe],  # type: ignore[list-item]
    ).data.id
    [held] = v1.customers.retrieve_billing_configurations(customer_id=customer, include_archived=True).data
    by_id = {"billing_provider": "stripe", "delivery_method_id": held.delivery_method_id}
    other = v1.customers.create(name="o", customer_billing_provider_configurations=[by_id]).data.id  # type: ignore[list-item]
    wishes: list[Any] = [stripe | {"customer_id": customer}, by_id | {"customer_id": other}]
    made = v1.customers.set_billing_configurations(data=wishes).data
    v1.customers.archive_billing_configurations(
        customer_id=customer, customer_billing_provider_configuration_ids=[str(made[0].id)]
    )
    v1.customers.set_name(customer_id=customer, name="c2")
    v1.customers.set_ingest_aliases(customer_id=customer, ingest_aliases=["acme", "acme-2"])
    v1.customers.update_config(customer_id=customer, salesforce_account_id="sf", leave_stripe_invoices_in_draft=True)
    v1.customers.retrieve(customer_id=customer)
    walk(
        v1.customers.list, page, customer_ids=[customer], ingest_alias="acme", salesforce_account_ids=["sf"], only_archived=False
    )
    walk(v1.customers.list, page)
    walk(v1.customers.list_billable_metrics, page, customer_id=customer, include_archived=True, on_current_plan=False)
    v1.custom_fields.set_values(entity="customer", entity_id=customer, custom_fields={"k": "w"})

    contract = v1.contracts.create(
        customer_id=customer,
        starting_at=jan,
        ending_before="2028-01-01T00:00:00Z",
        rate_card_alias="std",
        name="n",
        billing_provider_configuration={"billing_provider": "stripe", "delivery_method": "direct_to_billing_provider"},
        usage_statement_schedule={
            "frequency": "MONTHLY",
            "day": "CUSTOM_DATE",
            "billing_anchor_date": "2025-12-01T00:00:00Z",
            "invoice_generation_starting_at": jan,
        },
        usage_filter={"group_key": "type", "group_values": ["a", "b"], "starting_at": jan},
        net_payment_terms_days=30,
        multiplier_override_prioritization="EXPLICIT",
        scheduled_charges_on_usage_invoices="ALL",
        netsuite_sales_order_id="n",
        salesforce_opportunity_id="s",
        total_contract_value=1,
        uniqueness_key="k",
        custom_fields=fields,
    ).data.id
    ids: dict[str, Any] = {"customer_id": customer, "contract_id": contract}
    second = v1.contracts.create(
        customer_id=customer,
        starting_at=feb,
        rate_card_id=card,
        billing_provider_configuration={"billing_provider_configuration_id": held.id},
    ).data.id
    included: dict[str, Any] = {"include_balance": True, "include_ledgers": True}
    v1.contracts.retrieve(**ids, **included)
    v2.contracts.retrieve(**ids, **included)
    v2.contracts.retrieve(**ids, as_of_date=feb)
    for lister in (v1.contracts.list, v2.contracts.list):
        walk(lister, page, "cursor", customer_id=customer, covering_date=feb, include_archived=True, **included)
        walk(lister, page, "cursor", customer_id=customer, starting_at=jan)
    v1.contracts.update_end_date(**ids, ending_before="2029-01-01T00:00:00Z", allow_ending_before_finalized_invoice=True)
    v1.contracts.set_usage_filter(**ids, group_key="type", group_values=["a"], starting_at=feb)
    v2.contracts.edit(
        **ids,
        update_contract_name="n2",
        update_contract_end_date="2030-01-01T00:00:00Z",
        update_net_payment_terms_days=14,
        allow_contract_ending_before_finalized_invoice=True,
        uniqueness_key="e",
    )
    v2.contracts.get_edit_history(**ids)
    v1.contracts.retrieve(**ids)
    walk(v1.contracts.retrieve_rate_schedule, page, **ids, at=feb, selectors=tagged)

    event = {"event_type": "image", "timestamp": "2026-03-15T10:00:00Z", "properties": {"n": "7", "type": "a", "project": "x"}}
    v1.usage.ingest(usage=[event | {"transaction_id": "t", "customer_id": "acme"}])  # type: ignore[list-item]
    v1.usage.ingest(usage=[event | {"transaction_id": "u", "customer_id": "acme", "timestamp": "2026-03-15T11:00:00Z"}])  # type: ignore[list-item]
    v1.usage.search(transaction_ids=["t"])
    window: dict[str, Any] = {
        "starting_on": "2026-03-15T00:00:00Z",
        "ending_before": "2026-03-17T00:00:00Z",
        "window_size": "HOUR",
    }
    v1.usage.list(
        **window,
        billable_metrics=[{"id": metric, "group_by": {"key": "type", "values": ["a"]}}, {"id": metric}],
        customer_ids=[customer],
    )
    cursor = v1.usage.list(**window)
    assert cursor.next_page is None
    asked: dict[str, Any] = {"customer_id": customer, "billable_metric_id": metric, **window}
    filters = {"type": ["a"], "project": ["x"]}
    walk(v1.usage.list_with_groups, page, **asked, group_key=["type", "project"], group_filters=filters, current_period=False)
    v1.usage.list_with_groups(**asked, group_by={"key": "type", "values": ["a"]})
    v1.customers.preview_events(
        customer_id=customer,
        events=[event | {"transaction_id": "p"}],
        mode="merge",
        skip_zero_qty_line_items=True,  # type: ignore[list-item]
    )
    walk(
        v1.customers.invoices.list,
        page,
        customer_id=customer,
        status="FINALIZED",
        type="USAGE",
        contract_id=contract,
        credit_type_id=USD,
        starting_on=jan,
        ending_before=apr,
        sort="date_asc",
        skip_zero_qty_line_items=True,
        include_historical_commit_invoices=False,
        webhook_notification_id="w",
    )
    walk(
        v1.customers.invoices.list_breakdowns,
        page,
        customer_id=customer,
        starting_on="2026-03-14T00:00:00Z",
        ending_before="2026-03-17T00:00:00Z",
        window_size="DAY",
        status="DRAFT",
        credit_type_id=USD,
        sort="date_desc",
        skip_zero_qty_line_items=True,
    )
    invoice = next(iter(v1.customers.invoices.list(customer_id=customer, status="FINALIZED"))).id
    v1.customers.invoices.retrieve(customer_id=customer, invoice_id=invoice, skip_zero_qty_line_items=True)
    v1.invoices.void(id=invoice)
    v1.invoices.regenerate(id=invoice)

    v1.custom_fields.delete_values(entity="customer", entity_id=customer, keys=["k"])
    walk(v1.custom_fields.list_keys, {}, entities=["customer"])
    v1.custom_fields.remove_key(entity="customer", key="k")
    v1.contracts.archive(customer_id=customer, contract_id=second, void_invoices=True)
    v1.customers.archive(id=other)
    v1.contracts.rate_cards.archive(id=spare)
    v1.contracts.rate_cards.retrieve(id=spare)
    v1.contracts.products.archive(product_id=seat)
    v1.billable_metrics.archive(id=sql)
    v1.pricing_units.archive(id=unit)
    walk(v1.contracts.rate_cards.list, page, body={})
    walk(v1.contracts.products.list, page, archive_filter="ALL")
    walk(v1.billable_metrics.list, page, include_archived=True)
    walk(v1.pricing_units.list, page)
    v1.services.list()
    clock.go(hours=1)
    log = v1.audit_logs.list(
        limit=2, starting_on=jan, ending_before=apr, sort="date_asc", resource_type="customer", resource_id=customer
    )
    v1.audit_logs.list(next_page=str(log.next_page))


def walk(call: Callable[..., Any], page: dict[str, Any], cursor: str = "next_page", **fields: Any) -> None:
    """All pages by hand, so that the cursor's field is sent; lists that fit one page send a cursor of their first."""
    answer = call(**fields, **page)
    for _ in range(50):
        following = getattr(answer, cursor)
        if following is None:
            return
        answer = call(**fields, **page, **{cursor: following})
