"""The page styles of §3.6: where cursor and limit travel, and how a page is answered.

A cursor is opaque: it carries the position of the last row and the list it belongs to, and another list refuses it.
Limits above the cap are cut to the cap (§19); below 1 they are refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

from nova_iac.emulator import codec
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import Request
from nova_iac.emulator.wire import Reader

T = TypeVar("T")
Key: TypeAlias = tuple[int | str, ...]
"""What a list is sorted by."""
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
    last: Key | None = None
    """The key of the last row so far, in lists that are paged by keys."""

    def answer(self, rows: Sequence[tuple[int, Any]]) -> dict[str, Any]:
        """The page out of (position, row) pairs, positions rising and > 0; ``rows`` should hold one more than the limit."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return {
            "data": [row for _, row in shown],
            self.cursor_name: self.cursor(shown[-1][0]) if more else None,
        }

    def answer_keyed(
        self, rows: Iterable[T], key: Callable[[T], Key], shape: Callable[[T], Any] | None = None, *, falling: bool = False
    ) -> dict[str, Any]:
        """The page out of a whole list, in the order of keys, which no two rows share; ``falling``: the greatest first.

        The cursor holds the last key, so rows that come or go meanwhile shift no other. ``shape`` makes answers of those shown.
        """
        keyed = [(each, row) for row in rows if self.follows(each := key(row), falling=falling)]
        keyed.sort(key=itemgetter(0), reverse=falling)
        shown = keyed[: self.limit]
        return {
            "data": [row if shape is None else shape(row) for _, row in shown],
            self.cursor_name: self.cursor(1, codec.dumps(shown[-1][0])) if len(keyed) > self.limit else None,
        }

    def follows(self, key: Key, *, falling: bool = False) -> bool:
        """Whether a row with this key comes after the pages that were answered."""
        return self.last is None or (key < self.last if falling else key > self.last)

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
    last = tuple(codec.loads(state)) if state.startswith("[") else None
    return Page(request.route, position, min(size, cap), name, state, last)


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
