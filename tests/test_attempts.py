"""A run that takes several attempts: what the first never got to send keeps its key, and what was answered gets a new one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from faulty import Fault, bad_line
from killing import kill_at, steps_of
from support import Project
from test_kill import copy_of, from_the_lockfile_before, live_objects
from test_recovery import CONTRACTS, CUSTOMERS, METRICS, interrupted

from nova_iac.state.folding import Folded, fold
from nova_iac.state.journal import Journal, Run
from nova_iac.state.lockfile import Lockfile, load

ONE_BY_ONE = ("apply", "--yes", "--parallelism", "1")


@pytest.fixture
def base(project: Project, tmp_path: Path) -> Project:
    """What is committed before the first attempt: a spec, and no lockfile yet."""
    return copy_of(project, tmp_path / "base")


def folded(project: Project) -> Folded:
    """The record, with the journal folded in."""
    lockfile = load(project.lockfile, environment="local", base_url="http://emulator")
    found = fold(lockfile, project.journal, environment="local", base_url="http://emulator")
    assert found is not None
    return found


@pytest.mark.parametrize("path", [METRICS, "/v1/contract-pricing/products/create", CUSTOMERS, CONTRACTS])
@pytest.mark.parametrize("fault", ["401", "cut before", "500 before"])
def test_second_attempt_and_another_clone_make_the_same_objects(base: Project, project: Project, path: str, fault: str) -> None:
    """What waited for a failed call, and what was turned away for its token, is sent later under the key of the first attempt."""
    interrupted(project, fault, path)
    project.apply()
    made = live_objects(project)

    from_the_lockfile_before(base, project, "apply", "--yes")

    assert live_objects(project) == made


def test_third_attempt_keeps_the_key_of_the_first(base: Project, project: Project) -> None:
    """Through as many attempts as it takes, also one that ends before it sends anything."""
    interrupted(project, "401", METRICS)
    interrupted(project, "401", "/v1/contract-pricing/products/create")
    assert project.run("apply").code == 1, "nobody to ask"
    interrupted(project, "401", CONTRACTS)
    assert json.loads(project.lockfile.read_text())["serial"] == 3
    assert set(folded(project).keys.values()) == {0}
    project.apply()

    from_the_lockfile_before(base, project, "apply", "--yes")

    assert [max(names.values()) for names in live_objects(project).values()] == [1] * 5


def test_attempt_that_is_killed_while_it_recovers_keeps_the_keys(base: Project, project: Project, tmp_path: Path) -> None:
    """The journal of a recovery has them too."""
    interrupted(project, "cut after", METRICS)
    steps = steps_of(copy_of(project, tmp_path / "whole"), *ONE_BY_ONE)
    kill_at(project, steps.index("after journal line"), *ONE_BY_ONE)
    project.apply()

    from_the_lockfile_before(base, project, "apply", "--yes")

    assert [max(names.values()) for names in live_objects(project).values()] == [1] * 5


def test_import_that_settles_a_call_keeps_the_keys_of_the_others(base: Project, project: Project) -> None:
    """What a person decides of one call says nothing of those that were never sent."""
    interrupted(project, "cut after", METRICS)
    with project.account() as account:
        (made,) = [one.id for one in account.v1.billable_metrics.list()]
    project.ok("import", "billable_metric.image_generation", made)
    project.apply()

    from_the_lockfile_before(base, project, "apply", "--yes")

    assert [max(names.values()) for names in live_objects(project).values()] == [1] * 5


def test_what_was_made_and_archived_by_hand_between_attempts_is_made_anew(project: Project) -> None:
    """Its key would bring the archived object back."""
    interrupted(project, "401", CONTRACTS)
    archived = project.id("customer.demo")
    with project.account() as account:
        account.v1.customers.archive(id=archived)

    project.apply("--allow", "NV402")

    assert project.id("customer.demo") != archived
    assert project.actions() == {}


def test_finished_run_hands_no_key_on(project: Project) -> None:
    """What is made after it is another write, even if it is the same again."""
    project.apply()
    before = {entry["id"] for entry in project.recorded.values() if entry["id"]}
    project.ok("destroy", "--yes")
    project.apply()

    assert before.isdisjoint(entry["id"] for entry in project.recorded.values())
    assert project.actions() == {}


# --- what the journal tells ------------------------------------------------------------------------------------------------


def of_one_run(project: Project, *lines: str, serial: int = 4, keys: dict[str, int] | None = None) -> Folded:
    """A journal of a run from serial 4, beside a lockfile."""
    lockfile = Lockfile("11111111-1111-1111-1111-111111111111", serial, "local", "http://emulator")
    lockfile.save(project.lockfile)
    run = Run(lockfile.lineage, 4, "local", "http://emulator", "2026-11-22T14:30:00Z", keys=keys or {"POST /v1/x customer.a": 2})
    with Journal(project.journal, run):
        pass
    with project.journal.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)
    return folded(project)


def sent(number: int) -> str:
    """An intent of the call that the head names."""
    intent = {
        "number": number, "key": "k", "method": "POST", "path": "/v1/x", "sdk": "x", "sent_at": "2026-11-22T14:30:00Z",
        "params": {}, "effects": {}, "covers": ["customer.a"], "creates": None,
    }  # fmt: skip
    return json.dumps({"intent": intent})


REFUSED = '{"refused":{"number":1,"message":"no"}}'
UNHEARD = '{"refused":{"number":1,"message":"no","unheard":true}}'


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        pytest.param([], True, id="never sent"),
        pytest.param([sent(1), UNHEARD], True, id="turned away"),
        pytest.param([sent(1), REFUSED], False, id="refused: the refusal may be stored"),
        pytest.param([sent(1)], False, id="open: recovery has its key"),
        pytest.param([sent(1), '{"done":{"number":1,"id":null}}'], False, id="done"),
        pytest.param([sent(1), UNHEARD, sent(2), '{"done":{"number":2,"id":null}}'], False, id="turned away, then done"),
        pytest.param([sent(2), '{"done":{"number":2,"id":null}}', sent(1), UNHEARD], False, id="done, then turned away"),
    ],
)
def test_key_is_kept_by_what_was_never_heard(project: Project, lines: list[str], *, kept: bool) -> None:
    """A key that Metronome may have stored an answer for is used for nothing else."""
    assert of_one_run(project, *lines).keys == ({"POST /v1/x customer.a": 2} if kept else {})


@pytest.mark.parametrize(("serial", "kept"), [(4, True), (5, True), (6, False)])
def test_keys_are_of_the_run_before(project: Project, serial: int, *, kept: bool) -> None:
    """Beside a lockfile that others have written since, its calls may have been made, and undone."""
    assert bool(of_one_run(project, serial=serial).keys) is kept


def test_head_names_the_key_of_every_call(project: Project) -> None:
    """As it is on disk before the first call."""
    with bad_line(Fault("401", "POST", CONTRACTS, 1)):
        project.run("apply", "--yes")

    run = json.loads(project.journal.read_text().splitlines()[0])["run"]
    assert len(run["keys"]) == len({f"{call['method']} {call['covers']}" for call in run["calls"] if call["method"] == "POST"})
    assert run["keys"][f"POST {CONTRACTS} contract.demo.payg"] == 0
