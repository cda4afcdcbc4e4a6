"""What importing each dependency costs, as a multiple of ``import click``.

    python benchmarks/imports.py [ROUNDS]

Each in a fresh interpreter, in turn; medians, a bare interpreter's start taken off.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

MODULES = ("click", "yaml", "jsonschema_rs", "msgspec", "waitress", "jsonschema", "httpx", "deepdiff", "metronome")


def seconds(code: str) -> float:
    """One interpreter, from start to end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    taken: dict[str, list[float]] = {name: [] for name in ("", *MODULES)}
    for _ in range(rounds):
        for name, runs in taken.items():
            runs.append(seconds(f"import {name}" if name else "pass"))
    start = statistics.median(taken[""])
    cost = {name: statistics.median(runs) - start for name, runs in taken.items()}
    for name in MODULES:
        print(f"{name:15}{cost[name] / cost['click']:6.1f}")


if __name__ == "__main__":
    main()
