"""What a call came to that got no answer is settled by nothing less than an answer; and what was not agreed to is never sent."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from faulty import Fault, bad_line
from support import Project
from test_kill import live_objects
from test_recovery import CONTRACTS, CUSTOMERS, METRIC, METRICS, forget_keys, interrupted, metrics
from test_retries import CREATE, Trial, fails

from nova_iac.errors import Conflict, Unavailable
from nova_iac.remote import Client

LATER = "2026-11-22T15:10:00Z"


# --- what settles a call -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_refusal_after_a_lost_attempt_settles_nothing(status: int) -> None:
    """The refusal is of the second attempt; the first one may have taken effect."""
    trial = Trial(httpx.ReadTimeout("late"), (status, {}))

    problem = fails(trial.create)

    assert (type(problem), problem.status, trial.attempts) == (Unavailable, status, 2)
    assert "an earlier attempt got no answer" in str(problem)


def test_clash_is_asked_again() -> None:
    """Nothing is stored for a call that clashes with one in flight: its key has an answer soon, or a Conflict stands."""
    passing = Trial((409, {}), (409, {}))
    passing.create()
    lasting = Trial(*[(409, {})] * 9)

    assert (passing.attempts, set(passing.script.keys)) == (3, {"k"})
    assert (type(fails(lasting.create)), lasting.attempts) == (Conflict, 3)


@pytest.mark.parametrize("fault", ["lost, then 401", "409 after"])
@pytest.mark.parametrize("path", [METRICS, CUSTOMERS, CONTRACTS])
def test_create_of_unknown_outcome_is_made_once(project: Project, fault: str, path: str) -> None:
    """It took effect, and what was heard of it was a refusal: it stays open, and is settled under its key."""
    interrupted(project, fault, path)

    result = project.apply()

    assert "it took effect (sent again under its key)." in result.err
    assert all(max(names.values(), default=1) == 1 for names in live_objects(project).values())
    assert project.actions() == {}


@pytest.mark.parametrize("fault", ["401", "504", "timeout before"])
def test_answer_of_somebody_who_did_not_look_settles_nothing(project: Project, fault: str) -> None:
    """A token that has run out, or a gateway, says nothing of the call: the run stops, and the call stays open."""
    interrupted(project, "cut after", METRICS)
    with bad_line(Fault(fault, "POST", METRICS, 99)):
        stopped = project.run("apply", "--yes")

    assert stopped.code == 1
    assert "what an interrupted run left open can't be settled now" in stopped.err
    assert "it took effect (sent again under its key)." in project.apply().err
    assert len(metrics(project)) == 1


def test_refused_look_up_of_a_contract_settles_nothing(project: Project) -> None:
    """The uniqueness key says that it was made, and who made it can't be seen: open, and no second contract."""
    project.apply()
    project.edit("    contracts:\n", "    contracts:\n      more: {rate_card: standard, starting_at: 2027-01-01}\n")
    taken = Fault("uniqueness after", "POST", CONTRACTS, 99)
    with bad_line(taken, Fault("403", "POST", "/v2/contracts/list", 99), Fault("403", "GET", "/v1/contracts/list", 99)):
        project.run("apply", "--yes", "--no-refresh")

    project.apply()

    assert sorted(live_objects(project)["contracts"].values()) == [1, 1]


def test_key_is_not_trusted_by_a_clock_that_was_ahead(project: Project) -> None:
    """An age below zero says that one of two clocks is wrong: the object is looked up."""
    with bad_line(Fault("cut after", "POST", METRICS, 99)):
        project.run("apply", "--yes", now="2026-12-24T00:00:00Z")

    assert "it took effect (found by all its fields)." in project.apply().err
    assert len(metrics(project)) == 1


def test_stranger_is_not_taken_for_what_never_arrived(project: Project) -> None:
    """Under our own key a 409 says that the holder of the alias is not ours."""
    interrupted(project, "cut before", CUSTOMERS)
    with project.account() as account:
        theirs = account.v1.customers.create(name="Stranger GmbH", ingest_aliases=["jane@nova.com"]).data.id

    project.run("apply", "--yes")
    stopped = project.run("apply", "--yes")

    assert stopped.code == 1
    assert "error[NV413] Held by another customer" in stopped.err
    with project.account() as account:
        assert account.v1.customers.retrieve(customer_id=theirs).data.name == "Stranger GmbH"


def test_equal_stranger_is_not_taken_for_what_never_arrived(project: Project) -> None:
    """Nor one that looks the same: whether to take it over is for a person to say."""
    interrupted(project, "cut before", CUSTOMERS)
    with project.account() as account:
        theirs = account.v1.customers.create(name="Nova Demo Customer", ingest_aliases=["jane@nova.com"]).data.id

    stopped = project.run("apply", "--yes")

    assert "it took no effect (what it needs is held by an object that was not made under its key)." in stopped.err
    assert theirs not in {entry["id"] for entry in project.recorded.values()}


def test_archive_of_what_is_archived_already_is_done(applied: Project) -> None:
    """The last call of a replacement took effect a day ago, and its key is forgotten: only the record was behind."""
    applied.edit("aggregation_type: SUM", "aggregation_type: MAX")
    interrupted(applied, "cut after", "/v1/billable-metrics/archive")
    forget_keys(applied)

    applied.apply(now="2026-11-24T15:30:00Z")

    assert "superseded" not in applied.recorded[METRIC]
    assert applied.actions(now="2026-11-24T15:30:00Z") == {}


# --- what is sent ------------------------------------------------------------------------------------------------------------


def test_recovery_archives_nothing_that_is_wanted_again(applied: Project) -> None:
    """A destroy that broke off before its call arrived is not carried on by an apply."""
    with bad_line(Fault("cut before", "POST", "/v1/customers/archive", 99)):
        assert applied.run("destroy", "--yes").code in (1, 3)

    applied.forget_requests()

    assert "give --yes" in applied.run("apply").err
    assert applied.writes() == []
    applied.apply()

    assert ("POST", "/v1/customers/archive") not in applied.writes()
    with applied.account() as account:
        assert account.v1.customers.retrieve(customer_id=applied.id("customer.demo")).data.archived_at is None


def test_price_that_was_corrected_since_is_never_posted(applied: Project) -> None:
    """The wrong price never arrived; the next apply sends the right one only."""
    with applied.account() as account:
        card = applied.id("rate_card.standard")
        posts = lambda: [  # noqa: E731 - looked at twice
            row.rate.price for row in account.v1.contracts.rate_cards.rates.list(rate_card_id=card, at="2027-06-01T00:00:00Z")
        ]
        applied.edit("        # - starting_at: 2026-03-01", "        - starting_at: 2027-03-01")
        applied.edit("        #   prices: {ultra: $0.12}  ", "          prices: {ultra: $12}")
        interrupted(applied, "cut before", "/v1/contract-pricing/rate-cards/addRates")
        applied.edit("{ultra: $12}", "{ultra: $0.12}")
        applied.forget_requests()

        applied.apply()

        assert sum(path.endswith("addRates") for _, path in applied.writes()) == 1
        assert sorted(posts()) == [2, 5, 12]


def test_create_that_is_no_longer_wanted_is_not_made(applied: Project) -> None:
    """It never arrived and is gone from the spec: nothing is sent for it."""
    applied.edit("    contracts:\n", "    contracts:\n      more: {rate_card: standard, starting_at: 2027-01-01}\n")
    interrupted(applied, "cut before", CONTRACTS)
    applied.edit("      more: {rate_card: standard, starting_at: 2027-01-01}\n", "")
    applied.forget_requests()

    result = applied.apply()

    assert "it took no effect (not found under its uniqueness key)." in result.err
    assert applied.writes() == []


def test_create_that_is_no_longer_wanted_and_was_made_is_archived(project: Project) -> None:
    """It took effect, as its key tells; the plan that follows takes it down."""
    interrupted(project, "cut after", METRICS)
    (ours,) = metrics(project)
    project.write("version: 1\nenvironments: {local: {emulator: true}}\n")

    result = project.apply("--allow", "NV402")

    assert f"Recovered POST {METRICS} for {METRIC}: it took effect (sent again under its key)." in result.err
    assert ours not in metrics(project)
    assert project.recorded == {}


def test_without_a_yes_nothing_is_sent_again(project: Project) -> None:
    """Nobody could be asked: the open call stays open."""
    interrupted(project, "cut before", METRICS)
    project.forget_requests()

    stopped = project.run("apply")

    assert stopped.code == 1
    assert "give --yes" in stopped.err
    assert project.writes() == []
    assert "Recovered" in project.apply().err


def test_protected_environment_sends_nothing_again_without_a_saved_plan(project: Project) -> None:
    """Protection comes before recovery."""
    interrupted(project, "cut before", METRICS)
    project.edit("local: {emulator: true}", "local: {emulator: true, protected: true}")
    project.forget_requests()

    assert project.run("apply", "--yes").code == 4
    assert project.writes() == []


def test_plan_that_was_not_reviewed_sends_nothing_again(project: Project) -> None:
    """Another digest than that of the unfinished plan is stale before anything is sent, not after."""
    interrupted(project, "cut before", METRICS)
    project.forget_requests()

    assert project.run("apply", "--digest", f"sha256:{'0' * 64}", "--yes").code == 5
    assert project.writes() == []


def test_wrong_account_gets_nothing_of_what_was_left_open(applied: Project) -> None:
    """NV407 comes before recovery."""
    applied.edit("\nproducts:", "\n  second: {name: Second, aggregation_type: COUNT}\n\nproducts:")
    interrupted(applied, "cut before", METRICS)
    applied.database.unlink()
    applied.forget_requests()

    assert applied.run("apply", "--yes").code == 4
    assert applied.writes() == []


# --- the token -----------------------------------------------------------------------------------------------------------------


def test_answer_that_repeats_the_token_is_told_without_it() -> None:
    """A server may echo the header that it dislikes; neither the message nor the body that is kept has it."""
    token = 'canary"/token'

    def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("400 Bad Request", [("Content-Type", "application/json")])
        return [b'{"message": "bad header Authorization: ' + environ["HTTP_AUTHORIZATION"].replace('"', '\\"').encode() + b'"}']

    with Client(base_url="http://account", token=token, app=echo) as client:
        problem = fails(lambda: client.send(CREATE, {"name": "n"}, key="k"))

    assert "Authorization: Bearer ***" in str(problem)
    assert "canary" not in f"{problem} {problem.body}"
