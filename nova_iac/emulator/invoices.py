"""Usage invoices (§14): drafts computed on every read, finalized ones frozen.

A finalized invoice is what the account said at the end of its grace period. Nothing has to be written for that at the time:
what changes the account freezes first, by ``freeze…``, every final invoice that the change could touch; until then computing
it gives the same. So reads write nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from nova_iac import rating
from nova_iac.emulator import (
    codec,
    contract_store,
    credit_types,
    custom_fields,
    event_store,
    product_store,
    rate_cards,
    terms,
    times,
)
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.store import Store, Stored

DRAFT, FINALIZED, VOID = "DRAFT", "FINALIZED", "VOID"
PRODUCT_TYPES = {"USAGE": "UsageProductListItem", "COMPOSITE": "CompositeProductListItem"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One usage invoice of a contract, not computed yet. ``kept`` is its frozen body."""

    id: str
    contract: Stored
    period: rating.Span
    status: str
    kept: dict[str, Any] | None = None

    @property
    def issued_at(self) -> datetime:
        return rating.finalizes_at(self.period)


def statements(store: Store, contract: Stored, now: datetime) -> Iterator[Statement]:
    """The contract's usage invoices: one per period that has begun; of an archived contract those that were final then."""
    kept: dict[str, list[Statement]] = {}
    for id, begin, end, status, body in store.rows(
        "SELECT id, starting_at, ending_before, status, body FROM invoice WHERE contract_id = ? ORDER BY place", contract.id
    ):
        period = rating.Span(times.parse(begin), times.parse(end))
        kept.setdefault(_id(contract, period.start), []).append(Statement(id, contract, period, status, codec.loads(body)))
    ended = times.parse(contract.archived_at) if contract.archived_at else None
    for period in periods(contract, now):
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


def periods(contract: Stored, now: datetime) -> Iterator[rating.Span]:
    """The billing periods that have begun, from invoice_generation_starting_at on."""
    schedule = contract.body["initial"]["usage_statement_schedule"]
    first = schedule.get("invoice_generation_starting_at")
    for period in contract_store.calendar(contract).started(now):
        if first is None or times.text(period.start) >= first:
            yield period


def shown(store: Store, statement: Statement) -> dict[str, Any]:
    """The invoice as the API answers it, with every optional part."""
    if statement.kept is not None:
        return statement.kept | {"status": statement.status}
    agreed = _terms(store, statement.contract)
    meter = rating.PeriodMeter(agreed, statement.period)
    meter.add_all(_events(store, statement))
    return body(store, statement, rating.price_period(agreed, meter.usage()))


def shown_with(store: Store, statement: Statement, events: Iterable[rating.Event]) -> dict[str, Any]:
    """The same as if these were the customer's events."""
    return body(store, statement, rating.rate_period(_terms(store, statement.contract), statement.period, events))


def breakdown(store: Store, statement: Statement, windows: Sequence[rating.Span]) -> list[tuple[rating.Span, dict[str, Any]]]:
    """The invoice window by window: what each added. Late usage shows here, also in finalized ones (§13.1)."""
    agreed = _terms(store, statement.contract)
    cuts = [edge for window in windows for edge in (window.start, window.end)]
    meter = rating.PeriodMeter(agreed, statement.period, cuts=cuts)
    meter.add_all(_events(store, statement))
    return [
        (window, body(store, statement, invoice))
        for window, invoice in zip(windows, rating.price_windows(agreed, meter.usage(), windows), strict=True)
    ]


def body(store: Store, statement: Statement, invoice: rating.Invoice) -> dict[str, Any]:
    """The wire form of a computed invoice (§14.2)."""
    contract, period = statement.contract, statement.period
    state = contract_store.terms(contract)
    unit = credit_types.named(store, fiat(store, contract))
    sold = _Sold(store, {line.product for line in invoice.lines}, statement.issued_at)
    answer = {
        "id": statement.id,
        "status": statement.status,
        "type": "USAGE",
        "customer_id": contract.parent,
        "contract_id": contract.id,
        "credit_type": unit,
        "start_timestamp": times.text(period.start),
        "end_timestamp": times.text(period.end),
        "issued_at": times.text(statement.issued_at),
        "created_at": times.text(max(period.start, times.parse(contract.created_at))),
        "line_items": [sold.line(line, unit) for line in invoice.lines],
        "subtotal": _number(invoice.total),
        "total": _number(invoice.total),
        "billable_status": "billable",
        "customer_custom_fields": custom_fields.of(store, contract.parent or ""),
        "contract_custom_fields": custom_fields.of(store, contract.id),
        "custom_fields": {},
        "invoice_adjustments": [],
    }
    for name in ("net_payment_terms_days", "netsuite_sales_order_id", "salesforce_opportunity_id"):
        if name in state:
            answer[name] = state[name]
    return answer


def fiat(store: Store, contract: Stored) -> str:
    """The currency of the contract's invoices: that of its rate card."""
    card_id = contract.body["initial"].get("rate_card_id")
    return credit_types.USD if card_id is None else store.get(rate_cards.KIND, card_id).body["fiat_credit_type_id"]


# Freezing ------------------------------------------------------------------------------------------------------------


def freeze(store: Store, contract: Stored, now: datetime, since: datetime = rating.BEGINNING) -> None:
    """Keeps the final invoices of periods that end after an instant, as they are now."""
    for statement in statements(store, contract, now):
        if statement.status != DRAFT and statement.kept is None and statement.period.end > since:
            keep(store, statement, shown(store, statement))


def freeze_customer(store: Store, customer_id: str, now: datetime, since: datetime = rating.BEGINNING) -> None:
    for contract in store.all(contract_store.KIND, parent=customer_id):
        freeze(store, contract, now, since)


def freeze_card(store: Store, card_id: str, now: datetime, since: datetime = rating.BEGINNING) -> None:
    """For a change of prices that is in force from an instant on."""
    if since <= now:
        for (contract_id,) in store.rows("SELECT contract_id FROM card_contract WHERE card_id = ?", card_id):
            freeze(store, store.get(contract_store.KIND, contract_id), now, since)


def freeze_product(store: Store, product_id: str, now: datetime, since: datetime) -> None:
    for (card_id,) in store.rows("SELECT DISTINCT card_id FROM rate WHERE product_id = ?", product_id):
        freeze_card(store, card_id, now, since)


def check_end(store: Store, contract: Stored, end: datetime | None, now: datetime, *, allowed: bool) -> None:
    """Readies a contract for a new end date: what is final stays, and unless allowed nothing final may lie beyond it."""
    final = [each for each in statements(store, contract, now) if each.status == FINALIZED]
    if not allowed and end is not None and any(each.period.end > end for each in final):
        raise BadRequest("The contract can't end before the end of a finalized invoice")
    freeze(store, contract, now)


def keep(store: Store, statement: Statement, answer: dict[str, Any]) -> None:
    """Stores an invoice, or its new status."""
    store.run(
        "INSERT INTO invoice (id, contract_id, starting_at, ending_before, status, body) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET status = excluded.status",
        *(statement.id, statement.contract.id, times.text(statement.period.start), times.text(statement.period.end)),
        *(statement.status, codec.dumps(answer)),
    )


# Parts ---------------------------------------------------------------------------------------------------------------


class _Sold:
    """The products of an invoice's lines."""

    def __init__(self, store: Store, product_ids: set[str], at: datetime) -> None:
        self._fields = custom_fields.of_many(store, product_ids)
        self._products = {id: store.get(product_store.KIND, id) for id in product_ids}
        self._states = {id: product_store.state_at(product, at) for id, product in self._products.items()}

    def line(self, line: rating.Line, unit: dict[str, str]) -> dict[str, Any]:
        state = self._states[line.product]
        answer: dict[str, Any] = {
            "name": state["name"],
            "type": "usage",
            "credit_type": unit,
            "product_id": line.product,
            "product_type": PRODUCT_TYPES[self._products[line.product].body["type"]],
            "product_tags": state.get("tags", []),
            "product_custom_fields": self._fields[line.product],
            "quantity": _number(line.quantity),
            "unit_price": _number(line.unit_price),
            "total": _number(line.total),
            "starting_at": times.text(line.span.start),
            "ending_before": times.text(line.span.end),
        }
        if not line.composite:
            answer["list_price"] = _list_price(line, unit)
        if line.pricing_values:
            answer["pricing_group_values"] = dict(line.pricing_values)
        if line.presentation_values:
            answer["presentation_group_values"] = dict(line.presentation_values)
        if line.tier is not None:
            answer["tier"] = {"level": line.tier.level, "starting_at": rating.plain(line.tier.starting_at)}
            if line.tier.size is not None:
                answer["tier"]["size"] = rating.plain(line.tier.size)
        return answer


def _list_price(line: rating.Line, unit: dict[str, str]) -> dict[str, Any]:
    kind = "FLAT" if line.tier is None else "TIERED"
    return {"rate_type": kind, "price": _number(line.unit_price), "credit_type": unit}


def _number(value: Decimal) -> Decimal:
    return Decimal(rating.plain(value))


def _terms(store: Store, contract: Stored) -> rating.Terms:
    return terms.of(store, contract, fiat(store, contract))


def _events(store: Store, statement: Statement) -> Iterator[rating.Event]:
    return event_store.stream(store, statement.contract.parent or "", statement.period)


def _id(contract: Stored, start: datetime) -> str:
    """The same id on every read, without anything stored."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"emulator:{contract.id}/{times.text(start)}"))
