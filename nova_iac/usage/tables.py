"""Tables: which column is which field of an event; and Parquet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nova_iac.errors import UsageProblem
from nova_iac.usage.event import FIELDS, Defaults, EventError, build, property_text
from nova_iac.usage.sources import BEGINNING, Position, Row, parse

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]

_PROPERTY: Final = "properties."
_BATCH: Final = 4_096
_SHELL: Final = {";": "';'", "|": "'|'", "\t": "$'\\t'"}
"""A delimiter as a shell takes it."""


class Columns:
    """Which column of a table is what.

    By itself a column that is called like a field of an event is that field, ``properties`` may hold a JSON object, and every
    other column is the property of its name. Where columns are mapped to properties, only those are sent.

    :param mapped: field (``customer_id``, ``properties.region``, or just ``region``) to column.
    :param defaults: what the command line gives to every row.
    :raises UsageProblem: a mapped column isn't there, or is mapped twice; or no row can be an event.
    """

    def __init__(self, names: Sequence[str], mapped: Mapping[str, str], defaults: Defaults, source: str) -> None:
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
        if missing := self._missing(defaults):
            raise UsageProblem(
                f"{source} has no column for {' and '.join(missing)}, so that no row is an event; it has {', '.join(names)}."
                f"{_delimiter_hint(names)} --map {missing[0].partition(' ')[0]}=COLUMN takes it from another column; -c, "
                "EVENT_TYPE and --timestamp give it to all rows."
            )

    def _missing(self, defaults: Defaults) -> list[str]:
        """What every event needs, and neither a column nor the command line has."""
        given = {name for name in FIELDS if getattr(defaults, name, None) is not None} | self._fields.keys()
        missing = [name for name in ("customer_id", "event_type") if name not in given]
        return missing if given & {"transaction_id", "timestamp"} else [*missing, "timestamp or transaction_id"]

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


def _delimiter_hint(names: Sequence[str]) -> str:
    """Where all of the header is one column, the cells may be set apart by something else."""
    found = next((mark for mark in (";", "\t", "|", ",") if mark in names[0]), None) if len(names) == 1 else None
    return "" if found is None else f" Is {found!r} what stands between its cells? Then: --delimiter {_SHELL.get(found, found)}."


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
        stamp = mapped.get("timestamp", "timestamp")
        kind = schema.field(stamp).type if stamp in schema.names else None
        if kind is not None and str(kind).startswith("timestamp") and getattr(kind, "tz", None) is None:
            raise UsageProblem(
                f"{path.name}: the column {stamp} has no time zone, so its instants aren't known. Write it as a timestamp in UTC "
                "(pandas: tz_localize('UTC'); DuckDB: timezone('UTC', …))."
            )
        self._columns = Columns(schema.names, mapped, defaults, path.name)

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
