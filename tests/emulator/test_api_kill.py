"""``kill -9`` of the server while several writers create: what was answered is there after the restart, and once.

The server is a process of its own and everything goes over HTTP. Every kill falls while writers wait for answers; those then
ask again under the same ``Idempotency-Key``, or with the same events, as clients do.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from emulator_kit import emulator, sdk, serving

WRITERS = 8
CREATES = 1_000
BATCHES, PER_BATCH = 100, 100


@dataclass
class Work:
    """What there is to write, in any order, and what the server has said yes to."""

    requests: dict[str, tuple[str, dict[str, str], Any]] = field(repr=False)
    sent: set[str] = field(default_factory=set, repr=False)
    done: dict[str, Any] = field(default_factory=dict, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, url: str, until: int, then: Callable[[], object]) -> None:
        """Sends what is left from several threads; ``then`` is called in the midst, once so many have been answered."""
        left = iter([name for name in self.requests if name not in self.done])
        stop = threading.Event()

        def writer() -> None:
            with httpx.Client(base_url=url, headers={"Authorization": "Bearer t"}) as http:
                while not stop.is_set():
                    with self.lock:
                        name = next(left, None)
                        if name is None:
                            return
                        self.sent.add(name)
                    path, headers, body = self.requests[name]
                    try:
                        answer = http.post(path, headers=headers, json=body)
                        assert answer.status_code == 200, answer.text
                    except httpx.TransportError:
                        return
                    with self.lock:
                        self.done[name] = answer.json() if answer.content else None
                        if len(self.done) >= until and not stop.is_set():
                            stop.set()
                            then()

        with ThreadPoolExecutor(WRITERS) as pool:
            for each in [pool.submit(writer) for _ in range(WRITERS)]:
                each.result()


def killed_at(database: Path, work: Work, points: list[int], check: Callable[[Path, Work], None]) -> None:
    """Kills the server each time that so many writes have been answered, then lets it finish; ``check`` after every end."""
    for point in [*sorted(points), len(work.requests)]:
        with serving(database) as (process, url):
            work.write(url, point, process.kill)
            assert process.wait(20) == -9
        assert point <= len(work.done)
        check(database, work)


def creates() -> Work:
    return Work(
        {
            name: ("/v1/customers", {"Idempotency-Key": name}, {"name": name, "ingest_aliases": [f"{name}@example.com"]})
            for name in (f"customer {number}" for number in range(CREATES))
        }
    )


def check_customers(database: Path, work: Work) -> None:
    """Those that were answered under their ids, besides them none but what was sent; each whole and none twice."""
    acknowledged = {name: answer["data"]["id"] for name, answer in work.done.items()}
    with emulator(database) as app, sdk(app) as client:
        listed = list(client.v1.customers.list(limit=100))
    found = {each.name: each.id for each in listed}
    assert len(found) == len(listed)
    assert acknowledged.items() <= found.items()
    assert found.keys() <= work.sent
    assert all(each.ingest_aliases == [f"{each.name}@example.com"] for each in listed)


def ingests() -> Work:
    now = datetime.now(UTC).isoformat()
    return Work(
        {
            str(number): ("/v1/ingest", {}, [event(f"{number}-{place}", now) for place in range(PER_BATCH)])
            for number in range(BATCHES)
        }
    )


def event(id: str, now: str) -> dict[str, Any]:
    return {"transaction_id": id, "customer_id": "acme", "event_type": "image", "timestamp": now, "properties": {"n": 1}}


def check_events(database: Path, work: Work) -> None:
    """Each batch that was answered is there, each other one whole or not at all, and no event twice."""
    with emulator(database, clock=lambda: datetime.now(UTC)) as app, sdk(app) as client:
        for number, (_, _, batch) in work.requests.items():
            sent = sorted(each["transaction_id"] for each in batch)
            found = sorted(each.transaction_id for each in client.v1.usage.search(transaction_ids=sent))
            assert found == sent or (not found and number not in work.done), f"batch {number}: {len(found)} events"


def test_creates_survive_kills(tmp_path: Path) -> None:
    """Issue 4: three kills during 1,000 creates; in the end there are 1,000."""
    killed_at(tmp_path / "db" / "local.db", creates(), [1, 450, 800], check_customers)


def test_ingested_events_survive_kills(tmp_path: Path) -> None:
    """Two kills during 100 batches of 100 events, which are sent again: each event is there once."""
    killed_at(tmp_path / "db" / "local.db", ingests(), [20, 60], check_events)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_creates_and_ingests_survive_many_kills(tmp_path: Path, seed: int) -> None:
    """Ten rounds with ten kills at random points each, of creates and of batches."""
    chance = random.Random(seed)
    killed_at(tmp_path / "creates" / "local.db", creates(), chance.sample(range(1, CREATES), 10), check_customers)
    killed_at(tmp_path / "events" / "local.db", ingests(), chance.sample(range(1, BATCHES), 10), check_events)
