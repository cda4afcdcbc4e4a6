"""Exact decimals: what counts as a number, arithmetic that never rounds in silence, and the two places where it may.

Sums, differences and products are exact or raise: ``EXACT`` traps every inexact result, and every mixing with a float.
Only :func:`quotient` (a division that does not terminate) and :class:`Rounding` (asked for by name) give up digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import (
    ROUND_05UP,
    ROUND_DOWN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from enum import StrEnum
from functools import lru_cache, wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

MAX_DIGITS: Final = 100
"""Most digits of a number that is given to this package (a property, a price, a factor), and most places before or after its
point. What is longer is no number: one event must not be able to make every later sum thousands of digits long."""

QUOTIENT_DIGITS: Final = 60
"""Digits that are kept, at the least, of a division that does not terminate: after the point, or significant ones below 1."""

_TRAPS: Final = [InvalidOperation, DivisionByZero, Overflow, FloatOperation]
_ROOMY: Final = 4_000
EXACT: Final = Context(prec=_ROOMY, traps=[*_TRAPS, Inexact])
_ROUNDING: Final = Context(prec=_ROOMY, traps=_TRAPS)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


class RatingError(ValueError):
    """An input that has no meaning here; the message names it. Every error of this package that is not a bug is one."""


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function so that the operators on decimals inside it are exact: ``decimal.Inexact`` is raised, never a digit lost."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with localcontext(EXACT):
            return function(*args, **kwargs)

    return run


def number_of(value: object) -> Decimal | None:
    """The exact decimal that a property's value stands for, or None if it stands for none.

    Numbers and numeric strings are numbers (§13.1, §16): ``3``, ``"3"``, ``"-0.5"``, ``"1e-3"``. Booleans, ``"1,000"``, ``" 3"``,
    ``"NaN"`` and numbers beyond :data:`MAX_DIGITS` are not.

    :raises TypeError: a float; whoever parsed the event has lost digits already.
    """
    if isinstance(value, str):
        return _number_in(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if abs(value) < 10**MAX_DIGITS else None
    if isinstance(value, Decimal):
        return value if _fits(value) else None
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float; parse numbers as Decimal (json: parse_float=Decimal)")
    return None


@lru_cache(maxsize=4_096)
def _number_in(text: str) -> Decimal | None:
    if len(text) > 2 * MAX_DIGITS or not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    return number if _fits(number) else None


def _fits(number: Decimal) -> bool:
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):  # NaN and the infinities
        return False
    return len(digits) <= MAX_DIGITS and exponent >= -MAX_DIGITS and (not number or number.adjusted() < MAX_DIGITS)


def text_of(value: object) -> str | None:
    """The text by which a property's value is filtered, grouped and counted as distinct; None for null, lists and objects.

    A number is written out plainly (``1.50`` is ``"1.5"``), a boolean as JSON does.

    :raises TypeError: a float, as in :func:`number_of`.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    number = number_of(value)
    if number is None:
        return str(value) if isinstance(value, (int, Decimal)) else None
    return plain(number)


def plain(number: Decimal) -> str:
    """A decimal without exponent and without trailing zeros: ``1E+2`` is ``100``, ``2.50`` is ``2.5``."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def checked(number: Decimal, what: str) -> Decimal:
    """A price, size or factor that can be worked with.

    :raises RatingError: not a ``Decimal``, not finite, or beyond :data:`MAX_DIGITS`.
    """
    if not isinstance(number, Decimal):
        raise RatingError(f"{what} is to be a Decimal, not {type(number).__name__} {number!r}")
    if not _fits(number):
        raise RatingError(f"{what} is no number that can be billed with: {number}")
    return number


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """``dividend / divisor``: exact where it terminates within :data:`QUOTIENT_DIGITS` after the point, else cut there.

    The cut keeps a last digit that says "more follows" (``ROUND_05UP``), so that rounding the result again, in any mode and to
    fewer places, gives what rounding the true quotient would.
    """
    digits = QUOTIENT_DIGITS + max(0, dividend.adjusted() - divisor.adjusted() + 1)
    return Context(prec=digits, rounding=ROUND_05UP, traps=_TRAPS).divide(dividend, divisor)


class RoundingMode(StrEnum):
    """Which neighbour to take. UP is away from zero and DOWN towards it; a HALF goes away from zero."""

    UP = ROUND_UP
    DOWN = ROUND_DOWN
    HALF_UP = ROUND_HALF_UP


@dataclass(frozen=True, slots=True)
class Rounding:
    """Round to a number of places after the point (negative: before it)."""

    places: int
    mode: RoundingMode

    def __post_init__(self) -> None:
        if not -QUOTIENT_DIGITS < self.places < QUOTIENT_DIGITS:
            raise RatingError(f"cannot round to {self.places} places: at most {QUOTIENT_DIGITS - 1} are known of every quotient")

    def __call__(self, number: Decimal) -> Decimal:
        """The number, rounded. Rounding a rounded number changes nothing."""
        unit = Decimal((0, (1,), -self.places))
        return number.quantize(unit, rounding=self.mode.value, context=_ROUNDING)
