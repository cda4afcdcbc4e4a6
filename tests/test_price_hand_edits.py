"""Prices that somebody edits by hand: told as drift, put right, taken as they are, or left to hands. It is 2026-11-22, 14:30."""

from __future__ import annotations

from pathlib import Path

import pytest
from card_kit import START, Card, settled, since


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A card in use: API calls at $0.01 since January."""
    card = Card(tmp_path, api=[START])
    card.apply()
    return card


def test_hand_edit_is_drift_and_its_repair_a_change(card: Card) -> None:
    """What somebody did is shown from recorded to live, apart from the change that puts it right."""
    card.by_hand("2027-01-01", 5)

    plan = card.project.plan()
    assert plan["drift"] == [
        {
            "address": "rate.standard.api",
            "what": "changed",
            "fields": [{"path": "entries[2027-01-01T00:00:00Z].price", "before": "$0.01", "after": "$0.05"}],
        }
    ]
    assert card.change()["fields"] == [{"path": "entries[2027-01-01T00:00:00Z].price", "before": "$0.05", "after": "$0.01"}]
    assert card.project.run("plan", "--detailed-exitcode").code == 2


def test_hand_edit_is_repaired_twice_in_a_day(card: Card) -> None:
    """The same edit by hand, twice within a day, is put right twice; no repair is taken for a repetition of the first."""
    for now in ("2026-11-22T15:00:00Z", "2026-11-22T17:00:00Z"):
        card.by_hand("2027-01-01", 5, now=now)
        assert card.apply(now=now).last == "Apply complete: 0 created, 0 updated, 0 replaced, 1 scheduled, 0 archived. 1 call."
        assert card.segments() == ["2026-01-01 $0.01 until 2027-01-01", "2027-01-01 $0.01"]
        assert settled(card)


def test_hand_edit_that_is_declared_afterwards_is_taken_as_it_is(card: Card) -> None:
    """What the account has already needs no call, and is recorded."""
    card.by_hand("2027-01-01", 5)
    card.declare(api=[START, since("2027-01-01", "$0.05")])

    assert card.project.actions() == {}
    card.apply()
    assert card.project.writes() == []
    assert card.project.plan()["drift"] == []


def test_prices_can_be_left_to_hands(card: Card) -> None:
    """ignore_changes: [rates] on the card: neither drift nor change."""
    card.declare(card={"lifecycle": {"ignore_changes": ["rates"]}}, api=[START])
    card.apply()
    card.by_hand("2027-01-01", 5)

    plan = card.project.plan()
    assert (plan["drift"], plan["calls"]) == ([], [])
