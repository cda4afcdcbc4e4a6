"""Ingest aliases (§2.3, §8.2): each has one owner, whether that one is active or archived."""

from __future__ import annotations

from nova_iac.emulator.errors import Conflict
from nova_iac.emulator.store import Store


def of(store: Store, id: str) -> list[str]:
    return [row[0] for row in store.rows("SELECT alias FROM ingest_alias WHERE customer_id = ? ORDER BY place", id)]


def by_event_key(store: Store, key: str) -> str | None:
    """The id of the customer that an event's ``customer_id`` means: its own id or an ingest alias, to the letter."""
    row = store.row("SELECT customer_id FROM ingest_alias WHERE alias = ?", key)
    if row is not None:
        return str(row[0])
    return key if store.find("customer", key) else None


def take(store: Store, customer_id: str, aliases: list[str]) -> None:
    """409 when another customer, active or archived, has one (§2.3), or is called so by its id."""
    for place, alias in enumerate(aliases):
        if by_event_key(store, alias) not in (None, customer_id):
            raise Conflict(f"The ingest alias '{alias}' is already in use by another customer")
        store.run("INSERT INTO ingest_alias VALUES (?, ?, ?)", alias, customer_id, place)
