"""The official client against every emulated endpoint, with every field that it types (issue 4)."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args, get_origin, get_type_hints

import httpx
import metronome
import pydantic
import pytest
from emulator_journey import Watched, travel
from emulator_kit import Hand, emulator
from metronome import Metronome

from nova_iac.emulator import Emulator, contracts, contracts_v2, customers, routes

CALLS = {
    "POST /v1/billable-metrics/create": "v1.billable_metrics.create",
    "GET /v1/billable-metrics": "v1.billable_metrics.list",
    "GET /v1/billable-metrics/{billable_metric_id}": "v1.billable_metrics.retrieve",
    "PUT /v1/billable-metrics/{billable_metric_id}": "v1.billable_metrics.update",
    "POST /v1/billable-metrics/archive": "v1.billable_metrics.archive",
    "GET /v1/customers/{customer_id}/billable-metrics": "v1.customers.list_billable_metrics",
    "POST /v1/contract-pricing/products/create": "v1.contracts.products.create",
    "POST /v1/contract-pricing/products/get": "v1.contracts.products.retrieve",
    "POST /v1/contract-pricing/products/list": "v1.contracts.products.list",
    "POST /v1/contract-pricing/products/update": "v1.contracts.products.update",
    "POST /v1/contract-pricing/products/archive": "v1.contracts.products.archive",
    "POST /v1/contract-pricing/rate-cards/create": "v1.contracts.rate_cards.create",
    "POST /v1/contract-pricing/rate-cards/get": "v1.contracts.rate_cards.retrieve",
    "POST /v1/contract-pricing/rate-cards/list": "v1.contracts.rate_cards.list",
    "POST /v1/contract-pricing/rate-cards/update": "v1.contracts.rate_cards.update",
    "POST /v1/contract-pricing/rate-cards/archive": "v1.contracts.rate_cards.archive",
    "POST /v1/contract-pricing/rate-cards/addRate": "v1.contracts.rate_cards.rates.add",
    "POST /v1/contract-pricing/rate-cards/addRates": "v1.contracts.rate_cards.rates.add_many",
    "POST /v1/contract-pricing/rate-cards/getRates": "v1.contracts.rate_cards.rates.list",
    "POST /v1/contract-pricing/rate-cards/getRateSchedule": "v1.contracts.rate_cards.retrieve_rate_schedule",
    "POST /v1/contract-pricing/rate-cards/setRateCardProductsOrder": "v1.contracts.rate_cards.product_orders.set",
    "POST /v1/contract-pricing/rate-cards/moveRateCardProducts": "v1.contracts.rate_cards.product_orders.update",
    "POST /v1/credit-types/create": "v1.pricing_units.create",
    "GET /v1/credit-types/list": "v1.pricing_units.list",
    "POST /v1/credit-types/archive": "v1.pricing_units.archive",
    "POST /v1/customFields/addKey": "v1.custom_fields.add_key",
    "POST /v1/customFields/listKeys": "v1.custom_fields.list_keys",
    "POST /v1/customFields/removeKey": "v1.custom_fields.remove_key",
    "POST /v1/customFields/setValues": "v1.custom_fields.set_values",
    "POST /v1/customFields/deleteValues": "v1.custom_fields.delete_values",
    "POST /v1/customers": "v1.customers.create",
    "GET /v1/customers": "v1.customers.list",
    "GET /v1/customers/{customer_id}": "v1.customers.retrieve",
    "POST /v1/customers/{customer_id}/setName": "v1.customers.set_name",
    "POST /v1/customers/{customer_id}/setIngestAliases": "v1.customers.set_ingest_aliases",
    "POST /v1/customers/{customer_id}/updateConfig": "v1.customers.update_config",
    "POST /v1/customers/archive": "v1.customers.archive",
    "POST /v1/setCustomerBillingProviderConfigurations": "v1.customers.set_billing_configurations",
    "POST /v1/getCustomerBillingProviderConfigurations": "v1.customers.retrieve_billing_configurations",
    "POST /v1/archiveCustomerBillingProviderConfigurations": "v1.customers.archive_billing_configurations",
    "POST /v1/setUpBillingProvider": "v1.settings.billing_providers.create",
    "POST /v1/listConfiguredBillingProviders": "v1.settings.billing_providers.list",
    "POST /v1/contracts/create": "v1.contracts.create",
    "POST /v1/contracts/get": "v1.contracts.retrieve",
    "POST /v1/contracts/list": "v1.contracts.list",
    "POST /v1/contracts/updateEndDate": "v1.contracts.update_end_date",
    "POST /v1/contracts/setUsageFilter": "v1.contracts.set_usage_filter",
    "POST /v1/contracts/archive": "v1.contracts.archive",
    "POST /v1/contracts/getContractRateSchedule": "v1.contracts.retrieve_rate_schedule",
    "POST /v2/contracts/get": "v2.contracts.retrieve",
    "POST /v2/contracts/list": "v2.contracts.list",
    "POST /v2/contracts/edit": "v2.contracts.edit",
    "POST /v2/contracts/getEditHistory": "v2.contracts.get_edit_history",
    "POST /v1/ingest": "v1.usage.ingest",
    "POST /v1/events/search": "v1.usage.search",
    "POST /v1/usage": "v1.usage.list",
    "POST /v1/usage/groups": "v1.usage.list_with_groups",
    "POST /v1/customers/{customer_id}/previewEvents": "v1.customers.preview_events",
    "GET /v1/customers/{customer_id}/invoices": "v1.customers.invoices.list",
    "GET /v1/customers/{customer_id}/invoices/breakdowns": "v1.customers.invoices.list_breakdowns",
    "GET /v1/customers/{customer_id}/invoices/{invoice_id}": "v1.customers.invoices.retrieve",
    "POST /v1/invoices/void": "v1.invoices.void",
    "POST /v1/invoices/regenerate": "v1.invoices.regenerate",
    "GET /v1/auditLogs": "v1.audit_logs.list",
    "GET /v1/services": "v1.services.list",
}
NOT_SENT = {
    "POST /v1/customers": set(customers.NOT_EMULATED),
    "POST /v1/contracts/create": set(contracts.NOT_EMULATED),
    "POST /v2/contracts/edit": set(contracts_v2.NOT_EMULATED),
    # rate_type CUSTOM is 501
    "POST /v1/contract-pricing/rate-cards/addRate": {"custom_rate"},
    "POST /v1/contract-pricing/rate-cards/addRates": {"rates.custom_rate"},
}
"""Fields that the journey leaves out: what answers 501."""
NOT_TYPED = {
    ("RateCardListResponse", "archived_at"): "§7.1: an archived_at field was seen on cards",
    ("Data", "archived_at"): "the same on rate-cards/get",
}
"""Answer members that the response models lack (model, member) → where the facts have them."""


@pytest.fixture(scope="module")
def journey() -> Iterator[tuple[Emulator, Watched]]:
    clock = Hand()
    with emulator(clock=clock) as app:
        transport = httpx.WSGITransport(app=app)
        with Watched(
            bearer_token="t",
            base_url="http://emulator",
            http_client=httpx.Client(transport=transport),
            max_retries=0,
            _strict_response_validation=True,
        ) as client:
            travel(client, clock)
            yield app, client


def test_every_emulated_endpoint_is_in_the_sdk_and_was_called(journey: tuple[Emulator, Watched]) -> None:
    """No endpoint of ours that the client doesn't know; none that the journey leaves out."""
    app, _ = journey
    assert set(CALLS) == {f"{route.method} {route.path}" for route in routes.EMULATED}
    called = {name for name, _ in requests(app)}
    assert called == set(CALLS)
    assert all(entry["status"] == 200 for entry in app.log.entries())


def test_every_typed_field_was_sent(journey: tuple[Emulator, Watched]) -> None:
    """Each optional field of each call, nested ones too, but those that answer 501."""
    app, client = journey
    sent: dict[str, set[str]] = {}
    for name, paths in requests(app):
        sent.setdefault(name, set()).update(paths)
    missing = {}
    for name, call in CALLS.items():
        wanted = set(parameters(method(client, call))) - {f"{path}" for path in placeholders(name)}
        left_out = NOT_SENT.get(name, set())
        wanted = {path for path in wanted if not any(path == each or path.startswith(f"{each}.") for each in left_out)}
        if wanted - sent[name]:
            missing[name] = sorted(wanted - sent[name])
    # One page is all that there is of these; their cursor is tested in test_api_pages.py.
    expected = {
        "POST /v1/customFields/listKeys": ["next_page"],
        "POST /v1/usage": ["next_page"],
    }
    assert missing == expected


def test_answers_hold_nothing_that_the_sdk_does_not_know(journey: tuple[Emulator, Watched]) -> None:
    """Members outside the response models are in the cited table, and all of the table was met."""
    _, client = journey
    extra = {pair for answer in client.answers for pair in untyped(answer)}
    assert extra == set(NOT_TYPED)


def requests(app: Emulator) -> Iterator[tuple[str, set[str]]]:
    """Each logged call: its route, and the paths of the fields that it sent."""
    for entry in app.log.entries():
        found = routes.find(entry["method"], entry["path"])
        assert found is not None
        body = {"usage": entry["body"]} if isinstance(entry["body"], list) else entry["body"] or {}
        yield f"{found[0].method} {found[0].path}", {*entry["query"], *sent_paths(body)}


def sent_paths(value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from sent_paths(item, prefix)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"{prefix}{key}"
            yield from sent_paths(item, f"{prefix}{key}.")


def method(client: Metronome, name: str) -> Callable[..., Any]:
    found: Any = client
    for part in name.split("."):
        found = getattr(found, part)
    return typing.cast("Callable[..., Any]", found)


def placeholders(name: str) -> list[str]:
    return [part[1:-1] for part in name.split("/") if part.startswith("{")]


def parameters(call: Callable[..., Any]) -> Iterator[str]:
    """The field paths that a method of the SDK takes, on the wire's names."""
    hints = get_type_hints(call, include_extras=True)
    wire = {"transaction_ids": "transactionIds"}
    for name in inspect.signature(call).parameters:
        if name not in ("extra_headers", "extra_query", "extra_body", "timeout", "body"):
            yield wire.get(name, name)
            yield from nested(hints[name], f"{wire.get(name, name)}.")


def nested(hint: Any, prefix: str) -> Iterator[str]:
    if typing.is_typeddict(hint) or hasattr(hint, "__required_keys__"):
        for key, inner in get_type_hints(hint).items():
            yield f"{prefix}{key}"
            yield from nested(inner, f"{prefix}{key}.")
    elif get_origin(hint) not in (dict, typing.Literal):
        for inner in get_args(hint):
            yield from nested(inner, prefix)


def untyped(value: Any) -> Iterator[tuple[str, str]]:
    """(model, member) of what an answer has beyond its model."""
    if isinstance(value, pydantic.BaseModel):
        for name in value.model_extra or {}:
            yield type(value).__name__, name
        for name in type(value).model_fields:
            yield from untyped(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from untyped(item)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for item in value:
            yield from untyped(item)


def test_the_client_is_the_version_that_the_facts_are_about() -> None:
    """§4: 4.12 or a later 4.x; a new major version wants a new look."""
    assert metronome.__version__.startswith("4.")
