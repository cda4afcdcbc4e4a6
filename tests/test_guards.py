"""Guards, protection, twins and scope: what stops an apply before its first call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import EXAMPLE, Project, doing

TWO_CONTRACTS = EXAMPLE.replace(
    "      payg: {rate_card: standard, starting_at: 2025-09-01}",
    "      payg: {rate_card: standard, starting_at: 2025-09-01, ending_before: 2026-09-01}\n"
    "      second: {rate_card: standard, starting_at: 2026-09-01}",
)
WITHOUT_CUSTOMER = EXAMPLE[: EXAMPLE.index("customers:")].replace("exclude: [customer.demo]", "exclude: []")


def guards(project: Project, *arguments: str) -> list[tuple[str, str, bool]]:
    """Code, address and whether it blocks."""
    return [(hit["code"], hit["address"], hit["blocking"]) for hit in project.plan(*arguments)["guards"]]


def test_archive_of_a_customer_is_guarded_once(applied: Project) -> None:
    """Archiving a customer raises NV402 alone: its contracts and aliases are covered by it."""
    applied.write(WITHOUT_CUSTOMER)

    assert guards(applied) == [("NV402", "customer.demo", True)]
    blocked = applied.run("apply", "--yes")
    assert blocked.code == 4
    assert "--allow NV402:customer.demo" in blocked.err
    assert applied.writes() == []
    done = applied.apply("--allow", "NV402:customer.demo")
    assert done.last == "Apply complete: 0 created, 0 updated, 0 replaced, 0 scheduled, 2 archived. 2 calls."


def test_archive_of_a_contract_is_guarded(project: Project) -> None:
    """NV403; an allowance for another address or another code does not let it through."""
    project.write(TWO_CONTRACTS)
    project.apply()
    project.write(EXAMPLE.replace("      payg:", "      payg_:").replace("payg_: ", "payg: "))
    project.edit("starting_at: 2025-09-01}", "starting_at: 2025-09-01, ending_before: 2026-09-01}")

    assert guards(project) == [("NV403", "contract.demo.second", True)]
    assert project.run("apply", "--yes", "--allow", "NV403:contract.demo.payg").code == 4
    assert project.run("apply", "--yes", "--allow", "NV402").code == 4
    assert project.run("apply", "--yes", "--allow", "NV403").code == 0


def test_protection_outlives_its_block(project: Project) -> None:
    """NV404 stands though the block, and the protect in it, were deleted; it is lifted by an apply of protect: false."""
    protected = EXAMPLE.replace("    name: Nova Demo Customer", "    name: Nova Demo Customer\n    lifecycle: {protect: true}")
    project.write(protected)
    project.apply()
    project.write(WITHOUT_CUSTOMER)

    assert ("NV404", "customer.demo", True) in guards(project)
    assert project.run("apply", "--yes", "--allow", "NV402").code == 4
    assert project.run("destroy", "--yes").code == 4

    project.write(EXAMPLE)
    lifted = project.apply()
    assert lifted.last == "No changes. The account matches billing.yaml."
    project.write(WITHOUT_CUSTOMER)
    assert guards(project) == [("NV402", "customer.demo", True)]


def test_lifecycle_edit_is_recorded_without_a_change(applied: Project) -> None:
    """A lifecycle-only edit says No changes, sends nothing, and is recorded all the same."""
    applied.edit("    name: Nova Demo Customer", "    name: Nova Demo Customer\n    lifecycle: {protect: true}")

    assert applied.apply().last == "No changes. The account matches billing.yaml."
    assert applied.writes() == []
    assert applied.recorded["customer.demo"]["lifecycle"] == {"protect": True}


def test_removed_alias_is_guarded(applied: Project) -> None:
    """NV405: usage sent under a removed alias is no longer the customer's."""
    applied.edit("[jane@nova.com]", "[jim@nova.com]")

    assert guards(applied) == [("NV405", "customer.demo", True)]


def test_large_part_of_a_kind_is_guarded(project: Project) -> None:
    """NV406 from ten recorded on, when more than 30 % would go; its address is the kind."""

    def customers(count: int) -> str:
        blocks = "".join(f"  c{number}: {{name: Customer {number}}}\n" for number in range(count))
        return f"version: 1\nenvironments: {{local: {{emulator: true}}}}\ncustomers:\n{blocks}"

    project.write(customers(10))
    project.apply()
    project.write(customers(7))
    assert [code for code, _, _ in guards(project)] == ["NV402"] * 3
    project.write(customers(6))
    assert ("NV406", "customer", True) in guards(project)


def test_wrong_account_can_not_be_allowed(applied: Project) -> None:
    """NV407: no recorded id is known there."""
    applied.database.unlink()

    assert ("NV407", "account", True) in guards(applied)
    assert applied.run("apply", "--yes", "--allow", "NV407:account").code == 1
    assert applied.run("apply", "--yes").code == 4


def test_destroy_lists_what_it_is_wished_to_do(applied: Project) -> None:
    """destroy shows NV402 without blocking; NV404 blocks it."""
    assert guards(applied, "--destroy") == [("NV402", "customer.demo", False)]


def test_protected_environment_takes_only_a_saved_plan(project: Project) -> None:
    """apply and destroy exit 4 there and print the two commands; the saved plan is applied."""
    project.edit("local: {emulator: true} ", "local: {emulator: true, protected: true} ")

    refused = project.run("apply", "--yes")

    assert refused.code == 4
    assert "nova-iac plan -e local --out plan.json" in refused.err
    assert project.writes() == []
    project.ok("plan", "--out", "plan.json")
    assert project.ok("apply", "plan.json", "--yes").last.startswith("Apply complete: 8 created")
    assert project.run("destroy", "--yes").code == 4


def test_saved_plan_is_stale_after_a_change(applied: Project) -> None:
    """A plan is refused once spec, record or a touched object has changed; the message says what."""
    applied.edit("Nova Demo Customer", "Nova Demo")
    applied.ok("plan", "--out", "plan.json")
    with applied.account() as account:
        account.v1.customers.set_name(customer_id=applied.id("customer.demo"), name="By Hand")
    applied.forget_requests()

    stale = applied.run("apply", "plan.json", "--yes")

    assert stale.code == 5
    assert "customer.demo: the object in the account has changed since" in stale.err
    assert applied.writes() == []


def test_digest_applies_just_that_plan(applied: Project) -> None:
    """apply --digest goes on only if the plan has that digest."""
    applied.edit("Nova Demo Customer", "Nova Demo")
    digest = applied.plan()["plan_digest"]

    assert applied.run("apply", "--yes", "--digest", f"sha256:{'0' * 64}").code == 5
    assert applied.apply("--digest", digest).last.startswith("Apply complete: 0 created, 1 updated")


def test_without_a_terminal_and_without_yes_nothing_is_sent(project: Project) -> None:
    """apply stops at once with exit 1."""
    result = project.run("apply")

    assert result.code == 1
    assert "--yes" in result.err
    assert project.writes() == []


# --- twins ---------------------------------------------------------------------------------------------------------------


def make_customer(project: Project, name: str = "Somebody", alias: str = "jane@nova.com") -> str:
    """A customer made by hand."""
    with project.account() as account:
        made: str = account.v1.customers.create(name=name, ingest_aliases=[alias]).data.id
    project.forget_requests()
    return made


def test_alias_of_a_foreign_customer_is_an_error_before_any_call(project: Project) -> None:
    """The message names import and --adopt; nothing is sent."""
    holder = make_customer(project)

    result = project.run("apply", "--yes")

    assert result.code == 1
    assert f"nova-iac import customer.demo {holder}" in result.err
    assert "--adopt" in result.err
    assert project.writes() == []


def test_adopt_takes_a_customer_over_by_its_alias(project: Project) -> None:
    """--adopt takes the holder, changes what differs, and makes the rest."""
    holder = make_customer(project)

    assert project.plan("--adopt")["summary"]["adopt"] == 1
    result = project.apply("--adopt")

    assert result.last == "Apply complete: 7 created, 0 updated, 0 replaced, 0 scheduled, 0 archived, 1 adopted. 6 calls."
    assert project.id("customer.demo") == holder
    assert project.actions() == {}


def test_equal_holder_after_a_lost_run_is_ours(project: Project) -> None:
    """The lockfile was committed empty, the runner was lost after its calls: the same calls answer with the same objects."""
    project.apply()
    first = {address: entry["id"] for address, entry in project.recorded.items()}
    lockfile = json.loads(project.lockfile.read_text())
    project.lockfile.write_text(json.dumps({**lockfile, "serial": 0, "resources": {}}))
    project.forget_requests()

    project.apply()

    assert {address: entry["id"] for address, entry in project.recorded.items()} == first
    assert project.writes()[0] == ("POST", "/v1/customers"), "the call that tells whether the holder is ours comes first"
    assert project.actions() == {}


def test_equal_holder_that_is_not_ours_stops_the_run(project: Project) -> None:
    """A 409 on that first call ends the run with nothing else sent."""
    project.apply()
    project.ok("destroy", "--yes")
    make_customer(project, "Nova Demo Customer")

    result = project.run("apply", "--yes")

    assert result.code == 1
    assert set(project.writes()) == {("POST", "/v1/customers")}
    assert "take it over with --adopt or `nova-iac import customer.demo ID`" in result.err
    assert project.run("apply", "--yes", "--adopt").code == 0


def test_same_name_is_a_warning_only(project: Project) -> None:
    """Names aren't unique: another object is made, and the twin is named."""
    with project.account() as account:
        twin = account.v1.contracts.rate_cards.create(name="Nova Image Generation Pricing").data.id

    result = project.apply()

    assert twin in result.err
    assert result.last.startswith("Apply complete: 8 created")


# --- scope ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("billable_metric.*", ["billable_metric.image_generation"]),
        ("product.image_generation", ["billable_metric.image_generation", "product.image_generation"]),
        ("customer.demo", "everything"),
    ],
)
def test_target_takes_children_and_needs(project: Project, target: str, expected: Any) -> None:
    """--target A plans A, its children, and all that either needs."""
    planned = sorted(doing(project.plan("--target", target)))

    assert planned == (sorted(doing(project.plan())) if expected == "everything" else expected)


def test_rate_target_names_all_its_tuples(applied: Project) -> None:
    """rate.CARD.PRODUCT is every combination."""
    applied.edit("$0.02", "$0.03")
    applied.edit("$0.05", "$0.06")

    assert len(applied.actions("--target", "rate.standard.image_generation")) == 2
    assert list(applied.actions("--target", "rate.standard.image_generation[image_type=standard]")) == [
        "rate.standard.image_generation[image_type=standard]"
    ]


def test_exclude_leaves_what_depends_on_it(project: Project) -> None:
    """--exclude A leaves A and its dependants; the rest is planned."""
    assert sorted(doing(project.plan("--exclude", "product.image_generation"))) == [
        "billable_metric.image_generation",
        "customer.demo",
        "rate_card.standard",
    ]


def test_scope_that_names_nothing_is_an_error(project: Project) -> None:
    """A typo in --target must not look like 'No changes'; the two options don't combine."""
    assert project.run("plan", "--target", "customer.nobody").code == 1
    assert project.run("plan", "--target", "customer.demo", "--exclude", "customer.demo").code == 1


def test_destroy_target_takes_what_depends_on_it(applied: Project) -> None:
    """destroy --target A takes A and its dependants; --exclude A keeps A and its needs."""
    assert sorted(doing(applied.plan("--destroy", "--target", "customer.demo"))) == ["contract.demo.payg", "customer.demo"]
    kept = set(applied.recorded) - set(doing(applied.plan("--destroy", "--exclude", "product.image_generation")))
    assert kept == {"billable_metric.image_generation", "product.image_generation"}


def test_no_refresh_reads_nothing(applied: Project) -> None:
    """plan --no-refresh takes the record for what is live."""
    applied.edit("Nova Demo Customer", "Nova Demo")

    assert applied.actions("--no-refresh") == {"customer.demo": "update"}
    assert applied.requests() == []


def test_moved_keeps_the_object(applied: Project) -> None:
    """moved: renames an address and what is nested under it; nothing is sent."""
    old = applied.id("customer.demo")
    applied.write(EXAMPLE.replace("  demo:\n", "  acme:\n").replace("exclude: [customer.demo]", "exclude: []"))
    renamed = applied.plan()
    assert any("moved: {customer.demo: customer.acme}" in note for note in renamed["notes"])

    applied.write(applied.spec.read_text() + "moved: {customer.demo: customer.acme}\n")

    assert applied.actions() == {}
    assert applied.apply().last == "No changes. The account matches billing.yaml."
    assert applied.id("customer.acme") == old
    assert "contract.acme.payg" in applied.recorded
    assert applied.recorded["contract.acme.payg"]["depends_on"][0] == "customer.acme"
    assert applied.writes() == []


def test_ignored_prices_are_left_to_the_account(applied: Project) -> None:
    """ignore_changes: [rates] on a card: a price that is edited, added or removed in the spec changes nothing there."""
    applied.edit("    name: Nova Image Generation Pricing\n", "    name: P\n    lifecycle: {ignore_changes: [rates, name]}\n")
    applied.apply()
    applied.forget_requests()
    for old, new in (("$0.02", "$0.03"), ("ultra: $0.10", "ultra: $0.10, mega: $0.20"), ("high-res: $0.05, ", "")):
        applied.edit(old, new)
        assert "NV401" not in str(applied.plan()["guards"])
        applied.apply()

    assert applied.writes() == []
    assert applied.actions() == {}


# --- what a review found --------------------------------------------------------------------------------------------------


def test_destroy_that_keeps_a_contract_keeps_its_prices(applied: Project) -> None:
    """--exclude A keeps all that A needs, by order too: the rates of its card, their products and metrics."""
    result = applied.ok("destroy", "--yes", "--exclude", "contract.demo.payg")

    assert result.last == "Destroy complete: 0 archived, 0 forgotten. 0 calls."
    assert applied.actions() == {}


def test_destroy_of_a_rate_ends_its_price(applied: Project) -> None:
    """On a card that stays a rate is not forgotten: its price ends."""
    plan = applied.plan("--destroy", "--target", "rate.standard.image_generation[image_type=ultra]")

    assert doing(plan) == {"rate.standard.image_generation[image_type=ultra]": "archive"}
    assert [call["path"] for call in plan["calls"]] == ["/v1/contract-pricing/rate-cards/addRates"]


def test_destroy_of_a_product_ends_its_prices_first(applied: Project) -> None:
    """A product's archive comes after the end of its rates."""
    plan = applied.plan("--destroy", "--target", "product.image_generation")

    assert [call["path"].rpartition("/")[2] for call in plan["calls"]] == ["addRates", "archive"]


def test_early_end_keeps_an_unfinished_plan(project: Project) -> None:
    """A "no", a guard or a missing terminal leaves the plan of an unfinished run to be resumed."""
    from faulty import Fault, bad_line

    project.ok("plan", "--out", "plan.json")
    with bad_line(Fault("refused", "POST", "/v1/contract-pricing/rate-cards/addRates", 1)):
        assert project.run("apply", "plan.json", "--yes").code == 3

    assert project.run("apply", "plan.json").code == 1
    assert project.run("apply", "--digest", f"sha256:{'0' * 64}", "--yes").code == 5

    assert project.apply("plan.json").last.startswith("Apply complete:")


def test_contract_can_not_move_to_another_customer(applied: Project) -> None:
    """moved: of a contract alone is refused with the line to write instead."""
    spec = EXAMPLE.replace("  demo:\n", "  acme:\n").replace("exclude: [customer.demo]", "exclude: []")
    applied.write(spec + "moved: {contract.demo.payg: contract.acme.payg}\n")

    result = applied.run("plan")

    assert result.code == 1
    assert "moved: {customer.demo: customer.acme}" in result.err


def test_excluded_product_with_prices_is_an_error(project: Project) -> None:
    """A price is a reference to its product: leaving the product out names both."""
    project.edit("local: {emulator: true} ", "local: {emulator: true, exclude: [product.image_generation]} ")

    result = project.run("validate", "-e", "local")

    assert result.code == 1
    assert "NV202" in result.err


@pytest.mark.parametrize("allowance", ["FOO", "NV407", "NV999:customer.demo", ""])
def test_misspelt_allowance_is_an_error(project: Project, allowance: str) -> None:
    """It must not look like one that was given."""
    assert project.run("apply", "--yes", "--allow", allowance).code == 1
    assert project.writes() == []


def test_bad_clock_is_told_once(project: Project) -> None:
    """NOVA_NOW that is no instant is a message, not a fault of the emulator."""
    result = project.run("plan", now="yesterday")

    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.startswith("Error: NOVA_NOW")
