"""Writers that come at the same time share one transaction and its commit, which costs far more than what most of them write.

One writer at a time writes its part, within a savepoint of its own: what it refuses undoes no other's. Whoever is done waits for
those that stand in line; once nobody does, one of them commits for all. Nobody goes on before the commit, also not with
a refusal, which may rest on what another wrote. A lone writer commits at once.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Group:
    """One transaction and those who share it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.kept = 0
        self.ended = False
        self.failure: sqlite3.Error | None = None
        """Why nothing of it is kept."""

    @contextmanager
    def part(self) -> Iterator[None]:
        self.connection.execute("SAVEPOINT writer")
        try:
            yield
        except BaseException as error:
            try:
                self.connection.execute("ROLLBACK TO writer")
                self.connection.execute("RELEASE writer")
            except sqlite3.Error:  # SQLite itself undoes a whole transaction where the disk is full or fails.
                self.failure = sqlite3.OperationalError(f"undone with another write, which failed: {error}")
            raise
        self.connection.execute("RELEASE writer")
        self.kept += 1

    def end(self) -> None:
        try:
            if self.kept and self.failure is None:
                self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.failure = error
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")


class Writers:
    """Takes writers in one by one; ``begin`` opens a transaction and gives its connection."""

    def __init__(self, begin: Callable[[], sqlite3.Connection]) -> None:
        self._begin = begin
        self._changed = threading.Condition()
        self._busy = False
        self._waiting = 0
        self._group: _Group | None = None

    @contextmanager
    def part(self) -> Iterator[sqlite3.Connection]:
        """A part of a transaction: kept for good when the context ends well, undone when it raises.

        :raises sqlite3.Error: also when the commit fails, after the block ended well.
        """
        group = self._join()
        try:
            with group.part():
                yield group.connection
        finally:
            self._leave(group)
        if group.failure is not None:
            raise sqlite3.OperationalError(str(group.failure)) from group.failure

    @contextmanager
    def none(self) -> Iterator[None]:
        """While the context lasts no transaction is open and none begins."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy and self._group is None)
            self._busy = True
        try:
            yield
        finally:
            self._free()

    def _join(self) -> _Group:
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._busy)
                self._busy = True
            finally:
                self._waiting -= 1
                self._changed.notify_all()
        try:
            if self._group is None:
                self._group = _Group(self._begin())
        except BaseException:
            self._free()
            raise
        return self._group

    def _leave(self, group: _Group) -> None:
        """Lets the next one in; returns when the group has ended."""
        if group.failure is None:
            self._free()
            with self._changed:
                self._changed.wait_for(lambda: group.ended or not (self._busy or self._waiting))
                if group.ended:
                    return
                self._busy = True
        try:
            group.end()
        finally:
            self._group, group.ended = None, True
            self._free()

    def _free(self) -> None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
