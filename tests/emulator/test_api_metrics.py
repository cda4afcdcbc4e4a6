"""Billable metrics (§6.1)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from emulator_kit import Shop, refused
from metronome import Metronome

FULL: dict[str, Any] = {
    "name": "Images",
    "aggregation_type": "SUM",
    "aggregation_key": "n",
    "event_type_filter": {"in_values": ["image"], "not_in_values": ["test"]},
    "property_filters": [
        {"name": "n", "exists": True},
        {"name": "type", "exists": True, "not_in_values": ["free"]},
        {"name": "region", "in_values": ["eu", "us"]},
    ],
    "group_keys": [["type"], ["type", "region"]],
    "custom_fields": {"team": "img"},
}
CREATE = "/v1/billable-metrics/create"


def test_a_metric_reads_back_as_it_was_made(client: Metronome) -> None:
    """Every field of a streaming metric."""
    client.v1.custom_fields.add_key(entity="billable_metric", key="team", enforce_uniqueness=False)
    id = client.v1.billable_metrics.create(**FULL).data.id
    read = client.v1.billable_metrics.retrieve(billable_metric_id=id).data
    assert read.to_dict() == FULL | {"id": id}
    assert [each.to_dict() for each in client.v1.billable_metrics.list()] == [FULL | {"id": id}]


def test_an_sql_metric_is_stored(client: Metronome) -> None:
    """With its query and nothing else."""
    id = client.v1.billable_metrics.create(name="m", sql="SELECT COUNT(*) FROM events").data.id
    assert client.v1.billable_metrics.retrieve(billable_metric_id=id).data.sql == "SELECT COUNT(*) FROM events"


@pytest.mark.parametrize("field", ["aggregation_type", "aggregation_key", "event_type_filter", "property_filters", "group_keys"])
def test_sql_excludes_streaming_fields(http: httpx.Client, field: str) -> None:
    """§6.1: sql stands alone."""
    assert field in refused(http.post(CREATE, json={"name": "m", "sql": "SELECT 1", field: FULL[field]}), 400)


def test_all_but_count_need_an_aggregation_key(http: httpx.Client) -> None:
    """§6.1."""
    for kind in ("SUM", "MAX", "LATEST", "UNIQUE"):
        assert "aggregation_key is required" in refused(http.post(CREATE, json={"name": "m", "aggregation_type": kind}), 400)
    assert http.post(CREATE, json={"name": "m", "aggregation_type": "COUNT"}).status_code == 200


def test_neither_sql_nor_aggregation_is_refused(http: httpx.Client) -> None:
    """§6.1: aggregation_type is needed unless sql."""
    assert "aggregation_type is required" in refused(http.post(CREATE, json={"name": "m"}), 400)


def test_the_aggregation_key_must_be_a_property_filter(http: httpx.Client) -> None:
    """The known text of §3.3."""
    body = {"name": "m", "aggregation_type": "SUM", "aggregation_key": "n"}
    assert refused(http.post(CREATE, json=body), 400) == "The specified aggregation key must be one of the property filter names"


def test_group_keys_must_be_property_filters(http: httpx.Client) -> None:
    """The known text of §3.3."""
    body = {"name": "m", "aggregation_type": "COUNT", "group_keys": [["type"]]}
    assert refused(http.post(CREATE, json=body), 400) == "Group key 'type' does not match one of the property filter names."


def test_group_keys_need_a_filter_that_makes_them_present(http: httpx.Client) -> None:
    """§6.1: exists or in_values."""
    body = {"name": "m", "aggregation_type": "COUNT", "group_keys": [["type"]]}
    assert "exists or in_values" in refused(http.post(CREATE, json=body | {"property_filters": [{"name": "type"}]}), 400)
    for filter in ({"exists": True}, {"in_values": ["a"]}):
        assert http.post(CREATE, json=body | {"property_filters": [{"name": "type"} | filter]}).status_code == 200


def test_value_lists_must_not_be_empty(http: httpx.Client) -> None:
    """Non-empty if present."""
    body = {"name": "m", "aggregation_type": "COUNT"}
    assert "in_values" in refused(http.post(CREATE, json=body | {"event_type_filter": {"in_values": []}}), 400)
    assert "not_in_values" in refused(
        http.post(CREATE, json=body | {"property_filters": [{"name": "a", "not_in_values": []}]}), 400
    )


def test_group_keys_must_not_be_empty(http: httpx.Client) -> None:
    """A key of nothing groups by nothing."""
    body = {"name": "m", "aggregation_type": "COUNT", "group_keys": [[]]}
    assert "group_keys must not hold an empty key" in refused(http.post(CREATE, json=body), 400)


def test_more_than_five_group_keys_are_taken(shop: Shop) -> None:
    """The cap of five was only seen on some accounts, and isn't enforced."""
    filters = [{"name": f"k{n}", "exists": True} for n in range(7)]
    assert shop.metric(property_filters=filters, group_keys=[[each["name"]] for each in filters])


def test_only_the_name_can_change(client: Metronome, shop: Shop) -> None:
    """§2.1: PUT takes a name and leaves the rest."""
    id = shop.metric()
    assert (
        client.v1.billable_metrics.update(billable_metric_id=id, name="New", extra_body={"aggregation_type": "SUM"}).data.id == id
    )
    read = client.v1.billable_metrics.retrieve(billable_metric_id=id).data
    assert (read.name, read.aggregation_type) == ("New", "COUNT")


def test_names_are_free(shop: Shop) -> None:
    """§2.3: two of one name are two metrics."""
    assert shop.metric() != shop.metric()


def test_an_archived_metric_is_readable_and_listed_on_request(client: Metronome, shop: Shop) -> None:
    """§2.2."""
    kept, gone = shop.metric(), shop.metric()
    client.v1.billable_metrics.archive(id=gone)
    assert client.v1.billable_metrics.retrieve(billable_metric_id=gone).data.archived_at is not None
    assert [each.id for each in client.v1.billable_metrics.list()] == [kept]
    assert {each.id for each in client.v1.billable_metrics.list(include_archived=True)} == {kept, gone}


def test_archiving_twice_is_refused(http: httpx.Client, shop: Shop) -> None:
    """There is no way back, and no second time."""
    id = shop.metric()
    http.post("/v1/billable-metrics/archive", json={"id": id})
    assert "already archived" in refused(http.post("/v1/billable-metrics/archive", json={"id": id}), 400)


def test_an_archived_metric_feeds_no_new_product_but_its_own_go_on(client: Metronome, shop: Shop) -> None:
    """§2.2: existing products keep it, also through updates that name it again; none can take it up."""
    import metronome

    metric, other = shop.metric(), shop.metric()
    product, elsewhere = shop.product(metric), shop.product(other)
    client.v1.billable_metrics.archive(id=metric)
    with pytest.raises(metronome.BadRequestError, match="archived"):
        shop.product(metric)
    update = client.v1.contracts.products.update
    with pytest.raises(metronome.BadRequestError, match="archived"):
        update(product_id=elsewhere, starting_at="2026-04-01T00:00:00Z", billable_metric_id=metric)
    update(product_id=product, starting_at="2026-04-01T00:00:00Z", billable_metric_id=metric)


def test_a_customers_metrics_are_all_of_the_account(client: Metronome, shop: Shop) -> None:
    """§6.1: the list by customer; plans, which don't exist, have none."""
    metric, customer = shop.metric(), shop.customer()
    listed = client.v1.customers.list_billable_metrics(customer_id=customer)
    assert [each.id for each in listed] == [metric]
    assert not list(client.v1.customers.list_billable_metrics(customer_id=customer, on_current_plan=True))
