"""Random requests (issue 4): no unplanned 5xx, no hang, no lost row."""

from __future__ import annotations

import copy
import json
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from emulator_journey import Watched, travel
from emulator_kit import NOBODY, Hand, emulator, raw, sdk, serving

from nova_iac.emulator import Emulator, routes

JUNK: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**30, "", "x", "x" * 300, "\x00", "é\u2028😀", "NaN", "1e400", NOBODY, [], {}, [[]], [None]),
    *("2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z", "9999-12-31T23:00:00Z", "0001-01-01T00:00:00Z", "2026-02-30T00:00:00Z"),
    "9999-12-31T00:00:00Z",
    *({"a": {"b": [1, {"c": None}]}}, ["a", 1, None, {}], "ARCHIVED", "MONTHLY", "FLAT", "USAGE", "'; DROP TABLE object; --"),
]
BYTES = [
    b"",
    b"{",
    b"\xff\xfe",
    b"null",
    b"[]",
    b'"',
    b"{}" * 9,
    b"[" * 5000,
    b'{"a":' * 200 + b"1" + b"}" * 200,
    b"1e99999",
    b"-",
]
PLANNED_500 = "Internal Server Error"
"""What a billing configuration for an unknown customer answers (§8.3)."""
SLOWEST = 20.0
WIDEST = {"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T00:00:00Z"}
"""A range of time, by how the names of its two fields begin."""


class Fuzzer:
    """Takes the calls of a real journey apart and puts them together wrongly."""

    def __init__(self, app: Emulator, seed: int, http: httpx.Client | None = None) -> None:
        self.random = random.Random(seed)
        self.http = http or raw(app)
        corpus = [entry for entry in app.log.entries() if entry["status"] == 200]
        self.corpus = [(entry["method"], entry["path"], entry["query"], entry["body"]) for entry in corpus]
        self.ranges = [each for each in self.corpus if _reads(*each[:2]) and any(_widest(part) != part for part in each[2:])]
        self.ids = sorted(
            {part for entry in corpus for part in entry["path"].split("/") if len(part) == 36} | set(self._ids(corpus))
        )

    def _ids(self, value: Any) -> list[str]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return [id for item in value for id in self._ids(item)]
        return [value] if isinstance(value, str) and len(value) == 36 and value.count("-") == 4 else []

    def request(self) -> httpx.Request:
        pick = self.random
        method, path, query, body = copy.deepcopy(pick.choice(self.corpus))
        if pick.random() < 0.1:
            route = pick.choice(routes.ROUTES)
            method, path = route.method, route.path
        path = "/".join(self._part(part) for part in path.split("/"))
        if pick.random() < 0.1:
            method, path, query, body = copy.deepcopy(pick.choice(self.ranges))
            size = pick.choice([{}, {"window_size": "DAY"}])
            query, body = _widest(query | size), _widest(body and body | size)
        if pick.random() < 0.05:
            method = pick.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
        if pick.random() < 0.3:
            query = {**query, pick.choice(["limit", "next_page", "sort", "status", "starting_on", "x"]): self._text()}
        headers = {"Idempotency-Key": pick.choice("abcdef")} if pick.random() < 0.1 else {}
        if pick.random() < 0.05:
            content = pick.choice([*BYTES, pick.randbytes(50)])
        elif body is None:
            content = b""
        else:
            for _ in range(pick.choice([0, 1, 1, 1, 2, 5])):
                body = self._changed(body)
            content = json.dumps(body, default=float).encode()
        return self.http.build_request(method, path, params=query, content=content, headers=headers)

    def _part(self, part: str) -> str:
        if part.startswith("{") or (len(part) == 36 and self.random.random() < 0.3):
            return self.random.choice([*self.ids, NOBODY, "x", "%00", "é"])
        return part

    def _text(self) -> str:
        return self.random.choice([str(each) for each in JUNK if not isinstance(each, list | dict)])

    def _changed(self, value: Any) -> Any:
        """The value with one place of it replaced, dropped, doubled or renamed."""
        pick = self.random
        if isinstance(value, dict) and value and pick.random() < 0.9:
            key = pick.choice(list(value))
            way = pick.random()
            if way < 0.15:
                return {name: item for name, item in value.items() if name != key}
            if way < 0.2:
                return value | {pick.choice(["x", "id", "name", "type", ""]): pick.choice(JUNK)}
            return value | {key: self._changed(value[key])}
        if isinstance(value, list) and value and pick.random() < 0.9:
            place = pick.randrange(len(value))
            if pick.random() < 0.1:
                return value * pick.choice([0, 2, 150])
            return [self._changed(item) if at == place else item for at, item in enumerate(value)]
        return pick.choice([*JUNK, *self.ids])


def fuzz(count: int, seed: int) -> None:
    clock = Hand()
    with emulator(clock=clock) as app:
        with Watched(
            bearer_token="t",
            base_url="http://emulator",
            http_client=httpx.Client(transport=httpx.WSGITransport(app=app)),
            max_retries=0,
        ) as client:
            travel(client, clock)
        before = _everything(app)
        fuzzer = Fuzzer(app, seed)
        with fuzzer.http:
            send(fuzzer, count, seed)
        lost = before - _everything(app)
        assert not {name for name in lost if not name.startswith(MAY_GO)}


def send(fuzzer: Fuzzer, count: int, seed: int) -> None:
    """So many random requests, each of which is to be answered in time, and with nothing worse than it deserves."""
    for number in range(count):
        request = fuzzer.request()
        begun = time.monotonic()
        answer = fuzzer.http.send(request)
        shown = (seed, number, request.method, str(request.url), request.content[:500], answer.text[:300])
        assert answer.status_code < 500 or answer.status_code == 501 or PLANNED_500 in answer.text, shown
        assert time.monotonic() - begun < SLOWEST, shown
        if answer.content and request.method != "HEAD":
            answer.json()


MAY_GO = ("alias ", "key ", "unit ")
"""What a legal call can take away: aliases move, keys are removed, archived pricing units are no longer listed."""


def _everything(app: Emulator) -> set[str]:
    """What there is, archived ones too: objects, what belongs to them, and events."""
    with sdk(app, _strict_response_validation=False) as client:
        customers = [*client.v1.customers.list(), *client.v1.customers.list(only_archived=True)]
        found = {f"customer {each.id}" for each in customers}
        for customer in customers:
            contracts = client.v2.contracts.list(customer_id=customer.id, include_archived=True)
            found |= {f"contract {each.id}" for each in contracts}
            found |= {f"alias {alias}" for alias in customer.ingest_aliases}
            held = client.v1.customers.retrieve_billing_configurations(customer_id=customer.id, include_archived=True).data
            found |= {f"configuration {each.id}" for each in held}
        found |= {f"metric {each.id}" for each in client.v1.billable_metrics.list(include_archived=True)}
        found |= {f"product {each.id}" for each in client.v1.contracts.products.list(archive_filter="ALL")}
        found |= {f"unit {each.id}" for each in client.v1.pricing_units.list()}
        found |= {f"key {each.entity} {each.key}" for each in client.v1.custom_fields.list_keys()}
        found |= {f"event {each.transaction_id}" for each in client.v1.usage.search(transaction_ids=["t", "u"])}
        cards = [each.id for each in client.v1.contracts.rate_cards.list(body={})]
    with raw(app) as http:
        for card in cards:
            found |= {f"card {card}"} | {f"rate {card} {segment}" for segment in _rates(http, card)}
    return found


def _rates(http: httpx.Client, card: str) -> Iterator[str]:
    """The identities of a card's prices, which nothing takes away."""
    path, following = "/v1/contract-pricing/rate-cards/getRateSchedule", ""
    while following is not None:
        query = {"next_page": following} if following else {}
        page = http.post(path, params=query, json={"rate_card_id": card, "starting_at": WIDEST["start"]}).json()
        for row in page["data"]:
            identity = [row["product_id"], row.get("pricing_group_values"), row.get("billing_frequency"), row["starting_at"]]
            yield json.dumps(identity, sort_keys=True)
        following = page["next_page"]


def _reads(method: str, path: str) -> bool:
    found = routes.find(method, path)
    return found is not None and not found[0].writes


def _widest(value: Any) -> Any:
    """The same over all of time."""
    if not isinstance(value, dict):
        return value
    return {name: next((far for begin, far in WIDEST.items() if name.startswith(begin)), old) for name, old in value.items()}


def test_a_thousand_random_requests() -> None:
    """A short run with a seed of its own each time it fails it names."""
    fuzz(1_000, seed=1)


def test_random_requests_over_http(tmp_path: Path) -> None:
    """The same through the server, which may refuse some by itself; and bytes that are no requests don't bring it down."""
    database, clock = tmp_path / "local.db", Hand()
    with emulator(database, clock=clock) as app:
        with Watched(
            bearer_token="t",
            base_url="http://emulator",
            http_client=httpx.Client(transport=httpx.WSGITransport(app=app)),
            max_retries=0,
        ) as client:
            travel(client, clock)
        before = _everything(app)
        with serving(database) as (_, url), httpx.Client(base_url=url, headers={"Authorization": "Bearer t"}, timeout=60) as http:
            port = http.base_url.port
            assert port is not None
            for junk in (
                b"\xff\xfe\r\n\r\n",
                b"GET\r\n\r\n",
                b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                b"\x16\x03\x01\r\n\r\n",
            ):
                with socket.create_connection(("127.0.0.1", port)) as connection:
                    connection.sendall(junk)
                    connection.recv(100)
            send(Fuzzer(app, 1, http), 200, seed=1)
        lost = before - _everything(app)
        assert not {name for name in lost if not name.startswith(MAY_GO)}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_ten_thousand_random_requests(seed: int) -> None:
    """Ten seeds of 1,000 requests each."""
    fuzz(1_000, seed)
