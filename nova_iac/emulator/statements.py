"""Which usage invoices there are (§14.1): one per billing period of a contract that has begun, and what was made of each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from nova_iac import rating
from nova_iac.emulator import contract_store, times
from nova_iac.emulator.store import Store, Stored

DRAFT, FINALIZED, VOID = "DRAFT", "FINALIZED", "VOID"


@dataclass(frozen=True, slots=True)
class Statement:
    """One usage invoice of a contract, not computed yet."""

    id: str
    contract: Stored
    period: rating.Span
    status: str
    kept: str | None = None
    """The JSON text of its frozen body."""
    place: int = 0
    """Tells regenerated invoices of one period apart, in the order they were made; 0 for the first."""

    @property
    def issued_at(self) -> datetime:
        return rating.finalizes_at(self.period)


def of(store: Store, contract: Stored, now: datetime) -> Iterator[Statement]:
    """The contract's usage invoices: one per period that has begun; of an archived contract those that were final then."""
    kept: dict[str, list[Statement]] = {}
    for place, id, begin, end, status, text in store.rows(
        "SELECT place, id, starting_at, ending_before, status, body FROM invoice WHERE contract_id = ? ORDER BY place",
        contract.id,
    ):
        period = rating.Span(times.parse(begin), times.parse(end))
        first = _id(contract, period.start)
        found = Statement(id, contract, period, status, text, 0 if id == first else place)
        kept.setdefault(first, []).append(found)
    ended = times.parse(contract.archived_at) if contract.archived_at else None
    for period in _periods(contract, now):
        id = _id(contract, period.start)
        if id in kept:
            period_kept = kept.pop(id)
            yield from period_kept
            # A later end date has made the period longer than what was billed.
            billed = max(each.period.end for each in period_kept)
            if billed >= period.end:
                continue
            period = rating.Span(billed, period.end)
            id = _id(contract, period.start)
            if id in kept:
                yield from kept.pop(id)
                continue
        if rating.status(period, now if ended is None else min(now, ended)) is rating.Status.FINALIZED:
            yield Statement(id, contract, period, VOID if contract.body.get("void") else FINALIZED)
        elif ended is None:
            yield Statement(id, contract, period, DRAFT)
    for left in kept.values():  # of periods that a later end date has cut or moved
        yield from left


def find(store: Store, id: str, now: datetime) -> Statement | None:
    """The invoice with an id, of whichever contract."""
    row = store.row("SELECT contract_id FROM invoice WHERE id = ?", id)
    contracts = store.all(contract_store.KIND) if row is None else [store.get(contract_store.KIND, row[0])]
    return next((each for contract in contracts for each in of(store, contract, now) if each.id == id), None)


def _periods(contract: Stored, now: datetime) -> Iterator[rating.Span]:
    """The billing periods that have begun; invoice_generation_starting_at cuts off what lies before it."""
    first = contract.body["initial"]["usage_statement_schedule"].get("invoice_generation_starting_at")
    since = rating.BEGINNING if first is None else times.parse(first)
    for period in contract_store.calendar(contract).started(now):
        if since <= period.start:
            yield period
        elif since < period.end and since <= now:
            yield rating.Span(since, period.end)


def _id(contract: Stored, start: datetime) -> str:
    """The same id on every read, without anything stored."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"emulator:{contract.id}/{times.text(start)}"))
