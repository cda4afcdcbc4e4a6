"""The lockfile and the lock: what is refused is left as it was, and nothing is lost."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from support import Project

from nova_iac import moment
from nova_iac.state.mutex import Mutex


def broken(text: str, **changes: Any) -> str:
    """A lockfile's text with fields changed; None removes one."""
    data = json.loads(text)
    for name, value in changes.items():
        if value is None:
            del data[name]
        else:
            data[name] = value
    return json.dumps(data)


CASES: dict[str, Any] = {
    "truncated": (lambda text: text[: len(text) // 2], "is not JSON"),
    "empty": (lambda _: "", "is not JSON"),
    "merge conflict": (lambda text: f"<<<<<<< ours\n{text}>>>>>>> theirs\n", "merge conflict"),
    "not an object": (lambda _: "[]", "no JSON object"),
    "newer format": (lambda text: broken(text, format_version="1.1"), "update nova-iac"),
    "no format": (lambda text: broken(text, format_version=None), "format_version is missing"),
    "unknown field": (lambda text: broken(text, owner="me"), "unknown field 'owner'"),
    "no lineage": (lambda text: broken(text, lineage=None), "lineage is missing"),
    "lineage that is none": (lambda text: broken(text, lineage="x"), "can't be used"),
    "serial that is none": (lambda text: broken(text, serial="7"), "wrong type"),
    "foreign environment": (lambda text: broken(text, environment="production"), "belongs to environment production"),
    "foreign host": (
        lambda text: broken(text, account={"base_url": "https://api.metronome.com"}),
        "was made against https://api.metronome.com",
    ),
    "resource without id": (lambda text: broken(text, resources={"customer.a": {"attributes": {}}}), "id is missing"),
    "resource with an unknown field": (
        lambda text: broken(text, resources={"customer.a": {"id": "1", "attributes": {}, "note": 1}}),
        "customer.a has the unknown field 'note'",
    ),
    "attributes that are none": (
        lambda text: broken(text, resources={"customer.a": {"id": "1", "attributes": []}}),
        "customer.a has a field of a wrong type",
    ),
    "unknown field of the account": (
        lambda text: broken(text, account={"base_url": "http://emulator", "token": "t"}),
        "account has the unknown field 'token'",
    ),
    "no text": (lambda text: text.replace("Nova Demo", "Nova \udcff"), "is not JSON"),
    "key that is there twice": (
        lambda text: text.replace('"resources": {', '"resources": {"customer.demo": {"id": "1", "attributes": {}},'),
        "'customer.demo' is there twice, as after a merge that kept both sides",
    ),
    "nested too deeply": (lambda _: "[" * 100_000, "nested too deeply"),
    "serial below none": (lambda text: broken(text, serial=-1), "the serial is negative"),
    "serial that is a boolean": (lambda text: broken(text, serial=True), "the file has a field of a wrong type: serial"),
    "guards that are none": (
        lambda text: broken(text, resources={"customer.a": {"id": "1", "attributes": {}, "lifecycle": {"protect": 1}}}),
        "the lifecycle of customer.a has a field of a wrong type: protect",
    ),
    "no address": (lambda text: broken(text, resources={"Customer A": {"id": "1", "attributes": {}}}), "not an address"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("command", ["plan", "apply", "destroy"])
def test_unusable_lockfile_is_refused_and_left(applied: Project, case: str, command: str) -> None:
    """Every command says what is wrong with the lockfile, sends nothing, and leaves the file as it is."""
    change, expected = CASES[case]
    text = change(applied.lockfile.read_text()).encode("utf-8", "surrogateescape")
    applied.lockfile.write_bytes(text)

    result = applied.run(command, *(["--yes"] if command != "plan" else []))

    assert result.code == 1
    assert expected in result.err
    assert "Traceback" not in result.err
    assert applied.lockfile.read_bytes() == text
    assert applied.requests() == []


def test_lockfile_has_stable_bytes_and_no_token(applied: Project) -> None:
    """Sorted, two spaces, a final newline; the same state gives the same bytes."""
    text = applied.lockfile.read_text()

    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert set(json.loads(text)) == {"format_version", "lineage", "serial", "environment", "account", "resources"}


def test_serial_rises_once_a_run_and_lineage_never_changes(applied: Project) -> None:
    """+1 for a run that wrote; a run without a change leaves it."""
    first = json.loads(applied.lockfile.read_text())
    applied.apply()
    assert json.loads(applied.lockfile.read_text()) == first

    applied.edit("Nova Demo Customer", "Nova Demo")
    applied.apply()

    second = json.loads(applied.lockfile.read_text())
    assert (second["lineage"], second["serial"]) == (first["lineage"], first["serial"] + 1)


def test_lockfile_that_can_not_be_saved_prints_the_new_ids(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at the end: the new ids are printed as import commands, and the journal has them too."""
    from nova_iac.state import lockfile

    replaced = lockfile.replace_file

    def full(path: Any, text: str) -> None:
        if path == project.lockfile.relative_to(project.folder) and '"serial": 1' in text:
            raise OSError(28, "No space left on device")
        replaced(path, text)

    monkeypatch.setattr(lockfile, "replace_file", full)

    result = project.run("apply", "--yes")

    assert result.code == 1
    assert result.err.count("nova-iac import ") == 5
    assert "No space left on device" in result.err
    monkeypatch.undo()
    assert project.actions() == {}
    assert project.apply().code == 0
    assert project.recorded["customer.demo"]["id"] in result.err


def test_journal_that_can_not_be_written_stops_the_call(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is made that isn't written down first."""
    from nova_iac.state.journal import Journal

    def full(*_: Any) -> None:
        from nova_iac.errors import LockfileError

        raise LockfileError("the journal can't be written: No space left on device")

    monkeypatch.setattr(Journal, "_append", full)

    result = project.run("apply", "--yes")

    assert result.code == 1
    assert project.writes() == []


# --- the lock ------------------------------------------------------------------------------------------------------------


def test_second_apply_stops_with_exit_5(project: Project) -> None:
    """The lock names its holder; nothing is sent."""
    path = project.folder / ".billing.local.lock"
    with Mutex(path, "apply", moment.parse("2026-11-22T14:00:00Z")):
        result = project.run("apply", "--yes")

        assert result.code == 5
        assert f"apply by {Mutex(path, 'x', moment.parse(project.now)).holder.user} on {socket.gethostname()}" in result.err
        assert f"pid {os.getpid()}, for 30 min" in result.err
        assert project.run("plan").code == 0, "plan needs no lock"
    assert project.writes() == []
    assert project.apply().code == 0
    assert not path.exists()


class Others:
    """Files that another user left in a shared folder: to be read, locked and removed, and not to be written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: Path, *, sticky: bool = False) -> None:
        left, opened, removed = path.stat().st_ino, Path.open, Path.unlink

        def is_left(one: Path) -> bool:
            return one.exists() and one.stat().st_ino == left

        def open_as_second(one: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
            if is_left(one) and not mode.startswith("r"):
                raise PermissionError(13, "Permission denied")
            return opened(one, mode, *more, **options)

        def unlink_as_second(one: Path, missing_ok: bool = False) -> None:
            if sticky and is_left(one):
                raise PermissionError(1, "Operation not permitted")
            removed(one, missing_ok)

        monkeypatch.setattr(Path, "open", open_as_second)
        monkeypatch.setattr(Path, "unlink", unlink_as_second)


def left_lock(project: Project, host: str = "") -> Path:
    """The lock of another user's run that was killed."""
    path = project.folder / ".billing.local.lock"
    holder = {"id": "dead", "operation": "apply", "user": "jane", "host": host or socket.gethostname(), "pid": 1}
    path.write_text(json.dumps({**holder, "since": "2026-11-22T13:30:00Z"}))
    return path


def test_dead_holder_of_another_user_is_taken_over(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file can't be written and makes room for our own; plan and apply work, and the lock is free afterwards."""
    path = left_lock(project)
    Others(monkeypatch, path)

    assert project.apply().code == 0
    assert not path.exists()


def test_live_holder_of_another_user_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that can't be written can be seen to be held."""
    path = project.folder / ".billing.local.lock"
    with Mutex(path, "apply", moment.parse("2026-11-22T14:00:00Z")):
        Others(monkeypatch, path)

        result = project.run("apply", "--yes")

    assert result.code == 5
    assert f"pid {os.getpid()}, for 30 min" in result.err


def test_left_lock_that_only_its_owner_removes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder where everybody removes his own files the message names the owner, the file and the way out."""
    path = left_lock(project)
    Others(monkeypatch, path, sticky=True)

    result = project.run("apply", "--yes")

    assert result.code == 1
    assert "left behind by apply by jane on" in result.err
    assert "can't be removed: Operation not permitted. Remove the file as its owner." in result.err
    unlocked = project.run("state", "unlock", "dead")
    assert unlocked.code == 1
    assert "can't be removed: Operation not permitted. Remove it as jane." in unlocked.err


def test_another_users_lock_is_freed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """``state unlock`` needs no right to write the file."""
    path = left_lock(project, "elsewhere")
    Others(monkeypatch, path)
    assert project.run("apply", "--yes").code == 5

    project.ok("state", "unlock", "dead")

    assert not path.exists()


def test_temporary_file_that_was_left_is_not_written_into(project: Project) -> None:
    """It may be another user's, or a link to another file: it goes, and what it led to stays as it is."""
    precious = project.folder / "precious"
    precious.write_text("as it was")
    for name in (".billing.local.lock.json.tmp", "..billing.local.journal.tmp"):
        (project.folder / name).symlink_to(precious)

    project.apply()

    assert precious.read_text() == "as it was"
    assert not project.lockfile.is_symlink()


def test_dead_holder_on_this_machine_is_taken_over(project: Project) -> None:
    """A lock file that a killed run left behind stops nobody."""
    path = project.folder / ".billing.local.lock"
    path.write_text(json.dumps({"id": "dead", "operation": "apply", "user": "u", "host": socket.gethostname(), "pid": 1,
                                "since": "2026-01-01T00:00:00Z"}))  # fmt: skip

    assert project.apply().code == 0


def test_holder_on_another_host_counts_as_alive(project: Project) -> None:
    """It can't be seen to be dead; the message names the command that frees it."""
    path = project.folder / ".billing.local.lock"
    path.write_text(json.dumps({"id": "abc123", "operation": "apply", "user": "u", "host": "elsewhere", "pid": 1,
                                "since": "2026-11-20T14:30:00Z"}))  # fmt: skip

    result = project.run("apply", "--yes")

    assert result.code == 5
    assert "apply by u on elsewhere, pid 1, for 48 h (lock abc123)" in result.err
    assert "nova-iac state unlock abc123" in result.err


FOREIGN: dict[str, dict[str, Any]] = {
    "kind that there is none of": {"nope.x": {"id": "1", "attributes": {}}},
    "address of another form": {"contract.demo": {"id": "1", "attributes": {}}},
    "unknown attribute": {"customer.a": {"id": "1", "attributes": {"zz": 1}}},
    "attribute of another type": {"customer.a": {"id": "1", "attributes": {"name": 5}}},
    "list of another type": {"customer.a": {"id": "1", "attributes": {"ingest_aliases": [1]}}},
    "entries that are none": {"rate.a.b": {"id": None, "attributes": {"entries": 5}}},
    "entry without a start": {"rate.a.b": {"id": None, "attributes": {"entries": [{}]}}},
    "rate without entries": {"rate.a.b": {"id": None, "attributes": {}}},
    "attribute without a name": {"customer.a": {"id": "1", "attributes": {"": []}}},
    "id that is none": {"customer.a": {"id": "", "attributes": {}}},
    "superseded id that is none": {"customer.a": {"id": "1", "attributes": {}, "superseded": [""]}},
    "object under two addresses": {
        "customer.a": {"id": "1", "attributes": {"name": "A"}},
        "customer.b": {"id": "1", "attributes": {"name": "B"}},
    },
    "object that is superseded elsewhere": {
        "customer.a": {"id": "1", "attributes": {"name": "A"}, "superseded": ["2"]},
        "customer.b": {"id": "2", "attributes": {"name": "B"}},
    },
    "object that supersedes itself": {"customer.a": {"id": "1", "attributes": {"name": "A"}, "superseded": ["1"]}},
    "dependency that is no address": {"customer.a": {"id": "1", "attributes": {}, "depends_on": ["foo"]}},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_entry_that_no_run_can_have_recorded_is_refused(applied: Project, case: str) -> None:
    """A hand-broken entry stops every command with its address, and the file is left."""
    text = broken(applied.lockfile.read_text(), resources=FOREIGN[case])
    applied.lockfile.write_text(text)

    result = applied.run("plan")

    assert result.code == 1
    assert next(iter(FOREIGN[case])) in result.err or "foo" in result.err
    assert applied.lockfile.read_text() == text
