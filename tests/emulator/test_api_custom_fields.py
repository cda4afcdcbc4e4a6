"""Custom field keys and values (§5.1)."""

from __future__ import annotations

from typing import Any

import httpx
import metronome
import pytest
from emulator_kit import NOBODY, Hand, Shop, Till, refused
from metronome import Metronome


@pytest.fixture
def keyed(client: Metronome) -> Metronome:
    for key in ("tier", "team"):
        client.v1.custom_fields.add_key(entity="customer", key=key, enforce_uniqueness=key == "team")
    return client


def of(client: Metronome, customer: str) -> dict[str, str]:
    return client.v1.customers.retrieve(customer_id=customer).data.custom_fields


def test_keys_are_listed_by_entity(keyed: Metronome) -> None:
    """Rows of entity, key and uniqueness; identity is (entity, key)."""
    keyed.v1.custom_fields.add_key(entity="rate_card", key="tier", enforce_uniqueness=False)
    rows = [(row.entity, row.key, row.enforce_uniqueness) for row in keyed.v1.custom_fields.list_keys(entities=["customer"])]
    assert rows == [("customer", "tier", False), ("customer", "team", True)]
    assert len(list(keyed.v1.custom_fields.list_keys())) == 3


def test_a_key_is_added_once(http: httpx.Client) -> None:
    """The known text of §3.3; the first answer carries an id although it isn't typed (§3.2)."""
    body = {"entity": "customer", "key": "new", "enforce_uniqueness": False}
    assert http.post("/v1/customFields/addKey", json=body).json()["data"]["id"]
    assert refused(http.post("/v1/customFields/addKey", json=body), 400) == "Duplicate custom field key"


def test_removing_an_unknown_key_is_404(http: httpx.Client) -> None:
    """The known text of §3.3."""
    body = {"entity": "customer", "key": "new"}
    assert refused(http.post("/v1/customFields/removeKey", json=body), 404) == "Custom field key not found"


def test_values_merge_and_are_deleted_by_key(keyed: Metronome, shop: Shop) -> None:
    """Named keys are overwritten, others kept."""
    customer = shop.customer(custom_fields={"tier": "gold"})
    keyed.v1.custom_fields.set_values(entity="customer", entity_id=customer, custom_fields={"team": "a"})
    keyed.v1.custom_fields.set_values(entity="customer", entity_id=customer, custom_fields={"tier": "silver"})
    assert of(keyed, customer) == {"tier": "silver", "team": "a"}
    keyed.v1.custom_fields.delete_values(entity="customer", entity_id=customer, keys=["tier"])
    assert of(keyed, customer) == {"team": "a"}


def test_unregistered_keys_are_refused_all_or_nothing(keyed: Metronome, shop: Shop) -> None:
    """Also in a create call: "Invalid custom field keys"."""
    customer = shop.customer()
    with pytest.raises(metronome.BadRequestError, match="Invalid custom field keys"):
        keyed.v1.custom_fields.set_values(entity="customer", entity_id=customer, custom_fields={"tier": "a", "x": "b"})
    assert of(keyed, customer) == {}
    with pytest.raises(metronome.BadRequestError, match="Invalid custom field keys"):
        shop.customer(custom_fields={"x": "b"})
    assert len(list(keyed.v1.customers.list())) == 1


@pytest.mark.parametrize("value", ["x" * 201, 7, None])
@pytest.mark.usefixtures("keyed")
def test_values_are_strings_of_at_most_200_characters(http: httpx.Client, shop: Shop, value: object) -> None:
    """§5.1."""
    body = {"entity": "customer", "entity_id": shop.customer(), "custom_fields": {"tier": value}}
    assert "custom_fields.tier" in refused(http.post("/v1/customFields/setValues", json=body), 400)


def test_unique_values_are_unique_over_archived_objects_too(keyed: Metronome, shop: Shop) -> None:
    """§2.3: freed by resetting it on the archived object."""
    gone = shop.customer(custom_fields={"team": "a"})
    keyed.v1.customers.archive(id=gone)
    with pytest.raises(metronome.BadRequestError, match="unique"):
        shop.customer(custom_fields={"team": "a"})
    keyed.v1.custom_fields.set_values(entity="customer", entity_id=gone, custom_fields={"team": "b"})
    keyed.v1.custom_fields.set_values(entity="customer", entity_id=gone, custom_fields={"team": "b"})
    shop.customer(custom_fields={"team": "a"})


def test_a_removed_key_takes_its_values_along(keyed: Metronome, shop: Shop) -> None:
    """§2.2: added again it is a new key."""
    customer = shop.customer(custom_fields={"tier": "gold"})
    keyed.v1.custom_fields.remove_key(entity="customer", key="tier")
    assert of(keyed, customer) == {}
    keyed.v1.custom_fields.add_key(entity="customer", key="tier", enforce_uniqueness=False)
    assert of(keyed, customer) == {}


def test_every_kind_has_its_entity(client: Metronome, shop: Shop) -> None:
    """Contract products go by contract_product; `product` is the legacy kind, and 404 (§17.21)."""
    customer = shop.customer()
    objects = {
        "billable_metric": shop.metric(),
        "contract": shop.contract(customer),
        "contract_product": shop.product(),
        "customer": customer,
        "rate_card": shop.card(),
    }
    for entity, id in objects.items():
        client.v1.custom_fields.add_key(entity=entity, key="k", enforce_uniqueness=False)  # type: ignore[arg-type]
        client.v1.custom_fields.set_values(entity=entity, entity_id=id, custom_fields={"k": entity})  # type: ignore[arg-type]
    reads: list[Any] = [
        client.v1.billable_metrics.retrieve(billable_metric_id=objects["billable_metric"]).data,
        client.v2.contracts.retrieve(customer_id=customer, contract_id=objects["contract"]).data,
        client.v1.contracts.products.retrieve(id=objects["contract_product"]).data,
        client.v1.customers.retrieve(customer_id=customer).data,
        client.v1.contracts.rate_cards.retrieve(id=objects["rate_card"]).data,
    ]
    assert [read.custom_fields for read in reads] == [{"k": entity} for entity in objects]
    with pytest.raises(metronome.NotFoundError):
        client.v1.custom_fields.set_values(entity="product", entity_id=objects["contract_product"], custom_fields={})
    with pytest.raises(metronome.NotFoundError):
        client.v1.custom_fields.set_values(entity="customer", entity_id=NOBODY, custom_fields={})


def test_fields_of_package_terms_can_not_be_set(http: httpx.Client) -> None:
    """The known text of §3.3."""
    body = {"entity": "package_commit", "entity_id": NOBODY, "custom_fields": {}}
    assert (
        refused(http.post("/v1/customFields/setValues", json=body), 400) == "Setting package managed fields is not yet supported"
    )


def test_invoices_have_values_too(keyed: Metronome, http: httpx.Client, shop: Shop, clock: Hand) -> None:
    """§5.1: of drafts and of final ones, by the ids that the list gives; a regenerated one starts without."""
    keyed.v1.custom_fields.add_key(entity="invoice", key="po", enforce_uniqueness=False)
    till = Till(shop)
    final, _, draft = till.invoices()
    for place, invoice in enumerate((final, draft)):
        keyed.v1.custom_fields.set_values(entity="invoice", entity_id=invoice.id, custom_fields={"po": str(place)})
    assert [invoice.custom_fields for invoice in till.invoices()] == [{"po": "0"}, {}, {"po": "1"}]
    clock.go(days=40)
    shop.rate(till.card, till.product, 5)
    keyed.v1.custom_fields.set_values(entity="invoice", entity_id=draft.id, custom_fields={"po": "2"})
    assert [invoice.custom_fields for invoice in till.invoices()] == [{"po": "0"}, {}, {"po": "2"}, {}]
    keyed.v1.custom_fields.delete_values(entity="invoice", entity_id=draft.id, keys=["po"])
    keyed.v1.invoices.void(id=final.id)
    keyed.v1.invoices.regenerate(id=final.id)
    assert [invoice.custom_fields for invoice in till.invoices()] == [{"po": "0"}, {}, {}, {}, {}]
    body = {"entity": "invoice", "entity_id": NOBODY, "custom_fields": {"po": "1"}}
    refused(http.post("/v1/customFields/setValues", json=body), 404)
