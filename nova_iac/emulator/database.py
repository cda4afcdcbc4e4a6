"""The SQLite file: who may open it when.

- Reads open it read-only and never create it; a file that isn't there reads as an empty account.
- The first write makes the folder, the file and the tables.
- Rollback journal, not WAL: nothing lies beside the file once a write is done, and ``synchronous=FULL`` keeps every
  acknowledged write through a kill. A journal left by a killed writer is rolled back by whoever comes next.
- Threads share a few connections, one writer at a time, and commits (``commits.py``); other processes are kept apart by
  SQLite's own locks.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nova_iac.emulator.commits import Writers
from nova_iac.emulator.errors import ApiError
from nova_iac.emulator.store import Store

VERSION = 1
BUSY_SECONDS = 60.0

TABLES = """
CREATE TABLE object (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, parent TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, archived_at TEXT, body TEXT NOT NULL
);
CREATE INDEX object_by_kind ON object (kind, seq);
CREATE INDEX object_by_parent ON object (parent, kind, seq) WHERE parent IS NOT NULL;
CREATE TABLE ingest_alias (alias TEXT PRIMARY KEY, customer_id TEXT NOT NULL, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX ingest_alias_by_customer ON ingest_alias (customer_id, place);
CREATE TABLE rate_card_alias (
  name TEXT NOT NULL, card_id TEXT NOT NULL, place INTEGER NOT NULL, starting_at TEXT, ending_before TEXT
);
CREATE INDEX rate_card_alias_by_name ON rate_card_alias (name);
CREATE INDEX rate_card_alias_by_card ON rate_card_alias (card_id, place);
CREATE TABLE rate (
  card_id TEXT NOT NULL, product_id TEXT NOT NULL, group_values TEXT NOT NULL, billing_frequency TEXT NOT NULL,
  starting_at TEXT NOT NULL, ending_before TEXT, body TEXT NOT NULL,
  PRIMARY KEY (card_id, product_id, group_values, billing_frequency, starting_at)
) WITHOUT ROWID;
CREATE TABLE product_order (
  card_id TEXT NOT NULL, product_id TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (card_id, product_id)
) WITHOUT ROWID;
CREATE TABLE custom_field_key (
  seq INTEGER PRIMARY KEY, entity TEXT NOT NULL, key TEXT NOT NULL, enforce_uniqueness INTEGER NOT NULL,
  UNIQUE (entity, key)
);
CREATE TABLE custom_field_value (
  entity_id TEXT NOT NULL, key TEXT NOT NULL, entity TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (entity_id, key)
) WITHOUT ROWID;
CREATE INDEX custom_field_by_value ON custom_field_value (entity, key, value);
CREATE TABLE uniqueness_key (namespace TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (namespace, key)) WITHOUT ROWID;
CREATE TABLE idempotency_key (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, answer TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE event (
  customer_key TEXT NOT NULL, timestamp INTEGER NOT NULL, transaction_id TEXT NOT NULL, received_at INTEGER NOT NULL,
  id TEXT NOT NULL, event_type TEXT NOT NULL, properties TEXT NOT NULL,
  PRIMARY KEY (customer_key, timestamp, transaction_id, received_at)
) WITHOUT ROWID;
CREATE INDEX event_by_transaction ON event (transaction_id);
CREATE TABLE card_contract (
  card_id TEXT NOT NULL, contract_id TEXT NOT NULL, PRIMARY KEY (card_id, contract_id)
) WITHOUT ROWID;
CREATE TABLE invoice (
  place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, contract_id TEXT NOT NULL, starting_at TEXT NOT NULL,
  ending_before TEXT NOT NULL, status TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX invoice_by_contract ON invoice (contract_id, place);
CREATE TABLE audit_log (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at TEXT NOT NULL, action TEXT NOT NULL, resource_type TEXT,
  resource_id TEXT, request_id TEXT NOT NULL, ip TEXT, user_agent TEXT
);
"""


class Database:
    """Hands out transactions on one database; ``path`` None is a private one in memory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._writers = Writers(self._begin_writing)
        self._memory: sqlite3.Connection | None = None
        self._readers: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._pool = threading.Lock()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """One consistent view; the file stays as it is, and absent if it is."""
        connection = self._begin_reading()
        if connection is None:
            with self._writers.none():
                yield Store(self._in_memory())
            return
        inode = self._inode
        try:
            yield Store(connection)
        finally:
            connection.execute("ROLLBACK")
            with self._pool:
                if self._inode == inode and not self._closed:
                    self._readers.append(connection)
                else:
                    connection.close()

    @contextmanager
    def writing(self) -> Iterator[Store]:
        """One transaction, kept when the block ends well and undone when it raises."""
        with self._writers.part() as connection:
            yield Store(connection)

    def close(self) -> None:
        with self._writers.none(), self._pool:
            self._closed = True
            self._drop_connections()
            if self._memory is not None:
                self._memory.close()
                self._memory = None

    def _in_memory(self) -> sqlite3.Connection:
        """The private account, or the empty one that an absent file reads as."""
        if self._memory is None:
            self._memory = _connect(":memory:")
            self._memory.execute("BEGIN")
            _make_tables(self._memory)
            self._memory.execute("COMMIT")
        return self._memory

    def _begin_reading(self) -> sqlite3.Connection | None:
        if self._path is None:
            return None
        inode = _inode(self._path)
        if inode != self._inode:
            with self._writers.none():
                inode = self._follow(self._path)
        if inode is None:
            return None
        for attempt in (1, 2):
            with self._pool:
                connection = self._readers.pop() if self._readers else None
            try:
                connection = connection or _connect(f"{self._path.absolute().as_uri()}?mode=ro")
                connection.execute("BEGIN")
                version = connection.execute("PRAGMA user_version").fetchone()[0]
            except sqlite3.DatabaseError as error:
                if connection is not None:
                    connection.close()
                if not isinstance(error, sqlite3.OperationalError):
                    raise self._foreign(error) from None
                if attempt == 2:
                    raise
                self._recover(self._path)
                continue
            if version == VERSION:
                return connection
            connection.close()
            _check(version)
            return None
        raise AssertionError("unreachable")

    def _recover(self, path: Path) -> None:
        """Rolls back what a killed writer left half done: a read-only connection may not."""
        with self._writers.none():
            connection = self._writing_connection(path)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")

    def _begin_writing(self) -> sqlite3.Connection:
        connection = self._in_memory() if self._path is None else self._writing_connection(self._path)
        connection.execute("BEGIN IMMEDIATE")
        try:
            _make_tables(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        return connection

    def _foreign(self, error: sqlite3.DatabaseError) -> ApiError:
        return ApiError(500, f"{self._path} is not an emulator database: {error}")

    def _writing_connection(self, path: Path) -> sqlite3.Connection:
        if self._follow(path) is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        if self._writer is None:
            try:
                self._writer = _connect(f"{path.absolute().as_uri()}?mode=rwc")
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                raise self._foreign(error) from None
            self._follow(path)
        return self._writer

    def _follow(self, path: Path) -> tuple[int, int] | None:
        """Which file is there; forgets connections to one that was deleted or replaced meanwhile. No transaction may be open."""
        inode = _inode(path)
        if inode != self._inode:
            with self._pool:
                if self._inode is not None:
                    self._drop_connections()
                self._inode = inode
        return inode

    def _drop_connections(self) -> None:
        for connection in self._readers:
            connection.close()
        self._readers.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _inode(path: Path) -> tuple[int, int] | None:
    """Which file it is; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _connect(target: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        target, uri=target.startswith("file:"), timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        # Looks into the file: here it shows if it is none of ours, or if a killed writer left something to undo.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-65536")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection) -> None:
    """Makes the tables unless they are there; within the caller's transaction, so another process can't be half-way."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version:
        _check(version)
        return
    for statement in TABLES.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version={VERSION}")


def _check(version: int) -> None:
    """Refuses another format; 0 is a file that nobody has written to."""
    if version not in (0, VERSION):
        raise ApiError(500, f"the database has format {version}, this emulator reads format {VERSION}")
