"""Objects and their side tables within one transaction. Kinds bring their own SQL only for their own tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nova_iac.emulator import codec, times
from nova_iac.emulator.errors import ApiError, Conflict, NotFound

_COLUMNS = "seq, id, parent, created_at, updated_at, archived_at, body"


@dataclass(slots=True)
class Stored:
    """One object: its ``body`` is what the API got, reshaped by its kind; times are answer texts."""

    seq: int
    id: str
    parent: str | None
    created_at: str
    updated_at: str
    archived_at: str | None
    body: dict[str, Any]


class Store:
    """The account as one transaction sees it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, *values: object) -> list[Any]:
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> Any | None:
        return self._connection.execute(sql, values).fetchone()

    def run(self, sql: str, *values: object) -> int:
        """Executes one statement; how many rows it touched."""
        return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        self._connection.executemany(sql, rows)

    def stream(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Rows one by one, for what may be long."""
        return self._connection.execute(sql, values)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undoes what the block did when it raises, and no more."""
        self.run("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.run("ROLLBACK TO part")
            raise
        self.run("RELEASE part")

    # Objects ----------------------------------------------------------------------------------------------------

    def add(self, kind: str, id: str, body: dict[str, Any], now: datetime, parent: str | None = None) -> Stored:
        at = times.text(now)
        self.run(
            "INSERT INTO object (kind, id, parent, created_at, updated_at, body) VALUES (?, ?, ?, ?, ?, ?)",
            *(kind, id, parent, at, at, codec.dumps(body)),
        )
        return self.get(kind, id)

    def find(self, kind: str, id: str) -> Stored | None:
        row = self.row(f"SELECT {_COLUMNS} FROM object WHERE id = ? AND kind = ?", id, kind)
        return None if row is None else _stored(row)

    def get(self, kind: str, id: str, refusal: ApiError | None = None) -> Stored:
        """The object, archived or not; else the refusal given, or a plain 404."""
        found = self.find(kind, id)
        if found is None:
            raise refusal or NotFound(f"{kind.replace('_', ' ').capitalize()} not found: {id}")
        return found

    def replace(self, id: str, body: dict[str, Any], now: datetime) -> None:
        self.run("UPDATE object SET body = ?, updated_at = ? WHERE id = ?", codec.dumps(body), times.text(now), id)

    def archive(self, id: str, now: datetime) -> None:
        at = times.text(now)
        self.run("UPDATE object SET archived_at = ?, updated_at = ? WHERE id = ? AND archived_at IS NULL", at, at, id)

    def page(
        self, kind: str, *, after: int = 0, limit: int = -1, archived: bool | None = None, parent: str | None = None
    ) -> list[tuple[int, Stored]]:
        """Objects in creation order with their positions, one more than the limit; ``archived`` None takes both."""
        where, values = "kind = ? AND seq > ?", [kind, after]
        if archived is not None:
            where += f" AND archived_at IS {'NOT ' if archived else ''}NULL"
        if parent is not None:
            where += " AND parent = ?"
            values.append(parent)
        sql = f"SELECT {_COLUMNS} FROM object WHERE {where} ORDER BY seq LIMIT ?"
        return [(row[0], _stored(row)) for row in self.rows(sql, *values, limit + 1 if limit >= 0 else -1)]

    def all(self, kind: str, *, archived: bool | None = None, parent: str | None = None) -> list[Stored]:
        return [stored for _, stored in self.page(kind, archived=archived, parent=parent)]

    # Keys that may be used once ---------------------------------------------------------------------------------

    def claim_uniqueness_key(self, namespace: str, key: str) -> None:
        """Burns a uniqueness_key within its namespace; a second use is a 409, also after archiving (§2.3)."""
        try:
            self.run("INSERT INTO uniqueness_key VALUES (?, ?)", namespace, key)
        except sqlite3.IntegrityError:
            raise Conflict("This uniqueness key has already been used.") from None


def _stored(row: tuple[Any, ...]) -> Stored:
    seq, id, parent, created_at, updated_at, archived_at, body = row
    return Stored(seq, id, parent, created_at, updated_at, archived_at, codec.loads(body))
