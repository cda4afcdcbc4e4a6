"""Columns of text: numbers to the right, words to the left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from nova_iac.money import CURRENCIES, Money, plain
from nova_iac.render.diagnostics import visible

_WHOLE: Final = re.compile(r"(?<![\w.])\d+")


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = (), indent: str = "  ") -> list[str]:
    """Rows of equal length as lines; the columns numbered in ``right`` are aligned there.

    What a terminal would obey rather than show is escaped.
    """
    rows = [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def amount(money: Money) -> str:
    """Money as people write it: thousands apart, a sign in front where it is less than nothing, and a currency's two places."""
    text = _WHOLE.sub(lambda digits: f"{int(digits[0]):,}", exact_amount(Money(abs(money.amount), money.unit)), count=1)
    return f"-{text}" if money.amount < 0 else text


def exact_amount(money: Money) -> str:
    """The same for programs: as the spec takes it, without thousands apart."""
    text = Money(abs(money.amount), money.unit).text
    if money.unit in CURRENCIES and "." not in text:
        text += ".00"
    return f"-{text}" if money.amount < 0 else text


def number(value: Decimal | int) -> str:
    """A number, exact, with its thousands set apart."""
    whole, _, fraction = plain(Decimal(value)).partition(".")
    return f"{int(whole):,}" + (f".{fraction}" if fraction else "") if whole not in ("-0",) else f"-0.{fraction}"


def bar(share: Decimal, width: int) -> str:
    """A bar of a share of a width; anything above nothing can be seen."""
    eighths = int(share * width * 8)
    if share > 0 and not eighths:
        eighths = 1
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def span(start: datetime | None, end: datetime | None) -> str:
    """A stretch of time by its first and last day where it consists of days."""
    if start is None or end is None:
        return "no period"
    if start.time() == end.time() == start.min.time():
        last = end - timedelta(days=1)
        return f"{start:%Y-%m-%d}" if last == start else f"{start:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"


def words(group: Sequence[tuple[str, str]]) -> str:
    """The values of a group."""
    return ", ".join(f"{name}={value}" for name, value in group)
