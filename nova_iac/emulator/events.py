"""Ingest and search of usage events (§13.1, §13.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nova_iac import rating
from nova_iac.emulator import alias_store, billable_metrics, codec, customers, event_store, invoices, metrics, times
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store
from nova_iac.emulator.wire import Reader

MOST_EVENTS = 100
MOST_PROPERTIES = 2000
REMEMBERED = timedelta(days=34)
AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class NewEvent:
    transaction_id: str
    customer_key: str
    event_type: str
    timestamp: datetime
    properties: dict[str, Any]


def ingest(request: Request, store: Store) -> Any:
    """A bare array of 1 to 100 events, all or none. A known transaction_id is passed over in silence; unknown customers
    and events that match no metric are stored all the same.
    """
    events = _read_all(request)
    first = {event.transaction_id: event for event in reversed(events)}
    known = event_store.seen(store, list(first), request.now - REMEMBERED)
    fresh = [event for id, event in reversed(first.items()) if id not in known]
    _freeze_late(store, fresh, request.now)
    received = times.micros(request.now)
    store.run_many(
        "INSERT INTO event (id, transaction_id, customer_key, event_type, timestamp, received_at, properties)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(request.new_id(), event.transaction_id, event.customer_key, event.event_type),
                *(times.micros(event.timestamp), received, codec.dumps(event.properties)),
            )
            for event in fresh
        ],
    )


def _freeze_late(store: Store, events: list[NewEvent], now: datetime) -> None:
    """Keeps the final invoices that late usage comes too late for; younger usage can't meet one."""
    oldest: dict[str, datetime] = {}
    for event in events:
        if event.timestamp <= now - rating.GRACE:
            oldest[event.customer_key] = min(event.timestamp, oldest.get(event.customer_key, now))
    for key, since in oldest.items():
        customer_id = alias_store.by_event_key(store, key)
        if customer_id is not None:
            invoices.freeze_customer(store, customer_id, now, since)


def search(request: Request, store: Store) -> Any:
    """A bare array again: the events of the last 34 days with these transaction ids, and what they matched."""
    reader = request.reader()
    ids = reader.texts("transactionIds", least=1)
    reader.finish()
    since, answer = times.micros(request.now - REMEMBERED), []
    streaming = [
        (metric, metrics.streaming(metric))
        for metric in store.all(billable_metrics.KIND, archived=False)
        if "sql" not in metric.body
    ]
    for id in dict.fromkeys(ids):
        for row in store.rows(
            "SELECT id, customer_key, event_type, timestamp, received_at, properties FROM event"
            " WHERE transaction_id = ? AND received_at > ? ORDER BY received_at",
            *(id, since),
        ):
            event_id, key, event_type, timestamp, received_at, properties = row
            event = rating.Event(
                id, times.from_micros(timestamp), event_type, codec.loads(properties), times.from_micros(received_at)
            )
            matched = [each for each, metric in streaming if rating.mismatch(metric, event) is None]
            found = {
                "id": event_id,
                "transaction_id": id,
                "customer_id": key,
                "event_type": event_type,
                "timestamp": times.text(event.timestamp),
                "properties": event.properties,
                "processed_at": times.text(times.from_micros(received_at)),
                "is_duplicate": False,
                "matched_billable_metrics": [billable_metrics.shown(each, {}) for each in matched],
            }
            customer_id = alias_store.by_event_key(store, key)
            if customer_id is not None:
                customer = store.get(customers.KIND, customer_id)
                found["matched_customer"] = {"id": customer.id, "name": customer.body["name"]}
            answer.append(found)
    return answer


def read_properties(reader: Reader) -> dict[str, Any]:
    properties = reader.maybe_any_object("properties") or {}
    if len(properties) > MOST_PROPERTIES:
        reader.wrong("properties", f"must have at most {MOST_PROPERTIES} keys")
    return properties


def check_time(reader: Reader, timestamp: datetime, now: datetime) -> None:
    """Up to 34 days back and 24 hours ahead; one event beyond fails the whole batch (§16)."""
    if timestamp > now + AHEAD:
        reader.wrong("timestamp", "is more than 24 hours in the future")
    if timestamp < now - REMEMBERED:
        reader.wrong("timestamp", "is more than 34 days in the past")


def _read_all(request: Request) -> list[NewEvent]:
    body = request.body
    if not isinstance(body, list):
        raise BadRequest("The request body must be an array of events")
    if not 1 <= len(body) <= MOST_EVENTS:
        raise BadRequest(f"The request body must have 1 to {MOST_EVENTS} events")
    problems: list[str] = []
    events = [_read(Reader(each, f"[{place}]", problems), request.now) for place, each in enumerate(body)]
    Reader({}, problems=problems).finish()
    return events


def _read(reader: Reader, now: datetime) -> NewEvent:
    timestamp = reader.maybe_instant("timestamp", required=True)
    if timestamp is not None:
        check_time(reader, timestamp, now)
    return NewEvent(
        transaction_id=reader.text("transaction_id", least=1, most=128),
        customer_key=reader.text("customer_id", least=1),
        event_type=reader.text("event_type", least=1),
        timestamp=timestamp or now,
        properties=read_properties(reader),
    )
