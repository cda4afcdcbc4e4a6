"""Random worlds, faults and hand edits: it converges, and then there is nothing to do.

The long run: NOVA_FUZZ=10000 pytest -m long tests/test_fuzz.py
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from faulty import FAULTS, Fault, bad_line
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support import Project, doing
from test_faults import ARCHIVES, CREATES, UPDATES
from test_kill import empty_lockfile
from worlds import HAND_EDITS, World, edit_by_hand, worlds

from nova_iac.state.lockfile import load

ALLOW = tuple(part for code in ("NV401", "NV402", "NV403", "NV405", "NV406") for part in ("--allow", code))
MARK = re.compile(r"\{[a-z_]+\.[^{}]+\}")
"""An id in a call that an earlier call gives."""
ENDPOINTS = sorted({*CREATES, *UPDATES, *ARCHIVES})

LATER = ("2026-11-22T15:30:00Z", "2026-12-23T00:00:00Z", "2027-12-01T00:00:00Z")
"""After the next full hour, and when what was scheduled has taken effect."""

faults = st.lists(
    st.builds(
        lambda name, endpoint, times: Fault(name, *endpoint, times),
        st.sampled_from(FAULTS), st.sampled_from(ENDPOINTS), st.sampled_from((1, 2, 20)),
    ),
    max_size=2,
)  # fmt: skip
edits = st.lists(st.tuples(st.sampled_from(HAND_EDITS), st.integers(0, 11)), max_size=3)
meanwhiles = st.one_of(st.just([]), edits)


def converge(
    project: Project,
    world: World,
    struck: list[Fault],
    *,
    meanwhile: Sequence[tuple[str, int]] = (),
    later: Sequence[str] = (),
) -> None:
    """Apply a world under faults, then again on a good line; then nothing is left to do, now and at later instants."""
    project.write(world.spec())
    before = project.lockfile.read_text() if project.lockfile.exists() else None
    if not planned(project):
        # Somebody gave an alias to a customer whose aliases the spec leaves alone: the way out that the message names.
        project.write(world.spec(all_aliases=True))
        assert planned(project)
    with bad_line(*struck):
        first = project.run("apply", "--yes", *ALLOW)
    assert first.code in (0, 1, 3), first.err
    check_lockfile(project)
    for what, number in meanwhile:
        edit_by_hand(project, what, number)
    if meanwhile and not planned(project):
        project.write(world.spec(all_aliases=True))
        assert planned(project)
    for _ in range(3):
        with bad_line():
            again = project.run("apply", "--yes", *ALLOW)
        check_lockfile(project)
        if again.code == 0:
            break
    assert again.code == 0, f"{again.out}\n{again.err}"
    plan = project.plan()
    assert (doing(plan), plan["drift"]) == ({}, [])
    for now in later:
        assert project.actions(now=now) == {}, now
    assert not project.journal.exists()
    assert live_ids(project) == recorded_ids(project), "an object of ours is lost, or recorded and gone"
    if not meanwhile:  # what was done by hand in between made other writes of the second attempt
        other_clone(project, before)


def other_clone(project: Project, before: str | None) -> None:
    """Another clone, with the lockfile that all of it started from, makes none of it again, whether it gets through or stops."""
    after = project.lockfile.read_text() if project.lockfile.exists() else None
    if after is None:
        return
    live = live_ids(project)
    project.lockfile.write_text(before or empty_lockfile(project))
    with bad_line():
        result = project.run("apply", "--yes", *ALLOW)
    assert result.code in (0, 1, 3), result.err
    check_lockfile(project)
    assert live_ids(project) == live, f"another clone made or archived something: {result.out}"
    project.journal.unlink(missing_ok=True)
    project.lockfile.write_text(after)


def planned(project: Project) -> bool:
    """A plan writes nothing, is the same byte for byte when made again, and has no call before one that it needs.

    False where it stops because an alias is held by another customer, which it must tell before any call.
    """
    files, sent = contents(project), len(project.writes())
    plan = project.run("plan", "--format", "json")
    again = project.run("plan", "--format", "json")
    assert (again.code, again.out, again.err) == (plan.code, plan.out, plan.err)
    assert (contents(project), len(project.writes())) == (files, sent), "a plan wrote something"
    if "NV413" in plan.err:
        return False
    assert plan.code == 0, plan.err
    to_make = {call["creates"] for call in plan.json["calls"]}
    there = set(project.recorded if project.lockfile.exists() else ()) - to_make
    for call in plan.json["calls"]:
        needed = {mark[1:-1] for mark in MARK.findall(json.dumps([call["path"], call["body"]]))}
        assert needed <= there, f"{call['path']} stands before what makes {needed - there}"
        there.add(call["creates"])
    return True


def contents(project: Project) -> dict[str, bytes]:
    """What a plan must leave as it is."""
    return {path.name: path.read_bytes() for path in (project.lockfile, project.journal) if path.exists()}


def check_lockfile(project: Project) -> None:
    """It is whole after every step."""
    if project.lockfile.exists():
        load(project.lockfile, environment="local", base_url="http://emulator")


def recorded_ids(project: Project) -> set[str]:
    """The ids in the lockfile; rates have none."""
    return {entry["id"] for entry in project.recorded.values() if entry["id"]}


def live_ids(project: Project) -> set[str]:
    """The ids of what is not archived in the account; nobody makes objects by hand here."""
    with project.account() as account:
        customers = {one.id for one in account.v1.customers.list()}
        return customers.union(
            (one.id for one in account.v1.billable_metrics.list()),
            (one.id for one in account.v1.contracts.products.list()),
            (one.id for one in account.v1.contracts.rate_cards.list() if not getattr(one, "archived_at", None)),
            (one.id for who in customers for one in account.v2.contracts.list(customer_id=who)),
        )


@dataclass(frozen=True)
class Story:
    """Two worlds, the faults on the way to each, hand edits between them, and hand edits after each attempt that met faults."""

    first: World
    second: World
    struck: list[Fault]
    again: list[Fault]
    by_hand: list[tuple[str, int]]
    meanwhile: list[tuple[str, int]]


stories = st.builds(Story, worlds(), worlds(), faults, faults, edits, meanwhiles)


def scenario(story: Story) -> None:
    """One world, hand edits, another world, and the first one again; in the end everything can be taken down."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), story.first.spec())
        converge(project, story.first, story.struck, meanwhile=story.meanwhile)
        for what, number in story.by_hand:
            edit_by_hand(project, what, number)
        converge(project, story.second, story.again, meanwhile=story.meanwhile, later=LATER)
        converge(project, story.first, [], later=LATER)
        with bad_line():
            destroyed = project.run("destroy", "--yes")
        assert destroyed.code == 0, destroyed.err
        assert project.recorded == {}
        assert live_ids(project) == set()


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(stories)
def test_any_world_converges(story: Story) -> None:
    """A sample of random worlds."""
    scenario(story)


@pytest.mark.long
@settings(
    max_examples=int(os.environ.get("NOVA_FUZZ", "300")), deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
@given(stories)
def test_many_worlds_converge(story: Story) -> None:
    """Many of them; shrinks what it finds."""
    scenario(story)
