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
    """A document must fit its schema, have nothing that the schema doesn't name, and still fit with what a later minor adds."""
    published = schema(name)
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.validate(document, closed(published))
    jsonschema.validate(grown(document), published)


def closed(part: Any) -> Any:
    """A schema whose objects have no fields but those that it names, for all that it names any."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    inner = {name: closed(one) for name, one in part.items()}
    return {**inner, "additionalProperties": False} if isinstance(part.get("properties"), dict) else inner


def grown(document: Any) -> Any:
    """A document of a later minor version: another field in every object."""
    if isinstance(document, list):
        return [grown(one) for one in document]
    if isinstance(document, dict):
        return {**{name: grown(one) for name, one in document.items()}, "added_later": 1}
    return document.replace("1.0", "1.1") if document == "1.0" else document


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
    assert failed.lines[0]["format_version"] == "1.0"


def test_lines_of_a_later_version_fit() -> None:
    """A type of line that is added in a minor version; those that are known must be whole."""
    event = schema("apply-event")

    jsonschema.validate({"type": "call_waiting", "seconds": 3}, event)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"type": "call_done", "call": 1}, event)
    with pytest.raises(jsonschema.ValidationError):
        check("apply-event", {"type": "call_waiting", "seconds": 3})


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


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("repository", [False, True])
def test_sarif_has_the_path_in_the_repository(tmp_path: Path, repository: bool, absolute: bool) -> None:
    """From the root of the repository, as a URI, wherever the command runs; without a repository as it was given."""
    if repository:
        (tmp_path / ".git").mkdir()
    name = "größe #1 100%.yaml"
    project = Project(tmp_path / "eu")
    (project.folder / name).write_text("version: 2\n", encoding="utf-8")

    result = project.run("validate", "--format", "sarif", "-f", str(project.folder / name) if absolute else name)

    uri = result.json["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    quoted = "gr%C3%B6%C3%9Fe%20%231%20100%25.yaml"
    outside = (project.folder / quoted).as_uri().replace("%25", "%") if absolute else quoted
    assert uri == (f"eu/{quoted}" if repository else outside)


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


CROWD = "version: 1\nenvironments: {local: {emulator: true}}\ncustomers:\n" + "".join(
    f"  c{number:03}: {{name: Customer number {number} of those that fill a page}}\n" for number in range(120)
)


def test_markdown_takes_its_budget_from_the_environment(project: Project) -> None:
    """Of a plan and of drift: as long as NOVA_MARKDOWN_BUDGET lets it be, 65,000 bytes where it says nothing."""
    project.write(CROWD)
    project.apply()
    with project.account() as account:
        for entry in project.recorded.values():
            account.v1.customers.set_name(customer_id=entry["id"], name="Renamed by hand, and to something long " * 2)

    for command in ("plan", "drift"):
        whole = project.run(command, "--format", "markdown").out
        small = project.run(command, "--format", "markdown", env={"NOVA_MARKDOWN_BUDGET": "12000"}).out

        assert 12_000 < len(whole.encode()) <= BUDGET
        assert 11_000 < len(small.encode()) <= 12_000
        assert "Left out" in small
        assert "Left out" not in whole
        assert project.run(command, "--format", "markdown", env={"NOVA_MARKDOWN_BUDGET": ""}).out == whole


@pytest.mark.parametrize("command", ["plan", "drift"])
@pytest.mark.parametrize("budget", ["9999", "-20000", "many", "1e5", "9" * 5_000])
def test_a_budget_that_is_none_is_refused(applied: Project, command: str, budget: str) -> None:
    """Before anything is read; where no Markdown is asked for it doesn't matter."""
    applied.forget_requests()

    refused = applied.run(command, "--format", "markdown", env={"NOVA_MARKDOWN_BUDGET": budget})

    assert (refused.code, refused.out) == (1, "")
    assert "NOVA_MARKDOWN_BUDGET must be a number of bytes, 10000 at least" in refused.err
    assert applied.requests() == []
    assert applied.run(command, env={"NOVA_MARKDOWN_BUDGET": budget}).code == 0


def test_schemas_are_in_the_folder() -> None:
    """One schema per machine output."""
    names = sorted(path.name for path in Path(ROOT / "schemas" / "output").iterdir())

    assert {"apply-event.schema.json", "drift.schema.json", "plan.schema.json", "validate.schema.json"} <= set(names)
