"""A disk that is full or broken: what was made is told, nothing is made that can't be written down, and the next run goes on."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from serving import served
from support import NOW, Project
from test_over_http import spec_for

from nova_iac.emulator import Emulator

ENV = {"REMOTE_TOKEN": "t", "NOVA_ENV": "remote"}


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file grows beyond so many bytes. The account must be behind HTTP: its database is in memory there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Project]:
    """The example with an account over HTTP; its files are named after the environment."""
    project = Project(tmp_path)
    with served(NOW) as url:
        project.write(spec_for(url))
        yield project


def test_lockfile_that_does_not_fit_prints_the_new_ids(remote: Project) -> None:
    """The new id stands on stderr as an ``import`` line; the old lockfile is whole, and the next run has everything."""
    remote.apply(env=ENV)
    lockfile = remote.folder / "billing.remote.lock.json"
    before = lockfile.read_bytes()
    remote.spec.write_text(remote.spec.read_text() + "  more: {name: More}\n")

    with room_for(len(before)):
        result = remote.run("apply", "--yes", env=ENV)

    assert result.code == 1
    (line,) = [line for line in result.err.splitlines() if line.startswith("nova-iac import ")]
    assert line.startswith("nova-iac import customer.more ")
    assert "billing.remote.lock.json can't be written" in result.err
    assert ".billing.remote.journal has everything, too." in result.err
    assert lockfile.read_bytes() == before
    assert not list(remote.folder.glob(".*.tmp"))
    assert remote.actions(env=ENV) == {}
    assert remote.apply(env=ENV).last == "No changes. The account matches billing.yaml."
    assert f'"id": "{line.rpartition(" ")[2]}"' in lockfile.read_text()


def test_journal_that_fills_up_stops_calls_and_loses_none(remote: Project) -> None:
    """A call whose line doesn't fit is not made; one whose result doesn't fit is settled by the next run."""
    codes = []
    for size in (5_000, 5_600, 6_200, 6_800):
        folder = remote.folder / str(size)
        folder.mkdir()
        with served(NOW) as url:
            project = Project(folder, spec_for(url))
            with room_for(size):
                result = project.run("apply", "--yes", "--parallelism", "1", env=ENV)

            codes.append(result.code)
            assert "failed: the journal .billing.remote.journal can't be written: File too large" in result.err
            assert "Traceback" not in result.err
            project.apply(env=ENV)
            assert project.actions(env=ENV) == {}
            assert project.ok("drift", env=ENV).code == 0
    assert 3 in codes, "what was done before stands"


@pytest.mark.parametrize(
    ("size", "name"), [(0, ".billing.remote.lock"), (200, "billing.remote.lock.json"), (600, ".billing.remote.journal")]
)
def test_no_room_to_begin(remote: Project, size: int, name: str) -> None:
    """Lock, lockfile or journal: one line that names the file, and nothing is sent."""
    with room_for(size):
        result = remote.run("apply", "--yes", env=ENV)

    assert result.code == 1
    assert result.err.splitlines()[-1].endswith(f" {name} can't be written: File too large")
    assert remote.plan(env=ENV)["summary"]["create"] == 8
    assert remote.apply(env=ENV).last.startswith("Apply complete: 8 created")


@pytest.mark.parametrize("name", [".billing.local.lock", ".billing.local.lock.json.tmp", "..billing.local.journal.tmp"])
def test_file_that_can_not_be_opened_for_writing(project: Project, name: str) -> None:
    """As in a read-only folder, which root doesn't notice: a folder stands in the file's place."""
    (project.folder / name).mkdir()

    result = project.run("apply", "--yes")

    assert result.code == 1
    assert "can't be written: Is a directory" in result.err
    assert project.writes() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(project: Project) -> None:
    """plan works there; apply says what it can't write, before any call."""
    project.folder.chmod(0o555)
    try:
        assert project.run("plan").code == 0
        result = project.run("apply", "--yes")
    finally:
        project.folder.chmod(0o755)

    assert result.code == 1
    assert "can't be written: Permission denied" in result.err


def test_folder_that_becomes_read_only_prints_the_new_ids(applied: Project) -> None:
    """The lockfile can't be replaced at the end of a run: its new ids are printed as ``import`` lines."""
    applied.spec.write_text(applied.spec.read_text() + "  more: {name: More}\n")
    (applied.folder / ".billing.local.lock.json.tmp").mkdir()

    result = applied.run("apply", "--yes")

    assert result.code == 1
    assert result.err.count("nova-iac import ") == 1
    (applied.folder / ".billing.local.lock.json.tmp").rmdir()
    assert applied.actions() == {}


def test_replaced_id_is_printed_too(applied: Project) -> None:
    """The new object of a replacement has a new id under an old address."""
    applied.edit("aggregation_type: SUM", "aggregation_type: MAX")
    (applied.folder / ".billing.local.lock.json.tmp").mkdir()

    result = applied.run("apply", "--yes")

    assert result.err.count("nova-iac import ") == 1
    assert "nova-iac import billable_metric.image_generation " in result.err


def test_result_that_does_not_fit_is_printed(tmp_path: Path) -> None:
    """The disk is full as the first answer arrives: neither journal nor lockfile takes its id, so it is told."""
    project = Project(tmp_path)

    class Filling(Emulator):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            if environ["PATH_INFO"] == "/v1/billable-metrics/create":
                resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            return super().__call__(environ, start_response)

    with mock.patch("serving.Emulator", Filling), served(NOW) as url:
        project.write(spec_for(url))
        with room_for(1_000_000):
            result = project.run("apply", "--yes", "--parallelism", "1", env=ENV)
        (line,) = [line for line in result.err.splitlines() if line.startswith("nova-iac import ")]
        assert "Traceback" not in result.err

    assert line.startswith("nova-iac import billable_metric.image_generation ")


@pytest.mark.parametrize("name", ["billing.local.lock.json", ".billing.local.journal"])
def test_record_that_can_not_be_read(applied: Project, name: str) -> None:
    """It is told as such, and no command goes on as if nothing were recorded."""
    path = applied.folder / name
    path.unlink(missing_ok=True)
    path.mkdir()

    for command in (["plan"], ["apply", "--yes"], ["state", "list"]):
        result = applied.run(*command)
        assert (result.code, result.err.count("can't be read: Is a directory")) == (1, 1), command
    assert applied.requests() == []


def test_replaced_file_keeps_its_mode(applied: Project) -> None:
    """A lockfile that only its owner may read stays so."""
    applied.lockfile.chmod(0o600)
    applied.edit("Nova Demo Customer", "Nova Demo")

    applied.apply()

    assert applied.lockfile.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells the names of open files")
def test_everything_is_on_the_disk_before_it_counts(applied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order in which data reaches the disk: the intent before its call, the new file before its name, then the folder."""
    events: list[str] = []
    names = {"fsync": os.fsync, "replace": os.replace}

    def seen(descriptor: int) -> str:
        return Path(f"/proc/self/fd/{descriptor}").readlink().name

    def fsync(descriptor: int) -> None:
        events.append(f"sync {seen(descriptor)}")
        names["fsync"](descriptor)

    def replace(source: object, target: object, **options: object) -> None:
        events.append(f"rename {Path(str(target)).name}")
        names["replace"](source, target, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr("nova_iac.state.journal._sync", fsync)
    from nova_iac.remote import Client

    send = Client.send
    monkeypatch.setattr(Client, "send", lambda *one, **more: (events.append("call"), send(*one, **more))[1])
    applied.edit("Nova Demo Customer", "Nova Demo")

    applied.apply()

    folder = applied.folder.name
    journal, lockfile = ".billing.local.journal", "billing.local.lock.json"
    assert events == [
        f"sync .{journal}.tmp", f"rename {journal}", f"sync {folder}",
        f"sync {journal}", "call", f"sync {journal}",
        f"sync .{lockfile}.tmp", f"rename {lockfile}", f"sync {folder}",
    ]  # fmt: skip
