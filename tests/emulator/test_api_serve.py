"""The same program over HTTP on loopback."""

from __future__ import annotations

import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from emulator_kit import NOW, Hand, emulator, serving

from nova_iac.emulator.serve import THREADS, serve

TOKEN = {"Authorization": "Bearer t"}


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_server_answers_and_stops_well(tmp_path: Path, stop: signal.Signals) -> None:
    """JSON over HTTP; SIGINT and SIGTERM end it with everything closed."""
    database = tmp_path / "x" / "local.db"
    with serving(database) as (process, url), httpx.Client(base_url=url, headers=TOKEN) as http:
        assert str(http.base_url).startswith("http://127.0.0.1:")
        assert http.get("/v1/customers").json() == {"data": [], "next_page": None}
        assert http.post("/v1/customers", json={"name": "é"}).json()["data"]["name"] == "é"
        process.send_signal(stop)
        assert process.wait(20) == 0
        assert process.stdout is not None
        assert process.stdout.read() == "stopped well\n"
    assert list(database.parent.iterdir()) == [database]


def test_a_cut_connection_is_really_cut(tmp_path: Path) -> None:
    """Over HTTP: the socket closes without an answer, before or after the write; a truncated body ends early."""
    with serving(tmp_path / "local.db") as (_, url), httpx.Client(base_url=url, headers=TOKEN) as http:
        for when, made in (("before", 0), ("after", 1)):
            http.post("/_emulator/faults", json={"faults": [{"kind": "cut", "when": when, "times": 1}]})
            with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
                http.post("/v1/customers", json={"name": "a"})
            assert len(http.get("/v1/customers").json()["data"]) == made
        http.post("/_emulator/faults", json={"faults": [{"kind": "truncate", "size": 3, "times": 1}]})
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            http.get("/v1/customers")


def test_operations_do_not_wait_for_what_a_fault_holds_up(tmp_path: Path) -> None:
    """However many requests are held up, the fault can be looked at and ended."""
    with serving(tmp_path / "local.db") as (_, url), httpx.Client(base_url=url, timeout=60) as http, ExitStack() as held:
        port = httpx.URL(url).port
        assert port is not None
        http.post("/_emulator/faults", json={"faults": [{"kind": "latency", "milliseconds": 600_000}]})
        for _ in range(THREADS + 1):
            waiting = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            waiting.sendall(b"GET /v1/services HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n")
        while http.get("/_emulator/faults").json()["data"][0]["hits"] < THREADS:
            pass
        assert http.delete("/_emulator/faults").json() == {"data": []}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_only_loopback_is_served(host: str) -> None:
    """Anything else is refused before it listens."""
    with emulator(clock=Hand(NOW)) as app, pytest.raises(ValueError, match="loopback"):
        serve(app, host, 0, ready=print)
