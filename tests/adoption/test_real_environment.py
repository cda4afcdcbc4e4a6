"""The same over HTTP, with a token, against an environment that isn't embedded."""

from __future__ import annotations

import json
from pathlib import Path

from adoption_kit import project_of
from serving import served
from support import Project

TOKEN = "token-of-the-account"


def test_an_account_behind_a_token(tmp_path: Path) -> None:
    """pull, plan, drift, a lost lockfile and its rebuild through a real connection; the token stands in no file and no output."""
    made = project_of("small", tmp_path / "made")
    (tmp_path / "ours").mkdir()
    with served(made.now, made.database, TOKEN) as url:
        project = Project(
            tmp_path / "ours",
            f"version: 1\nenvironments:\n  live: {{base_url: '{url}', token_env: LIVE_TOKEN, protected: true}}\n",
        )
        env = {"LIVE_TOKEN": TOKEN}
        refused = project.run("pull", env={"LIVE_TOKEN": "wrong"})
        pulled = project.ok("pull", env=env)
        plan = project.ok("plan", env=env)
        drift = project.ok("drift", env=env)
        lockfile = tmp_path / "ours" / "billing.live.lock.json"
        lost = lockfile.read_text()
        lockfile.unlink()
        rebuilt = project.ok("state", "rebuild", env=env)

    assert refused.code == 1
    assert "401" in refused.err
    assert plan.last == "No changes. The account matches billing.yaml."
    assert "Found 8 of 8" in rebuilt.out
    assert json.loads(lost)["resources"] == json.loads(lockfile.read_text())["resources"]
    everything = "".join(path.read_text() for path in (tmp_path / "ours").iterdir() if path.is_file())
    shown = "".join(result.out + result.err for result in (refused, pulled, plan, drift, rebuilt))
    assert TOKEN not in everything + shown


def test_a_new_spec_keeps_the_way_to_the_account(tmp_path: Path) -> None:
    """--out writes every environment with its host, token variable and protection."""
    made = project_of("small", tmp_path / "made")
    (tmp_path / "ours").mkdir()
    with served(made.now, made.database) as url:
        project = Project(
            tmp_path / "ours",
            "version: 1\ndefault_environment: live\nenvironments:\n"
            f"  live: {{base_url: '{url}', token_env: LIVE_TOKEN, protected: true}}\n"
            "  eu: {}\n  local: {emulator: true}\nproducts:\n  mine: {name: Mine, type: FIXED}\n",
        )
        project.ok("pull", "--out", "theirs.yaml", env={"LIVE_TOKEN": "t"})
        plan = project.ok("plan", "-f", "theirs.yaml", env={"LIVE_TOKEN": "t"})

    assert plan.last == "No changes. The account matches theirs.yaml."
    written = (tmp_path / "ours" / "theirs.yaml").read_text()
    assert written.startswith(
        "# yaml-language-server: $schema=schemas/billing.schema.json\nversion: 1\ndefault_environment: live\n\n"
        f"environments:\n  live: {{token_env: LIVE_TOKEN, base_url: {url}, protected: true}}\n"
        "  eu: {token_env: METRONOME_BEARER_TOKEN}\n  local: {emulator: true}\n\nbillable_metrics:\n"
    )
