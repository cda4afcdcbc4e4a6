"""What a command doesn't need it doesn't import. Nothing is timed here: benchmarks/startup.py does that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import NOW, Project

PROBE = """
import json, sys
from nova_iac.cli import run
code = run(sys.argv[1:])
sys.stdout.flush()
print("\\n" + json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
SDK = {"metronome", "httpx", "pydantic", "pydantic_core", "anyio", "httpcore"}
HEAVY = SDK | {"deepdiff", "waitress", "sqlite3", "jsonschema"}


def imported(folder: Path, *arguments: str) -> set[str]:
    """The top-level modules that a command has imported by its end, in a fresh interpreter."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOVA_", "METRONOME_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=folder,
        env={**clean, "NOVA_NOW": NOW},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    code, names = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    return set(names)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("apply", "--help"),
        ("validate",),
        ("schema",),
        ("completion", "bash"),
        ("init", "-f", "other.yaml"),
        ("plan", "--no-refresh"),
        ("plan", "--no-refresh", "--format", "json"),
        ("plan", "-e", "sandbox", "--no-refresh"),
    ],
    ids=" ".join,
)
def test_offline_commands_never_import_the_sdk(project: Project, arguments: tuple[str, ...]) -> None:
    """Help, validation and planning without a refresh run without the SDK and what comes with it, deepdiff included."""
    assert imported(project.folder, *arguments) & HEAVY == set()


def test_help_imports_no_yaml(project: Project) -> None:
    """--help needs click and nothing of the pipeline."""
    names = imported(project.folder, "--help")

    assert names & {"yaml", "jsonschema_rs", "graphlib"} == set()


def test_empty_plan_imports_no_deepdiff(applied: Project) -> None:
    """Where nothing differs, nothing is looked at more closely."""
    assert imported(applied.folder, "plan", "--no-refresh") & HEAVY == set()


def test_plan_with_a_nested_change_imports_deepdiff(applied: Project) -> None:
    """The closer look is taken where something differs: so the tests above look for the right name."""
    applied.edit("{name: num_images, exists: true}", "{name: num_images, exists: true, not_in_values: ['0']}")

    assert "deepdiff" in imported(applied.folder, "plan", "--no-refresh")


def test_plan_with_a_refresh_imports_the_sdk(applied: Project) -> None:
    """Reading the account goes through the official SDK."""
    assert imported(applied.folder, "plan") >= {"metronome", "httpx"}
