"""Rate cards: names, aliases, and a currency for life."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinds_kit import GONE, LATER, Edit, Rich, applied, calls, changed, text
from support import NOW

from nova_iac.kinds.rate_card import currency

UPDATE = "POST /v1/contract-pricing/rate-cards/update"

ALIASES = [
    {"name": "list", "starting_at": "2025-01-01", "ending_before": "2027-01-01"},
    {"name": "list", "starting_at": "2027-06-01"},
    {"name": "default"},
]
LIVE_ALIASES = [
    {"ending_before": "2027-01-01T00:00:00Z", "name": "list", "starting_at": "2025-01-01T00:00:00Z"},
    {"name": "default"},
    {"name": "list", "starting_at": "2027-06-01T00:00:00Z"},
]
SPEC: dict[str, Any] = {
    "rate_cards": {
        "standard": {"name": "Standard", "description": "For all", "fiat_credit_type": "EUR", "aliases": ALIASES},
    }
}

RICH = [
    Rich(
        "rate_card.standard",
        "rate_cards.standard",
        SPEC,
        [
            Edit("name", "List", calls=(UPDATE,)),
            Edit("name", GONE, refused="NV132"),
            Edit("description", "For some", calls=(UPDATE,)),
            Edit("description", GONE, calls=(UPDATE,)),
            Edit("fiat_credit_type", "GBP", refused="NV410"),
            Edit("fiat_credit_type", GONE, refused="NV410"),
            Edit("aliases", [ALIASES[2]], calls=(UPDATE,), fields={"aliases": (LIVE_ALIASES, [{"name": "default"}])}),
            Edit("aliases", GONE, calls=(UPDATE,), fields={"aliases": (LIVE_ALIASES, [])}),
        ],
    ),
]


def test_alias_moves_to_another_card_at_a_date(tmp_path: Path) -> None:
    """The first card's alias ends where the second one's begins; afterwards the plan is empty at every instant."""
    spec = {"rate_cards": {"old": {"name": "Old", "aliases": [{"name": "list"}]}, "new": {"name": "New"}}}
    project = applied(spec, tmp_path)
    moved = changed(
        spec,
        {
            "rate_cards.old.aliases": [{"name": "list", "ending_before": "2027-01-01"}],
            "rate_cards.new.aliases": [{"name": "list", "starting_at": "2027-01-01"}],
        },
    )
    project.write(text(moved))

    assert calls(project.plan()) == (UPDATE, UPDATE)
    project.apply()
    assert all(project.actions(now=now) == {} for now in (NOW, *LATER))


def test_two_cards_exchange_their_aliases(tmp_path: Path) -> None:
    """Each takes the other's alias; whichever is first, both have what is declared in the end."""
    spec = {"rate_cards": {"a": {"name": "A", "aliases": [{"name": "x"}]}, "b": {"name": "B", "aliases": [{"name": "y"}]}}}
    project = applied(spec, tmp_path)
    project.write(text(changed(spec, {"rate_cards.a.aliases": [{"name": "y"}], "rate_cards.b.aliases": [{"name": "x"}]})))

    project.apply()

    assert all(project.actions(now=now) == {} for now in (NOW, *LATER))


def test_card_of_another_currency_is_priced_in_it(tmp_path: Path) -> None:
    """€ prices travel as whole euros with the currency's credit type, and read back as they were."""
    spec = {
        "billable_metrics": {"calls": {"name": "Calls", "aggregation_type": "COUNT"}},
        "products": {"api": {"name": "API", "type": "USAGE", "billable_metric": "calls"}},
        "rate_cards": {
            "eu": {"name": "EU", "fiat_credit_type": "EUR", "rates": {"api": [{"starting_at": "2026-01-01", "price": "€0.02"}]}}
        },
    }
    project = applied(spec, tmp_path)

    assert all(project.actions(now=now) == {} for now in (NOW, *LATER))
    with project.account() as account:
        answer = account.v1.contracts.rate_cards.retrieve_rate_schedule(
            rate_card_id=project.id("rate_card.eu"), starting_at="2026-01-01T00:00:00Z"
        )
    rate = answer.data[0].rate
    assert (rate.price, rate.credit_type and rate.credit_type.name) == (0.02, "EUR")


def test_card_archived_by_hand_is_not_made_again(tmp_path: Path) -> None:
    """New rates would price the past again: an error with the ways out."""
    project = applied(SPEC, tmp_path)
    with project.account() as account:
        account.v1.contracts.rate_cards.archive(id=project.id("rate_card.standard"))

    refused = project.run("plan")
    assert refused.code == 1
    assert "error[NV412]" in refused.err
    assert "state forget rate_card.standard" in refused.err


def test_the_unit_of_a_credit_type_is_its_whole_name_unless_it_is_money() -> None:
    """Metronome shows dollars as "USD (cents)"; a unit of the company's own may have blanks in its name."""
    shown = ({"name": "USD (cents)"}, {"name": "EUR"}, None, {"name": "Nova Credits"})

    assert [currency(one) for one in shown] == ["USD", "EUR", "USD", "Nova Credits"]
