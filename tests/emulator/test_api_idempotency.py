"""The Idempotency-Key store (§3.4)."""

from __future__ import annotations

import httpx
from emulator_kit import Hand, Shop, refused

KEY = {"Idempotency-Key": "key 1"}


def customers(http: httpx.Client) -> int:
    return len(http.get("/v1/customers").json()["data"])


def test_the_same_call_again_is_answered_from_the_store(http: httpx.Client) -> None:
    """One object, the same answer to the byte."""
    first = http.post("/v1/customers", json={"name": "Acme"}, headers=KEY)
    again = http.post("/v1/customers", json={"name": "Acme"}, headers=KEY)
    assert (again.status_code, again.content) == (200, first.content)
    assert customers(http) == 1


def test_other_parameters_are_409(http: httpx.Client) -> None:
    """Another body, path or query under a used key."""
    http.post("/v1/customers", json={"name": "Acme"}, headers=KEY)
    for path, body in (
        ("/v1/customers", {"name": "Other"}),
        ("/v1/credit-types/create", {"name": "Acme"}),
        ("/v1/customers?x=1", {"name": "Acme"}),
    ):
        assert "different parameters" in refused(http.post(path, json=body, headers=KEY), 409)
    assert customers(http) == 1


def test_the_key_is_compared_before_any_other_rule(http: httpx.Client) -> None:
    """A replay isn't a clash of aliases, and a bad body under a used key is 409 rather than 400."""
    body = {"name": "Acme", "ingest_aliases": ["acme"]}
    first = http.post("/v1/customers", json=body, headers=KEY)
    assert http.post("/v1/customers", json=body, headers=KEY).json() == first.json()
    refused(http.post("/v1/customers", json={"name": 7}, headers=KEY), 409)
    refused(http.post("/v1/customers", json=body), 409)


def test_the_order_of_fields_is_no_other_parameter(http: httpx.Client) -> None:
    """The same JSON value, written differently."""
    first = http.post("/v1/customers", content='{"name": "A", "ingest_aliases": ["a"]}', headers=KEY)
    again = http.post("/v1/customers", content='{"ingest_aliases":["a"],"name":"A"}', headers=KEY)
    assert first.json() == again.json()


def test_a_call_that_failed_validation_leaves_the_key_free(http: httpx.Client, shop: Shop) -> None:
    """Stored is only what began executing: not a 400, 404 or 409."""
    shop.customer("taken")
    refused(http.post("/v1/customers", json={}, headers=KEY), 400)
    refused(http.post("/v1/customers", json={"name": "A", "ingest_aliases": ["taken"]}, headers=KEY), 409)
    assert http.post("/v1/customers", json={"name": "A"}, headers=KEY).status_code == 200


def test_a_key_works_after_its_object_was_archived(http: httpx.Client) -> None:
    """The stored answer, even though the object has gone."""
    first = http.post("/v1/customers", json={"name": "Acme"}, headers=KEY).json()
    http.post("/v1/customers/archive", json={"id": first["data"]["id"]})
    assert http.post("/v1/customers", json={"name": "Acme"}, headers=KEY).json() == first
    assert customers(http) == 0


def test_a_stored_500_is_replayed(http: httpx.Client) -> None:
    """A billing configuration for an unknown customer answers 500, and goes on to do so under its key (§3.4, §8.3)."""
    body = {
        "data": [
            {
                "customer_id": "00000000-0000-4000-8000-000000000001",
                "billing_provider": "stripe",
                "delivery_method": "direct_to_billing_provider",
            }
        ]
    }
    path = "/v1/setCustomerBillingProviderConfigurations"
    first = http.post(path, json=body, headers=KEY)
    assert refused(first, 500) == refused(http.post(path, json=body, headers=KEY), 500)
    assert http.get("/_emulator/requests").json()["data"][-1]["replayed"] is True


def test_the_key_outlives_a_day(http: httpx.Client, clock: Hand) -> None:
    """Kept at least 24 hours."""
    first = http.post("/v1/customers", json={"name": "Acme"}, headers=KEY).json()
    clock.go(hours=24)
    assert http.post("/v1/customers", json={"name": "Acme"}, headers=KEY).json() == first


def test_the_sdk_sends_it_as_an_extra_header(shop: Shop) -> None:
    """§4: the client sends none by itself."""
    create = shop.client.v1.customers.create
    ids = {create(name="Acme", extra_headers=KEY).data.id for _ in range(3)}
    assert len(ids) == 1


def test_calls_that_only_read_have_keys_too(http: httpx.Client, shop: Shop) -> None:
    """§3.4: on all POSTs, so the answer is the stored one, other parameters are 409, and no write can use the key."""
    path = "/v1/contract-pricing/products/list"
    first = http.post(path, json={}, headers=KEY)
    shop.product()
    assert http.post(path, json={}, headers=KEY).content == first.content
    assert len(http.post(path, json={}).json()["data"]) == 1
    refused(http.post(path, json={"archive_filter": "ALL"}, headers=KEY), 409)
    refused(http.post("/v1/customers", json={"name": "Acme"}, headers=KEY), 409)
    assert len(http.get("/v1/auditLogs").json()["data"]) == 2  # the metric and the product


def test_a_key_on_a_get_is_no_key(http: httpx.Client) -> None:
    """§3.4 speaks of POSTs."""
    http.post("/v1/customers", json={"name": "Acme"}, headers=KEY)
    assert len(http.get("/v1/customers", headers=KEY).json()["data"]) == 1
