"""Ingest and search of usage events (§13.1, §13.2)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from emulator_kit import Hand, Shop, refused
from metronome import Metronome

EVENT: dict[str, Any] = {
    "transaction_id": "t1",
    "customer_id": "acme",
    "event_type": "image",
    "timestamp": "2026-03-15T10:00:00Z",
    "properties": {"n": "1"},
}


def found(client: Metronome, *ids: str) -> list[Any]:
    return client.v1.usage.search(transaction_ids=list(ids))


def test_an_event_is_found_as_it_was_sent(client: Metronome, shop: Shop) -> None:
    """§13.2: with what it matched; the answer is a bare array."""
    metric = shop.sum_metric()
    shop.metric(event_type_filter={"in_values": ["video"]})
    customer = shop.customer("acme")
    client.v1.usage.ingest(usage=[EVENT])  # type: ignore[list-item]
    [event] = found(client, "t1", "t2")
    read = event.to_dict(mode="json")
    assert read == EVENT | {
        "id": read["id"],
        "processed_at": "2026-03-15T12:30:00Z",
        "is_duplicate": False,
        "matched_customer": {"id": customer, "name": "Acme"},
        "matched_billable_metrics": [
            {
                "id": metric,
                "name": "Images",
                "aggregation_type": "SUM",
                "aggregation_key": "n",
                "property_filters": [{"name": "n", "exists": True}],
            }
        ],
    }


def test_ingest_answers_nothing(http: httpx.Client) -> None:
    """§16: 200 with an empty body."""
    answer = http.post("/v1/ingest", json=[EVENT])
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"usage": [EVENT]}, "must be an array"),
        ([], "1 to 100"),
        ([EVENT] * 101, "1 to 100"),
        ([7], "[0] must be an object"),
        ([EVENT, EVENT | {"transaction_id": ""}], "[1].transaction_id"),
        ([EVENT | {"transaction_id": "x" * 129}], "1 to 128"),
        ([EVENT | {"customer_id": ""}], "customer_id"),
        ([EVENT | {"event_type": None}], "event_type"),
        ([EVENT | {"timestamp": "2026-03-15"}], "RFC 3339"),
        ([EVENT | {"timestamp": "2026-03-16T12:30:01Z"}], "24 hours in the future"),
        ([EVENT | {"timestamp": "2026-02-09T12:29:59Z"}], "34 days in the past"),
        ([EVENT | {"properties": {str(n): "" for n in range(2001)}}], "2000 keys"),
        ([EVENT | {"properties": []}], "must be an object"),
    ],
)
def test_a_batch_is_checked_whole(http: httpx.Client, body: Any, complaint: str) -> None:
    """§13.1, §16: bounds of the batch, of each field, and of time; one bad event fails the batch."""
    assert complaint in refused(http.post("/v1/ingest", json=body), 400)
    assert http.post("/v1/events/search", json={"transactionIds": ["t1"]}).json() == []


def test_the_edges_of_time_are_inside(http: httpx.Client) -> None:
    """24 hours ahead and 34 days back, to the second."""
    times = ("2026-03-16T12:30:00Z", "2026-02-09T12:30:00Z")
    assert (
        http.post("/v1/ingest", json=[EVENT | {"transaction_id": time, "timestamp": time} for time in times]).status_code == 200
    )


def test_the_first_of_a_transaction_id_wins(client: Metronome, http: httpx.Client) -> None:
    """§2.3: within a batch and over batches, for 34 days; later ones are ignored with 200."""
    first, second = EVENT | {"event_type": "first"}, EVENT | {"event_type": "second"}
    http.post("/v1/ingest", json=[first, second])
    assert http.post("/v1/ingest", json=[second, EVENT | {"transaction_id": "t2"}]).status_code == 200
    assert [event.event_type for event in found(client, "t1", "t2")] == ["first", "image"]


def test_a_transaction_id_is_remembered_for_34_days(client: Metronome, http: httpx.Client, clock: Hand) -> None:
    """Later it is a new event; and search looks back as far."""
    http.post("/v1/ingest", json=[EVENT])
    clock.go(days=34, seconds=1)
    assert found(client, "t1") == []
    http.post("/v1/ingest", json=[EVENT | {"timestamp": "2026-04-18T00:00:00Z"}])
    assert [f"{event.timestamp:%m-%d}" for event in found(client, "t1")] == ["04-18"]


def test_strangers_events_are_stored_until_an_alias_claims_them(client: Metronome, shop: Shop) -> None:
    """§8.2, §13.1: unknown customers are accepted; adding the alias later pulls their usage in."""
    metric = shop.sum_metric()
    shop.send("stranger", {"n": "5"})
    assert found(client, "event 1")[0].matched_customer is None
    customer = shop.customer()
    client.v1.customers.set_ingest_aliases(customer_id=customer, ingest_aliases=["stranger"])
    assert found(client, "event 1")[0].matched_customer.id == customer
    [row] = client.v1.usage.list(
        starting_on="2026-03-15T00:00:00Z",
        ending_before="2026-03-16T00:00:00Z",
        window_size="NONE",
        billable_metrics=[{"id": metric}],
    )
    assert (row.customer_id, row.value) == (customer, 5)


def test_events_may_name_the_customer_by_its_id(client: Metronome, shop: Shop) -> None:
    """The Metronome id, or any alias."""
    customer = shop.customer("a", "b")
    metric = shop.metric()
    for name in (customer, "a", "b"):
        shop.send(name, {})
    window: Any = {"starting_on": "2026-03-15T00:00:00Z", "ending_before": "2026-03-16T00:00:00Z", "window_size": "NONE"}
    assert [row.value for row in client.v1.usage.list(**window, billable_metrics=[{"id": metric}])] == [3]
    assert {event.matched_customer.id for event in found(client, "event 1", "event 2", "event 3")} == {customer}


def test_properties_keep_their_digits(http: httpx.Client) -> None:
    """§13.1: numbers may be mixed with strings; none is rounded."""
    event = '"transaction_id":"t1","customer_id":"a","event_type":"x","timestamp":"2026-03-15T10:00:00Z"'
    body = f'[{{{event},"properties":{{"n":0.1000000000000000000001,"m":3}}}}]'
    http.post("/v1/ingest", content=body)
    assert (
        '"properties":{"n":0.1000000000000000000001,"m":3}'
        in http.post("/v1/events/search", json={"transactionIds": ["t1"]}).text
    )


def test_ids_in_events_are_compared_to_the_letter(client: Metronome, shop: Shop) -> None:
    """Unlike ids of requests: an id in capitals is nobody's, in search as in usage."""
    metric = shop.sum_metric()
    customer = shop.customer("acme")
    for place, name in enumerate((customer.upper(), "ACME", customer)):
        client.v1.usage.ingest(usage=[EVENT | {"transaction_id": str(place), "customer_id": name}])  # type: ignore[list-item]
    assert [event.matched_customer is not None for event in found(client, "0", "1", "2")] == [False, False, True]
    [row] = client.v1.usage.list(
        starting_on="2026-03-15T00:00:00Z", ending_before="2026-03-16T00:00:00Z", window_size="NONE", customer_ids=[customer]
    )
    assert (row.billable_metric_id, row.value) == (metric, float(EVENT["properties"]["n"]))  # type: ignore[call-overload]


def test_an_id_as_an_alias_is_its_customers_only(client: Metronome, http: httpx.Client, shop: Shop) -> None:
    """Of its own customer it adds nothing, its events count once; another can't have it."""
    shop.sum_metric()
    customer, other = shop.customer(), shop.customer()
    path = "/v1/customers/{}/setIngestAliases"
    assert http.post(path.format(customer), json={"ingest_aliases": [customer]}).status_code == 200
    refused(http.post(path.format(other), json={"ingest_aliases": [customer]}), 409)
    client.v1.usage.ingest(usage=[EVENT | {"customer_id": customer}])  # type: ignore[list-item]
    [row] = client.v1.usage.list(starting_on="2026-03-15T00:00:00Z", ending_before="2026-03-16T00:00:00Z", window_size="NONE")
    assert row.value == float(EVENT["properties"]["n"])  # type: ignore[call-overload]
