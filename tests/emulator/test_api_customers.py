"""Customers and their ingest aliases (§8.1, §8.2)."""

from __future__ import annotations

import httpx
import metronome
import pytest
from emulator_kit import NOBODY, Hand, Shop, refused
from metronome import Metronome


def test_a_customer_reads_back_as_it_was_made(client: Metronome) -> None:
    """§8.1: the detail has times, config and status besides."""
    client.v1.custom_fields.add_key(entity="customer", key="tier", enforce_uniqueness=False)
    made = client.v1.customers.create(name="Acme", ingest_aliases=["acme", "acme-2"], custom_fields={"tier": "gold"}).data
    summary = {"external_id": "acme", "ingest_aliases": ["acme", "acme-2"], "name": "Acme", "custom_fields": {"tier": "gold"}}
    assert made.to_dict() == summary | {"id": made.id}
    detail = client.v1.customers.retrieve(customer_id=made.id).data.to_dict(mode="json")
    assert detail == summary | {
        "id": made.id,
        "customer_config": {"salesforce_account_id": None},
        "created_at": "2026-03-15T12:30:00Z",
        "updated_at": "2026-03-15T12:30:00Z",
        "archived_at": None,
        "current_billable_status": {"value": "billable"},
    }
    assert [each.to_dict(mode="json") for each in client.v1.customers.list()] == [detail]


def test_external_id_is_the_first_id_that_events_can_use(client: Metronome, shop: Shop) -> None:
    """§8.1: the first alias, or the customer's own id; a given one is an alias."""
    plain = client.v1.customers.create(name="Acme").data
    assert plain.external_id == plain.id
    given = client.v1.customers.create(name="Acme", external_id="ext", ingest_aliases=["a"]).data
    assert (given.external_id, given.ingest_aliases) == ("ext", ["ext", "a"])
    assert client.v1.customers.retrieve(customer_id=shop.customer("b")).data.external_id == "b"


def test_long_names_are_cut_to_160_characters(client: Metronome, shop: Shop) -> None:
    """§8.1, by create and by setName."""
    id = shop.customer(name="x" * 200)
    assert client.v1.customers.retrieve(customer_id=id).data.name == "x" * 160
    assert client.v1.customers.set_name(customer_id=id, name="y" * 161).data.name == "y" * 160


@pytest.mark.parametrize("aliases", [[""], ["x" * 129], [f"a{n}" for n in range(2001)], [7], "acme"])
def test_aliases_have_bounds(http: httpx.Client, aliases: object) -> None:
    """§8.1: up to 2,000, each of 1 to 128 characters."""
    assert "ingest_aliases" in refused(http.post("/v1/customers", json={"name": "A", "ingest_aliases": aliases}), 400)


def test_an_alias_has_one_owner_also_after_archiving(client: Metronome, shop: Shop) -> None:
    """§2.3, §2.2: 409 for others while its holder has it, live or archived."""
    holder, other = shop.customer("acme"), shop.customer()
    for _ in range(2):
        with pytest.raises(metronome.ConflictError, match="acme"):
            shop.customer("acme")
        with pytest.raises(metronome.ConflictError, match="acme"):
            client.v1.customers.set_ingest_aliases(customer_id=other, ingest_aliases=["acme"])
        if client.v1.customers.retrieve(customer_id=holder).data.archived_at is None:
            client.v1.customers.archive(id=holder)
    client.v1.customers.set_ingest_aliases(customer_id=holder, ingest_aliases=[])
    client.v1.customers.set_ingest_aliases(customer_id=other, ingest_aliases=["acme"])
    assert client.v1.customers.retrieve(customer_id=other).data.ingest_aliases == ["acme"]


def test_a_refused_create_makes_nothing(client: Metronome, shop: Shop) -> None:
    """A clash on the second alias leaves neither a customer nor the first alias behind."""
    shop.customer("taken")
    with pytest.raises(metronome.ConflictError):
        shop.customer("free", "taken")
    assert len(list(client.v1.customers.list())) == 1
    shop.customer("free")


def test_set_ingest_aliases_replaces_the_whole_set(client: Metronome, shop: Shop) -> None:
    """§8.2: and is idempotent."""
    id = shop.customer("a", "b")
    for _ in range(2):
        client.v1.customers.set_ingest_aliases(customer_id=id, ingest_aliases=["b", "c"])
        assert client.v1.customers.retrieve(customer_id=id).data.ingest_aliases == ["b", "c"]
    shop.customer("a")


def test_config_is_set_kept_and_cleared(client: Metronome, shop: Shop) -> None:
    """§8.2: both fields are nullable; what is omitted stays; the draft flag can't be read."""
    id = shop.customer()
    client.v1.customers.update_config(customer_id=id, salesforce_account_id="sf1", leave_stripe_invoices_in_draft=True)
    client.v1.customers.update_config(customer_id=id, leave_stripe_invoices_in_draft=None)
    assert client.v1.customers.retrieve(customer_id=id).data.customer_config.to_dict() == {"salesforce_account_id": "sf1"}
    client.v1.customers.update_config(customer_id=id, salesforce_account_id=None)
    assert client.v1.customers.retrieve(customer_id=id).data.customer_config.salesforce_account_id is None


def test_changes_move_updated_at(client: Metronome, shop: Shop, clock: Hand) -> None:
    """And only that."""
    id = shop.customer()
    clock.go(hours=1)
    client.v1.customers.set_name(customer_id=id, name="New")
    read = client.v1.customers.retrieve(customer_id=id).data
    assert (read.updated_at - read.created_at).seconds == 3600


def test_the_list_filters(client: Metronome, shop: Shop) -> None:
    """§8.1: by ids, by alias, by Salesforce account; active, or only archived."""
    a, b, gone = shop.customer("a"), shop.customer("b"), shop.customer("gone")
    client.v1.customers.update_config(customer_id=b, salesforce_account_id="sf")
    client.v1.customers.archive(id=gone)

    def ids(**filters: object) -> list[str]:
        return [each.id for each in client.v1.customers.list(**filters)]  # type: ignore[arg-type]

    assert ids() == [a, b]
    assert ids(only_archived=True) == [gone]
    assert ids(customer_ids=[b, a, gone]) == [a, b]
    assert ids(ingest_alias="b") == [b]
    assert ids(ingest_alias="none") == []
    assert ids(ingest_alias="gone") == []
    assert ids(ingest_alias="gone", only_archived=True) == [gone]
    assert ids(salesforce_account_ids=["sf", "other"]) == [b]
    assert ids(salesforce_account_ids=["sf"], customer_ids=[a]) == []


def test_list_filters_have_bounds(http: httpx.Client) -> None:
    """At most 100 ids, and UUIDs."""
    assert "at most 100" in refused(http.get("/v1/customers", params={"customer_ids": ",".join([NOBODY] * 101)}), 400)
    assert "UUID" in refused(http.get("/v1/customers", params={"customer_ids": "acme"}), 400)
    assert "only_archived" in refused(http.get("/v1/customers", params={"only_archived": "yes"}), 400)


def test_archiving_a_customer_archives_its_contracts(client: Metronome, shop: Shop) -> None:
    """§2.2: as of now; others' contracts go on; it stays readable."""
    customer, other = shop.customer(), shop.customer()
    contract, spared = shop.contract(customer), shop.contract(other)
    client.v1.customers.archive(id=customer)
    assert client.v1.customers.retrieve(customer_id=customer).data.archived_at is not None
    assert client.v2.contracts.retrieve(customer_id=customer, contract_id=contract).data.archived_at is not None
    assert client.v2.contracts.retrieve(customer_id=other, contract_id=spared).data.archived_at is None
    with pytest.raises(metronome.BadRequestError, match="already archived"):
        client.v1.customers.archive(id=customer)
    with pytest.raises(metronome.BadRequestError, match="archived"):
        shop.contract(customer)


@pytest.mark.parametrize("field", ["billing_config", "customer_revenue_system_configurations"])
def test_legacy_and_gated_fields_are_501(http: httpx.Client, field: str) -> None:
    """Never accepted and ignored."""
    assert field in refused(http.post("/v1/customers", json={"name": "A", field: [{"provider": "netsuite"}]}), 501)
