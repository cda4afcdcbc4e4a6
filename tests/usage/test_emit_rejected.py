"""The rejected file: what it may be, what becomes of one that is there already, and that no other file is ever touched."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from emit_kit import event, faults, on_ingest, rejected, write_lines
from support import Project

OURS = "events.ndjson.local.rejected.ndjson"
EMIT = ("emit", "--from", "events.ndjson", "--unknown", "reject")


def bad(number: int) -> dict[str, Any]:
    return event(number, event_type="video")


def lines_of(path: Path) -> list[int]:
    return [one["line"] for one in rejected(path)]


OTHERS = {
    "source": "events.ndjson",
    "spec": "billing.yaml",
    "included file": "more.yaml",
    "lockfile": "billing.local.lock.json",
    "journal": ".billing.local.journal",
    "lock": ".billing.local.lock",
    "database": ".nova/local.db",
    "tokens": ".env",
    "checkpoint": "events.ndjson.local.checkpoint.json",
    "link": "link.ndjson",
    "hard link": "hard.ndjson",
    "notes": "notes.txt",
}


@pytest.mark.parametrize("what", OTHERS)
def test_no_other_file_is_touched(applied: Project, what: str) -> None:
    """--rejected with a file that something else lives by, there or not, ends the run before anything is sent or removed."""
    path = applied.folder / OTHERS[what]
    write_lines(applied.folder / "events.ndjson", [bad(1)])
    (applied.folder / "notes.txt").write_text("mine\n", encoding="utf-8")
    (applied.folder / "link.ndjson").symlink_to("events.ndjson")
    (applied.folder / "hard.ndjson").hardlink_to(applied.spec)
    (applied.folder / "more.yaml").write_text("customers: {other: {name: Other}}\n", encoding="utf-8")
    applied.write(applied.spec.read_text(encoding="utf-8") + "include: [more.yaml]\n")
    before = path.read_bytes() if path.exists() else None

    result = applied.run(*EMIT, "--rejected", OTHERS[what])

    assert (result.code, path.name in result.err) == (1, True), result.err
    assert (path.read_bytes() if path.exists() else None) == before
    assert applied.requests() == []


def test_stream_that_is_read_is_not_its_own_rejected_file(applied: Project) -> None:
    """A file on standard input isn't known by its name: what it holds protects it."""
    source = write_lines(applied.folder / "events.ndjson", [event(1), bad(2)])
    before = source.read_bytes()

    applied.run("emit", "--from", "-", "--rejected", "events.ndjson", "--unknown", "reject", stdin=before.decode())

    assert source.read_bytes() == before
    assert lines_of(applied.folder / "events.2.ndjson") == [2]


def test_pipes_are_written_to_and_stay(applied: Project) -> None:
    """What is no regular file gets the lines and is neither emptied nor removed."""
    write_lines(applied.folder / "events.ndjson", [event(1), bad(2)])
    os.mkfifo(applied.folder / "pipe")
    reader = os.open(applied.folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    result = applied.run(*EMIT, "--rejected", "pipe")

    told = os.read(reader, 65_536)
    os.close(reader)
    assert (result.code, json.loads(told)["line"]) == (3, 2)
    assert (applied.folder / "pipe").is_fifo()


def test_earlier_file_is_replaced_by_the_first_reject_only(applied: Project) -> None:
    """A run that rejects nothing leaves what an earlier one has left, and says whose it is; one that does replaces it."""
    write_lines(applied.folder / "events.ndjson", [event(1), bad(2)])
    applied.run(*EMIT)
    before = (applied.folder / OURS).read_bytes()
    with (applied.folder / OURS).open("rb") as still_read:
        write_lines(applied.folder / "events.ndjson", [event(1)])
        result = applied.ok(*EMIT)
        assert f"{OURS} is of an earlier run; this one rejected nothing." in result.err
        assert (applied.folder / OURS).read_bytes() == before

        write_lines(applied.folder / "events.ndjson", [bad(1), event(2)])
        assert "earlier run" not in applied.run(*EMIT).err

        assert lines_of(applied.folder / OURS) == [1]
        assert still_read.read() == before, "whoever reads the old one has the whole of it"


def test_link_stays_a_link(applied: Project) -> None:
    """A rejected file may live elsewhere."""
    (applied.folder / "elsewhere").mkdir()
    (applied.folder / OURS).symlink_to("elsewhere/rejects")
    write_lines(applied.folder / "events.ndjson", [bad(1)])

    for _ in range(2):
        applied.run(*EMIT)

    assert (applied.folder / OURS).is_symlink()
    assert lines_of(applied.folder / "elsewhere" / "rejects") == [1]


def test_environments_have_their_own(applied: Project) -> None:
    """What one account refused isn't replaced by what another one did."""
    applied.edit("  local: {emulator: true}", "  local: {emulator: true}\n  other: {emulator: true}")
    write_lines(applied.folder / "events.ndjson", [bad(1)])
    for environment in ("local", "other"):
        applied.run(*EMIT, "-e", environment)

    assert len(list(applied.folder.glob("events.ndjson.*.rejected.ndjson"))) == 2


def test_streams_replace_nothing(applied: Project) -> None:
    """A stream can't be read again, so what it left is kept: the next one's name has a number."""
    for number in range(3):
        result = applied.run("emit", "--from", "-", "--unknown", "reject", stdin=f"{json.dumps(bad(number))}\n" * (number + 1))

    assert "The rejected events are in stdin.local.3.rejected.ndjson." in result.err
    names = ("stdin.local.rejected.ndjson", "stdin.local.2.rejected.ndjson", "stdin.local.3.rejected.ndjson")
    assert [len(lines_of(applied.folder / name)) for name in names] == [1, 2, 3]


def test_empty_file_is_taken_as_it_is(applied: Project) -> None:
    """What mktemp made is there to be written to."""
    (applied.folder / "tmp.x").touch()

    applied.run("emit", "--from", "-", "--rejected", "tmp.x", "--unknown", "reject", stdin=f"{json.dumps(bad(1))}\n")

    assert lines_of(applied.folder / "tmp.x") == [1]


def stopped_in_the_middle(project: Project) -> Path:
    """A run of 300 events, the first and the 150th bad, that stops after 200."""
    write_lines(project.folder / "events.ndjson", [bad(n) if n in (0, 149) else event(n) for n in range(300)])
    with faults(on_ingest("error", status=401, skip=1)):
        project.run(*EMIT, "--concurrency", "1")
    return project.folder / OURS


def test_resumed_run_goes_on_behind_what_is_settled(applied: Project) -> None:
    """Lines that came after the checkpoint are dropped, for their rows are judged again."""
    path = stopped_in_the_middle(applied)
    settled = path.read_bytes()
    path.write_bytes(settled + settled)

    applied.run(*EMIT, "--resume")

    assert lines_of(path) == [1, 150]


def test_resumed_run_cuts_no_file_that_is_another(applied: Project) -> None:
    """Another run's file in its place, or an edited one, stays whole; this run's lines go behind it."""
    path = stopped_in_the_middle(applied)
    others = b"".join(
        json.dumps({"line": n, "reason": "of another run", "source": "x" * 100}).encode() + b"\n" for n in range(1_000, 1_005)
    )
    path.write_bytes(others)

    applied.run(*EMIT, "--resume")

    assert lines_of(path) == [1_000, 1_001, 1_002, 1_003, 1_004, 150]


def test_advice_of_the_documentation_holds(applied: Project) -> None:
    """jq -c '.event // empty' of a rejected file, sent again: rows that are no event at all leave nothing to send."""
    write_lines(applied.folder / "events.ndjson", [bad(1), "{", event(3)])
    applied.run(*EMIT)
    applied.edit(
        "event_type_filter: {in_values: [image_generation]}", "event_type_filter: {in_values: [image_generation, video]}"
    )

    again = [one["event"] for one in rejected(applied.folder / OURS) if one.get("event")]
    applied.ok("emit", "--from", "-", "--unknown", "reject", stdin="".join(f"{json.dumps(one)}\n" for one in again))


def test_unwritable_places_are_explained(applied: Project) -> None:
    """A checkpoint or rejected file that can't be written is an error with its path, not a traceback."""
    write_lines(applied.folder / "events.ndjson", ["{"])
    result = applied.run("emit", "--from", "events.ndjson", "--rejected", "nowhere/x.ndjson")

    assert (result.code, "nowhere/x.ndjson can't be written: there is no folder nowhere" in result.err) == (1, True)
