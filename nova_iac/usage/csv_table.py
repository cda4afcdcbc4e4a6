"""CSV: records over one line or several, and what is done with one that is broken."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import BinaryIO, Final

import msgspec

from nova_iac.errors import UsageProblem
from nova_iac.usage.event import Defaults, EventError, build
from nova_iac.usage.lines import LONGEST_LINE, Lines
from nova_iac.usage.sources import BEGINNING, Position, Row
from nova_iac.usage.tables import Columns

_WORDS: Final = {
    "new-line character seen": "a carriage return stands in the middle of the line, outside of quotes",
    "unexpected end of data": "a quote is opened and not closed",
    " expected after ": "after a closing quote comes neither the delimiter nor the end of the line",
    "field larger than": f"a cell is longer than {LONGEST_LINE} bytes",
}
"""Our words for those of Python's csv module, which speak to programmers."""


class CsvTable:
    """A CSV file with a header. A row's number counts records; its line is where it begins.

    A record that is broken after its first line costs that line only: a quote that nobody closed would take good rows along.

    :param lines: all of the file after ``start``, or all of it from its beginning.
    :param header: the header's line, where ``lines`` begins after it.
    """

    def __init__(
        self,
        lines: Lines,
        mapped: Mapping[str, str],
        defaults: Defaults,
        now: Callable[[], datetime],
        *,
        name: str,
        delimiter: str = ",",
        start: Position = BEGINNING,
        header: bytes | None = None,
    ) -> None:
        self._texts = _Texts(lines)
        self._mapped = mapped
        self._defaults = defaults
        self._now = now
        self._name = name
        self._delimiter = delimiter
        self._header = header
        self._position = start
        csv.field_size_limit(LONGEST_LINE)

    @property
    def position(self) -> Position:
        """How far it has come."""
        return self._position

    def __iter__(self) -> Iterator[Row]:
        texts = self._texts
        if self._header is not None:
            names = self._names(iter([_decoded(self._header)]))
        else:
            names = self._names(texts)
            if texts.taken:
                self._advance(0)
        if names is None:
            return
        columns = Columns([name.strip() for name in names], self._mapped, self._defaults, self._name)
        while True:
            texts.begin()
            problem = None
            try:
                cells = next(csv.reader(texts, delimiter=self._delimiter, strict=True))
            except StopIteration:
                return
            except csv.Error as wrong:
                cells, problem = [], f"not CSV: {_said(wrong)}"
                if len(texts.taken) > 1:
                    problem = f"not CSV: a quote is opened here, and then: {_said(wrong)}"
                    texts.give_back()
            self._advance(1 if cells or problem else 0)
            line, raw = texts.taken[0].number, texts.raw()
            if problem:
                yield Row(line, raw, problem=problem)
            elif cells:
                yield self._row(line, raw, cells, columns)

    def _row(self, line: int, raw: bytes, cells: list[str], columns: Columns) -> Row:
        try:
            if len(cells) != len(columns.names):
                raise EventError(f"it has {len(cells)} cells; the header has {len(columns.names)}")
            fields = columns.fields(dict(zip(columns.names, cells, strict=True)))
            event = build(fields, self._defaults, number=self._position.row, raw=raw.rstrip(b"\r\n"), now=self._now())
        except EventError as problem:
            return Row(line, raw, problem=str(problem))
        return Row(line, raw, event)

    def _names(self, texts: Iterator[str]) -> list[str] | None:
        """The header; None where there is not even that."""
        try:
            names = next(csv.reader(texts, delimiter=self._delimiter, strict=True), None)
        except csv.Error as problem:
            raise UsageProblem(f"{self._name}: the header is not CSV: {_said(problem)}.") from None
        if names == []:
            raise UsageProblem(f"{self._name}: the first line is empty; a header is needed there.")
        return names

    def _advance(self, rows: int) -> None:
        last = self._texts.taken[-1]
        self._position = Position(self._position.row + rows, last.number, last.end)


class _Line(msgspec.Struct, gc=False):
    """A line with its number and with the offset behind it. raw None: it was too long to be kept."""

    raw: bytes | None
    number: int
    end: int


class _Texts:
    """The lines as texts with their ends, noted as they are taken: a record may span several."""

    def __init__(self, lines: Lines) -> None:
        self._source = lines
        self._lines = iter(lines)
        self._back: deque[_Line] = deque()
        self.taken: list[_Line] = []
        self._size = 0

    def begin(self) -> None:
        """The next line begins a record."""
        self.taken, self._size = [], 0

    def give_back(self) -> None:
        """Only the first line is taken; the others come again."""
        self._back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def raw(self) -> bytes:
        """What was taken, as it stands in the file."""
        return b"".join(line.raw + b"\n" for line in self.taken if line.raw is not None)

    def __iter__(self) -> _Texts:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._read()
        self.taken.append(line)
        self._size += len(line.raw or b"") + 1
        if line.raw is None or self._size > LONGEST_LINE:
            raise csv.Error(f"a record is longer than {LONGEST_LINE} bytes")
        return _decoded(line.raw + b"\n")

    def _read(self) -> _Line:
        raw = next(self._lines)
        return _Line(raw, self._source.number, self._source.offset)


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise csv.Error(f"not UTF-8 at byte {problem.start + 1} of the line; convert the file, with iconv for one") from None


def _said(problem: csv.Error) -> str:
    text = str(problem)
    return next((words for known, words in _WORDS.items() if known in text), text)


def read_header(file: BinaryIO) -> bytes:
    """The header line of a CSV file, from its beginning."""
    return file.readline(LONGEST_LINE).removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
