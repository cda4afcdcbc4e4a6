"""``nova-iac ui`` as a process: what it prints, how it ends, what it refuses."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from browser_kit import serving, variables_of
from support import Project

PATIENCE = 20


@contextmanager
def started(project: Project, **variables: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process with the lines that it prints before it serves."""
    command = [sys.executable, "-m", "nova_iac", "ui", "--port", "0"]
    own = variables_of(project) | variables
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=project.folder, env=own, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            while not lines or not lines[-1].startswith("Ctrl-C"):
                lines.append(process.stdout.readline())
                assert lines[-1], "it ended"
            yield process, lines
        finally:
            process.kill()


def test_printed_line_is_ready_to_be_run(project: Project) -> None:
    """The curl line that is printed does what it says."""
    with serving(project) as url:
        page = httpx.get(url)
        assert page.status_code == 200
        assert "nova-iac" in page.text
    with started(project) as (_, lines):
        (line,) = [one for one in lines if "curl" in one]
        words = shlex.split(line)
        headers = dict(re.split(r": ?", words[index + 1], maxsplit=1) for index, word in enumerate(words) if word == "-H")
        answer = httpx.post(words[-1], headers=headers)

    assert words[:3] == ["curl", "-X", "POST"]
    assert answer.status_code == 200, answer.text
    assert "rate_card.standard" in project.recorded


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told(project: Project, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end it with exit 0 and without a word."""
    with started(project) as (process, _):
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert err == ""


def test_token_is_new_each_time_unless_fixed(project: Project) -> None:
    """NOVA_UI_TOKEN fixes the token; without it nobody can know it from the last time."""
    tokens = []
    for fixed in ("", "", "a-fixed-one"):
        with started(project, NOVA_UI_TOKEN=fixed) as (_, lines):
            tokens += re.findall(r"X-Nova-Token: ([^']+)'", "".join(lines))

    assert len(set(tokens)) == 3
    assert len(tokens[0]) >= 32
    assert tokens[2] == "a-fixed-one"


def test_protected_environment_offers_no_write(project: Project) -> None:
    """Where nothing can be written, no line for writing is printed."""
    project.edit("{emulator: true}", "{emulator: true, protected: true}")
    with started(project) as (_, lines):
        text = "".join(lines)

    assert "protected" in text
    assert "curl" not in text


def test_body_that_nobody_reads_is_not_taken_in(project: Project) -> None:
    """50 MB are refused by their announcement: the server doesn't wait for them before it looks at the token."""
    with serving(project) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            head = f"POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 50000000\r\n\r\n"
            connection.sendall(head.encode())
            answer = connection.recv(65_536)

    assert answer.split(b"\r\n")[0] == b"HTTP/1.1 413 Request Entity Too Large"


def test_port_that_is_taken(project: Project) -> None:
    """The error says what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        result = project.run("ui", "--port", str(other.getsockname()[1]))

    assert result.code == 1
    assert "--port" in result.err


@pytest.mark.parametrize("token", ["two words", "é", "line\nfeed"])
def test_token_that_fits_no_header(project: Project, token: str) -> None:
    """A token that couldn't travel is refused at the start."""
    result = project.run("ui", env={"NOVA_UI_TOKEN": token})

    assert result.code == 1
    assert "NOVA_UI_TOKEN" in result.err
    assert token not in result.err


def test_spec_with_a_typo_in_the_environment(project: Project) -> None:
    """An environment that isn't there is said before anything is served."""
    assert project.run("ui", "-e", "locla").code == 1
