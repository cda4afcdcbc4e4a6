"""Changes that hold from a date: of products, pending ones among them, and what a replacement moves. It is 2026-11-22, 14:30."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from card_kit import LATER, START, Card, settled
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support import NOW, Project

from nova_iac.moment import next_full_hour, parse, text

NOW_AND_LATER = (NOW, *LATER)
PRODUCT = "product.image_generation"
UPDATE = ("POST", "/v1/contract-pricing/products/update")


def starts(plan: dict[str, Any]) -> list[str]:
    """The dates of the product updates that a plan would send."""
    return [call["body"]["starting_at"] for call in plan["calls"] if call["path"] == UPDATE[1]]


def rename(project: Project, name: str) -> None:
    """Another product name in the spec."""
    text = project.spec.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if "name: Nova AI" in line)
    project.edit(line, f"    name: Nova AI {name}")


def updates(project: Project) -> list[tuple[str, str]]:
    """Date and name of the live product's updates, in the order in which they were made."""
    with project.account() as account:
        product = account.v1.contracts.products.retrieve(id=project.id(PRODUCT)).to_dict(mode="json")["data"]
    return [(update["starting_at"][:13], update.get("name", "")) for update in product["updates"]]


def test_product_changes_with_the_next_full_hour(applied: Project) -> None:
    """Without --effective-at the date is fixed as the call is sent, and the plan says so."""
    rename(applied, "Images")

    assert starts(applied.plan()) == ["apply+1h"]
    assert f"# {PRODUCT} will be updated from the next full hour when applied" in applied.ok("plan").out
    applied.apply(now="2026-11-22T16:10:00Z")
    assert updates(applied) == [("2026-11-22T17", "Nova AI Images")]
    assert all(applied.actions(now=now) == {} for now in LATER)


def test_product_changes_at_the_date_that_is_given(applied: Project) -> None:
    """--effective-at is absolute; compared is what will hold, so the plan is empty before that date and after it."""
    rename(applied, "Images")
    applied.apply("--effective-at", "2027-03-01")

    assert updates(applied) == [("2027-03-01T00", "Nova AI Images")]
    assert all(applied.actions(now=now) == {} for now in [NOW, "2027-02-28T23:59:59Z", "2027-03-01T00:00:00Z", *LATER])


def test_product_change_in_the_past_is_guarded(applied: Project) -> None:
    """A past --effective-at is NV401."""
    rename(applied, "Images")

    assert [hit["code"] for hit in applied.plan("--effective-at", "2026-11-22T14:00:00Z")["guards"]] == ["NV401"]
    assert applied.plan("--effective-at", "2026-11-22T15:00:00Z")["guards"] == []


def test_effective_date_is_on_the_hour(applied: Project) -> None:
    """A date between two hours is refused before anything else."""
    refused = applied.run("plan", "--effective-at", "2027-01-01T00:30:00Z")

    assert refused.code == 1
    assert "full hour" in refused.err


def test_two_updates_within_one_hour(applied: Project) -> None:
    """The second repeats what the first has pending at the same instant, so that both hold from then on."""
    rename(applied, "Images")
    applied.apply(now="2026-11-22T14:30:00Z")
    applied.edit("presentation_group_key: [image_type]", "presentation_group_key: [image_type]\n    tags: [new]")
    plan = applied.plan(now="2026-11-22T14:45:00Z")

    assert [call["body"] for call in plan["calls"]] == [
        {"product_id": applied.id(PRODUCT), "starting_at": "apply+1h", "name": "Nova AI Images", "tags": ["new"]}
    ]
    applied.apply(now="2026-11-22T14:45:00Z")
    assert all(applied.actions(now=now) == {} for now in ["2026-11-22T14:50:00Z", *LATER])


def test_two_products_updated_within_one_hour(tmp_path: Path) -> None:
    """Each is one call of its own, and both are in place an hour later."""
    card = Card(tmp_path, api=[START])
    card.apply()
    card.project.edit('"name": "API calls"', '"name": "Calls"')
    card.apply(now="2026-11-22T14:30:00Z")
    card.project.edit('"name": "Images",\n   "type"', '"name": "Pictures",\n   "type"')
    card.apply(now="2026-11-22T14:40:00Z")

    assert card.project.writes() == [UPDATE]
    assert settled(card)


@pytest.mark.parametrize(
    ("effective", "dates", "names"),
    [
        ("2026-12-01", ["2026-12-01", "2027-01-01"], ["", "Nova AI Later"]),
        ("2027-01-01", ["2027-01-01"], ["Nova AI Later"]),
        ("2027-02-01", ["2027-02-01"], ["Nova AI Later"]),
    ],
)
def test_update_beside_a_pending_one(applied: Project, effective: str, dates: list[str], names: list[str]) -> None:
    """Before a pending update: it is sent again behind. At its date or after it: what is pending is repeated."""
    rename(applied, "Later")
    applied.apply("--effective-at", "2027-01-01")
    applied.edit("presentation_group_key: [image_type]", "presentation_group_key: [image_type]\n    tags: [new]")

    plan = applied.plan("--effective-at", effective)
    assert starts(plan) == [f"{date}T00:00:00Z" for date in dates]
    assert [call["body"].get("name", "") for call in plan["calls"]] == names
    assert [call["body"]["tags"] for call in plan["calls"]] == [["new"]] * len(dates)
    assert plan["summary"]["update"] == 1
    applied.apply("--effective-at", effective)
    assert all(applied.actions(now=now) == {} for now in ["2026-12-31T23:00:00Z", "2027-01-15T00:00:00Z", *LATER])


def test_update_of_what_is_pending_holds_from_its_own_date(applied: Project) -> None:
    """A name that is changed before a pending change of the name: the new one holds from its date on, also afterwards."""
    rename(applied, "Later")
    applied.apply("--effective-at", "2027-01-01")
    rename(applied, "Sooner")
    applied.apply("--effective-at", "2026-12-01")

    assert updates(applied)[1:] == [("2026-12-01T00", "Nova AI Sooner"), ("2027-01-01T00", "Nova AI Sooner")]
    assert all(applied.actions(now=now) == {} for now in LATER)


def test_pending_updates_hold_in_the_order_in_which_they_were_made(applied: Project) -> None:
    """Of two pending updates the one that was made last wins (§6.2), whatever their dates; a third one keeps it so."""
    with applied.account() as account:
        for starting_at, name in (("2027-02-01T00:00:00Z", "First made"), ("2027-01-01T00:00:00Z", "Last made")):
            account.v1.contracts.products.update(product_id=applied.id(PRODUCT), starting_at=starting_at, name=name)
    applied.edit("name: Nova AI Image Generation", "name: Last made\n    tags: [new]")

    assert list(applied.actions()) == [PRODUCT]
    applied.apply()
    assert [name for _, name in updates(applied)[2:]] == ["", "Last made", "Last made"]
    assert all(applied.actions(now=now) == {} for now in LATER)


# --- replacements ----------------------------------------------------------------------------------------------------------

REPLACEMENT = [
    ("POST", "/v1/billable-metrics/create"),
    UPDATE,
    ("POST", "/v1/billable-metrics/archive"),
]


def test_replaced_metric_is_made_taken_up_and_archived(applied: Project) -> None:
    """Three calls, one change: the product is switched with the next full hour and is no change of its own."""
    old = applied.id("billable_metric.image_generation")
    applied.edit("aggregation_type: SUM", "aggregation_type: MAX")

    assert applied.ok("plan").last == "Plan: 0 to create, 0 to update, 1 to replace, 0 to schedule, 0 to archive. 3 calls."
    assert applied.actions() == {"billable_metric.image_generation": "replace"}
    applied.apply("--parallelism", "1")

    assert applied.writes() == REPLACEMENT
    assert applied.id("billable_metric.image_generation") != old
    assert all(applied.actions(now=now) == {} for now in NOW_AND_LATER)
    assert applied.plan()["drift"] == []


def test_metric_is_replaced_from_a_date(applied: Project) -> None:
    """--effective-at dates the product's switch."""
    applied.edit("aggregation_type: SUM", "aggregation_type: MAX")

    assert starts(applied.plan("--effective-at", "2027-01-01")) == ["2027-01-01T00:00:00Z"]
    applied.apply("--effective-at", "2027-01-01")
    assert all(applied.actions(now=now) == {} for now in NOW_AND_LATER)


def test_metric_is_replaced_while_a_product_update_is_pending(applied: Project) -> None:
    """The switch holds at once and after the pending update too: that one is sent again, with the new metric."""
    rename(applied, "Later")
    applied.apply("--effective-at", "2027-06-01")
    applied.edit("aggregation_type: SUM", "aggregation_type: MAX")

    plan = applied.plan()
    assert starts(plan) == ["apply+1h", "2027-06-01T00:00:00Z"]
    assert [call["body"].get("name") for call in plan["calls"] if call["path"] == UPDATE[1]] == [None, "Nova AI Later"]
    assert plan["summary"]["replace"] == 1
    applied.apply()
    assert all(applied.actions(now=now) == {} for now in NOW_AND_LATER)


def test_metric_that_is_only_to_be_taken_up_is_replaced_from_then_on(applied: Project) -> None:
    """A product that moves to a metric next year, and that metric replaced before: until then the product meters as before."""
    applied.edit("products:", METRIC_TO_COME + "\nproducts:")
    applied.edit("    billable_metric: image_generation", "    billable_metric: to_come")
    applied.apply("--effective-at", "2027-06-01")
    applied.edit("name: To come, aggregation_type: COUNT", "name: To come, aggregation_type: MAX, aggregation_key: num_images")

    assert applied.actions() == {"billable_metric.to_come": "replace"}
    assert starts(applied.plan()) == ["2027-06-01T00:00:00Z"]
    applied.apply()

    with applied.account("2027-05-31T00:00:00Z") as account:
        product = account.v1.contracts.products.retrieve(id=applied.id(PRODUCT)).data
    assert product.current.billable_metric_id == applied.id("billable_metric.image_generation")
    assert all(applied.actions(now=now) == {} for now in NOW_AND_LATER)


METRIC_TO_COME = (
    "  to_come: {name: To come, aggregation_type: COUNT, group_keys: [[image_type]], property_filters: "
    "[{name: image_type, exists: true}, {name: num_images, exists: true}]}\n"
)


def test_metric_whose_name_changes_along_is_replaced_once(applied: Project) -> None:
    """A name, which could change in place, travels with the new metric."""
    applied.edit("name: Nova Image Generation\n", "name: Images counted\n")
    applied.edit("aggregation_type: SUM", "aggregation_type: MAX")

    assert applied.plan()["summary"]["replace"] == 1
    applied.apply("--parallelism", "1")
    assert applied.writes() == REPLACEMENT


def test_replaced_contract_is_archived_first(applied: Project) -> None:
    """NV403, then archive and create: two live contracts would bill twice."""
    applied.edit("starting_at: 2025-09-01}", "starting_at: 2026-01-01}")

    plan = applied.plan()
    assert [(hit["code"], hit["address"]) for hit in plan["guards"]] == [("NV403", "contract.demo.payg")]
    assert plan["summary"]["replace"] == 1
    applied.apply("--allow", "NV403", "--parallelism", "1")
    assert applied.writes() == [("POST", "/v1/contracts/archive"), ("POST", "/v1/contracts/create")]
    assert all(applied.actions(now=now) == {} for now in NOW_AND_LATER)


# --- any life of a product -------------------------------------------------------------------------------------------------

WHEN = ["2026-11-22T14:30:00Z", "2026-12-02T00:00:00Z", "2026-12-20T09:15:00Z"]
DATES = ["2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z", "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"]
INSTANTS = sorted({*DATES, "2026-11-22T15:00:00Z", "2026-12-02T01:00:00Z", "2026-12-20T10:00:00Z", "2028-01-01T00:00:00Z"})
NAMES, TAGS = st.sampled_from(["A", "B", "C"]), st.sampled_from([["x"], ["y"]])
BY_HAND = st.fixed_dictionaries({"starting_at": st.sampled_from(DATES)}, optional={"name": NAMES, "tags": TAGS})
CHAPTER = st.tuples(st.lists(BY_HAND, max_size=2), NAMES, TAGS, st.none() | st.sampled_from(DATES))


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(life=st.lists(CHAPTER, min_size=2, max_size=3))
@example(
    life=[
        ([{"starting_at": "2027-01-01T00:00:00Z"}], "A", ["y"], None),
        ([{"starting_at": "2026-12-01T00:00:00Z", "name": "A", "tags": ["x"]}], "B", ["x"], None),
    ]
)
def test_life_of_a_product(life: list[tuple[list[dict[str, Any]], str, list[str], str | None]]) -> None:
    """Updates by hand and by the spec, before, at and after each other: what a plan changes holds from its date on, for good.

    Before that date nothing is touched; afterwards the plan is empty at every instant.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), product("A", ["x"]), now="2026-11-01T00:00:00Z")
        project.apply()
        for now, (hands, name, tags, date) in zip(WHEN, life, strict=False):
            with project.account(now) as account:
                for update in hands:
                    account.v1.contracts.products.update(product_id=project.id("product.p"), **update)
            project.write(product(name, tags))
            date = date if date and date > now else None
            options = ["--effective-at", date] if date else []
            changed = [part["path"] for change in project.plan(*options, now=now)["changes"] for part in change["fields"]]
            before = fields_at(project, INSTANTS)

            project.apply(*options, now=now)

            reached = date or text(next_full_hour(parse(now)))
            after, wanted = fields_at(project, INSTANTS), {"name": name, "tags": tags}
            for instant in INSTANTS:
                for field in ("name", "tags"):
                    if instant >= reached and field in changed:
                        assert after[instant][field] == wanted[field], (instant, field)
                    elif instant < reached or not changed:
                        assert after[instant][field] == before[instant][field], (instant, field)
            assert all(project.actions(now=later) == {} for later in [now, *(one for one in INSTANTS if one > now)])


def product(name: str, tags: list[str]) -> str:
    """A spec of one product."""
    return (
        "version: 1\nenvironments: {local: {emulator: true}}\n"
        "billable_metrics: {m: {name: M, aggregation_type: COUNT}}\n"
        f"products: {{p: {{name: {name}, type: USAGE, billable_metric: m, tags: {tags}}}}}\n"
    )


def fields_at(project: Project, instants: list[str]) -> dict[str, dict[str, Any]]:
    """The live product's fields at instants: its updates laid over each other in the order in which they were made (§6.2)."""
    with project.account() as account:
        row = account.v1.contracts.products.retrieve(id=project.id("product.p")).to_dict(mode="json")["data"]
    return {
        instant: {
            name: value
            for state in (row["initial"], *(one for one in row["updates"] if one["starting_at"] <= instant))
            for name, value in state.items()
        }
        for instant in instants
    }
