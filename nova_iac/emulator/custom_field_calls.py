"""Custom field keys, and values by entity (§5.1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nova_iac.emulator import contract_store, custom_fields, invoices, pages, statements
from nova_iac.emulator.errors import BadRequest, NotFound
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store
from nova_iac.emulator.wire import Reader

ENTITIES = (
    *("alert", "billable_metric", "charge", "commit", "contract_credit", "contract_product", "contract", "credit_grant"),
    *("customer_plan", "customer", "discount", "invoice", "plan", "professional_service", "product", "rate_card"),
    *("scheduled_charge", "subscription", "package_commit", "package_credit", "package_subscription"),
    "package_scheduled_charge",
)
KINDS = {
    "billable_metric": "billable_metric",
    "contract": "contract",
    "contract_product": "product",
    "customer": "customer",
    "rate_card": "rate_card",
}
"""Entity → kind of object. The entity ``product`` means the legacy Plans product: contract products aren't found by it."""


def add_key(request: Request, store: Store) -> Any:
    reader = request.reader()
    entity, key = reader.enum("entity", ENTITIES, lower=True), reader.text("key", least=1)
    unique = reader.flag("enforce_uniqueness")
    reader.finish()
    if store.row("SELECT 1 FROM custom_field_key WHERE entity = ? AND key = ?", entity, key):
        raise BadRequest("Duplicate custom field key")
    store.run("INSERT INTO custom_field_key (entity, key, enforce_uniqueness) VALUES (?, ?, ?)", entity, key, unique)
    # Seen to come back although it leads nowhere (§3.2).
    return {"data": {"id": request.new_id()}}


def list_keys(request: Request, store: Store) -> Any:
    page, reader = pages.by_query(request, limit=False), request.reader()
    entities = reader.maybe_texts("entities")
    reader.finish()
    chosen = ENTITIES if entities is None else [entity.lower() for entity in entities]
    if unknown := sorted(set(chosen) - set(ENTITIES)):
        raise BadRequest(f"entities must be among {', '.join(ENTITIES)}; not {', '.join(unknown)}")
    marks = ", ".join("?" * len(chosen))
    found = store.rows(
        f"SELECT seq, entity, key, enforce_uniqueness FROM custom_field_key WHERE seq > ? AND entity IN ({marks})"
        " ORDER BY seq LIMIT ?",
        *(page.after, *chosen, page.limit + 1),
    )
    return page.answer(
        [(seq, {"entity": entity, "key": key, "enforce_uniqueness": bool(unique)}) for seq, entity, key, unique in found]
    )


def remove_key(request: Request, store: Store) -> Any:
    """Takes the values along: they are no longer accessible, and a key added again is a new one. Final invoices keep theirs."""
    reader = request.reader()
    entity, key = reader.enum("entity", ENTITIES, lower=True), reader.text("key")
    reader.finish()
    if not store.run("DELETE FROM custom_field_key WHERE entity = ? AND key = ?", entity, key):
        raise NotFound("Custom field key not found")
    for (id,) in store.rows("SELECT entity_id FROM custom_field_value WHERE entity = ? AND key = ?", entity, key):
        _freeze(store, entity, id, request)
    store.run("DELETE FROM custom_field_value WHERE entity = ? AND key = ?", entity, key)


def set_values(request: Request, store: Store) -> Any:
    reader = request.reader()
    entity, entity_id = _entity(reader)
    values = reader.maybe_values("custom_fields", longest=custom_fields.LONGEST_VALUE, required=True) or {}
    reader.finish()
    id = _found(store, entity, entity_id, request.now)
    _freeze(store, entity, id, request)
    custom_fields.put(store, entity, id, values)


def delete_values(request: Request, store: Store) -> Any:
    reader = request.reader()
    entity, entity_id = _entity(reader)
    keys = reader.texts("keys")
    reader.finish()
    id = _found(store, entity, entity_id, request.now)
    _freeze(store, entity, id, request)
    for key in keys:
        store.run("DELETE FROM custom_field_value WHERE entity_id = ? AND key = ?", id, key)


def _entity(reader: Reader) -> tuple[str, str]:
    return reader.enum("entity", ENTITIES, lower=True), reader.uuid("entity_id")


def _found(store: Store, entity: str, entity_id: str, now: datetime) -> str:
    if entity.startswith("package_"):
        raise BadRequest("Setting package managed fields is not yet supported")
    refusal = NotFound(f"No {entity} has the id {entity_id}")
    if entity == "invoice" and statements.find(store, entity_id, now) is not None:
        return entity_id
    if entity not in KINDS:
        raise refusal
    return store.get(KINDS[entity], entity_id, refusal).id


def _freeze(store: Store, entity: str, id: str, request: Request) -> None:
    """Values of these flow down to invoices; final ones keep what they had."""
    if entity == "customer":
        invoices.freeze_customer(store, id, request.now)
    elif entity == "contract":
        invoices.freeze(store, store.get(contract_store.KIND, id), request.now)
    elif entity == "contract_product":
        invoices.freeze_product(store, id, request.now)
