"""Files, streams and tables of events: each row sent exactly as it was meant, or told why not."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from emit_kit import arrived, event, rejected, stored, write_lines
from support import Project

from nova_iac import moment
from nova_iac.render.emit import reasons_text
from nova_iac.render.style import Style

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
    "huge number": (
        '{"transaction_id": "a", "properties": {"num_images": 1e99999999999999999999}}',
        "a number in it has an exponent that is out of every range",
    ),
    "member twice": (
        json.dumps(event(AT))[:-1] + ', "event_type": "image_generation"}',
        "'event_type' stands in it twice",
    ),
    "property twice": (
        json.dumps(event(AT)).replace('"num_images"', '"num_images": "5", "num_images"'),
        "'num_images' stands in it twice",
    ),
    "too long": ('{"transaction_id": "' + "x" * 1_100_000 + '"}', "the line is longer than"),
}


def with_one_bad(path: Path, bad: Any, count: int) -> Path:
    events: list[Any] = [event(number) for number in range(1, count + 1)]
    events[AT - 1] = event(AT, **bad) if isinstance(bad, dict) else bad
    return write_lines(path, events)


def check_one_bad(project: Project, bad: Any, reason: str, count: int) -> None:
    path = with_one_bad(project.folder / "events.ndjson", bad, count)
    result = project.run("emit", "--from", "events.ndjson", "--unknown", "reject")

    assert result.code == 3, result.err
    assert result.last.startswith(f"Emit complete: {count - 1} sent, 0 skipped, 1 rejected.")
    seen = arrived(project)
    assert (len(seen), max(seen.values())) == (count - 1, 1)
    (one,) = rejected(project.folder / "events.ndjson.local.rejected.ndjson")
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
    (one,) = rejected(applied.folder / "events.ndjson.local.rejected.ndjson")
    assert (one["line"], one["reason"].startswith("Metronome refused it: ")) == (AT, True)
    assert one["event"]["transaction_id"] == f"event-{AT:06d}"


def test_files_warn_by_default(applied: Project) -> None:
    """Production has customers that no spec names: their events are sent, and told of."""
    write_lines(applied.folder / "events.ndjson", [event(number, customer_id=f"customer-{number % 2}") for number in range(4)])

    result = applied.run("emit", "--from", "events.ndjson")

    assert result.code == 0
    assert "2 times: no customer of the spec is called 'customer-0'" in result.err
    assert len(arrived(applied)) == 4
    assert not (applied.folder / "events.ndjson.local.rejected.ndjson").exists()


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
    """- reads NDJSON or CSV from a pipe; what is rejected goes to stdin.local.rejected.ndjson."""
    good, bad = json.dumps(event(1)), json.dumps(event(2, timestamp="2020-01-01T00:00:00Z"))
    result = applied.run("emit", "--from", "-", stdin=f"{good}\n{bad}\n")

    assert result.code == 3
    assert [one["line"] for one in rejected(applied.folder / "stdin.local.rejected.ndjson")] == [2]
    header = "transaction_id,customer_id,event_type,timestamp,image_type,num_images"
    table = f"{header}\na,jane@nova.com,image_generation,2026-11-22T01:00:00Z,ultra,2\n"
    applied.ok("emit", "--from", "-", "--input", "csv", stdin=table)
    assert set(arrived(applied)) == {"event-000001", "a"}


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


def test_many_strangers_are_told_briefly_and_quickly(applied: Project) -> None:
    """Thousands of customers that the spec doesn't have: a few are named, the others counted."""
    write_lines(applied.folder / "events.ndjson", [event(n, customer_id=f"stranger-{n}") for n in range(500)])

    result = applied.run("emit", "--from", "events.ndjson", "--dry-run")

    told = [line for line in result.err.splitlines() if "time" in line]
    assert told[-1] == "  491 times: another customer, event type or value that the spec doesn't have", "named ones come first"
    assert "500 times: their customer is not in the spec" in result.out


def test_spec_without_customers_checks_none(applied: Project) -> None:
    """Where the spec says nothing about customers, nothing can be said about an event's."""
    text = applied.spec.read_text(encoding="utf-8")
    applied.write(text[: text.index("customers:\n")].replace("exclude: [customer.demo]", ""))
    write_lines(applied.folder / "events.ndjson", [event(n, customer_id="anybody") for n in range(3)])

    assert "look at these" not in applied.ok("emit", "--from", "events.ndjson").err
    applied.ok("emit", "image_generation", "-c", "anybody", "-p", "image_type=ultra", "-p", "num_images=1")


def test_members_are_counted_not_guessed(applied: Project) -> None:
    """Escaped quotes and nested objects make no member stand twice."""
    odd = event(1, properties={"image_type": "ultra", "num_images": "1", 'a "b": c': '"d":', "deep": {"x": 1, "y": {"x": 1}}})
    write_lines(applied.folder / "events.ndjson", [odd, json.dumps(event(2)).replace('": ', '" : ')])

    applied.ok("emit", "--from", "events.ndjson", "--unknown", "reject")

    assert stored(applied, "event-000001")["properties"]['a "b": c'] == '"d":'
    assert len(arrived(applied)) == 2


PACKED = {
    "gzip": (gzip.compress(b"{}"), "zcat events.ndjson | nova-iac emit --from -"),
    "UTF-16": (json.dumps(event(1)).encode("utf-16"), "iconv -f UTF-16 -t UTF-8 events.ndjson | nova-iac emit --from -"),
}


@pytest.mark.parametrize("kind", PACKED)
def test_what_is_no_plain_text_is_told_with_what_unpacks_it(applied: Project, kind: str) -> None:
    """A packed file, or one in another encoding, ends the run with the command, and nothing is rejected line by line."""
    data, command = PACKED[kind]
    (applied.folder / "events.ndjson").write_bytes(data)

    result = applied.run("emit", "--from", "events.ndjson")

    assert (result.code, command in result.err) == (1, True), result.err
    assert list(applied.folder.glob("*.rejected.ndjson")) == []


def test_what_comes_from_elsewhere_is_shown_and_not_obeyed(applied: Project) -> None:
    """Escape sequences and line breaks in values, ids, names and answers reach no terminal as such."""
    hostile = "\x1b[31mRED\n| \u202ex"
    properties = {"image_type": hostile, "num_images": "1"}
    write_lines(applied.folder / "bad.ndjson", [event(1, transaction_id=f"a{hostile}", properties=properties)])
    write_lines(applied.folder / "good.ndjson", [event(2)])
    applied.edit("exclude: [customer.demo]", "exclude: []")
    with applied.account() as account:
        account.v1.customers.set_name(customer_id=applied.id("customer.demo"), name=f"Nova {hostile}")

    shown = [applied.run("emit", "--from", "bad.ndjson", *more) for more in (("--dry-run",), ("--verify",))]
    shown += [applied.run(*words) for words in (("emit", "--from", "good.ndjson", "--verify"), ("usage", hostile))]
    shown += [applied.run(*words) for words in (("usage", "demo"), ("invoices", "demo"), ("check",))]

    told = [one.out + one.err for one in shown]
    told.append(reasons_text("Rejected:", Counter({f"Metronome refused it: {hostile}": 1}), Style(), "red"))
    for text in told:
        assert "\\x1b[31mRED" in text
        assert not {"\x1b", "\u202e"} & set(text), text
