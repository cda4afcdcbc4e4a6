"""The five page styles of §3.6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from emulator_kit import Shop, Till, refused

CARDS = "/v1/contract-pricing/rate-cards"


def walk(fetch: Callable[[str | None], dict[str, Any]], cursor_name: str) -> list[list[Any]]:
    """All pages of a list."""
    pages, cursor = [], None
    while True:
        answer = fetch(cursor)
        pages.append(answer["data"])
        cursor = answer[cursor_name]
        if cursor is None:
            return pages


def test_style_a_pages_by_the_query_string(http: httpx.Client, shop: Shop) -> None:
    """Limit and cursor in the query; the last page's cursor is null."""
    ids = [shop.customer(name=f"c{n}") for n in range(5)]
    pages = walk(
        lambda cursor: http.get("/v1/customers", params={"limit": 2} | ({"next_page": cursor} if cursor else {})).json(),
        "next_page",
    )
    assert [[each["id"] for each in page] for page in pages] == [ids[:2], ids[2:4], ids[4:]]


def test_a_full_last_page_has_no_cursor(http: httpx.Client, shop: Shop) -> None:
    """No empty page at the end."""
    for _ in range(4):
        shop.customer()
    pages = walk(
        lambda cursor: http.get("/v1/customers", params={"limit": 2} | ({"next_page": cursor} if cursor else {})).json(),
        "next_page",
    )
    assert [len(page) for page in pages] == [2, 2]


def test_style_a_travels_in_the_query_of_posts_too(http: httpx.Client, shop: Shop) -> None:
    """products/list takes the limit in the query and not in the body."""
    metric = shop.metric()
    for _ in range(3):
        shop.product(metric)
    path = "/v1/contract-pricing/products/list"
    assert len(http.post(path, params={"limit": 2}, json={}).json()["data"]) == 2
    assert len(http.post(path, json={"limit": 2}).json()["data"]) == 3


def test_style_b_has_a_cursor_and_no_limit(http: httpx.Client) -> None:
    """customFields/listKeys: pages of 100, the cursor in the query."""
    for n in range(103):
        http.post("/v1/customFields/addKey", json={"entity": "customer", "key": f"k{n}", "enforce_uniqueness": False})
    path = "/v1/customFields/listKeys"
    pages = walk(
        lambda cursor: http.post(path, params={"limit": 2} | ({"next_page": cursor} if cursor else {}), json={}).json(),
        "next_page",
    )
    assert [len(page) for page in pages] == [100, 3]


def test_style_d_travels_in_the_body_under_the_name_cursor(http: httpx.Client, shop: Shop) -> None:
    """contracts/list, v1 and v2: 20 at most, also when more is asked for."""
    customer, card = shop.customer(), shop.card()
    for _ in range(23):
        shop.contract(customer, card)
    for version in ("v1", "v2"):
        pages = walk(
            lambda cursor, version=version: http.post(
                f"/{version}/contracts/list", json={"customer_id": customer, "limit": 50} | ({"cursor": cursor} if cursor else {})
            ).json(),
            "cursor",
        )
        assert [len(page) for page in pages] == [20, 3]


def test_style_e_pages_rate_schedules_by_the_query(http: httpx.Client, shop: Shop) -> None:
    """getRateSchedule answers a cursor that the SDK doesn't follow by itself."""
    card, product = shop.card(), shop.product()
    for month in (1, 2, 3):
        shop.rate(card, product, month, starting_at=f"2026-0{month}-01T00:00:00Z")
    body = {"rate_card_id": card, "starting_at": "2026-01-01T00:00:00Z"}
    pages = walk(
        lambda cursor: http.post(
            f"{CARDS}/getRateSchedule", params={"limit": 2} | ({"next_page": cursor} if cursor else {}), json=body
        ).json(),
        "next_page",
    )
    assert [[row["rate"]["price"] for row in page] for page in pages] == [[1, 2], [3]]


def test_limits_are_cut_to_the_cap(http: httpx.Client, shop: Shop) -> None:
    """At most 100 rows a page."""
    for n in range(101):
        shop.customer(name=f"c{n}")
    assert len(http.get("/v1/customers", params={"limit": 1000}).json()["data"]) == 100


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "9" * 30])
def test_a_limit_must_be_a_whole_number_from_1(http: httpx.Client, limit: str) -> None:
    """Anything else is a 400."""
    assert "limit" in refused(http.get("/v1/customers", params={"limit": limit}), 400)


def test_cursors_belong_to_their_list(http: httpx.Client, shop: Shop) -> None:
    """A cursor is opaque: one of another list, a changed one or a made-up one is refused."""
    shop.customer(), shop.customer()
    cursor = http.get("/v1/customers", params={"limit": 1}).json()["next_page"]
    for path, given in (("/v1/billable-metrics", cursor), ("/v1/customers", cursor[:-2] + "AA"), ("/v1/customers", "12")):
        assert "cursor" in refused(http.get(path, params={"next_page": given}), 400)


def test_a_row_added_while_paging_does_not_shift_pages(http: httpx.Client, shop: Shop) -> None:
    """Pages go on after the last row, not at a number of rows."""
    first, second = shop.customer(), shop.customer()
    cursor = http.get("/v1/customers", params={"limit": 1}).json()["next_page"]
    http.post("/v1/customers/archive", json={"id": first})
    [row] = http.get("/v1/customers", params={"limit": 1, "next_page": cursor}).json()["data"]
    assert row["id"] == second


def test_the_sdk_walks_all_pages(shop: Shop) -> None:
    """Auto-paging over query and body cursors."""
    customer = shop.customer()
    made = {shop.contract(customer) for _ in range(5)}
    assert {each.id for each in shop.client.v1.contracts.list(customer_id=customer, limit=2)} == made
    assert {each.id for each in shop.client.v2.contracts.list(customer_id=customer, limit=2)} == made
    assert len(list(shop.client.v1.pricing_units.list(limit=7))) == 18


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_row_that_comes_before_repeats_none(http: httpx.Client, shop: Shop, version: str) -> None:
    """Contracts are chronological: an earlier one, made while paging, shifts no other into the next page."""
    customer = shop.customer()
    first, second, third = (shop.contract(customer, starting_at=f"2026-0{month}-01T00:00:00Z") for month in (2, 3, 4))
    body = {"customer_id": customer, "limit": 2}
    page = http.post(f"/{version}/contracts/list", json=body).json()
    shop.contract(customer, starting_at="2026-01-01T00:00:00Z")
    following = http.post(f"/{version}/contracts/list", json=body | {"cursor": page["cursor"]}).json()
    assert [[row["id"] for row in each["data"]] for each in (page, following)] == [[first, second], [third]]


@pytest.mark.parametrize("sort", ["date_asc", "date_desc"])
def test_invoices_keep_their_places_while_paging(http: httpx.Client, shop: Shop, sort: str) -> None:
    """One that is made meanwhile for an earlier or a later month repeats or hides none of the others."""
    till = Till(shop)
    path, query = f"/v1/customers/{till.customer}/invoices", {"limit": "1", "sort": sort}
    page = http.get(path, params=query).json()
    shop.contract(till.customer, till.card, starting_at="2025-12-01T00:00:00Z", ending_before="2026-01-01T00:00:00Z")
    seen = [page["data"][0]["start_timestamp"][:7]]
    while page["next_page"]:
        page = http.get(path, params=query | {"next_page": page["next_page"]}).json()
        seen += [row["start_timestamp"][:7] for row in page["data"]]
    expected = ["2026-01", "2026-02", "2026-03"]
    assert seen == (expected if sort == "date_asc" else [*expected[::-1], "2025-12"])


def test_rates_keep_their_places_while_paging(http: httpx.Client, shop: Shop) -> None:
    """By product, group values and time: so many a page, whatever is added before."""
    card, product = shop.card(), shop.product(pricing_group_key=["zone"])
    for zone in "bcd":
        shop.rate(card, product, pricing_group_values={"zone": zone})
    path, body = f"{CARDS}/getRates", {"rate_card_id": card, "at": "2026-03-01T00:00:00Z", "selectors": [{"product_id": product}]}
    page = http.post(path, params={"limit": 2}, json=body).json()
    shop.rate(card, product, pricing_group_values={"zone": "a"})
    following = http.post(path, params={"limit": 2, "next_page": page["next_page"]}, json=body).json()
    zones = [[row["pricing_group_values"]["zone"] for row in each["data"]] for each in (page, following)]
    assert (zones, following["next_page"]) == ([["b", "c"], ["d"]], None)
