"""How long reading a large spec takes, beside PyYAML's C loader as it is shipped.

    python benchmarks/load_spec.py [--customers 10000] [--runs 7]

Every figure is the median of runs in fresh processes that alternate, so that what disturbs one disturbs all. Single seconds say
little on a shared machine; the ratios are what counts. The goal: nodes with places in at most 0.3 times of CSafeLoader.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAD = """version: 1
environments:
  local: {emulator: true}
billable_metrics:
  calls: {name: Calls, aggregation_type: COUNT}
products:
  api: {name: API, type: USAGE, billable_metric: calls}
rate_cards:
  standard:
    name: Standard
    rates:
      api:
        - {starting_at: 2025-09-01, price: $0.02}
customers:
"""

CUSTOMER = """  customer_{i}:
    name: Customer Number {i}
    ingest_aliases:
      - team-{i}@example.com
      - "00155{i:06d}"
    salesforce_account_id: 0015500000{i:06d}
    contracts:
      fy26:
        name: Contract {i}
        rate_card: standard
        starting_at: 2025-09-01T00:00:00Z
        ending_before: 2026-09-01T00:00:00Z
        net_payment_terms_days: 30
        usage_statement_schedule:
          frequency: MONTHLY
          day: FIRST_OF_MONTH
"""

SUBJECTS = {
    "safe": "yaml.load(…, CSafeLoader), as shipped: no places",
    "nodes": "nova_iac.spec.loader: nodes with places",
    "spec": "nova_iac.spec.load_spec: typed, judged, blocks",
}


def measure(subject: str, path: Path) -> None:
    """One run in this process: prints seconds and the peak of memory in MiB."""
    if subject == "safe":
        import yaml

        started = time.perf_counter()
        with path.open("rb") as file:
            kept: object = yaml.load(file, yaml.CSafeLoader)
    elif subject == "nodes":
        from nova_iac.spec.loader import load_file

        started = time.perf_counter()
        kept = load_file(path, str(path))
    else:
        from nova_iac.spec import load_spec

        started = time.perf_counter()
        spec = kept = load_spec(path, None)
        assert not spec.diagnostics
    seconds = time.perf_counter() - started
    assert kept
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def main() -> None:
    """Write the spec, run every subject in turn, print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--measure", nargs=2, metavar=("SUBJECT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], Path(options.measure[1]))
        return

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "billing.yaml")
        path.write_text(HEAD + "".join(CUSTOMER.format(i=i) for i in range(options.customers)), encoding="utf-8")
        size = path.stat().st_size / 1_000_000
        seconds: dict[str, list[float]] = {subject: [] for subject in SUBJECTS}
        memory: dict[str, list[float]] = {subject: [] for subject in SUBJECTS}
        for _ in range(options.runs):
            for subject in SUBJECTS:
                command = [sys.executable, __file__, "--measure", subject, str(path)]
                took, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                seconds[subject].append(float(took))
                memory[subject].append(float(peak))

    print(f"{options.customers:,} customers with a contract each, {size:.1f} MB; medians of {options.runs} alternating runs")
    base, base_memory = statistics.median(seconds["safe"]), statistics.median(memory["safe"])
    for subject, words in SUBJECTS.items():
        ratios = [ours / theirs for ours, theirs in zip(seconds[subject], seconds["safe"], strict=True)]
        median, peak = statistics.median(seconds[subject]), statistics.median(memory[subject])
        print(
            f"{words:50} {median:6.2f} s  ratio {median / base:4.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            f"  {peak:5.0f} MiB  ratio {peak / base_memory:4.2f}"
        )


if __name__ == "__main__":
    main()
