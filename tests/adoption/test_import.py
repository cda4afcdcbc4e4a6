"""``import``: one object under one address, recorded and declared, everything else left as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from accounts import Hand
from adoption_kit import HEAD, by_hand, everything, is_empty, project_of
from support import EXAMPLE, Project, Result

from nova_iac import moment
from nova_iac.spec.insert import insert, meaning
from nova_iac.spec.loader import load_bytes
from nova_iac.spec.nodes import Mapping
from nova_iac.state.mutex import Mutex


class Ids:
    """The ids of an account's live objects, by name."""

    def __init__(self, project: Project) -> None:
        with project.account() as client:
            self.metrics = {row.name: row.id for row in client.v1.billable_metrics.list()}
            self.products = {row.current.name: row.id for row in client.v1.contracts.products.list()}
            self.cards = {row.name: row.id for row in client.v1.contracts.rate_cards.list(body={})}
            self.customers = {row.name: row.id for row in client.v1.customers.list()}
            self.contracts = {
                name: [row.id for row in client.v2.contracts.list(customer_id=ident).data]
                for name, ident in self.customers.items()
            }


@pytest.fixture
def small(tmp_path: Path) -> tuple[Project, Ids]:
    """One object of each kind that nova-iac never saw, and a spec with environments only."""
    project = project_of("small", tmp_path)
    return project, Ids(project)


def refused(project: Project, *arguments: str) -> Result:
    """An import that must change nothing at all."""
    before = everything(project)
    result = project.run("import", *arguments)
    assert result.code == 1, result.out
    assert everything(project) == before
    return result


def test_one_after_the_other_until_all_is_under_code(small: tuple[Project, Ids]) -> None:
    """Metric, product, card with its prices, customer, contract: after each the plan is empty, and nothing is ever sent."""
    project, ids = small
    for address, ident in (
        ("billable_metric.images", ids.metrics["Nova Image Generation"]),
        ("product.images", ids.products["Nova AI Image Generation"]),
        ("rate_card.standard", ids.cards["Nova Image Generation Pricing"]),
        ("customer.demo", ids.customers["Nova Demo Customer"]),
        ("contract.demo.payg", ids.contracts["Nova Demo Customer"][0]),
    ):
        result = project.ok("import", address, ident)
        assert result.out.startswith(f"Imported {address}")
        assert f"({ident})" in result.out
        assert "Declared in billing.yaml; recorded in billing.local.lock.json." in result.out
        assert is_empty(project)

    assert project.writes() == []
    assert project.recorded["rate_card.standard"]["in_use"] is True
    assert len([address for address in project.recorded if address.startswith("rate.")]) == 3
    assert project.spec.read_text().endswith(
        "    contracts:\n      payg: {rate_card: standard, starting_at: 2025-09-01}\n"
    )  # fmt: skip
    assert project.ok("fmt", "--check").out == ""


def test_what_it_needs_comes_first(small: tuple[Project, Ids]) -> None:
    """A reference to what isn't recorded is refused with the command that imports it; so is a card with such prices."""
    project, ids = small
    metric, product = ids.metrics["Nova Image Generation"], ids.products["Nova AI Image Generation"]

    of_product = refused(project, "product.images", product)
    of_card = refused(project, "rate_card.standard", ids.cards["Nova Image Generation Pricing"])
    of_contract = refused(project, "contract.demo.payg", ids.contracts["Nova Demo Customer"][0])

    assert f"  nova-iac import billable_metric.nova_image_generation {metric}" in of_product.err
    assert f"  nova-iac import product.nova_ai_image_generation {product}" in of_card.err
    assert "contract.demo.payg is nested under customer.demo, which isn't recorded: import that first" in of_contract.err


def test_ids_that_cant_be_taken(small: tuple[Project, Ids]) -> None:
    """Unknown, malformed, of another kind, of no kind: each is told apart."""
    project, ids = small
    nobody = "00000000-0000-4000-8000-00000000dead"

    assert f"there is no customer {nobody} in this account" in refused(project, "customer.demo", nobody).err
    assert "'demo' is no Metronome id" in refused(project, "customer.demo", "demo").err
    wrong = refused(project, "customer.demo", ids.products["Nova AI Image Generation"])
    assert "is no customer: it is the product 'Nova AI Image Generation'" in wrong.err
    assert "can't be imported; an address here is one of billable_metric.KEY" in refused(project, "alert.x", nobody).err
    assert "is not an address" in refused(project, "Customer Demo", nobody).err
    assert "rates have no ids: they come along when their rate card is imported" in refused(project, "rate.a.b", nobody).err
    assert "an address here is one of" in refused(project, "contract.demo", nobody).err


def test_archived_objects_are_refused(tmp_path: Path) -> None:
    """Archiving can't be undone, so there is nothing to take; what refers to an archived object can't be declared."""
    project = project_of("beyond", tmp_path)
    ids = Ids(project)
    with project.account() as client:
        archived = next(row.id for row in client.v1.billable_metrics.list(include_archived=True) if row.archived_at)

    assert "is archived, which can't be undone" in refused(project, "billable_metric.old", archived).err
    legacy = refused(project, "product.legacy", ids.products["Legacy"])
    assert "the billable_metric of product.legacy is the billable metric 'Old Events'" in legacy.err
    assert "which is archived: it needs a live one" in legacy.err


def test_a_taken_id_or_address_is_refused(applied: Project) -> None:
    """An id under another address, an address with another id: refused with the command that helps."""
    ident = applied.id("customer.demo")
    with applied.account() as client:
        other = Hand(client).customer("Other", "other")

    assert f"{ident} is recorded as customer.demo already" in refused(applied, "customer.twin", ident).err
    assert f"customer.demo is recorded as {ident} already" in refused(applied, "customer.demo", other).err


def test_a_declared_address_is_only_recorded(project: Project) -> None:
    """Where the spec declares it, its text stays; what the object has otherwise is a change of the next plan, and no drift."""
    with project.account() as client:
        ident = Hand(client).customer("Another Name", "jane@nova.com")
    before = project.spec.read_text()

    result = project.ok("import", "customer.demo", ident)

    plan = project.plan("--target", "customer.demo")
    (change,) = [change for change in plan["changes"] if change["address"] == "customer.demo"]
    assert "differs from the spec in name; the next plan shows it" in result.out
    assert project.spec.read_text() == before
    assert (change["action"], [part["path"] for part in change["fields"]]) == ("update", ["name"])
    assert plan["drift"] == []


def test_fields_that_cant_be_read_are_taken_as_declared(tmp_path: Path) -> None:
    """What Metronome never returns can't be compared: it is recorded as declared, which is said, and plans nothing."""
    project = Project(tmp_path, f"{HEAD}\ncustomers:\n  a: {{name: A, leave_stripe_invoices_in_draft: true}}\n")
    with project.account() as client:
        ident = Hand(client).customer("A")

    result = project.ok("import", "customer.a", ident)

    assert "can't be read back, taken as declared: leave_stripe_invoices_in_draft" in result.out
    assert is_empty(project)


def test_a_declared_card_takes_only_its_declared_prices(tmp_path: Path) -> None:
    """Live prices that the spec doesn't name are told and left alone: no plan ends them."""
    project = project_of("small", tmp_path)
    project.ok("pull")
    card = project.id("rate_card.nova_image_generation_pricing")
    project.edit("high-res: $0.05, ", "")
    project.ok("state", "forget", "rate_card.*", "contract.*", "--yes")

    result = project.ok("import", "rate_card.nova_image_generation_pricing", card)

    assert "[image_type=high-res] isn't declared, so it is left as it is" in result.out
    assert [address for address in project.recorded if "high-res" in address] == []
    assert not any(change["action"] == "archive" for change in project.plan()["changes"])


def test_again_under_its_own_address_does_nothing(applied: Project) -> None:
    """The same id under the same address: nothing is different, the lockfile keeps its bytes."""
    before = applied.lockfile.read_bytes()

    applied.ok("import", "customer.demo", applied.id("customer.demo"))

    assert applied.lockfile.read_bytes() == before


def test_it_goes_into_the_file_that_has_its_section(tmp_path: Path) -> None:
    """A contract goes beside its customer, also in an included file; a product into the one file that has products."""
    project = project_of("small", tmp_path)
    project.ok("pull")
    text = project.spec.read_text()
    catalog, _, customers = text.partition("customers:\n")
    (tmp_path / "people.yaml").write_text("customers:\n" + customers)
    project.spec.write_text(catalog.replace("\nbillable_metrics:", "\ninclude: [people.yaml]\n\nbillable_metrics:"))
    customer, card = project.id("customer.nova_demo_customer"), project.id("rate_card.nova_image_generation_pricing")
    with project.account() as client:
        hand = Hand(client)
        contract = hand.contract(customer, card, "2027-01-01T00:00:00Z", name="Next")
        another = hand.customer("Second", "second")
    before = project.spec.read_text()

    project.ok("import", "contract.nova_demo_customer.next", contract)
    project.ok("import", "customer.second", another)

    assert project.spec.read_text() == before
    assert (tmp_path / "people.yaml").read_text() == (
        f"customers:\n{customers}"
        "      next: {name: Next, rate_card: nova_image_generation_pricing, starting_at: 2027-01-01}\n"
        "  second:\n    name: Second\n    ingest_aliases: [second]\n"
    )
    assert is_empty(project)


def test_where_nothing_can_be_added_it_is_printed(tmp_path: Path) -> None:
    """In a section written in braces nothing is changed: the block is printed, and it is said what happens without it."""
    project = by_hand(tmp_path, lambda hand: (hand.customer("A", "a"), hand.customer("B", "b")))
    ids = Ids(project)
    project.write(f"{HEAD}customers: {{a: {{name: A, ingest_aliases: [a]}}}}\n")
    before = project.spec.read_text()

    result = project.ok("import", "customer.b", ids.customers["B"])

    assert project.spec.read_text() == before
    assert "Recorded in billing.local.lock.json." in result.out
    assert result.out.endswith(
        "Add this under customers: before the next apply, which would archive what isn't declared:\n\n"
        "  b:\n    name: B\n    ingest_aliases: [b]\n"
    )


def test_an_excluded_address_is_refused(small: tuple[Project, Ids]) -> None:
    """What an environment excludes would be archived by its next apply."""
    project, ids = small
    project.write(
        "version: 1\nenvironments:\n  local: {emulator: true, exclude: [customer.demo]}\ncustomers:\n  demo: {name: Nova}\n"
    )

    assert (
        "customer.demo is excluded from environment local"
        in refused(project, "customer.demo", ids.customers["Nova Demo Customer"]).err
    )


def test_an_import_holds_the_lock(applied: Project) -> None:
    """While another run holds the lock nothing is imported: exit 5."""
    with Mutex(applied.folder / ".billing.local.lock", "apply", moment.parse(applied.now)):
        assert applied.run("import", "customer.x", applied.id("customer.demo")).code == 5


BLOCK = ["new:", "  name: New One", "  tags: [a]", "", "  # with a comment", "  note: |", "    two", "    lines"]

LAYOUTS = {
    "no section": "version: 1\nenvironments: {local: {emulator: true}}\n",
    "no newline at the end": "version: 1\nx-a: b",
    "section at the end": "version: 1\nproducts:\n  a:\n    name: A\n",
    "section in the middle": "products:\n  a: {name: A}\n\n# about customers\ncustomers:\n  c: {name: C}\n",
    "comments of its own": "products:\n  a: {name: A}   # a\n  # - old\n  #   b: {}\n\n\n# next\nx-y: 1\n",
    "four columns": "products:\n    a:\n        name: A\ncustomers: {}\n",
    "blank lines between": "products:\n  a:\n    name: A\n\n  b:\n    name: B\n\ncustomers:\n  c: {name: C}\n",
    "windows": "version: 1\r\nproducts:\r\n  a: {name: A}\r\n# end\r\n",
    "block scalar at the end": "products:\n  a:\n    name: |\n      x\n\n      # no comment\n",
    "kept blank lines": "x-a: |+\n  x\n\n\nversion: 1\n",
    "anchors": "x-a: &a {name: A}\nproducts:\n  a:\n    <<: *a\nversion: 1\n",
    "list that isn't indented": "products:\n  a:\n    tags:\n    - x\n    - y\nversion: 1\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_block_is_added_and_nothing_else(layout: str) -> None:
    """In every layout the lines that were there stay as they are, in their order, and the new block reads as it was meant."""
    text = LAYOUTS[layout]

    result = insert(text, ("products", "new"), BLOCK)

    assert result is not None
    left = iter(result.splitlines())
    assert all(line in left for line in text.splitlines())
    before, after = load_bytes(text.encode(), "").root, load_bytes(result.encode(), "").root
    assert before is not None
    assert after is not None
    products = after.entries["products"]
    assert isinstance(products, Mapping)
    assert meaning(products.entries.pop("new")) == {
        "name": (True, "New One"), "tags": [(True, "a")], "note": (False, "two\nlines\n")
    }  # fmt: skip
    if not products.entries:
        del after.entries["products"]
    assert meaning(after) == meaning(before)
    assert ("\r\n" in text) == ("\r\n" in result)


@pytest.mark.parametrize(
    "text",
    [
        "{version: 1}\n", "products: {a: {name: A}}\n", "products:\n  new: {name: A}\n", "x: &a\n  b: {}\nproducts: *a\n",
        "products: []\n", "products:\n", "a: [\n", "version: 1\n...\n",
    ],
)  # fmt: skip
def test_where_it_cant_be_added_safely_it_isnt(text: str) -> None:
    """Braces, aliases, a key that is there, an empty section, text that trails off: left to their owner."""
    assert insert(text, ("products", "new"), BLOCK) is None


def test_the_example_takes_another_contract() -> None:
    """Into the example's own text: beside its sibling, comments and all else untouched."""
    result = insert(EXAMPLE, ("customers", "demo", "contracts", "next"), ["next: {rate_card: standard, starting_at: 2027-01-01}"])

    assert result == f"{EXAMPLE}      next: {{rate_card: standard, starting_at: 2027-01-01}}\n"
