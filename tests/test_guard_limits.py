"""Guards at their limits: what hits them, what just doesn't, and who may let them through."""

from __future__ import annotations

from pathlib import Path

from card_kit import START, Card, since, sizes
from support import EXAMPLE, Project
from terminal import Terminal
from test_guards import guards
from test_kill import GROWN

PROTECTED = EXAMPLE.replace("    name: Nova Demo Customer", "    name: Nova Demo Customer\n    lifecycle: {protect: true}")


def customers(count: int) -> str:
    """A spec of customers with a contract each."""
    blocks = "".join(
        f"  c{number}:\n    name: Customer {number}\n    contracts: {{main: {{rate_card: one, starting_at: 2026-01-01}}}}\n"
        for number in range(count)
    )
    cards = "rate_cards: {one: {name: One}}\n"
    return f"version: 1\nenvironments: {{local: {{emulator: true}}}}\n{cards}customers:\n{blocks}"


# --- NV401 ---------------------------------------------------------------------------------------------------------------


def test_prices_of_an_adopted_card_are_in_use(tmp_path: Path) -> None:
    """A card that is taken over has billed already: a price of its past that differs is NV401 in the very same plan."""
    card = Card(tmp_path, api=[START])
    card.apply()
    card.project.lockfile.unlink()
    card.declare(api=[since("2026-01-01", "$0.02")])

    assert card.guards("--adopt") == [("NV401", "rate.standard.api")]


def test_message_fits_what_was_changed(tmp_path: Path) -> None:
    """NV401 tells a price that is new from one that is changed, and from one that is right today."""
    card = Card(tmp_path, api=[START], images=[sizes("2026-01-01", small="$0.01")])
    card.apply()

    def message(**rates: list[dict[str, object]]) -> str:
        card.declare(**rates)
        (hit,) = card.project.plan()["guards"]
        return str(hit["message"])

    small = sizes("2026-01-01", small="$0.01")
    assert "To give it a price from now on, write this entry instead:" in message(
        api=[START], images=[sizes("2026-01-01", small="$0.01", large="$0.02")]
    )
    assert "To change it from now on, leave the past entry as it was and add:" in message(
        api=[since("2026-01-01", "$0.02")], images=[small]
    )
    assert message(api=[since("2026-01-01", "$0.05"), since("2026-06-01", "$0.01")], images=[small]).endswith(
        "The price that holds now is right already: leave the past entries as they were."
    )


# --- NV404 to NV407 ------------------------------------------------------------------------------------------------------


def test_protection_of_the_spec_alone(applied: Project) -> None:
    """A protect that no apply has recorded yet holds at once, also against a replacement."""
    applied.edit(
        "payg: {rate_card: standard, starting_at: 2025-09-01}",
        "payg: {rate_card: standard, starting_at: 2025-10-01, lifecycle: {protect: true}}",
    )

    assert guards(applied) == [("NV403", "contract.demo.payg", True), ("NV404", "contract.demo.payg", True)]
    assert applied.run("apply", "--yes", "--allow", "NV403").code == 4
    assert "would be replaced, against its lifecycle.protect" in applied.ok("plan").out


def test_what_is_gone_already_needs_no_protection(project: Project) -> None:
    """A protected customer that somebody archived by hand is dropped from the record without a guard."""
    project.write(PROTECTED)
    project.apply()
    with project.account() as account:
        account.v1.customers.archive(id=project.id("customer.demo"))
    project.write(EXAMPLE[: EXAMPLE.index("customers:")].replace("exclude: [customer.demo]", "exclude: []"))

    assert guards(project) == []
    assert project.actions() == {"contract.demo.payg": "forget", "customer.demo": "forget"}


def test_lost_aliases_are_named_in_order(project: Project) -> None:
    """NV405 names every alias that goes, sorted, so that equal plans have equal bytes."""
    aliases = [f"a{number}" for number in range(9)]
    project.edit("[jane@nova.com]", f"[{', '.join([*aliases, 'kept'])}]")
    project.apply()
    project.edit(", ".join([*aliases, "kept"]), "kept")

    (hit,) = project.plan()["guards"]
    assert f" {', '.join(aliases)}: " in hit["message"]


def test_large_part_counts_replacements_of_ten_or_more(project: Project) -> None:
    """NV406 from ten on: four of nine contracts replaced are no large part, four of ten are."""
    for count, expected in ((9, []), (10, ["contract"])):
        project.write(customers(count))
        project.apply()
        project.write(customers(count).replace("2026-01-01", "2026-02-01", 4))

        assert project.plan()["summary"]["replace"] == 4
        assert [address for code, address, _ in guards(project) if code == "NV406"] == expected


def test_one_known_object_is_the_right_account(applied: Project) -> None:
    """As long as one recorded id is known, what is missing is drift and no NV407."""
    gone = "00000000-0000-4000-8000-000000000000"
    applied.lockfile.write_text(applied.lockfile.read_text().replace(applied.id("contract.demo.payg"), gone))

    plan = applied.plan()
    assert plan["guards"] == []
    assert ("contract.demo.payg", "gone") in [(one["address"], one["what"]) for one in plan["drift"]]


def test_destroy_stops_in_a_wrong_account(applied: Project) -> None:
    """In an account that knows nothing of it, destroy sends nothing and keeps the record."""
    applied.database.unlink()
    before = applied.lockfile.read_bytes()

    assert applied.run("destroy", "--yes").code == 4
    assert applied.writes() == []
    assert applied.lockfile.read_bytes() == before


def test_allowance_without_a_guard_is_told(applied: Project) -> None:
    """An --allow that nothing needs is most likely a slip; the apply goes on."""
    applied.edit("Nova Demo Customer", "Nova Demo")

    result = applied.apply("--allow", "NV402:customer.demo")

    assert "--allow NV402:customer.demo matches no guard of this plan" in result.err


# --- who answers ---------------------------------------------------------------------------------------------------------


def test_prompt_takes_one_word_only(project: Project) -> None:
    """On a terminal only ``yes`` counts, and in a protected environment only its name."""
    for answer in ("YES", "yes"):
        with Terminal(project, "apply") as terminal:
            terminal.read_until("Only 'yes' will be accepted.")
            terminal.type(answer)
            assert terminal.code() == (0 if answer == "yes" else 1)
        assert bool(project.writes()) == (answer == "yes")
    project.edit("local: {emulator: true} ", "local: {emulator: true, protected: true} ")
    project.edit("Nova Demo Customer", "Nova Demo")
    project.ok("plan", "--out", "plan.json")
    project.forget_requests()
    for answer in ("yes", "local"):
        with Terminal(project, "apply", "plan.json") as terminal:
            terminal.read_until("Only 'local' will be accepted.")
            terminal.type(answer)
            assert terminal.code() == (0 if answer == "local" else 1)
        assert bool(project.writes()) == (answer == "local")


def test_answer_from_a_pipe_does_not_count(project: Project) -> None:
    """``yes | nova-iac apply`` is nobody's consent: exit 1, nothing sent."""
    result = project.run("apply", stdin="yes\n")

    assert result.code == 1
    assert project.writes() == []


def test_plan_of_another_environment_is_refused(applied: Project) -> None:
    """A plan that was reviewed for one environment is not applied to another."""
    applied.edit("local: {emulator: true} ", "local: {emulator: true}\n  other: {emulator: true} ")
    applied.edit("Nova Demo Customer", "Nova Demo")
    applied.ok("plan", "--out", "plan.json")

    result = applied.run("apply", "plan.json", "--yes", "-e", "other")

    assert result.code == 1
    assert "was made for environment local: name it with -e local" in result.err
    assert applied.writes() == []


def test_plan_without_refresh_checks_what_follows(applied: Project) -> None:
    """What only follows a replacement is checked, too, where the plan was made from the record."""
    applied.write(GROWN)
    with applied.account() as account:
        account.v1.contracts.products.update(
            product_id=applied.id("product.image_generation"), starting_at="2026-11-22T15:00:00Z", name="By Hand"
        )

    result = applied.run("apply", "--yes", "--no-refresh", "--allow", "NV403")

    assert result.code == 5
    assert "product.image_generation" in result.err
    assert applied.writes() == []


def test_plan_without_refresh_stops_at_what_is_scheduled(applied: Project) -> None:
    """What is still to come of an object would have to be repeated by a change: that takes a look at the account."""
    applied.edit("Nova AI Image Generation", "Nova Images")
    applied.apply("--effective-at", "2027-01-01")
    applied.forget_requests()
    applied.edit("Nova Images", "Nova Pictures")

    result = applied.run("apply", "--yes", "--no-refresh")

    assert result.code == 5
    assert "product.image_generation has something scheduled" in result.err
    assert applied.writes() == []
