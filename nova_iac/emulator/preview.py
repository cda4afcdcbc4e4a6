"""previewEvents (§13.2): the drafts that a customer would have with, or of, these events. Nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nova_iac import rating
from nova_iac.emulator import contract_store, customers, event_store, events, invoice_calls, statements
from nova_iac.emulator.biller import Biller
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import Request
from nova_iac.emulator.statements import DRAFT, Statement
from nova_iac.emulator.store import Store
from nova_iac.emulator.wire import Reader

FIELDS = ("events", "mode", "skip_zero_qty_line_items")
EVENT_FIELDS = ("event_type", "properties", "timestamp", "transaction_id")


def preview(request: Request, store: Store) -> Any:
    """The draft of each contract's present period. Unknown fields are refused here (§3.2), and SQL metrics too."""
    reader = request.reader()
    reader.only(FIELDS)
    mode = reader.maybe_enum("mode", ("replace", "merge"), lower=True) or "replace"
    readers = reader.objects("events", least=1 if mode == "merge" else 0, most=events.MOST_EVENTS)
    offered = [_read(each, place, request) for place, each in enumerate(readers)]
    skip_zero = bool(reader.maybe_flag("skip_zero_qty_line_items"))
    given = [event.transaction_id for event in offered]
    if len(set(given)) < len(given):
        reader.wrong("events", "has a transaction_id twice")
    reader.finish()
    customer = store.get(customers.KIND, request.path_id("customer_id"))
    known = event_store.seen(store, given, request.now - events.REMEMBERED) if given else set()
    fresh = [event for event in offered if event.transaction_id not in known]
    answers, biller = [], Biller(store, request.now)
    for contract in store.all(contract_store.KIND, archived=False, parent=customer.id):
        for statement in statements.of(store, contract, request.now):
            if statement.status != DRAFT or request.now not in statement.period:
                continue
            _refuse_sql(biller.terms(statement))
            merged = _merged(store, statement, fresh) if mode == "merge" else iter(fresh)
            answer = biller.shown_with(statement, merged)
            answers.append(invoice_calls.shaped(answer, skip_zero=skip_zero, list_prices=False))
    return {"data": answers}


def _read(reader: Reader, place: int, request: Request) -> rating.Event:
    reader.only(EVENT_FIELDS)
    return rating.Event(
        transaction_id=reader.maybe_text("transaction_id", least=1, most=128) or f"(event {place})",
        timestamp=reader.maybe_instant("timestamp") or request.now,
        event_type=reader.text("event_type", least=1),
        properties=events.read_properties(reader),
    )


def _merged(store: Store, statement: Statement, fresh: list[rating.Event]) -> Iterator[rating.Event]:
    yield from event_store.stream(store, statement.contract.parent or "", statement.period)
    yield from fresh


def _refuse_sql(agreed: rating.Terms) -> None:
    for product in agreed.usage_products:
        for definition in product.definition.values:
            if definition is not None and isinstance(definition.metric, rating.SqlMetric):
                raise BadRequest("Customers on contracts with SQL billable metrics are not supported")
