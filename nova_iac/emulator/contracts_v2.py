"""Contracts, v2 calls (§10.6, §10.8): get, list, edit, edit history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nova_iac.emulator import billing_providers, contract_store, custom_fields, invoices, pages, times
from nova_iac.emulator.errors import BadRequest, NotFound
from nova_iac.emulator.request import AUTHOR, Request
from nova_iac.emulator.store import Store, Stored

NOT_EMULATED = (
    *("add_commits", "add_credits", "add_recurring_commits", "add_recurring_credits", "add_overrides"),
    *("add_scheduled_charges", "add_subscriptions", "add_discounts", "add_professional_services"),
    *("add_reseller_royalties", "add_spend_trackers", "add_spend_threshold_configuration"),
    *("add_prepaid_balance_threshold_configuration", "add_billing_provider_configuration_update"),
    *("add_revenue_system_configuration_update", "update_commits", "update_credits", "update_recurring_commits"),
    *("update_recurring_credits", "update_scheduled_charges", "update_subscriptions"),
    *("update_spend_threshold_configuration", "update_prepaid_balance_threshold_configuration", "archive_commits"),
    *("archive_credits", "archive_scheduled_charges", "archive_spend_trackers", "remove_overrides"),
)
EMPTY_LISTS = ("commits", "credits", "recurring_commits", "recurring_credits", "overrides", "scheduled_charges")
HIDDEN = ("usage_filter", "usage_statement_schedule", "billing_provider_configuration_id")
EDIT_NAMESPACE = "contract edit"


def get(request: Request, store: Store) -> Any:
    reader = request.reader()
    customer_id, contract_id = reader.uuid("customer_id"), reader.uuid("contract_id")
    as_of, ledgers = reader.maybe_instant("as_of_date"), contract_store.read_included(reader)
    reader.finish()
    if as_of is not None and ledgers:
        raise BadRequest("as_of_date can't be combined with include_ledgers", "BadRequest")
    contract = contract_store.find_v2(store, contract_id, customer_id)
    return {"data": shown(contract, store, as_of)}


def list_all(request: Request, store: Store) -> Any:
    reader = request.reader()
    customer_id, filters = contract_store.read_list(reader)
    page = pages.by_body(request, reader, name="cursor", cap=20, default=20)
    store.get("customer", customer_id, BadRequest(f"Customer not found: {customer_id}", "CustomerNotFound"))
    found = contract_store.covering(store, customer_id, filters)
    return page.answer_keyed(found, contract_store.list_key, lambda each: shown(each, store))


def edit(request: Request, store: Store) -> Any:
    """An unknown customer is a 404 here, as it was seen to be; an unknown contract the documented 400 (§3.3)."""
    reader = request.reader()
    reader.refuse(NOT_EMULATED)
    customer_id, contract_id = reader.uuid("customer_id"), reader.uuid("contract_id")
    end = reader.maybe_instant("update_contract_end_date", hour=True, nullable=True)
    values = {
        "update_contract_name": reader.maybe_text("update_contract_name", nullable=True),
        "update_contract_end_date": None if end is None else times.text(end),
        "update_net_payment_terms_days": reader.maybe_number("update_net_payment_terms_days", least=0, nullable=True),
    }
    allowed = reader.maybe_flag("allow_contract_ending_before_finalized_invoice")
    key = reader.maybe_text("uniqueness_key", least=1, most=128)
    reader.finish()
    store.get("customer", customer_id, NotFound(f"Customer not found: {customer_id}", "NotFound"))
    contract = contract_store.find_v2(store, contract_id, customer_id)
    contract_store.refuse_archived(contract, "BadRequest")
    contract_store.check_term(contract.body["initial"]["starting_at"], end)
    if "update_contract_end_date" in reader:
        invoices.check_end(store, contract, end, request.now, allowed=allowed is not False)
    if "update_net_payment_terms_days" in reader:
        invoices.freeze(store, contract, request.now)
    changes = {verb: value for verb, value in values.items() if verb in reader}
    if key is not None:
        store.claim_uniqueness_key(EDIT_NAMESPACE, key)
        changes["uniqueness_key"] = key
    id = contract_store.record(store, contract, changes, request)
    return {"data": {"id": id, "edit": _edit({"id": id, "timestamp": times.text(request.now), **changes})}}


def edit_history(request: Request, store: Store) -> Any:
    """Every edit in order, those of updateEndDate and setUsageFilter too."""
    reader = request.reader()
    customer_id, contract_id = reader.uuid("customer_id"), reader.uuid("contract_id")
    reader.finish()
    return {"data": [_edit(each) for each in contract_store.edits(contract_store.find_v2(store, contract_id, customer_id))]}


def _edit(edit: dict[str, Any]) -> dict[str, Any]:
    """An edit as the API tells of it: new payment terms are no part of that (§10.6)."""
    return {name: value for name, value in edit.items() if name != "update_net_payment_terms_days"}


def shown(contract: Stored, store: Store, as_of: datetime | None = None) -> dict[str, Any]:
    """The ContractV2 shape of §10.8, after all edits or after those made up to an instant."""
    terms = contract_store.terms(contract, as_of)
    answer: dict[str, Any] = {
        "id": contract.id,
        "customer_id": contract.parent,
        **{name: value for name, value in terms.items() if name not in HIDDEN},
        **billing_provider(contract, store),
        **{name: [] for name in EMPTY_LISTS},
        "subscriptions": [],
        "transitions": [],
        "usage_filter": [each.shown() for each in contract_store.usage_filters(contract, as_of)],
        "usage_statement_schedule": contract_store.statement_schedule(contract),
        "has_more": {"commits": False, "credits": False},
        "custom_fields": custom_fields.of(store, contract.id),
        "created_at": contract.created_at,
        "created_by": AUTHOR,
    }
    if contract.body["uniqueness_key"] is not None:
        answer["uniqueness_key"] = contract.body["uniqueness_key"]
    return answer | ({"archived_at": contract.archived_at} if contract.archived_at else {})


def billing_provider(contract: Stored, store: Store) -> dict[str, Any]:
    """The contract's billing provider configuration; archiving that takes it off at once (§2.2)."""
    id = contract.body["initial"].get("billing_provider_configuration_id")
    found = None if id is None else store.get(billing_providers.KIND, id)
    if found is None or found.archived_at:
        return {}
    return {"customer_billing_provider_configuration": billing_providers.shown(found)}
