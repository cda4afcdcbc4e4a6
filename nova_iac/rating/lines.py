"""What comes out: lines, invoices, and the usage that was not billed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from nova_iac.rating.events import Group
from nova_iac.rating.exact import ZERO, exact
from nova_iac.rating.prices import Rate, TierStep
from nova_iac.rating.timeline import Span


@dataclass(frozen=True, slots=True)
class Line:
    """A quantity of one product at one price over one stretch of time.

    ``total`` is exactly ``quantity * unit_price``, in the unit of the price; where the quantity is a division that doesn't
    terminate, the total is that of the true quantity. On a composite product's line the quantity is the
    spend that it is about, and the unit price is the fraction.
    """

    product: str
    quantity: Decimal
    unit_price: Decimal
    total: Decimal
    span: Span
    """From the last change of price (or the start of the period or window) to the next."""
    pricing_values: Group = ()
    presentation_values: Group = ()
    tier: TierStep | None = None
    composite: bool = False


class Reason(StrEnum):
    """Why usage was not billed."""

    NO_METRIC = "the product has no metric"
    SQL_METRIC = "SQL metrics are not rated"
    NO_GROUP_KEY = "the metric has no compound group key of the product's keys and the usage filter's"
    NO_RATE = "no price is in force for these values"
    NOT_ENTITLED = "the price is not entitled"
    RATE_TYPE = "the price is of a type that does not fit the product"


def why_not_charged(rate: Rate | None) -> Reason:
    """Why a rate that was looked up charges nothing."""
    if rate is None:
        return Reason.NO_RATE
    return Reason.RATE_TYPE if rate.entitled else Reason.NOT_ENTITLED


@dataclass(frozen=True, slots=True)
class Unbilled:
    """Usage for which there is no line (§17.6: Metronome says nothing of it)."""

    product: str
    reason: Reason
    span: Span
    quantity: Decimal | None = None
    """What would have been billed at a price of some kind; None where it can't be known."""
    pricing_values: Group = ()
    presentation_values: Group = ()


@dataclass(frozen=True, slots=True)
class Invoice:
    """A usage invoice as it stands: the lines of a period, or of one breakdown window of it."""

    span: Span
    lines: tuple[Line, ...]
    total: Decimal
    unbilled: tuple[Unbilled, ...] = ()

    def without_zero_lines(self) -> Invoice:
        """The same without the lines whose quantity is 0."""
        return replace(self, lines=tuple(line for line in self.lines if line.quantity != ZERO))

    @exact
    def spend(self, product: str) -> Decimal:
        """What one product's lines come to."""
        return sum((line.total for line in self.lines if line.product == product), ZERO)


@exact
def total_of(lines: Iterable[Line]) -> Decimal:
    """The exact sum of the lines."""
    return sum((line.total for line in lines), ZERO)
