"""Operations under /_emulator/: clock, request log, faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import metronome
import pytest
from emulator_kit import Hand, emulator, raw, refused, sdk
from metronome import Metronome

from nova_iac.emulator import Emulator

CUSTOMER = {"name": "Acme"}


def faults(http: httpx.Client, *wishes: dict[str, Any]) -> list[dict[str, Any]]:
    answer = http.post("/_emulator/faults", json={"faults": wishes})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def customers(http: httpx.Client) -> int:
    http.delete("/_emulator/faults")
    return len(http.get("/v1/customers").json()["data"])


def test_operations_need_no_token(http: httpx.Client) -> None:
    """They are this machine's own; unknown ones are named."""
    del http.headers["Authorization"]
    assert http.get("/_emulator/clock").status_code == 200
    assert "GET /_emulator/clock" in refused(http.get("/_emulator/nothing"), 404)


def test_the_clock_is_the_injected_one_until_it_is_set(http: httpx.Client, clock: Hand) -> None:
    """Set, it stands still; advanced, it goes on from there; released, it is the injected one again."""

    def now() -> str:
        return str(http.get("/_emulator/clock").json()["now"])

    assert now() == "2026-03-15T12:30:00+00:00"
    assert http.post("/_emulator/clock", json={"now": "2027-01-01T01:00:00+01:00"}).json() == {
        "now": "2027-01-01T00:00:00+00:00",
        "frozen": True,
    }
    clock.go(hours=1)
    assert now() == "2027-01-01T00:00:00+00:00"
    assert http.post("/v1/customers", json=CUSTOMER).status_code == 200
    assert http.get("/v1/customers").json()["data"][0]["created_at"] == "2027-01-01T00:00:00+00:00"
    http.post("/_emulator/clock", json={"advance_seconds": 1.5})
    assert now() == "2027-01-01T00:00:01.500000+00:00"
    assert http.post("/_emulator/clock", json={"now": None}).json()["frozen"] is False
    assert now() == "2026-03-15T13:30:00+00:00"
    http.post("/_emulator/clock", json={"advance_seconds": 60})
    clock.go(hours=1)
    assert now() == "2026-03-15T14:31:00+00:00"


@pytest.mark.parametrize("body", [{}, {"now": "soon"}, {"advance_seconds": "1"}, {"advance_seconds": 1e18}, []])
def test_the_clock_takes_only_times(http: httpx.Client, body: object) -> None:
    """Anything else is a 400."""
    refused(http.post("/_emulator/clock", json=body), 400)


def test_the_request_log_has_every_request(http: httpx.Client) -> None:
    """Method, path, query, body, key, status, replay; never the token, and nothing of /_emulator/ itself."""
    http.get("/v1/customers", params={"limit": 1})
    for _ in range(2):
        http.post("/v1/customers", json=CUSTOMER, headers={"Idempotency-Key": "k"})
    http.post("/v1/customers", content=b"{")
    entries = http.get("/_emulator/requests").json()["data"]
    keys = ("method", "path", "query", "body", "idempotency_key", "status", "replayed")
    assert [tuple(entry[key] for key in keys) for entry in entries] == [
        ("GET", "/v1/customers", {"limit": "1"}, None, None, 200, False),
        ("POST", "/v1/customers", {}, CUSTOMER, "k", 200, False),
        ("POST", "/v1/customers", {}, CUSTOMER, "k", 200, True),
        ("POST", "/v1/customers", {}, "{", None, 400, False),
    ]
    assert "Bearer" not in http.get("/_emulator/requests").text


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/_emulator/requests"), ("POST", "/_emulator/requests/clear")])
def test_the_request_log_can_be_cleared(http: httpx.Client, method: str, path: str) -> None:
    """Both ways."""
    http.get("/v1/customers")
    http.request(method, path)
    assert http.get("/_emulator/requests").json() == {"data": []}


def test_the_request_log_is_bounded(app: Emulator) -> None:
    """The last 10,000 stay in memory, as long as their bodies take no more than 64 MB."""
    for n in range(10_005):
        app.log.add({"n": n})
    entries = app.log.entries()
    assert (len(entries), entries[0], entries[-1]) == (10_000, {"n": 5}, {"n": 10_004})
    large = b'"' + b"x" * 16_000_000 + b'"'
    for n in range(6):
        app.log.add({"n": n, "body": large})
    assert [entry["n"] for entry in app.log.entries()] == [2, 3, 4, 5]


def test_the_request_log_goes_to_a_file_too(tmp_path: Path) -> None:
    """One JSON line per request, appended."""
    path = tmp_path / "log.jsonl"
    for _ in range(2):
        with emulator(request_log=path) as app, raw(app) as http:
            http.post("/v1/customers", json={"name": "é"})
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["body"] for line in lines] == [{"name": "é"}] * 2


def test_an_error_before_leaves_no_trace(http: httpx.Client) -> None:
    """The write didn't happen, and its key stays free."""
    faults(http, {"kind": "error", "status": 503, "times": 1})
    key = {"Idempotency-Key": "k"}
    refused(http.post("/v1/customers", json=CUSTOMER, headers=key), 503)
    assert http.post("/v1/customers", json=CUSTOMER, headers=key).status_code == 200
    assert customers(http) == 1


def test_an_error_after_hides_a_write_that_took_effect(http: httpx.Client) -> None:
    """Under its key the real answer is found; without one a retry makes a second object."""
    faults(http, {"kind": "error", "status": 500, "when": "after", "times": 2})
    key = {"Idempotency-Key": "k"}
    refused(http.post("/v1/customers", json=CUSTOMER, headers=key), 500)
    refused(http.post("/v1/customers", json=CUSTOMER), 500)
    assert http.post("/v1/customers", json=CUSTOMER, headers=key).status_code == 200
    assert customers(http) == 2


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_kept_error_is_replayed_under_its_key(http: httpx.Client, when: str, made: int) -> None:
    """§3.4: stored errors such as 500, whether or not the write took effect."""
    faults(http, {"kind": "error", "when": when, "kept": True, "times": 1})
    key = {"Idempotency-Key": "k"}
    for _ in range(3):
        refused(http.post("/v1/customers", json=CUSTOMER, headers=key), 500)
    assert customers(http) == made


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_cut_connection_reaches_the_client_as_an_error(app: Emulator, http: httpx.Client, when: str, made: int) -> None:
    """In this process as a ConnectionError, which the SDK understands; the log has it without a status."""
    faults(http, {"kind": "cut", "when": when, "times": 1})
    with sdk(app) as client, pytest.raises(metronome.APIConnectionError):
        client.v1.customers.create(name="Acme")
    [entry] = http.get("/_emulator/requests").json()["data"]
    assert (entry["status"], entry["fault"]) == (None, "cut")
    assert customers(http) == made


def test_a_truncated_body_promises_more_than_it_has(http: httpx.Client) -> None:
    """The write took effect; the answer can't be read."""
    faults(http, {"kind": "truncate", "size": 5, "times": 1})
    answer = http.post("/v1/customers", json=CUSTOMER)
    assert (answer.content, int(answer.headers["content-length"]) > 5) == (b'{"dat', True)
    assert customers(http) == 1


def test_rate_limits_answer_429_with_their_type(app: Emulator, http: httpx.Client) -> None:
    """§3.5: 8 a second by default, over all endpoints; the header says whose limit."""
    seconds = [100.0]
    app.faults._monotonic = lambda: seconds[0]
    faults(http, {"kind": "rate_limit"})

    def statuses(count: int) -> list[int]:
        return [http.get("/v1/customers").status_code for _ in range(count)]

    assert statuses(10) == [200] * 8 + [429] * 2
    seconds[0] += 1
    assert statuses(9) == [200] * 8 + [429]
    answer = http.get("/v1/services")
    assert answer.headers["X-Metronome-Rate-Limit-Type"] == "client"
    refused(answer, 429)
    faults(http, {"kind": "rate_limit", "per_second": 1, "limit_type": "customer"})
    assert statuses(2) == [200, 429]
    assert http.get("/v1/services").headers["X-Metronome-Rate-Limit-Type"] == "customer"


def test_latency_waits(app: Emulator, http: httpx.Client) -> None:
    """As long as it says, and then answers."""
    waited: list[float] = []
    app.faults.sleep = waited.append
    faults(http, {"kind": "latency", "milliseconds": 250})
    assert http.get("/v1/customers").status_code == 200
    assert waited == [0.25]


def test_faults_choose_their_requests(http: httpx.Client) -> None:
    """By method and path pattern; some are skipped, then every so-manieth, so many times."""
    faults(http, {"kind": "error", "method": "get", "path": "/v1/customers*", "skip": 1, "every": 2, "times": 2})
    assert [http.get("/v1/customers").status_code for _ in range(7)] == [200, 500, 200, 500, 200, 200, 200]
    assert http.get("/v1/services").status_code == 200
    assert http.post("/v1/customers", json=CUSTOMER).status_code == 200
    faults(http, {"kind": "error", "skip": 2})
    assert [http.get("/v1/customers").status_code for _ in range(4)] == [200, 200, 500, 500]
    faults(http, {"kind": "error", "method": "get", "path": "/v1/customers*", "times": 2})
    assert [http.get("/v1/customers").status_code for _ in range(3)] == [500, 500, 200]
    [shown] = http.get("/_emulator/faults").json()["data"]
    assert (shown["method"], shown["hits"], shown["status"]) == ("GET", 2, 500)


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"kind": "flood"},
        {"kind": "error", "status": 200},
        {"kind": "latency"},
        {"kind": "cut", "status": 500},
        {"kind": "error", "every": 0},
        7,
    ],
)
def test_faults_are_checked(http: httpx.Client, wish: object) -> None:
    """An unknown kind or a field that isn't the kind's is a 400, and nothing is set."""
    refused(http.post("/_emulator/faults", json={"faults": [wish]}), 400)
    assert http.get("/_emulator/faults").json() == {"data": []}


def test_a_fault_leaves_refusals_alone(http: httpx.Client, client: Metronome) -> None:
    """An error after the fact needs a fact: a call that is refused anyway is refused as ever."""
    faults(http, {"kind": "error", "when": "after"})
    with pytest.raises(metronome.BadRequestError):
        client.v1.customers.retrieve(customer_id="acme")
