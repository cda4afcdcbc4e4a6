"""The main job, end to end: the example through the real command line and the real SDK."""

from __future__ import annotations

from support import Project


def test_first_apply_creates_everything_once(project: Project) -> None:
    """A first apply makes eight resources in six calls and writes their ids down."""
    result = project.apply()

    assert result.last == "Apply complete: 8 created, 0 updated, 0 replaced, 0 scheduled, 0 archived. 6 calls."
    assert len(project.writes()) == 6
    assert all(entry["id"] for address, entry in project.recorded.items() if not address.startswith("rate."))


def test_second_run_writes_nothing(applied: Project) -> None:
    """After an apply the plan is empty, makes at most six reads, and an apply sends no write."""
    before = applied.lockfile.read_bytes()

    assert applied.ok("plan").last == "No changes. The account matches billing.yaml."
    assert len(applied.requests()) == 6
    assert applied.apply().last == "No changes. The account matches billing.yaml."
    assert applied.writes() == []
    assert applied.lockfile.read_bytes() == before


def test_detailed_exit_code_tells_change_from_none(applied: Project) -> None:
    """plan --detailed-exitcode is 0 without a change and 2 with one."""
    assert applied.run("plan", "--detailed-exitcode").code == 0

    applied.edit("Nova Demo Customer", "Nova Demo")

    assert applied.run("plan", "--detailed-exitcode").code == 2
    assert applied.run("plan").code == 0


def test_destroy_takes_it_down_and_apply_builds_it_anew(applied: Project) -> None:
    """destroy archives five and forgets three in five calls; a new apply makes new objects without a conflict."""
    old = applied.id("customer.demo")

    assert applied.ok("destroy", "--yes").last == "Destroy complete: 5 archived, 3 forgotten. 5 calls."
    assert applied.recorded == {}
    assert applied.ok("destroy", "--yes").last == "Destroy complete: 0 archived, 0 forgotten. 0 calls."
    assert applied.apply().last.startswith("Apply complete: 8 created")
    assert applied.id("customer.demo") != old
    assert all(request["status"] == 200 for request in applied.requests())


def test_calls_made_are_the_calls_planned(project: Project) -> None:
    """apply makes the calls that the plan lists, in an order that it allows, and no other write."""
    planned = [(call["method"], call["path"]) for call in project.plan()["calls"]]

    project.apply("--parallelism", "1")

    assert project.writes() == planned


def test_plan_changes_nothing(applied: Project) -> None:
    """plan leaves lockfile, journal and database as they are, byte for byte, and leaves no other file."""
    applied.edit("Nova Demo Customer", "Nova Demo")
    applied.forget_requests()
    applied.log.touch()
    before = {path: path.read_bytes() for path in applied.folder.rglob("*") if path.is_file() and path != applied.log}

    applied.ok("plan")

    after = {path: path.read_bytes() for path in applied.folder.rglob("*") if path.is_file() and path != applied.log}
    assert after == before


def test_plan_before_the_first_apply_leaves_nothing(project: Project) -> None:
    """Looking does not make a database, a lockfile or a folder."""
    project.ok("plan")

    assert sorted(path.name for path in project.folder.iterdir()) == ["billing.yaml", "requests.log"]


def test_same_inputs_same_bytes(project: Project) -> None:
    """A plan is deterministic to the byte."""
    assert project.ok("plan", "--format", "json").out == project.ok("plan", "--format", "json").out
