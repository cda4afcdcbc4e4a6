"""A run that takes several attempts: what the first never got to send keeps its key, and what was answered gets a new one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from faulty import Fault, bad_line
from killing import kill_at, steps_of
from support import Project
from test_kill import copy_of, empty_lockfile, from_the_lockfile_before, live_objects
from test_recovery import CONTRACTS, CUSTOMERS, METRICS, interrupted

from nova_iac.emulator import Emulator
from nova_iac.resource import Address
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


@pytest.mark.parametrize("finished", [True, False])
def test_what_is_made_after_a_destroy_is_new(project: Project, *, finished: bool) -> None:
    """A destroy between two attempts ends what the first began, also one that is itself incomplete."""
    interrupted(project, "401", CONTRACTS)
    before = {entry["id"] for entry in project.recorded.values() if entry["id"]}
    with bad_line(*([] if finished else [Fault("401", "POST", "/v1/contract-pricing/products/archive", 1)])):
        assert project.run("destroy", "--yes").code == (0 if finished else 3)
    project.ok("destroy", "--yes")
    project.apply()

    assert before.isdisjoint(entry["id"] for entry in project.recorded.values())
    assert project.actions() == {}


def made_elsewhere(project: Project) -> None:
    """Another clone of the lockfile before the first attempt does it all."""
    lockfile, journal = project.lockfile.read_text(), project.journal.read_text()
    project.journal.unlink()
    project.lockfile.write_text(empty_lockfile(project))
    project.apply()
    project.lockfile.write_text(lockfile)
    project.journal.write_text(journal)


def test_what_another_clone_made_and_somebody_archived_is_told(project: Project) -> None:
    """A key brings back an archived object then; that is no success, and the next apply makes a new one."""
    interrupted(project, "401", CONTRACTS)
    made_elsewhere(project)
    customer = project.id("customer.demo")
    with project.account() as account:
        (contract,) = [one.id for one in account.v2.contracts.list(customer_id=customer)]
        account.v1.contracts.archive(customer_id=customer, contract_id=contract, void_invoices=True)

    result = project.run("apply", "--yes")

    assert result.code in (1, 3), result.out
    assert f"contract.demo.payg: failed: another clone made {contract} under the key of the attempt before" in result.err
    project.apply()
    assert project.id("contract.demo.payg") != contract
    assert project.actions() == {}


def test_what_cannot_be_read_back_is_told(project: Project) -> None:
    """Whether it is archived isn't known then; the next apply sees."""
    interrupted(project, "401", CONTRACTS)

    class Unreadable(Emulator):
        made = False

        def __call__(self, environ: Any, start_response: Any) -> Any:
            Unreadable.made = Unreadable.made or environ["PATH_INFO"] == CONTRACTS
            if not (Unreadable.made and environ["PATH_INFO"] == "/v2/contracts/list"):
                return super().__call__(environ, start_response)
            start_response("403 Forbidden", [("Content-Type", "application/json")])
            return [b'{"message": "no"}']

    with mock.patch("nova_iac.emulator.Emulator", Unreadable):
        result = project.run("apply", "--yes")

    assert result.code in (1, 3), result.out
    assert "contract.demo.payg: failed: POST /v2/contracts/list: 403 no" in result.err
    assert "contract.demo.payg" in project.recorded
    assert project.actions() == {}


def test_update_that_was_undone_by_hand_is_made_again(applied: Project) -> None:
    """Updates take a new key in every run: made twice they do no harm, and an old answer would be believed."""
    before = applied.lockfile.read_text()
    applied.edit("Nova Demo Customer", "Renamed")
    interrupted(applied, "401", "/v1/customers/*/setName")
    lockfile, journal = applied.lockfile.read_text(), applied.journal.read_text()
    applied.journal.unlink()
    applied.lockfile.write_text(before)
    applied.apply()
    applied.lockfile.write_text(lockfile)
    applied.journal.write_text(journal)
    with applied.account() as account:
        account.v1.customers.set_name(customer_id=applied.id("customer.demo"), name="By Hand")

    applied.apply()

    assert applied.actions() == {}
    with applied.account() as account:
        assert account.v1.customers.retrieve(customer_id=applied.id("customer.demo")).data.name == "Renamed"


def test_rebuild_after_a_kill_writes_what_the_journal_has(project: Project, tmp_path: Path) -> None:
    """The journal goes, so the file must have it all; and no key is used again."""
    steps = steps_of(copy_of(project, tmp_path / "whole"), *ONE_BY_ONE)
    last = max(number for number, step in enumerate(steps) if step == "after journal line")
    kill_at(project, last, *ONE_BY_ONE)
    assert json.loads(project.lockfile.read_text())["resources"] == {}

    project.ok("state", "rebuild", "--yes")

    assert not project.journal.exists()
    assert (json.loads(project.lockfile.read_text())["serial"], len(project.recorded)) == (2, 8)
    assert project.actions() == {}


@pytest.mark.parametrize("failed", ["/v1/billable-metrics/archive", "/v1/contract-pricing/products/update"])
def test_new_object_of_an_unfinished_replacement_that_is_archived_by_hand(applied: Project, failed: str) -> None:
    """One more takes its place, and what refers to either of the two before it is moved to that one."""
    applied.edit("aggregation_type: SUM", "aggregation_type: MAX")
    interrupted(applied, "401", failed, "--allow", "NV403")
    with applied.account() as account:
        account.v1.billable_metrics.archive(id=applied.id("billable_metric.image_generation"))

    applied.apply()

    assert applied.actions() == {}
    assert live_objects(applied)["metrics"] == {"Nova Image Generation": 1}


# --- what the journal tells ------------------------------------------------------------------------------------------------


def of_one_run(project: Project, *lines: str, serial: int = 4) -> Folded:
    """A journal of a run from serial 4 that was to make a customer, beside a lockfile."""
    lockfile = Lockfile("11111111-1111-1111-1111-111111111111", serial, "local", "http://emulator")
    lockfile.save(project.lockfile)
    run = Run(lockfile.lineage, 4, "local", "http://emulator", "2026-11-22T14:30:00Z", keys={Address("customer.a"): 2})
    with Journal(project.journal, run):
        pass
    with project.journal.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)
    return folded(project)


def sent(number: int) -> str:
    """An intent of the create that the head names."""
    intent = {
        "number": number, "key": "k", "method": "POST", "path": "/v1/x", "sdk": "x", "sent_at": "2026-11-22T14:30:00Z",
        "params": {}, "effects": {}, "covers": ["customer.a"], "creates": "customer.a",
    }  # fmt: skip
    return json.dumps({"intent": intent})


def done(number: int) -> str:
    """Its success."""
    return json.dumps({"done": {"number": number, "id": "1"}})


def refused(number: int, **told: bool) -> str:
    """Its refusal."""
    return json.dumps({"refused": {"number": number, "message": "no", **told}})


@pytest.mark.parametrize(
    ("lines", "kept", "serial"),
    [
        pytest.param([], True, 4, id="never sent"),
        pytest.param([sent(1), refused(1, unheard=True)], True, 4, id="turned away"),
        pytest.param([sent(1), refused(1)], False, 5, id="refused: the refusal may be stored"),
        pytest.param([sent(1)], False, 5, id="open: recovery has its key"),
        pytest.param([sent(1), done(1)], False, 5, id="done"),
        pytest.param([sent(1), refused(1, unheard=True), sent(2), done(2)], False, 5, id="turned away, then done"),
        pytest.param([sent(2), done(2), sent(1), refused(1, unheard=True)], False, 5, id="done, then turned away"),
    ],
)
def test_key_is_kept_by_what_was_never_heard(project: Project, lines: list[str], *, kept: bool, serial: int) -> None:
    """A key that Metronome may have stored an answer for is used for nothing else, nor is the serial that it was made of."""
    found = of_one_run(project, *lines)

    assert found.keys == ({"customer.a": 2} if kept else {})
    assert found.lockfile.serial == serial


@pytest.mark.parametrize(("serial", "kept"), [(4, True), (5, True), (6, False)])
def test_keys_are_of_the_run_before(project: Project, serial: int, *, kept: bool) -> None:
    """Beside a lockfile that others have written since, its calls may have been made, and undone."""
    assert bool(of_one_run(project, serial=serial).keys) is kept


@pytest.mark.parametrize(("fault", "kept"), [("401", True), ("403", False), ("refused", False)])
def test_only_a_wrong_token_leaves_the_key_as_it_was(project: Project, fault: str, *, kept: bool) -> None:
    """Whoever answers otherwise has looked at the call, and may have stored what was answered."""
    interrupted(project, fault, CONTRACTS)

    assert ("contract.demo.payg" in folded(project).keys) is kept


def test_head_names_the_key_of_every_create(project: Project) -> None:
    """As it is on disk before the first call."""
    interrupted(project, "401", CONTRACTS)

    run = json.loads(project.journal.read_text().splitlines()[0])["run"]
    assert run["keys"] == {call["creates"]: 0 for call in run["calls"] if call["creates"]}
    assert "contract.demo.payg" in run["keys"]
