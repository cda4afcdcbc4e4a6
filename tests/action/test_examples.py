"""The workflows of docs/gitops.md, the GitLab example, the hooks: what they name exists, and what they promise holds."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from runner import ACTION, DEFINITION
from support import NOW, ROOT
from team import METRONOME_TOKEN, World, git

from nova_iac.cli import cli

GUIDE = (ROOT / "docs" / "gitops.md").read_text(encoding="utf-8")
BLOCKS = [yaml.load(block, yaml.BaseLoader) for block in re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)]
WORKFLOWS: dict[str, Any] = {block["name"].split()[-1]: block for block in BLOCKS if isinstance(block, dict) and "jobs" in block}
GITLAB = yaml.safe_load((ROOT / "docs" / "examples" / "gitlab-ci.yml").read_text(encoding="utf-8"))


def steps(command: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = WORKFLOWS[command]["jobs"][command]["steps"]
    return found


@pytest.mark.parametrize("command", ["plan", "apply", "drift"])
def test_workflow_uses_the_action_as_it_is(command: str) -> None:
    """Each workflow gives the action its command and no input that it doesn't have, and says where to pin."""
    used = steps(command)[-1]

    assert used["uses"].startswith("OWNER/nova-iac/.github/actions/nova-iac@")
    assert used["with"]["command"] == command
    assert set(used["with"]) <= set(DEFINITION["inputs"])
    assert GUIDE.count("uses: ") == GUIDE.count("# pin: replace the tag by a commit's SHA")


def test_workflows_have_the_least_permissions() -> None:
    """Only apply may write to the repository, and nothing runs on pull_request_target."""
    assert {name: flow["permissions"] for name, flow in WORKFLOWS.items()} == {
        "plan": {"contents": "read", "pull-requests": "write"},
        "apply": {"contents": "write", "pull-requests": "write", "actions": "read"},
        "drift": {"contents": "read", "issues": "write"},
    }
    assert all("pull_request_target" not in flow["on"] for flow in WORKFLOWS.values())
    assert [name for name in WORKFLOWS if steps(name)[0].get("with") != {"persist-credentials": "false"}] == ["apply"]


def test_applies_are_one_at_a_time_and_never_cancelled() -> None:
    """The job of apply has a concurrency group per environment that waits."""
    job = WORKFLOWS["apply"]["jobs"]["apply"]

    assert job["concurrency"] == {"group": "nova-apply-${{ matrix.environment }}", "cancel-in-progress": "false"}


def test_command_that_comments_give_fits_the_workflow() -> None:
    """``gh workflow run`` names inputs that the workflow has."""
    names = set(re.findall(r"-f ([\w-]+)=", (ACTION / "run.py").read_text(encoding="utf-8")))

    assert names == set(WORKFLOWS["apply"]["on"]["workflow_dispatch"]["inputs"])


def test_every_input_is_documented() -> None:
    """The table of inputs is the action's."""
    table = GUIDE.partition("## Inputs")[2].partition("## ")[0]

    assert re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE) == list(DEFINITION["inputs"])


def test_pre_commit_hooks_are_commands() -> None:
    """Each hook runs a command of nova-iac with options that it has."""
    for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")):
        tool, name, *options = shlex.split(hook["entry"])
        command = cli.get_command(cli.make_context("nova-iac", ["--help"], resilient_parsing=True), name)
        assert tool == "nova-iac"
        assert command is not None, name
        assert set(options) <= {option for parameter in command.params for option in parameter.opts}
        assert f"id: {hook['id']}" in GUIDE


def gitlab(world: World, job: str, checkout: Path, part: str = "script") -> subprocess.CompletedProcess[str]:
    """Run a part of a job as GitLab's shell does."""
    env = {
        "PATH": f"{world.tools}:{os.environ['PATH']}",
        "LIVE_TOKEN": METRONOME_TOKEN,
        "NOVA_NOW": NOW,
        "NOVA_ENV": "live",
        "CI_DEFAULT_BRANCH": "main",
        "CI_SERVER_HOST": "gitlab.example",
        "CI_PROJECT_PATH": "nova/billing",
        "LOCKFILE_TOKEN": "secret",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{world.folder}/remote.git.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://nova-iac:secret@gitlab.example/nova/billing.git",
    }
    script = "\n".join(GITLAB[job][part])
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=checkout, env=env, capture_output=True, text=True, check=False
    )


def test_gitlab_example(world: World) -> None:
    """Plan, apply of that plan, and the lockfile on main, also after a failure in the middle; an old plan is refused."""
    first = world.checkout("main")
    planned = gitlab(world, "plan", first)
    assert planned.returncode == 0, planned.stderr
    world.faults({"kind": "error", "status": 400, "method": "POST", "path": "/v1/customers", "when": "before"})

    failed = gitlab(world, "apply", first)
    pushed = gitlab(world, "apply", first, "after_script")

    assert (failed.returncode, pushed.returncode) == (3, 0), failed.stderr + pushed.stderr
    assert world.remote(".billing.live.journal")
    assert world.remote("plan.json") is None
    world.faults()
    again = world.checkout("main")
    (again / "plan.json").write_bytes((first / "plan.json").read_bytes())
    resumed = gitlab(world, "apply", again)
    pushed = gitlab(world, "apply", again, "after_script")
    assert (resumed.returncode, pushed.returncode) == (0, 0), resumed.stderr + pushed.stderr
    assert world.remote(".billing.live.journal") is None
    assert len(world.recorded["resources"]) == 8
    assert gitlab(world, "apply", again).returncode == 5


def test_gitlab_merge_request_without_a_token_plans_offline(world: World) -> None:
    """The plan is text for the merge request and data for whoever wants it, and no host is asked."""
    checkout = world.checkout("main")

    ran = gitlab(world, "plan:merge-request", checkout)

    assert ran.returncode == 0, ran.stderr
    assert "8 to create" in (checkout / "plan.md").read_text()
    assert json.loads((checkout / "plan.json").read_text())["options"]["refresh"] is False
    assert GITLAB["plan:merge-request"]["artifacts"]["expose_as"] == "nova-iac plan"
    assert git(checkout, "status", "--porcelain", "--untracked-files=no") == ""
