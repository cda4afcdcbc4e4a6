"""What events would bill at the prices of the spec's contracts: ``emit --dry-run``. Nothing is sent, nothing is read remotely.

The events are priced by themselves: graduated tiers are counted from the period's beginning as if it had no other usage.
Memory grows with customers, groups and periods, not with events.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from nova_iac import moment, rating
from nova_iac.money import Money, plain
from nova_iac.rating.exact import exact
from nova_iac.resource import Address
from nova_iac.usage.agreed import Agreed, Agreement
from nova_iac.usage.event import Event, Exact


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line of a would-be invoice. total is exactly quantity times price."""

    product: str
    group: rating.Group
    quantity: Decimal
    price: Money
    total: Money
    tier: int | None
    percent: bool = False


@dataclass(frozen=True, slots=True)
class PricedInvoice:
    """What the events add to one billing period of one contract; unbilled says what of them has no price."""

    customer: Address
    contract: Address
    start: datetime
    end: datetime
    lines: tuple[PricedLine, ...]
    total: Money
    unbilled: tuple[tuple[str, rating.Group, str, Decimal | None], ...]

    def as_data(self) -> dict[str, object]:
        """Plain data; decimals are texts, amounts in major units."""
        return {
            "customer": self.customer,
            "contract": self.contract,
            "starting_at": moment.text(self.start),
            "ending_before": moment.text(self.end),
            "currency": self.total.unit,
            "lines": [
                {
                    "product": line.product,
                    "group": dict(line.group),
                    "quantity": plain(line.quantity),
                    "unit_price": plain(line.price.amount),
                    "tier": line.tier,
                    "total": plain(line.total.amount),
                }
                for line in self.lines
            ],
            "unbilled": [
                {
                    "product": product,
                    "group": dict(group),
                    "reason": reason,
                    "quantity": plain(number or Decimal(0)),
                }
                for product, group, reason, number in self.unbilled
            ],
            "total": plain(self.total.amount),
        }


@dataclass(slots=True)
class _Open:
    agreement: Agreement
    meters: dict[rating.Span, rating.PeriodMeter] = field(default_factory=dict)
    last: rating.Span | None = None


class Estimate:
    """Fed event by event."""

    def __init__(self, agreed: Agreed) -> None:
        self._agreed = agreed
        self._open: dict[Address, list[_Open]] = {}
        self._seen = 0
        self.events = 0
        self.not_priced: Counter[str] = Counter()
        """Events that no contract bills, by reason."""

    def add(self, event: Event | Exact, at: datetime) -> None:
        """Count an event on its customer's contracts."""
        self.events += 1
        customer = self._agreed.customers.get(event.customer_id)
        if customer is None:
            self.not_priced["their customer is not in the spec"] += 1
            return
        contracts = self._open.get(customer)
        if contracts is None:
            contracts = self._open[customer] = [_Open(one) for one in self._agreed.agreements(customer)]
        rated = rating.Event(event.transaction_id, at, event.event_type, event.properties)
        covered = counted = False
        for contract in contracts:
            period = contract.last if contract.last is not None and at in contract.last else contract.agreement.calendar.at(at)
            if period is None:
                continue
            covered, contract.last = True, period
            meter = contract.meters.get(period)
            if meter is None:
                meter = contract.meters[period] = rating.PeriodMeter(contract.agreement.terms, period)
            counted |= meter.add(rated)
        if not covered:
            self.not_priced["their customer has no contract at their time"] += 1
        elif not counted:
            self.not_priced["no product of the contract counts them"] += 1

    def invoices(self) -> list[PricedInvoice]:
        """What it all comes to, by customer, contract and period."""
        found = [
            _priced(contract.agreement, period, rating.price_period(contract.agreement.terms, meter.usage()))
            for contracts in self._open.values()
            for contract in contracts
            for period, meter in contract.meters.items()
        ]
        return sorted(found, key=lambda one: (one.customer, one.contract, one.start))


@exact
def totals(invoices: list[PricedInvoice]) -> dict[str, Money]:
    """The sum of some invoices in each currency."""
    found: dict[str, Decimal] = {}
    for one in invoices:
        found[one.total.unit] = found.get(one.total.unit, Decimal(0)) + one.total.amount
    return {unit: Money(amount, unit) for unit, amount in found.items()}


@exact
def _priced(agreement: Agreement, period: rating.Span, invoice: rating.Invoice) -> PricedInvoice:
    def money(number: Decimal) -> Money:
        return Money.from_wire(number, agreement.unit)

    lines = tuple(
        PricedLine(
            Address(line.product).keys[0],
            _group(line),
            line.quantity,
            Money(line.unit_price, agreement.unit) if line.composite else money(line.unit_price),
            money(line.total),
            None if line.tier is None else line.tier.level,
            line.composite,
        )
        for line in invoice.without_zero_lines().lines
    )
    unbilled = tuple(
        (Address(one.product).keys[0], _group(one), one.reason.value, one.quantity) for one in invoice.unbilled if one.quantity
    )
    return PricedInvoice(agreement.customer, agreement.address, period.start, period.end, lines, money(invoice.total), unbilled)


def _group(one: rating.Line | rating.Unbilled) -> rating.Group:
    return tuple(sorted({*one.pricing_values, *one.presentation_values}))
