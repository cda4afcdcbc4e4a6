"""Ctrl-C once and twice, SIGTERM, a closed pipe: real processes against a slow account."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import served
from support import NOW, Project
from test_over_http import spec_for

LATENCY = 150  # milliseconds a call, so that a signal finds calls that were not made yet


class Slow:
    """A project whose account answers slowly."""

    def __init__(self, project: Project, url: str) -> None:
        self.project, self.url = project, url
        self.env = {**os.environ, "REMOTE_TOKEN": "t", "NOVA_ENV": "remote"}
        self.env.pop("PYTHONUNBUFFERED", None)  # what is buffered is what a closed pipe leaves behind

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "nova_iac", *arguments],
            cwd=self.project.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def faults(self, *faults: dict[str, object]) -> None:
        body = json.dumps({"faults": list(faults)}).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/faults", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200

    def interrupted(self, number: int) -> tuple[int, str, str]:
        """Start an apply, signal it after its first call, and wait for its end."""
        process = self.start("apply", "--yes", "--parallelism", "1")
        assert process.stderr is not None
        first = process.stderr.readline()
        assert "done" in first, first
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Slow]:
    project = Project(tmp_path)
    with served(NOW) as url:
        # A contract that is still to come: no warning stands before the first line of progress.
        project.write(spec_for(url).replace("standard, starting_at: 2025-09-01}", "standard, starting_at: 2099-01-01}"))
        slow = Slow(project, url)
        slow.faults({"kind": "latency", "milliseconds": LATENCY})
        yield slow


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_finishes_what_is_in_flight(slow: Slow, number: int, code: int) -> None:
    """The calls in flight are finished, the lockfile is saved, and the next apply goes on."""
    status, out, err = slow.interrupted(number)

    assert status == code, err
    assert "Interrupted. Finishing the calls in flight" in err
    assert "Apply incomplete:" in out
    lockfile = slow.project.folder / "billing.remote.lock.json"
    recorded = json.loads(lockfile.read_text())["resources"]
    assert 1 <= len(recorded) < 8
    done = slow.project.apply(env=slow.env)
    assert done.last.startswith(f"Apply complete: {8 - len(recorded)} created")
    assert {address: entry["id"] for address, entry in recorded.items()}.items() <= {
        address: entry["id"] for address, entry in json.loads(lockfile.read_text())["resources"].items()
    }.items()


def test_second_interrupt_leaves_at_once(slow: Slow) -> None:
    """The journal has everything: the next apply settles the call that was in flight."""
    slow.faults({"kind": "latency", "milliseconds": 1500})
    process = slow.start("apply", "--yes", "--parallelism", "1")
    assert process.stderr is not None
    assert "done" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "\n"
    assert "Interrupted" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode == 130
    assert (slow.project.folder / ".billing.remote.journal").exists()
    assert json.loads((slow.project.folder / "billing.remote.lock.json").read_text())["resources"] == {}, "nothing is waited for"
    slow.faults()
    assert slow.project.apply(env=slow.env).last.startswith("Apply complete:")
    assert slow.project.actions(env=slow.env) == {}


def test_closed_pipe_is_141(slow: Slow) -> None:
    """`nova-iac plan | head -1` ends quietly."""
    slow.faults()
    process = slow.start("plan", "--format", "json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()

    assert process.wait(60) == 141
    assert err == ""
