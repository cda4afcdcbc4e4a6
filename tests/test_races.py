"""Two at once: on one machine the lock decides, between two clones the keys do."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections import Counter
from pathlib import Path

import killing
import pytest
from faulty import bad_line
from serving import served
from support import NOW, Project
from test_kill import copy_of, live_objects
from test_over_http import spec_for

SEED = 20251122
ENV = {"REMOTE_TOKEN": "t", "NOVA_ENV": "remote"}


def fork(project: Project, *arguments: str, env: dict[str, str] | None = None) -> int:
    """Start a command in a child process; its pid."""
    import metronome  # noqa: F401 - loaded once, before the fork

    child = killing.fork()
    if not child:
        code = 99
        try:
            with bad_line():
                code = project.run(*arguments, env=env).code
        finally:
            os._exit(code)
    return child


def code_of(child: int) -> int:
    """Wait for a child; its exit code, negative for a signal."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def test_two_applies_at_once_on_one_machine(project: Project) -> None:
    """One does it, the other stops with exit 5 or finds nothing to do; everything is there once."""
    children = [fork(project, "apply", "--yes") for _ in range(3)]

    codes = Counter(code_of(child) for child in children)

    assert set(codes) <= {0, 5}
    assert codes[0] >= 1
    assert all(max(names.values(), default=1) == 1 for names in live_objects(project).values())
    assert project.actions() == {}


@pytest.mark.parametrize("rounds", [3])
def test_two_clones_of_one_lockfile(tmp_path: Path, rounds: int) -> None:
    """Two clones that start from the same committed lockfile make nothing twice and come to the same ids."""
    with served(NOW) as url:
        for number in range(rounds):
            first = Project(tmp_path, spec_for(url)) if not number else None
            base = first or Project(tmp_path / "a" / "..", spec_for(url))
            base.write(spec_for(url).replace("jane@nova.com", f"jane-{number}@nova.com").replace("Demo", f"Demo {number}"))
            for name in ("a", "b"):
                shutil.rmtree(tmp_path / name, ignore_errors=True)
            if number == 0:
                base.ok("init", "-e", "remote")
            clones = []
            for name in ("a", "b"):
                (tmp_path / name).mkdir()
                for file in ("billing.yaml", "billing.remote.lock.json"):
                    shutil.copy(tmp_path / file, tmp_path / name / file)
                clones.append(Project(tmp_path / name, base.spec.read_text()))

            children = [fork(clone, "apply", "--yes", "--allow", "NV405", env=ENV) for clone in clones]
            for child in children:
                assert code_of(child) in (0, 1, 3)
            for clone in clones:
                assert clone.run("apply", "--yes", "--allow", "NV405", env=ENV).code == 0
                assert clone.actions(env=ENV) == {}

            ids = [{address: entry["id"] for address, entry in clone_lock(tmp_path / name).items()} for name in ("a", "b")]
            assert ids[0] == ids[1]
            shutil.copy(tmp_path / "a" / "billing.remote.lock.json", tmp_path / "billing.remote.lock.json")


def clone_lock(folder: Path) -> dict[str, dict[str, str]]:
    """The resources that a clone records."""
    import json

    resources: dict[str, dict[str, str]] = json.loads((folder / "billing.remote.lock.json").read_text())["resources"]
    return resources


def kill_and_start(base: Project, folder: Path, chance: random.Random) -> None:
    """Some starts at the same time, each killed after a while or not; then one that is left alone."""
    project = copy_of(base, folder)
    for _ in range(chance.randint(1, 3)):
        children = [fork(project, "apply", "--yes") for _ in range(chance.randint(1, 2))]
        for child in children:
            if chance.random() < 0.8:
                signal_after(child, chance.uniform(0.0, 0.5))
        for child in children:
            assert code_of(child) in (0, 1, 3, 5, -signal.SIGKILL)
    with bad_line():
        result = project.run("apply", "--yes")
    assert result.code == 0, result.err
    assert project.actions() == {}
    assert all(max(names.values(), default=1) == 1 for names in live_objects(project).values())
    assert not project.journal.exists()


def signal_after(child: int, seconds: float) -> None:
    """Kill a child some time from now, if it still runs then."""
    import threading

    def kill() -> None:
        import contextlib

        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)

    timer = threading.Timer(seconds, kill)
    timer.start()
    timer.join()


@pytest.mark.parametrize("round_", range(4))
def test_random_kills_and_starts(project: Project, tmp_path: Path, round_: int) -> None:
    """Whatever was killed and started at the same time, one more apply completes it, once."""
    kill_and_start(project, tmp_path / "killed", random.Random(SEED + round_))


@pytest.mark.long
@pytest.mark.parametrize("round_", range(200))
def test_two_hundred_random_kills_and_starts(project: Project, tmp_path: Path, round_: int) -> None:
    """The same, two hundred times."""
    kill_and_start(project, tmp_path / "killed", random.Random(1000 + round_))
