"""1,000 customers created: apply, from its first call to the saved lockfile, beside a bare loop of the same SDK calls.

    python benchmarks/apply_creates.py [PAIRS]

Both run in this process against the same null sink at the same concurrency; the journal's two fsyncs a call are in apply's time.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from nova_iac.apply.executor import Executor
from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import Location
from nova_iac.kinds import KINDS
from nova_iac.plan.change import PlanOptions
from nova_iac.plan.inputs import NOT_READ
from nova_iac.plan.planner import make_plan
from nova_iac.remote import Client
from nova_iac.resource import Address, Resource
from nova_iac.state.journal import Journal, Run
from nova_iac.state.lockfile import Lockfile

COUNT = 1_000
PARALLEL = 8
NOW = "2026-01-01T00:00:00Z"


def apply_seconds(url: str, folder: Path) -> float:
    """What nova-iac takes."""
    place = Location("billing.yaml", 1, 1)
    resources = {
        (address := Address.of("customer", f"c{number}")): Resource(
            address, {"name": f"Customer {number}", "ingest_aliases": [f"alias-{number}"]}, place
        )
        for number in range(COUNT)
    }
    lockfile = Lockfile.fresh("bench", url)
    options = PlanOptions(refresh=False)
    graph = ResourceGraph(resources)
    plan = make_plan(
        graph, lockfile, NOT_READ, kinds=KINDS, now=NOW, options=options, spec_digest="", spec_file="billing.yaml", first=True
    )
    run = Run(lockfile.lineage, 0, "bench", url, NOW)
    with Client(base_url=url, token="none", parallelism=PARALLEL) as client:
        client.send(plan.calls[0].call.endpoint, {"name": "warm-up"}, key="warm-up")
        began = time.perf_counter()
        with Journal(folder / "journal", run) as journal:
            executor = Executor(
                plan,
                lockfile,
                client,
                journal,
                now=lambda: datetime.now(UTC),
                stop=threading.Event(),
                parallelism=PARALLEL,
                kinds=KINDS,
                keys={},
            )
            for _ in executor.run():
                pass
        lockfile.with_resources(executor.result.entries).save(folder / "lock.json")
        seconds = time.perf_counter() - began
    assert executor.result.calls == COUNT
    return seconds


def bare_seconds(url: str) -> float:
    """What the same calls take by themselves."""
    from metronome import Metronome

    with Metronome(bearer_token="none", base_url=url, max_retries=0) as client:
        client.v1.customers.create(name="warm-up")
        began = time.perf_counter()
        with ThreadPoolExecutor(PARALLEL) as pool:

            def create(number: int) -> str:
                key = {"Idempotency-Key": f"{began}-{number}"}
                made = client.v1.customers.create(
                    name=f"Customer {number}", ingest_aliases=[f"alias-{number}"], extra_headers=key
                )
                return made.data.id

            list(pool.map(create, range(COUNT)))
        return time.perf_counter() - began


def main(pairs: int) -> None:
    """Print each pair and the median ratio."""
    sink = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("null_sink.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert sink.stdout is not None
    url = f"http://127.0.0.1:{int(sink.stdout.readline())}"
    ratios = []
    try:
        for _ in range(pairs):
            with tempfile.TemporaryDirectory() as folder:
                ours = apply_seconds(url, Path(folder))
            bare = bare_seconds(url)
            ratios.append(ours / bare)
            print(f"apply {ours:6.2f} s   bare {bare:6.2f} s   ratio {ours / bare:.2f}", flush=True)
    finally:
        sink.communicate("")
    print(f"median ratio of {pairs} pairs: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
