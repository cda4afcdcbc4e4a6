"""What users of other tools reported as wrong prices, lost edits and plans that never end. Each test says whose bug it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from card_kit import ADD_RATES, PRODUCTS, START, Card, instant, settled, since, sizes

ACME = {
    "acme": {
        "name": "Acme",
        "ingest_aliases": ["acme"],
        "contracts": {"payg": {"rate_card": "standard", "starting_at": "2026-10-01"}},
    }
}
TIERS = [{"size": "100", "price": "$0.10"}, {"size": "900", "price": "$0.05"}, {"price": "$0.01"}]


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A card in use, and a customer on it since October."""
    card = Card(tmp_path, customers=ACME, api=[START])
    card.apply()
    return card


def in_force(card: Card, at: str) -> list[float]:
    """The prices of the API that hold at an instant, in cents."""
    with card.project.account() as account:
        rows = account.v1.contracts.rate_cards.rates.list(rate_card_id=card.project.id("rate_card.standard"), at=instant(at))
        return [row.rate.price for row in rows if row.entitled and row.product_id == card.project.id("product.api")]


def billed(card: Card, *timestamps: str, now: str, event_type: str = "call") -> list[tuple[float, float]]:
    """Quantity and unit price of the usage lines on Acme's drafts, after one event at each of these instants."""
    with card.project.account(now) as account:
        for at in timestamps:
            account.v1.usage.ingest(
                usage=[{"customer_id": "acme", "event_type": event_type, "timestamp": at, "transaction_id": f"{event_type} {at}"}]
            )
        drafts = account.v1.customers.invoices.list(customer_id=card.project.id("customer.acme"), status="DRAFT")
        lines = [line for invoice in drafts for line in invoice.line_items if line.quantity]
    return sorted((line.quantity or 0, line.unit_price or 0) for line in lines)


# --- Stripe's Terraform providers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", ["$0.0000125", "$0.00000000001", "$0.1", "$12.34", "$19.99"])
def test_price_with_many_digits_is_not_replaced_for_ever(card: Card, price: str) -> None:
    """lukasaron/terraform-provider-stripe#6: one decimal field made every apply replace and duplicate the price."""
    card.declare(api=[START, since("2027-01-01", price)])
    card.apply()
    card.apply()

    assert card.project.writes() == []
    assert len(card.segments()) == 2
    assert settled(card)


def test_old_price_does_not_stay_active(card: Card) -> None:
    """lukasaron/terraform-provider-stripe#12: the old price was left beside the new one."""
    card.declare(api=[START, since("2027-01-01", "$0.02")])
    card.apply()

    assert in_force(card, "2026-12-31") == [1]
    assert in_force(card, "2027-01-01") == [2]


@pytest.mark.parametrize(
    "tiers",
    [
        [{**TIERS[0], "size": "200"}, *TIERS[1:]],
        [TIERS[0], {**TIERS[1], "price": "$0.06"}, TIERS[2]],
        [TIERS[0], TIERS[2]],
        [TIERS[0], TIERS[1], {"price": "$0.02"}],
        [TIERS[0], TIERS[1], {"size": "9000", "price": "$0.02"}, TIERS[2]],
    ],
    ids=["where one ends", "what one costs", "one less", "the last one", "one more"],
)
def test_every_edit_of_a_tier_is_seen(card: Card, tiers: list[dict[str, Any]]) -> None:
    """lukasaron/terraform-provider-stripe#92: a tier's up_to was changed and no change was seen."""
    card.declare(api=[START, since("2027-01-01", tiers=TIERS)])
    card.apply()
    card.declare(api=[START, since("2027-01-01", tiers=tiers)])

    assert card.change()["fields"] == [{"path": "entries[2027-01-01T00:00:00Z].tiers", "before": TIERS, "after": tiers}]
    card.apply()
    assert settled(card)


def test_update_that_is_said_to_be_done_is_done(card: Card) -> None:
    """lukasaron/terraform-provider-stripe#88: "updated", but nothing happened."""
    card.project.edit('"name": "Acme"', '"name": "Acme Inc."')
    assert card.apply().last.startswith("Apply complete: 0 created, 1 updated")

    with card.project.account() as account:
        assert account.v1.customers.retrieve(customer_id=card.project.id("customer.acme")).data.name == "Acme Inc."


def test_free_price_converges(card: Card) -> None:
    """lukasaron/terraform-provider-stripe#32: a free price was planned anew for ever."""
    card.declare(
        api=[START, since("2027-01-01", "$0"), since("2027-02-01", tiers=[{"size": "10", "price": "$0"}, {"price": "$1"}])]
    )
    card.apply()

    assert settled(card)
    assert in_force(card, "2027-01-15") == [0]


def test_product_with_prices_can_be_removed(card: Card) -> None:
    """lukasaron/terraform-provider-stripe#47, #94: a product could not be deleted because of its price."""
    card.declare(api=[START], images=[sizes("2026-12-01", small="$0.01")])
    card.apply()
    card.declare(api=[START], without=["images"])

    assert card.apply().last == "Apply complete: 0 created, 0 updated, 0 replaced, 0 scheduled, 2 archived. 2 calls."
    assert settled(card)


@pytest.mark.parametrize(
    "entry",
    [
        since("2026-01-01", tiers=TIERS),
        since("2026-01-01", "$0.0000125"),
        since("2026-01-01", "$0.02", commit_rate={"price": "$0.01"}),
    ],
    ids=["tiers", "amount", "commit rate"],
)
def test_price_that_is_taken_over_is_not_made_again(tmp_path: Path, entry: dict[str, Any]) -> None:
    """stripe/terraform-provider-stripe#20, lukasaron/terraform-provider-stripe#42, #80: an import lost the tiers or the amount,
    and the next plan replaced the price under live subscriptions."""
    card = Card(tmp_path, api=[entry])
    card.apply()
    before = card.segments()
    card.project.lockfile.unlink()

    card.apply("--adopt")

    assert card.project.writes() == []
    assert card.segments() == before
    assert settled(card)


# --- Kill Bill's catalogs --------------------------------------------------------------------------------------------------


def test_of_two_changes_in_one_period_the_later_one_holds(card: Card) -> None:
    """killbill/killbill#2291: of two versions within one billing cycle the older price won."""
    card.declare(api=[START, since("2026-12-05", "$0.02"), since("2026-12-20", "$0.03")])
    card.apply()

    events = ["2026-12-02T00:00:00Z", "2026-12-10T00:00:00Z", "2026-12-24T00:00:00Z"]
    assert billed(card, *events, now="2026-12-28T00:00:00Z") == [(1, 1), (1, 2), (1, 3)]


def test_date_is_the_instant_from_which_a_price_holds(card: Card) -> None:
    """killbill/killbill#2079: when exactly does a date begin? At midnight UTC, and that instant belongs to the new price."""
    card.declare(api=[START, since("2026-12-05", "$0.02")])
    card.apply()

    events = ["2026-12-04T23:59:59Z", "2026-12-05T00:00:00Z"]
    assert billed(card, *events, now="2026-12-28T00:00:00Z") == [(1, 1), (1, 2)]


def test_new_price_is_used_once_it_holds(card: Card) -> None:
    """killbill/killbill#1842: a catalog was in effect and its price was not used, depending on when a customer had begun."""
    card.customers = {
        **ACME,
        "beta": {
            "name": "Beta",
            "ingest_aliases": ["beta"],
            "contracts": {"payg": {"rate_card": "standard", "starting_at": "2026-12-06"}},
        },
    }
    card.declare(api=[START, since("2026-12-05", "$0.02")])
    card.apply()

    assert billed(card, "2026-12-07T00:00:00Z", now="2026-12-08T00:00:00Z") == [(1, 2)]
    with card.project.account() as account:
        for customer in ("acme", "beta"):
            rows = account.v1.contracts.retrieve_rate_schedule(
                customer_id=card.project.id(f"customer.{customer}"),
                contract_id=card.project.id(f"contract.{customer}.payg"),
                at="2026-12-07T00:00:00Z",
            ).data
            assert [row.list_rate.price for row in rows] == [2]


def test_price_change_splits_usage_and_nothing_else(card: Card) -> None:
    """killbill/killbill#1661: a change in mid-period prorated what nobody wanted prorated. Usage counts where it was used."""
    card.declare(api=[START, since("2026-12-16", "$0.02")])
    card.apply()

    events = [f"2026-12-{day:02}T12:00:00Z" for day in (1, 2, 3, 20)]
    assert billed(card, *events, now="2026-12-28T00:00:00Z") == [(1, 2), (3, 1)]


def test_price_of_one_frequency_leaves_the_others_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """killbill/killbill#1887: annual plans took a price that was meant for another version."""
    seat = {"seat": {"name": "Seat", "type": "SUBSCRIPTION"}}
    card = Card(tmp_path)
    monthly, annual = ({"starting_at": "2026-01-01", "billing_frequency": word} for word in ("MONTHLY", "ANNUAL"))
    old = [{**monthly, "price": "$10"}, {**annual, "price": "$100"}]
    monkeypatch.setattr("card_kit.PRODUCTS", PRODUCTS | seat)
    card.declare(seat=old)
    card.apply()
    card.declare(seat=[*old, {**monthly, "starting_at": "2027-01-01", "price": "$12"}])

    assert card.project.actions() == {"rate.standard.seat[billing_frequency=MONTHLY]": "schedule"}
    card.apply()
    assert settled(card)


def test_added_product_is_priced_on_contracts_that_exist(card: Card) -> None:
    """killbill/killbill#2114: an add-on of a new version was not to be had by old subscriptions."""
    card.declare(api=[START], images=[sizes("2026-12-01", small="$0.05")])
    card.apply()

    with card.project.account() as account:
        rows = account.v1.contracts.retrieve_rate_schedule(
            customer_id=card.project.id("customer.acme"),
            contract_id=card.project.id("contract.acme.payg"),
            at="2026-12-15T00:00:00Z",
        ).data
    assert {row.product_id for row in rows} == {card.project.id("product.api"), card.project.id("product.images")}


def test_price_change_reaches_contracts_on_its_date_and_not_before(card: Card) -> None:
    """killbill/killbill#481: the date for existing subscriptions was never kept; changes came early, late, or not at all."""
    card.declare(api=[START, since("2027-01-01", "$0.02")])
    card.apply()

    assert billed(card, "2026-12-15T00:00:00Z", now="2026-12-20T00:00:00Z") == [(1, 1)]
    assert billed(card, "2027-01-15T00:00:00Z", now="2027-01-20T00:00:00Z")[-1] == (1, 2)


# --- others ----------------------------------------------------------------------------------------------------------------


def test_published_price_is_not_edited_silently(card: Card) -> None:
    """tierrun/tier#120: who forgot to raise the version edited a published plan."""
    card.declare(api=[since("2026-01-01", "$0.02")])

    assert card.project.run("apply", "--yes").code == 4
    assert card.segments() == ["2026-01-01 $0.01"]


def test_update_is_made_once(card: Card) -> None:
    """useautumn/autumn#1870: one draft was applied twice."""
    card.declare(api=[START, since("2027-01-01", "$0.02")])
    card.apply()
    assert card.project.writes() == [ADD_RATES]
    card.apply()
    assert card.project.writes() == []


def test_bare_number_is_no_price(card: Card) -> None:
    """API facts §17.18: dollars taken for cents misprice by a hundred; a number without its unit is refused."""
    card.declare(api=[since("2026-01-01", price="0.02")])

    refused = card.project.run("plan")
    assert refused.code == 1
    assert "write $0.02" in refused.err
