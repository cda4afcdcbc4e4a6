"""The action's steps, run as a runner runs them, against a served account and a GitHub on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from hub import BOT
from runner import ACTION
from team import APPLY, DEMO, PLAN, World, git


def test_first_comment_then_update_in_place(world: World) -> None:
    """A pull request has one comment: posted first, replaced when the plan changes, left alone when it doesn't."""
    world.branch("rename", DEMO, "Nova Demo")

    first = world.plan(2, "rename")
    (body,) = world.hub.bodies(2)
    again = world.plan(2, "rename")
    git(world.work, "commit", "--quiet", "--allow-empty", "-m", "more")
    world.write((world.work / "billing.yaml").read_text().replace("Nova Demo", "Nova Other"))
    world.commit("other")
    third = world.plan(2, "rename")

    assert (first.code, again.code, third.code) == (0, 0, 0), first.log
    assert body.startswith(f"{PLAN}\n")
    assert "8 to create" in body
    assert body.strip() in first.summary
    (new,) = world.hub.bodies(2)
    assert "Nova Other" in new
    assert world.hub.writes == [("POST", "/issues/2/comments"), ("PATCH", f"/issues/comments/{world.hub.comments[2][0]['id']}")]
    assert first.uploaded == [f"nova-iac-plan.billing.live.{git(world.work, 'rev-parse', 'rename~2')}"]
    assert not list(world.folder.rglob("pwned"))
    assert world.hub.leaked == []


def test_somebody_elses_marker_is_left_alone(world: World) -> None:
    """A comment with the marker by another author is not edited, for that author could edit it back."""
    world.branch("rename", DEMO, "Nova Demo")
    world.hub.comment(2, f"{PLAN}\nAll is well.", "eve")

    assert world.plan(2, "rename").code == 0

    assert world.hub.bodies(2)[0] == f"{PLAN}\nAll is well."
    assert [comment["user"]["login"] for comment in world.hub.comments[2]] == ["eve", BOT]


def test_reviewed_plan_is_applied_and_recorded(world: World) -> None:
    """The merge applies the plan of the pull request's last commit, and the lockfile is on main afterwards."""
    world.branch("rename", DEMO, "Nova Demo")
    planned = world.plan(2, "rename")
    merge = world.merge(2, "rename")

    ran = world.apply(merge)

    assert ran.code == 0, ran.log
    assert ran.outputs["run"]["digest"] == planned.outputs["run"]["digest"]
    assert "Apply complete: 8 created" in world.hub.bodies(2)[1]
    assert world.recorded["serial"] == 1
    assert len(world.recorded["resources"]) == 8
    assert world.remote(".billing.live.journal") is None
    assert git(world.folder / "remote.git", "log", "-1", "--format=%s", "main").startswith("nova-iac: lockfile of live")
    assert git(world.folder / "remote.git", "diff", "--stat=200", "--name-only", merge, "main") == "billing.live.lock.json"

    again = world.apply(merge)
    assert again.code == 0, again.log
    assert "nothing is left to do" in again.summary


def test_no_change_is_one_line(world: World) -> None:
    """A pull request that changes nothing in the account gets one line, and its merge writes nothing."""
    world.begin("acme")
    world.branch("comment", "version: 1", "version: 1  # the only one there is")

    planned = world.plan(3, "comment")
    (body,) = world.hub.bodies(3)
    tip = git(world.folder / "remote.git", "rev-parse", "main")
    merge = world.merge(3, "comment")
    ran = world.apply(merge)

    assert planned.code == ran.code == 0, ran.log
    assert "no changes in `live`" in body
    assert tip != merge
    assert git(world.folder / "remote.git", "rev-parse", "main") == merge


def test_plan_too_long_for_a_comment_is_cut_to_what_is_left_of_it(world: World) -> None:
    """A new plan and how to apply it stand in one comment and use its room; what doesn't fit is named at the top of the plan."""
    customers = "".join(f"  c{number:03}: {{name: Customer {number}}}\n" for number in range(700))
    world.branch("many", "customers:\n", f"customers:\n{customers}")
    world.plan(2, "many")
    world.write((world.work / "billing.yaml").read_text().replace("Customer ", "Other "))
    world.commit("after the review")
    reviewed = git(world.work, "rev-parse", "many~1")
    merge = world.merge(2, "many")
    world.hub.pulls[-1]["head"]["sha"] = reviewed

    ran = world.apply(merge)

    assert ran.code == 5, ran.log
    body = world.hub.bodies(2)[1]
    assert body.startswith(APPLY)
    assert 55_000 < len(body.encode()) <= 65_000
    assert "customer.c001: create, but not as reviewed" in body
    assert f"digest={ran.outputs['run']['digest']}" in body
    assert body.index("Left out to fit into a comment:") < body.index("**708 to create.** 706 calls.")
    assert body.index("**708 to create.**") < body.index("<code>customer.c001</code>")
    assert body.strip() in ran.summary


def test_another_plan_is_refused_published_and_applied_by_its_digest(world: World) -> None:
    """A merge that isn't what was reviewed applies nothing; it shows the difference, and a manual run takes the new digest."""
    world.branch("rename", DEMO, "Nova Demo")
    world.plan(2, "rename")
    world.work.joinpath("billing.yaml").write_text((world.work / "billing.yaml").read_text().replace("Nova Demo", "Sneaky"))
    world.commit("after the review")
    head = git(world.work, "rev-parse", "rename~1")
    merge = world.merge(2, "rename")
    world.hub.pulls[-1]["head"]["sha"] = head

    refused = world.apply(merge)

    assert refused.code == 5, refused.log
    assert world.recorded["resources"] == {}
    body = world.hub.bodies(2)[1]
    assert body.startswith(APPLY)
    assert "customer.demo: create, but not as reviewed" in body
    assert "  name: Nova Demo -> Sneaky\n" in body
    digest = refused.outputs["run"]["digest"]
    assert f"gh workflow run apply.yml -f environment=live -f digest={digest}" in body

    other = world.apply(event="workflow_dispatch", digest=f"sha256:{'0' * 64}")
    assert other.code == 5
    assert world.recorded["resources"] == {}
    accepted = world.apply(event="workflow_dispatch", digest=digest)
    assert accepted.code == 0, accepted.log
    assert len(world.recorded["resources"]) == 8


def test_two_pull_requests_merged_one_after_the_other(world: World) -> None:
    """Both were planned from the same lockfile: the first is applied as reviewed, the second is planned anew and waits."""
    world.begin("base")
    world.branch("one", DEMO, "Nova One")
    world.branch("two", "name: Nova Image Generation Pricing\n", "name: Nova Prices\n")
    assert (world.plan(11, "one").code, world.plan(12, "two").code) == (0, 0)
    first, second = world.merge(11, "one"), world.merge(12, "two")

    one = world.apply(first)
    two = world.apply(second)

    assert one.code == 0, one.log
    assert two.code == 5, two.log
    body = world.hub.bodies(12)[1]
    assert "serial of the lockfile: 1 -> 2" in body
    assert "customer.demo" not in body.partition("```\n")[2]
    assert world.apply(event="workflow_dispatch", digest=two.outputs["run"]["digest"]).code == 0
    assert "### ✅ nova-iac: applied to `live`" in world.hub.bodies(12)[1]
    assert world.recorded["serial"] == 3
    assert world.recorded["resources"]["customer.demo"]["attributes"]["name"] == "Nova One"
    assert world.recorded["resources"]["rate_card.standard"]["attributes"]["name"] == "Nova Prices"


def test_lockfile_and_journal_are_committed_after_a_failure_in_the_middle(world: World) -> None:
    """Half an apply is recorded on main, and a manual run with the same digest does the rest and no more."""
    world.branch("rename", DEMO, "Nova Demo")
    world.plan(2, "rename")
    merge = world.merge(2, "rename")
    world.faults({"kind": "error", "status": 400, "method": "POST", "path": "/v1/customers", "when": "before"})

    failed = world.apply(merge)

    assert failed.code == 3, failed.log
    assert "applied in part" in world.hub.bodies(2)[1]
    assert "customer.demo" not in world.recorded["resources"]
    assert "rate_card.standard" in world.recorded["resources"]
    assert world.remote(".billing.live.journal")
    world.faults()

    resumed = world.apply(event="workflow_dispatch", digest=failed.outputs["run"]["digest"])

    assert resumed.code == 0, resumed.log
    assert len(world.recorded["resources"]) == 8
    assert world.remote(".billing.live.journal") is None


def test_push_during_the_apply_is_kept(world: World) -> None:
    """A checkout that is behind main takes the lockfile from main, and the commit of the lockfile keeps what was pushed."""
    world.branch("one", DEMO, "Nova One")
    world.plan(11, "one")
    merge = world.merge(11, "one")
    (world.work / "notes.txt").write_text("unrelated")
    world.commit("unrelated")
    git(world.work, "push", "--quiet", "origin", "HEAD:main")

    ran = world.apply(merge)

    assert ran.code == 0, ran.log
    assert world.remote("notes.txt") == "unrelated"
    assert world.recorded["serial"] == 1


def test_lockfile_as_artifact(world: World) -> None:
    """With lockfile: artifact main isn't written; the next plan and apply take the state from the last run's artifact."""
    world.branch("one", DEMO, "Nova One")
    world.plan(11, "one", lockfile="artifact")
    ran = world.apply(world.merge(11, "one"), lockfile="artifact")
    world.branch("two", "Nova One", "Nova Two")
    planned = world.plan(12, "two", lockfile="artifact")

    assert ran.code == planned.code == 0, ran.log
    assert ran.uploaded == ["nova-iac-state.billing.live"]
    assert world.recorded["serial"] == 0
    assert "1 to update" in world.hub.bodies(12)[0]
    second = world.apply(world.merge(12, "two"), lockfile="artifact")
    assert second.code == 0, second.log
    assert "1 updated" in world.hub.bodies(12)[1]


def test_lockfile_that_cannot_be_pushed_is_kept_as_artifact(world: World) -> None:
    """A branch that refuses the push fails the job, and the lockfile is not lost."""
    world.branch("one", DEMO, "Nova One")
    world.plan(11, "one")
    merge = world.merge(11, "one")
    hook = world.folder / "remote.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho protected branch >&2\nexit 1\n")
    hook.chmod(0o755)

    ran = world.apply(merge)

    assert ran.code == 1
    assert ran.uploaded == ["nova-iac-state.billing.live"]
    assert "can't be pushed to main" in ran.log
    assert world.recorded["serial"] == 0


def test_fork_gets_the_offline_plan(world: World) -> None:
    """A fork's pull request has no token: its plan reads nothing, says so, writes no comment, and is never applied."""
    world.begin("acme")
    world.branch("theirs", DEMO, "Nova Fork")

    ran = world.plan(4, "theirs", fork=True)
    merge = world.merge(4, "theirs")
    after = world.apply(merge)

    assert ran.code == 0, ran.log
    assert "Made offline" in ran.summary
    assert "1 to update" in ran.summary
    assert after.code == 5
    (body,) = world.hub.bodies(4)
    assert body.startswith(APPLY)
    assert "no plan of the pull request's last commit" in body


def test_no_committed_lockfile(world: World) -> None:
    """Without one a plan says what to do, and an apply refuses before it sends anything."""
    git(world.work, "rm", "--quiet", "billing.live.lock.json")
    world.commit("gone")
    git(world.work, "push", "--quiet", "origin", "HEAD:main")
    world.branch("one", DEMO, "Nova One")

    planned = world.plan(11, "one")
    ran = world.apply(world.merge(11, "one"))

    assert planned.code == 0
    assert "nova-iac init -e live" in world.hub.bodies(11)[0]
    assert ran.code == 1
    assert "nova-iac init -e live" in ran.log
    assert world.post("/v1/contract-pricing/products/list", {})["data"] == []


def test_guard_is_shown_and_does_not_fail_the_plan(world: World) -> None:
    """What a guard would block stands in the comment; the merge sends nothing, until the guard is let through by name."""
    world.begin("acme")
    world.branch("less", "customers:\n  acme:\n    name: Acme\n    ingest_aliases: [acme@nova.com]\n", "customers:\n")

    planned = world.plan(5, "less")
    blocked = world.apply(world.merge(5, "less"))
    advice = world.hub.bodies(5)[1]
    digest = planned.outputs["run"]["digest"]
    allowed = world.apply(event="workflow_dispatch", digest=digest, allow="NV402:customer.acme")

    assert planned.code == 0
    assert "NV402" in world.hub.bodies(5)[0]
    assert blocked.code == 4, blocked.log
    assert "-f allow=NV402:customer.acme\n" in advice
    assert "### ✅ nova-iac: applied to `live`" in world.hub.bodies(5)[1]
    assert allowed.code == 0, allowed.log
    assert "customer.acme" not in world.recorded["resources"]


def test_broken_spec_fails_and_replaces_the_comment(world: World) -> None:
    """An error fails the job and takes the old plan's place, inside a fence that its text can't leave."""
    world.branch("rename", DEMO, "Nova Demo")
    world.plan(2, "rename")
    world.write((world.work / "billing.yaml").read_text().replace("rate_card: standard", 'rate_card: "```x"'))
    world.commit("broken")

    ran = world.plan(2, "rename")

    assert ran.code == 1
    assert ran.uploaded == []
    (body,) = world.hub.bodies(2)
    assert "there is no plan for `live`" in body
    assert "````" in body


def test_inputs_are_checked(world: World) -> None:
    """A digest or an option that isn't one stops the job before anything runs, and no shell ever sees it."""
    for inputs in (
        {"digest": "sha256:$(touch pwned)"},
        {"plan_options": "--target=x\n--out=/etc/passwd"},
        {"environment": "../live"},
        {"allow": "all"},
        {"lockfile": "none"},
    ):
        ran = world.apply(event="workflow_dispatch", **inputs)
        assert ran.code == 1, inputs
        assert "::error title=nova-iac::input" in ran.log
    assert world.apply(event="pull_request").code == 1
    assert not list(world.folder.rglob("pwned"))


def test_cancelled_job_reaches_the_tool(tmp_path: Path) -> None:
    """The runner's interrupt goes on to nova-iac, which saves and ends; its exit code stays, and its words can't be commands."""
    tool = tmp_path / "nova-iac"
    tool.write_text(
        f"#!{sys.executable}\nimport signal, sys\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(130))\n"
        "print('ready ::error::no', file=sys.stderr, flush=True)\nsignal.pause()\n"
    )
    tool.chmod(0o755)
    code = "from tool import nova_iac; import sys; sys.exit(nova_iac('apply').code)"
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ACTION)}
    with subprocess.Popen([sys.executable, "-Bc", code], env=env, stdout=subprocess.PIPE, text=True) as step:
        assert step.stdout is not None
        stop, ready = step.stdout.readline(), step.stdout.readline()
        step.send_signal(signal.SIGINT)
        rest = step.stdout.read().splitlines()

    assert ready == "ready ::error::no\n"
    assert step.returncode == 130
    assert stop.startswith("::stop-commands::")
    assert rest[-1] == f"::{stop.strip().removeprefix('::stop-commands::')}::"


def test_drift_keeps_one_issue(world: World) -> None:
    """Drift opens an issue, a second run leaves it alone, and a clean one closes it."""
    world.begin("acme")
    customer = world.recorded["resources"]["customer.acme"]["id"]

    clean = world.drift()
    world.post(f"/v1/customers/{customer}/setName", {"name": "By Hand"})
    first, second = world.drift(), world.drift()
    opened = [issue["state"] for issue in world.hub.issues]
    world.post(f"/v1/customers/{customer}/setName", {"name": "Acme"})
    mended = world.drift()

    assert [ran.code for ran in (clean, first, second, mended)] == [0, 0, 0, 0], first.log
    assert opened == ["open"]
    (issue,) = world.hub.issues
    assert issue["state"] == "closed"
    assert issue["body"].startswith("<!-- nova-iac:drift environment=live spec=billing.yaml -->\n")
    assert "| `customer.acme` | `name` | `Acme` | `By Hand` |" in issue["body"]
    assert "no drift in `live`" in clean.summary
