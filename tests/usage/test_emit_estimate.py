"""What events would bill: dry runs, held against the draft invoice."""

from __future__ import annotations

from pathlib import Path

from emit_kit import event, write_lines
from support import EXAMPLE, Project

TIERED = EXAMPLE.replace(
    "prices: {standard: $0.02, high-res: $0.05, ultra: $0.10}",
    "prices: {standard: {tiers: [{size: 2, price: $0}, {price: $0.000003}]}, high-res: $0.05, ultra: $0.10}",
)


def test_dry_run_is_what_the_draft_invoice_says(tmp_path: Path) -> None:
    """The amount that a dry run tells is the amount on the draft, with tiers, to the last digit."""
    project = Project(tmp_path, TIERED)
    project.apply()
    write_lines(
        project.folder / "events.ndjson", [event(n, properties={"image_type": "standard", "num_images": "7.5"}) for n in range(9)]
    )

    dry = project.ok("emit", "--from", "events.ndjson", "--dry-run", "--format", "json").json
    assert list(project.folder.glob("events.ndjson.*")) == []
    project.ok("emit", "--from", "events.ndjson")
    (draft,) = project.ok("invoices", "demo", "--status", "draft", "--format", "json").json["invoices"]

    assert [(one["tier"], one["quantity"], one["total"]) for one in dry["invoices"][0]["lines"]] == [
        (1, "2", "0"),
        (2, "65.5", "0.0001965"),
    ]
    assert dry["invoices"][0]["total"] == draft["total"] == "0.0001965"
    text = project.ok("invoices", "demo").out
    assert "(standard), tier 1: up to 2 " in text
    assert "(standard), tier 2: over 2 " in text


def test_dry_run_tells_what_is_not_priced(applied: Project) -> None:
    """Unknown customers, times without a contract and values without a price are counted by reason."""
    applied.edit("starting_at: 2025-09-01}", "starting_at: 2026-11-20}")
    write_lines(
        applied.folder / "events.ndjson",
        [
            event(0),
            event(1, customer_id="other"),
            event(2, timestamp="2026-11-19T00:00:00Z"),
            event(3, properties={"image_type": "tiny", "num_images": "4"}),
        ],
    )

    found = applied.ok("emit", "--from", "events.ndjson", "--dry-run", "--format", "json").json

    assert found["not_priced"] == {
        "their customer is not in the spec": 1,
        "their customer has no contract at their time": 1,
    }
    assert found["invoices"][0]["unbilled"] == [
        {
            "product": "image_generation",
            "group": {"image_type": "tiny"},
            "reason": "no price is in force for these values",
            "quantity": "4",
        }
    ]
    assert found["invoices"][0]["total"] == "0.02"


def test_prices_are_judged_at_the_events_time(tmp_path: Path) -> None:
    """A price that begins or ends within the window holds for the events of its time only."""
    project = Project(tmp_path, EXAMPLE.replace("- starting_at: 2025-09-01\n", "- starting_at: 2026-11-20\n"))
    stamps = ["2026-11-19T23:59:59Z", "2026-11-20T00:00:00Z"]
    write_lines(project.folder / "events.ndjson", [event(n, timestamp=stamps[n % 2]) for n in range(200)])

    result = project.run("emit", "--from", "events.ndjson", "--unknown", "reject", "--dry-run", "--format", "json")

    assert result.json["rejected"] == 100
    assert sum(result.json["reasons"].values()) == 100
    assert all(reason.startswith("no price is in force for image_type = ") for reason in result.json["reasons"])


def test_thousands_are_told_apart_in_tables_and_not_for_programs(applied: Project) -> None:
    """Amounts read as quantities do; the last line is as the spec takes an amount."""
    ten = event(0, properties={"image_type": "ultra", "num_images": "123456.5"})
    write_lines(applied.folder / "events.ndjson", [ten])

    dry = applied.ok("emit", "--from", "events.ndjson", "--dry-run")
    applied.ok("emit", "--from", "events.ndjson")

    assert [line.split()[2:] for line in dry.out.splitlines() if "ultra" in line] == [["123,456.5", "$0.10", "$12,345.65"]]
    assert dry.last == "Dry run: 1 event would bill $12345.65. Nothing was sent."
    assert "On invoices: $12,345.65" in applied.ok("usage", "demo").out
    assert "$12,345.65" in applied.ok("invoices", "demo").out
