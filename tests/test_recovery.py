"""What an interrupted run left open is settled: by the same call, by a look-up, or by a person; nothing is guessed."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from faulty import NO_PAUSES, Fault, bad_line
from support import EXAMPLE, Project, Result
from test_kill import live_objects

from nova_iac.emulator import Emulator
from nova_iac.emulator.faults import Fault as ServerFault

METRICS = "/v1/billable-metrics/create"
CONTRACTS = "/v1/contracts/create"
CUSTOMERS = "/v1/customers"
METRIC = "billable_metric.image_generation"
TOMORROW = "2026-11-23T15:30:00Z"
SHAPE: dict[str, Any] = {
    "name": "Nova Image Generation",
    "event_type_filter": {"in_values": ["image_generation"]},
    "aggregation_type": "SUM",
    "aggregation_key": "num_images",
    "group_keys": [["image_type"]],
    "property_filters": [{"name": "image_type", "exists": True}, {"name": "num_images", "exists": True}],
}
"""The example's metric, as somebody makes it by hand."""


def interrupted(project: Project, fault: str, path: str, *arguments: str, method: str = "POST") -> Result:
    """An apply whose calls of one path fail for as long as the run tries."""
    with bad_line(Fault(fault, method, path, 99)):
        result = project.run("apply", "--yes", *arguments)
    assert result.code in (1, 3), result.err
    return result


def forget_keys(project: Project) -> None:
    """Metronome forgets the answers that it has stored."""
    with contextlib.closing(sqlite3.connect(project.database)) as database, database:
        database.execute("DELETE FROM idempotency_key")


def by_hand(project: Project, **changes: Any) -> str:
    """Somebody makes the example's metric."""
    with project.account() as account:
        made: str = account.v1.billable_metrics.create(**{**SHAPE, **changes}).data.id
    return made


def metrics(project: Project) -> list[str]:
    """The ids of the live metrics."""
    with project.account() as account:
        return [one.id for one in account.v1.billable_metrics.list()]


def files(project: Project) -> dict[str, bytes]:
    """Every file of the project but for the account and its log."""
    return {
        str(path.relative_to(project.folder)): path.read_bytes()
        for path in sorted(project.folder.rglob("*"))
        if path.is_file() and ".nova" not in path.parts and path != project.log
    }


@contextlib.contextmanager
def struck(*faults: ServerFault) -> Iterator[None]:
    """The emulator's own faults: answers that are stored with their key, and empty ones."""

    class Struck(Emulator):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.faults.set(faults)

    with mock.patch("nova_iac.emulator.Emulator", Struck), mock.patch("nova_iac.cli.session.RETRY", NO_PAUSES):
        yield


# --- plan ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["plan"], ["plan", "--destroy"], ["plan", "--format", "json"], ["drift"]])
def test_plan_shows_what_it_would_recover_and_changes_nothing(project: Project, command: list[str]) -> None:
    """The open call is named, no write is sent, no file changes; what the call may have made is no stranger's."""
    interrupted(project, "cut after", CUSTOMERS)
    project.edit("Nova Demo Customer", "Nova Demo")
    project.forget_requests()
    before = files(project)

    result = project.run(*command)

    assert result.code == 0, result.err
    told = " ".join(f"{result.out} {result.err}".split())
    assert (
        f"The last run left `POST {CUSTOMERS}` for customer.demo with an unknown outcome; apply settles it first." in told
        or f"apply settles it first: POST {CUSTOMERS} for customer.demo" in told
    )
    assert project.writes() == []
    assert files(project) == before


# --- the same call under the same key --------------------------------------------------------------------------------------


def test_open_call_is_sent_again_under_its_key(project: Project) -> None:
    """Within 24 hours the stored answer tells which object is ours, though a twin was made by hand meanwhile."""
    interrupted(project, "cut after", METRICS)
    (ours,) = metrics(project)
    twin = by_hand(project)

    result = project.apply()

    assert f"Recovered POST {METRICS} for {METRIC}: it took effect (sent again under its key)." in result.err
    assert project.id(METRIC) == ours
    assert set(metrics(project)) == {ours, twin}


def test_key_is_not_trusted_after_a_day(project: Project) -> None:
    """After 24 hours the key may be forgotten, and the same call would make another: it is looked up instead."""
    interrupted(project, "cut after", METRICS)
    (ours,) = metrics(project)
    forget_keys(project)

    result = project.apply(now=TOMORROW)

    assert "it took effect (found by all its fields)." in result.err
    assert (project.id(METRIC), metrics(project)) == (ours, [ours])


def test_refusal_settles_an_open_call(applied: Project) -> None:
    """What Metronome refuses now and nobody finds has not taken effect: the run goes on, and plans what is right by then."""
    applied.edit("    contracts:\n", "    contracts:\n      more: {rate_card: standard, starting_at: 2027-01-01}\n")
    interrupted(applied, "cut before", CONTRACTS)
    with applied.account() as account:
        account.v1.customers.archive(id=applied.id("customer.demo"))

    result = applied.apply()

    assert f"Recovered POST {CONTRACTS} for contract.demo.more: it took no effect (not found under" in result.err
    assert applied.actions() == {}


@pytest.mark.parametrize("fault", ["timeout before", "429 storm"])
def test_unsettled_call_stops_the_run(project: Project, fault: str) -> None:
    """As long as it can't be told whether a call took effect, nothing else is sent, and the call stays open."""
    interrupted(project, "cut after", METRICS)
    journal = project.journal.read_text()

    result = interrupted(project, fault, METRICS)

    assert result.code == 1
    assert "Recovered" not in result.err
    assert result.out == "", "nothing is planned before it is settled"
    assert any(line == project.journal.read_text().splitlines()[1] for line in journal.splitlines()), "it is still open"
    assert "it took effect (sent again under its key)." in project.apply().err


@pytest.mark.parametrize("when", ["before", "after"])
def test_stored_500_is_looked_up_and_sent_under_a_new_key(project: Project, when: str) -> None:
    """A stored 500 would be replayed for a day: the object is looked up, and made under a new key if it isn't there."""
    with struck(ServerFault("error", "POST", METRICS, status=500, when=when, kept=True, times=1)):
        assert project.run("apply", "--yes").code == 3

    result = project.apply()

    found = "it took effect (found by" if when == "after" else "it took no effect (not found in the account"
    assert f"Recovered POST {METRICS} for {METRIC}: {found}" in result.err
    keys = [request["idempotency_key"] for request in project.requests() if request["path"] == METRICS]
    assert len(set(keys)) == (1 if when == "after" else 2)
    assert metrics(project) == [project.id(METRIC)]


def test_answer_without_an_id_is_no_answer(project: Project) -> None:
    """A create whose answer is empty may have made the object: its id is asked for again."""
    with struck(ServerFault("truncate", "POST", METRICS, size=0, times=1)):
        result = project.run("apply", "--yes")
    assert result.code == 3
    assert "the answer has no id" in result.err

    project.apply()

    assert metrics(project) == [project.id(METRIC)]


def test_refused_call_is_not_open(project: Project) -> None:
    """A call that Metronome refused took no effect; the next run has nothing to settle."""
    interrupted(project, "refused", METRICS)

    assert "Recovered" not in project.apply().err
    assert project.actions() == {}


def test_open_update_is_left_to_the_plan(applied: Project) -> None:
    """A call that makes nothing is settled by what holds: it is sent again only if it is still needed."""
    applied.edit("name: Nova Image Generation\n", "name: Images counted\n")
    path = f"/v1/billable-metrics/{applied.id(METRIC)}"
    for fault, expected, told in (("cut before", 1, "it took effect (sent again"), ("cut after", 0, "(left to the next plan,")):
        interrupted(applied, fault, path, method="PUT")
        applied.forget_requests()

        result = applied.apply()

        assert told in result.err
        assert applied.writes() == [("PUT", path)] * expected
        applied.edit("name: Images counted\n", "name: Counted\n") if expected else None


def test_open_update_that_is_still_planned_is_sent_again(applied: Project) -> None:
    """A call that makes nothing has no id in its answer; its key keeps it from taking effect twice."""
    applied.edit("[jane@nova.com]", "[jane@nova.com, j@nova.com]")
    interrupted(applied, "cut before", f"/v1/customers/{applied.id('customer.demo')}/setIngestAliases")

    result = applied.apply()

    assert "for customer.demo: it took effect (sent again under its key)." in result.err
    assert result.last == "No changes. The account matches billing.yaml."
    assert applied.actions() == {}


def test_settled_once_is_settled_for_good(project: Project) -> None:
    """Of two open calls one can't be settled yet: the outcome of the other one is written down, and not asked for again."""
    with bad_line(Fault("cut before", "POST", METRICS, 99), Fault("cut after", "POST", CUSTOMERS, 99)):
        assert project.run("apply", "--yes", "--parallelism", "1").code == 3

    with bad_line(Fault("500 before", "GET", "/v1/customers", 99)):
        first = project.run("apply", "--yes", "--no-refresh", now=TOMORROW)

    assert f"Recovered POST {METRICS} for {METRIC}: it took no effect" in first.err
    again = project.apply(now=TOMORROW)

    told = [line for result in (first, again) for line in result.err.splitlines() if line.startswith("Recovered")]
    assert [line.partition(": ")[0] for line in told] == [
        f"Recovered POST {METRICS} for {METRIC}", f"Recovered POST {CUSTOMERS} for customer.demo"
    ]  # fmt: skip
    assert project.actions(now=TOMORROW) == {}


def test_run_that_settled_a_call_raises_the_serial(project: Project) -> None:
    """A run that settled an open call counts, though nothing else was to be done."""
    interrupted(project, "cut before", METRICS)
    serial = json.loads(project.lockfile.read_text())["serial"]

    with bad_line(Fault("409 by key", "POST", METRICS, 1)):
        assert project.apply("--exclude", METRIC).last.startswith("No changes.")

    assert json.loads(project.lockfile.read_text())["serial"] == serial + 1


def test_conflict_is_looked_up(project: Project) -> None:
    """A key that Metronome says was used otherwise tells nothing of the call: the object is looked up."""
    interrupted(project, "cut after", METRICS)
    (ours,) = metrics(project)

    with bad_line(Fault("409 by key", "POST", METRICS, 99)):
        result = project.run("apply", "--yes")

    assert "it took effect (found by all its fields)." in result.err
    assert metrics(project) == [ours]


# --- look-ups --------------------------------------------------------------------------------------------------------------


def test_look_up_takes_nothing_that_is_recorded(project: Project) -> None:
    """An equal resource of the spec is not taken for the one whose creation is open."""
    project.apply()
    first = project.id(METRIC)
    start = EXAMPLE.index("  image_generation:\n")
    block = EXAMPLE[start : EXAMPLE.index("\nproducts:")]
    project.edit("\nproducts:", block.replace("  image_generation:\n", "  second:\n", 1) + "\nproducts:")
    interrupted(project, "cut before", METRICS)

    result = project.apply(now=TOMORROW)

    assert "it took no effect (not found in the account" in result.err
    assert sorted(metrics(project)) == sorted({first, project.id("billable_metric.second")})


def test_look_up_takes_nothing_that_differs(project: Project) -> None:
    """An object of the same name that differs in a field was not made by that call."""
    interrupted(project, "cut before", METRICS)
    stranger = by_hand(project, aggregation_type="MAX")

    project.apply(now=TOMORROW)

    assert project.id(METRIC) != stranger
    assert len(metrics(project)) == 2


def test_alias_tells_a_customer_though_it_was_renamed(project: Project) -> None:
    """Two customers can't share an alias, so who holds it was made by that call."""
    interrupted(project, "cut after", CUSTOMERS)
    with project.account() as account:
        (ours,) = account.v1.customers.list().data
        account.v1.customers.set_name(customer_id=ours.id, name="By Hand")
    forget_keys(project)

    result = project.apply(now=TOMORROW)

    assert "it took effect (found by an ingest alias)." in result.err
    assert project.id("customer.demo") == ours.id
    assert list(live_objects(project)["customers"]) == ["Nova Demo Customer"]


def test_what_stays_open_keeps_its_journal(project: Project) -> None:
    """A run that does nothing else, and can't settle what is open, leaves it to the next one."""
    interrupted(project, "cut after", METRICS)
    journal = project.journal

    for _ in range(2):
        interrupted(project, "timeout before", METRICS)
        assert journal.exists()

    assert "Recovered" in project.apply().err


def test_look_up_that_fails_stops_the_run(project: Project) -> None:
    """No answer to the look-up is no answer to whether it was made."""
    interrupted(project, "cut after", METRICS)
    forget_keys(project)

    with bad_line(Fault("500 before", "GET", "/v1/billable-metrics", 99)):
        result = project.run("apply", "--yes", "--no-refresh", now=TOMORROW)

    assert result.code == 1
    assert f"whether {METRIC} was created can't be looked up" in result.err
    project.apply(now=TOMORROW)
    assert len(metrics(project)) == 1


@pytest.mark.parametrize("fault", ["cut before", "cut after"])
def test_contract_is_looked_up_by_its_uniqueness_key(applied: Project, fault: str) -> None:
    """Made or not is told by the key alone, though somebody renamed it, or made another like it, meanwhile."""
    applied.edit("    contracts:\n", "    contracts:\n      more: {rate_card: standard, starting_at: 2027-01-01, name: More}\n")
    interrupted(applied, fault, CONTRACTS)
    customer = applied.id("customer.demo")
    with applied.account() as account:
        like = {"customer_id": customer, "rate_card_id": applied.id("rate_card.standard"), "starting_at": "2027-01-01T00:00:00Z"}
        stranger = account.v1.contracts.create(**like, name="More").data.id
        open_ones = [one.id for one in account.v2.contracts.list(customer_id=customer).data if one.id != stranger]
        for ident in open_ones:
            if ident != applied.id("contract.demo.payg"):
                account.v2.contracts.edit(customer_id=customer, contract_id=ident, update_contract_name="By Hand")
    forget_keys(applied)

    result = applied.apply(now=TOMORROW)

    assert f"({'not found' if fault == 'cut before' else 'found'} under its uniqueness key)" in result.err
    assert applied.id("contract.demo.more") != stranger
    with applied.account() as account:
        assert len(account.v2.contracts.list(customer_id=customer).data) == 3
