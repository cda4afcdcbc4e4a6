"""A no-op ``plan --no-refresh`` of many resources beside octoDNS's no-op plan of as many records, and beside a tenth of them.

    python benchmarks/plan_scale.py --octodns PATH/TO/octodns-sync [--count 20000] [--pairs 3]

Whole processes, in turn; medians. octoDNS (pip install octodns, in an environment of its own) compares a YAML zone with a YAML
zone; its records are smaller than our resources, and neither talks to a network.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from nova_iac.desired.graph import build_graph
from nova_iac.kinds import KINDS
from nova_iac.spec import load_spec
from nova_iac.state.lockfile import LockEntry, Lockfile

HEAD = """version: 1
environments: {local: {emulator: true}}
rate_cards: {standard: {name: Standard}}
customers:
"""


def our_project(folder: Path, count: int) -> None:
    """A spec of customers with a contract each, and the lockfile that matches it."""
    folder.mkdir()
    blocks = [
        f"  c{number:06}:\n    name: Customer {number}\n    ingest_aliases: [alias-{number}]\n    contracts:\n"
        f"      main: {{rate_card: standard, starting_at: 2025-09-01, name: Contract {number}, net_payment_terms_days: 30}}\n"
        for number in range((count - 1) // 2)
    ]
    (folder / "billing.yaml").write_text(HEAD + "".join(blocks))
    graph = build_graph(load_spec(folder / "billing.yaml", None), KINDS)
    entries = {
        address: LockEntry(str(uuid.uuid4()), one.attributes, one.depends_on, one.lifecycle)
        for address, one in graph.resources.items()
    }
    Lockfile.fresh("local", "http://emulator").with_resources(entries).save(folder / "billing.local.lock.json")


def octodns_project(folder: Path, count: int) -> None:
    """A zone that stands at its source and at its target alike."""
    for side in ("source", "target"):
        (folder / side).mkdir(parents=True)
        records = (
            f"r{number:06}:\n  ttl: 300\n  type: A\n  value: 10.0.{number // 250 % 250}.{number % 250 + 1}\n"
            for number in range(count)
        )
        (folder / side / "example.com.yaml").write_text("---\n" + "".join(records))
    provider = "class: octodns.provider.yaml.YamlProvider"
    (folder / "config.yaml").write_text(
        f"providers:\n  source: {{{provider}, directory: {folder}/source}}\n"
        f"  target: {{{provider}, directory: {folder}/target}}\n"
        "zones:\n  example.com.:\n    sources: [source]\n    targets: [target]\n"
    )


def timed(command: list[str], folder: Path, expected: str) -> tuple[float, int]:
    """Seconds and peak memory (MB) of one process that must say what is expected."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    assert status == 0, said
    assert expected in said, said
    return seconds, usage.ru_maxrss // 1024


def main() -> None:
    """Print each round and the medians."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--octodns", required=True)
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--pairs", type=int, default=3)
    given = options.parse_args()
    plan = [sys.executable, "-m", "nova_iac", "plan", "--no-refresh"]
    sync = [given.octodns, "--config-file", "config.yaml"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        our_project(folder / "ours", given.count)
        our_project(folder / "tenth", given.count // 10)
        octodns_project(folder / "octodns", given.count)
        against, growth, peak = [], [], 0
        for _ in range(given.pairs):
            ours, memory = timed(plan, folder / "ours", "No changes.")
            tenth, _ = timed(plan, folder / "tenth", "No changes.")
            theirs, _ = timed(sync, folder / "octodns", "No changes")
            peak = max(peak, memory)
            against.append(ours / theirs)
            growth.append(ours / tenth)
            print(f"ours {ours:6.2f} s {memory} MB   a tenth {tenth:5.2f} s   octoDNS {theirs:6.2f} s", flush=True)
    ratio, factor = statistics.median(against), statistics.median(growth)
    print(f"medians of {given.pairs}: {ratio:.2f} of octoDNS, {factor:.1f} of a tenth, peak {peak} MB")


if __name__ == "__main__":
    main()
