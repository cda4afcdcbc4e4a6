"""Colour, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_CODES: Final = {"green": "32", "yellow": "33", "red": "31", "cyan": "36", "magenta": "35", "dim": "2", "bold": "1"}


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is made for where it goes: with colour or without, and for how many columns."""

    color: bool = False
    width: int = 80

    def paint(self, text: str, *names: str) -> str:
        """The text in the named colours and weights."""
        if not self.color or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"
