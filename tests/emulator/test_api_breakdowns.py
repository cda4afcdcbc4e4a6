"""Breakdowns of invoices, and previews (§13.2, §14.2)."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from emulator_kit import Hand, Shop, Till, refused
from metronome import Metronome

JAN = "2026-01-01T00:00:00Z"


@pytest.fixture
def clock() -> Hand:
    """New Year's Day, a minute past midnight."""
    return Hand(Hand().now.replace(month=1, day=1, hour=0, minute=1))


@pytest.fixture
def till(shop: Shop) -> Till:
    return Till(shop)


def test_late_usage_shows_in_breakdowns_only(till: Till, clock: Hand) -> None:
    """§13.1, §17.38."""
    till.shop.send("acme", {"n": 3}, at=JAN)
    clock.now = clock.now.replace(month=2, day=3)
    till.shop.send("acme", {"n": 1}, at="2026-01-02T00:00:00Z")
    rows = till.client.v1.customers.invoices.list_breakdowns(
        customer_id=till.customer, starting_on=JAN, ending_before="2026-01-03T00:00:00Z"
    )
    assert [(row.status, row.total) for row in rows] == [("FINALIZED", 30), ("FINALIZED", 10)]
    assert till.totals()[0] == ("01-01", "FINALIZED", 30)


def test_day_breakdowns_add_up_to_the_draft(till: Till, clock: Hand) -> None:
    """§14.2: one row per day that has begun, with the invoice's own members."""
    clock.now = clock.now.replace(day=3, hour=12)
    till.shop.send("acme", {"n": 1}, at=JAN)
    till.shop.send("acme", {"n": 2}, at="2026-01-03T10:00:00Z")
    ask = till.client.v1.customers.invoices.list_breakdowns
    rows = list(ask(customer_id=till.customer, starting_on=JAN, ending_before="2026-02-01T00:00:00Z"))
    assert [(f"{row.breakdown_start_timestamp:%d}", f"{row.breakdown_end_timestamp:%d}", row.total) for row in rows] == [
        ("01", "02", 10),
        ("02", "03", 0),
        ("03", "04", 20),
    ]
    assert {row.id for row in rows} == {till.invoices()[0].id}
    newest = ask(customer_id=till.customer, starting_on=JAN, ending_before="2026-02-01T00:00:00Z", sort="date_desc")
    assert [row.total for row in newest] == [20, 0, 10]
    sparse = ask(customer_id=till.customer, starting_on=JAN, ending_before="2026-01-04T00:00:00Z", skip_zero_qty_line_items=True)
    assert [len(row.line_items) for row in sparse] == [1, 0, 1]
    assert not list(ask(customer_id=till.customer, starting_on=JAN, ending_before="2026-02-01T00:00:00Z", status="FINALIZED"))


def test_breakdown_pages_hold_35_days_or_24_hours(http: httpx.Client, till: Till, clock: Hand) -> None:
    """§14.2."""
    clock.now = clock.now.replace(month=3, day=1)
    path = f"/v1/customers/{till.customer}/invoices/breakdowns"
    for size, first, rest in (("DAY", 35, 24), ("HOUR", 24, 24)):
        query = {"starting_on": JAN, "ending_before": "2026-03-01T00:00:00Z", "window_size": size}
        page = http.get(path, params=query).json()
        second = http.get(path, params=query | {"next_page": page["next_page"]}).json()
        assert (len(page["data"]), len(second["data"])) == (first, rest)
    assert "required" in refused(http.get(path), 400)


def test_tiers_carry_on_over_breakdown_windows(till: Till, clock: Hand) -> None:
    """The second day goes on in the tier where the first left off."""
    clock.now = clock.now.replace(day=3)
    till.shop.rate(till.card, till.product, rate_type="TIERED", tiers=[{"price": 2, "size": 5}, {"price": 1}])
    till.shop.send("acme", {"n": 4}, at=JAN)
    till.shop.send("acme", {"n": 4}, at="2026-01-02T10:00:00Z")
    rows = till.client.v1.customers.invoices.list_breakdowns(
        customer_id=till.customer, starting_on=JAN, ending_before="2026-01-03T00:00:00Z"
    )
    assert [[line.total for line in row.line_items] for row in rows] == [[8], [2, 3]]


def test_a_preview_stores_nothing(till: Till) -> None:
    """§13.2: replace takes these events only, merge adds them, known transaction ids are passed over."""
    till.shop.send("acme", {"n": 3}, at=JAN)

    def preview(*events: dict[str, Any], **fields: Any) -> list[float]:
        answer = till.client.v1.customers.preview_events(customer_id=till.customer, events=events, **fields)  # type: ignore[arg-type]
        return [each.total for each in answer.data]

    event = {"event_type": "image", "properties": {"n": 1}}
    assert preview(event) == [10]
    assert preview() == [0]
    assert preview(event, event | {"timestamp": "2026-01-20T00:00:00Z"}, mode="merge") == [50]
    assert preview(event | {"transaction_id": "event 1"}, event | {"transaction_id": "new"}, mode="merge") == [40]
    assert till.totals() == [("01-01", "DRAFT", 30)]
    drafts = till.client.v1.customers.preview_events(customer_id=till.customer, events=[], skip_zero_qty_line_items=True)
    assert drafts.data[0].line_items == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"events": [], "x": 1}, "x is not a field"),
        ({"events": [{"event_type": "a", "y": 1}]}, "y is not a field"),
        ({"events": [], "mode": "merge"}, "empty|1 to 100"),
        ({"events": [{"event_type": "a"}] * 101}, "0 to 100"),
        ({"events": [{"event_type": "a", "transaction_id": "t"}] * 2}, "twice"),
        ({"events": [{}]}, "event_type is required"),
    ],
)
def test_previews_are_strict(http: httpx.Client, till: Till, body: dict[str, Any], complaint: str) -> None:
    """§3.2: the one call that refuses unknown fields."""
    assert re.search(complaint, refused(http.post(f"/v1/customers/{till.customer}/previewEvents", json=body), 400))


def test_sql_metrics_block_previews(http: httpx.Client, client: Metronome, shop: Shop) -> None:
    """§6.1: 400; the draft itself leaves the product out."""
    metric = client.v1.billable_metrics.create(name="m", sql="SELECT 1").data.id
    card, customer = shop.card(), shop.customer()
    shop.rate(card, shop.product(metric))
    shop.contract(customer, card)
    assert "SQL" in refused(http.post(f"/v1/customers/{customer}/previewEvents", json={"events": []}), 400)
    assert [each.line_items for each in client.v1.customers.invoices.list(customer_id=customer)] == [[]]


@pytest.mark.parametrize("size", ["DAY", "HOUR"])
@pytest.mark.parametrize("sort", ["date_asc", "date_desc"])
def test_pages_of_breakdowns_meet(http: httpx.Client, till: Till, clock: Hand, size: str, sort: str) -> None:
    """Two contracts' windows side by side, over the ends of months and in either order: each once."""
    clock.now = clock.now.replace(month=3, day=2)
    till.shop.contract(till.customer, till.card, starting_at="2026-02-15T00:00:00Z", ending_before="2026-02-17T00:00:00Z")
    query = {"starting_on": "2026-01-30T00:00:00Z", "ending_before": "2026-03-02T00:00:00Z", "window_size": size, "sort": sort}
    path, seen, following, pages = f"/v1/customers/{till.customer}/invoices/breakdowns", [], "", 0
    while following is not None:
        page = http.get(path, params=query | ({"next_page": following} if following else {})).json()
        seen += [(row["breakdown_start_timestamp"], row["id"]) for row in page["data"]]
        following, pages = page["next_page"], pages + 1
    starts = [start for start, _ in seen]
    assert starts == sorted(starts, reverse=sort == "date_desc")
    assert (len(seen), len(set(seen)), pages) == ((33, 33, 1) if size == "DAY" else (33 * 24, 33 * 24, 31))


def test_windows_lie_within_the_range_that_was_asked_for(http: httpx.Client, till: Till, clock: Hand) -> None:
    """§14.2: they start on or after its begin and end on or before its end: UTC days fit no range of another day."""
    clock.now = clock.now.replace(day=5)
    path = f"/v1/customers/{till.customer}/invoices/breakdowns"

    def days(begin: str, end: str) -> list[str]:
        rows = http.get(path, params={"starting_on": begin, "ending_before": end}).json()["data"]
        return [row["breakdown_start_timestamp"][8:10] for row in rows]

    assert days("2026-01-02T00:00:00Z", "2026-01-04T00:00:00Z") == ["02", "03"]
    assert days("2026-01-01T05:00:00Z", "2026-01-04T05:00:00Z") == ["02", "03"]
    assert days("2026-01-02T05:00:00Z", "2026-01-03T05:00:00Z") == []


def test_a_contract_as_old_as_time_is_broken_down_page_by_page(http: httpx.Client, shop: Shop) -> None:
    """Only the windows of the page are looked at: two thousand years have seventeen million hours."""
    customer = shop.customer()
    shop.contract(customer, shop.card(), starting_at=JAN.replace("2026", "0001"))
    query = {"starting_on": JAN.replace("2026", "0001"), "ending_before": JAN.replace("2026", "9999"), "window_size": "HOUR"}
    page = http.get(f"/v1/customers/{customer}/invoices/breakdowns", params=query).json()
    assert [row["breakdown_start_timestamp"][:13] for row in page["data"]][::23] == ["0001-01-01T00", "0001-01-01T23"]
