"""One customer's usage groups with 1,000 customers stored, beside the same query where only its own events are.

    python benchmarks/usage_groups.py [CUSTOMERS] [ROUNDS]

1,000 events per customer over 30 days, stored in the order of time, so that one customer's lie among all others'. The query goes
through the emulator on a database file: by day and by a compound group key. Rows are put straight into the file; that the
customer has the same answer in both is checked.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from nova_iac.emulator import Emulator

EVENTS = 1_000
BEGIN = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = 30
KEYS = ["region", "type"]


def rows(customers: int) -> Iterator[tuple[object, ...]]:
    """Rows of the emulator's table of events, oldest first."""
    start, step = int(BEGIN.timestamp()) * 1_000_000, DAYS * 86_400_000_000 // EVENTS
    for number in range(EVENTS):
        properties = json.dumps({"region": f"r{number % 7}", "type": f"t{number % 11}", "n": str(number % 9)})
        for customer in range(customers):
            id = str(uuid.uuid4())
            timestamp = start + number * step + customer * step // customers
            yield f"customer-{customer}", timestamp, id, start + DAYS * 86_400_000_000, id, "use", properties


def call(http: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = http.post(path, json=body)
    answer.raise_for_status()
    return answer.json()


def filled(database: Path, customers: int, http: httpx.Client) -> dict[str, Any]:
    """An account with a metric and so many customers; the query for the first."""
    filters = [{"name": name, "exists": True} for name in (*KEYS, "n")]
    metric = {"name": "Use", "aggregation_type": "SUM", "aggregation_key": "n", "group_keys": [KEYS], "property_filters": filters}
    made = [
        call(http, "/v1/customers", {"name": f"{number}", "ingest_aliases": [f"customer-{number}"]})["data"]["id"]
        for number in range(customers)
    ]
    query = {
        "customer_id": made[0],
        "billable_metric_id": call(http, "/v1/billable-metrics/create", metric)["data"]["id"],
        "window_size": "DAY",
        "starting_on": BEGIN.isoformat(),
        "ending_before": (BEGIN + timedelta(days=DAYS)).isoformat(),
        "group_key": KEYS,
    }
    with closing(sqlite3.connect(database)) as connection:
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", rows(customers))
        connection.commit()
    return query


def asked(http: httpx.Client, query: dict[str, Any]) -> tuple[float, list[Any]]:
    """Seconds, and the rows of all pages, without what differs between accounts."""
    began, found, page = time.perf_counter(), [], None
    while True:
        answer = http.post("/v1/usage/groups", params={} if page is None else {"next_page": page}, json=query).json()
        found += answer["data"]
        page = answer["next_page"]
        if page is None:
            return time.perf_counter() - began, found


def main(customers: int, rounds: int) -> None:
    """Both queries in turn, and the ratio of their medians."""
    with tempfile.TemporaryDirectory() as folder:
        clients, queries, apps = [], [], []
        for count in (1, customers):
            database = Path(folder, f"{count}.db")
            app = Emulator(database, clock=lambda: BEGIN)
            transport = httpx.WSGITransport(app=app)
            http = httpx.Client(transport=transport, base_url="http://emulator", headers={"Authorization": "Bearer none"})
            queries.append(filled(database, count, http))
            clients.append(http)
            apps.append(app)
            size = database.stat().st_size // 1_000_000
            print(f"{count:,} customer(s), {count * EVENTS:,} events stored: {size} MB", flush=True)
        seconds: list[list[float]] = [[], []]
        for _ in range(rounds):
            answers = [asked(*each) for each in zip(clients, queries, strict=True)]
            assert answers[0][1], "the query finds nothing"
            assert answers[0][1] == answers[1][1], "other customers' events change the answer"
            for kept, (took, _) in zip(seconds, answers, strict=True):
                kept.append(took)
        for app in apps:
            app.close()
    alone, among = map(statistics.median, seconds)
    print(
        f"medians of {rounds}: alone {alone * 1000:.1f} ms, among {customers:,} {among * 1000:.1f} ms, ratio {among / alone:.2f}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000, int(sys.argv[2]) if len(sys.argv) > 2 else 15)
