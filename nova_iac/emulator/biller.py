"""Invoices computed, and their wire form (§14.2, §14.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from nova_iac import rating
from nova_iac.emulator import codec, contract_store, credit_types, custom_fields, event_store, product_store, times
from nova_iac.emulator.errors import NotEmulated
from nova_iac.emulator.statements import Statement
from nova_iac.emulator.store import Store, Stored
from nova_iac.emulator.terms import Card

PRODUCT_TYPES = {"USAGE": "UsageProductListItem", "COMPOSITE": "CompositeProductListItem"}
UNRATED = "not_emulated"
"""The one member of a frozen invoice that can't be computed: what reading it answers with a 501."""
_MOMENT = timedelta(microseconds=1)


class Biller:
    """Computes invoices by the account as it stands now; what several share is read once. A write needs a new one."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store = store
        self._now = now
        self._cards: dict[str, Card] = {}
        self._products: dict[str, Stored] = {}
        self._product_fields: dict[str, dict[str, str]] = {}
        self._states: dict[tuple[str, datetime], dict[str, Any]] = {}

    def card(self, contract: Stored) -> Card:
        """The card of a contract."""
        key = contract.body["initial"].get("rate_card_id", "")
        if key not in self._cards:
            self._cards[key] = Card.of(self._store, contract)
        return self._cards[key]

    def terms(self, statement: Statement) -> rating.Terms:
        """What is billed by; raises NotEmulated where that isn't rated."""
        return self.card(statement.contract).terms(statement.contract, statement.period)

    def shown(self, statement: Statement) -> dict[str, Any]:
        """The invoice as the API answers it, with every optional part."""
        if statement.kept is not None:
            kept: dict[str, Any] = codec.loads(statement.kept)
            if UNRATED in kept:
                raise NotEmulated(kept[UNRATED])
            own = {"status": statement.status, "custom_fields": custom_fields.of(self._store, statement.id)}
            return kept | own
        agreed = self.terms(statement)
        meter = rating.PeriodMeter(agreed, statement.period)
        meter.add_all(self._events(statement))
        return self._body(statement, rating.price_period(agreed, meter.usage()))

    def to_keep(self, statement: Statement) -> dict[str, Any]:
        """What freezing the invoice stores: one that isn't rated is kept as such, and no write fails for it."""
        try:
            return self.shown(statement)
        except NotEmulated as error:
            return {UNRATED: error.what}

    def shown_with(self, statement: Statement, events: Iterable[rating.Event]) -> dict[str, Any]:
        """The same as if these were the customer's events."""
        return self._body(statement, rating.rate_period(self.terms(statement), statement.period, events))

    def breakdown(self, statement: Statement, windows: Sequence[rating.Span]) -> list[tuple[rating.Span, dict[str, Any]]]:
        """The invoice window by window: what each added. Late usage shows here, also in finalized ones (§13.1)."""
        agreed = self.terms(statement)
        cuts = [edge for window in windows for edge in (window.start, window.end)]
        meter = rating.PeriodMeter(agreed, statement.period, cuts=cuts)
        meter.add_all(self._events(statement))
        return [
            (window, self._body(statement, invoice))
            for window, invoice in zip(windows, rating.price_windows(agreed, meter.usage(), windows), strict=True)
        ]

    def _body(self, statement: Statement, invoice: rating.Invoice) -> dict[str, Any]:
        contract, period = statement.contract, statement.period
        state = contract_store.terms(contract)
        unit = credit_types.named(self._store, self.card(contract).fiat)
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
            "line_items": [self._line(line, unit) for line in invoice.lines],
            "subtotal": _number(invoice.total),
            "total": _number(invoice.total),
            "billable_status": "billable",
            "customer_custom_fields": custom_fields.of(self._store, contract.parent or ""),
            "contract_custom_fields": custom_fields.of(self._store, contract.id),
            "custom_fields": custom_fields.of(self._store, statement.id),
            "invoice_adjustments": [],
        }
        for name in ("net_payment_terms_days", "netsuite_sales_order_id", "salesforce_opportunity_id"):
            if name in state:
                answer[name] = state[name]
        return answer

    def _line(self, line: rating.Line, unit: dict[str, str]) -> dict[str, Any]:
        product, state = self._product(line.product), self._state(line)
        answer: dict[str, Any] = {
            "name": state["name"],
            "type": "usage",
            "credit_type": unit,
            "product_id": product.id,
            "product_type": PRODUCT_TYPES[product.body["type"]],
            "product_tags": state.get("tags", []),
            "product_custom_fields": self._product_fields[product.id],
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

    def _product(self, id: str) -> Stored:
        if id not in self._products:
            self._products[id] = self._store.get(product_store.KIND, id)
            self._product_fields[id] = custom_fields.of(self._store, id)
        return self._products[id]

    def _state(self, line: rating.Line) -> dict[str, Any]:
        """The product at the line's end, or now while that is to come: no later update renames what was billed."""
        at = min(self._now, line.span.end - _MOMENT)
        key = (line.product, at)
        if key not in self._states:
            self._states[key] = product_store.state_at(self._product(line.product), at)
        return self._states[key]

    def _events(self, statement: Statement) -> Iterator[rating.Event]:
        return event_store.stream(self._store, statement.contract.parent or "", statement.period)


def _list_price(line: rating.Line, unit: dict[str, str]) -> dict[str, Any]:
    kind = "FLAT" if line.tier is None else "TIERED"
    return {"rate_type": kind, "price": _number(line.unit_price), "credit_type": unit}


def _number(value: Decimal) -> Decimal | int:
    """Plainly written; most are whole, and whole ones are far quicker made into JSON."""
    text = rating.plain(value)
    return Decimal(text) if "." in text else int(text)
