"""Contracts, v1 calls (§10.1, §10.6): create, get, list, end date, usage filter, archive."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nova_iac.emulator import (
    billing_providers,
    contract_store,
    contracts_v2,
    custom_fields,
    customers,
    invoices,
    pages,
    rate_cards,
    times,
)
from nova_iac.emulator.contract_store import DEFAULT_SCHEDULE, ENTITY, KIND
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import AUTHOR, Request
from nova_iac.emulator.store import Store, Stored
from nova_iac.emulator.wire import Reader

PRIORITIZATIONS = ("LOWEST_MULTIPLIER", "EXPLICIT")
FREQUENCIES = ("MONTHLY", "QUARTERLY", "ANNUAL", "WEEKLY")
NOT_EMULATED = (
    *("package_id", "package_alias", "revenue_system_configuration"),
    *("commits", "credits", "recurring_commits", "recurring_credits", "overrides", "scheduled_charges"),
    *("subscriptions", "spend_trackers", "spend_threshold_configuration", "prepaid_balance_threshold_configuration"),
    *("hierarchy_configuration", "transition", "discounts", "professional_services", "reseller_royalties"),
)

GATED = ("total_contract_value", "netsuite_sales_order_id", "salesforce_opportunity_id")
"""Readable by get and list, but no part of the contract that create answers."""


def create(request: Request, store: Store) -> Any:
    reader = request.reader()
    reader.refuse(NOT_EMULATED)
    customer_id = reader.uuid("customer_id")
    begin, end = reader.instant("starting_at", hour=True), reader.maybe_instant("ending_before", hour=True)
    initial = _terms(reader, times.text(begin)) | ({} if end is None else {"ending_before": times.text(end)})
    card_choice, provider_choice = _card_choice(reader), billing_providers.read_choice(reader)
    key = reader.maybe_text("uniqueness_key", least=1, most=128)
    fields = custom_fields.read(reader)
    reader.finish()
    contract_store.check_term(initial["starting_at"], end)
    if key is not None:
        store.claim_uniqueness_key(KIND, key)
    customers.live(store, customer_id)
    if provider_choice is not None:
        initial["billing_provider_configuration_id"] = billing_providers.choose(store, customer_id, provider_choice)
    card_id = _card(store, card_choice, begin)
    if card_id is not None:
        initial["rate_card_id"] = card_id
    body: dict[str, Any] = {"initial": initial, "edits": [], "uniqueness_key": key}
    contract = store.add(KIND, request.new_id(), body, request.now, parent=customer_id)
    if card_id is not None:
        store.run("INSERT INTO card_contract VALUES (?, ?)", card_id, contract.id)
    custom_fields.put(store, ENTITY, contract.id, fields)
    made = contracts_v2.shown(contract, store)
    return {"data": {"id": contract.id, "contract": {name: made[name] for name in made if name not in GATED}}}


def get(request: Request, store: Store) -> Any:
    reader = request.reader()
    customer_id, contract_id = reader.uuid("customer_id"), reader.uuid("contract_id")
    contract_store.read_included(reader)
    reader.finish()
    return {"data": shown(contract_store.find(store, contract_id, customer_id), store, request)}


def list_all(request: Request, store: Store) -> Any:
    reader = request.reader()
    customer_id, filters = contract_store.read_list(reader)
    page = pages.by_body(request, reader, name="cursor", cap=20, default=20)
    store.get(customers.KIND, customer_id)
    found = contract_store.covering(store, customer_id, filters)
    return page.answer_keyed(found, contract_store.list_key, lambda each: shown(each, store, request))


def update_end_date(request: Request, store: Store) -> Any:
    """Without ``ending_before`` the contract becomes open-ended (§10.6)."""
    reader = request.reader()
    customer_id, contract_id = reader.uuid("customer_id"), reader.uuid("contract_id")
    end = reader.maybe_instant("ending_before", hour=True)
    allowed = reader.maybe_flag("allow_ending_before_finalized_invoice")
    reader.finish()
    contract = contract_store.find(store, contract_id, customer_id)
    contract_store.refuse_archived(contract)
    contract_store.check_term(contract.body["initial"]["starting_at"], end)
    invoices.check_end(store, contract, end, request.now, allowed=allowed is not False)
    edit = {"update_contract_end_date": None if end is None else times.text(end)}
    contract_store.record(store, contract, edit, request)
    return {"data": {"id": contract_id}}


def set_usage_filter(request: Request, store: Store) -> Any:
    reader = request.reader()
    customer_id, contract_id = reader.uuid("customer_id"), reader.uuid("contract_id")
    added = {
        "group_key": reader.text("group_key", least=1),
        "group_values": reader.texts("group_values", least=1),
        "starting_at": times.text(reader.instant("starting_at")),
    }
    reader.finish()
    contract = contract_store.find(store, contract_id, customer_id)
    contract_store.refuse_archived(contract)
    invoices.freeze(store, contract, request.now)
    contract_store.record(store, contract, {"add_usage_filters": [added]}, request)


def archive(request: Request, store: Store) -> Any:
    reader = request.reader()
    customer_id, contract_id = reader.uuid("customer_id"), reader.uuid("contract_id")
    void = reader.flag("void_invoices")
    reader.finish()
    contract = contract_store.find(store, contract_id, customer_id)
    if contract.archived_at:
        raise BadRequest("Contract already archived")
    contract_store.archive(store, contract, request.now, void=void)
    return {"data": {"id": contract_id}}


def shown(contract: Stored, store: Store, request: Request) -> dict[str, Any]:
    """The v1 shape: the contract as created, and as it is now."""
    answer: dict[str, Any] = {
        "id": contract.id,
        "customer_id": contract.parent,
        "amendments": [],
        "initial": _version(contract, contract.body["initial"]),
        "current": _version(contract, contract_store.terms(contract)),
        "custom_fields": custom_fields.of(store, contract.id),
    }
    filters = contract_store.usage_filters(contract)
    if filters:
        moment = times.text(request.now)
        begun = [each for each in filters if each.starting_at <= moment]
        usage_filter: dict[str, Any] = {
            "initial": _filter(filters[0]),
            "updates": [_filter(each) for each in filters[1:]],
            "current": _filter(begun[-1]) if begun else None,
        }
        answer["current"]["usage_filter"] = usage_filter
        if "usage_filter" in contract.body["initial"]:
            first = contract.body["initial"]["usage_filter"]
            answer["initial"]["usage_filter"] = {"initial": first, "updates": [], "current": first}
    if "scheduled_charges_on_usage_invoices" in contract.body["initial"]:
        answer["scheduled_charges_on_usage_invoices"] = contract.body["initial"]["scheduled_charges_on_usage_invoices"]
    answer |= contracts_v2.billing_provider(contract, store)
    if contract.body["uniqueness_key"] is not None:
        answer["uniqueness_key"] = contract.body["uniqueness_key"]
    return answer | ({"archived_at": contract.archived_at} if contract.archived_at else {})


def _filter(usage_filter: contract_store.UsageFilter) -> dict[str, Any]:
    """Unlike v2, v1 tells only when each began."""
    return {name: value for name, value in usage_filter.shown().items() if name != "ending_before"}


def _version(contract: Stored, terms: dict[str, Any]) -> dict[str, Any]:
    hidden = ("usage_filter", "multiplier_override_prioritization", "billing_provider_configuration_id")
    return {
        **{name: value for name, value in terms.items() if name not in hidden},
        "usage_statement_schedule": contract_store.statement_schedule(contract),
        **{name: [] for name in ("commits", "overrides", "scheduled_charges", "transitions", "credits", "discounts")},
        "created_at": contract.created_at,
        "created_by": AUTHOR,
    }


def _terms(reader: Reader, starting_at: str) -> dict[str, Any]:
    """The terms that need nothing but the request."""
    values = {
        "name": reader.maybe_text("name"),
        "starting_at": starting_at,
        "usage_statement_schedule": _schedule(reader),
        "usage_filter": _usage_filter(reader, starting_at),
        "net_payment_terms_days": reader.maybe_number("net_payment_terms_days", least=0),
        "scheduled_charges_on_usage_invoices": reader.maybe_enum("scheduled_charges_on_usage_invoices", ("ALL",)),
        "multiplier_override_prioritization": reader.maybe_enum("multiplier_override_prioritization", PRIORITIZATIONS),
        "total_contract_value": reader.maybe_number("total_contract_value"),
        "netsuite_sales_order_id": reader.maybe_text("netsuite_sales_order_id"),
        "salesforce_opportunity_id": reader.maybe_text("salesforce_opportunity_id"),
    }
    return {name: value for name, value in values.items() if value is not None}


def _card_choice(reader: Reader) -> tuple[str | None, str | None]:
    """The rate card's id, or its alias, or neither."""
    id, alias = reader.maybe_uuid("rate_card_id"), reader.maybe_text("rate_card_alias", least=1)
    if id and alias:
        reader.wrong("rate_card_alias", "can't be combined with rate_card_id")
    return id, alias


def _card(store: Store, choice: tuple[str | None, str | None], starting_at: datetime) -> str | None:
    """The card's id; an alias is resolved for the contract's start date, once (§7.1). Archived cards are refused."""
    id, alias = choice
    if alias is not None:
        card = rate_cards.by_alias(store, alias, starting_at)
    elif id is not None:
        card = store.get(rate_cards.KIND, id, BadRequest(f"No such rate card: {id}"))
    else:
        return None
    if card.archived_at:
        raise BadRequest(f"The rate card {card.id} is archived and takes no new contracts")
    return card.id


def _schedule(reader: Reader) -> dict[str, Any]:
    """Monthly on the 1st unless said otherwise; CUSTOM_DATE alone needs, and takes, an anchor date (§10.1)."""
    given = reader.maybe_object("usage_statement_schedule")
    if given is None:
        return dict(DEFAULT_SCHEDULE)
    schedule: dict[str, Any] = {
        "frequency": given.enum("frequency", FREQUENCIES),
        "day": given.maybe_enum("day", ("FIRST_OF_MONTH", "CONTRACT_START", "CUSTOM_DATE")) or "FIRST_OF_MONTH",
    }
    custom = schedule["day"] == "CUSTOM_DATE"
    anchor = given.maybe_instant("billing_anchor_date", required=custom)
    if custom and anchor is not None:
        schedule["billing_anchor_date"] = times.text(anchor)
    elif anchor is not None:
        given.wrong("billing_anchor_date", "may only be set for the day CUSTOM_DATE")
    first = given.maybe_instant("invoice_generation_starting_at")
    if first is not None:
        schedule["invoice_generation_starting_at"] = times.text(first)
    return schedule


def _usage_filter(reader: Reader, starting_at: str) -> dict[str, Any] | None:
    given = reader.maybe_object("usage_filter")
    if given is None:
        return None
    begin = given.maybe_instant("starting_at")
    return {
        "group_key": given.text("group_key", least=1),
        "group_values": given.texts("group_values", least=1),
        "starting_at": starting_at if begin is None else times.text(begin),
    }
