"""``drift``: live against recorded, field by field, and who wrote last. Reads only; exit 2 where something differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adoption_kit import HEAD, everything
from faulty import Fault, bad_line
from support import Project

LATER = "2026-11-23T09:12:00Z"
ULTRA = "rate.standard.image_generation[image_type=ultra]"


def by_hand(project: Project) -> None:
    """Somebody renames the customer, raises a price from a date on and archives the contract, a day later."""
    with project.account(LATER) as client:
        client.v1.customers.set_name(customer_id=project.id("customer.demo"), name="By Hand")
        client.v1.contracts.rate_cards.rates.add(
            rate_card_id=project.id("rate_card.standard"), product_id=project.id("product.image_generation"), entitled=True,
            rate_type="FLAT", price=15, starting_at="2027-01-01T00:00:00Z", pricing_group_values={"image_type": "ultra"},
        )  # fmt: skip
        client.v1.contracts.archive(
            customer_id=project.id("customer.demo"), contract_id=project.id("contract.demo.payg"), void_invoices=False
        )


def test_no_drift(applied: Project) -> None:
    """After an apply live is as it was recorded; nothing is asked of the audit log."""
    result = applied.ok("drift")

    assert result.out == "No drift. The account is as it was recorded.\n"
    assert applied.writes() == []
    assert not any("auditLogs" in request["path"] for request in applied.requests())


def test_each_difference_with_its_author(applied: Project) -> None:
    """Field by field from recorded to live, what was archived, and when, by whom and with which call it was last written."""
    by_hand(applied)

    result = applied.run("drift", now=LATER)

    assert result.code == 2
    assert result.out == (
        "Changed outside nova-iac (recorded -> live):\n"
        "  contract.demo.payg: archived in the account\n"
        "    last written 2026-11-23 09:12 UTC by emulator (archive)\n"
        "  customer.demo\n"
        "    name: Nova Demo Customer -> By Hand\n"
        "    last written 2026-11-23 09:12 UTC by emulator (set_name)\n"
        f"  {ULTRA}\n"
        "    price from 2027-01-01 00:00 UTC: $0.10 -> $0.15 (+50 %)\n"
        "    last written 2026-11-23 09:12 UTC by emulator (add_rate)\n"
        "\n"
        "Drift: 3 resources differ from what was recorded.\n"
    )


def test_a_log_that_cant_be_read_hides_no_drift(applied: Project) -> None:
    """A token that may not read the audit log still sees what differs; why nobody is named is told once."""
    by_hand(applied)

    with bad_line(Fault("409 by key", "GET", "/v1/auditLogs", 99)):
        result = applied.run("drift", now=LATER)

    assert result.code == 2
    assert "Drift: 3 resources differ" in result.out
    assert "last written" not in result.out
    assert result.err.count("Who changed this can't be told: GET /v1/auditLogs: 409") == 1


def test_json_has_the_same_for_programs(applied: Project) -> None:
    """One document with format_version, the fields as in a plan's drift, ids, authors and how many were compared."""
    by_hand(applied)

    data = applied.run("drift", "--format", "json", now=LATER).json

    customer = next(one for one in data["drift"] if one["address"] == "customer.demo")
    author: dict[str, Any] = customer.pop("author")
    assert (data["format_version"], data["environment"], data["serial"], data["compared"]) == ("1.0", "local", 1, 8)
    assert customer == {
        "address": "customer.demo", "id": applied.id("customer.demo"), "what": "changed",
        "fields": [{"path": "name", "before": "Nova Demo Customer", "after": "By Hand"}],
    }  # fmt: skip
    assert (author["at"], author["name"], author["email"], author["action"]) == (LATER, "emulator", None, "set_name")
    assert author["request_id"]
    assert applied.run("drift", "--format", "json", "--target", "product.*", now=LATER).json["drift"] == []


def test_reading_changes_nothing(applied: Project) -> None:
    """Lockfile, account and folder are the same bytes after it; every request is one that a read-only token may make."""
    by_hand(applied)
    applied.forget_requests()
    before = everything(applied)

    applied.run("drift", now=LATER)

    assert everything(applied) == before
    assert applied.writes() == []


def test_targets_narrow_it(applied: Project) -> None:
    """An address with what is nested under it, or a pattern; a slip of the pen is told with what is near."""
    by_hand(applied)

    demo = applied.run("drift", "--target", "customer.demo", now=LATER)
    card = applied.run("drift", "--target", "rate_card.*", now=LATER)
    product = applied.run("drift", "--target", "product.*", now=LATER)

    assert (demo.code, card.code, product.code) == (2, 2, 0)
    assert "contract.demo.payg" in demo.out
    assert ULTRA not in demo.out
    assert ULTRA in card.out
    assert "Did you mean customer.demo" in applied.run("drift", "--target", "customer.dmo").err


def test_the_spec_has_no_say(applied: Project) -> None:
    """What was changed in the spec isn't drift, and a spec that can't be planned doesn't hide what is."""
    applied.edit("Nova Demo Customer", "Renamed Here")
    assert applied.run("drift").code == 0
    applied.edit("type: USAGE", "type: NONSENSE")
    assert applied.run("drift").code == 0
    by_hand(applied)
    assert applied.run("drift", now=LATER).code == 2


def test_ignored_fields_are_no_drift(applied: Project) -> None:
    """What lifecycle leaves as it is in the account isn't told."""
    applied.edit("    name: Nova Demo Customer\n", "    name: Nova Demo Customer\n    lifecycle: {ignore_changes: [name]}\n")
    applied.apply()
    with applied.account() as client:
        client.v1.customers.set_name(customer_id=applied.id("customer.demo"), name="By Hand")

    assert applied.run("drift").code == 0


def test_nothing_recorded_is_not_called_as_recorded(tmp_path: Path) -> None:
    """Before the first apply there is nothing to compare: no drift, and no word that all is well."""
    project = Project(tmp_path, HEAD)
    result = project.ok("drift", "--format", "json")
    text, markdown = (project.ok("drift", "--format", output).out for output in ("text", "markdown"))

    assert json.loads(result.out)["compared"] == 0
    assert "Nothing is recorded: there is no " in result.err
    assert text == "Nothing is recorded, so nothing was compared.\n"
    assert markdown.splitlines()[1:] == ["⚠️ nova-iac: nothing is recorded in `local`, so nothing was compared."]


def test_objects_that_are_gone(applied: Project) -> None:
    """In another account than the one that was applied to, everything recorded is gone, and nobody is to blame."""
    applied.database.unlink()

    result = applied.run("drift")

    assert result.code == 2
    assert "customer.demo: gone from the account" in result.out
    assert "last written" not in result.out
