"""Money: an exact amount with its unit, parsed once and never a float.

``$0.02``, ``€20``, ``£3``, ``USD 0.02``, ``0.02 USD``, ``500 nova_credit``. A bare number is refused: Metronome takes USD in
cents and every other currency in whole units, and a bare number is how prices end up wrong by a factor of 100.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

MAX_DIGITS: Final = 15
"""Significant digits that survive a JSON number (an IEEE 754 double), which is all that the API's clients can send."""

CURRENCIES: Final = frozenset(
    ("USD", "AUD", "BRL", "CAD", "CHF", "CZK", "EUR", "GBP", "INR", "MXN", "NGN", "NOK", "PLN", "SEK", "TRY", "ZAR", "NZD", "SGD")
)  # fmt: skip
"""The fiat currencies that Metronome bills in (API facts §3.8)."""

_SYMBOLS: Final = {"$": "USD", "€": "EUR", "£": "GBP"}
_SIGNS: Final = {code: sign for sign, code in _SYMBOLS.items()}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
_UNIT = r"[A-Z]{3}|[a-z0-9][a-z0-9_-]*"
_FORMS: Final = re.compile(
    rf"(?P<symbol>[$€£])\s*(?P<n1>{_NUMBER})|(?P<before>{_UNIT})\s+(?P<n2>{_NUMBER})|(?P<n3>{_NUMBER})\s+(?P<after>{_UNIT})"
)
_MINOR_UNITS: Final = {"USD": 100}


class MoneyError(ValueError):
    """A text that is no amount of money; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount (in major units: dollars, not cents) of a unit: an ISO code, or the key of a custom pricing unit."""

    amount: Decimal
    unit: str

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read what a person wrote.

        :raises MoneyError: no unit, a thousands separator, a sign, an unknown currency, or more than 15 significant digits.
        """
        return _parse(text)

    @property
    def text(self) -> str:
        """The one way in which this amount is written; equal amounts have equal texts."""
        digits = plain(self.amount)
        if self.unit in CURRENCIES and "." in digits:
            whole, _, fraction = digits.partition(".")
            digits = f"{whole}.{fraction.ljust(2, '0')}"
        sign = _SIGNS.get(self.unit)
        if sign:
            return f"{sign}{digits}"
        return f"{self.unit} {digits}" if self.unit in CURRENCIES else f"{digits} {self.unit}"

    @property
    def wire(self) -> Decimal:
        """The number that Metronome takes: cents for USD, whole units for everything else (API facts §3.8)."""
        return self.amount * _MINOR_UNITS.get(self.unit, 1)

    @classmethod
    def from_wire(cls, number: Decimal, unit: str) -> Money:
        """The amount behind a number of the API."""
        return cls(number / _MINOR_UNITS.get(unit, 1), unit)

    def __str__(self) -> str:
        return self.text


def plain(number: Decimal) -> str:
    """A number's shortest exact text: no exponent, no trailing zeros, no sign on zero."""
    if not number:
        return "0"
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def significant_digits(number: Decimal) -> int:
    """How many digits a number has between its first and its last that isn't zero."""
    return len(plain(number.copy_abs()).replace(".", "").strip("0")) or 1


def quantity(text: str) -> Decimal:
    """An exact number without a unit.

    :raises MoneyError: not a plain decimal number, or more than 15 significant digits.
    """
    if not re.fullmatch(rf"-?(?:{_NUMBER})", text):
        raise MoneyError(f"{text!r} is not a plain decimal number such as 12 or 0.5")
    number = Decimal(text)
    if significant_digits(number) > MAX_DIGITS:
        raise MoneyError(f"{text} has more than {MAX_DIGITS} significant digits, which a JSON number can't carry unchanged")
    return number


@lru_cache(maxsize=65_536)
def _parse(text: str) -> Money:
    match = _FORMS.fullmatch(text.strip())
    if not match:
        raise MoneyError(_why_not(text.strip()))
    amount = Decimal(match["n1"] or match["n2"] or match["n3"])
    unit = _SYMBOLS.get(match["symbol"] or "") or match["before"] or match["after"]
    if unit.isupper() and unit.isalpha() and len(unit) == 3 and unit not in CURRENCIES:
        raise MoneyError(f"{unit} is not a currency that Metronome bills in: {', '.join(sorted(CURRENCIES))}")
    money = Money(amount, unit)
    if significant_digits(amount) > MAX_DIGITS:
        raise MoneyError(f"{text} has more than {MAX_DIGITS} significant digits, which a JSON number can't carry unchanged")
    return money


def _why_not(text: str) -> str:
    if re.fullmatch(_NUMBER, text):
        return f"the amount {text} has no unit: write ${text} (dollars), €{text}, or a currency code as in USD {text}"
    if re.search(r"\d,\d", text):
        return f"{text!r} has a thousands separator or a decimal comma: write digits with one decimal point, such as $1000.50"
    if re.search(r"[-+]\s*[$€£]?\s*\.?\d", text):
        return f"{text!r} has a sign: amounts of money are zero or more here"
    return f"{text!r} is not an amount of money: write $0.02, €20, USD 0.02, or 500 nova_credit"
