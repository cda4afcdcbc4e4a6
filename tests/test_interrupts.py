"""Runs that are told to stop, or that nobody listens to any more: what is in flight is finished and saved."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from faulty import NO_PAUSES, Fault, bad_line
from support import Project
from terminal import HEEDING, Terminal
from test_kill import live_objects
from test_signals import Slow, slow

from nova_iac.emulator import Emulator

__all__ = ["slow"]

CREATES = ("/v1/billable-metrics/create", "/v1/contract-pricing/rate-cards/create", "/v1/customers")


@contextlib.contextmanager
def signal_at(number: int, *paths: str) -> Iterator[None]:
    """This process gets a signal while the first call of each path is in flight."""
    left = list(paths)

    class Telling(Emulator):
        def __call__(self, environ: Any, start_response: Any) -> Any:
            if environ["PATH_INFO"] in left:
                left.remove(environ["PATH_INFO"])
                os.kill(os.getpid(), number)
            return super().__call__(environ, start_response)

    with mock.patch("nova_iac.emulator.Emulator", Telling), mock.patch("nova_iac.cli.session.RETRY", NO_PAUSES):
        yield


def recorded(slow: Slow) -> dict[str, Any]:
    """What the lockfile has."""
    found: dict[str, Any] = json.loads((slow.project.folder / "billing.remote.lock.json").read_text())["resources"]
    return found


def goes_on(slow: Slow) -> None:
    """The next apply makes what is missing, keeps what is there, and leaves nothing open."""
    before = recorded(slow)
    assert 1 <= len(before) < 8
    assert not (slow.project.folder / ".billing.remote.lock").exists()
    slow.faults()
    done = slow.project.apply(env=slow.env)
    assert "Recovered" not in done.err
    assert done.last.startswith(f"Apply complete: {8 - len(before)} created")
    assert {address: entry["id"] for address, entry in before.items()}.items() <= {
        address: entry["id"] for address, entry in recorded(slow).items()
    }.items()


# --- the terminal goes away ------------------------------------------------------------------------------------------------


def test_lost_terminal_finishes_what_is_in_flight(slow: Slow) -> None:
    """The window is closed in the middle of an apply: exit 129, everything recorded, the next apply goes on."""
    with Terminal(slow.project, "apply", "--yes", "--parallelism", "1", env=slow.env) as terminal:
        terminal.read_until(": done after")
        terminal.hang_up()
        assert terminal.code() == 129

    goes_on(slow)


def test_hangup_that_is_passed_on_counts_once(slow: Slow) -> None:
    """A shell sends its jobs the hangup that the terminal has sent them already; that is no second request."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{HEEDING}main()", "apply", "--yes", "--parallelism", "1"],
        cwd=slow.project.folder, env=slow.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGHUP)
    assert process.stderr.readline() == "\n"
    assert "Interrupted. Finishing the calls in flight" in process.stderr.readline()
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)

    assert process.returncode == 129
    goes_on(slow)


def test_nohup_runs_on(slow: Slow) -> None:
    """Who started it with nohup wants it to survive the terminal."""
    command = ["nohup", sys.executable, "-m", "nova_iac", "apply", "--yes"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=slow.project.folder, env=slow.env, text=True, **pipes)
    assert process.stderr is not None
    while "done" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert "Apply complete: 8 created" in out


def test_hangup_before_anything_is_sent(project: Project) -> None:
    """At the prompt, a lost terminal is a no: exit 129, nothing sent, and the next run is not held up."""
    with Terminal(project, "apply") as terminal:
        terminal.read_until("Only 'yes' will be accepted.")
        terminal.hang_up()
        assert terminal.code() == 129

    assert project.writes() == []
    assert project.apply().last.startswith("Apply complete: 8 created")


# --- nobody reads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_closed_pipe_in_the_middle_of_an_apply(slow: Slow, stream: str) -> None:
    """``nova-iac apply --yes --format json | head -3``: what is in flight is finished and recorded, exit 141."""
    options = ["--format", "json"] if stream == "stdout" else []
    process = slow.start("apply", "--yes", "--parallelism", "1", *options)
    pipe = getattr(process, stream)
    while "done" not in pipe.readline():
        pass
    pipe.close()
    other = process.stderr if stream == "stdout" else process.stdout
    assert other is not None
    said = other.read()
    other.close()

    assert process.wait(60) == 141
    assert "Traceback" not in said
    goes_on(slow)


# --- Ctrl-C at other times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_recovery_keeps_the_rest_open(project: Project, number: int, code: int) -> None:
    """The call that is being settled is settled, the others stay in the journal, and nothing is planned."""
    with bad_line(*(Fault("cut after", "POST", path, 99) for path in CREATES)):
        assert project.run("apply", "--yes").code == 1

    with signal_at(number, CREATES[0]), pytest.raises(SystemExit) as ended:
        project.run("apply", "--yes")

    assert ended.value.code == code
    assert len(project.recorded) == 1
    done = project.apply()
    assert done.err.count("Recovered ") == 2
    assert all(max(names.values(), default=1) == 1 for names in live_objects(project).values())
    assert project.actions() == {}


def test_interrupt_while_the_account_is_read(applied: Project) -> None:
    """Before the first write Ctrl-C ends at once, with the lock free and the record as it was."""
    applied.edit("Nova Demo Customer", "Nova Demo")
    before = applied.lockfile.read_bytes()

    with signal_at(signal.SIGINT, "/v1/customers"):
        result = applied.run("apply", "--yes")

    assert (result.code, result.err) == (130, "\nInterrupted.\n")
    assert applied.writes() == []
    assert applied.lockfile.read_bytes() == before
    assert not (applied.folder / ".billing.local.lock").exists()


def test_interrupted_apply_starts_no_other_call(project: Project) -> None:
    """Of many independent calls only those in flight are made."""
    customers = "".join(f"  c{number}: {{name: Customer {number}}}\n" for number in range(12))
    project.write(f"version: 1\nenvironments: {{local: {{emulator: true}}}}\ncustomers:\n{customers}")

    with signal_at(signal.SIGINT, "/v1/customers"):
        result = project.run("apply", "--yes", "--parallelism", "2")

    assert result.code == 130
    assert "Interrupted before customer.c" in result.err
    assert len(project.writes()) == len(project.recorded) <= 3
    assert project.apply().code == 0
    assert project.actions() == {}


def test_interrupt_of_the_last_call_is_none(applied: Project) -> None:
    """A run whose only call was in flight is complete; afterwards Ctrl-C means again what it meant before."""
    before = signal.getsignal(signal.SIGINT)
    applied.edit("Nova Demo Customer", "Nova Demo")

    with signal_at(signal.SIGINT, f"/v1/customers/{applied.id('customer.demo')}/setName"):
        assert applied.apply().last == "Apply complete: 0 created, 1 updated, 0 replaced, 0 scheduled, 0 archived. 1 call."

    assert signal.getsignal(signal.SIGINT) is before
    assert applied.actions() == {}
