"""Step 4, from a metric's value to the quantity that is billed: conversion and rounding (§6.2)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from nova_iac.rating.exact import ONE, ZERO, RatingError, Rounding, checked, exact, quotient
from nova_iac.rating.policy import QuantityOrder


class Operation(StrEnum):
    """What a conversion does with its factor."""

    MULTIPLY = "MULTIPLY"
    DIVIDE = "DIVIDE"


@dataclass(frozen=True, slots=True)
class Conversion:
    """From the unit that is sent to the unit that is priced: MB to GB is ``Conversion(Decimal(1024), Operation.DIVIDE)``."""

    factor: Decimal
    operation: Operation

    def __post_init__(self) -> None:
        if checked(self.factor, "a conversion factor") <= ZERO:
            raise RatingError(f"a conversion factor is greater than 0, not {self.factor}")

    @exact
    def __call__(self, value: Decimal) -> Decimal:
        """The value in the priced unit; a division as :func:`~nova_iac.rating.exact.quotient` does it."""
        return value * self.factor if self.operation is Operation.MULTIPLY else quotient(value, self.factor)


def divisor_of(conversion: Conversion | None, rounding: Rounding | None, order: QuantityOrder) -> Decimal:
    """What :func:`billed` leaves undivided: the factor of a division that comes last, else 1."""
    if conversion is None or conversion.operation is Operation.MULTIPLY:
        return ONE
    return ONE if rounding is not None and order is QuantityOrder.CONVERT_THEN_ROUND else conversion.factor


def billed(value: Decimal, conversion: Conversion | None, rounding: Rounding | None, order: QuantityOrder) -> Decimal:
    """The quantity that a metric's value is billed as, times :func:`divisor_of` the same.

    A division that comes last is left to whoever has multiplied by the price: 100 / 3 units at 3.00 are 100, and not 99.99….
    """
    convert = conversion if divisor_of(conversion, rounding, order) == ONE else None
    steps = [convert, rounding] if order is QuantityOrder.CONVERT_THEN_ROUND else [rounding, convert]
    for step in steps:
        if step is not None:
            value = step(value)
    return value


def over(number: Decimal, divisor: Decimal) -> Decimal:
    """The number divided, as :func:`~nova_iac.rating.exact.quotient` does it; by 1 it is left as it is."""
    return number if divisor == ONE else quotient(number, divisor)
