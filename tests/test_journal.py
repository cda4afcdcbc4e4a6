"""The journal of an interrupted run, as it may be found: torn, broken, foreign; and the lock beside it."""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from support import Project
from test_kill import live_objects
from test_recovery import CONTRACTS, interrupted

from nova_iac.emulator import Emulator


@pytest.fixture
def open_call(project: Project) -> Project:
    """A project whose last run left a journal with seven calls done and one open."""
    interrupted(project, "cut after", CONTRACTS)
    project.forget_requests()
    return project


def head(project: Project, **changes: Any) -> None:
    """Change the journal's head."""
    first, _, rest = project.journal.read_text().partition("\n")
    run = json.loads(first)["run"]
    project.journal.write_text(json.dumps({"run": {**run, **changes}}) + "\n" + rest)


def test_torn_last_line_was_never_acted_on(open_call: Project) -> None:
    """What was cut off while it was written is left out: its call was not made, or its result is asked for again."""
    text = open_call.journal.read_text()
    for end in ('{"intent":{"number":99,"key":"', '{"done":{"number":1', "{"):
        open_call.journal.write_text(text + end)
        assert open_call.run("plan").code == 0

    open_call.apply()

    assert open_call.actions() == {}
    assert all(max(names.values(), default=1) == 1 for names in live_objects(open_call).values())


def _broken_line(project: Project) -> str:
    lines = project.journal.read_text().splitlines()
    lines[1] = lines[1][:40]
    project.journal.write_text("\n".join(lines) + "\n")
    return "line 2 of the journal .billing.local.journal is broken (Unterminated string"


def _no_head(project: Project) -> str:
    project.journal.write_text("".join(project.journal.read_text().splitlines(keepends=True)[1:]))
    return "has no head. It was left as it is."


def _foreign(**changes: Any) -> Callable[[Project], str]:
    def change(project: Project) -> str:
        head(project, **changes)
        return "belongs to another lockfile"

    return change


def _changed(old: str, new: str, expected: str) -> Callable[[Project], str]:
    """The journal's text otherwise."""

    def change(project: Project) -> str:
        text = project.journal.read_text()
        assert old in text
        project.journal.write_text(text.replace(old, new, 1))
        return expected

    return change


def _ends_with(line: str, expected: str) -> Callable[[Project], str]:
    def change(project: Project) -> str:
        with project.journal.open("a") as file:
            file.write(f"{line}\n")
        return expected

    return change


def _emptied(project: Project) -> str:
    project.journal.write_text("")
    return "has no head. It was left as it is."


def _torn_head(project: Project) -> str:
    project.journal.write_text(project.journal.read_text()[:40])
    return "has no head. It was left as it is."


def _again(project: Project) -> str:
    """The open call, a second time under its number."""
    last = project.journal.read_text().splitlines()[-1]
    return _ends_with(last, f"call {json.loads(last)['intent']['number']} is there twice")(project)


def _created_nothing(project: Project) -> str:
    number = json.loads(project.journal.read_text().splitlines()[-1])["intent"]["number"]
    return _ends_with(f'{{"done":{{"number":{number},"id":null}}}}', "created has no id")(project)


UNUSABLE: dict[str, Callable[[Project], str]] = {
    "broken in the middle": _broken_line,
    "without a head": _no_head,
    "emptied": _emptied,
    "of half a head": _torn_head,
    "of a newer format": _changed('"format_version":"1.0"', '"format_version":"2.0"', "the journal has format 2.0"),
    "of no format": _changed('"format_version":"1.0",', "", "line 1 of the journal .billing.local.journal is broken (format"),
    "of a head with an unknown field": _changed('"lineage"', '"owner":"x","lineage"', "the head has the unknown field 'owner'"),
    "of a serial that is no number": _changed('"keys":{', '"keys":{"customer.a":"1",', "has a key of a serial that can't be"),
    "of a key of a later serial": _changed('"keys":{', '"keys":{"customer.a":1,', "has a key of a serial that can't be"),
    "of a key of nothing": _changed('"keys":{', '"keys":{"POST /v1/x":0,', "'POST /v1/x' is not an address"),
    "with a refusal of another type": _ends_with(
        '{"refused":{"number":1,"message":"","unheard":1}}', "'refused' has a field of a wrong type: unheard"
    ),
    "with a line that is no object": _ends_with("5", "it is no JSON object"),
    "with a line of another kind": _ends_with('{"erased":{"number":1}}', "it has the unknown field 'erased'"),
    "with an empty line": _ends_with("{}", "it tells not one thing"),
    "with a field given twice": _ends_with('{"refused":{"number":1,"number":2,"message":""}}', "'number' is there twice"),
    "with an intent that lacks a field": _changed('"sent_at"', '"sent_xx"', "the intent has the unknown field 'sent_xx'"),
    "with an intent of another type": _changed('"number":1', '"number":"1"', "the intent has a field of a wrong type: number"),
    "with an effect that isn't known": _changed('"creates":true', '"kreates":true', "an effect has the unknown field 'kreates'"),
    "with a kind that there is none of": _changed(
        '"effects":{"billable_metric.', '"effects":{"nonsense.', "is no address of a known kind"
    ),
    "with an entry that none can be": _ends_with(
        '{"record":{"customer.demo":{"entry":{"id":"1","attributes":{"zz":1}}}}}', "customer.demo has the unknown attribute 'zz'"
    ),
    "with a result that has an unknown field": _ends_with(
        '{"done":{"number":1,"id":"x","note":1}}', "'done' has the unknown field 'note'"
    ),
    "with the result of no call": _ends_with('{"done":{"number":99,"id":"x"}}', "there is no open call 99"),
    "with a call that is there twice": _again,
    "with an object without an id": _created_nothing,
    "of another lineage": _foreign(lineage="11111111-1111-1111-1111-111111111111"),
    "of another environment": _foreign(environment="production"),
    "of another host": _foreign(base_url="https://api.metronome.com"),
}


@pytest.mark.parametrize("case", UNUSABLE)
@pytest.mark.parametrize("command", ["plan", "apply", "destroy"])
def test_unusable_journal_is_refused_and_left(open_call: Project, case: str, command: str) -> None:
    """Every command says what is wrong with it, sends nothing, leaves it, and frees the lock."""
    expected = UNUSABLE[case](open_call)
    text = open_call.journal.read_text()

    result = open_call.run(command, *(["--yes"] if command != "plan" else []))

    assert result.code == 1
    assert expected in result.err
    assert "Traceback" not in result.err
    assert open_call.journal.read_text() == text
    assert open_call.requests() == []
    assert not (open_call.folder / ".billing.local.lock").exists()


def _gone(project: Project, _: str) -> str:
    project.lockfile.unlink()
    return "it has gone"


def _older(project: Project, old: str) -> str:
    project.lockfile.write_text(old)
    return "the one beside it has serial 1"


@pytest.mark.parametrize("lose", [_gone, _older])
def test_journal_of_a_later_lockfile_is_refused(project: Project, lose: Callable[[Project, str], str]) -> None:
    """A lockfile that went missing, or was put back older, would make all that it doesn't know once more."""
    project.apply("--target", "billable_metric.image_generation")
    old = project.lockfile.read_text()
    project.apply()
    project.edit("customers:\n", "customers:\n  more: {name: More}\n")
    interrupted(project, "cut before", "/v1/customers")
    newest = project.lockfile.read_text()
    # As a killed run leaves it, before the lockfile was saved.
    head(project, serial=json.loads(newest)["serial"])
    there, before = lose(project, old), live_objects(project)
    journal = project.journal.read_text()
    project.forget_requests()

    for command in (["plan"], ["apply", "--yes"], ["destroy", "--yes"]):
        result = project.run(*command)

        assert result.code == 1
        assert f"goes on from a lockfile of serial 3, and {there}: both were left" in result.err
        assert "version control (git)" in result.err
        assert "nova-iac state rebuild" in result.err
    assert project.requests() == []
    assert project.journal.read_text() == journal

    project.ok("state", "rebuild", "--yes")
    project.apply()
    assert live_objects(project) == {**before, "customers": before["customers"] + Counter(["More"])}


def test_message_of_a_server_can_be_written_down(project: Project) -> None:
    """Half a surrogate pair, which JSON can say and UTF-8 can't, is no reason to lose the outcome of a call."""

    class Halved(Emulator):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            if environ["PATH_INFO"] != "/v1/billable-metrics/create":
                return super().__call__(environ, start_response)
            start_response("400 Bad Request", [("Content-Type", "application/json")])
            return [b'{"message": "bad \\ud800"}']

    with mock.patch("nova_iac.emulator.Emulator", Halved):
        result = project.run("apply", "--yes")

    assert result.code == 3
    assert json.loads(project.journal.read_text().splitlines()[-1])
    assert project.apply().code == 0


def test_folded_run_counts_as_one(project: Project) -> None:
    """The serial that plan reports is the one that the next apply starts from; settled and saved, it has risen once more."""
    interrupted(project, "cut after", CONTRACTS)
    assert project.plan()["serial"] == json.loads(project.lockfile.read_text())["serial"] == 1

    project.apply()

    assert json.loads(project.lockfile.read_text())["serial"] == 2


def test_journal_goes_with_the_run(project: Project) -> None:
    """It stays as long as something is open or undone, and not a moment longer."""
    interrupted(project, "409 by key", CONTRACTS)
    assert project.journal.exists()
    project.apply()
    assert not project.journal.exists()


# --- the lock --------------------------------------------------------------------------------------------------------------


def test_lock_file_that_its_holder_takes_away_is_made_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between our opening it and our locking it the holder before us may remove it; a file without a name holds nobody."""
    path = project.folder / ".billing.local.lock"
    flock, locked = fcntl.flock, []

    def late(file: Any, how: int) -> None:
        if len(locked) < 2:
            path.unlink()
        if len(locked) == 1:
            path.touch()
        flock(file, how)
        locked.append(path.exists() and os.path.sameopenfile(file.fileno(), os.open(path, os.O_RDONLY)))

    monkeypatch.setattr(fcntl, "flock", late)

    assert project.apply().code == 0
    assert locked == [False, False, True], "the lock that is held is on the file that others see"


def test_lock_file_may_be_gone_at_the_end(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who removed it by hand breaks no run."""
    from nova_iac.state.lockfile import Lockfile

    save = Lockfile.save

    def cleaning(self: Lockfile, path: Path) -> None:
        (project.folder / ".billing.local.lock").unlink(missing_ok=True)
        save(self, path)

    monkeypatch.setattr(Lockfile, "save", cleaning)

    assert project.apply().last.startswith("Apply complete: 8 created")
