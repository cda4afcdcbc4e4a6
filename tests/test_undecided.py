"""What identity can't decide: the run stops with the ids, and the command that it names settles it."""

from __future__ import annotations

import json
from pathlib import Path

from faulty import Fault, bad_line
from support import Project
from test_kill import copy_of
from test_recovery import CUSTOMERS, METRIC, METRICS, TOMORROW, by_hand, forget_keys, interrupted, metrics


def test_what_identity_can_not_decide_is_asked(project: Project) -> None:
    """Two objects fit: the run stops with their ids, and the command that it names settles it."""
    interrupted(project, "cut after", METRICS)
    (ours,) = metrics(project)
    twin = by_hand(project)
    forget_keys(project)
    project.forget_requests()

    stopped = project.run("apply", "--yes", now=TOMORROW)

    assert stopped.code == 1
    first, second = sorted((ours, twin))
    assert f"2 live objects fit: {first}, {second}. Say which" in stopped.err
    assert f"nova-iac import {METRIC} ID" in stopped.err
    assert project.writes() == [], "nothing is sent before it is settled"
    assert project.run("import", METRIC, "00000000-0000-0000-0000-000000000000", now=TOMORROW).code == 1
    assert "which settles them" in project.run("import", "customer.demo", ours, now=TOMORROW).err, "another is not what is open"

    settled = project.ok("import", METRIC, ours, now=TOMORROW)

    assert f"Recorded {ours} as what the interrupted run made for {METRIC}." in settled.out
    assert project.writes() == []
    assert "Recovered" not in project.apply(now=TOMORROW).err
    assert project.id(METRIC) == ours
    assert set(metrics(project)) == {ours, twin}
    assert project.actions(now=TOMORROW) == {}


def test_undecided_replacement_is_settled_too(applied: Project) -> None:
    """The new object of a replacement, though its address is recorded: the old one is archived after it, as planned."""
    old = applied.id(METRIC)
    applied.edit("aggregation_type: SUM", "aggregation_type: MAX")
    interrupted(applied, "cut after", METRICS)
    (ours,) = set(metrics(applied)) - {old}
    twin = by_hand(applied, aggregation_type="MAX")
    forget_keys(applied)
    assert "2 live objects fit" in applied.run("apply", "--yes", now=TOMORROW).err

    applied.ok("import", METRIC, ours, now=TOMORROW)

    applied.apply(now=TOMORROW)
    assert applied.id(METRIC) == ours
    assert set(metrics(applied)) == {ours, twin}
    assert applied.actions(now=TOMORROW) == {}


def test_import_keeps_what_the_journal_has(project: Project, tmp_path: Path) -> None:
    """What the killed run did, and what else it left open, stands after an import has settled one call of it."""
    base = copy_of(project, tmp_path / "base")
    with bad_line(Fault("cut after", "POST", METRICS, 99), Fault("cut after", "POST", CUSTOMERS, 99)):
        assert base.run("apply", "--yes", "--parallelism", "1").code == 3
    card = base.id("rate_card.standard")
    lockfile = json.loads(base.lockfile.read_text())
    base.lockfile.write_text(json.dumps({**lockfile, "serial": 0, "resources": {}}))  # as a run leaves it that is killed
    (ours,) = metrics(base)
    by_hand(base)
    forget_keys(base)

    base.ok("import", METRIC, ours, now=TOMORROW)

    assert base.ok("state", "list", "--ids").out.splitlines() == [f"{METRIC}\t{ours}", f"rate_card.standard\t{card}"]
    done = base.apply(now=TOMORROW)
    assert done.err.count("Recovered") == 1
    assert "Recovered POST /v1/customers for customer.demo: it took effect" in done.err
    assert base.actions(now=TOMORROW) == {}
