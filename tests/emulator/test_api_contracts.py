"""Contracts, v1 and v2 (§10)."""

from __future__ import annotations

from typing import Any

import httpx
import metronome
import pytest
from emulator_kit import NOBODY, Hand, Shop, refused
from metronome import Metronome

from nova_iac.emulator import contracts, contracts_v2

JAN, FEB, JUN, NEXT = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"


def v2(shop: Shop, customer: str, contract: str, **fields: Any) -> Any:
    return shop.client.v2.contracts.retrieve(customer_id=customer, contract_id=contract, **fields).data


def test_a_contract_reads_back_as_it_was_made(client: Metronome, shop: Shop) -> None:
    """§10.1, §10.8: every field that isn't 501; `day` comes back as the resolved anchor."""
    client.v1.custom_fields.add_key(entity="contract", key="k", enforce_uniqueness=False)
    customer, card = shop.customer(), shop.card()
    made = client.v1.contracts.create(
        customer_id=customer,
        rate_card_id=card,
        starting_at="2026-01-10T05:00:00Z",
        ending_before=NEXT,
        name="FY26",
        net_payment_terms_days=30,
        usage_statement_schedule={"frequency": "QUARTERLY", "day": "CONTRACT_START"},
        usage_filter={"group_key": "region", "group_values": ["eu"], "starting_at": FEB},
        scheduled_charges_on_usage_invoices="ALL",
        multiplier_override_prioritization="EXPLICIT",
        total_contract_value=1000.5,
        netsuite_sales_order_id="n",
        salesforce_opportunity_id="s",
        uniqueness_key="key",
        custom_fields={"k": "v"},
    ).data
    expected = {
        "id": made.id,
        "customer_id": customer,
        "rate_card_id": card,
        "starting_at": "2026-01-10T05:00:00Z",
        "ending_before": NEXT,
        "name": "FY26",
        "net_payment_terms_days": 30,
        "usage_statement_schedule": {"frequency": "QUARTERLY", "billing_anchor_date": "2026-01-10T00:00:00Z"},
        "usage_filter": [{"group_key": "region", "group_values": ["eu"], "starting_at": FEB}],
        "scheduled_charges_on_usage_invoices": "ALL",
        "multiplier_override_prioritization": "EXPLICIT",
        "total_contract_value": 1000.5,
        "netsuite_sales_order_id": "n",
        "salesforce_opportunity_id": "s",
        "uniqueness_key": "key",
        "custom_fields": {"k": "v"},
        "created_at": "2026-03-15T12:30:00Z",
        "created_by": "emulator",
        "has_more": {"commits": False, "credits": False},
    } | {
        name: []
        for name in (
            "commits",
            "credits",
            "recurring_commits",
            "recurring_credits",
            "overrides",
            "scheduled_charges",
            "subscriptions",
            "transitions",
        )
    }
    read = v2(shop, customer, made.id)
    assert read.to_dict(mode="json") == expected
    assert [each.to_dict(mode="json") for each in client.v2.contracts.list(customer_id=customer)] == [read.to_dict(mode="json")]
    assert made.contract is not None
    gated = ("total_contract_value", "netsuite_sales_order_id", "salesforce_opportunity_id")
    assert made.contract.to_dict(mode="json") == {name: value for name, value in expected.items() if name not in gated}


def test_v1_shows_the_contract_as_made_and_as_it_is(client: Metronome, shop: Shop) -> None:
    """§10.8: initial and current; no amendments."""
    customer, card = shop.customer(), shop.card()
    contract = shop.contract(
        customer, card, name="Old", usage_filter={"group_key": "region", "group_values": ["eu"]}, uniqueness_key="u"
    )
    client.v2.contracts.edit(customer_id=customer, contract_id=contract, update_contract_name="New")
    client.v1.contracts.set_usage_filter(
        customer_id=customer, contract_id=contract, group_key="region", group_values=["us"], starting_at=FEB
    )
    read = client.v1.contracts.retrieve(customer_id=customer, contract_id=contract).data
    assert (read.initial.name, read.current.name, read.amendments, read.uniqueness_key) == ("Old", "New", [], "u")
    assert read.current.rate_card_id == card
    assert read.initial.usage_filter is not None
    assert read.initial.usage_filter.initial.group_values == ["eu"]
    usage_filter = read.current.usage_filter
    assert usage_filter is not None
    assert usage_filter.current is not None
    assert (usage_filter.initial.group_values, usage_filter.current.group_values) == (["eu"], ["us"])
    assert [each.group_values for each in usage_filter.updates] == [["us"]]
    assert [each.to_dict() for each in client.v1.contracts.list(customer_id=customer)] == [read.to_dict()]


@pytest.mark.parametrize(
    ("schedule", "frequency", "anchor"),
    [
        (None, "MONTHLY", "2026-02-01T00:00:00Z"),
        ({"frequency": "weekly"}, "WEEKLY", "2026-02-01T00:00:00Z"),
        ({"frequency": "MONTHLY", "day": "FIRST_OF_MONTH"}, "MONTHLY", "2026-02-01T00:00:00Z"),
        ({"frequency": "ANNUAL", "day": "CONTRACT_START"}, "ANNUAL", "2026-01-15T00:00:00Z"),
        (
            {"frequency": "MONTHLY", "day": "CUSTOM_DATE", "billing_anchor_date": "2024-09-10T00:00:00Z"},
            "MONTHLY",
            "2024-09-10T00:00:00Z",
        ),
    ],
)
def test_statement_schedules_resolve_to_an_anchor(shop: Shop, schedule: Any, frequency: str, anchor: str) -> None:
    """§10.1: monthly on the 1st by default; the anchor may lie before the start."""
    customer = shop.customer()
    fields = {} if schedule is None else {"usage_statement_schedule": schedule}
    read = v2(shop, customer, shop.contract(customer, starting_at="2026-01-15T00:00:00Z", **fields))
    assert read.usage_statement_schedule.to_dict(mode="json") == {"frequency": frequency, "billing_anchor_date": anchor}


def test_a_custom_date_needs_its_anchor(http: httpx.Client) -> None:
    """§10.1."""
    body = {"customer_id": NOBODY, "starting_at": JAN, "usage_statement_schedule": {"frequency": "MONTHLY", "day": "CUSTOM_DATE"}}
    assert "billing_anchor_date is required" in refused(http.post("/v1/contracts/create", json=body), 400)


@pytest.mark.parametrize("day", ["FIRST_OF_MONTH", "CONTRACT_START", None])
def test_only_a_custom_date_takes_an_anchor(http: httpx.Client, day: str | None) -> None:
    """§10.1: of another day it would be accepted and ignored."""
    schedule = {"frequency": "MONTHLY", "billing_anchor_date": JAN} | ({"day": day} if day else {})
    body = {"customer_id": NOBODY, "starting_at": JAN, "usage_statement_schedule": schedule}
    assert "only be set for the day CUSTOM_DATE" in refused(http.post("/v1/contracts/create", json=body), 400)


def test_an_alias_is_resolved_at_the_contracts_start(shop: Shop) -> None:
    """§7.1, §17.9, §17.10: once, for the start date, in the past too; later moves change nothing."""
    old = shop.card(aliases=[{"name": "std", "ending_before": FEB}])
    new = shop.card(aliases=[{"name": "std", "starting_at": FEB}])
    customer = shop.customer()
    cards = {
        start: v2(shop, customer, shop.contract(customer, rate_card_alias="std", starting_at=start)).rate_card_id
        for start in (JAN, FEB)
    }
    assert cards == {JAN: old, FEB: new}
    contract = shop.contract(customer, rate_card_alias="std", starting_at=FEB)
    shop.card(aliases=[{"name": "std"}])
    assert v2(shop, customer, contract).rate_card_id == new
    with pytest.raises(metronome.BadRequestError, match="No rate card has the alias"):
        shop.contract(customer, rate_card_alias="none")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"rate_card_id": NOBODY}, "No such rate card"),
        ({"rate_card_id": NOBODY, "rate_card_alias": "std"}, "can't be combined"),
        ({"ending_before": JAN}, "after its start"),
        ({"ending_before": "2026-05-01T00:10:00Z"}, "hour boundary"),
        ({"usage_statement_schedule": {"frequency": "DAILY"}}, "must be one of"),
        ({"usage_filter": {"group_key": "region"}}, "group_values is required"),
        ({"usage_filter": {"group_key": "region", "group_values": []}}, "group_values must not be empty"),
        ({"uniqueness_key": ""}, "1 to 128"),
        ({"uniqueness_key": "x" * 129}, "1 to 128"),
        ({"net_payment_terms_days": -1}, "at least 0"),
    ],
)
def test_contracts_that_make_no_sense_are_refused(http: httpx.Client, shop: Shop, fields: dict[str, Any], complaint: str) -> None:
    """§10.1."""
    body = {"customer_id": shop.customer(), "starting_at": JAN} | fields
    assert complaint in refused(http.post("/v1/contracts/create", json=body), 400)


@pytest.mark.parametrize("field", contracts.NOT_EMULATED)
def test_terms_that_are_not_emulated_are_501_by_name(http: httpx.Client, shop: Shop, field: str) -> None:
    """Issue 4.1: never accepted and then ignored; an empty list asks for nothing."""
    body = {"customer_id": shop.customer(), "starting_at": JAN}
    assert field in refused(http.post("/v1/contracts/create", json=body | {field: [{"x": 1}]}), 501)
    assert http.post("/v1/contracts/create", json=body | {field: []}).status_code == 200


@pytest.mark.parametrize("field", contracts_v2.NOT_EMULATED)
def test_edits_that_are_not_emulated_are_501_by_name(http: httpx.Client, field: str) -> None:
    """The same for v2/contracts/edit."""
    body = {"customer_id": NOBODY, "contract_id": NOBODY, field: {"x": 1}}
    assert field in refused(http.post("/v2/contracts/edit", json=body), 501)


def test_a_uniqueness_key_is_burnt_for_good(http: httpx.Client, client: Metronome, shop: Shop) -> None:
    """§2.3: 409 with the known text, after archiving too; edits have a key space of their own; a refused create burns none."""
    customer = shop.customer()
    body = {"customer_id": customer, "starting_at": JAN, "uniqueness_key": "k"}
    refused(http.post("/v1/contracts/create", json=body | {"rate_card_id": NOBODY}), 400)
    contract = http.post("/v1/contracts/create", json=body).json()["data"]["id"]
    used = "This uniqueness key has already been used."
    assert refused(http.post("/v1/contracts/create", json=body), 409) == used
    client.v2.contracts.edit(customer_id=customer, contract_id=contract, update_contract_name="a", uniqueness_key="k")
    edit = {"customer_id": customer, "contract_id": contract, "update_contract_name": "b", "uniqueness_key": "k"}
    assert refused(http.post("/v2/contracts/edit", json=edit), 409) == used
    client.v1.contracts.archive(customer_id=customer, contract_id=contract, void_invoices=False)
    assert refused(http.post("/v1/contracts/create", json=body), 409) == used


def test_edits_change_name_end_and_payment_terms(shop: Shop) -> None:
    """§10.6: each alone; null clears, and an end of null makes the contract open-ended."""
    customer = shop.customer()
    contract = shop.contract(customer, name="a", ending_before=NEXT, net_payment_terms_days=30)
    edit = shop.client.v2.contracts.edit

    def state() -> tuple[Any, ...]:
        read = v2(shop, customer, contract)
        return read.name, read.ending_before and f"{read.ending_before:%Y-%m-%d}", read.net_payment_terms_days

    edit(customer_id=customer, contract_id=contract, update_contract_name="b")
    assert state() == ("b", "2027-01-01", 30)
    edit(customer_id=customer, contract_id=contract, update_contract_end_date=JUN, update_net_payment_terms_days=14.0)
    assert state() == ("b", "2026-06-01", 14)
    edit(
        customer_id=customer,
        contract_id=contract,
        update_contract_end_date=None,
        update_net_payment_terms_days=None,
        update_contract_name=None,
    )
    assert state() == (None, None, None)


def test_the_end_date_has_a_call_of_its_own(shop: Shop) -> None:
    """§10.6: omitting ending_before makes it open-ended."""
    customer = shop.customer()
    contract = shop.contract(customer)
    update = shop.client.v1.contracts.update_end_date
    assert update(customer_id=customer, contract_id=contract, ending_before=JUN).data.id == contract
    assert f"{v2(shop, customer, contract).ending_before:%Y-%m}" == "2026-06"
    update(customer_id=customer, contract_id=contract)
    assert v2(shop, customer, contract).ending_before is None
    with pytest.raises(metronome.BadRequestError, match="after its start"):
        update(customer_id=customer, contract_id=contract, ending_before=JAN)


def test_usage_filters_are_a_schedule(shop: Shop) -> None:
    """§10.6: each lasts until the next begins; the same start again replaces it."""
    customer = shop.customer()
    contract = shop.contract(customer)
    for values, start in ((["eu"], JAN), (["us"], JUN), (["uk"], JUN)):
        shop.client.v1.contracts.set_usage_filter(
            customer_id=customer, contract_id=contract, group_key="region", group_values=values, starting_at=start
        )
    assert [each.to_dict(mode="json") for each in v2(shop, customer, contract).usage_filter] == [
        {"group_key": "region", "group_values": ["eu"], "starting_at": JAN, "ending_before": JUN},
        {"group_key": "region", "group_values": ["uk"], "starting_at": JUN},
    ]


def test_the_edit_history_has_every_edit(shop: Shop, clock: Hand) -> None:
    """§10.6: those of updateEndDate and setUsageFilter too; an earlier state reads back as_of its date."""
    customer = shop.customer()
    contract = shop.contract(customer, name="a")
    client, ids = shop.client, {"customer_id": customer, "contract_id": contract}
    clock.go(hours=1)
    first = client.v2.contracts.edit(**ids, update_contract_name="b", uniqueness_key="k").data
    clock.go(hours=1)
    client.v1.contracts.update_end_date(**ids, ending_before=JUN)
    client.v1.contracts.set_usage_filter(**ids, group_key="region", group_values=["eu"], starting_at=JAN)
    history = client.v2.contracts.get_edit_history(**ids).data
    changes = [each.to_dict(mode="json", exclude_unset=True) for each in history]
    assert [{name: value for name, value in each.items() if name not in ("id", "timestamp")} for each in changes] == [
        {"update_contract_name": "b", "uniqueness_key": "k"},
        {"update_contract_end_date": "2026-06-01T00:00:00Z"},
        {"add_usage_filters": [{"group_key": "region", "group_values": ["eu"], "starting_at": JAN}]},
    ]
    assert first.id == history[0].id
    assert first.edit is not None
    assert first.edit.update_contract_name == "b"
    read = v2(shop, customer, contract, as_of_date="2026-03-15T14:00:00Z")
    assert (read.name, read.ending_before, read.usage_filter) == ("b", None, [])


def test_lists_are_chronological_and_filter_by_date(shop: Shop) -> None:
    """§10.8: covering_date or starting_at, in v1 and v2; archived ones on request."""
    customer = shop.customer()
    later = shop.contract(customer, starting_at=JUN)
    short = shop.contract(customer, starting_at=JAN, ending_before=FEB)
    gone = shop.contract(customer, starting_at=JAN)
    shop.contract(shop.customer(), starting_at=JAN)
    shop.client.v1.contracts.archive(customer_id=customer, contract_id=gone, void_invoices=True)
    for lister in (shop.client.v1.contracts.list, shop.client.v2.contracts.list):

        def ids(lister: Any = lister, **filters: Any) -> list[str]:
            return [each.id for each in lister(customer_id=customer, **filters)]

        assert ids() == [short, later]
        assert ids(include_archived=True) == [short, gone, later]
        assert ids(covering_date="2026-01-15T10:11:12Z") == [short]
        assert ids(covering_date=FEB) == []
        assert ids(covering_date=JUN) == [later]
        assert ids(starting_at=FEB) == [later]
        with pytest.raises(metronome.BadRequestError, match="combined"):
            ids(covering_date=FEB, starting_at=FEB)


def test_an_archived_contract_can_not_be_edited(shop: Shop) -> None:
    """§2.2: ended for good, still readable."""
    customer = shop.customer()
    contract = shop.contract(customer)
    ids = {"customer_id": customer, "contract_id": contract}
    client = shop.client
    assert client.v1.contracts.archive(**ids, void_invoices=False).data.id == contract
    assert v2(shop, customer, contract).archived_at is not None
    with pytest.raises(metronome.BadRequestError, match="archived"):
        client.v1.contracts.archive(**ids, void_invoices=False)
    with pytest.raises(metronome.BadRequestError, match="archived"):
        client.v1.contracts.update_end_date(**ids, ending_before=JUN)
    with pytest.raises(metronome.BadRequestError, match="archived"):
        client.v2.contracts.edit(**ids, update_contract_name="x")
    with pytest.raises(metronome.BadRequestError, match="archived"):
        client.v1.contracts.set_usage_filter(**ids, group_key="a", group_values=["b"], starting_at=JAN)


def test_unknown_ids_have_the_documented_codes(http: httpx.Client, shop: Shop) -> None:
    """§3.3: v1 404; v2 400 with CustomerNotFound or ContractNotFound; on edit an unknown customer was seen as 404."""
    customer, other = shop.customer(), shop.customer()
    contract = shop.contract(other)

    def code(path: str, customer: str, contract: str) -> tuple[int, str | None]:
        answer = http.post(path, json={"customer_id": customer, "contract_id": contract})
        refused(answer, answer.status_code)
        return answer.status_code, answer.json().get("code")

    assert code("/v1/contracts/get", customer, NOBODY) == (404, None)
    assert code("/v1/contracts/get", customer, contract) == (404, None)
    assert code("/v2/contracts/get", NOBODY, contract) == (400, "CustomerNotFound")
    assert code("/v2/contracts/get", customer, contract) == (400, "ContractNotFound")
    assert code("/v2/contracts/list", NOBODY, contract) == (400, "CustomerNotFound")
    assert code("/v2/contracts/edit", NOBODY, contract) == (404, "NotFound")
    assert code("/v2/contracts/edit", customer, contract) == (400, "ContractNotFound")
    refused(http.post("/v1/contracts/create", json={"customer_id": NOBODY, "starting_at": JAN}), 404)


def test_the_rate_schedule_of_a_contract_has_entitled_rates_only(client: Metronome, shop: Shop) -> None:
    """§7.3: list_rate, at an instant, now by default."""
    card, product, off, customer = shop.card(), shop.product(tags=["t"]), shop.product(), shop.customer()
    shop.rate(card, product, 1)
    shop.rate(card, product, 2, starting_at=JUN)
    shop.rate(card, off, 3, entitled=False)
    contract = shop.contract(customer, card)

    def rows(**fields: Any) -> list[Any]:
        return client.v1.contracts.retrieve_rate_schedule(customer_id=customer, contract_id=contract, **fields).data

    [row] = rows()
    assert row.to_dict(mode="json") == {
        "rate_card_id": card,
        "product_id": product,
        "product_name": "Image generation",
        "product_tags": ["t"],
        "product_custom_fields": {},
        "entitled": True,
        "list_rate": {
            "rate_type": "FLAT",
            "price": 1,
            "credit_type": {"id": "2714e483-4ff1-48e4-9e25-ac732e8f24f2", "name": "USD (cents)"},
        },
        "starting_at": JAN,
        "ending_before": JUN,
    }
    assert [row.list_rate.price for row in rows(at=JUN)] == [2]
    assert rows(selectors=[{"product_tags": ["other"]}]) == []
    assert client.v1.contracts.retrieve_rate_schedule(customer_id=customer, contract_id=shop.contract(customer)).data == []
