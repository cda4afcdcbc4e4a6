"""The database file: what reads leave alone, what writes keep."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import httpx
import pytest
from emulator_kit import Shop, emulator, raw, refused, sdk

READS = [
    ("GET", "/v1/customers"),
    ("POST", "/v1/contract-pricing/products/list"),
    ("POST", "/v1/contract-pricing/rate-cards/list"),
    ("GET", "/v1/credit-types/list"),
    ("GET", "/v1/auditLogs"),
]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "folder" / "local.db"


def test_reads_never_make_the_file_nor_its_folder(database: Path) -> None:
    """An absent file reads as an empty account."""
    with emulator(database) as app, raw(app) as http:
        for method, path in READS:
            assert http.request(method, path, content=b"{}").status_code == 200
        assert http.get("/v1/customers").json()["data"] == []
    assert not database.parent.exists()


def test_the_first_write_makes_folder_and_file(database: Path) -> None:
    """And nothing lies beside it afterwards."""
    with emulator(database) as app, raw(app) as http:
        assert http.post("/v1/customers", json={"name": "a"}).status_code == 200
        assert len(http.get("/v1/customers").json()["data"]) == 1
    assert list(database.parent.iterdir()) == [database]


def test_reads_leave_the_file_as_it_is(database: Path) -> None:
    """Byte for byte, also while the reader is open; with a read-only folder too."""
    with emulator(database) as app, raw(app) as http:
        http.post("/v1/customers", json={"name": "a"}, headers={"Idempotency-Key": "k"})
    before, stamp = database.read_bytes(), database.stat().st_mtime_ns
    with emulator(database) as app, raw(app) as http:
        for method, path in READS:
            assert http.request(method, path, content=b"{}").status_code == 200
        assert list(database.parent.iterdir()) == [database]
    assert (database.read_bytes(), database.stat().st_mtime_ns) == (before, stamp)


def test_what_was_written_is_there_for_the_next(database: Path) -> None:
    """Another emulator on the same file, also while the first is open; keys too."""
    with emulator(database) as one, emulator(database) as two, raw(one) as first, raw(two) as second:
        made = first.post("/v1/customers", json={"name": "a", "ingest_aliases": ["a"]}, headers={"Idempotency-Key": "k"})
        assert len(second.get("/v1/customers").json()["data"]) == 1
        again = second.post("/v1/customers", json={"name": "a", "ingest_aliases": ["a"]}, headers={"Idempotency-Key": "k"})
        assert again.content == made.content
        second.post("/v1/customers", json={"name": "b"})
        assert len(first.get("/v1/customers").json()["data"]) == 2


def test_a_deleted_file_is_an_empty_account_again(database: Path) -> None:
    """`emulator reset` while somebody is connected."""
    with emulator(database) as app, raw(app) as http:
        for _ in range(2):
            http.post("/v1/customers", json={"name": "a"})
            assert len(http.get("/v1/customers").json()["data"]) == 1
            database.unlink()
            assert http.get("/v1/customers").json()["data"] == []


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    """Neither a text file nor a database of another format is taken for an account."""
    text, other = tmp_path / "a.txt", tmp_path / "b.db"
    text.write_text("not a database, " * 100)
    connection = sqlite3.connect(other)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    for path, complaint in ((text, "not an emulator database"), (other, "format 99")):
        before = path.read_bytes()
        with emulator(path) as app, raw(app) as http:
            assert complaint in refused(http.get("/v1/customers"), 500)
            assert complaint in refused(http.post("/v1/customers", json={"name": "a"}), 500)
        assert path.read_bytes() == before


def test_a_hundred_creates_race_for_one_alias(database: Path) -> None:
    """Issue 4: one wins, 99 get 409, from many threads over two emulators on one file."""
    with emulator(database) as one, emulator(database) as two:
        statuses: list[int] = []
        start = threading.Barrier(100)

        def create(number: int) -> None:
            with raw(two if number % 2 else one) as http:
                start.wait()
                statuses.append(http.post("/v1/customers", json={"name": "a", "ingest_aliases": ["acme"]}).status_code)

        threads = [threading.Thread(target=create, args=(number,)) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200] + [409] * 99


def test_readers_see_whole_transactions(database: Path) -> None:
    """While rates are replaced batch by batch, a read never sees half a batch."""
    with emulator(database) as app, sdk(app) as client:
        shop = Shop(client)
        card, product = shop.card(), shop.product(pricing_group_key=["n"])
        stop, seen = threading.Event(), []

        def read() -> None:
            with sdk(app) as mine:
                while not stop.is_set():
                    rows = mine.v1.contracts.rate_cards.rates.list(rate_card_id=card, at="2026-01-01T00:00:00Z", limit=100)
                    seen.append({row.rate.price for row in rows})

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for price in range(10):
                rates = [
                    {
                        "product_id": product,
                        "starting_at": "2026-01-01T00:00:00Z",
                        "entitled": True,
                        "rate_type": "FLAT",
                        "price": price,
                    }
                    | {"pricing_group_values": {"n": str(n)}}
                    for n in range(20)
                ]
                client.v1.contracts.rate_cards.rates.add_many(rate_card_id=card, rates=rates)  # type: ignore[arg-type]
        finally:
            stop.set()
            reader.join()
        assert all(len(prices) <= 1 for prices in seen)


def test_a_half_written_transaction_is_rolled_back_by_a_reader(database: Path) -> None:
    """A journal that a killed writer left: the next read, too, sees only what was committed."""
    with emulator(database) as app, raw(app) as http:
        http.post("/v1/customers", json={"name": "a"})
    script = textwrap.dedent(
        """
        import os, sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("PRAGMA cache_size=1")
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(200):
            connection.execute("INSERT INTO uniqueness_key VALUES (hex(randomblob(200)), hex(randomblob(200)))")
        os._exit(9)
        """
    )
    subprocess.run([sys.executable, "-c", script, str(database)], check=False)
    assert {path.name for path in database.parent.iterdir()} == {"local.db", "local.db-journal"}
    with emulator(database) as app, raw(app) as http:
        assert len(http.get("/v1/customers").json()["data"]) == 1
    assert list(database.parent.iterdir()) == [database]
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT count(*) FROM uniqueness_key").fetchone() == (0,)
    connection.close()


def test_a_private_account_is_shared_by_threads(http: httpx.Client) -> None:
    """Without a file: many threads, one account."""
    threads = [threading.Thread(target=lambda n=n: http.post("/v1/customers", json={"name": str(n)})) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(http.get("/v1/customers").json()["data"]) == 20
