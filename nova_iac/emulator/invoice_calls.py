"""Reading, breaking down, voiding and regenerating invoices (§14.1, §14.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from nova_iac import rating
from nova_iac.emulator import contract_store, customers, invoices, pages, statements, times
from nova_iac.emulator.biller import Biller
from nova_iac.emulator.errors import BadRequest, NotFound
from nova_iac.emulator.request import Request
from nova_iac.emulator.statements import DRAFT, FINALIZED, VOID, Statement
from nova_iac.emulator.store import Store
from nova_iac.emulator.wire import Query

STATUSES = (DRAFT, FINALIZED, VOID)
WINDOWS_A_PAGE = {"DAY": 35, "HOUR": 24}


def list_all(request: Request, store: Store) -> Any:
    """By default oldest first, as the parameter's text says (§14.2, §16)."""
    page, query = pages.by_query(request), request.query
    kind = query.enum("type", ("USAGE", "USAGE_CONSOLIDATED", "SCHEDULED"))
    begin, end, contract_id = query.instant("starting_on"), query.instant("ending_before"), query.uuid("contract_id")
    # There are no historical commit invoices, and by which webhook a call was prompted changes nothing.
    query.flag("include_historical_commit_invoices"), query.text("webhook_notification_id")
    found = [
        statement
        for statement in _statements(request, store)
        if kind in (None, "USAGE")
        and (contract_id is None or statement.contract.id == contract_id)
        and (begin is None or statement.period.start >= begin)
        and (end is None or statement.period.end < end)
    ]
    biller = Biller(store, request.now)
    return page.answer_keyed(found, _key, lambda each: _shaped(biller.shown(each), query), falling=_newest_first(query))


def get(request: Request, store: Store) -> Any:
    customer = store.get(customers.KIND, request.path_id("customer_id"))
    id = request.path_id("invoice_id")
    for contract in store.all(contract_store.KIND, parent=customer.id):
        for statement in statements.of(store, contract, request.now):
            if statement.id == id:
                return {"data": _shaped(Biller(store, request.now).shown(statement), request.query)}
    raise NotFound(f"Invoice not found: {id}")


def breakdowns(request: Request, store: Store) -> Any:
    """A row per invoice and window that lies in the range and has begun; a page holds so many windows (§14.2)."""
    query = request.query
    size = query.enum("window_size", tuple(WINDOWS_A_PAGE)) or "DAY"
    begin, end = query.instant("starting_on"), query.instant("ending_before")
    if begin is None or end is None:
        raise BadRequest("starting_on and ending_before are required")
    page, falling = pages.by_query(request, cap=WINDOWS_A_PAGE[size], default=WINDOWS_A_PAGE[size]), _newest_first(query)
    found = _Windows(rating.WindowSize(size), begin, end, request.now, page, falling=falling)
    last = min(end, request.now)
    found.take(each for each in _statements(request, store) if each.period.start <= last and each.period.end > begin)
    answer = page.answer_keyed(found.by_start, _window_key, falling=falling)
    biller, rows = Biller(store, request.now), []
    for statement, windows in found.of(answer["data"]):
        for window, invoice in biller.breakdown(statement, windows):
            edges = {
                "breakdown_start_timestamp": times.text(window.start),
                "breakdown_end_timestamp": times.text(window.end),
            }
            rows.append(_shaped(invoice | edges, query))
    rows.sort(key=lambda row: row["breakdown_start_timestamp"], reverse=falling)
    return answer | {"data": rows}


class _Windows:
    """The windows of a page of breakdowns, and no more: a contract may have begun long ago."""

    def __init__(
        self, size: rating.WindowSize, begin: datetime, end: datetime, now: datetime, page: pages.Page, *, falling: bool
    ) -> None:
        self._size, self._begin, self._end, self._now = size, begin, end, now
        self._page, self._falling = page, falling
        self.by_start: dict[datetime, list[tuple[Statement, rating.Span]]] = {}

    def take(self, found: Iterable[Statement]) -> None:
        """Looks into the invoices one after the other, until those to come lie beyond the page."""
        for statement in sorted(found, key=lambda each: each.period.start, reverse=self._falling):
            if self._beyond(statement.period):
                return
            for window in rating.windows(statement.period, self._size):
                if (
                    self._begin <= window.start <= self._now
                    and window.end <= self._end
                    and self._page.follows(_window_key(window.start), falling=self._falling)
                ):
                    self.by_start.setdefault(window.start, []).append((statement, window))

    def of(self, starts: Iterable[datetime]) -> list[tuple[Statement, list[rating.Span]]]:
        """The windows that start then, by invoice and in order."""
        by_statement: dict[str, tuple[Statement, list[rating.Span]]] = {}
        for start in sorted(starts):
            for statement, window in self.by_start[start]:
                by_statement.setdefault(statement.id, (statement, []))[1].append(window)
        return sorted(by_statement.values(), key=lambda each: _key(each[0]), reverse=self._falling)

    def _beyond(self, period: rating.Span) -> bool:
        if len(self.by_start) <= self._page.limit:
            return False
        bound = sorted(self.by_start, reverse=self._falling)[self._page.limit]
        return period.end <= bound if self._falling else period.start > bound


def void(request: Request, store: Store) -> Any:
    """Only a finalized invoice can be voided."""
    statement = _named(request, store, FINALIZED)
    invoices.keep(store, replace(statement, status=VOID), Biller(store, request.now).to_keep(statement))
    return {"data": {"id": statement.id}}


def regenerate(request: Request, store: Store) -> Any:
    """A new finalized invoice for a voided one, by present terms and usage; one at a time for the same usage."""
    voided = _named(request, store, VOID)
    for other in statements.of(store, voided.contract, request.now):
        if other.status != VOID and other.period.start < voided.period.end and voided.period.start < other.period.end:
            raise BadRequest(f"The invoice has been regenerated: {other.id} bills the same usage")
    made = Statement(request.new_id(), voided.contract, voided.period, FINALIZED)
    answer = Biller(store, request.now).to_keep(made) | {"regenerated_from_invoice_id": voided.id}
    invoices.keep(store, made, answer)
    return {"data": {"id": made.id}}


def _named(request: Request, store: Store, status: str) -> Statement:
    reader = request.reader()
    id = reader.uuid("id")
    reader.finish()
    statement = statements.find(store, id, request.now)
    if statement is None:
        raise NotFound(f"Invoice not found: {id}")
    if statement.status != status:
        raise BadRequest(f"The invoice is {statement.status}, not {status}")
    return statement


def _statements(request: Request, store: Store) -> list[Statement]:
    """The customer's invoices that pass the filters that both lists have."""
    query = request.query
    customer = store.get(customers.KIND, request.path_id("customer_id"))
    status, unit = query.enum("status", STATUSES), query.uuid("credit_type_id")
    biller = Biller(store, request.now)
    return [
        statement
        for contract in store.all(contract_store.KIND, parent=customer.id)
        if unit is None or biller.card(contract).fiat == unit
        for statement in statements.of(store, contract, request.now)
        if status in (None, statement.status)
    ]


def _key(statement: Statement) -> pages.Key:
    """The place of an invoice in lists: by date of issue."""
    period = statement.period
    return times.text(statement.issued_at), statement.contract.seq, times.text(period.start), statement.place


def _window_key(start: datetime) -> pages.Key:
    return (times.text(start),)


def _newest_first(query: Query) -> bool:
    return query.enum("sort", ("date_asc", "date_desc"), lower=True) == "date_desc"


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
