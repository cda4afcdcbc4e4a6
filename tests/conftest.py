"""Fixtures that all tests share. The network is off but for loopback."""

from __future__ import annotations

import ipaddress
import signal
import socket
from pathlib import Path
from typing import Any

import hypothesis  # noqa: F401 - its pytest plugin would load it after the tests, where a warning ends the run; see pyproject
import pytest
from support import EXAMPLE, Project

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A background job of a script ignores Ctrl-C, and so would every command that a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option that rewrites what golden folders expect; look at the diff afterwards."""
    parser.addoption("--update-cases", action="store_true", help="rewrite the results in tests/cases and tests/spec/broken")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anything but this machine fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
            assert loopback, f"a test tried to reach {host}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The example, not applied yet."""
    return Project(tmp_path, EXAMPLE)


@pytest.fixture
def applied(project: Project) -> Project:
    """The example, applied; the request log is empty."""
    project.apply()
    project.forget_requests()
    return project
