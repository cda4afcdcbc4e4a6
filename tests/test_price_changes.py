"""Prices that change on dates: planned, guarded, applied, and settled afterwards. It is 2026-11-22, 14:30."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from card_kit import ADD_RATES, START, Card, settled, since, sizes


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A card in use: API calls at $0.01 since January."""
    card = Card(tmp_path, api=[START])
    card.apply()
    return card


def test_first_apply_is_never_retroactive(tmp_path: Path) -> None:
    """A new card's prices may begin in the past: nothing was billed by it yet."""
    card = Card(tmp_path, api=[since("2020-01-01", "$1.00"), START])

    assert card.guards() == []
    card.apply()

    assert card.segments() == ["2020-01-01 $1 until 2026-01-01", "2026-01-01 $0.01"]
    assert settled(card)


def test_future_entry_is_scheduled(card: Card) -> None:
    """An entry to come is one scheduled change and one call; the price until then is left alone."""
    card.declare(api=[START, since("2027-01-01", "$0.012")])

    change = card.change()
    assert (change["action"], change["effective_at"]) == ("schedule", "2027-01-01T00:00:00Z")
    assert change["fields"] == [{"path": "entries[2027-01-01T00:00:00Z].price", "before": "$0.01", "after": "$0.012"}]
    assert "^ price from 2027-01-01 00:00 UTC: $0.01 -> $0.012 (+20 %)" in card.project.ok("plan").out
    assert card.apply().last == "Apply complete: 0 created, 0 updated, 0 replaced, 1 scheduled, 0 archived. 1 call."
    assert card.project.writes() == [ADD_RATES]
    assert card.segments() == ["2026-01-01 $0.01 until 2027-01-01", "2027-01-01 $0.012"]
    assert settled(card)


def test_price_from_this_very_hour_is_an_update(card: Card) -> None:
    """A change that holds at once is an update, and not retroactive on the stroke of the hour."""
    card.declare(api=[START, since("2026-11-22T15:00:00Z", "$0.02")])

    change = card.change(now="2026-11-22T15:00:00Z")
    assert (change["action"], card.guards(now="2026-11-22T15:00:00Z")) == ("update", [])
    assert card.apply(now="2026-11-22T15:00:00Z").last.startswith("Apply complete: 0 created, 1 updated")


@pytest.mark.parametrize("entries", [[since("2026-01-01", "$0.02")], [START, since("2026-11-22T14:00:00Z", "$0.02")]])
def test_price_of_the_past_is_guarded(card: Card, entries: list[dict[str, Any]]) -> None:
    """NV401 on a card in use: an edited entry and one that began before now block, and the message has the entry to add."""
    card.declare(api=entries)

    blocked = card.project.run("apply", "--yes")

    assert blocked.code == 4
    assert "- {starting_at: 2026-11-22T15:00:00Z, price: $0.02}" in blocked.out
    assert "--allow NV401:rate.standard.api" in blocked.err
    assert card.segments() == ["2026-01-01 $0.01"]
    assert card.apply("--allow", "NV401:rate.standard.api").last.startswith("Apply complete: 0 created, 1 updated")
    assert settled(card)


def test_entry_of_the_message_does_what_it_says(card: Card) -> None:
    """The entry that NV401 offers, added to what was declared, is planned without a guard."""
    card.declare(api=[START, {"starting_at": "2026-11-22T15:00:00Z", "price": "$0.02"}])

    assert card.guards() == []
    assert card.change()["action"] == "schedule"


def test_message_of_a_grouped_price_names_its_value(tmp_path: Path) -> None:
    """The entry that NV401 offers for one size names that size and nothing else."""
    card = Card(tmp_path, images=[sizes("2026-01-01", small="$0.01", large="$0.04")])
    card.apply()
    card.declare(images=[sizes("2026-01-01", small="$0.01", large="$0.05")])

    assert card.guards() == [("NV401", "rate.standard.images[size=large]")]
    assert "- {starting_at: 2026-11-22T15:00:00Z, prices: {large: {price: $0.05}}}" in card.project.ok("plan").out


def test_card_whose_rates_are_not_all_in_place_is_not_in_use(tmp_path: Path) -> None:
    """Until an apply has put the whole first set of rates in place, a past price can be put right without a guard."""
    card = Card(tmp_path, api=[START], images=[sizes("2026-01-01", small="$0.01")])
    card.apply("--target", "rate.standard.api")

    card.declare(api=[since("2026-01-01", "$0.02")], images=[sizes("2026-01-01", small="$0.01")])

    assert card.guards() == []
    card.apply()
    card.declare(api=[since("2026-01-01", "$0.03")], images=[sizes("2026-01-01", small="$0.01")])
    assert card.guards() == [("NV401", "rate.standard.api")]


def test_removed_future_entry_gives_way_to_what_held_before(card: Card) -> None:
    """The price that goes on is posted at the removed entry's instant, and nothing else."""
    card.declare(api=[START, since("2027-01-01", "$0.02"), since("2027-03-01", "$0.03")])
    card.apply()
    card.declare(api=[START, since("2027-03-01", "$0.03")])

    assert card.change()["action"] == "schedule"
    card.apply()

    assert card.project.writes() == [ADD_RATES]
    assert card.segments()[1:] == ["2027-01-01 $0.01 until 2027-03-01", "2027-03-01 $0.03"]
    assert settled(card)


def test_only_entry_that_moves_further_off_is_not_billed_before(tmp_path: Path) -> None:
    """A launch that is put off: nothing is billed from the old date to the new one, though the spec's first entry is later."""
    card = Card(tmp_path, api=[since("2026-12-01", "$0.02")])
    card.apply()
    card.declare(api=[since("2027-01-01", "$0.02")])

    change = card.change()
    assert (change["action"], change["effective_at"]) == ("schedule", "2026-12-01T00:00:00Z")
    card.apply()

    assert card.segments() == ["2026-12-01 $0.02 until 2027-01-01 off", "2027-01-01 $0.02"]
    assert settled(card)


def test_price_that_was_there_before_goes_on_when_a_first_entry_is_put_off(tmp_path: Path) -> None:
    """What held before the removed first entry, though made by hand, holds until the new first entry."""
    card = Card(tmp_path, images=[sizes("2026-01-01", small="$0.01")])
    card.apply()
    card.by_hand("2026-06-01", 3)
    card.declare(api=[since("2026-12-01", "$0.02")])
    card.apply()
    card.declare(api=[since("2027-01-01", "$0.02")])
    card.apply()

    assert card.segments() == ["2026-06-01 $0.03 until 2026-12-01", "2026-12-01 $0.03 until 2027-01-01", "2027-01-01 $0.02"]
    assert settled(card)


def test_first_entry_that_has_begun_is_history(card: Card) -> None:
    """Old entries may be taken out of the spec: what they began is left as it is until the first entry that stays."""
    card.declare(api=[START, since("2027-01-01", "$0.02")])
    card.apply()
    card.declare(api=[since("2027-01-01", "$0.02")])

    assert card.change() is None
    card.apply()
    assert card.segments() == ["2026-01-01 $0.01 until 2027-01-01", "2027-01-01 $0.02"]
    assert settled(card)


@pytest.mark.parametrize(
    ("moved_to", "expected"),
    [
        ("2027-02-01", ["2027-01-01 $0.01 until 2027-02-01", "2027-02-01 $0.02"]),
        ("2026-12-01", ["2026-12-01 $0.02 until 2027-01-01", "2027-01-01 $0.02"]),
    ],
)
def test_future_entry_moves(card: Card, moved_to: str, expected: list[str]) -> None:
    """Later: the old price fills the time until then. Earlier: the new price starts there; its old start stays as it was."""
    card.declare(api=[START, since("2027-01-01", "$0.02")])
    card.apply()
    card.declare(api=[START, since(moved_to, "$0.02")])
    card.apply()

    assert card.segments()[1:] == expected
    assert settled(card)


def test_removed_value_ends(tmp_path: Path) -> None:
    """A size that is no longer declared ends with the next full hour; the plan says so and shows what ends."""
    card = Card(tmp_path, images=[sizes("2026-01-01", small="$0.01", large="$0.04")])
    card.apply()
    card.declare(images=[sizes("2026-01-01", small="$0.01")])

    change = card.change("rate.standard.images[size=large]")
    assert (change["action"], change["effective_at"]) == ("archive", "apply+1h")
    text = card.project.ok("plan").out
    assert "# rate.standard.images[size=large] will end from the next full hour when applied" in text
    assert "- price from the next full hour when applied: $0.04" in text
    assert card.apply().last == "Apply complete: 0 created, 0 updated, 0 replaced, 0 scheduled, 1 archived. 1 call."
    assert card.segments("images", size="large") == [
        "2026-01-01 $0.04 until 2026-11-22 15:00",
        "2026-11-22 15:00 $0.04 off",
    ]
    assert "rate.standard.images[size=large]" not in card.project.recorded
    assert settled(card)


def test_an_end_from_the_next_hour_is_one_plan_in_every_hour(tmp_path: Path) -> None:
    """What ends when it is applied has no date yet: a plan that was reviewed an hour ago isn't stale."""
    card = Card(tmp_path, images=[sizes("2026-01-01", small="$0.01", large="$0.04")])
    card.apply()
    card.declare(images=[sizes("2026-01-01", small="$0.01")])
    reviewed = card.project.plan(now="2026-11-22T14:59:00Z")

    card.project.apply("--digest", reviewed["plan_digest"], now="2026-11-22T15:01:00Z")

    assert [change["fields"][0]["path"] for change in reviewed["changes"] if change["action"] == "archive"] == [
        "entries[apply+1h].price"
    ]
    assert card.segments("images", size="large")[-1] == "2026-11-22 16:00 $0.04 off"


def test_removed_value_ends_at_the_date_that_is_given(tmp_path: Path) -> None:
    """--effective-at says when, and prices that were to come after it don't come."""
    card = Card(tmp_path, api=[START, since("2027-06-01", "$0.02")], images=[sizes("2026-01-01", small="$0.01")])
    card.apply()
    card.declare(images=[sizes("2026-01-01", small="$0.01")])

    assert card.change("rate.standard.api", "--effective-at", "2027-01-01")["effective_at"] == "2027-01-01T00:00:00Z"
    card.apply("--effective-at", "2027-01-01")

    assert card.segments() == [
        "2026-01-01 $0.01 until 2027-01-01",
        "2027-01-01 $0.01 until 2027-06-01 off",
        "2027-06-01 $0.02 off",
    ]
    assert settled(card)


def test_end_in_the_past_is_guarded(card: Card) -> None:
    """A past --effective-at is NV401 for the price that it would end."""
    card.declare()

    assert card.guards("--effective-at", "2026-06-01") == [("NV401", "rate.standard.api")]
    assert card.guards() == []


def test_what_was_made_by_hand_long_before_ends_too(tmp_path: Path) -> None:
    """A price that ends is read from its beginning: what runs now may have been made by hand, long before its first entry."""
    card = Card(tmp_path, api=[since("2027-01-01", "$0.02")])
    card.apply()
    card.by_hand("2026-01-01", 5)
    card.by_hand("2026-12-01", 6)
    card.declare()
    card.apply()

    assert card.segments()[1:] == [
        "2026-11-22 15:00 $0.05 until 2026-12-01 off",
        "2026-12-01 $0.06 until 2027-01-01 off",
        "2027-01-01 $0.02 off",
    ]


def test_removed_product_is_archived_after_its_prices_end(tmp_path: Path) -> None:
    """First every price of it ends, then the product is archived."""
    card = Card(tmp_path, api=[START], images=[sizes("2026-01-01", small="$0.01")])
    card.apply()
    card.declare(api=[START], without=["images"])

    card.apply("--parallelism", "1")

    assert card.project.writes() == [ADD_RATES, ("POST", "/v1/contract-pricing/products/archive")]
    assert settled(card)


def test_removed_rates_end(card: Card) -> None:
    """A card that stays without rates: every price ends, the card is left as it is."""
    card.declare()

    assert card.project.actions() == {"rate.standard.api": "archive"}
    card.apply()
    assert card.segments()[-1] == "2026-11-22 15:00 $0.01 off"
    assert settled(card)


def test_price_that_ended_already_is_only_forgotten(card: Card) -> None:
    """A removed price that ended by itself needs no call."""
    card.declare(api=[since("2026-01-01", "$0.01", ending_before="2026-12-01")])
    card.apply()
    card.declare()

    assert card.project.actions(now="2026-12-24T00:00:00Z") == {"rate.standard.api": "forget"}
    assert card.apply(now="2026-12-24T00:00:00Z").last.endswith("1 forgotten. 0 calls.")


def test_entitled_false_switches_a_price_off_from_a_date(card: Card) -> None:
    """entitled: false alone keeps the price, for contracts that override it."""
    card.declare(api=[START, since("2027-01-01", entitled=False)])

    change = card.change()
    assert change["fields"] == [{"path": "entries[2027-01-01T00:00:00Z].entitled", "before": True, "after": False}]
    card.apply()
    assert card.segments()[-1] == "2027-01-01 $0.01 off"
    assert settled(card)


def test_price_of_what_is_switched_off_is_compared(card: Card) -> None:
    """A declared entitled: false has a price, which matters to contracts; a change of it is planned."""
    card.declare(api=[START, since("2027-01-01", "$0.02", entitled=False)])
    card.apply()
    card.declare(api=[START, since("2027-01-01", "$0.03", entitled=False)])

    assert card.change()["fields"] == [{"path": "entries[2027-01-01T00:00:00Z].price", "before": "$0.02", "after": "$0.03"}]


def test_end_of_a_price_is_sent_with_it(card: Card) -> None:
    """A new price with its end is one segment."""
    card.declare(api=[START, since("2027-01-01", "$0.02", ending_before="2027-02-01")])
    card.apply()

    assert card.segments()[1:] == ["2027-01-01 $0.02 until 2027-02-01"]
    assert settled(card)
    card.declare(api=[START, since("2027-01-01", "$0.02")])
    card.apply()
    assert card.segments()[1:] == ["2027-01-01 $0.02 until 2027-02-01", "2027-02-01 $0.02"]
    assert settled(card)


def test_value_that_is_not_named_keeps_its_price(tmp_path: Path) -> None:
    """An entry changes the values that it names and no other."""
    card = Card(tmp_path, images=[sizes("2026-01-01", small="$0.01", large="$0.04"), sizes("2027-01-01", large="$0.05")])
    card.apply()

    assert card.segments("images", size="small") == ["2026-01-01 $0.01"]
    assert card.segments("images", size="large") == ["2026-01-01 $0.04 until 2027-01-01", "2027-01-01 $0.05"]
    assert settled(card)


def test_product_that_comes_back_is_priced_anew(tmp_path: Path) -> None:
    """Past entries of a product that is added to a card in use would bill the past: NV401."""
    card = Card(tmp_path, images=[sizes("2026-01-01", small="$0.01")])
    card.apply()
    card.declare(api=[START], images=[sizes("2026-01-01", small="$0.01")])

    assert card.guards() == [("NV401", "rate.standard.api")]
    card.declare(api=[since("2026-12-01", "$0.01")], images=[sizes("2026-01-01", small="$0.01")])
    assert card.guards() == []
    assert card.change()["action"] == "create"


def test_two_hundred_and_one_prices_take_three_calls(tmp_path: Path) -> None:
    """A hundred segments travel in one call, and all of them arrive."""
    prices = {f"s{number:03}": "$0.01" for number in range(201)}
    card = Card(tmp_path, images=[sizes("2026-01-01", **prices)])
    card.apply()

    assert card.project.writes().count(ADD_RATES) == 3
    assert card.segments("images", size="s200") == ["2026-01-01 $0.01"]
    assert settled(card)


def test_protected_card_protects_its_prices(card: Card) -> None:
    """A rate takes its card's lifecycle: the end of a price is NV404."""
    card.declare(card={"lifecycle": {"protect": True}}, api=[START])
    card.apply()
    card.declare(card={"lifecycle": {"protect": True}})

    assert card.guards() == [("NV404", "rate.standard.api")]
