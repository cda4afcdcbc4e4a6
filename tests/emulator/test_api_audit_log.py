"""Audit log and services (§12.3)."""

from __future__ import annotations

import httpx
from emulator_kit import Hand, Shop, refused
from metronome import Metronome


def test_every_write_that_took_effect_is_logged(client: Metronome, http: httpx.Client, shop: Shop) -> None:
    """With actor, action, resource and request; refused writes, reads and usage events aren't."""
    customer = shop.customer("a")
    client.v1.customers.set_ingest_aliases(customer_id=customer, ingest_aliases=[])
    contract = shop.contract(customer)
    client.v2.contracts.edit(customer_id=customer, contract_id=contract, update_contract_name="x")
    refused(http.post("/v1/customers", json={}), 400)
    shop.send("a", {})
    rows = client.v1.audit_logs.list().data
    assert [(row.resource_type, row.action, row.resource_id) for row in rows] == [
        ("customer", "create", customer),
        ("customer", "set_ingest_aliases", customer),
        ("contract", "create", contract),
        ("contract", "edit", contract),
    ]
    first = rows[0]
    assert first.actor is not None
    assert (first.actor.name, first.status, first.request.ip) == ("emulator", "success", "127.0.0.1")
    assert first.request.user_agent is not None
    assert "Metronome/Python" in first.request.user_agent


def test_a_replay_is_logged_once(http: httpx.Client) -> None:
    """§3.4: nothing happened the second time."""
    for _ in range(2):
        http.post("/v1/customers", json={"name": "a"}, headers={"Idempotency-Key": "k"})
    assert len(http.get("/v1/auditLogs").json()["data"]) == 1


def test_the_log_can_be_polled(http: httpx.Client, shop: Shop) -> None:
    """§3.6: always a cursor, also with no data; it goes on where the last page ended."""
    empty = http.get("/v1/auditLogs").json()
    assert empty["data"] == []
    cursors = [empty["next_page"]]
    for _ in range(3):
        shop.customer()
        page = http.get("/v1/auditLogs", params={"next_page": cursors[-1]}).json()
        assert len(page["data"]) == 1
        cursors.append(page["next_page"])
    assert http.get("/v1/auditLogs", params={"next_page": cursors[-1]}).json() == {"data": [], "next_page": cursors[-1]}


def test_the_log_filters_by_time_and_resource(http: httpx.Client, shop: Shop, clock: Hand) -> None:
    """A range goes into the cursor, and can't be given with one; type and id go together."""
    first = shop.customer()
    clock.go(hours=1)
    second, third = shop.customer(), shop.customer()

    def ids(**query: str) -> list[str]:
        return [row["resource_id"] for row in http.get("/v1/auditLogs", params=query).json()["data"]]

    later = {"starting_on": "2026-03-15T13:00:00+00:00"}
    assert ids(**later) == [second, third]
    assert ids(ending_before="2026-03-15T13:00:00Z") == [first]
    assert ids(sort="date_desc") == [third, second, first]
    assert ids(resource_type="customer", resource_id=second) == [second]
    page = http.get("/v1/auditLogs", params=later | {"limit": "1", "sort": "date_desc"}).json()
    assert [row["resource_id"] for row in page["data"]] == [third]
    assert ids(next_page=page["next_page"]) == [second]
    for query in (later | {"next_page": page["next_page"]}, {"resource_type": "customer"}):
        refused(http.get("/v1/auditLogs", params=query), 400)


def test_services_name_addresses(client: Metronome) -> None:
    """§12.3."""
    rows = {each.name: (each.usage, each.ips) for each in client.v1.services.list().services}
    assert rows["API"] == ("accepts_connections_at", ["127.0.0.1"])
