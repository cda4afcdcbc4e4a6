"""Products (§6.2)."""

from __future__ import annotations

from typing import Any

import httpx
import metronome
import pytest
from emulator_kit import NOBODY, Hand, Shop, refused
from metronome import Metronome

CREATE = "/v1/contract-pricing/products/create"
UPDATE = "/v1/contract-pricing/products/update"


def usage_fields(shop: Shop) -> dict[str, Any]:
    return {
        "name": "Images",
        "billable_metric_id": shop.metric(),
        "is_refundable": False,
        "netsuite_internal_item_id": "n1",
        "netsuite_overage_item_id": "n2",
        "pricing_group_key": ["type"],
        "presentation_group_key": ["project"],
        "quantity_conversion": {"conversion_factor": 1024, "operation": "DIVIDE", "name": "GB"},
        "quantity_rounding": {"decimal_places": 2, "rounding_method": "ROUND_HALF_UP"},
        "tags": ["a", "b"],
    }


def test_a_usage_product_reads_back_as_it_was_made(client: Metronome, shop: Shop) -> None:
    """Every field but sql_breakdown_granularity, which reads never return (§6.2)."""
    client.v1.custom_fields.add_key(entity="contract_product", key="team", enforce_uniqueness=False)
    fields = usage_fields(shop)
    id = client.v1.contracts.products.create(
        **fields, type="USAGE", sql_breakdown_granularity="HOUR", custom_fields={"team": "img"}
    ).data.id
    read = client.v1.contracts.products.retrieve(id=id).data.to_dict(mode="json")
    stamp = {"created_at": "2026-03-15T12:30:00Z", "created_by": "emulator"}
    assert read == {
        "id": id,
        "type": "USAGE",
        "initial": stamp | fields,
        "current": stamp | fields,
        "updates": [],
        "custom_fields": {"team": "img"},
    }
    [listed] = client.v1.contracts.products.list()
    assert listed.to_dict(mode="json") == read


def test_a_composite_product_reads_back_as_it_was_made(client: Metronome, shop: Shop) -> None:
    """Ids, tags and both flags."""
    fields = {
        "composite_product_ids": [shop.product()],
        "composite_tags": ["a"],
        "exclude_free_usage": True,
        "include_composite_spend": True,
    }
    id = shop.product(name="Support", type="COMPOSITE", **fields)
    current = client.v1.contracts.products.retrieve(id=id).data.current.to_dict()
    assert {name: current[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("sent", "read"), [("fixed", "FIXED"), ("SUBSCRIPTION", "SUBSCRIPTION"), ("PROFESSIONAL_SERVICE", "PRO_SERVICE")]
)
def test_types_read_back_in_their_one_spelling(http: httpx.Client, sent: str, read: str) -> None:
    """§6.2: reads return PRO_SERVICE."""
    id = http.post(CREATE, json={"name": "p", "type": sent}).json()["data"]["id"]
    assert http.post("/v1/contract-pricing/products/get", json={"id": id}).json()["data"]["type"] == read


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"type": "USAGE"}, "billable_metric_id is required"),
        ({"type": "USAGE", "billable_metric_id": NOBODY}, "No such billable metric"),
        ({"type": "COMPOSITE"}, "composite_tags is required"),
        ({"type": "COMPOSITE", "composite_product_ids": [NOBODY]}, "No such product"),
        ({"type": "FIXED", "pricing_group_key": ["a"]}, "available for USAGE products only"),
        ({"type": "FIXED", "composite_tags": ["a"]}, "available for COMPOSITE products only"),
        ({"type": "SUBSCRIPTION", "netsuite_overage_item_id": "n"}, "USAGE and COMPOSITE"),
        ({"type": "GADGET"}, "must be one of"),
        ({"type": "FIXED", "tags": "a"}, "must be an array"),
        ({"type": "USAGE", "quantity_conversion": {"operation": "ADD"}}, "conversion_factor is required"),
        ({"type": "USAGE", "quantity_conversion": {"conversion_factor": 0, "operation": "DIVIDE"}}, "greater than 0"),
        ({"type": "USAGE", "quantity_rounding": {"decimal_places": -1, "rounding_method": "ROUND_UP"}}, "at least 0"),
        ({"type": "USAGE", "quantity_rounding": {"decimal_places": 0.5, "rounding_method": "ROUND_UP"}}, "whole number"),
    ],
)
def test_fields_must_fit_the_type(http: httpx.Client, body: dict[str, Any], complaint: str) -> None:
    """§6.2: required and foreign fields, values out of range."""
    assert complaint in refused(http.post(CREATE, json={"name": "p"} | body), 400)


def test_an_update_keeps_what_it_does_not_name(client: Metronome, shop: Shop) -> None:
    """Omitted fields keep their value; updates[] holds only what changed; current has both."""
    id = client.v1.contracts.products.create(**usage_fields(shop), type="USAGE").data.id
    client.v1.contracts.products.update(product_id=id, starting_at="2026-03-01T00:00:00Z", name="Pictures")
    read = client.v1.contracts.products.retrieve(id=id).data
    assert read.initial.name == "Images"
    assert (read.current.name, read.current.tags) == ("Pictures", ["a", "b"])
    assert read.current.starting_at == read.updates[0].starting_at
    assert read.updates[0].model_fields_set == {"created_at", "created_by", "starting_at", "name"}


def test_null_clears_conversion_and_rounding(client: Metronome, shop: Shop) -> None:
    """§6.2: the two nullable fields."""
    id = client.v1.contracts.products.create(**usage_fields(shop), type="USAGE").data.id
    client.v1.contracts.products.update(
        product_id=id, starting_at="2026-03-01T00:00:00Z", quantity_conversion=None, quantity_rounding=None
    )
    current = client.v1.contracts.products.retrieve(id=id).data.current
    assert not {"quantity_conversion", "quantity_rounding"} & current.model_fields_set
    assert current.tags == ["a", "b"]


def test_a_future_update_shows_in_updates_and_not_in_current(client: Metronome, shop: Shop, clock: Hand) -> None:
    """§6.2: until its time comes."""
    id = shop.product()
    client.v1.contracts.products.update(product_id=id, starting_at="2026-03-16T00:00:00Z", name="Later")
    assert client.v1.contracts.products.retrieve(id=id).data.current.name == "Image generation"
    assert [each.name for each in client.v1.contracts.products.retrieve(id=id).data.updates] == ["Later"]
    clock.go(days=1)
    assert client.v1.contracts.products.retrieve(id=id).data.current.name == "Later"


def test_current_follows_the_order_of_creation(client: Metronome, shop: Shop) -> None:
    """§6.2, §17.20: a past update that is made late is what is current."""
    id = shop.product()
    client.v1.contracts.products.update(product_id=id, starting_at="2026-03-02T00:00:00Z", name="Second of March")
    client.v1.contracts.products.update(product_id=id, starting_at="2026-03-01T00:00:00Z", name="First of March")
    read = client.v1.contracts.products.retrieve(id=id).data
    assert read.current.name == "First of March"
    assert [each.name for each in read.updates] == ["Second of March", "First of March"]


def test_a_late_future_update_does_not_hide_the_one_in_force(client: Metronome, shop: Shop) -> None:
    """The most recently created update that has begun."""
    id = shop.product()
    client.v1.contracts.products.update(product_id=id, starting_at="2026-03-01T00:00:00Z", tags=["now"])
    client.v1.contracts.products.update(product_id=id, starting_at="2026-04-01T00:00:00Z", tags=["then"])
    assert client.v1.contracts.products.retrieve(id=id).data.current.tags == ["now"]


def test_updates_start_on_the_hour(http: httpx.Client, shop: Shop) -> None:
    """The known text of §3.3."""
    body = {"product_id": shop.product(), "starting_at": "2026-03-01T00:30:00Z", "name": "x"}
    assert refused(http.post(UPDATE, json=body), 400) == "Product update effective at is required to be on an hour boundary"


def test_the_type_is_for_life(http: httpx.Client, shop: Shop) -> None:
    """§2.1: only type forces a new product."""
    body = {"product_id": shop.product(), "starting_at": "2026-03-01T00:00:00Z", "type": "FIXED"}
    assert "type" in refused(http.post(UPDATE, json=body), 400)


def test_archived_products_are_readable_and_take_no_new_rates(client: Metronome, shop: Shop) -> None:
    """§2.2: existing rates go on; the archive filter finds them."""
    live, gone, card = shop.product(), shop.product(), shop.card()
    shop.rate(card, gone)
    client.v1.contracts.products.archive(product_id=gone)
    listed = {
        name: [each.id for each in client.v1.contracts.products.list(archive_filter=name)]
        for name in ("ARCHIVED", "NOT_ARCHIVED", "ALL")
    }
    assert listed == {"ARCHIVED": [gone], "NOT_ARCHIVED": [live], "ALL": [live, gone]}
    assert [each.id for each in client.v1.contracts.products.list()] == [live]
    assert client.v1.contracts.products.retrieve(id=gone).data.archived_at is not None
    with pytest.raises(metronome.BadRequestError, match="not usable for new rates"):
        shop.rate(card, gone, 11, starting_at="2026-05-01T00:00:00Z")
    assert [
        row.product_id for row in client.v1.contracts.rate_cards.rates.list(rate_card_id=card, at="2026-03-01T00:00:00Z")
    ] == [gone]
    with pytest.raises(metronome.BadRequestError, match="already archived"):
        client.v1.contracts.products.archive(product_id=gone)
