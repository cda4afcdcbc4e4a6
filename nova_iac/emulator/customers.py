"""Customers (§8): names are free, ingest aliases have one owner over active and archived customers."""

from __future__ import annotations

from typing import Any

from nova_iac.emulator import alias_store, billing_providers, contract_store, custom_fields, invoices, pages
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store, Stored
from nova_iac.emulator.wire import Reader

KIND = "customer"
ENTITY = "customer"
LONGEST_NAME = 160
MOST_ALIASES = 2000
NOT_EMULATED = ("customer_revenue_system_configurations", "billing_config")


def create(request: Request, store: Store) -> Any:
    reader = request.reader()
    reader.refuse(NOT_EMULATED)
    name = reader.text("name")
    aliases = _read_aliases(reader, required=False)
    external_id = reader.maybe_text("external_id", least=1, most=128)
    configurations = [
        billing_providers.read(each, billing_providers.ON_CREATE)
        for each in reader.maybe_objects("customer_billing_provider_configurations") or []
    ]
    fields = custom_fields.read(reader)
    reader.finish()
    if external_id is not None:
        aliases = list(dict.fromkeys([external_id, *aliases]))
    body = {"name": name[:LONGEST_NAME], "customer_config": {}}
    customer = store.add(KIND, request.new_id(), body, request.now)
    alias_store.take(store, customer.id, aliases)
    custom_fields.put(store, ENTITY, customer.id, fields)
    for configuration in configurations:
        billing_providers.add(store, customer.id, configuration, request)
    return {"data": summary(customer, store)}


def get(request: Request, store: Store) -> Any:
    customer = store.get(KIND, request.path_id("customer_id"))
    return {"data": detail(customer, alias_store.of(store, customer.id), custom_fields.of(store, customer.id))}


def list_all(request: Request, store: Store) -> Any:
    """Active customers, or with ``only_archived`` the archived ones: there is no "all" (§8.1)."""
    page, query = pages.by_query(request), request.query
    ids, accounts = query.uuids("customer_ids", most=100), query.texts("salesforce_account_ids", most=100)
    alias, archived = query.text("ingest_alias"), query.flag("only_archived")
    if ids is None and alias is None and accounts is None:
        found = store.page(KIND, after=page.after, limit=page.limit, archived=archived)
    else:
        found = [
            (customer.seq, customer)
            for customer in _chosen(store, ids, alias, accounts)
            if bool(customer.archived_at) == archived and customer.seq > page.after
        ]
    fields = custom_fields.of_many(store, [customer.id for _, customer in found])
    return page.answer(
        [(seq, detail(each, alias_store.of(store, each.id), fields[each.id])) for seq, each in found[: page.limit + 1]]
    )


def set_name(request: Request, store: Store) -> Any:
    reader = request.reader()
    name = reader.text("name")
    reader.finish()
    customer = store.get(KIND, request.path_id("customer_id"))
    store.replace(customer.id, {**customer.body, "name": name[:LONGEST_NAME]}, request.now)
    return {"data": summary(store.get(KIND, customer.id), store)}


def set_ingest_aliases(request: Request, store: Store) -> Any:
    """Replaces the whole set; works on archived customers too, which is how their aliases are freed (§8.2)."""
    reader = request.reader()
    aliases = _read_aliases(reader, required=True)
    reader.finish()
    customer = store.get(KIND, request.path_id("customer_id"))
    invoices.freeze_customer(store, customer.id, request.now)
    store.run("DELETE FROM ingest_alias WHERE customer_id = ?", customer.id)
    alias_store.take(store, customer.id, aliases)
    store.replace(customer.id, customer.body, request.now)


def update_config(request: Request, store: Store) -> Any:
    reader = request.reader()
    account = reader.maybe_text("salesforce_account_id", nullable=True)
    draft = reader.maybe_flag("leave_stripe_invoices_in_draft", nullable=True)
    reader.finish()
    customer = store.get(KIND, request.path_id("customer_id"))
    values = {"salesforce_account_id": account, "leave_stripe_invoices_in_draft": draft}
    given = {name: value for name, value in values.items() if name in reader}
    config = customer.body["customer_config"] | given
    store.replace(customer.id, {**customer.body, "customer_config": config}, request.now)


def archive(request: Request, store: Store) -> Any:
    """Archives its contracts as of now too; its ingest aliases stay reserved (§2.2)."""
    reader = request.reader()
    id = reader.uuid("id")
    reader.finish()
    if store.get(KIND, id).archived_at:
        raise BadRequest("Customer already archived")
    for contract in store.all(contract_store.KIND, archived=False, parent=id):
        contract_store.archive(store, contract, request.now, void=True)
    store.archive(id, request.now)
    return {"data": {"id": id}}


def live(store: Store, id: str) -> Stored:
    """The customer; archived ones take nothing new."""
    customer = store.get(KIND, id)
    if customer.archived_at:
        raise BadRequest(f"Customer is archived: {id}")
    return customer


def summary(customer: Stored, store: Store) -> dict[str, Any]:
    """The short form that writes answer."""
    aliases = alias_store.of(store, customer.id)
    return {
        "id": customer.id,
        # Deprecated, yet always there: the first ID usable in events (§8.1).
        "external_id": aliases[0] if aliases else customer.id,
        "ingest_aliases": aliases,
        "name": customer.body["name"],
        "custom_fields": custom_fields.of(store, customer.id),
    }


def detail(customer: Stored, aliases: list[str], fields: dict[str, str]) -> dict[str, Any]:
    """The long form; leave_stripe_invoices_in_draft and billing configurations can't be read here (§8.1)."""
    account = customer.body["customer_config"].get("salesforce_account_id")
    return {
        "id": customer.id,
        "external_id": aliases[0] if aliases else customer.id,
        "ingest_aliases": aliases,
        "name": customer.body["name"],
        "custom_fields": fields,
        "customer_config": {"salesforce_account_id": account},
        "created_at": customer.created_at,
        "updated_at": customer.updated_at,
        "archived_at": customer.archived_at,
        "current_billable_status": {"value": "billable"},
    }


def _chosen(store: Store, ids: list[str] | None, alias: str | None, accounts: list[str] | None) -> list[Stored]:
    """The customers that pass every filter given, in creation order."""
    if alias is not None:
        row = store.row("SELECT customer_id FROM ingest_alias WHERE alias = ?", alias)
        found = [] if row is None else [store.get(KIND, row[0])]
    elif ids is not None:
        found = [each for each in (store.find(KIND, id) for id in dict.fromkeys(ids)) if each]
    else:
        found = store.all(KIND)
    if ids is not None:
        found = [each for each in found if each.id in ids]
    if accounts is not None:
        found = [each for each in found if each.body["customer_config"].get("salesforce_account_id") in accounts]
    return sorted(found, key=lambda each: each.seq)


def _read_aliases(reader: Reader, *, required: bool) -> list[str]:
    values = reader.maybe_texts("ingest_aliases", most=MOST_ALIASES, required=required, shortest=1, longest=128)
    return list(dict.fromkeys(values or []))
