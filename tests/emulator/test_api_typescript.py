"""The official TypeScript SDK, unmodified, against the emulator over HTTP (issue 4)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from emulator_kit import serving

HERE = Path(__file__).parent / "typescript"
REQUIRED = "NOVA_REQUIRE_NODE"


@pytest.fixture
def node() -> str:
    """Node.js with the SDK beside the journey (`npm ci` in that folder); else a skip, or with REQUIRED set a failure."""
    found = shutil.which("node")
    if found and (HERE / "node_modules" / "@metronome" / "sdk").is_dir():
        return found
    message = f"needs Node.js, and `npm ci` in {HERE}"
    if os.environ.get(REQUIRED):
        pytest.fail(message)
    pytest.skip(message)


@pytest.mark.node
def test_a_whole_journey_in_typescript(node: str, tmp_path: Path) -> None:
    """Metric, product, card, rates, customer, contract, usage, groups, draft invoice, archive."""
    with serving(tmp_path / "local.db") as (_, url):
        httpx.post(f"{url}/_emulator/clock", json={"now": "2026-03-15T12:00:00Z"})
        run = subprocess.run([node, "journey.mjs", url], cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
        assert run.returncode == 0, run.stderr
        assert json.loads(run.stdout) == {
            "groups": [["large", 2], ["small", 4]],
            "drafts": [[30, [["large", 2, 20], ["small", 4, 10]]]],
            "clash": ["ConflictError", 409],
            "archived": True,
            "left": [],
        }
        requests = httpx.get(f"{url}/_emulator/requests").json()["data"]
        assert [entry["status"] for entry in requests if entry["status"] != 200] == [409]
