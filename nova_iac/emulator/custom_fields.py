"""Custom field values (§5.1). A key must exist before a value of it is set, also in a create call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.store import Store
from nova_iac.emulator.wire import Reader

LONGEST_VALUE = 200


def read(reader: Reader) -> dict[str, str]:
    """The ``custom_fields`` of a create call."""
    return reader.maybe_values("custom_fields", longest=LONGEST_VALUE) or {}


def put(store: Store, entity: str, entity_id: str, values: dict[str, str]) -> None:
    """Merges values into the object's own: named keys are overwritten, others kept; all or nothing."""
    keys = {
        key: bool(unique)
        for key, unique in store.rows("SELECT key, enforce_uniqueness FROM custom_field_key WHERE entity = ?", entity)
    }
    if unknown := sorted(set(values) - set(keys)):
        raise BadRequest(f"Invalid custom field keys: {', '.join(unknown)}")
    for key, value in values.items():
        if keys[key] and store.row(
            "SELECT 1 FROM custom_field_value WHERE entity = ? AND key = ? AND value = ? AND entity_id <> ?",
            *(entity, key, value, entity_id),
        ):
            raise BadRequest(f"The value of the custom field '{key}' must be unique, and another {entity} has it")
        store.run("INSERT OR REPLACE INTO custom_field_value VALUES (?, ?, ?, ?)", entity_id, key, entity, value)


def of(store: Store, entity_id: str) -> dict[str, str]:
    """The object's values."""
    sql = "SELECT key, value FROM custom_field_value WHERE entity_id = ? ORDER BY key"
    return dict(store.rows(sql, entity_id))


def of_many(store: Store, entity_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The values of several objects, {} for those without."""
    found: dict[str, dict[str, str]] = {id: {} for id in entity_ids}
    ids = list(found)
    for at in range(0, len(ids), 500):
        part = ids[at : at + 500]
        marks = ", ".join("?" * len(part))
        sql = f"SELECT entity_id, key, value FROM custom_field_value WHERE entity_id IN ({marks}) ORDER BY key"
        for id, key, value in store.rows(sql, *part):
            found[id][key] = value
    return found


def shown(values: dict[str, str]) -> dict[str, Any]:
    """The ``custom_fields`` member of an answer; absent when there are none."""
    return {"custom_fields": values} if values else {}
