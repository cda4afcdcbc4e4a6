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
EXAMPLE = (ROOT / "docs" / "examples" / "gitlab-ci.yml").read_text(encoding="utf-8")
GITLAB = yaml.safe_load(EXAMPLE)


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
    for line in (GUIDE + EXAMPLE).splitlines():
        assert ("@v" in line) is ("# pin: replace the tag by a commit's SHA" in line), line


def test_workflows_have_the_least_permissions() -> None:
    """Only apply may write to the repository, and nothing runs on pull_request_target."""
    assert {
        name: job.get("permissions", flow["permissions"]) for flow in WORKFLOWS.values() for name, job in flow["jobs"].items()
    } == {
        "plan": {"contents": "read", "pull-requests": "write"},
        "validate": {"contents": "read", "security-events": "write"},
        "apply": {"contents": "write", "pull-requests": "write", "actions": "read"},
        "drift": {"contents": "read", "issues": "write"},
    }
    assert WORKFLOWS["plan"]["permissions"] == {"contents": "read"}
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


def test_merge_queue_is_not_advised_without_its_event() -> None:
    """What a merge queue merges has no plan unless plan runs on merge_group."""
    assert "merge_group" in WORKFLOWS["plan"]["on"] or "or use a merge queue" not in GUIDE


@pytest.mark.parametrize(("broken", "fork"), [(True, False), (True, True), (False, False)])
def test_problems_reach_the_changed_lines(world: World, broken: bool, fork: bool) -> None:
    """The job uploads SARIF above all when validate fails; a fork's, whose token can't write, fails by the spec alone."""
    checkout = world.checkout("main")
    if broken:
        spec = checkout / "billing.yaml"
        spec.write_text(spec.read_text().replace("rate_card: standard", "rate_card: standart"))
    job = WORKFLOWS["plan"]["jobs"]["validate"]["steps"]
    env = {"PATH": f"{world.tools}:{os.environ['PATH']}"}
    failed = uploaded = False
    for step in job:
        if "run" in step and "pip install" not in step["run"]:
            ran = subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], cwd=checkout, env=env, check=False)
            failed = failed or ran.returncode != 0
        elif "if" in step:
            terms = {
                "!cancelled()": True,
                "hashFiles('nova.sarif') != ''": (checkout / "nova.sarif").exists(),
                "github.event.pull_request.head.repo.full_name == github.repository": not fork,
            }
            uploaded = all(terms[term] for term in re.fullmatch(r"\$\{\{ (.*) \}\}", step["if"])[1].split(" && "))
            assert step["uses"].startswith("github/codeql-action/upload-sarif@")
            assert step["with"] == {"sarif_file": "nova.sarif"}
    results = json.loads((checkout / "nova.sarif").read_text())["runs"][0]["results"]

    assert failed is broken
    assert uploaded is not fork
    assert ("error" in [result["level"] for result in results]) is broken


def gitlab(world: World, job: str, checkout: Path, tools: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a job's script as GitLab's shell does, with more tools if need be."""
    env = {
        "PATH": f"{tools or world.tools}:{world.tools}:{os.environ['PATH']}",
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
    script = "\n".join(GITLAB[job]["script"])
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=checkout, env=env, capture_output=True, text=True, check=False
    )


def hook(world: World, script: str) -> None:
    """What the remote does with a push."""
    file = world.folder / "remote.git" / "hooks" / "pre-receive"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_gitlab_example(world: World) -> None:
    """Plan, apply of that plan, and the lockfile on main, also after a failure in the middle; an old plan is refused."""
    first = world.checkout("main")
    planned = gitlab(world, "plan", first)
    assert planned.returncode == 0, planned.stderr
    world.faults({"kind": "error", "status": 400, "method": "POST", "path": "/v1/customers", "when": "before"})

    failed = gitlab(world, "apply", first)

    assert failed.returncode == 3, failed.stderr
    assert world.remote(".billing.live.journal")
    assert world.remote("plan.json") is None
    world.faults()
    again = world.checkout("main")
    (again / "plan.json").write_bytes((first / "plan.json").read_bytes())
    resumed = gitlab(world, "apply", again)
    assert resumed.returncode == 0, resumed.stderr
    assert world.remote(".billing.live.journal") is None
    assert len(world.recorded["resources"]) == 8
    tip = git(world.folder / "remote.git", "rev-parse", "main")
    assert gitlab(world, "apply", again).returncode == 5
    assert git(world.folder / "remote.git", "rev-parse", "main") == tip


def test_gitlab_push_goes_beside_others_and_is_tried_again(world: World) -> None:
    """What is pushed during the apply stays, and a push that loses the race is made once more."""
    (world.work / "notes.txt").write_text("unrelated")
    world.commit("unrelated")
    own = world.folder / "own"
    own.mkdir()
    tool = own / "nova-iac"
    tool.write_text(f'#!/bin/sh\ngit -C {world.work} push --quiet origin HEAD:main\nexec {world.tools}/nova-iac "$@"\n')
    tool.chmod(0o755)
    checkout = world.checkout("main")
    assert gitlab(world, "plan", checkout).returncode == 0
    hook(world, f"test ! -e {world.folder}/raced && exit 0; rm {world.folder}/raced; exit 1")
    tool.write_text(tool.read_text().replace("exec ", f"touch {world.folder}/raced\nexec "))

    ran = gitlab(world, "apply", checkout, own)

    assert ran.returncode == 0, ran.stderr
    assert not (world.folder / "raced").exists()
    assert world.remote("notes.txt") == "unrelated"
    assert world.recorded["serial"] == 1


def test_gitlab_refused_push_fails_the_job(world: World) -> None:
    """A lockfile that isn't pushed is no success, and stays where the job's artifacts are taken from."""
    checkout = world.checkout("main")
    assert gitlab(world, "plan", checkout).returncode == 0
    hook(world, "echo protected branch >&2; exit 1")

    ran = gitlab(world, "apply", checkout)

    assert ran.returncode == 1
    assert "Apply complete: 8 created" in ran.stdout
    assert "The lockfile could not be pushed" in ran.stderr
    assert json.loads((checkout / "billing.live.lock.json").read_text())["serial"] == 1
    assert world.recorded["serial"] == 0
    assert GITLAB["apply"]["artifacts"]["when"] == "always"


def test_gitlab_lockfile_that_somebody_else_wrote_is_not_overwritten(world: World) -> None:
    """Not by this job's either: a person must see what happened."""
    checkout = world.checkout("main")
    assert gitlab(world, "plan", checkout).returncode == 0
    lockfile = world.work / "billing.live.lock.json"
    lockfile.write_text(json.dumps({**json.loads(lockfile.read_text()), "serial": 7}))
    world.commit("by hand")
    own = world.folder / "own"
    own.mkdir()
    tool = own / "nova-iac"
    tool.write_text(f'#!/bin/sh\ngit -C {world.work} push --quiet origin HEAD:main\nexec {world.tools}/nova-iac "$@"\n')
    tool.chmod(0o755)

    ran = gitlab(world, "apply", checkout, own)

    assert ran.returncode == 1
    assert "Somebody else has written the lockfile" in ran.stderr
    assert world.recorded["serial"] == 7


def test_nothing_is_installed_by_a_name_that_anybody_can_take() -> None:
    """The package is on no index: its name alone would be a stranger's code, with the token in reach."""
    assert GITLAB["variables"]["NOVA_IAC"].startswith("nova-iac @ git+https://github.com/OWNER/nova-iac@")
    for file in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/**/*.yml")]:
        for line in file.read_text(encoding="utf-8").splitlines():
            for given in re.findall(r"pip install ([^`&#]*)", line):
                assert not re.search(r"nova-iac(?! @ git\+https:)", given.replace("OWNER/nova-iac", "")), f"{file.name}: {line}"


def test_gitlab_merge_request_without_a_token_plans_offline(world: World) -> None:
    """The plan is text for the merge request and data for whoever wants it, and no host is asked."""
    checkout = world.checkout("main")

    ran = gitlab(world, "plan:merge-request", checkout)

    assert ran.returncode == 0, ran.stderr
    assert "8 to create" in (checkout / "plan.md").read_text()
    assert json.loads((checkout / "plan.json").read_text())["options"]["refresh"] is False
    assert GITLAB["plan:merge-request"]["artifacts"]["expose_as"] == "nova-iac plan"
    assert git(checkout, "status", "--porcelain", "--untracked-files=no") == ""
