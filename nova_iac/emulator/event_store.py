"""Stored usage events: written once, kept in the order in which they are asked for, by customer and time; read as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from nova_iac import rating
from nova_iac.emulator import alias_store, times
from nova_iac.emulator.store import Store

_properties = json.JSONDecoder(parse_float=Decimal).decode
_COLUMNS = "transaction_id, timestamp, event_type, properties, received_at"


def keys_of(store: Store, customer_id: str) -> list[str]:
    """What events may call the customer: its id or any of its ingest aliases."""
    return list(dict.fromkeys([customer_id, *alias_store.of(store, customer_id)]))


def stream(store: Store, customer_id: str, span: rating.Span) -> Iterator[rating.Event]:
    """The customer's events of a span, one by one; events sent under an alias before it was given count too (§8.2)."""
    for key in keys_of(store, customer_id):
        rows = store.stream(
            f"SELECT {_COLUMNS} FROM event WHERE customer_key = ? AND timestamp >= ? AND timestamp < ? ORDER BY timestamp",
            *(key, times.micros(span.start), times.micros(span.end)),
        )
        for transaction_id, timestamp, event_type, properties, received_at in rows:
            yield rating.Event(
                transaction_id,
                times.from_micros(timestamp),
                event_type,
                _properties(properties),
                times.from_micros(received_at),
            )


def seen(store: Store, transaction_ids: list[str], since: datetime) -> set[str]:
    """Which transaction ids came in since an instant."""
    marks = ", ".join("?" * len(transaction_ids))
    sql = f"SELECT transaction_id FROM event WHERE transaction_id IN ({marks}) AND received_at > ?"
    return {row[0] for row in store.rows(sql, *transaction_ids, times.micros(since))}
