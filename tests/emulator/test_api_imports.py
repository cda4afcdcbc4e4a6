"""A program of its own: what the emulator may import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import nova_iac.emulator

FOLDER = Path(nova_iac.emulator.__file__).parent
OURS = {"nova_iac.emulator", "nova_iac.rating"}
FOREIGN = {"waitress"}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" if node.module == "nova_iac" else str(node.module) for alias in node.names}
    return names


def test_the_emulator_shares_only_the_rating_library() -> None:
    """Standard library, waitress, itself and nova_iac.rating; never the SDK, click or our kinds."""
    for path in FOLDER.rglob("*.py"):
        for name in imported(path):
            top = name.partition(".")[0]
            ours = ".".join(name.split(".")[:2])
            assert top in sys.stdlib_module_names or top in FOREIGN or ours in OURS, f"{path.name} imports {name}"


def test_importing_the_emulator_is_light() -> None:
    """The server, the SDK and HTTP clients stay out until somebody needs them."""
    code = "import sys, nova_iac.emulator; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"waitress", "metronome", "httpx", "click", "pydantic"} & set(loaded)
