"""How long the command line takes to start, as a multiple of what every such program pays: ``import click, yaml``.

    python benchmarks/startup.py [--rounds N] [--check]

Machines differ and drift, so no time stands alone: all cases run in turn, round after round, and what counts is the ratio of
medians within one run. ``--check`` exits 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
# An installed package has its bytecode; without it every start would compile ours and not click's.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
TOOL = [str(Path(sys.executable).with_name("nova-iac"))]
BASE = "import click, yaml"


@dataclass(frozen=True)
class Case:
    """A command, and how many times the base it may take."""

    name: str
    command: list[str]
    goal: float | None = None


CASES = (
    Case(BASE, [sys.executable, "-c", BASE]),
    Case("nova-iac --help", [*TOOL, "--help"], 1.5),
    Case("nova-iac validate", [*TOOL, "validate"], 3.0),
    Case("nova-iac plan --no-refresh, no change", [*TOOL, "plan", "--no-refresh"]),
    Case("nova-iac plan, no change", [*TOOL, "plan"]),
)


def measure(case: Case, folder: Path) -> tuple[float, float]:
    """Wall and processor seconds of one run."""
    began = time.perf_counter()
    process = subprocess.Popen(case.command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{case.name}: exit {process.returncode}\n{complaint.decode()}")
    return wall, usage.ru_utime + usage.ru_stime


def main() -> int:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    options = parser.parse_args()
    runs: dict[str, list[tuple[float, float]]] = {case.name: [] for case in CASES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(ROOT / "billing.yaml", folder)
        subprocess.run([*TOOL, "apply", "--yes"], cwd=folder, check=True, capture_output=True)
        for number in range(-1, options.rounds):
            for case in CASES:
                taken = measure(case, folder)
                if number >= 0:  # the round before the first fills the caches
                    runs[case.name].append(taken)
    wall = {name: statistics.median(one for one, _ in taken) for name, taken in runs.items()}
    cpu = {name: statistics.median(one for _, one in taken) for name, taken in runs.items()}
    print(f"{options.rounds} rounds, medians, Python {sys.version.split()[0]}")
    print(f"{'case':40}{'ms':>8}{'ratio':>8}{'CPU ratio':>11}{'goal':>7}")
    missed = False
    for case in CASES:
        ratio = wall[case.name] / wall[BASE]
        goal = "" if case.goal is None else f"{case.goal:.1f}"
        late = case.goal is not None and ratio > case.goal
        missed = missed or late
        shown = f"{1000 * wall[case.name]:8.0f}{ratio:8.2f}{cpu[case.name] / cpu[BASE]:11.2f}{goal:>7}"
        print(f"{case.name:40}{shown}{'  missed' if late else ''}")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
