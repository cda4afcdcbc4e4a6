"""Where events come from, row by row. Every source numbers its rows and says how far it has come, so that a run can be resumed.

A row is an event, or the reason why it is none; nothing is raised for what stands in a row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Protocol

import msgspec

from nova_iac.usage.event import FIELDS, Defaults, Event, EventError, Exact, build, form_problems
from nova_iac.usage.lines import LONGEST_LINE, Lines

Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
"""How many, in what is read from a file."""
_TOP: Final = frozenset((*FIELDS, "properties"))
_MEMBER: Final = re.compile(rb'"\s*:')
_QUOTES: Final = (4 * len(FIELDS), 4 * len(FIELDS) + 2)
"""In an event of texts alone, besides four for each property: without properties, and with them."""


class Row(msgspec.Struct, gc=False):
    """One row of a source: an event (sent as ``raw`` where that is possible), or a problem."""

    line: int
    """Where it begins, counted from 1."""
    raw: bytes
    event: Event | Exact | None = None
    problem: str | None = None

    @property
    def source(self) -> str:
        """The row as it stands in its source."""
        return self.raw.decode("utf-8", "replace").rstrip("\r\n")


@dataclass(frozen=True, slots=True)
class Position:
    """How far a source has come: rows, lines and bytes that lie behind."""

    row: Count = 0
    line: Count = 0
    offset: Count = 0


BEGINNING: Final = Position()


class Source(Protocol):
    """Rows, and the position after the last one that was given."""

    @property
    def position(self) -> Position:
        """How far it has come."""

    def __iter__(self) -> Iterator[Row]: ...


class Single:
    """One event."""

    def __init__(self, event: Event, raw: bytes) -> None:
        self._row = Row(1, raw, event)
        self._given = 0

    @property
    def position(self) -> Position:
        """Before it, or after it."""
        return Position(self._given, self._given, 0)

    def __iter__(self) -> Iterator[Row]:
        self._given = 1
        problems = form_problems(self._row.event) if self._row.event is not None else []
        yield Row(1, self._row.raw, self._row.event, "; ".join(problems) or None)


class JsonLines:
    """NDJSON: one event a line, blank lines passed over.

    :param start: where ``lines`` begins.
    """

    def __init__(self, lines: Lines, defaults: Defaults, now: Callable[[], datetime], start: Position = BEGINNING) -> None:
        self._lines = lines
        self._defaults = defaults
        self._now = now
        self._rows = start.row

    @property
    def position(self) -> Position:
        """How far it has come; a row's number is that of its line."""
        return Position(self._rows, self._lines.number, self._lines.offset)

    def __iter__(self) -> Iterator[Row]:
        exact = msgspec.json.Decoder(Exact).decode
        lines = self._lines
        for raw in lines:
            if raw is None:
                self._rows += 1
                yield Row(lines.number, b"", problem=f"the line is longer than {LONGEST_LINE} bytes")
                continue
            try:
                event = exact(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                if raw.strip():
                    self._rows += 1
                    yield self._loose(raw)
                continue
            self._rows += 1
            # More quotes than its members need: escaped ones, or a member that stands twice, of which only one was read.
            plain = raw.count(b'"') - 4 * len(event.properties) in _QUOTES
            if self._defaults.properties or not plain or form_problems(event):
                yield self._loose(raw)
                continue
            yield Row(lines.number, raw, event)

    def _loose(self, raw: bytes) -> Row:
        """A line that isn't in its final form: numbers, other fields than needed, gaps that the command line fills."""
        number = self._lines.number
        try:
            fields = parse(raw)
            if unknown := [name for name in fields if name not in _TOP]:
                raise EventError(f"unknown field {unknown[0]!r}: what usage is priced by stands under properties")
            event = build(fields, self._defaults, number=number, raw=raw, now=self._now())
        except EventError as problem:
            return Row(number, raw, problem=str(problem))
        return Row(number, raw, event)


def parse(raw: bytes) -> Mapping[str, Any]:
    """A line's JSON object, with every number exact.

    :raises EventError: it is none, or has a member twice.
    """
    try:
        value = _decode(raw)
        if not isinstance(value, dict):
            raise EventError("not a JSON object")
        # Looking at each object again costs more than reading it did, so the members are only counted first.
        if len(_MEMBER.findall(raw)) != _members(value):
            json.loads(raw, object_pairs_hook=_once, parse_float=str, parse_int=str)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise EventError(f"not JSON: {problem}") from None
    except ArithmeticError:
        raise EventError("a number in it has an exponent that is out of every range") from None
    return value


def _members(value: object) -> int:
    match value:
        case dict():
            return len(value) + sum(map(_members, value.values()))
        case list():
            return sum(map(_members, value))
        case _:
            return 0


def _once(members: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise EventError(f"{name!r} stands in it twice: which one is meant isn't known")
        seen.add(name)


_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
