"""What a run says and leaves when something is in its way: GitHub, a lock, a guard, a record that is missing."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from hub import BOT
from runner import ACTION
from team import APPLY, DEMO, World, git

from nova_iac.state.mutex import Mutex

COMMENTS = r"/issues/\d+/comments"
PROTECT = (
    "    name: Nova Image Generation Pricing\n",
    "    name: Nova Image Generation Pricing\n    lifecycle: {protect: true}\n",
)


def test_protection_of_the_second_of_two_pull_requests_is_recorded(world: World) -> None:
    """Its reviewed plan is stale and nothing is to be sent: what it adds to the record is recorded all the same."""
    world.begin("base")
    world.branch("one", DEMO, "Nova One")
    world.branch("two", *PROTECT)
    assert (world.plan(11, "one").code, world.plan(12, "two").code) == (0, 0)
    first, second = world.merge(11, "one"), world.merge(12, "two")
    assert world.apply(first).code == 0

    ran = world.apply(second)

    assert ran.code == 0, ran.log
    assert world.recorded["resources"]["rate_card.standard"]["lifecycle"] == {"protect": True}
    assert world.hub.bodies(12)[1].startswith(
        f"{APPLY}\n✅ nova-iac: nothing is left to do in `live`. The lockfile was brought up to date."
    )


def test_nothing_to_do_but_a_guard_in_the_way_is_not_green(world: World) -> None:
    """What can't be recorded because a guard blocks it fails the job."""
    world.begin("base")
    elsewhere(world)
    merge = world.commit("by hand")
    git(world.work, "push", "--quiet", "origin", "HEAD:main")

    ran = world.apply(merge)

    assert ran.code in (4, 5), ran.log
    assert "NV407" in ran.summary


def test_drift_without_a_record_fails_and_leaves_the_issue(world: World) -> None:
    """An issue is closed because the account was compared and is as recorded, never because there is nothing to compare."""
    world.begin("acme")
    customer = world.recorded["resources"]["customer.acme"]["id"]
    world.post(f"/v1/customers/{customer}/setName", {"name": "By Hand"})
    assert world.drift().code == 0
    lockfile = world.work / "billing.live.lock.json"
    lockfile.write_text(json.dumps({**json.loads(lockfile.read_text()), "resources": {}}))
    world.commit("emptied")
    git(world.work, "push", "--quiet", "origin", "HEAD:main")

    empty = world.drift()
    git(world.work, "rm", "--quiet", lockfile.name)
    world.commit("gone")
    git(world.work, "push", "--quiet", "origin", "HEAD:main")
    missing = world.drift()

    assert [issue["state"] for issue in world.hub.issues] == ["open"]
    for ran in (empty, missing):
        assert ran.code == 1
        assert "nothing is recorded in live" in ran.summary


def test_comment_that_fails_is_tried_again_and_never_posted_twice(world: World) -> None:
    """Also where a request that seemed to fail was carried out. What doesn't pass is a warning, and is tried no longer."""
    world.branch("one", DEMO, "Nova One")
    faults = {11: [(502, False)] * 2, 12: [(502, True)], 13: [(0, True)], 14: [(429, False)] * 9, 15: [(422, False)] * 2}
    for number, ways in faults.items():
        world.hub.faults = [("POST", rf"/issues/{number}/comments", *way) for way in ways]

        ran = world.plan(number, "one")

        written = number < 14
        assert ran.code == 0, ran.log
        assert "8 to create" in ran.summary
        assert len(world.hub.bodies(number)) == written
        assert (f"::warning title=nova-iac::The comment on #{number} can't be written" in ran.log) is not written
        assert len(world.hub.faults) == {14: 6, 15: 1}.get(number, 0)


def test_comment_that_fails_leaves_a_complete_apply_green(world: World) -> None:
    """What was applied was applied."""
    world.branch("one", DEMO, "Nova One")
    world.plan(11, "one")
    merge = world.merge(11, "one")
    world.hub.faults = [("POST", COMMENTS, 502, False)] * 9

    ran = world.apply(merge)

    assert ran.code == 0, ran.log
    assert world.recorded["serial"] == 1
    assert "Apply complete: 8 created" in ran.summary
    assert len(world.hub.bodies(11)) == 1


def test_comment_that_fails_keeps_the_exit_code_of_a_failed_apply(world: World) -> None:
    """Not even then: 3 stays 3."""
    world.branch("one", DEMO, "Nova One")
    world.plan(11, "one")
    merge = world.merge(11, "one")
    world.faults({"kind": "error", "status": 400, "method": "POST", "path": "/v1/customers", "when": "before"})
    world.hub.faults = [("GET", COMMENTS, 500, False)] * 9

    ran = world.apply(merge)

    assert ran.code == 3, ran.log
    assert ran.outputs["run"]["exit-code"] == "3"
    assert "rate_card.standard" in world.recorded["resources"]


def test_manual_run_after_a_failure_replaces_the_comment(world: World) -> None:
    """Its pull request is the one whose comment names the digest; where that can't be looked up, the apply goes on."""
    world.branch("one", DEMO, "Nova One")
    world.plan(11, "one")
    merge = world.merge(11, "one")
    world.hub.comment(9, f"{APPLY}\nnot ours", "eve")
    world.faults({"kind": "error", "status": 400, "method": "POST", "path": "/v1/customers", "when": "before"})
    failed = world.apply(merge)
    digest = failed.outputs["run"]["digest"]
    world.hub.comment(9, f"{APPLY}\n{digest}", "eve")
    world.hub.comment(8, f"{APPLY}\nsha256:{'0' * 64}", BOT)
    assert "applied in part" in world.hub.bodies(11)[1]
    world.hub.faults = [("GET", "/issues/comments", 403, False)]

    unseen = world.apply(event="workflow_dispatch", digest=digest)
    world.faults()
    ran = world.apply(event="workflow_dispatch", digest=digest)

    assert unseen.code == 1, unseen.log
    assert "can't be told on which pull request" in unseen.log
    assert ran.code == 0, ran.log
    assert "### ✅ nova-iac: applied to `live`" in world.hub.bodies(11)[1]
    assert [len(world.hub.bodies(number)) for number in (8, 9, 11)] == [1, 2, 2]
    assert "0" * 64 in world.hub.bodies(8)[0]


def test_held_lock_is_not_called_stale(world: World) -> None:
    """Exit 5 for a lock asks for no new review: the same plan is applied when the lock is free."""
    world.branch("one", DEMO, "Nova One")
    digest = world.plan(11, "one").outputs["run"]["digest"]
    merge = world.merge(11, "one")
    held: list[Mutex] = []

    def hold(checkout: Path) -> None:
        held.append(Mutex(checkout / ".billing.live.lock", "apply", datetime(2026, 11, 22, 14, 0, tzinfo=UTC)))
        held[0].__enter__()

    ran = world.apply(merge, prepare=hold)
    held[0].__exit__(None, None, None)

    assert ran.code == 5, ran.log
    body = world.hub.bodies(11)[1]
    assert "another run holds the lock in `live` (exit 5)" in body
    assert "stale" not in body
    assert f"-f digest={digest}" in body
    assert ran.uploaded == []


def test_stale_plan_that_reads_nothing_is_shown_with_what_nova_iac_says(world: World) -> None:
    """Such a plan has the same digest when it is made again: the reason is nova-iac's, not a difference that isn't there."""
    world.begin("acme")
    world.branch("one", "name: Acme\n", "name: Acme Two\n")
    world.plan(11, "one", plan_options="--no-refresh")
    merge = world.merge(11, "one")
    customer = world.recorded["resources"]["customer.acme"]["id"]
    world.post(f"/v1/customers/{customer}/setName", {"name": "By Hand"})

    ran = world.apply(merge, plan_options="--no-refresh")

    assert ran.code == 5, ran.log
    assert "customer.acme changed outside" in world.hub.bodies(11)[1]
    assert "Reviewed -> now" not in world.hub.bodies(11)[1]


def test_difference_tells_what_a_field_would_be_changed_from(world: World) -> None:
    """Where a hand edit lies between review and merge, both beginnings are named."""
    world.begin("acme")
    world.branch("one", "name: Acme\n", "name: Acme Two\n")
    world.plan(11, "one")
    merge = world.merge(11, "one")
    customer = world.recorded["resources"]["customer.acme"]["id"]
    world.post(f"/v1/customers/{customer}/setName", {"name": "By Hand"})

    ran = world.apply(merge)

    assert ran.code == 5, ran.log
    assert "  name: Acme Two (was Acme) -> Acme Two (was By Hand)\n" in world.hub.bodies(11)[1]


def test_guards_to_let_through_are_named_with_those_given_before(world: World) -> None:
    """The command to copy is complete: run as it stands, it applies."""
    world.begin("acme")
    text = (world.work / "billing.yaml").read_text()
    world.branch("none", text[text.index("customers:\n") :], "")
    world.plan(5, "none")

    blocked = world.apply(world.merge(5, "none"))
    first, second = allowed(world.hub.bodies(5)[1])
    digest = blocked.outputs["run"]["digest"]
    still = world.apply(event="workflow_dispatch", digest=digest, allow=first)
    both = allowed(world.hub.bodies(5)[1])
    done = world.apply(event="workflow_dispatch", digest=digest, allow="\n".join(both))

    assert (blocked.code, still.code, done.code) == (4, 4, 0), done.log
    assert sorted((first, second)) == ["NV402:customer.acme", "NV402:customer.demo"]
    assert sorted(both) == sorted((first, second))


def test_many_guards_are_let_through_by_their_code(world: World) -> None:
    """So the command stays one that can be copied; the digest says which plan it is for."""
    customers = "".join(f"  c{number:02}: {{name: Customer {number}}}\n" for number in range(11))
    world.branch("many", "customers:\n", f"customers:\n{customers}")
    world.tool("apply", "-e", "live", "--yes")
    world.commit("applied")
    git(world.work, "push", "--quiet", "origin", "HEAD:main")
    world.branch("none", customers, "")
    world.plan(5, "none")

    blocked = world.apply(world.merge(5, "none"))
    codes = allowed(world.hub.bodies(5)[1])
    done = world.apply(event="workflow_dispatch", digest=blocked.outputs["run"]["digest"], allow="\n".join(codes))

    assert (blocked.code, done.code) == (4, 0), done.log
    assert set(codes) == {"NV402", "NV406"}


def allowed(body: str) -> list[str]:
    """What the command in a comment lets through."""
    (command,) = re.findall(r"^gh workflow run .*?(?=\n```)", body, re.MULTILINE | re.DOTALL)
    (found,) = [word.removeprefix("allow=") for word in shlex.split(command) if word.startswith("allow=")]
    return found.splitlines()


def elsewhere(world: World) -> None:
    """Make the record one of another account: not one of its ids is known in this one."""
    lockfile = world.work / "billing.live.lock.json"
    text = lockfile.read_text()
    for number, known in enumerate(sorted({one["id"] for one in json.loads(text)["resources"].values() if one["id"]})):
        text = text.replace(known, f"00000000-0000-4000-8000-{number:012}")
    lockfile.write_text(text)


def test_guard_that_cannot_be_let_through_is_not_offered(world: World) -> None:
    """For a wrong account there is no name to give."""
    world.begin("acme")
    elsewhere(world)
    world.commit("another account's lockfile")
    git(world.work, "push", "--quiet", "origin", "HEAD:main")
    world.branch("one", DEMO, "Nova One")
    world.plan(11, "one")

    ran = world.apply(world.merge(11, "one"))

    assert ran.code == 4, ran.log
    assert "This can't be let through by name" in world.hub.bodies(11)[1]
    assert "allow=" not in world.hub.bodies(11)[1]


def test_fork_with_the_lockfile_as_artifact_is_told_that_its_record_is_old(world: World) -> None:
    """Its plan begins with the committed lockfile, which says nothing of what has been applied since."""
    world.branch("one", DEMO, "Nova One")
    world.plan(11, "one", lockfile="artifact")
    assert world.apply(world.merge(11, "one"), lockfile="artifact").code == 0
    world.branch("theirs", "Nova One", "Nova Fork")

    ran = world.plan(4, "theirs", fork=True, lockfile="artifact")

    assert "8 to create" in ran.summary
    assert "What was applied since is in an artifact" in ran.summary


def test_artifact_that_is_no_lockfile_stops_the_run(world: World) -> None:
    """It is the only record there may be: going on without it could make things twice."""
    for content in (b"{", b"[]", b"{}"):
        world.hub.upload("nova-iac-state.billing.live", {"lockfile": content}, head_sha="0" * 40, branch="main")
        ran = world.apply(lockfile="artifact")
        assert ran.code == 1
        assert "artifact nova-iac-state.billing.live, lockfile: this is no lockfile" in ran.log
        assert "Traceback" not in ran.log
    world.hub.blobs = dict.fromkeys(world.hub.blobs, b"PK")

    ran = world.apply(lockfile="artifact")

    assert ran.code == 1
    assert "its content can't be read" in ran.log
    assert "Traceback" not in ran.log


def test_missing_tool_and_missing_folder_are_said(world: World) -> None:
    """install: false without a nova-iac, and a spec in a folder that isn't there."""
    world.branch("one", DEMO, "Nova One")
    folder = world.plan(11, "one", file="nowhere/billing.yaml")
    (world.tools / "nova-iac").rename(world.tools / "away")
    world.runner.variables["PATH"] = f"{world.tools}:/usr/bin:/bin"
    try:
        tool = world.plan(11, "one")
    finally:
        (world.tools / "away").rename(world.tools / "nova-iac")

    assert (tool.code, folder.code) == (1, 1)
    assert "there is no nova-iac on PATH" in tool.log
    assert "there is no folder nowhere" in folder.log
    assert "Traceback" not in tool.log + folder.log


def test_artifacts_of_two_specs_have_two_names() -> None:
    """Also where only a slash tells them apart."""
    code = "import sys; from inputs import Inputs; print(Inputs('live', sys.argv[1], [], '', [], False, 'main').slug)"
    names = [
        subprocess.check_output([sys.executable, "-Bc", code, file], env={"PYTHONPATH": str(ACTION)}, text=True).strip()
        for file in ("billing.yaml", "./billing.yaml", "specs/billing.yaml", "specs-billing.yaml")
    ]

    assert names[:2] == ["billing.live"] * 2
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"[\w.-]+", name) for name in names)
