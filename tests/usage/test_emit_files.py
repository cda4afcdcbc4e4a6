"""Files, streams and tables of events: each row sent exactly as it was meant, or told why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from emit_kit import arrived, event, rejected, stored, write_lines
from support import EXAMPLE, Project

from nova_iac import moment

FEW, MANY = 300, 10_000
AT = 123
"""The line of the bad event, counted from 1."""

BADNESS: Mapping[str, tuple[Any, str]] = {
    "customer": (
        {"customer_id": "joan@nova.com"},
        "no customer of the spec is called 'joan@nova.com'; did you mean 'jane@nova.com'?",
    ),
    "key instead of alias": ({"customer_id": "demo"}, "'demo' is a customer's key in the spec"),
    "event type": ({"event_type": "video"}, "no metric counts the event type 'video'"),
    "group value": ({"properties": {"image_type": "tiny", "num_images": "1"}}, "no price is in force for image_type = 'tiny'"),
    "missing group": ({"properties": {"num_images": "1"}}, "property image_type is missing"),
    "missing number": ({"properties": {"image_type": "ultra"}}, "property num_images is missing"),
    "no number": ({"properties": {"image_type": "ultra", "num_images": "1,000"}}, "num_images = '1,000' is no number"),
    "list": ({"properties": {"image_type": "ultra", "num_images": [1]}}, "property num_images is a list"),
    "old": ({"timestamp": "2026-10-01T00:00:00Z"}, "more than 34 days in the past"),
    "future": ({"timestamp": "2027-01-01T00:00:00Z"}, "more than 24 hours in the future"),
    "no such date": ({"timestamp": "2026-11-31T00:00:00Z"}, "timestamp: "),
    "no offset": ({"timestamp": "2026-11-22T00:00:00"}, "has no offset"),
    "no id and time": ({"transaction_id": None, "timestamp": None}, "neither transaction_id nor timestamp"),
    "long id": ({"transaction_id": "x" * 129}, "transaction_id has 129 characters"),
    "no customer": ({"customer_id": None}, "customer_id is missing"),
    "unknown field": ({"image_type": "ultra"}, "unknown field 'image_type'"),
    "not JSON": ("{broken", "not JSON"),
    "not an object": ("[1, 2]", "not a JSON object"),
    "not UTF-8": (b'{"transaction_id": "\xff"}', "not JSON"),
    "too long": ('{"transaction_id": "' + "x" * 1_100_000 + '"}', "the line is longer than"),
}


def with_one_bad(path: Path, bad: Any, count: int) -> Path:
    events: list[Any] = [event(number) for number in range(1, count + 1)]
    events[AT - 1] = {**event(AT, **bad)} if isinstance(bad, dict) else bad
    if isinstance(bad, dict):
        events[AT - 1] = event(AT, **bad)
    return write_lines(path, events)


def check_one_bad(project: Project, bad: Any, reason: str, count: int) -> None:
    path = with_one_bad(project.folder / "events.ndjson", bad, count)
    result = project.run("emit", "--from", "events.ndjson", "--unknown", "reject")

    assert result.code == 3, result.err
    assert result.last.startswith(f"Emit complete: {count - 1} sent, 0 skipped, 1 rejected.")
    seen = arrived(project)
    assert (len(seen), max(seen.values())) == (count - 1, 1)
    (one,) = rejected(project.folder / "events.ndjson.rejected.ndjson")
    assert one["line"] == AT
    assert reason in one["reason"]
    if len(str(bad)) < 1_000:
        assert one["source"] == path.read_bytes().split(b"\n")[AT - 1].decode("utf-8", "replace")


@pytest.mark.parametrize("kind", BADNESS)
def test_one_bad_event_is_rejected_and_the_others_arrive(applied: Project, kind: str) -> None:
    """One line in the rejected file with reason and source line; every other event once."""
    check_one_bad(applied, *BADNESS[kind], FEW)


@pytest.mark.parametrize("kind", ["no number", "old"])
def test_one_bad_event_among_ten_thousand(applied: Project, kind: str) -> None:
    """9,999 arrive, one line says why the other didn't."""
    check_one_bad(applied, *BADNESS[kind], MANY)


@pytest.mark.long
@pytest.mark.parametrize("kind", BADNESS)
def test_one_bad_event_of_each_kind_among_ten_thousand(applied: Project, kind: str) -> None:
    """The same for every kind of badness."""
    check_one_bad(applied, *BADNESS[kind], MANY)


def test_event_that_only_metronome_refuses_is_found_by_halving(applied: Project) -> None:
    """A batch that is refused as a whole loses its one bad event and no other. Here the tool's clock is a month behind."""
    write_lines(
        applied.folder / "events.ndjson",
        [event(number, **({"timestamp": "2026-10-20T00:00:00Z"} if number == AT else {})) for number in range(1, FEW + 1)],
    )

    with mock.patch("nova_iac.cli.emitting.now", return_value=moment.parse("2026-11-22T00:00:00Z")):
        result = applied.run("emit", "--from", "events.ndjson", now="2026-11-23T23:00:00Z")

    assert result.last.startswith(f"Emit complete: {FEW - 1} sent, 0 skipped, 1 rejected.")
    (one,) = rejected(applied.folder / "events.ndjson.rejected.ndjson")
    assert (one["line"], one["reason"].startswith("Metronome refused it: ")) == (AT, True)
    assert one["event"]["transaction_id"] == f"event-{AT:06d}"


def test_files_warn_by_default(applied: Project) -> None:
    """Production has customers that no spec names: their events are sent, and told of."""
    write_lines(applied.folder / "events.ndjson", [event(number, customer_id=f"customer-{number % 2}") for number in range(4)])

    result = applied.run("emit", "--from", "events.ndjson")

    assert result.code == 0
    assert "2 times: no customer of the spec is called 'customer-0'" in result.err
    assert len(arrived(applied)) == 4
    assert not (applied.folder / "events.ndjson.rejected.ndjson").exists()


def test_second_run_bills_nothing_twice(applied: Project) -> None:
    """Rows without an id get one from their place and bytes, so a second run of the file changes nothing."""
    write_lines(applied.folder / "events.ndjson", [event(number, transaction_id=None) for number in range(250)])

    for _ in range(2):
        applied.ok("emit", "--from", "events.ndjson")

    assert len(arrived(applied)) == 250
    assert set(arrived(applied).values()) == {1}


def test_rows_are_completed_from_the_command_line_and_are_other_events_then(applied: Project) -> None:
    """EVENT_TYPE, -c and -p fill what a row lacks; the derived id knows them."""
    write_lines(applied.folder / "events.ndjson", [{"timestamp": "2026-11-22T10:00:00Z", "properties": {"num_images": 2}}])
    for tier in ("ultra", "standard"):
        applied.ok("emit", "image_generation", "-c", "demo", "-p", f"image_type={tier}", "--from", "events.ndjson")

    (metric,) = applied.ok("usage", "demo", "--format", "json").json["metrics"]
    assert [(row["group"]["image_type"], row["quantity"]) for row in metric["groups"]] == [("standard", "2"), ("ultra", "2")]


def test_values_keep_every_digit(applied: Project) -> None:
    """Numbers travel as texts with the digits that they came with; null is left out, nested values stay."""
    values = '"num_images": 0.1234567890123456789, "big": 12345678901234567890, "flag": true, "none": null, "deep": {"a": [1]}'
    line = json.dumps(event(1)).replace('"num_images": "1"', values)
    write_lines(applied.folder / "events.ndjson", [line])

    applied.ok("emit", "--from", "events.ndjson")

    assert stored(applied, "event-000001")["properties"] == {
        "num_images": "0.1234567890123456789",
        "big": "12345678901234567890",
        "flag": "true",
        "image_type": "high-res",
        "deep": {"a": [1]},
    }
    dry = applied.ok("emit", "--from", "events.ndjson", "--dry-run").last
    assert dry == f"Dry run: 1 event would bill ${Decimal('0.1234567890123456789') * Decimal('0.05')}. Nothing was sent."


def test_odd_line_ends_are_understood(applied: Project) -> None:
    """A byte order mark, CRLF, blank lines and a last line without its end."""
    lines = [json.dumps(event(number)).encode() for number in range(3)]
    (applied.folder / "events.ndjson").write_bytes(b"\xef\xbb\xbf" + b"\r\n\r\n".join(lines))

    applied.ok("emit", "--from", "events.ndjson", "--unknown", "reject")

    assert len(arrived(applied)) == 3


def test_stdin_is_read_as_it_comes(applied: Project) -> None:
    """- reads NDJSON or CSV from a pipe; what is rejected goes to stdin.rejected.ndjson."""
    good, bad = json.dumps(event(1)), json.dumps(event(2, timestamp="2020-01-01T00:00:00Z"))
    result = applied.run("emit", "--from", "-", stdin=f"{good}\n{bad}\n")

    assert result.code == 3
    assert [one["line"] for one in rejected(applied.folder / "stdin.rejected.ndjson")] == [2]
    header = "transaction_id,customer_id,event_type,timestamp,image_type,num_images"
    table = f"{header}\na,jane@nova.com,image_generation,2026-11-22T01:00:00Z,ultra,2\n"
    applied.ok("emit", "--from", "-", "--input", "csv", stdin=table)
    assert set(arrived(applied)) == {"event-000001", "a"}


CSV = """\
when,account,kind,num_images,note
2026-11-22T10:00:00+01:00,jane@nova.com,ultra,3,"two
lines, and a comma"
2026-11-22T11:00:00Z,jane@nova.com,standard,2,

2026-11-22T12:00:00Z,jane@nova.com,high-res,x,bad number
2026-11-22T13:00:00Z,jane@nova.com
"""
MAPPED = ("--map", "customer_id=account", "--map", "timestamp=when")


def test_csv_columns_are_mapped(applied: Project) -> None:
    """Columns are fields and properties by name or by --map; records may span lines; empty cells are left out."""
    (applied.folder / "events.csv").write_text(CSV, encoding="utf-8")
    only = ("--map", "properties.image_type=kind", "--map", "num_images=num_images")

    result = applied.run("emit", "image_generation", "--from", "events.csv", *MAPPED, *only)

    assert result.code == 3
    assert "$0.34" in applied.ok("usage", "demo").out
    found = rejected(applied.folder / "events.csv.rejected.ndjson")
    assert [(one["line"], one["reason"]) for one in found] == [
        (6, "property num_images = 'x' is no number: it would count for nothing"),
        (7, "it has 2 cells; the header has 5"),
    ]
    (first, _) = arrived(applied)
    assert "note" not in stored(applied, first)["properties"]


def test_csv_without_mapping_takes_columns_as_properties(applied: Project) -> None:
    """Every column that is no field is a property; a properties column may hold an object; tabs for .tsv."""
    header = "transaction_id\tcustomer_id\tevent_type\ttimestamp\tproperties\tnum_images\n"
    row = 'a\tjane@nova.com\timage_generation\t2026-11-22\t"{""image_type"": ""ultra""}"\t1\n'
    (applied.folder / "events.tsv").write_text(header + row, encoding="utf-8-sig")

    applied.ok("emit", "--from", "events.tsv")

    assert stored(applied, "a")["properties"] == {"image_type": "ultra", "num_images": "1"}


@pytest.mark.parametrize(
    ("text", "arguments", "reason"),
    [
        ("a,b\n", ("--map", "customer_id=c"), "events.csv has no column 'c'; it has a, b."),
        ("a,a\n", (), "events.csv has two columns 'a'"),
        ('"a\n', (), "the header is not CSV"),
    ],
)
def test_wrong_csv_header_is_explained(applied: Project, text: str, arguments: tuple[str, ...], reason: str) -> None:
    """A header that can't be used ends the run before anything is sent."""
    (applied.folder / "events.csv").write_text(text, encoding="utf-8")
    result = applied.run("emit", "--from", "events.csv", *arguments)

    assert (result.code, reason in result.err) == (1, True), result.err


def test_unclosed_quote_costs_its_record_only_as_far_as_it_goes(applied: Project) -> None:
    """A quote that is never closed is told with the line on which it begins."""
    rows = ["transaction_id,customer_id,event_type,timestamp,image_type,num_images"]
    rows += [f"a{number},jane@nova.com,image_generation,2026-11-22,ultra,1" for number in range(5)]
    rows[4] = 'a3,"jane,image_generation,2026-11-22,ultra,1'
    (applied.folder / "events.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")

    assert applied.run("emit", "--from", "events.csv").code == 3
    (one,) = rejected(applied.folder / "events.csv.rejected.ndjson")
    assert (one["line"], one["reason"][:8]) == (5, "not CSV:")
    assert len(arrived(applied)) == 3


@pytest.mark.parquet
def test_parquet_is_read_with_exact_values(applied: Project) -> None:
    """Timestamps with a zone, decimals and doubles come through exactly; rows keep their numbers over row groups."""
    pyarrow = pytest.importorskip("pyarrow")
    from datetime import UTC, datetime

    from pyarrow import parquet

    count = 250
    stamps = [datetime(2026, 11, 22, 10, 0, 0, number, tzinfo=UTC) for number in range(count)]
    table = pyarrow.table(
        {
            "customer_id": ["jane@nova.com"] * count,
            "event_type": ["image_generation"] * count,
            "timestamp": pyarrow.array(stamps, pyarrow.timestamp("us", "UTC")),
            "image_type": ["ultra"] * count,
            "num_images": pyarrow.array([Decimal("0.10")] * count, pyarrow.decimal128(10, 2)),
            "load": [0.1] * count,
        }
    )
    parquet.write_table(table, applied.folder / "events.parquet", row_group_size=100)

    for _ in range(2):
        applied.ok("emit", "--from", "events.parquet", "--verify")

    assert len(arrived(applied)) == count
    assert applied.ok("usage", "demo", "--format", "json").json["total"] == {"USD": "2.5"}
    some = next(iter(arrived(applied)))
    assert stored(applied, some)["properties"] == {"image_type": "ultra", "num_images": "0.10", "load": "0.1"}


@pytest.mark.parquet
def test_parquet_without_time_zone_is_refused(applied: Project) -> None:
    """Naive timestamps could mean any hour: they are refused with what to write."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"timestamp": pyarrow.array([0], pyarrow.timestamp("us"))}), applied.folder / "e.parquet")
    (applied.folder / "broken.parquet").write_bytes(b"nothing")

    assert "has no time zone" in applied.run("emit", "--from", "e.parquet").err
    assert "can't be read as Parquet" in applied.run("emit", "--from", "broken.parquet").err


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


def test_memory_is_bounded_by_what_is_in_flight(applied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the file, only so many batches are held at once."""
    from nova_iac.usage.emission import Emission

    held: list[int] = []
    submit = Emission._submit

    def watched(self: Emission, batch: Any) -> None:
        submit(self, batch)
        held.append(len(self._pending))

    monkeypatch.setattr(Emission, "_submit", watched)
    write_lines(applied.folder / "events.ndjson", [event(number) for number in range(3_000)])

    applied.ok("emit", "--from", "events.ndjson", "--concurrency", "2")

    assert (len(held), max(held) <= 6) == (30, True)


def test_csv_that_is_not_utf8_is_refused_not_guessed(applied: Project) -> None:
    """A row in another encoding is rejected with what to do; replaced letters would be another customer."""
    header = "transaction_id,customer_id,event_type,timestamp,image_type,num_images\n"
    rows = header + "a,jané@nova.com,image_generation,2026-11-22,ultra,1\nb,jane@nova.com,image_generation,2026-11-22,ultra,1\n"
    (applied.folder / "events.csv").write_bytes(rows.encode("latin-1"))

    assert applied.run("emit", "--from", "events.csv").code == 3
    (one,) = rejected(applied.folder / "events.csv.rejected.ndjson")
    assert (one["line"], one["reason"][:20]) == (2, "not CSV: not UTF-8 a")
    assert set(arrived(applied)) == {"b"}


@pytest.mark.parquet
def test_parquet_nanoseconds_are_cut_to_microseconds(applied: Project) -> None:
    """Python's instants have microseconds; what is finer is cut, whatever else is installed."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    stamp = int(moment.parse("2026-11-22T10:00:00Z").timestamp()) * 10**9 + 123_456_789
    columns = {
        "transaction_id": ["a"],
        "timestamp": pyarrow.array([stamp], pyarrow.timestamp("ns", "UTC")),
        "properties": [{"image_type": "ultra", "num_images": "1"}],
    }
    parquet.write_table(pyarrow.table(columns), applied.folder / "events.parquet", version="2.6")

    applied.ok("emit", "image_generation", "-c", "demo", "--from", "events.parquet")

    found = stored(applied, "a")
    assert found["timestamp"].isoformat() == "2026-11-22T10:00:00.123456+00:00"
    assert found["properties"] == {"image_type": "ultra", "num_images": "1"}


def test_many_strangers_are_told_briefly_and_quickly(applied: Project) -> None:
    """Thousands of customers that the spec doesn't have: a few are named, the others counted."""
    write_lines(applied.folder / "events.ndjson", [event(n, customer_id=f"stranger-{n}") for n in range(500)])

    result = applied.run("emit", "--from", "events.ndjson", "--dry-run")

    assert "491 times: another customer, event type or value that the spec doesn't have" in result.err
    assert "500 times: their customer is not in the spec" in result.out


def test_spec_without_customers_checks_none(applied: Project) -> None:
    """Where the spec says nothing about customers, nothing can be said about an event's."""
    text = applied.spec.read_text(encoding="utf-8")
    applied.write(text[: text.index("customers:\n")].replace("exclude: [customer.demo]", ""))
    write_lines(applied.folder / "events.ndjson", [event(n, customer_id="anybody") for n in range(3)])

    assert "look at these" not in applied.ok("emit", "--from", "events.ndjson").err
    applied.ok("emit", "image_generation", "-c", "anybody", "-p", "image_type=ultra", "-p", "num_images=1")


def test_prices_are_judged_at_the_events_time(tmp_path: Path) -> None:
    """A price that begins or ends within the window holds for the events of its time only."""
    project = Project(tmp_path, EXAMPLE.replace("- starting_at: 2025-09-01\n", "- starting_at: 2026-11-20\n"))
    stamps = ["2026-11-19T23:59:59Z", "2026-11-20T00:00:00Z"]
    write_lines(project.folder / "events.ndjson", [event(n, timestamp=stamps[n % 2]) for n in range(200)])

    result = project.run("emit", "--from", "events.ndjson", "--unknown", "reject", "--dry-run", "--format", "json")

    assert result.json["rejected"] == 100
    assert sum(result.json["reasons"].values()) == 100
    assert all(reason.startswith("no price is in force for image_type = ") for reason in result.json["reasons"])
