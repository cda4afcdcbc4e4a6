"""A run that is killed, interrupted or continued: each event once, and only what the checkpoint knows is skipped."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from emit_kit import arrived, event, rejected, write_lines
from support import Project

from nova_iac.remote import Attempt

COUNT = 1_200
BAD = 333
SEED = 20251122
SAMPLE = 8
WORDS = ("emit", "--from", "events.ndjson", "--unknown", "reject", "--concurrency", "3")


def events_without_ids(count: int = COUNT) -> list[dict[str, Any]]:
    """Rows without ids, all different, and one that is rejected."""
    rows = [
        event(n, transaction_id=None, timestamp=f"2026-11-22T00:{n // 60 % 60:02d}:{n % 60:02d}.{n:06d}Z") for n in range(count)
    ]
    rows[BAD]["properties"] = {"image_type": "ultra"}
    return rows


class Steps:
    """Counts the moments before and after each request, checkpoint and reject; kills the process at one of them."""

    def __init__(self, kill_at: int | None, report: int) -> None:
        self.kill_at, self.report, self.count = kill_at, report, 0
        self._lock = threading.Lock()

    def step(self, what: str) -> None:
        with self._lock:
            if self.count == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.count += 1
            os.write(self.report, f"{what}\n".encode())

    def around(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.step(f"before {what}")
            answer = function(*arguments, **options)
            self.step(f"after {what}")
            return answer

        return wrapped


def run_in_child(project: Project, kill_at: int | None, *arguments: str, signal_at: int | None = None) -> tuple[int, list[str]]:
    """Run a command in a fork that dies by SIGKILL at a step, or gets SIGINT at one; its wait status and its steps."""
    import metronome  # noqa: F401 - loaded once, before the fork

    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            code = _child(project, arguments, Steps(kill_at, writer), signal_at)
        except BaseException as problem:  # noqa: BLE001 - a child must never return into pytest
            os.write(2, f"{type(problem).__name__}: {problem}\n".encode())
            code = 99
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        steps = pipe.read().splitlines()
    return os.waitpid(child, 0)[1], steps


def _child(project: Project, arguments: tuple[str, ...], steps: Steps, signal_at: int | None) -> int:
    from nova_iac.remote import Client
    from nova_iac.usage import emission
    from nova_iac.usage.checkpoint import Checkpoint
    from nova_iac.usage.rejects import RejectedFile

    poster = Client.poster
    sent = 0

    def counted(self: Client, endpoint: Any) -> Callable[[bytes], Attempt]:
        post = steps.around("request", poster(self, endpoint))

        def attempt(body: bytes) -> Attempt:
            nonlocal sent
            answer: Attempt = post(body)
            sent += 1
            if sent == signal_at:
                os.kill(os.getpid(), signal.SIGINT)
            return answer

        return attempt

    Client.poster = counted  # type: ignore[method-assign]
    Checkpoint.save = steps.around("checkpoint", Checkpoint.save)  # type: ignore[method-assign]
    RejectedFile.add = steps.around("reject", RejectedFile.add)  # type: ignore[method-assign]
    keep = emission.Emission.__init__
    emission.Emission.__init__ = lambda self, *a, **o: keep(self, *a, **o, save_every=0.0)  # type: ignore[method-assign, misc]
    result = project.run(*arguments)
    if result.code not in (0, 3, 130):
        sys.__stderr__.write(f"{result.out}\n{result.err}\n")  # type: ignore[union-attr]
        sys.__stderr__.flush()  # type: ignore[union-attr]
    return result.code


@pytest.fixture
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for copies of a project, beside it."""
    return tmp_path_factory.mktemp("work")


def copy_of(project: Project, folder: Path) -> Project:
    shutil.copytree(project.folder, folder)
    return Project(folder, project.spec.read_text(encoding="utf-8"))


def check_killed_at(base: Project, folder: Path, step: int) -> None:
    project = copy_of(base, folder)
    status, steps = run_in_child(project, step, *WORDS)
    assert os.WIFSIGNALED(status), f"the child ended by itself after {len(steps)} steps"
    where = f"killed at step {step}, after {steps[-1] if steps else 'nothing'}"

    result = project.run(*WORDS, "--resume")

    assert result.code == 3, f"{where}: {result.err}"
    assert ", 1 rejected." in result.last, where
    seen = arrived(project)
    assert (len(seen), max(seen.values())) == (COUNT - 1, 1), where
    assert [one["line"] for one in rejected(project.folder / "events.ndjson.local.rejected.ndjson")] == [BAD + 1], where
    again = project.ok(*WORDS, "--resume")
    assert again.last.startswith(f"Emit complete: 0 sent, {COUNT} skipped, 0 rejected."), where
    shutil.rmtree(folder)


def steps_of_a_run(base: Project, folder: Path) -> int:
    status, steps = run_in_child(copy_of(base, folder), None, *WORDS)
    assert os.waitstatus_to_exitcode(status) == 3
    assert {"before request", "after checkpoint", "before reject"} <= set(steps)
    return len(steps)


def test_killed_at_random_points_and_resumed(applied: Project, work: Path) -> None:
    """Wherever a run is killed, a resumed one leaves each event in the account once, and one line for the rejected one."""
    write_lines(applied.folder / "events.ndjson", events_without_ids())
    count = steps_of_a_run(applied, work / "untouched") - 6  # threads make the number of steps vary a little

    for step in sorted(random.Random(SEED).sample(range(count), SAMPLE)):
        check_killed_at(applied, work / f"killed-{step}", step)


@pytest.mark.long
def test_killed_at_every_point_and_resumed(applied: Project, work: Path) -> None:
    """The same at every step."""
    write_lines(applied.folder / "events.ndjson", events_without_ids())
    for step in range(steps_of_a_run(applied, work / "untouched") - 6):
        check_killed_at(applied, work / f"killed-{step}", step)


def test_interrupt_finishes_what_is_in_flight_and_saves(applied: Project) -> None:
    """Ctrl-C: exit 130, a checkpoint of what is settled; --resume sends just the rest."""
    write_lines(applied.folder / "events.ndjson", events_without_ids())
    status, steps = run_in_child(applied, None, *WORDS, signal_at=4)

    assert os.waitstatus_to_exitcode(status) == 130
    sent = steps.count("after request")
    assert steps.count("before request") == sent < COUNT // 100
    kept = json.loads((applied.folder / "events.ndjson.local.checkpoint.json").read_text(encoding="utf-8"))
    result = applied.run(*WORDS, "--resume")
    assert (result.code, kept["complete"]) == (3, False)
    assert f"{kept['position']['row']} skipped, 1 rejected." in result.last
    seen = arrived(applied)
    assert (len(seen), max(seen.values())) == (COUNT - 1, 1)


@pytest.mark.parquet
def test_csv_and_parquet_are_resumed_too(applied: Project, work: Path) -> None:
    """Positions are bytes in a CSV file, after its header, and rows in a Parquet file."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import csv, parquet

    rows = [one for one in events_without_ids(350) if len(one["properties"]) == 2]
    table = pyarrow.Table.from_pylist([one["properties"] | {k: v for k, v in one.items() if k != "properties"} for one in rows])
    csv.write_csv(table, applied.folder / "events.csv")
    parquet.write_table(table, applied.folder / "events.parquet", row_group_size=90)
    for name in ("events.csv", "events.parquet"):
        project = copy_of(applied, work / name)
        words = ("emit", "--from", name)
        status, _ = run_in_child(project, None, *words, "--concurrency", "1", signal_at=2)
        assert os.waitstatus_to_exitcode(status) == 130

        result = project.ok(*words, "--resume")

        assert " 0 skipped" not in result.last
        seen = arrived(project)
        assert (len(seen), max(seen.values())) == (len(rows), 1)


def test_appended_rows_are_sent_and_no_other(applied: Project) -> None:
    """A complete run's checkpoint lets a file grow: --resume sends what is new."""
    path = write_lines(applied.folder / "events.ndjson", [event(n) for n in range(150)])
    applied.ok("emit", "--from", "events.ndjson", "--resume")
    with path.open("ab") as file:
        file.write(json.dumps(event(150)).encode() + b"\n")

    result = applied.ok("emit", "--from", "events.ndjson", "--resume")

    assert result.last.startswith("Emit complete: 1 sent, 150 skipped, 0 rejected.")
    assert len(arrived(applied)) == 151


def test_without_resume_the_file_is_sent_anew(applied: Project) -> None:
    """Nothing is skipped unless it is asked for; the ids keep it from being billed twice."""
    write_lines(applied.folder / "events.ndjson", [event(n) for n in range(150)])
    for _ in range(2):
        assert applied.ok("emit", "--from", "events.ndjson").last.startswith("Emit complete: 150 sent, 0 skipped")

    assert set(arrived(applied).values()) == {1}


CHANGES: dict[str, tuple[Callable[[Project], object], tuple[str, ...], str]] = {
    "file": (
        lambda project: write_lines(project.folder / "events.ndjson", [event(n, event_type="x") for n in range(150)]),
        (),
        "what stands before line 151 has changed",
    ),
    "shorter file": (lambda project: write_lines(project.folder / "events.ndjson", [event(0)]), (), "has changed"),
    "defaults": (lambda _: None, ("-c", "demo"), 'another customer (none, now "jane@nova.com")'),
    "broken": (
        lambda project: (project.folder / "events.ndjson.local.checkpoint.json").write_text("{}", encoding="utf-8"),
        (),
        "is no checkpoint of nova-iac",
    ),
    **{
        f"odd {name}: {odd}"[:30]: (
            lambda project, name=name, odd=odd: _change_checkpoint(project, name, odd),
            (),
            "is no checkpoint of nova-iac",
        )
        for name, odd in (("offset", -5), ("offset", 5.5), ("row", "1"), ("sent", "x"), ("target", None), ("line", 10**40))
    },
    "newer": (
        lambda project: (project.folder / "events.ndjson.local.checkpoint.json").write_text('{"format_version": "2.0"}'),
        (),
        "written by a newer version",
    ),
    "account": (lambda project: _new_account(project), (), "another lineage"),
}


def _change_checkpoint(project: Project, name: str, odd: object) -> None:
    path = project.folder / "events.ndjson.local.checkpoint.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    (data["position"] if name in data["position"] else data)[name] = odd
    path.write_text(json.dumps(data), encoding="utf-8")


def _new_account(project: Project) -> None:
    project.lockfile.unlink()
    project.database.unlink()
    project.apply()


@pytest.mark.parametrize("what", CHANGES)
def test_checkpoint_of_something_else_is_refused(applied: Project, what: str) -> None:
    """Another file, another reading of it or another account: nothing is skipped by mistake, and it is said what to do."""
    write_lines(applied.folder / "events.ndjson", [event(n) for n in range(150)])
    applied.ok("emit", "--from", "events.ndjson")
    change, more, reason = CHANGES[what]
    change(applied)
    applied.forget_requests()

    result = applied.run("emit", "--from", "events.ndjson", "--resume", *more)

    assert (result.code, reason in result.err) == (1, True), result.err
    assert applied.requests() == []


def test_each_environment_has_its_own_checkpoint(applied: Project) -> None:
    """What was sent to one account is not skipped for another."""
    applied.edit("  local: {emulator: true}", "  local: {emulator: true}\n  other: {emulator: true}")
    write_lines(applied.folder / "events.ndjson", [event(n) for n in range(10)])
    applied.ok("emit", "--from", "events.ndjson")

    result = applied.ok("emit", "--from", "events.ndjson", "--resume", "-e", "other")

    assert result.last.startswith("Emit complete: 10 sent, 0 skipped")
    assert len(list(applied.folder.glob("events.ndjson.*.checkpoint.json"))) == 2
