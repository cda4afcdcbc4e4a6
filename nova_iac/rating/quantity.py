"""Step 4, from a metric's value to the quantity that is billed: conversion and rounding (§6.2)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from nova_iac.rating.exact import ZERO, RatingError, Rounding, checked, exact, quotient
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


def billed(value: Decimal, conversion: Conversion | None, rounding: Rounding | None, order: QuantityOrder) -> Decimal:
    """The quantity that a metric's value is billed as."""
    steps = [conversion, rounding] if order is QuantityOrder.CONVERT_THEN_ROUND else [rounding, conversion]
    for step in steps:
        if step is not None:
            value = step(value)
    return value
