"""Billing provider connections and configurations (§5.3, §8.3)."""

from __future__ import annotations

from typing import Any

import metronome
import pytest
from emulator_kit import NOBODY, Shop
from metronome import Metronome

STRIPE: dict[str, Any] = {
    "billing_provider": "stripe",
    "delivery_method": "direct_to_billing_provider",
    "configuration": {"stripe_customer_id": "cus_1", "stripe_collection_method": "charge_automatically"},
    "tax_provider": "anrok",
}


def configurations(client: Metronome, customer: str, **fields: Any) -> list[Any]:
    return client.v1.customers.retrieve_billing_configurations(customer_id=customer, **fields).data


def test_a_configuration_reads_back_as_it_was_set(client: Metronome, shop: Shop) -> None:
    """§8.3: by setCustomerBillingProviderConfigurations, whose answer has the tax provider and no delivery method name."""
    customer = shop.customer()
    [made] = client.v1.customers.set_billing_configurations(data=[STRIPE | {"customer_id": customer}]).data
    assert made.to_dict() == {
        "id": made.id,
        "customer_id": customer,
        "billing_provider": "stripe",
        "configuration": STRIPE["configuration"],
        "delivery_method_id": made.delivery_method_id,
        "tax_provider": "anrok",
    }
    [read] = configurations(client, customer)
    assert read.to_dict() == {
        "id": made.id,
        "customer_id": customer,
        "billing_provider": "stripe",
        "configuration": STRIPE["configuration"],
        "delivery_method": "direct_to_billing_provider",
        "delivery_method_configuration": {},
        "delivery_method_id": made.delivery_method_id,
        "archived_at": None,
    }


def test_a_customer_can_be_made_with_configurations(client: Metronome, shop: Shop) -> None:
    """§8.1: the recommended place; two of one provider are fine; the delivery method may come by its id."""
    first = shop.customer(customer_billing_provider_configurations=[STRIPE])
    [made] = configurations(client, first)
    invoice = {"billing_provider": "stripe", "delivery_method_id": made.delivery_method_id}
    second = shop.customer(customer_billing_provider_configurations=[invoice, invoice])
    assert [each.delivery_method for each in configurations(client, second)] == ["direct_to_billing_provider"] * 2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"delivery_method": None}, "must not be null"),
        ({"billing_provider": "paypal"}, "must be one of"),
        ({"billing_provider": "aws_marketplace"}, "stripe only"),
        ({"configuration": "x"}, "must be an object"),
    ],
)
def test_configurations_are_checked(client: Metronome, shop: Shop, change: dict[str, Any], complaint: str) -> None:
    """Provider, method, tax provider."""
    with pytest.raises(metronome.BadRequestError, match=complaint):
        client.v1.customers.set_billing_configurations(data=[STRIPE | {"customer_id": shop.customer()} | change])


def test_a_delivery_method_is_needed_by_name_or_id(client: Metronome, shop: Shop) -> None:
    """And an id must be one of the provider's."""
    customer = shop.customer()
    for wish, complaint in (({}, "delivery_method_id is required"), ({"delivery_method_id": NOBODY}, "No such delivery method")):
        with pytest.raises(metronome.BadRequestError, match=complaint):
            client.v1.customers.set_billing_configurations(
                data=[{"customer_id": customer, "billing_provider": "stripe"} | wish]  # type: ignore[list-item]
            )


def test_a_providers_customer_belongs_to_one_customer(client: Metronome, shop: Shop) -> None:
    """§8.3: until its configuration is archived."""
    holder, other = shop.customer(), shop.customer()
    [made] = client.v1.customers.set_billing_configurations(data=[STRIPE | {"customer_id": holder}]).data
    client.v1.customers.set_billing_configurations(data=[STRIPE | {"customer_id": holder}])
    with pytest.raises(metronome.BadRequestError, match="Another customer"):
        client.v1.customers.set_billing_configurations(data=[STRIPE | {"customer_id": other}])
    ids = [each.id for each in configurations(client, holder)]
    answer = client.v1.customers.archive_billing_configurations(
        customer_id=holder, customer_billing_provider_configuration_ids=ids
    ).data
    assert answer.to_dict() == {"customer_id": holder, "customer_billing_provider_configuration_ids": ids}
    assert made.id in ids
    client.v1.customers.set_billing_configurations(data=[STRIPE | {"customer_id": other}])
    assert configurations(client, holder) == []
    assert [each.id for each in configurations(client, holder, include_archived=True)] == ids


def test_archiving_is_all_or_nothing(client: Metronome, shop: Shop) -> None:
    """§8.3: one unknown id, or one of somebody else, and none is archived."""
    customer, other = shop.customer(customer_billing_provider_configurations=[STRIPE]), shop.customer()
    [made] = configurations(client, customer)
    archive = client.v1.customers.archive_billing_configurations
    for owner, ids in ((customer, [made.id, NOBODY]), (other, [made.id])):
        with pytest.raises(metronome.NotFoundError):
            archive(customer_id=owner, customer_billing_provider_configuration_ids=ids)
    assert len(configurations(client, customer)) == 1


def test_an_unknown_customer_has_none_and_gets_none(client: Metronome) -> None:
    """§8.3, as it was seen: the read is empty, the write a 500."""
    assert configurations(client, NOBODY) == []
    with pytest.raises(metronome.InternalServerError):
        client.v1.customers.set_billing_configurations(data=[STRIPE | {"customer_id": NOBODY}])


def test_a_contract_bills_by_one_of_its_customers_configurations(client: Metronome, shop: Shop) -> None:
    """§10.1: by id, or by provider and method if only one fits; archiving takes it off the contract."""
    customer = shop.customer(customer_billing_provider_configurations=[STRIPE])
    [made] = configurations(client, customer)
    by_method = {"billing_provider": "stripe", "delivery_method": "direct_to_billing_provider"}
    contract = shop.contract(customer, billing_provider_configuration=by_method)

    def on_contract() -> str | None:
        v1 = client.v1.contracts.retrieve(customer_id=customer, contract_id=contract).data
        v2 = client.v2.contracts.retrieve(customer_id=customer, contract_id=contract).data
        both = [each.customer_billing_provider_configuration for each in (v1, v2)]
        assert (both[0] is None) == (both[1] is None)
        return both[1].id if both[1] else None

    assert on_contract() == made.id
    client.v1.customers.set_billing_configurations(data=[STRIPE | {"customer_id": customer}])
    with pytest.raises(metronome.BadRequestError, match="use billing_provider_configuration_id"):
        shop.contract(customer, billing_provider_configuration=by_method)
    shop.contract(customer, billing_provider_configuration={"billing_provider_configuration_id": made.id})
    client.v1.customers.archive_billing_configurations(
        customer_id=customer, customer_billing_provider_configuration_ids=[made.id]
    )
    assert on_contract() is None
    with pytest.raises(metronome.BadRequestError, match="no such billing provider configuration"):
        shop.contract(customer, billing_provider_configuration={"billing_provider_configuration_id": made.id})


def test_connections_are_set_up_once(client: Metronome) -> None:
    """§5.3: 409 the second time; the list shows them."""
    fields: dict[str, Any] = {
        "billing_provider": "aws_marketplace",
        "delivery_method": "aws_sqs",
        "configuration": {"queue": "q"},
    }
    made = client.v1.settings.billing_providers.create(**fields).data
    with pytest.raises(metronome.ConflictError):
        client.v1.settings.billing_providers.create(**fields)
    [listed] = client.v1.settings.billing_providers.list().data
    assert listed.to_dict() == {
        "billing_provider": "aws_marketplace",
        "delivery_method": "aws_sqs",
        "delivery_method_configuration": {"queue": "q"},
        "delivery_method_id": made.delivery_method_id,
    }
