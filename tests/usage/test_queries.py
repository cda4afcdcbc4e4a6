"""check, usage and invoices: what the account says, and nothing that was worked out beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from emit_kit import event, write_lines
from support import EXAMPLE, Project

NESTED = (
    EXAMPLE.replace("group_keys: [[image_type]]", "group_keys: [[image_type], [region], [image_type, region]]")
    .replace(
        "      - {name: num_images, exists: true}",
        "      - {name: num_images, exists: true}\n      - {name: region, exists: true}",
    )
    .replace("presentation_group_key: [image_type]", "presentation_group_key: [image_type, region]")
)


def send(project: Project, *events: dict[str, object], now: str | None = None) -> None:
    write_lines(project.folder / "events.ndjson", events)
    project.ok("emit", "--from", "events.ndjson", "--unknown", "send", now=now)


def test_usage_of_a_window_counts_whole_utc_days(applied: Project) -> None:
    """--from and --to are days, both inclusive; today by default."""
    send(applied, *(event(n, timestamp=f"2026-11-{day}T23:59:59Z") for n, day in enumerate((19, 20, 21))))

    def quantities(*window: str) -> list[str]:
        found = applied.ok("usage", "demo", "--format", "json", *window).json
        return [metric["quantity"] for metric in found["metrics"]]

    assert quantities() == []
    assert quantities("--from", "2026-11-20") == ["2"]
    assert quantities("--from", "2026-11-19", "--to", "2026-11-20") == ["2"]
    assert quantities("--from", "2026-11-20", "--to", "2026-11-20") == ["1"]


def test_window_over_two_months_adds_up_both_invoices(applied: Project) -> None:
    """Amounts come from the breakdowns of every invoice that the window touches."""
    send(applied, event(0, timestamp="2026-10-31T12:00:00Z"), event(3, timestamp="2026-11-01T12:00:00Z"))

    found = applied.ok("usage", "demo", "--from", "2026-10-25", "--format", "json").json

    assert found["total"] == {"USD": "0.04"}
    assert [row["amount"]["amount"] for row in found["metrics"][0]["groups"]] == ["0.04"]


def test_usage_that_no_invoice_has_is_told(applied: Project) -> None:
    """A value without a price has usage and no amount: the silent way to give things away."""
    send(applied, event(0), event(1, properties={"image_type": "tiny", "num_images": "5"}))

    text = applied.ok("usage", "demo").out

    assert next(line.split() for line in text.splitlines() if "tiny" in line)[:4] == ["tiny", "5", "not", "billed"]
    assert "On invoices: $0.02" in text


def test_usage_can_be_grouped_by_another_key(tmp_path: Path) -> None:
    """By default the product's keys; --group-by another one, with amounts where invoice lines have it."""
    project = Project(tmp_path, NESTED)
    project.apply()
    send(
        project,
        *(event(n, properties={"image_type": "ultra", "num_images": "1", "region": "eu" if n else "us"}) for n in range(3)),
    )

    def rows(*arguments: str) -> list[tuple[dict[str, str], str, str]]:
        (metric,) = project.ok("usage", "demo", "--format", "json", *arguments).json["metrics"]
        return [(row["group"], row["quantity"], row["amount"]["amount"]) for row in metric["groups"]]

    assert rows() == [
        ({"image_type": "ultra", "region": "eu"}, "2", "0.2"),
        ({"image_type": "ultra", "region": "us"}, "1", "0.1"),
    ]
    assert rows("--group-by", "region") == [({"region": "eu"}, "2", "0.2"), ({"region": "us"}, "1", "0.1")]
    assert rows("--metric", "image_generation", "--group-by", "image_type") == [({"image_type": "ultra"}, "3", "0.3")]
    wrong = project.run("usage", "demo", "--group-by", "colour")
    assert (wrong.code, "its group keys are: image_type; image_type,region; region." in wrong.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("usage", "nobody"), "no customer of the spec or the account is called nobody."),
        (("usage", "demmo"), "Did you mean demo?"),
        (("invoices", "00000000-0000-4000-8000-000000000000"), "the account has no customer with the id 00000000"),
        (("usage", "demo", "--metric", "x"), "the account has no billable metric x; it has: Nova Image Generation."),
        (("usage", "demo", "--from", "2026-11-20T01:00:00Z"), "is not a UTC day"),
        (("usage", "demo", "--from", "soon"), "--from: 'soon' is not an instant"),
        (("usage", "demo", "--from", "2026-11-23"), "--from 2026-11-23 is after --to 2026-11-22"),
    ],
)
def test_wrong_questions_are_explained(applied: Project, arguments: tuple[str, ...], reason: str) -> None:
    """What isn't there is named, with what may have been meant."""
    result = applied.run(*arguments)

    assert (result.code, reason in result.err) == (1, True), result.err


def test_before_apply_the_customer_is_not_there(project: Project) -> None:
    """A declared customer that wasn't applied: apply."""
    assert "customer.demo isn't in the account yet" in project.run("usage", "demo").err
    assert project.run("invoices", "demo").code == 1


def test_customer_outside_the_spec_is_found_by_alias(applied: Project) -> None:
    """Production has customers that no spec names."""
    with applied.account() as account:
        account.v1.customers.create(name="Other", ingest_aliases=["other"])

    assert applied.ok("usage", "other").out == "Other · 2026-11-22 (UTC, so far)\n\nNo usage.\n"
    assert "No invoices" in applied.ok("invoices", "other").out


def test_finalized_invoices_with_charges_are_shown_and_empty_ones_counted(project: Project) -> None:
    """Drafts and what was charged by default; --all and --status for the rest."""
    then, later = "2026-10-31T13:00:00Z", "2026-12-05T00:00:00Z"
    project.apply(now=then)
    send(project, event(2, timestamp="2026-10-31T12:00:00Z"), now=then)

    text = project.ok("invoices", "demo", now=later).out
    draft, final = (f"{name} usage invoice · 2026-{month}" for name, month in (("Draft", "12-01"), ("Finalized", "10-01")))
    assert text.index(draft) < text.index(final)
    assert "14 finalized without charges left out; --all shows them." in text
    assert len(project.ok("invoices", "demo", "--all", "--format", "json", now=later).json["invoices"]) == 16
    assert len(project.ok("invoices", "demo", "--status", "draft", "--format", "json", now=later).json["invoices"]) == 1
    used = project.ok("usage", "demo", "--from", "2026-10-31", "--to", "2026-10-31", now=later).out
    assert used.count("$0.10") == 3


def test_usage_after_the_invoice_was_final_is_told(applied: Project) -> None:
    """Late usage shows in breakdowns and is on no invoice: the text says so where it can happen."""
    send(applied, event(0, timestamp="2026-10-31T12:00:00Z"))

    late = applied.ok("usage", "demo", "--from", "2026-10-31", "--to", "2026-10-31").out

    assert "usage that came in after that is not on them" in late
    assert "usage that came in after that" not in applied.ok("usage", "demo").out
    assert applied.ok("usage", "demo", "--from", "2026-10-31", "--format", "json").json["finalized"] is True


def test_bars_fit_the_width(applied: Project) -> None:
    """Bars are relative to the largest group, and lines no wider than the terminal."""
    send(applied, *(event(n) for n in range(7)))

    for width in ("60", "80", "120"):
        lines = applied.ok("usage", "demo", env={"COLUMNS": width}).out.splitlines()
        bars = {line.split()[0]: line.count("█") for line in lines if "█" in line}
        assert max(map(len, lines)) <= int(width)
        assert bars["standard"] > bars["ultra"] == bars["high-res"] > 0
