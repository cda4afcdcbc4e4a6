"""Saved plans: shown as they were made, applied as they were reviewed, resumed where they stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from killing import kill_at, steps_of
from support import EXAMPLE, Project
from test_kill import GROWN, copy_of, live_objects

TUESDAY = "2026-11-24T09:10:00Z"


def test_show_prints_what_plan_printed(applied: Project) -> None:
    """show FILE is the text of the plan, and its digest."""
    applied.write(GROWN)
    planned = applied.ok("plan", "--out", "plan.json").out

    shown = applied.ok("show", "plan.json").out

    digest = applied.plan()["plan_digest"]
    assert shown == f"{planned}Digest: {digest}\n"


def test_reviewed_on_monday_applied_on_tuesday(applied: Project) -> None:
    """The default effective date is fixed as the call is sent, so that a plan doesn't go stale by waiting."""
    applied.edit("Nova AI Image Generation", "Nova Images")
    applied.ok("plan", "--out", "plan.json")

    applied.ok("apply", "plan.json", "--yes", now=TUESDAY)

    with applied.account(TUESDAY) as account:
        updates = account.v1.contracts.products.retrieve(id=applied.id("product.image_generation")).data.updates
    assert [f"{update.starting_at:%Y-%m-%dT%H:%M}" for update in updates] == ["2026-11-24T10:00"]


def test_plan_whose_date_has_passed_is_stale(applied: Project) -> None:
    """A given date is absolute: applied after it, the change would be retroactive."""
    applied.edit("Nova AI Image Generation", "Nova Images")
    applied.ok("plan", "--out", "plan.json", "--effective-at", "2026-11-23")

    assert applied.run("apply", "plan.json", "--yes", now=TUESDAY).code == 5
    assert applied.writes() == []


def test_options_come_from_the_file(applied: Project) -> None:
    """A planning option beside a plan file is refused, and so is a file of another environment."""
    applied.edit("Nova Demo Customer", "Nova Demo")
    applied.ok("plan", "--out", "plan.json", "--target", "customer.demo")

    assert applied.run("apply", "plan.json", "--yes", "--adopt").code == 1
    assert applied.run("apply", "plan.json", "--yes", "--digest", f"sha256:{'0' * 64}").code == 1
    assert applied.apply("plan.json").last.startswith("Apply complete: 0 created, 1 updated")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": "2.0"}', "not json"])
def test_what_is_no_plan_is_refused(applied: Project, text: str) -> None:
    """A broken or foreign file is told apart from a plan, without a traceback."""
    (applied.folder / "plan.json").write_text(text)

    result = applied.run("apply", "plan.json", "--yes")

    assert result.code == 1
    assert result.err.startswith("Error: plan.json")


@pytest.mark.parametrize("way", ["file", "digest"])
def test_unfinished_plan_is_resumed(project: Project, tmp_path: Path, way: str) -> None:
    """A reviewed plan that was killed half-way goes on under the same file or digest."""
    base = copy_of(project, tmp_path / "base")
    base.apply()
    base.write(GROWN)
    digest = base.plan()["plan_digest"]
    base.ok("plan", "--out", "plan.json")
    approved = ("plan.json",) if way == "file" else ("--digest", digest)
    arguments = ("apply", *approved, "--yes", "--allow", "NV403", "--parallelism", "1")
    expected = copy_of(base, tmp_path / "expected")
    steps = steps_of(expected, *arguments)

    for index in range(4, len(steps), 7):
        killed = copy_of(base, tmp_path / f"killed-{index}")
        kill_at(killed, index, *arguments)
        result = killed.run(*arguments)
        if result.code == 5 and index >= steps.index("after rename to billing.local.lock.json"):
            continue  # nothing was left to resume
        assert result.code == 0, f"{steps[index]}: {result.err}"
        assert live_objects(killed) == live_objects(expected), steps[index]
        assert killed.actions() == {}, steps[index]


def test_unfinished_plan_is_not_resumed_into_another(project: Project, tmp_path: Path) -> None:
    """A call that was not reviewed stops the resumed run with exit 5."""
    base = copy_of(project, tmp_path / "base")
    digest = base.plan()["plan_digest"]
    arguments = ("apply", "--digest", digest, "--yes", "--parallelism", "1")
    kill_at(base, 12, *arguments)
    base.write(EXAMPLE.replace("Nova Demo Customer", "Somebody Else"))
    base.forget_requests()

    result = base.run(*arguments)

    assert result.code == 5
    assert "not among those that were reviewed" in result.err


def test_plan_without_refresh_checks_what_it_touches(applied: Project) -> None:
    """What was planned from the record is not applied over a hand edit."""
    applied.edit("Nova Demo Customer", "Nova Demo")
    with applied.account() as account:
        account.v1.customers.set_name(customer_id=applied.id("customer.demo"), name="By Hand")
    applied.forget_requests()

    result = applied.run("apply", "--yes", "--no-refresh")

    assert result.code == 5
    assert "customer.demo changed outside" in result.err
    assert applied.writes() == []
