"""Invoices as Metronome computes them: drafts, finalized ones, and what single days add to them. Amounts are never our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from nova_iac import moment
from nova_iac.kinds.rate_card import currency
from nova_iac.money import Money
from nova_iac.rating.exact import exact
from nova_iac.remote import Client, Endpoint

LIST: Final = Endpoint("GET", "/v1/customers/{customer_id}/invoices", "v1.customers.invoices.list", cursor="next_page", limit=100)
BREAKDOWNS: Final = Endpoint(
    "GET", "/v1/customers/{customer_id}/invoices/breakdowns", "v1.customers.invoices.list_breakdowns", cursor="next_page"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice. A percentage's price is no money: price is then None and rate the share."""

    name: str
    type: str
    product_id: str | None
    group: Mapping[str, str]
    quantity: Decimal | None
    price: Money | None
    total: Money
    tier: Mapping[str, Any] | None = None
    starting_at: datetime | None = None
    ending_before: datetime | None = None

    def as_data(self) -> dict[str, object]:
        """Plain data; decimals are texts, amounts in major units."""
        return {
            "name": self.name,
            "type": self.type,
            "product_id": self.product_id,
            "group": dict(self.group),
            "quantity": _text(self.quantity),
            "unit_price": None if self.price is None else _text(self.price.amount),
            "tier": None if self.tier is None else {name: str(value) for name, value in self.tier.items()},
            "starting_at": _instant(self.starting_at),
            "ending_before": _instant(self.ending_before),
            "total": _text(self.total.amount),
        }


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice, or what one window adds to it."""

    id: str
    status: str
    type: str
    contract_id: str | None
    start: datetime | None
    end: datetime | None
    issued_at: datetime | None
    lines: tuple[Line, ...]
    total: Money
    window: datetime | None = None

    def as_data(self) -> dict[str, object]:
        """Plain data; decimals are texts, amounts in major units of currency."""
        return {
            "id": self.id,
            "status": self.status,
            "type": self.type,
            "contract_id": self.contract_id,
            "starting_at": _instant(self.start),
            "ending_before": _instant(self.end),
            "issued_at": _instant(self.issued_at),
            "currency": self.total.unit,
            "lines": [line.as_data() for line in self.lines],
            "total": _text(self.total.amount),
        }


def invoices(client: Client, customer_id: str, *, status: str | None = None) -> Iterator[Invoice]:
    """A customer's invoices, the newest first."""
    wanted = {} if status is None else {"status": status}
    for row in client.rows(LIST, {"customer_id": customer_id, "sort": "date_desc", **wanted}):
        yield _invoice(row)


def breakdowns(client: Client, customer_id: str, start: datetime, end: datetime) -> Iterator[Invoice]:
    """What each UTC day of a span adds to the invoices of its time; voided ones are left out."""
    params = {
        "customer_id": customer_id,
        "starting_on": moment.text(start),
        "ending_before": moment.text(end),
        "window_size": "DAY",
        "sort": "date_asc",
        "skip_zero_qty_line_items": True,
    }
    for row in client.rows(BREAKDOWNS, params):
        if row["status"] != "VOID":
            yield _invoice(row)


@exact
def _invoice(row: Mapping[str, Any]) -> Invoice:
    unit = currency(row.get("credit_type"))
    return Invoice(
        id=row["id"],
        status=row["status"],
        type=row["type"],
        contract_id=row.get("contract_id"),
        start=_parsed(row.get("start_timestamp")),
        end=_parsed(row.get("end_timestamp")),
        issued_at=_parsed(row.get("issued_at")),
        lines=tuple(_line(line, unit) for line in row["line_items"]),
        total=Money.from_wire(_number(row["total"]), unit),
        window=_parsed(row.get("breakdown_start_timestamp")),
    )


def _line(row: Mapping[str, Any], unit: str) -> Line:
    own = currency(row["credit_type"]) if row.get("credit_type") else unit
    percentage = row.get("product_type") == "CompositeProductListItem"
    price = row.get("unit_price")
    return Line(
        name=row["name"],
        type=row["type"],
        product_id=row.get("product_id"),
        group={**(row.get("pricing_group_values") or {}), **(row.get("presentation_group_values") or {})},
        quantity=_quantity(row, own) if percentage else None if row.get("quantity") is None else _number(row["quantity"]),
        price=None if price is None or percentage else Money.from_wire(_number(price), own),
        total=Money.from_wire(_number(row["total"]), own),
        tier=row.get("tier"),
        starting_at=_parsed(row.get("starting_at")),
        ending_before=_parsed(row.get("ending_before")),
    )


def _quantity(row: Mapping[str, Any], unit: str) -> Decimal | None:
    """A percentage's quantity is the spend that it is of."""
    return None if row.get("quantity") is None else Money.from_wire(_number(row["quantity"]), unit).amount


def _number(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _parsed(text: str | None) -> datetime | None:
    return None if text is None else moment.parse(text)


def _instant(value: datetime | None) -> str | None:
    return None if value is None else moment.text(value)


def _text(number: Decimal | None) -> str | None:
    from nova_iac.money import plain

    return None if number is None else plain(number)
