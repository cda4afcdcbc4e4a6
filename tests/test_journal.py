"""The journal of an interrupted run, as it may be found: torn, broken, foreign; and the lock beside it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Project
from test_kill import live_objects
from test_recovery import CONTRACTS, interrupted


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
    return "line 2 of the journal .billing.local.journal is broken. It was left as it is"


def _no_head(project: Project) -> str:
    project.journal.write_text("".join(project.journal.read_text().splitlines(keepends=True)[1:]))
    return "has no head: it was left as it is"


def _foreign(**changes: Any) -> Callable[[Project], str]:
    def change(project: Project) -> str:
        head(project, **changes)
        return "belongs to another lockfile"

    return change


UNUSABLE: dict[str, Callable[[Project], str]] = {
    "broken in the middle": _broken_line,
    "without a head": _no_head,
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
