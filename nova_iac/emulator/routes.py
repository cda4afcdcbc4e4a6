"""The table of endpoints: what is emulated, and what of §18 is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nova_iac.emulator import (
    audit_log,
    billable_metrics,
    billing_providers,
    contract_rates,
    contracts,
    contracts_v2,
    credit_types,
    custom_field_calls,
    customers,
    events,
    invoice_calls,
    preview,
    product_order,
    products,
    rate_cards,
    rates,
    services,
    usage,
)
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store

Behaviour = Callable[[Request, Store], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    ``action`` ("resource.verb", for the audit log) makes it a write, with a transaction and the Idempotency-Key store;
    ``lacks`` says what of it isn't emulated. Without a behaviour it is known and answers 501.
    """

    method: str
    path: str
    behaviour: Behaviour | None
    action: str = ""
    lacks: str = ""

    @property
    def writes(self) -> bool:
        return bool(self.action)

    def matches(self, parts: list[str]) -> dict[str, str] | None:
        """The placeholders' values when the path's parts fit."""
        mine = self.path.split("/")
        if len(mine) != len(parts):
            return None
        values = {}
        for own, given in zip(mine, parts, strict=True):
            if own.startswith("{"):
                values[own[1:-1]] = given
            elif own != given:
                return None
        return values


def _get(path: str, behaviour: Behaviour, lacks: str = "") -> Route:
    return Route("GET", path, behaviour, lacks=lacks)


def _ask(path: str, behaviour: Behaviour, lacks: str = "") -> Route:
    """A POST that only reads."""
    return Route("POST", path, behaviour, lacks=lacks)


def _do(path: str, action: str, behaviour: Behaviour, lacks: str = "", method: str = "POST") -> Route:
    return Route(method, path, behaviour, action, lacks)


METRICS = "/v1/billable-metrics"
PRODUCTS = "/v1/contract-pricing/products"
CARDS = "/v1/contract-pricing/rate-cards"
CUSTOMERS = "/v1/customers"
CONTRACTS = "/v1/contracts"
V2 = "/v2/contracts"
PROVIDERS = "CustomerBillingProviderConfigurations"

LACKS_ON_CREATE = ", ".join(contracts.NOT_EMULATED)
LACKS_ON_EDIT = ", ".join(contracts_v2.NOT_EMULATED)
CUSTOM = "rate_type CUSTOM, minimum_config, subscription_rate"
SQL = "rating of SQL metrics"
UNITS = "amounts by prices in custom pricing units"
INVOICES = f"invoices of other types than USAGE, {UNITS}"

EMULATED = (
    _do(f"{METRICS}/create", "billable_metric.create", billable_metrics.create, SQL),
    _get(METRICS, billable_metrics.list_all),
    _get(METRICS + "/{billable_metric_id}", billable_metrics.get),
    _do(METRICS + "/{billable_metric_id}", "billable_metric.update", billable_metrics.rename, method="PUT"),
    _do(f"{METRICS}/archive", "billable_metric.archive", billable_metrics.archive),
    _get(CUSTOMERS + "/{customer_id}/billable-metrics", billable_metrics.list_for_customer),
    _do(f"{PRODUCTS}/create", "product.create", products.create),
    _ask(f"{PRODUCTS}/get", products.get),
    _ask(f"{PRODUCTS}/list", products.list_all),
    _do(f"{PRODUCTS}/update", "product.update", products.update),
    _do(f"{PRODUCTS}/archive", "product.archive", products.archive),
    _do(f"{CARDS}/create", "rate_card.create", rate_cards.create),
    _ask(f"{CARDS}/get", rate_cards.get),
    _ask(f"{CARDS}/list", rate_cards.list_all),
    _do(f"{CARDS}/update", "rate_card.update", rate_cards.update),
    _do(f"{CARDS}/archive", "rate_card.archive", rate_cards.archive),
    _do(f"{CARDS}/addRate", "rate_card.add_rate", rates.add, CUSTOM),
    _do(f"{CARDS}/addRates", "rate_card.add_rates", rates.add_many, CUSTOM),
    _ask(f"{CARDS}/getRates", rates.in_force),
    _ask(f"{CARDS}/getRateSchedule", rates.schedule),
    _do(f"{CARDS}/setRateCardProductsOrder", "rate_card.set_product_order", product_order.set_order),
    _do(f"{CARDS}/moveRateCardProducts", "rate_card.move_products", product_order.move),
    _do("/v1/credit-types/create", "credit_type.create", credit_types.create),
    _get("/v1/credit-types/list", credit_types.list_all),
    _do("/v1/credit-types/archive", "credit_type.archive", credit_types.archive),
    _do("/v1/customFields/addKey", "custom_field_key.create", custom_field_calls.add_key),
    _ask("/v1/customFields/listKeys", custom_field_calls.list_keys),
    _do("/v1/customFields/removeKey", "custom_field_key.delete", custom_field_calls.remove_key),
    _do("/v1/customFields/setValues", "custom_field_value.set", custom_field_calls.set_values),
    _do("/v1/customFields/deleteValues", "custom_field_value.delete", custom_field_calls.delete_values),
    _do(CUSTOMERS, "customer.create", customers.create, ", ".join(customers.NOT_EMULATED)),
    _get(CUSTOMERS, customers.list_all),
    _get(CUSTOMERS + "/{customer_id}", customers.get),
    _do(CUSTOMERS + "/{customer_id}/setName", "customer.set_name", customers.set_name),
    _do(CUSTOMERS + "/{customer_id}/setIngestAliases", "customer.set_ingest_aliases", customers.set_ingest_aliases),
    _do(CUSTOMERS + "/{customer_id}/updateConfig", "customer.update_config", customers.update_config),
    _do(f"{CUSTOMERS}/archive", "customer.archive", customers.archive),
    _do(f"/v1/set{PROVIDERS}", "billing_provider_configuration.create", billing_providers.set_for_customers),
    _ask(f"/v1/get{PROVIDERS}", billing_providers.get_for_customer),
    _do(f"/v1/archive{PROVIDERS}", "billing_provider_configuration.archive", billing_providers.archive_for_customer),
    _do("/v1/setUpBillingProvider", "billing_provider.create", billing_providers.set_up),
    _ask("/v1/listConfiguredBillingProviders", billing_providers.list_set_up),
    _do(f"{CONTRACTS}/create", "contract.create", contracts.create, LACKS_ON_CREATE),
    _ask(f"{CONTRACTS}/get", contracts.get),
    _ask(f"{CONTRACTS}/list", contracts.list_all),
    _do(f"{CONTRACTS}/updateEndDate", "contract.update_end_date", contracts.update_end_date),
    _do(f"{CONTRACTS}/setUsageFilter", "contract.set_usage_filter", contracts.set_usage_filter),
    _do(f"{CONTRACTS}/archive", "contract.archive", contracts.archive),
    _ask(f"{CONTRACTS}/getContractRateSchedule", contract_rates.rate_schedule),
    _ask(f"{V2}/get", contracts_v2.get),
    _ask(f"{V2}/list", contracts_v2.list_all),
    _do(f"{V2}/edit", "contract.edit", contracts_v2.edit, LACKS_ON_EDIT),
    _ask(f"{V2}/getEditHistory", contracts_v2.edit_history),
    _do("/v1/ingest", "usage.ingest", events.ingest),
    _ask("/v1/events/search", events.search),
    _ask("/v1/usage", usage.usage, SQL),
    _ask("/v1/usage/groups", usage.groups, SQL),
    _ask(CUSTOMERS + "/{customer_id}/previewEvents", preview.preview, UNITS),
    _get(CUSTOMERS + "/{customer_id}/invoices", invoice_calls.list_all, INVOICES),
    _get(CUSTOMERS + "/{customer_id}/invoices/breakdowns", invoice_calls.breakdowns, INVOICES),
    _get(CUSTOMERS + "/{customer_id}/invoices/{invoice_id}", invoice_calls.get, INVOICES),
    _do("/v1/invoices/void", "invoice.void", invoice_calls.void),
    _do("/v1/invoices/regenerate", "invoice.regenerate", invoice_calls.regenerate),
    _get("/v1/auditLogs", audit_log.list_all),
    _get("/v1/services", services.list_all),
)


def _not(method: str, *paths: str) -> tuple[Route, ...]:
    return tuple(Route(method, path, None) for path in paths)


NOT_EMULATED = (
    *_not("POST", "/v1/alerts/create", "/v1/alerts/archive", "/v1/customer-alerts/get", "/v1/customer-alerts/list"),
    *_not("POST", "/v1/customer-alerts/reset", "/v1/dashboards/getEmbeddableUrl", "/v1/upsertAvalaraCredentials"),
    *_not("POST", f"{CARDS}/getNamedSchedule", f"{CARDS}/updateNamedSchedule"),
    *_not("POST", f"{CUSTOMERS}/getNamedSchedule", f"{CUSTOMERS}/updateNamedSchedule"),
    *_not("POST", f"{CONTRACTS}/getNamedSchedule", f"{CONTRACTS}/updateNamedSchedule", f"{CONTRACTS}/listNamedSchedules"),
    *_not("GET", CUSTOMERS + "/{customer_id}/invoices/{invoice_id}/pdf"),
    *_not("POST", *(f"/v1/packages/{call}" for call in ("create", "get", "list", "archive", "listContractsOnPackage"))),
    *_not("POST", f"{CONTRACTS}/amend", f"{CONTRACTS}/addManualBalanceLedgerEntry"),
    *_not("POST", f"{CONTRACTS}/createHistoricalInvoices", f"{CONTRACTS}/scheduleProServicesInvoice"),
    *_not("POST", f"{CONTRACTS}/getSubscriptionQuantityHistory", f"{CONTRACTS}/getSubscriptionSeatsHistory"),
    *_not("POST", f"{CONTRACTS}/customerBalances/list", f"{CONTRACTS}/customerBalances/getNetBalance"),
    *_not("POST", f"{CONTRACTS}/seatBalances/list"),
    *_not("POST", *(f"{CONTRACTS}/customerCommits/{call}" for call in ("create", "list", "updateEndDate"))),
    *_not("POST", *(f"{CONTRACTS}/customerCredits/{call}" for call in ("create", "list", "updateEndDate"))),
    *_not("POST", f"{V2}/commits/edit", f"{V2}/credits/edit"),
    *_not("POST", *(f"/v2/notifications/{call}" for call in ("create", "get", "edit", "archive", "offset/list"))),
    *_not("POST", "/v2/notifications/system/list"),
    # Legacy: plans, their charges, credit grants, billing config by type.
    *_not("GET", "/v1/plans", "/v1/planDetails/{plan_id}", "/v1/planDetails/{plan_id}/charges"),
    *_not("GET", "/v1/planDetails/{plan_id}/customers", CUSTOMERS + "/{customer_id}/plans"),
    *_not("GET", CUSTOMERS + "/{customer_id}/plans/{customer_plan_id}/priceAdjustments"),
    *_not("POST", CUSTOMERS + "/{customer_id}/plans/add", CUSTOMERS + "/{customer_id}/plans/{customer_plan_id}/end"),
    *_not("POST", CUSTOMERS + "/{customer_id}/addCharge"),
    *_not("GET", CUSTOMERS + "/{customer_id}/costs"),
    *_not("POST", CUSTOMERS + "/{customer_id}/billing-config/{billing_provider_type}"),
    *_not("GET", CUSTOMERS + "/{customer_id}/billing-config/{billing_provider_type}"),
    *_not("DELETE", CUSTOMERS + "/{customer_id}/billing-config/{billing_provider_type}"),
    *_not("POST", *(f"/v1/credits/{call}" for call in ("createGrant", "listGrants", "editGrant", "voidGrant", "listEntries"))),
    # In the OpenAPI document, but not in the SDK.
    *_not("POST", "/v1/client/billing-config/stripe", "/v1/client/config/webhook_secret", "/v1/usage/seats"),
    *_not("PATCH", "/v1/client/billing-config/stripe"),
    *_not("DELETE", "/v1/client/billing-config/stripe"),
    *_not("POST", "/v1/client/billing-config/{billing_provider_type}/apiKey", f"{CUSTOMERS}/setBillableStatus"),
    *_not("GET", CUSTOMERS + "/{customer_id}/purchasedSeats", CUSTOMERS + "/{customer_id}/invoices/invoice_seats"),
    *_not("POST", CUSTOMERS + "/{customer_id}/spend-breakdowns", "/v1/upsertAnrokApiToken", "/v1/rotateDeltaStreamSecret"),
    *_not("POST", *(f"/v1/{verb}CustomerRevenueSystemConfigurations" for verb in ("get", "set", "archive"))),
    *_not("POST", "/v1/integrations/log", f"{CONTRACTS}/updateInvoiceIssueDate"),
    *_not("POST", f"{CONTRACTS}/commits/threshold-billing/release", f"{CONTRACTS}/commits/disableTrueup"),
    *_not("POST", f"{CONTRACTS}/composite/createCustomerWithContract"),
    *_not("POST", f"{CONTRACTS}/threshold-billing/update-active-recharge-config"),
    *_not("POST", *(f"/v1/payments/{call}" for call in ("attempt", "cancel", "list"))),
    *_not("POST", f"{V2}/commits/archive", f"{V2}/credits/archive"),
)

ROUTES = (*EMULATED, *NOT_EMULATED)

_EXACT = {(route.method, route.path): route for route in ROUTES if "{" not in route.path}
_SHAPED = [route for route in ROUTES if "{" in route.path]


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a call and its placeholders' values; exact paths before shaped ones."""
    route = _EXACT.get((method, path))
    if route is not None:
        return route, {}
    parts = path.split("/")
    for shaped in _SHAPED:
        if shaped.method == method and (values := shaped.matches(parts)) is not None:
            return shaped, values
    return None


def emulated() -> list[str]:
    """What is emulated, for the message of a 404."""
    return sorted({f"{route.method} {route.path}" for route in EMULATED})
