"""CSV and Parquet: rows of columns, and which column is which field of an event."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from nova_iac.errors import UsageProblem
from nova_iac.usage.event import FIELDS, Defaults, EventError, build, property_text
from nova_iac.usage.lines import LONGEST_LINE, Lines
from nova_iac.usage.sources import BEGINNING, Position, Row, parse

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]

_PROPERTY: Final = "properties."
_BATCH: Final = 4_096


class Columns:
    """Which column of a table is what.

    By itself a column that is called like a field of an event is that field, ``properties`` may hold a JSON object, and every
    other column is the property of its name. Where columns are mapped to properties, only those are sent.

    :param mapped: field (``customer_id``, ``properties.region``, or just ``region``) to column.
    :raises UsageProblem: a mapped column isn't there, or is mapped twice.
    """

    def __init__(self, names: Sequence[str], mapped: Mapping[str, str], source: str) -> None:
        if len(set(names)) < len(names):
            twice = next(name for name in names if list(names).count(name) > 1)
            raise UsageProblem(f"{source} has two columns {twice!r}.")
        for field, column in mapped.items():
            if column not in names:
                raise UsageProblem(f"--map {field}={column}: {source} has no column {column!r}; it has {', '.join(names)}.")
        self.names = tuple(names)
        self._fields = {name: name for name in FIELDS if name in names}
        chosen = {field.removeprefix(_PROPERTY): column for field, column in mapped.items() if field not in FIELDS}
        self._fields |= {field: column for field, column in mapped.items() if field in FIELDS}
        used = set(self._fields.values())
        free = [name for name in names if name not in used and name not in FIELDS]
        self._whole = "properties" if not chosen and "properties" in free else None
        self._properties = chosen or {name.removeprefix(_PROPERTY): name for name in free if name != "properties"}

    def fields(self, record: Mapping[str, object]) -> dict[str, object]:
        """An event's fields from a row; empty cells are left out.

        :raises EventError: the ``properties`` column holds no object.
        """
        found: dict[str, object] = {field: record[column] for field, column in self._fields.items()}
        properties: dict[str, object] = {}
        whole = record[self._whole] if self._whole else None
        if isinstance(whole, str) and whole:
            properties |= parse(whole.encode())
        elif isinstance(whole, Mapping):
            properties |= whole
        properties |= {
            name: value for name, column in self._properties.items() if (value := record[column]) is not None and value != ""
        }
        return found | {"properties": properties}


class CsvTable:
    """A CSV file with a header. A row's number counts records; its line is where it begins.

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
        self._lines = lines
        self._mapped = mapped
        self._defaults = defaults
        self._now = now
        self._name = name
        self._delimiter = delimiter
        self._header = header
        self._position = start

    @property
    def position(self) -> Position:
        """How far it has come."""
        return self._position

    def __iter__(self) -> Iterator[Row]:
        texts = _Texts(self._lines)
        if self._header is not None:
            names = self._names(iter([_decoded(self._header)]))
        else:
            names = self._names(texts)
            self._advance(0)
        if not names:
            return
        columns = Columns([name.strip() for name in names], self._mapped, self._name)
        while True:
            begin = self._lines.number + 1
            texts.taken.clear()
            problem = None
            try:
                cells = next(csv.reader(texts, delimiter=self._delimiter, strict=True))
            except StopIteration:
                return
            except csv.Error as wrong:
                cells, problem = [], f"not CSV: {wrong}"
            raw = b"".join(texts.taken)
            self._advance(1 if cells or problem else 0)
            if problem:
                yield Row(begin, raw, problem=problem)
            elif cells:
                yield self._row(begin, raw, cells, columns)

    def _row(self, line: int, raw: bytes, cells: list[str], columns: Columns) -> Row:
        try:
            if len(cells) != len(columns.names):
                raise EventError(f"it has {len(cells)} cells; the header has {len(columns.names)}")
            fields = columns.fields(dict(zip(columns.names, cells, strict=True)))
            event = build(fields, self._defaults, number=self._position.row, raw=raw.rstrip(b"\r\n"), now=self._now())
        except EventError as problem:
            return Row(line, raw, problem=str(problem))
        return Row(line, raw, event)

    def _names(self, texts: Iterator[str]) -> list[str]:
        try:
            return next(csv.reader(texts, delimiter=self._delimiter, strict=True), [])
        except csv.Error as problem:
            raise UsageProblem(f"{self._name}: the header is not CSV: {problem}") from None

    def _advance(self, rows: int) -> None:
        self._position = Position(self._position.row + rows, self._lines.number, self._lines.offset)


class _Texts:
    """The lines as texts with their ends, noted as they are taken: a record may span several."""

    def __init__(self, lines: Lines) -> None:
        self._lines = iter(lines)
        self.taken: list[bytes] = []

    def __iter__(self) -> _Texts:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        if raw is not None:
            self.taken.append(raw + b"\n")
        if raw is None or sum(map(len, self.taken)) > LONGEST_LINE:
            raise csv.Error(f"a record is longer than {LONGEST_LINE} bytes")
        return _decoded(self.taken[-1])


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise csv.Error(f"not UTF-8 at byte {problem.start + 1} of the line; convert the file, with iconv for one") from None


class ParquetTable:
    """A Parquet file. It has no lines: a row's line is its number.

    :raises UsageProblem: the extra isn't installed, the file is no Parquet file, or its timestamps have no time zone.
    """

    def __init__(
        self,
        path: Path,
        mapped: Mapping[str, str],
        defaults: Defaults,
        now: Callable[[], datetime],
        *,
        start: Position = BEGINNING,
    ) -> None:
        self._file = open_parquet(path)
        self._name = path.name
        self._defaults = defaults
        self._now = now
        self._position = start
        schema = self._file.schema_arrow
        self._columns = Columns(schema.names, mapped, path.name)
        stamp = mapped.get("timestamp", "timestamp")
        kind = schema.field(stamp).type if stamp in schema.names else None
        if kind is not None and str(kind).startswith("timestamp") and getattr(kind, "tz", None) is None:
            raise UsageProblem(
                f"{path.name}: the column {stamp} has no time zone, so its instants aren't known. Write it as a timestamp in UTC "
                "(pandas: tz_localize('UTC'); DuckDB: timezone('UTC', …))."
            )

    @property
    def position(self) -> Position:
        """How far it has come."""
        return self._position

    def __iter__(self) -> Iterator[Row]:
        metadata, first = self._file.metadata, 0
        for group in range(metadata.num_row_groups):
            size = metadata.row_group(group).num_rows
            if first + size > self._position.row:
                yield from self._group(group, self._position.row - first)
            first += size

    def _group(self, group: int, skip: int) -> Iterator[Row]:
        for batch in self._batches(group):
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            for record in batch.slice(skip).to_pylist():
                number = self._position.row + 1
                self._position = Position(number, number, 0)
                yield self._row(number, record)
            skip = 0

    def _batches(self, group: int) -> Iterator[Any]:
        """A row group's rows, some at a time; instants cut to microseconds, which is what Python has."""
        import pyarrow  # type: ignore[import-untyped]

        try:
            for batch in self._file.iter_batches(batch_size=_BATCH, row_groups=[group], use_threads=False):
                for index, column in enumerate(batch.schema):
                    if pyarrow.types.is_timestamp(column.type) and column.type.unit == "ns":
                        cut = batch.column(index).cast(pyarrow.timestamp("us", column.type.tz), safe=False)
                        batch = batch.set_column(index, column.name, cut)
                yield batch
        except (pyarrow.ArrowException, OSError) as problem:
            raise UsageProblem(f"{self._name} can't be read as Parquet: {problem}") from None

    def _row(self, number: int, record: dict[str, Any]) -> Row:
        cells = {name: _exact(value) for name, value in record.items()}
        raw = msgspec.json.encode({name: property_text(value) for name, value in cells.items()}, enc_hook=str)
        try:
            event = build(self._columns.fields(cells), self._defaults, number=number, raw=raw, now=self._now())
        except EventError as problem:
            return Row(number, raw, problem=str(problem))
        return Row(number, raw, event)


def _exact(value: object) -> object:
    """A cell without floats: a double's shortest decimal text is the number that was meant."""
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {name: _exact(one) for name, one in value.items()}
    return [_exact(one) for one in value] if isinstance(value, list) else value


def open_parquet(path: Path) -> ParquetFile:
    """A Parquet file.

    :raises UsageProblem: the extra isn't installed, or the file is no Parquet file.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise UsageProblem("Parquet needs an extra: pip install 'nova-iac[parquet]'") from None
    try:
        return ParquetFile(path, memory_map=False, pre_buffer=False)
    except (ArrowException, OSError) as problem:
        raise UsageProblem(f"{path} can't be read as Parquet: {problem}") from None


def read_header(file: BinaryIO) -> bytes:
    """The header line of a CSV file, from its beginning."""
    return file.readline(LONGEST_LINE).removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
