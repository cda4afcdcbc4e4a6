"""Made once: across lost answers, runs that die twice, lost files, and objects of others that look like ours."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from faulty import NO_PAUSES, Fault, bad_line
from killing import kill_at, steps_of
from support import EXAMPLE, Project
from test_kill import copy_of, live_objects
from test_recovery import CONTRACTS, TOMORROW, by_hand, forget_keys, interrupted, metrics

from nova_iac.emulator import Emulator

# --- a uniqueness key that is taken ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def forgetful(project: Project, path: str) -> Iterator[None]:
    """The first call of a path takes effect, its answer is lost, and so is what Metronome stored under its key."""

    class Forgetful(Emulator):
        struck = False

        def __call__(self, environ: Any, start_response: Any) -> Any:
            if environ["PATH_INFO"] != path or Forgetful.struck:
                return super().__call__(environ, start_response)
            Forgetful.struck = True
            super().__call__(environ, lambda *_: None)
            forget_keys(project)
            raise ConnectionResetError

    with mock.patch("nova_iac.emulator.Emulator", Forgetful), mock.patch("nova_iac.cli.session.RETRY", NO_PAUSES):
        yield


def test_conflict_of_the_uniqueness_key_is_our_own_contract(project: Project) -> None:
    """A 409 on the uniqueness key means that this very write was made: the contract is taken, in the same run."""
    with forgetful(project, CONTRACTS):
        result = project.apply()

    assert result.last.startswith("Apply complete: 8 created")
    assert project.actions() == {}
    assert list(live_objects(project)["contracts"].values()) == [1]


def test_conflict_of_an_edits_uniqueness_key_means_done(applied: Project) -> None:
    """The same for an edit, which makes nothing."""
    applied.edit("starting_at: 2025-09-01}", "starting_at: 2025-09-01, name: Pay as you go}")

    with forgetful(applied, "/v2/contracts/edit"):
        assert applied.apply().last.startswith("Apply complete: 0 created, 1 updated")

    assert applied.actions() == {}


def test_conflict_of_another_call_is_a_failure(applied: Project) -> None:
    """Without a uniqueness key a 409 says that somebody else was there; nothing is recorded as done."""
    applied.edit("Nova Demo Customer", "Nova Demo")

    with bad_line(Fault("409 by key", "POST", "/v1/customers/*/setName", 99)):
        assert applied.run("apply", "--yes").code == 1

    assert applied.actions() == {"customer.demo": "update"}


def test_uniqueness_key_of_an_archived_contract_is_told(applied: Project) -> None:
    """The key is taken and no live contract has it: a failure, and no entry without an id."""
    text = applied.lockfile.read_text()
    data = json.loads(text)
    del data["resources"]["contract.demo.payg"]
    applied.lockfile.write_text(json.dumps({**data, "serial": data["serial"] - 1}))
    with applied.account() as account:
        account.v1.contracts.archive(
            customer_id=applied.id("customer.demo"), contract_id=json.loads(text)["resources"]["contract.demo.payg"]["id"],
            void_invoices=False,
        )  # fmt: skip
    forget_keys(applied)

    result = applied.run("apply", "--yes")

    assert result.code == 1
    assert "contract.demo.payg: failed: POST /v1/contracts/create: 409" in result.err
    assert "contract.demo.payg" not in applied.recorded
    assert applied.apply().last.startswith("Apply complete: 1 created")


def key_of_metric(project: Project, address: str = "billable_metric.image_generation") -> str:
    """The key under which a run creates a metric."""
    project.forget_requests()
    project.apply("--target", address)
    (key,) = {one["idempotency_key"] for one in project.requests() if one["path"] == "/v1/billable-metrics/create"}
    return str(key)


def test_key_is_of_one_write_from_one_lockfile(tmp_path: Path) -> None:
    """Another lineage, a later serial, another address or another body is another write; the same from a copy is the same."""
    folder = tmp_path / "base"
    folder.mkdir()
    base = Project(folder)
    start = base.spec.read_text().index("  image_generation:\n")
    block = base.spec.read_text()[start : base.spec.read_text().index("\nproducts:")]
    base.edit("\nproducts:", block.replace("  image_generation:\n", "  second:\n", 1) + "\nproducts:")
    base.edit("rate_cards:\n", "rate_cards:\n  empty: {name: Empty}\n")
    base.apply("--target", "rate_card.empty")
    names = ("same", "later", "renamed", "second", "foreign")
    same, later, renamed, second, foreign = [copy_of(base, tmp_path / name) for name in names]
    key = key_of_metric(base)
    assert key_of_metric(same) == key

    for project in (later, foreign):
        lockfile = json.loads(project.lockfile.read_text())
        change = {"serial": 7} if project is later else {"lineage": "11111111-1111-1111-1111-111111111111"}
        project.lockfile.write_text(json.dumps({**lockfile, **change}))
    renamed.edit("name: Nova Image Generation\n", "name: Images counted\n")
    keys = [key_of_metric(later), key_of_metric(foreign), key_of_metric(renamed)]
    keys.append(key_of_metric(second, "billable_metric.second"))
    assert len({key, *keys}) == 5


# --- killed twice ----------------------------------------------------------------------------------------------------------


def test_lost_runner_makes_nothing_twice(project: Project, tmp_path: Path) -> None:
    """Killed after a call of the very first run, with the journal gone: the lineage was on disk, so the keys are the same."""
    base = copy_of(project, tmp_path / "base")
    arguments = ("apply", "--yes", "--parallelism", "1")
    steps = steps_of(copy_of(base, tmp_path / "whole"), *arguments)
    for index in [number for number, step in enumerate(steps) if step == "after call"][::2]:
        killed = copy_of(base, tmp_path / f"killed-{index}")
        kill_at(killed, index, *arguments)
        killed.journal.unlink()

        killed.ok(*arguments)

        assert all(max(names.values(), default=1) == 1 for names in live_objects(killed).values()), index
        assert killed.actions() == {}


def test_killed_again_while_it_recovers(project: Project, tmp_path: Path) -> None:
    """A run that dies with calls done and one open, and another that dies while it settles them, at any of its steps."""
    base = copy_of(project, tmp_path / "base")
    arguments = ("apply", "--yes", "--parallelism", "1")
    steps = steps_of(copy_of(base, tmp_path / "whole"), *arguments)
    kill_at(base, [number for number, step in enumerate(steps) if step == "after call"][2], *arguments)
    again = steps_of(copy_of(base, tmp_path / "again"), *arguments)
    for index in range(12):
        killed = copy_of(base, tmp_path / f"killed-{index}")
        kill_at(killed, index, *arguments)

        killed.ok(*arguments)

        assert all(max(names.values(), default=1) == 1 for names in live_objects(killed).values()), again[index]
        assert killed.actions() == {}, again[index]


def test_killed_run_counts_as_one(project: Project, tmp_path: Path) -> None:
    """plan tells the serial that the next apply starts from: a call that is sent again after a kill has a new key."""
    base = copy_of(project, tmp_path / "base")
    arguments = ("apply", "--yes", "--parallelism", "1")
    steps = steps_of(copy_of(base, tmp_path / "whole"), *arguments)
    kill_at(base, steps.index("after call"), *arguments)

    assert json.loads(base.lockfile.read_text())["serial"] == 0
    assert base.plan()["serial"] == 1


def test_outcome_of_recovery_outlives_the_key(project: Project, tmp_path: Path) -> None:
    """Killed after it settled a call, a run has written down how: a day later nobody has to look for the object again."""
    base = copy_of(project, tmp_path / "base")
    interrupted(base, "cut after", "/v1/billable-metrics/create")
    (ours,) = metrics(base)
    settled = steps_of(copy_of(base, tmp_path / "whole"), "apply", "--yes").index("after journal line")
    kill_at(base, settled, "apply", "--yes")
    by_hand(base)
    forget_keys(base)

    base.apply(now=TOMORROW)

    assert base.id("billable_metric.image_generation") == ours


def test_adoption_that_is_killed_keeps_its_object(project: Project, tmp_path: Path) -> None:
    """What was taken over and changed is recorded with its id, wherever the run dies."""
    spec = EXAMPLE[: EXAMPLE.index("billable_metrics:")] + EXAMPLE[EXAMPLE.index("customers:") : EXAMPLE.index("    contracts:")]
    project.write(spec)
    with project.account() as account:
        holder = account.v1.customers.create(name="Somebody", ingest_aliases=["jane@nova.com"]).data.id
    base = copy_of(project, tmp_path / "base")
    arguments = ("apply", "--yes", "--adopt")
    for index in range(len(steps_of(copy_of(base, tmp_path / "whole"), *arguments))):
        killed = copy_of(base, tmp_path / f"killed-{index}")
        kill_at(killed, index, *arguments)

        killed.ok(*arguments)

        assert killed.id("customer.demo") == holder
        assert killed.actions() == {}


def test_lockfile_that_went_missing_comes_back_with_the_journal(project: Project, tmp_path: Path) -> None:
    """The journal alone has lineage, serial and results of a run that was killed."""
    base = copy_of(project, tmp_path / "base")
    arguments = ("apply", "--yes", "--parallelism", "1")
    steps = steps_of(copy_of(base, tmp_path / "whole"), *arguments)
    kill_at(base, [number for number, step in enumerate(steps) if step == "after call"][3], *arguments)
    base.lockfile.unlink()

    base.ok(*arguments)

    assert all(max(names.values(), default=1) == 1 for names in live_objects(base).values())
    assert base.actions() == {}


def test_reviewed_plan_is_resumed_twice(project: Project) -> None:
    """A run that resumes a reviewed plan, and stops again, is still that plan's."""
    project.ok("plan", "--out", "plan.json")
    for path in ("/v1/contract-pricing/products/create", CONTRACTS):
        with bad_line(Fault("refused", "POST", path, 1)):
            assert project.run("apply", "plan.json", "--yes").code == 3

    assert project.ok("apply", "plan.json", "--yes").last.startswith("Apply complete: 1 created")


def test_saved_lockfile_outranks_the_journal_beside_it(project: Project) -> None:
    """After an incomplete run the journal stays for what is open; what is edited in the lockfile since then stands."""
    interrupted(project, "refused", "/v1/contract-pricing/products/create")
    assert project.journal.exists()

    project.ok("state", "forget", "customer.demo", "--yes")

    assert "customer.demo" not in project.ok("state", "list").out


# --- twins -----------------------------------------------------------------------------------------------------------------


def holder(project: Project, name: str) -> str:
    """A customer that somebody made, with the example's alias."""
    with project.account() as account:
        made: str = account.v1.customers.create(name=name, ingest_aliases=["jane@nova.com"]).data.id
    project.forget_requests()
    return made


def test_equal_holder_before_the_first_apply_is_foreign(project: Project) -> None:
    """Without a lockfile there was no run that could have made it: an error before any call."""
    assert holder(project, "Nova Demo Customer") in project.run("apply", "--yes").err
    assert project.writes() == []


def test_unequal_holder_is_foreign(applied: Project) -> None:
    """With a lineage, too, a holder that differs is not ours."""
    applied.ok("destroy", "--yes")
    ident = holder(applied, "Somebody")

    assert f"nova-iac import customer.demo {ident}" in applied.run("apply", "--yes").err
    assert applied.writes() == []


def test_holder_that_is_not_ours_leaves_the_record(applied: Project) -> None:
    """The conflict that ends the run comes before what would be recorded without a call."""
    applied.ok("state", "forget", "customer.demo", "--yes")
    with applied.account() as account:
        (old,) = account.v1.customers.list().data
        account.v1.customers.set_ingest_aliases(customer_id=old.id, ingest_aliases=[])
    holder(applied, "Nova Demo Customer")
    applied.edit(
        "    name: Nova Image Generation Pricing\n", "    name: Nova Image Generation Pricing\n    lifecycle: {protect: true}\n"
    )

    result = applied.run("apply", "--yes")

    assert result.code == 1
    assert "customer.demo: failed: POST /v1/customers: 409" in result.err
    assert applied.recorded["rate_card.standard"]["lifecycle"] == {}


def test_two_that_fit_are_not_adopted(project: Project) -> None:
    """--adopt takes nothing where two objects fit: their ids, and import."""
    idents = sorted((by_hand(project), by_hand(project)))
    project.forget_requests()

    result = project.run("apply", "--yes", "--adopt")

    assert result.code == 1
    assert f"2 live objects fit it by all its fields: {idents[0]}, {idents[1]}" in result.err
    assert project.writes() == []


def test_object_that_would_be_replaced_is_not_adopted(applied: Project) -> None:
    """An object that differs in what can't change in place stays where it is."""
    entry = applied.recorded["contract.demo.payg"]
    applied.ok("state", "forget", "contract.demo.payg", "--yes")
    applied.edit(
        "payg: {rate_card: standard, starting_at: 2025-09-01}",
        "payg: {rate_card: standard, starting_at: 2025-09-01, usage_statement_schedule: {frequency: QUARTERLY}}",
    )

    result = applied.run("apply", "--yes", "--adopt")

    assert result.code == 1
    assert f"{entry['id']} differs in usage_statement_schedule.frequency, which can't change in place" in result.err
    assert applied.writes() == []


def test_product_archived_by_hand_is_a_decision(applied: Project) -> None:
    """Made again it would price what was billed before: an error with the ways out."""
    with applied.account() as account:
        account.v1.contracts.products.archive(product_id=applied.id("product.image_generation"))

    result = applied.run("apply", "--yes")

    assert result.code == 1
    assert "nova-iac state forget product.image_generation" in result.err
    assert applied.writes() == []
