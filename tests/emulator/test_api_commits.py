"""Writers that come at the same time share one commit: each is answered after it, and for itself."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from emulator_kit import emulator, raw

from nova_iac.emulator import Emulator

PATIENCE = 20.0


class Account:
    """An account on a file, in which one writer can be held in the midst of its write until others stand in line behind it."""

    app: Emulator
    http: httpx.Client

    def __init__(self, database: Path) -> None:
        self.database = database
        self.line = 0
        self.held = threading.Event()
        self.breaks_in: int | None = None
        """How many ids are still given out to the others before a bug strikes."""

    def new_id(self) -> str:
        """Comes in the midst of a write: the first one stays until the line is as long as it shall be."""
        if self.line and not self.held.is_set():
            self.held.set()
            until = time.monotonic() + PATIENCE
            while self.app._database._writers._waiting < self.line:
                assert time.monotonic() < until, "the others don't stand in line"
        elif self.breaks_in is not None:
            self.breaks_in -= 1
            assert self.breaks_in, "a bug of the emulator"
        return str(uuid4())

    def create(self, body: dict[str, Any]) -> tuple[int, list[str]]:
        """The status, and what another process sees in the file by then."""
        return self.http.post("/v1/customers", json=body).status_code, self.stored()

    def together(self, *bodies: dict[str, Any]) -> list[tuple[int, list[str]]]:
        """The first one is held until all others wait for it."""
        self.line = len(bodies) - 1
        with ThreadPoolExecutor(len(bodies)) as pool:
            first = pool.submit(self.create, bodies[0])
            assert self.held.wait(PATIENCE)
            return [each.result() for each in (first, *[pool.submit(self.create, body) for body in bodies[1:]])]

    def stored(self) -> list[str]:
        with closing(sqlite3.connect(self.database)) as connection:
            return [row[0] for row in connection.execute("SELECT body ->> 'name' FROM object ORDER BY 1")]

    @property
    def writer(self) -> sqlite3.Connection:
        connection = self.app._database._writer
        assert connection is not None
        return connection


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    account = Account(tmp_path / "local.db")
    with emulator(account.database, new_id=account.new_id) as account.app, raw(account.app) as account.http:
        assert account.create({"name": "0"}) == (200, ["0"])
        yield account


def test_writers_share_a_commit(account: Account) -> None:
    """One commit; when anyone is answered, all of it is on the disk."""
    said: list[str] = []
    account.writer.set_trace_callback(said.append)
    answers = account.together(*({"name": name} for name in "1234"))
    assert answers == [(200, ["0", "1", "2", "3", "4"])] * 4
    assert said.count("COMMIT") == 1


def test_a_refusal_undoes_its_own_write_only(account: Account) -> None:
    """A refusal that rests on what another of them wrote."""
    bodies = [{"name": name, "ingest_aliases": [alias]} for name, alias in (("1", "a"), ("2", "b"), ("3", "a"), ("4", "c"))]
    answers = account.together(*bodies)
    assert [status for status, _ in answers] == [200, 200, 409, 200]
    assert account.stored() == ["0", "1", "2", "4"]


def test_a_bug_undoes_its_own_write_only(account: Account) -> None:
    """The second one's, after its customer was written and before that is in the audit log: each write takes three ids."""
    account.breaks_in = 2 + 2
    answers = account.together(*({"name": name} for name in "123"))
    assert answers[0][0] == 200
    assert sorted(status for status, _ in answers) == [200, 200, 500]
    assert account.stored() == ["0", *(name for name, (status, _) in zip("123", answers, strict=True) if status == 200)]


def test_a_commit_that_fails_is_told_to_all(account: Account) -> None:
    """Nobody is told yes, nothing is kept, and the next write works."""
    account.writer.execute("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(account.database, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM object").fetchone()  # and reads on, so that nobody may commit
        assert account.together(*({"name": name} for name in "123")) == [(500, ["0"])] * 3
    assert account.create({"name": "5"}) == (200, ["0", "5"])


def test_a_full_disk_is_told_to_all_it_befalls(account: Account) -> None:
    """Who is told yes has its write kept, who is told no has not; and the next write works."""
    pages = account.database.stat().st_size // 4096
    account.writer.execute(f"PRAGMA max_page_count={pages + 2}")
    large = [f"{number:0100}" for number in range(1_000)]
    names = ["1", "2", "3", "4"]
    answers = account.together(*({"name": name, "ingest_aliases": large if name == "3" else []} for name in names))
    assert answers[2][0] == 500
    assert account.stored() == ["0", *(name for name, (status, _) in zip(names, answers, strict=True) if status == 200)]
    account.writer.execute(f"PRAGMA max_page_count={pages + 100}")
    assert account.create({"name": "5"})[0] == 200
