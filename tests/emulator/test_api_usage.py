"""Usage queries (§13.3)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from emulator_kit import NOBODY, Hand, Shop, refused
from metronome import Metronome

DAY = {"starting_on": "2026-03-15T00:00:00Z", "ending_before": "2026-03-16T00:00:00Z"}
TWO_DAYS = {"starting_on": "2026-03-14T00:00:00Z", "ending_before": "2026-03-16T00:00:00Z"}
EARLY = Hand().now.replace(month=3, day=1)


@pytest.fixture
def clock() -> Hand:
    """Metrics count only what came in after they were made: the shop opens on the 1st."""
    return Hand(EARLY)


def rows(client: Metronome, **fields: Any) -> list[tuple[Any, ...]]:
    return [
        (f"{row.start_timestamp:%dT%H}", f"{row.end_timestamp:%dT%H}", row.value, row.groups)
        for row in client.v1.usage.list(**DAY | {"window_size": "NONE"} | fields)  # type: ignore[arg-type]
    ]


def groups(client: Metronome, customer: str, metric: str, **fields: Any) -> list[tuple[Any, ...]]:
    return [
        (f"{row.starting_on:%dT%H}", row.group, row.value)
        for row in client.v1.usage.list_with_groups(
            **{"customer_id": customer, "billable_metric_id": metric, "window_size": "NONE"} | DAY | fields  # type: ignore[arg-type]
        )
    ]


def test_usage_is_summed_per_window(client: Metronome, shop: Shop, clock: Hand) -> None:
    """Hours, days, or the whole range; windows without usage have no row."""
    shop.sum_metric()
    shop.customer("a")
    clock.now = Hand().now
    shop.send("a", {"n": "1"}, {"n": "2.5"}, at="2026-03-14T23:10:00Z")
    shop.send("a", {"n": 4}, at="2026-03-15T00:00:00Z")
    assert rows(client, **TWO_DAYS) == [("14T00", "16T00", 7.5, None)]
    assert rows(client, **TWO_DAYS, window_size="DAY") == [("14T00", "15T00", 3.5, None), ("15T00", "16T00", 4, None)]
    assert rows(client, **TWO_DAYS, window_size="hour") == [("14T23", "15T00", 3.5, None), ("15T00", "15T01", 4, None)]


@pytest.mark.parametrize(("kind", "value"), [("COUNT", 4), ("SUM", 31), ("MAX", 10), ("LATEST", 5), ("UNIQUE", 4)])
def test_each_aggregation(client: Metronome, shop: Shop, kind: str, value: int) -> None:
    """§6.1, example 38: LATEST gives the last value of the window, not the change."""
    fields = {} if kind == "COUNT" else {"aggregation_key": "n"}
    shop.metric(aggregation_type=kind, property_filters=[{"name": "n", "exists": True}], **fields)
    shop.customer("a")
    for hour, number in enumerate((7, 9, 10, 5)):
        shop.send("a", {"n": number}, at=f"2026-03-01T0{hour}:00:00Z")
    shop.send("a", {"m": 100}, at="2026-03-01T09:00:00Z")
    day = {"starting_on": "2026-03-01T00:00:00Z", "ending_before": "2026-03-02T00:00:00Z"}
    assert [row[2] for row in rows(client, **day)] == [value]


def test_only_events_that_came_after_the_metric_count(client: Metronome, shop: Shop, clock: Hand) -> None:
    """§6.1: not retroactive."""
    shop.customer("a")
    shop.send("a", {"n": 1}, at="2026-03-01T01:00:00Z")
    clock.go(hours=1)
    shop.sum_metric()
    shop.send("a", {"n": 2}, at="2026-03-01T01:00:00Z")
    assert [row[2] for row in rows(client, starting_on="2026-03-01T00:00:00Z", ending_before="2026-03-02T00:00:00Z")] == [2]


def test_rows_are_per_customer_and_metric(client: Metronome, shop: Shop) -> None:
    """All of them, or those that were named; archived ones only by name."""
    metrics = [shop.sum_metric(), shop.metric()]
    customers = [shop.customer(name) for name in ("a", "b", "c")]
    for name in ("a", "b", "c"):
        shop.send(name, {"n": 3}, at="2026-03-01T01:00:00Z")
    client.v1.customers.archive(id=customers[2])
    client.v1.billable_metrics.archive(id=metrics[1])
    day: Any = {"starting_on": "2026-03-01T00:00:00Z", "ending_before": "2026-03-02T00:00:00Z", "window_size": "NONE"}

    def keys(**fields: Any) -> set[tuple[str, str, Any]]:
        return {(row.customer_id, row.billable_metric_id, row.value) for row in client.v1.usage.list(**day, **fields)}

    assert keys() == {(customers[0], metrics[0], 3), (customers[1], metrics[0], 3)}
    assert keys(customer_ids=[customers[2]], billable_metrics=[{"id": metrics[1]}]) == {(customers[2], metrics[1], 1)}


def test_usage_can_be_grouped_by_a_single_key(client: Metronome, shop: Shop) -> None:
    """§13.3: the older group_by; a value without usage is null."""
    metric = shop.sum_metric("region")
    shop.customer("a")
    shop.send("a", {"n": 1, "region": "eu"}, {"n": 2, "region": "us"}, {"n": 4, "region": "eu"}, at="2026-03-01T01:00:00Z")
    day = {"starting_on": "2026-03-01T00:00:00Z", "ending_before": "2026-03-02T00:00:00Z"}

    def grouped(**group: Any) -> Any:
        return rows(client, **day, billable_metrics=[{"id": metric, "group_by": {"key": "region"} | group}])[0][3]

    assert grouped() == {"eu": 5, "us": 2}
    assert grouped(values=["us", "uk"]) == {"us": 2, "uk": None}


def test_usage_pages_over_customers(http: httpx.Client, shop: Shop) -> None:
    """Style B: 100 rows a page, none twice."""
    shop.sum_metric()
    for n in range(5):
        shop.customer(f"c{n}")
        for hour in range(23):
            shop.send(f"c{n}", {"n": 1}, at=f"2026-03-01T{hour:02}:00:00Z")
    body = {"starting_on": "2026-03-01T00:00:00Z", "ending_before": "2026-03-02T00:00:00Z", "window_size": "HOUR"}
    first = http.post("/v1/usage", json=body).json()
    second = http.post("/v1/usage", params={"next_page": first["next_page"]}, json=body).json()
    assert (len(first["data"]), len(second["data"]), second["next_page"]) == (100, 15, None)
    seen = {(row["customer_id"], row["start_timestamp"]) for row in first["data"] + second["data"]}
    assert len(seen) == 115


def test_compound_groups_and_their_filters(client: Metronome, shop: Shop) -> None:
    """§13.3: the whole key, filtered by the values of its parts."""
    metric, customer = shop.sum_metric("region", "type"), shop.customer("a")
    for region, type, n in (("eu", "x", 1), ("eu", "y", 2), ("us", "x", 4), ("eu", "x", 8)):
        shop.send("a", {"n": n, "region": region, "type": type}, at="2026-03-01T01:00:00Z")
    day = {"starting_on": "2026-03-01T00:00:00Z", "ending_before": "2026-03-02T00:00:00Z"}
    key = ["type", "region"]
    assert groups(client, customer, metric, **day, group_key=key) == [
        ("01T00", {"region": "eu", "type": "x"}, 9),
        ("01T00", {"region": "eu", "type": "y"}, 2),
        ("01T00", {"region": "us", "type": "x"}, 4),
    ]
    filtered = groups(client, customer, metric, **day, group_key=key, group_filters={"region": ["eu", "uk"], "type": []})
    assert [row[2] for row in filtered] == [9, 2]
    assert groups(client, customer, metric, **day) == [("01T00", None, 15)]


def test_single_groups_carry_the_older_members_too(client: Metronome, shop: Shop) -> None:
    """group_key and group_value beside group; group_by says the same."""
    metric, customer = shop.sum_metric("region"), shop.customer("a")
    shop.send("a", {"n": 1, "region": "eu"}, {"n": 2, "region": "us"}, at="2026-03-01T01:00:00Z")
    day: Any = {"starting_on": "2026-03-01T00:00:00Z", "ending_before": "2026-03-02T00:00:00Z", "window_size": "NONE"}
    ask = client.v1.usage.list_with_groups
    both = [
        [row.to_dict() for row in ask(customer_id=customer, billable_metric_id=metric, **day, **wish)]
        for wish in ({"group_key": ["region"]}, {"group_by": {"key": "region"}})
    ]
    assert both[0] == both[1]
    assert [(row["group_key"], row["group_value"], row["group"]) for row in both[0]] == [
        ("region", "eu", {"region": "eu"}),
        ("region", "us", {"region": "us"}),
    ]
    assert [
        row.value
        for row in ask(customer_id=customer, billable_metric_id=metric, **day, group_by={"key": "region", "values": ["us"]})
    ] == [2]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"starting_on": "2026-03-15T01:00:00Z"}, "UTC midnight"),
        ({"ending_before": "2026-03-16T00:00:01Z"}, "UTC midnight"),
        ({"ending_before": DAY["starting_on"]}, "at least one day"),
        ({"starting_on": None}, "must not be null"),
        ({"window_size": "WEEK"}, "must be one of"),
        ({"window_size": "HOUR", "ending_before": "2126-03-16T00:00:00Z"}, "20000 windows of one HOUR"),
        ({"starting_on": "0001-01-01T00:00:00Z"}, "20000 windows of one DAY"),
    ],
)
def test_ranges_run_from_midnight_to_midnight(http: httpx.Client, shop: Shop, change: dict[str, Any], complaint: str) -> None:
    """§3.7: at least a day, for both queries."""
    body = {"customer_id": shop.customer(), "billable_metric_id": shop.metric(), "window_size": "DAY"} | DAY | change
    for path in ("/v1/usage", "/v1/usage/groups"):
        assert complaint in refused(http.post(path, json=body), 400)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"group_key": ["region"]}, "must be given whole"),
        ({"group_key": ["region", "type", "x"]}, "must be given whole"),
        ({"group_by": {"key": "region"}}, "must be given whole"),
        ({"group_key": ["region", "type"], "group_by": {"key": "region"}}, "can't be combined"),
        ({"group_key": ["region", "type"], "group_filters": {"n": ["1"]}}, "not in group_key"),
        ({"group_key": ["region", "type"], "group_filters": {"type": [str(n) for n in range(201)]}}, "at most 200"),
        ({"current_period": True}, "can't be combined"),
    ],
)
def test_group_keys_are_checked(http: httpx.Client, shop: Shop, change: dict[str, Any], complaint: str) -> None:
    """§13.3: a compound key in part is rejected."""
    body = {"customer_id": shop.customer(), "billable_metric_id": shop.sum_metric("region", "type"), "window_size": "DAY"}
    assert complaint in refused(http.post("/v1/usage/groups", json=body | DAY | change), 400)


def test_current_period_needs_a_plan(http: httpx.Client, shop: Shop) -> None:
    """§13.3: and nobody has one."""
    body = {"customer_id": shop.customer(), "billable_metric_id": shop.metric(), "window_size": "DAY", "current_period": True}
    assert "plan" in refused(http.post("/v1/usage/groups", json=body), 400)


def test_sql_metrics_are_not_rated(http: httpx.Client, client: Metronome, shop: Shop) -> None:
    """501 where one is named; left out where all are asked for."""
    metric = client.v1.billable_metrics.create(name="m", sql="SELECT 1").data.id
    customer = shop.customer()
    assert "SQL" in refused(http.post("/v1/usage", json=DAY | {"window_size": "DAY", "billable_metrics": [{"id": metric}]}), 501)
    body = DAY | {"window_size": "DAY", "customer_id": customer, "billable_metric_id": metric}
    assert "SQL" in refused(http.post("/v1/usage/groups", json=body), 501)
    assert rows(client) == []


def test_unknown_ids_are_404(http: httpx.Client, shop: Shop) -> None:
    """§3.3."""
    good = {"customer_id": shop.customer(), "billable_metric_id": shop.metric(), "window_size": "DAY"} | DAY
    for change in ({"customer_id": NOBODY}, {"billable_metric_id": NOBODY}):
        refused(http.post("/v1/usage/groups", json=good | change), 404)
    refused(http.post("/v1/usage", json=DAY | {"window_size": "DAY", "customer_ids": [NOBODY]}), 404)
