"""1,000,000 events over HTTP into ``nova-iac emulator serve`` with a database file, beside plain SQLite with the same rows.

    python benchmarks/ingest_http.py [EVENTS] [CONNECTIONS]

Events go in batches of 100 over a few kept connections, for 1,000 customers in the order of time, with random transaction ids.
SQLite writes the same rows to the same table with the same durability: one transaction per batch, by one writer in one process.
Printed: events per second of both and their ratio, how the last tenth compares with the first, the server's peak memory, and
that each event is there exactly once, in the file and in what the usage query answers.
"""

from __future__ import annotations

import http.client
import itertools
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from nova_iac.emulator.database import TABLES, VERSION

BATCH = 100
CUSTOMERS = 1_000
HEADERS = {"Authorization": "Bearer none", "Content-Type": "application/json"}
SPAN = timedelta(days=20)


def events(count: int, until: datetime) -> Iterator[dict[str, Any]]:
    """Events as a metering pipeline sends them; with the same arguments the same ones."""
    chance = random.Random(7)
    begin, step = until - SPAN, SPAN / count
    for number in range(count):
        yield {
            "transaction_id": f"{chance.getrandbits(128):032x}",
            "customer_id": f"customer-{chance.randrange(CUSTOMERS)}@example.com",
            "event_type": "image_generation",
            "timestamp": (begin + number * step).isoformat().replace("+00:00", "Z"),
            "properties": {"image_type": chance.choice(["standard", "high-res", "ultra"]), "num_images": str(number % 9 + 1)},
        }


@contextmanager
def serving(database: Path) -> Iterator[tuple[int, str, int]]:
    """``nova-iac emulator serve`` on a free port: its process id, host and port."""
    command = [sys.executable, "-m", "nova_iac", "emulator", "serve", "--port", "0", "--db", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=database.parent) as process:
        assert process.stdout is not None
        try:
            line = next(line for line in process.stdout if "http://" in line)
            parts = urlsplit(line[line.index("http://") :].split()[0].rstrip(";"))
            yield process.pid, str(parts.hostname), int(parts.port or 0)
        finally:
            process.terminate()


def call(connection: http.client.HTTPConnection, path: str, body: Any) -> Any:
    """The answer of a POST, which must be 200."""
    connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body), HEADERS)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {text[:500]!r}")
    return json.loads(text) if text else None


def tenths(count: int, send: Callable[[list[Any]], object], batches: Iterator[list[Any]], workers: int) -> list[float]:
    """Sends all batches, ``workers`` at a time; the seconds that each tenth took."""
    marks, lock, done = [time.perf_counter()], threading.Lock(), itertools.count(1)

    def work() -> None:
        while True:
            with lock:
                batch = next(batches, None)
            if batch is None:
                return
            send(batch)
            if next(done) % (count // BATCH // 10) == 0:
                marks.append(time.perf_counter())

    with ThreadPoolExecutor(workers) as pool:
        for each in [pool.submit(work) for _ in range(workers)]:
            each.result()
    return [after - before for before, after in itertools.pairwise(marks)]


def in_batches(source: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(itertools.islice(source, BATCH)):
        yield batch


def over_http(count: int, until: datetime, host: str, port: int, connections: int) -> list[float]:
    """Through the API, from ready bodies."""
    mine = threading.local()
    bodies = [[json.dumps(batch).encode()] for batch in in_batches(events(count, until))]

    def send(body: list[Any]) -> None:
        if not hasattr(mine, "connection"):
            mine.connection = http.client.HTTPConnection(host, port)
        call(mine.connection, "/v1/ingest", body[0])

    return tenths(count, send, iter(bodies), connections)


def into_sqlite(count: int, until: datetime, path: Path) -> list[float]:
    """The rows alone, ready made, by the driver of Python's standard library."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA cache_size=-65536")
    connection.executescript(TABLES)
    connection.execute(f"PRAGMA user_version={VERSION}")
    chance, epoch = random.Random(8), datetime(1970, 1, 1, tzinfo=UTC)
    now = (until - epoch) // timedelta(microseconds=1)
    rows = [
        (
            *(each["customer_id"], (datetime.fromisoformat(each["timestamp"]) - epoch) // timedelta(microseconds=1)),
            *(each["transaction_id"], now, str(UUID(int=chance.getrandbits(128))), each["event_type"]),
            json.dumps(each["properties"]),
        )
        for each in events(count, until)
    ]

    def send(batch: list[Any]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", batch)
        connection.execute("COMMIT")

    seconds = tenths(count, send, in_batches(iter(rows)), 1)
    connection.close()
    return seconds


def check(count: int, until: datetime, database: Path, used: float) -> str:
    """That every event that was sent is stored once, and counted once."""
    connection = sqlite3.connect(database)
    stored = [row[0] for row in connection.execute("SELECT transaction_id FROM event ORDER BY transaction_id")]
    connection.close()
    assert stored == sorted(each["transaction_id"] for each in events(count, until)), "an event is missing or there twice"
    assert used == count, f"usage counts {used} events"
    return f"all {count:,} events are stored once, and usage counts {used:,.0f}"


def counted(connection: http.client.HTTPConnection, metric: str, until: datetime) -> float:
    """What the API says was used, over all customers."""
    begin = (until - SPAN).replace(hour=0, minute=0, second=0, microsecond=0)
    body = {
        "starting_on": begin.isoformat(),
        "ending_before": (begin + SPAN + timedelta(days=2)).isoformat(),
        "window_size": "NONE",
        "billable_metrics": [{"id": metric}],
    }
    total, page = 0, ""
    while True:
        answer = call(connection, f"/v1/usage{page}", body)
        total += sum(row["value"] for row in answer["data"])
        if answer["next_page"] is None:
            return total
        page = f"?next_page={answer['next_page']}"


def peak_megabytes(pid: int) -> int:
    """The most memory the process ever had."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def told(name: str, seconds: list[float], count: int) -> None:
    first, last = count / 10 / seconds[0], count / 10 / seconds[-1]
    print(f"{name:10} {sum(seconds):7.1f} s   {count / sum(seconds):9,.0f} events/s   ", end="")
    print(f"first tenth {first:,.0f}/s, last {last:,.0f}/s: {first / last:.2f} x the time", flush=True)


def main(count: int, connections: int) -> None:
    """Both, one after the other, on the same disk."""
    until = datetime.now(UTC).replace(microsecond=0)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        database = Path(folder, "emulator.db")
        with serving(database) as (pid, host, port):
            api = http.client.HTTPConnection(host, port)
            for number in range(CUSTOMERS):
                name = f"customer-{number}@example.com"
                call(api, "/v1/customers", {"name": name, "ingest_aliases": [name]})
            metric = call(api, "/v1/billable-metrics/create", {"name": "Images", "aggregation_type": "COUNT"})["data"]["id"]
            ours = over_http(count, until, host, port, connections)
            told("over HTTP", ours, count)
            print(f"peak memory of the server {peak_megabytes(pid)} MB", flush=True)
            used = counted(http.client.HTTPConnection(host, port), metric, until)  # the first one has been idle for too long
            print(f"peak memory with the usage of all {CUSTOMERS:,} customers asked for {peak_megabytes(pid)} MB", flush=True)
        print(check(count, until, database, used))
        plain = into_sqlite(count, until, Path(folder, "plain.db"))
        told("SQLite", plain, count)
    print(f"over HTTP / SQLite: {sum(ours) / sum(plain):.2f} x the time")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, int(sys.argv[2]) if len(sys.argv) > 2 else 8)
