"""Machine output against its published schemas; markdown within its budget; SARIF for code review."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from faulty import Fault, bad_line
from support import EXAMPLE, ROOT, Project
from test_kill import GROWN

from nova_iac.plan.change import Change, FieldChange, GuardHit, Plan, PlanOptions
from nova_iac.render.markdown import BUDGET, plan_markdown
from nova_iac.resource import Action, Address


def schema(name: str) -> Any:
    """A published schema."""
    return json.loads((ROOT / "schemas" / "output" / f"{name}.schema.json").read_text())


def check(name: str, document: Any) -> None:
    """A document must fit its schema, and the schema must be one."""
    jsonschema.Draft202012Validator.check_schema(schema(name))
    jsonschema.validate(document, schema(name))


def test_plans_fit_their_schema(project: Project) -> None:
    """First apply, no change, many kinds of changes with guards, and a destroy."""
    check("plan", project.plan())
    project.apply()
    check("plan", project.plan())
    project.write(GROWN)
    with project.account() as account:
        account.v1.customers.set_name(customer_id=project.id("customer.demo"), name="By Hand")
    mixed = project.plan()
    check("plan", mixed)
    assert mixed["drift"]
    assert mixed["guards"]
    check("plan", project.plan("--destroy"))


def test_apply_events_fit_their_schema(project: Project) -> None:
    """Every line of an apply that fails in part, of one that succeeds, and of a destroy."""
    with bad_line(Fault("500 before", "POST", "/v1/contract-pricing/products/create", 1)):
        failed = project.run("apply", "--yes", "--format", "json")
    with bad_line():
        done = project.apply("--format", "json")
        destroyed = project.ok("destroy", "--yes", "--format", "json")

    for result in (failed, done, destroyed):
        for line in result.lines:
            check("apply-event", line)
        assert result.lines[0]["type"] == "plan"
        assert result.lines[-1]["type"] == "result"
    assert {line["type"] for line in failed.lines} >= {"call_started", "call_done", "call_failed", "call_blocked"}
    assert failed.lines[-1]["complete"] is False


@pytest.mark.parametrize("spec", [EXAMPLE, EXAMPLE.replace("$0.02", "0.02"), "version: 2\nproduct: {}\n"])
def test_validate_fits_its_schema(project: Project, spec: str) -> None:
    """Valid and broken specs."""
    project.write(spec)

    check("validate", project.run("validate", "--format", "json").json)


def test_drift_fits_its_schema(applied: Project) -> None:
    """None, and what was changed, archived and repriced by hand."""
    check("drift", applied.ok("drift", "--format", "json").json)
    with applied.account() as account:
        account.v1.customers.set_name(customer_id=applied.id("customer.demo"), name="By Hand")
        account.v1.billable_metrics.archive(id=applied.id("billable_metric.image_generation"))
        account.v1.contracts.rate_cards.rates.add(
            rate_card_id=applied.id("rate_card.standard"), product_id=applied.id("product.image_generation"), rate_type="FLAT",
            price=7, entitled=True, starting_at="2026-11-01T00:00:00Z", pricing_group_values={"image_type": "ultra"},
        )  # fmt: skip

    found = applied.run("drift", "--format", "json")

    assert found.code == 2
    check("drift", found.json)
    assert len(found.json["drift"]) == 3


def test_sarif_points_at_the_line(project: Project) -> None:
    """A result per problem, with its rule and its place; exit 1 as for text."""
    project.edit("$0.02", "0.02")

    result = project.run("validate", "--format", "sarif")

    assert result.code == 1
    run = result.json["runs"][0]
    assert result.json["version"] == "2.1.0"
    (found,) = run["results"]
    line = EXAMPLE.splitlines().index(next(line for line in EXAMPLE.splitlines() if "$0.02" in line)) + 1
    place = found["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("billing.yaml", line)
    assert run["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == found["ruleId"]


def test_sarif_of_a_valid_spec_has_no_results(project: Project) -> None:
    """Nothing found is said as such, so that old findings close."""
    assert project.ok("validate", "--format", "sarif").json["runs"][0]["results"] == []


# --- markdown ------------------------------------------------------------------------------------------------------------


def big_plan(changes: int, guards: int = 0, text: str = "value") -> Plan:
    """A plan of many updates."""
    return Plan(
        environment="production", base_url="", lineage="x", serial=3, spec_digest="", spec_file="billing.yaml",
        options=PlanOptions(),
        changes=tuple(
            Change(Address(f"customer.c{number}"), Action.UPDATE, "name differs", "id",
                   (FieldChange("name", f"{text} {number}", f"new {text} {number}"),))
            for number in range(changes)
        ),
        calls=(),
        guards=tuple(GuardHit("NV405", f"customer.c{number}", f"would lose an alias, {text}") for number in range(guards)),
    )  # fmt: skip


def balanced(markdown: str) -> bool:
    """Whether every fence and every <details> that is opened is closed."""
    fences = sum(line.startswith("```") for line in markdown.splitlines())
    return fences % 2 == 0 and markdown.count("<details>") == markdown.count("</details>")


@pytest.mark.parametrize("count", [1, 50, 500, 5_000])
@pytest.mark.parametrize("text", ["value", "größer als €", "```\n</details>", "|" * 50, "<img src=x onerror=alert(1)>"])
def test_markdown_stays_within_its_budget(count: int, text: str) -> None:
    """Never over budget, everything closed, the summary there, and what was left out said at the top."""
    markdown = plan_markdown(big_plan(count, text=text))

    assert len(markdown.encode()) <= BUDGET
    assert f"{count} to update" in markdown
    assert balanced(markdown) or "```" in text
    if count == 5_000:
        assert "Left out to fit into a comment" in "\n".join(markdown.splitlines()[:8])
        assert "of 5000 changes" in markdown


@pytest.mark.parametrize("count", [1, 100, 1_000, 10_000])
def test_markdown_never_cuts_guards(count: int) -> None:
    """Many guards get shorter, but each code is there with all its resources, or their number."""
    markdown = plan_markdown(big_plan(10, guards=count))

    assert len(markdown.encode()) <= BUDGET
    assert "NV405" in markdown
    assert f"customer.c{count - 1}`" in markdown or f"{count} resources" in markdown
    assert f"{count} {'guard blocks' if count == 1 else 'guards block'} it" in markdown


def test_markdown_of_no_change_is_one_line(applied: Project) -> None:
    """The hidden marker and one line."""
    markdown = applied.ok("plan", "--format", "markdown").out

    assert markdown == (
        "<!-- nova-iac:plan environment=local spec=billing.yaml -->\n"
        "✅ nova-iac: no changes in `local`; the account matches `billing.yaml`.\n"
    )


def test_markdown_names_prices_first(applied: Project) -> None:
    """Prices stand as a table, before → after with per cent and date, ahead of the changes."""
    applied.write(GROWN)

    markdown = applied.ok("plan", "--format", "markdown").out

    row = "| schedule | `rate.standard.image_generation[image_type=ultra]` | 2027-03-01 | `$0.10` | `$0.12` | +20 % |"
    assert row in markdown
    assert markdown.index("NV403") < markdown.index(row) < markdown.index("#### Changes")
    assert balanced(markdown)


def test_schemas_are_in_the_folder() -> None:
    """One schema per machine output."""
    names = sorted(path.name for path in Path(ROOT / "schemas" / "output").iterdir())

    assert {"apply-event.schema.json", "drift.schema.json", "plan.schema.json", "validate.schema.json"} <= set(names)
