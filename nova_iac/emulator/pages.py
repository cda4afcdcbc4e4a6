"""The page styles of §3.6: where cursor and limit travel, and how a page is answered.

A cursor is opaque: it carries the position of the last row and the list it belongs to, and another list refuses it.
Limits above the cap are cut to the cap (§19); below 1 they are refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import Request
from nova_iac.emulator.wire import Reader

T = TypeVar("T")
_SEAL = 12


@dataclass(frozen=True, slots=True)
class Page:
    """Where to go on (``after`` the row with that position; 0 = from the start) and how many rows to answer."""

    route: str
    after: int
    limit: int
    cursor_name: str
    state: str = ""
    """What else a list has put into its cursor."""

    def answer(self, rows: Sequence[tuple[int, Any]]) -> dict[str, Any]:
        """The page out of (position, row) pairs, positions rising and > 0; ``rows`` should hold one more than the limit."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return {
            "data": [row for _, row in shown],
            self.cursor_name: self.cursor(shown[-1][0]) if more else None,
        }

    def answer_all(self, rows: Sequence[T], shape: Callable[[T], Any] | None = None) -> dict[str, Any]:
        """The page out of a whole list: positions are places in it. ``shape`` makes answers of the rows shown only."""
        chosen = rows[self.after : self.after + self.limit + 1]
        shown = [row if shape is None else shape(row) for row in chosen[: self.limit]]
        # The row beyond the limit only says that there is more.
        return self.answer(list(enumerate([*shown, *chosen[self.limit :]], self.after + 1)))

    def cursor(self, position: int, state: str = "") -> str:
        """The cursor that goes on after a position; ``state`` comes back with it."""
        text = f"{self.route}#{position}#{state}"
        return base64.urlsafe_b64encode(f"{_seal(text)}{text}".encode()).decode().rstrip("=")


def by_query(request: Request, *, cap: int = 100, default: int = 100, limit: bool = True) -> Page:
    """Styles A and E (``limit`` and ``next_page`` in the query, also on POST) and B (``limit=False``)."""
    asked = request.query.text("limit") if limit else None
    if asked is not None and not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        raise BadRequest("limit must be a whole number")
    size = default if asked is None else int(asked)
    return _page(request, request.query.text("next_page"), size, cap, "next_page")


def by_body(request: Request, reader: Reader, *, name: str, cap: int, default: int) -> Page:
    """Styles C (``name="next_page"``) and D (``name="cursor"``): limit and cursor in the request body."""
    size = reader.maybe_whole("limit")
    cursor = reader.maybe_text(name)
    reader.finish()
    return _page(request, cursor, default if size is None else size, cap, name)


def at(request: Request, cursor: str | None) -> Page:
    """A page of a list whose cursor stands in the body and which has no limit (style E)."""
    return _page(request, cursor, 100, 100, "next_page")


def _page(request: Request, cursor: str | None, size: int, cap: int, name: str) -> Page:
    if size < 1:
        raise BadRequest("limit must be at least 1")
    position, state = _read(request.route, cursor, name)
    return Page(request.route, position, min(size, cap), name, state)


def _read(route: str, cursor: str | None, name: str) -> tuple[int, str]:
    if not cursor:
        return 0, ""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    seal, text = text[:_SEAL], text[_SEAL:]
    made_for, _, rest = text.partition("#")
    place, _, state = rest.partition("#")
    if seal != _seal(text) or made_for != route:
        raise BadRequest(f"{name} is not a cursor of this list")
    return int(place), state


def _seal(text: str) -> str:
    """Marks a cursor as one that was handed out: anything else is refused before it is looked at."""
    return hashlib.sha256(text.encode()).hexdigest()[:_SEAL]
