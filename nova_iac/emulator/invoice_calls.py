"""Reading, breaking down, voiding and regenerating invoices (§14.1, §14.2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from nova_iac import rating
from nova_iac.emulator import contract_store, customers, invoices, pages, times
from nova_iac.emulator.errors import BadRequest, NotFound
from nova_iac.emulator.invoices import DRAFT, FINALIZED, VOID, Statement
from nova_iac.emulator.request import Request
from nova_iac.emulator.store import Store
from nova_iac.emulator.wire import Query

STATUSES = (DRAFT, FINALIZED, VOID)
WINDOWS_A_PAGE = {"DAY": 35, "HOUR": 24}


def list_all(request: Request, store: Store) -> Any:
    """By default oldest first, as the parameter's text says (§14.2, §16)."""
    page, query = pages.by_query(request), request.query
    kind = query.enum("type", ("USAGE", "USAGE_CONSOLIDATED", "SCHEDULED"))
    begin, end, contract_id = query.instant("starting_on"), query.instant("ending_before"), query.uuid("contract_id")
    found = [
        statement
        for statement in _statements(request, store)
        if kind in (None, "USAGE")
        and (contract_id is None or statement.contract.id == contract_id)
        and (begin is None or statement.period.start >= begin)
        and (end is None or statement.period.end < end)
    ]
    return page.answer_all(found, lambda each: _shaped(invoices.shown(store, each), query))


def get(request: Request, store: Store) -> Any:
    customer = store.get(customers.KIND, request.path_id("customer_id"))
    id = request.path_id("invoice_id")
    for contract in store.all(contract_store.KIND, parent=customer.id):
        for statement in invoices.statements(store, contract, request.now):
            if statement.id == id:
                return {"data": _shaped(invoices.shown(store, statement), request.query)}
    raise NotFound(f"Invoice not found: {id}")


def breakdowns(request: Request, store: Store) -> Any:
    """A row per invoice and window that lies in the range and has begun; a page holds so many windows (§14.2)."""
    query = request.query
    size = query.enum("window_size", tuple(WINDOWS_A_PAGE)) or "DAY"
    begin, end = query.instant("starting_on"), query.instant("ending_before")
    if begin is None or end is None:
        raise BadRequest("starting_on and ending_before are required")
    page = pages.by_query(request, cap=WINDOWS_A_PAGE[size], default=WINDOWS_A_PAGE[size])
    last = min(end, request.now)
    chosen = [each for each in _statements(request, store) if each.period.start < last and each.period.end > begin]
    by_statement = [(each, _windows(each.period, rating.WindowSize(size), begin, end, request.now)) for each in chosen]
    starts = sorted({window.start for _, windows in by_statement for window in windows}, reverse=_newest_first(query))
    answer = page.answer_all(starts)
    wanted = set(answer["data"])
    rows = []
    for statement, windows in by_statement:
        inside = [window for window in windows if window.start in wanted]
        for window, invoice in invoices.breakdown(store, statement, inside) if inside else ():
            edges = {
                "breakdown_start_timestamp": times.text(window.start),
                "breakdown_end_timestamp": times.text(window.end),
            }
            rows.append(_shaped(invoice | edges, query))
    rows.sort(key=lambda row: row["breakdown_start_timestamp"], reverse=_newest_first(query))
    return answer | {"data": rows}


def void(request: Request, store: Store) -> Any:
    """Only a finalized invoice can be voided."""
    statement = _named(request, store, FINALIZED)
    answer = invoices.shown(store, statement)
    invoices.keep(store, Statement(statement.id, statement.contract, statement.period, VOID), answer)
    return {"data": {"id": statement.id}}


def regenerate(request: Request, store: Store) -> Any:
    """A new finalized invoice for a voided one, by present terms and usage."""
    voided = _named(request, store, VOID)
    made = Statement(request.new_id(), voided.contract, voided.period, FINALIZED)
    invoices.keep(store, made, invoices.shown(store, made) | {"regenerated_from_invoice_id": voided.id})
    return {"data": {"id": made.id}}


def _named(request: Request, store: Store, status: str) -> Statement:
    reader = request.reader()
    id = reader.uuid("id")
    reader.finish()
    for contract in store.all(contract_store.KIND):
        for statement in invoices.statements(store, contract, request.now):
            if statement.id == id:
                if statement.status != status:
                    raise BadRequest(f"The invoice is {statement.status}, not {status}")
                return statement
    raise NotFound(f"Invoice not found: {id}")


def _statements(request: Request, store: Store) -> list[Statement]:
    """The customer's invoices that pass the filters that both lists have, in their order."""
    query = request.query
    customer = store.get(customers.KIND, request.path_id("customer_id"))
    status, unit = query.enum("status", STATUSES), query.uuid("credit_type_id")
    found = [
        statement
        for contract in store.all(contract_store.KIND, parent=customer.id)
        if unit is None or invoices.fiat(store, contract) == unit
        for statement in invoices.statements(store, contract, request.now)
        if status in (None, statement.status)
    ]
    return sorted(found, key=lambda each: (each.issued_at, each.contract.seq), reverse=_newest_first(query))


def _newest_first(query: Query) -> bool:
    return query.enum("sort", ("date_asc", "date_desc"), lower=True) == "date_desc"


def _windows(period: rating.Span, size: rating.WindowSize, begin: datetime, end: datetime, now: datetime) -> list[rating.Span]:
    windows: Iterator[rating.Span] = iter(rating.windows(period, size))
    return [each for each in windows if begin <= each.start <= now and each.end <= end]


def _shaped(invoice: dict[str, Any], query: Query) -> dict[str, Any]:
    """Leaves out what wasn't asked for: list prices, and lines without quantity when they are to be skipped."""
    return shaped(invoice, skip_zero=query.flag("skip_zero_qty_line_items"), list_prices=query.flag("include_list_prices"))


def shaped(invoice: dict[str, Any], *, skip_zero: bool, list_prices: bool) -> dict[str, Any]:
    lines = [
        line if list_prices else {name: value for name, value in line.items() if name != "list_price"}
        for line in invoice["line_items"]
        if not (skip_zero and not line["quantity"])
    ]
    return invoice | {"line_items": lines}
