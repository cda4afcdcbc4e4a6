"""What the emulator's tests share: an emulator whose clock the test holds, official and raw clients, a small shop."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from metronome import Metronome

from nova_iac.emulator import Emulator

NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)
USD = "2714e483-4ff1-48e4-9e25-ac732e8f24f2"
NOBODY = "00000000-0000-4000-8000-00000000dead"
"""A well-formed id that no object has."""


class Hand:
    """A clock that stands still until the test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def go(self, **by: float) -> None:
        self.now += timedelta(**by)


def sdk(app: Emulator, **options: Any) -> Metronome:
    """The official client, unmodified, in this process; answers must fit its response models exactly."""
    http = httpx.Client(transport=httpx.WSGITransport(app=app))
    options = {"bearer_token": "t", "max_retries": 0, "_strict_response_validation": True} | options
    return Metronome(base_url="http://emulator", http_client=http, **options)


def raw(app: Emulator) -> httpx.Client:
    """Plain HTTP with a token."""
    transport = httpx.WSGITransport(app=app)
    return httpx.Client(transport=transport, base_url="http://emulator", headers={"Authorization": "Bearer t"})


@contextmanager
def emulator(database: Path | None = None, clock: Hand | None = None, **options: Any) -> Iterator[Emulator]:
    app = Emulator(database, clock=clock or Hand(), **options)
    try:
        yield app
    finally:
        app.close()


def refused(answer: httpx.Response, status: int) -> str:
    """The message of a refusal, which must have that status and a body of nothing but message and code."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) <= {"message", "code"}
    return str(body["message"])


class Shop:
    """A catalog, card, customer and contract, made by the official client as far as a test needs them."""

    def __init__(self, client: Metronome) -> None:
        self.client = client

    def metric(self, **fields: Any) -> str:
        fields = {"name": "Images", "aggregation_type": "COUNT"} | fields
        return self.client.v1.billable_metrics.create(**fields).data.id

    def sum_metric(self, *group_key: str, key: str = "n", **fields: Any) -> str:
        filters = [{"name": name, "exists": True} for name in (key, *group_key)]
        groups = {"group_keys": [list(group_key)]} if group_key else {}
        return self.metric(aggregation_type="SUM", aggregation_key=key, property_filters=filters, **groups, **fields)

    def product(self, metric: str | None = None, **fields: Any) -> str:
        fields = {"name": "Image generation", "type": "USAGE"} | fields
        if fields["type"] == "USAGE":
            fields["billable_metric_id"] = metric or self.metric()
        return self.client.v1.contracts.products.create(**fields).data.id

    def card(self, **fields: Any) -> str:
        return self.client.v1.contracts.rate_cards.create(**{"name": "Standard"} | fields).data.id

    def rate(self, card: str, product: str, price: float = 10, **fields: Any) -> None:
        fields = {"rate_type": "FLAT", "entitled": True, "starting_at": "2026-01-01T00:00:00Z"} | fields
        if "tiers" not in fields:
            fields["price"] = price
        self.client.v1.contracts.rate_cards.rates.add(rate_card_id=card, product_id=product, **fields)

    def customer(self, *aliases: str, **fields: Any) -> str:
        fields = {"name": "Acme", "ingest_aliases": list(aliases)} | fields
        return self.client.v1.customers.create(**fields).data.id

    def contract(self, customer: str, card: str | None = None, **fields: Any) -> str:
        fields = {"starting_at": "2026-01-01T00:00:00Z"} | ({"rate_card_id": card} if card else {}) | fields
        return self.client.v1.contracts.create(customer_id=customer, **fields).data.id

    def send(self, customer: str, *counts: Mapping[str, Any], at: str = "2026-03-15T10:00:00Z", type: str = "image") -> None:
        """Sends one event per set of properties."""
        self.sent = getattr(self, "sent", 0)
        usage = []
        for properties in counts:
            self.sent += 1
            event = {"transaction_id": f"event {self.sent}", "customer_id": customer, "event_type": type}
            usage.append(event | {"timestamp": at, "properties": dict(properties)})
        self.client.v1.usage.ingest(usage=usage)


class Till:
    """One customer who pays 10 cents per unit of n."""

    def __init__(self, shop: Shop, **contract: Any) -> None:
        self.shop, self.client = shop, shop.client
        self.metric = shop.sum_metric()
        self.product = shop.product(self.metric)
        self.other = shop.product(self.metric, name="Other, not priced")
        self.card = shop.card()
        shop.rate(self.card, self.product, 10)
        self.customer = shop.customer("acme")
        self.contract = shop.contract(self.customer, self.card, **contract)

    def invoices(self, **filters: Any) -> list[Any]:
        return list(self.client.v1.customers.invoices.list(customer_id=self.customer, **filters))

    def totals(self, **filters: Any) -> list[tuple[str, str, float]]:
        return [(f"{each.start_timestamp:%m-%d}", each.status, each.total) for each in self.invoices(**filters)]


SERVER = textwrap.dedent(
    """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path

    from nova_iac.emulator import Emulator
    from nova_iac.emulator.serve import serve

    app = Emulator(Path(sys.argv[1]), clock=lambda: datetime.now(UTC))
    serve(app, port=0, ready=lambda url: print(url, flush=True))
    print("stopped well")
    """
)


@contextmanager
def serving(database: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own on a free port: the process and its base URL."""
    command = [sys.executable, "-W", "error", "-c", SERVER, str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()
