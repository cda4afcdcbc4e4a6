"""``state rebuild``: a lockfile made again from what is declared and what the account has; what can't be decided is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from accounts import Hand
from adoption_kit import HEAD, by_hand, is_empty, project_of
from faulty import Fault, bad_line
from support import Project


def header(project: Project) -> tuple[str, int]:
    """Lineage and serial."""
    data = json.loads(project.lockfile.read_text())
    return data["lineage"], data["serial"]


def test_a_lost_lockfile_is_made_again(applied: Project) -> None:
    """Delete the lockfile, rebuild, plan: no changes. The entries are those that were lost; nothing was sent."""
    lost = applied.recorded
    applied.lockfile.unlink()

    result = applied.ok("state", "rebuild")

    assert result.out.startswith("Found 8 of 8 declared resources in the account.\nWrote billing.local.lock.json: lineage ")
    assert applied.recorded == lost
    assert header(applied)[1] == 1
    assert is_empty(applied)
    assert applied.writes() == []


@pytest.mark.parametrize("name", ["studio", "large"])
def test_accounts_full_of_namesakes_are_found_again(name: str, tmp_path: Path) -> None:
    """Cards and products of one name are told apart by their fields and prices; every id is the one that was lost."""
    project = project_of(name, tmp_path)
    project.ok("pull")
    lost = project.recorded
    project.lockfile.unlink()

    project.ok("state", "rebuild")

    assert project.recorded == lost
    assert is_empty(project)


def test_equal_twins_are_told_and_never_guessed(tmp_path: Path) -> None:
    """Two equal objects fit one address: both ids are named, exit 1. After one import the rest is found."""
    project = by_hand(tmp_path, lambda hand: [hand.metric("Hits"), hand.metric("Hits")])
    with project.account() as client:
        first, second = sorted(row.id for row in client.v1.billable_metrics.list())
        Hand(client).product("Hits", second)
    project.write(
        f"{HEAD}billable_metrics:\n  hits: {{name: Hits, event_type_filter: {{in_values: [hits]}}, aggregation_type: COUNT}}\n"
        "products:\n  hits: {name: Hits, type: USAGE, billable_metric: hits}\n"
    )

    result = project.run("state", "rebuild")

    assert result.code == 1
    assert "billable_metric.hits: 2 live objects fit equally" in result.out
    assert f"    nova-iac import billable_metric.hits {first}\n    nova-iac import billable_metric.hits {second}\n" in result.out
    assert "Not looked for, because of that (1): product.hits." in result.out
    assert not project.lockfile.exists() or project.recorded == {}

    project.ok("import", "billable_metric.hits", second)
    project.ok("state", "rebuild", "--yes")

    assert project.id("billable_metric.hits") == second
    assert is_empty(project)


def test_an_object_that_two_addresses_fit_is_told(tmp_path: Path) -> None:
    """One object, two declared resources that it equals: neither gets it."""
    project = by_hand(tmp_path, lambda hand: hand.product("Fee", type="FIXED"))
    project.write(f"{HEAD}products:\n  a: {{name: Fee, type: FIXED}}\n  b: {{name: Fee, type: FIXED}}\n")

    result = project.run("state", "rebuild")

    assert result.code == 1
    assert "fits product.a, product.b" in result.out
    assert "fits product.b, product.a" in result.out


def test_what_was_edited_by_hand_is_told_with_the_difference(applied: Project) -> None:
    """An object of the same name that differs isn't taken for it: the id and the fields are named."""
    with applied.account() as client:
        client.v1.contracts.rate_cards.update(rate_card_id=applied.id("rate_card.standard"), description="By hand")
        client.v1.customers.set_name(customer_id=applied.id("customer.demo"), name="By Hand")
    applied.edit("    name: Nova Image Generation Pricing\n", "    name: Nova Image Generation Pricing\n    description: Ours\n")
    card = applied.id("rate_card.standard")
    applied.lockfile.unlink()

    result = applied.run("state", "rebuild")

    assert result.code == 1
    assert f"rate_card.standard: none is equal in all declared fields: {card} differs in description" in result.out
    assert "customer.demo" in applied.recorded, "customers are found by an alias, whatever their name is"
    assert applied.recorded["customer.demo"]["attributes"]["name"] == "By Hand"


def test_an_old_record_decides_between_what_fits(applied: Project) -> None:
    """With a lockfile there, an object that was edited since keeps its address, and nothing is in doubt."""
    with applied.account() as client:
        client.v1.contracts.rate_cards.update(rate_card_id=applied.id("rate_card.standard"), name="By hand")
    before = {address: entry["id"] for address, entry in applied.recorded.items()}

    applied.ok("state", "rebuild", "--yes")

    assert {address: entry["id"] for address, entry in applied.recorded.items()} == before
    assert applied.actions() == {"rate_card.standard": "update"}


def test_what_isnt_there_is_left_to_apply(applied: Project) -> None:
    """A declared resource without an object is named; apply makes it, and only it."""
    applied.edit("      payg:", "      extra: {rate_card: standard, starting_at: 2027-01-01}\n      payg:")
    applied.lockfile.unlink()

    result = applied.ok("state", "rebuild")

    assert "Not there, so the next apply makes them (1): contract.demo.extra." in result.out
    assert applied.actions() == {"contract.demo.extra": "create"}


def test_nothing_found_records_nothing(project: Project) -> None:
    """In an empty account there is nothing to record, and no lockfile appears."""
    result = project.ok("state", "rebuild")

    assert "Nothing that is declared was found" in result.out
    assert not project.lockfile.exists()


def test_a_whole_lockfile_is_replaced_only_when_asked(applied: Project) -> None:
    """Without --yes and a terminal it stays; what would be dropped is named with the command that brings it back."""
    ident = applied.id("contract.demo.payg")
    applied.edit("    contracts:\n      payg: {rate_card: standard, starting_at: 2025-09-01}\n", "")
    before = applied.lockfile.read_bytes()

    asked = applied.run("state", "rebuild")
    assert (asked.code, applied.lockfile.read_bytes()) == (1, before)
    done = applied.ok("state", "rebuild", "--yes")

    for result in (asked, done):
        assert f"  nova-iac import contract.demo.payg {ident}\n" in result.out
    assert "no terminal to ask on" in asked.err
    assert "contract.demo.payg" not in applied.recorded
    assert header(applied) == (json.loads(before)["lineage"], 2)


def test_the_same_again_leaves_the_bytes(applied: Project) -> None:
    """Where nothing would be different, nothing is asked and nothing written."""
    before = applied.lockfile.read_bytes()

    assert "is as it would be" in applied.ok("state", "rebuild").out
    assert applied.lockfile.read_bytes() == before


def test_a_merge_conflict_keeps_lineage_and_counts_on(applied: Project) -> None:
    """Of a broken file the lineage is kept, and the serial goes beyond any that it names, so that no key is used twice."""
    lineage, _ = header(applied)
    text = applied.lockfile.read_text()
    applied.lockfile.write_text(text.replace('  "serial": 1', '<<<<<<< a\n  "serial": 7\n=======\n  "serial": 9\n>>>>>>> b'))

    assert applied.run("plan").code == 1
    result = applied.ok("state", "rebuild", "--yes")

    assert "only its lineage and serial are taken over" in result.err
    assert header(applied) == (lineage, 11)
    assert is_empty(applied)


def test_calls_whose_outcome_isnt_known_are_found(project: Project) -> None:
    """After an answer was lost, with the lockfile gone but the journal there: what the call made is found, once."""
    with bad_line(Fault("cut after", "POST", "/v1/contracts/create", 99)):
        assert project.run("apply", "--yes").code == 3
    project.lockfile.unlink()
    assert project.journal.exists()

    project.ok("state", "rebuild", "--yes")

    assert not project.journal.exists()
    assert is_empty(project)
    with project.account() as client:
        assert len(client.v2.contracts.list(customer_id=project.id("customer.demo")).data) == 1


def test_a_foreign_lockfile_is_refused(applied: Project) -> None:
    """A lockfile of another environment or of a newer version is no broken one: it is left alone."""
    data = json.loads(applied.lockfile.read_text())
    for change in ({"environment": "sandbox"}, {"format_version": "9.0"}):
        applied.lockfile.write_text(json.dumps({**data, **change}))
        before = applied.lockfile.read_bytes()

        assert applied.run("state", "rebuild", "--yes").code == 1
        assert applied.lockfile.read_bytes() == before


def test_customers_without_an_alias_are_compared(tmp_path: Path) -> None:
    """A customer that declares no alias is the one that is equal in all fields; with a namesake it is in doubt."""
    project = by_hand(tmp_path, lambda hand: [hand.customer("Alone"), hand.customer("Two"), hand.customer("Two")])
    project.write(f"{HEAD}customers:\n  alone: {{name: Alone}}\n  two: {{name: Two}}\n")

    result = project.run("state", "rebuild")

    assert result.code == 1
    assert list(project.recorded) == ["customer.alone"]
    assert "customer.two: 2 live objects fit equally" in result.out


def test_prices_that_were_edited_are_recorded_as_they_are(applied: Project) -> None:
    """A live price that differs is the recorded one after a rebuild: a change of the next plan and no drift."""
    with applied.account() as client:
        client.v1.contracts.rate_cards.rates.add(
            rate_card_id=applied.id("rate_card.standard"), product_id=applied.id("product.image_generation"), entitled=True,
            rate_type="FLAT", price=11, starting_at="2026-12-01T00:00:00Z", pricing_group_values={"image_type": "ultra"},
        )  # fmt: skip
    applied.lockfile.unlink()

    applied.ok("state", "rebuild")

    plan = applied.plan()
    assert plan["drift"] == []
    assert applied.actions() == {"rate.standard.image_generation[image_type=ultra]": "schedule"}
