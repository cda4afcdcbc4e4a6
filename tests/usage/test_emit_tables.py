"""Tables of events: CSV and Parquet, by columns, with exact values."""

from __future__ import annotations

from decimal import Decimal

import pytest
from emit_kit import arrived, faults, on_ingest, rejected, stored
from support import Project

from nova_iac import moment

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
    found = rejected(applied.folder / "events.csv.local.rejected.ndjson")
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
        ('"a\n', (), "the header is not CSV: a quote is opened and not closed."),
        ("a\rb\rc", (), "the header is not CSV: a carriage return stands"),
        ("\n" + "a,b\n", (), "events.csv: the first line is empty"),
        (
            "customer_id;event_type;timestamp\na;b;c\n",
            (),
            "no column for customer_id and event_type and timestamp or transaction_id, so that no row is an event; it has "
            "customer_id;event_type;timestamp. Is ';' what stands between its cells? Then: --delimiter ';'.",
        ),
        ("customer_id,event_type\na,b\n", (), "no column for timestamp or transaction_id"),
        ("id,kind\na,b\n", ("-c", "demo", "--timestamp", "2026-11-22"), "no column for event_type, so that"),
    ],
)
def test_wrong_csv_header_is_explained(applied: Project, text: str, arguments: tuple[str, ...], reason: str) -> None:
    """A header that can't be used, or by which no row is an event, ends the run before anything is sent or rejected."""
    (applied.folder / "events.csv").write_text(text, encoding="utf-8", newline="")
    result = applied.run("emit", "--from", "events.csv", *arguments)

    assert (result.code, reason in result.err) == (1, True), result.err
    assert applied.writes() == []


HEADER = "transaction_id,customer_id,event_type,timestamp,image_type,num_images"


def table(count: int) -> list[str]:
    return [HEADER, *(f"a{number},jane@nova.com,image_generation,2026-11-22,ultra,1" for number in range(count))]


QUOTES = {
    "to the end of the file": (
        'a{n},"jane@nova.com,image_generation,2026-11-22,ultra,1',
        None,
        "a quote is opened and not closed",
    ),
    "to the next quote": (
        'a{n},"jane@nova.com,image_generation,2026-11-22,ultra,1',
        'a1599,"jane@nova.com","image_generation",2026-11-22,ultra,"1"',
        "after a closing quote comes neither the delimiter nor the end of the line",
    ),
    "within its line": ('a{n},"jane"@nova.com,image_generation,2026-11-22,ultra,1', None, "after a closing quote comes neither"),
    "carriage return": (
        "a{n},jane@nova.com,image_\rgeneration,2026-11-22,ultra,1",
        None,
        "a carriage return stands in the middle",
    ),
}


@pytest.mark.parametrize("kind", QUOTES)
def test_broken_record_costs_its_first_line_and_no_other(applied: Project, kind: str) -> None:
    """All other rows arrive, and one line says why this one didn't, and where."""
    bad, other, reason = QUOTES[kind]
    rows = table(2_000)
    rows[1_001] = bad.format(n=1_000)
    if other is not None:
        rows[1_600] = other
    (applied.folder / "events.csv").write_text("\n".join(rows) + "\n", encoding="utf-8", newline="")

    result = applied.run("emit", "--from", "events.csv")

    assert result.last.startswith("Emit complete: 1999 sent, 0 skipped, 1 rejected."), result.err
    (one,) = rejected(applied.folder / "events.csv.local.rejected.ndjson")
    assert (one["line"], one["reason"].startswith("not CSV: "), reason in one["reason"]) == (1_002, True, True), one
    assert one["source"] == rows[1_001]
    assert "a1000" not in arrived(applied)


def test_run_that_is_resumed_after_a_broken_record_goes_on_right_behind_it(applied: Project) -> None:
    """The lines after a broken one are read again: the checkpoint stands at each of them, not behind what the quote took."""
    rows = table(400)
    rows[150] = 'x,"jane@nova.com,image_generation,2026-11-22,ultra,1'
    (applied.folder / "events.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    with faults(on_ingest("error", status=401, skip=2)):
        applied.run("emit", "--from", "events.csv", "--concurrency", "1")
    assert len(arrived(applied)) == 200

    result = applied.run("emit", "--from", "events.csv", "--resume")

    assert (len(arrived(applied)), result.code) == (399, 3)
    assert [one["line"] for one in rejected(applied.folder / "events.csv.local.rejected.ndjson")] == [151]
    assert "201 skipped, 1 rejected" in result.last


def test_cells_may_be_as_long_as_a_line(applied: Project) -> None:
    """A megabyte is the bound for a cell, as for a line."""
    (applied.folder / "events.csv").write_text(
        f"{HEADER},note\na,jane@nova.com,image_generation,2026-11-22,ultra,1,{'x' * 500_000}\n", encoding="utf-8"
    )

    applied.ok("emit", "--from", "events.csv", "--map", "image_type=image_type", "--map", "num_images=num_images")

    assert set(arrived(applied)) == {"a"}


def test_properties_cell_with_a_huge_number_is_rejected(applied: Project) -> None:
    """What no number holds is told, and nothing else is lost."""
    rows = ["transaction_id,customer_id,event_type,timestamp,properties"]
    rows += ['a,jane@nova.com,image_generation,2026-11-22,"{""image_type"": ""ultra"", ""num_images"": 1e99999999999999999999}"']
    rows += ['b,jane@nova.com,image_generation,2026-11-22,"{""image_type"": ""ultra"", ""num_images"": 1}"']
    (applied.folder / "events.csv").write_text("\n".join(rows), encoding="utf-8")

    assert applied.run("emit", "--from", "events.csv").code == 3
    assert set(arrived(applied)) == {"b"}


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


def test_csv_that_is_not_utf8_is_refused_not_guessed(applied: Project) -> None:
    """A row in another encoding is rejected with what to do; replaced letters would be another customer."""
    header = "transaction_id,customer_id,event_type,timestamp,image_type,num_images\n"
    rows = header + "a,jané@nova.com,image_generation,2026-11-22,ultra,1\nb,jane@nova.com,image_generation,2026-11-22,ultra,1\n"
    (applied.folder / "events.csv").write_bytes(rows.encode("latin-1"))

    assert applied.run("emit", "--from", "events.csv").code == 3
    (one,) = rejected(applied.folder / "events.csv.local.rejected.ndjson")
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
