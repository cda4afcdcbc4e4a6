"""Prices, and step 7: graduated tiers (§7.2, §14.3).

Amounts are in whatever unit the caller's prices are in; everything handed in together is in one unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from nova_iac.rating.exact import ONE, ZERO, RatingError, checked, exact


@dataclass(frozen=True, slots=True)
class Tier:
    """A price for the next ``size`` units; None: for all that follow."""

    price: Decimal
    size: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TierStep:
    """The tier that a line is about."""

    level: int
    """Counted from 1."""
    starting_at: Decimal
    """Its lower bound, which is not part of it; the upper one, ``starting_at + size``, is."""
    size: Decimal | None


@dataclass(frozen=True, slots=True)
class Part:
    """A quantity at one price; ``tier`` is None for a price that has none."""

    quantity: Decimal
    price: Decimal
    tier: TierStep | None = None


@dataclass(frozen=True, slots=True)
class _Single:
    price: Decimal

    def __post_init__(self) -> None:
        checked(self.price, "a price")

    @exact
    def parts(self, start: Decimal, quantity: Decimal, per_unit: Decimal = ONE) -> list[Part]:  # noqa: ARG002 - one shape for all
        """What ``quantity`` more costs, wherever the period's count stands."""
        return [Part(quantity, self.price)]


@dataclass(frozen=True, slots=True)
class _Graduated:
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        for tier in self.tiers:
            checked(tier.price, "a tier's price")
            if tier.size is not None and checked(tier.size, "a tier's size") <= ZERO:
                raise RatingError(f"a tier's size is greater than 0, not {tier.size}")
        if not self.tiers or self.tiers[-1].size is not None or any(tier.size is None for tier in self.tiers[:-1]):
            raise RatingError("tiers: each but the last has a size, the last has none")

    @exact
    def parts(self, start: Decimal, quantity: Decimal, per_unit: Decimal = ONE) -> list[Part]:
        """What ``quantity`` more costs when the period's count stands at ``start``: one part per tier that it touches.

        A negative quantity gives back what the topmost units cost. Counts below 0 are in the first tier. A quantity of 0 is one
        part, in the tier where the count stands.

        :param per_unit: how many of ``start``, ``quantity`` and the parts' quantities are one unit of the tiers' sizes.
        """
        end = start + quantity
        parts = []
        for step, price, low, high in self._bounds(per_unit):
            if quantity == ZERO:
                if high is None or start <= high:
                    return [Part(ZERO, price, step)]
            elif share := _clamp(end, low, high) - _clamp(start, low, high):
                parts.append(Part(share, price, step))
        return parts

    def _bounds(self, per_unit: Decimal) -> Iterator[tuple[TierStep, Decimal, Decimal | None, Decimal | None]]:
        low = ZERO
        for level, tier in enumerate(self.tiers, 1):
            high = low if tier.size is None else low + tier.size
            step = TierStep(level, low, tier.size)
            yield step, tier.price, None if level == 1 else low * per_unit, None if tier.size is None else high * per_unit
            low = high


def _clamp(count: Decimal, low: Decimal | None, high: Decimal | None) -> Decimal:
    if low is not None and count < low:
        return low
    return high if high is not None and count > high else count


@dataclass(frozen=True, slots=True)
class Flat(_Single):
    """One price for each unit of a usage product."""


@dataclass(frozen=True, slots=True)
class Tiered(_Graduated):
    """Graduated prices per unit of a usage product: only the units inside a tier cost that tier's price."""


@dataclass(frozen=True, slots=True)
class Percentage(_Single):
    """A share of the spend that a composite product is about: ``Decimal("0.1")`` is 10 %."""


@dataclass(frozen=True, slots=True)
class TieredPercentage(_Graduated):
    """Graduated shares of spend: tier sizes are amounts of spend, tier prices are fractions."""


UsagePrice: TypeAlias = Flat | Tiered
CompositePrice: TypeAlias = Percentage | TieredPercentage
Price: TypeAlias = UsagePrice | CompositePrice


@dataclass(frozen=True, slots=True)
class Rate:
    """A price in force. Not entitled: it is there, and nothing is charged by it (§7.2)."""

    price: Price
    entitled: bool = True
