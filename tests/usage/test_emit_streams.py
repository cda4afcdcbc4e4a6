"""Streams that fall quiet, signals while they do, and output that can't be written."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from emit_kit import arrived, event, faults, on_ingest
from support import NOW, Project


def test_quiet_stream_is_sent_without_waiting_for_a_full_batch(applied: Project) -> None:
    """While a pipe is quiet, what has come in is sent on."""
    reader, writer = os.pipe()
    os.write(writer, json.dumps(event(1)).encode() + b"\n")
    seen: list[int] = []
    from nova_iac.usage.emission import Emission

    idle = Emission.idle

    def close_when_sent(self: Emission) -> bool:
        going_on = idle(self)
        if self._tally.sent and not seen:
            seen.append(self._tally.sent)
            os.close(writer)
        return going_on

    with mock.patch.object(Emission, "idle", close_when_sent):
        result = applied.ok("emit", "--from", f"/dev/fd/{reader}")

    os.close(reader)
    assert (seen, result.last.startswith("Emit complete: 1 sent")) == ([1], True)


ONE = ("-c", "demo", "-p", "image_type=ultra", "-p", "num_images=1")


def started(project: Project, *arguments: str, code: str | None = None, **options: Any) -> subprocess.Popen[bytes]:
    """A process of its own: what happens at the interpreter's end is seen only there."""
    command = [sys.executable, *(["-m", "nova_iac"] if code is None else ["-c", code]), *arguments]
    variables = {**os.environ, "NOVA_NOW": NOW, "NOVA_EMULATOR_LOG": str(project.log), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, cwd=project.folder, env=variables, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_run_that_waits_for_its_stream(applied: Project, number: int) -> None:
    """Ctrl-C and SIGTERM while standard input is open and quiet: what came in is sent, and the process ends in order."""
    os.mkfifo(applied.log)
    log = os.open(applied.log, os.O_RDWR)
    run = started(applied, "emit", "--from", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with run, os.fdopen(log, "rb") as told:
        assert run.stdin is not None
        run.stdin.write(json.dumps(event(1)).encode() + b"\n")
        run.stdin.flush()
        assert b"/v1/ingest" in told.readline()

        run.send_signal(number)
        assert run.stdout is not None
        assert run.stderr is not None
        out, err = run.stdout.read().decode(), run.stderr.read().decode()

    assert (run.returncode, out.startswith("Emit incomplete: 1 sent")) == (128 + number, True), f"{out}\n{err}"
    assert "Run it again: what was sent isn't billed twice." in err
    assert "Fatal" not in err
    assert set(arrived(applied)) == {"event-000001"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_dry_run_tells_no_sum(applied: Project, number: int) -> None:
    """A part of the events would look like all of them."""
    reader, writer = os.pipe()
    os.write(writer, b"".join(json.dumps(event(n)).encode() + b"\n" for n in range(100)))
    wait = select.select

    def interrupted(*arguments: Any) -> Any:
        ready = wait(*arguments)
        if not ready[0]:
            os.kill(os.getpid(), number)
        return ready

    with mock.patch("select.select", interrupted):
        result = applied.run("emit", "--from", f"/dev/fd/{reader}", "--dry-run")

    for one in (reader, writer):
        os.close(one)
    assert (result.code, result.out) == (128 + number, "")


def test_half_a_line_is_never_sent(applied: Project) -> None:
    """What a stream has given of a line when a run ends early is no event, though it may look like one."""
    reader, writer = os.pipe()
    header = "transaction_id,customer_id,event_type,timestamp,image_type,num_images"
    os.write(writer, f"{header}\na,jane@nova.com,image_generation,2026-11-22,ultra,1\n".encode())
    wait = select.select
    half = [b"b,jane@nova.com,image_generation,2026-11-22,ultra,1"]  # and a 2 to come: 12 images

    def watched(*arguments: Any) -> Any:
        ready = wait(*arguments)
        if not ready[0] and half:
            os.write(writer, half.pop())
        return ready

    with faults(on_ingest("error", status=401)) as (fault,), mock.patch("select.select", watched):
        result = applied.run("emit", "--from", f"/dev/fd/{reader}", "--input", "csv")

    for one in (reader, writer):
        os.close(one)
    assert (result.code, half, fault.hits) == (1, [], 1)


def test_descriptor_that_does_not_wait_is_no_end(applied: Project) -> None:
    """Another program may have made the pipe one that doesn't wait: nothing there yet isn't the end."""
    reader, writer = os.pipe()
    os.write(writer, json.dumps(event(1)).encode() + b"\n")
    os.close(writer)
    read, early = os.read, iter([BlockingIOError(11, "Resource temporarily unavailable")])

    def late(descriptor: int, size: int) -> bytes:
        for problem in early:
            raise problem
        return read(descriptor, size)

    with mock.patch("os.read", late):
        applied.ok("emit", "--from", f"/dev/fd/{reader}")

    os.close(reader)
    assert set(arrived(applied)) == {"event-000001"}


LEAVES_AT_ONCE = """
import os, signal, sys, threading
from nova_iac.cli import run
from nova_iac.remote import Client

def poster(self, endpoint):
    def post(body):
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        threading.Event().wait()
    return post

Client.poster = poster
sys.exit(run(sys.argv[1:]))
"""


def test_leaving_at_once_tells_how_to_send_it_again(applied: Project) -> None:
    """The second signal ends a run whose outcome isn't known: the id by which its event is billed once is told before."""
    run = started(applied, "emit", "image_generation", *ONE, code=LEAVES_AT_ONCE, stdout=subprocess.PIPE)

    out, err = (told.decode() for told in run.communicate())

    assert run.returncode in (130, 143)
    mark, _, name = out.strip().partition(": ")
    assert mark == "transaction_id"
    assert f"Leaving at once. Run it again with --transaction-id {name}: then it isn't billed twice." in err


COMMANDS = {"usage": ("demo",), "invoices": ("demo",), "emit": ("image_generation", *ONE)}


@pytest.mark.parametrize("name", COMMANDS)
def test_full_disk_is_told(applied: Project, name: str) -> None:
    """Output that can't be written: exit code 1, no traceback, and nothing is sent under an id that is lost."""
    with Path("/dev/full").open("wb") as full:
        run = started(applied, name, *COMMANDS[name], stdout=full)
        err = run.communicate()[1].decode()

    assert run.returncode == 1
    assert err.splitlines()[-1] == "Error: the output can't be written: No space left on device."
    assert "Traceback" not in err
    assert arrived(applied) == {}


def test_closed_standard_input_is_told() -> None:
    """There is nothing to read where there is no standard input."""
    from nova_iac.cli import emit_input
    from nova_iac.errors import UsageProblem

    with mock.patch.object(sys, "stdin", None), pytest.raises(UsageProblem, match="standard input is closed"):
        emit_input._stdin()
