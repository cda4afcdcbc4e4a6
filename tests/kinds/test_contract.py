"""Contracts: what can be edited is edited, the rest is archived first and made again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kinds_kit import GONE, LATER, Edit, Rich, applied, calls, changed, text
from support import NOW, Project

EDIT = "POST /v2/contracts/edit"
END = "POST /v1/contracts/updateEndDate"
FILTER = "POST /v1/contracts/setUsageFilter"
REPLACE = ("POST /v1/contracts/archive", "POST /v1/contracts/create")

CARDS: dict[str, Any] = {
    "rate_cards": {
        "standard": {"name": "Standard", "aliases": [{"name": "list"}]},
        "enterprise": {"name": "Enterprise", "aliases": [{"name": "big"}]},
    }
}
CONTRACT: dict[str, Any] = {
    "name": "FY 26",
    "rate_card": "standard",
    "starting_at": "2026-12-01",
    "ending_before": "2027-12-01",
    "net_payment_terms_days": 30,
    "usage_statement_schedule": {"frequency": "MONTHLY", "day": "CUSTOM_DATE", "billing_anchor_date": "2026-12-15"},
    "usage_filter": {"group_key": "region", "group_values": ["eu", "us"], "starting_at": "2026-12-01"},
}
SPEC = CARDS | {"customers": {"acme": {"name": "Acme", "contracts": {"fy26": CONTRACT}}}}
BY_ALIAS = CARDS | {
    "customers": {"acme": {"name": "Acme", "contracts": {"fy26": {"rate_card_alias": "list", "starting_at": "2026-12-01"}}}}
}
DECEMBER = "2026-12-01T00:00:00Z"

RICH = [
    Rich(
        "contract.acme.fy26",
        "customers.acme.contracts.fy26",
        SPEC,
        [
            Edit("name", "Fiscal 26", calls=(EDIT,)),
            Edit("name", GONE, calls=(EDIT,)),
            Edit("rate_card", "enterprise", "replace", REPLACE, {"rate_card": ("rate_card.standard", "rate_card.enterprise")},
                 guards=("NV403",)),
            Edit("rate_card", GONE, "replace", REPLACE, {"rate_card": ("rate_card.standard", None)}, guards=("NV403",)),
            Edit("starting_at", "2027-01-01", "replace", REPLACE, {"starting_at": (DECEMBER, "2027-01-01T00:00:00Z")},
                 guards=("NV403",)),
            Edit("starting_at", GONE, refused="NV132"),
            Edit("ending_before", "2028-12-01", calls=(END,),
                 fields={"ending_before": ("2027-12-01T00:00:00Z", "2028-12-01T00:00:00Z")}),
            Edit("ending_before", GONE, calls=(END,), fields={"ending_before": ("2027-12-01T00:00:00Z", None)}),
            Edit("net_payment_terms_days", 60, calls=(EDIT,)),
            Edit("net_payment_terms_days", GONE, calls=(EDIT,)),
            Edit("usage_statement_schedule",
                 {"frequency": "QUARTERLY", "day": "CUSTOM_DATE", "billing_anchor_date": "2026-12-15"}, "replace", REPLACE,
                 {"usage_statement_schedule.frequency": ("MONTHLY", "QUARTERLY")}, guards=("NV403",)),
            Edit("usage_statement_schedule", {"frequency": "MONTHLY", "day": "CONTRACT_START"}, "replace", REPLACE,
                 {"usage_statement_schedule.day": ("CUSTOM_DATE", "CONTRACT_START"),
                  "usage_statement_schedule.billing_anchor_date": ("2026-12-15T00:00:00Z", None)}, guards=("NV403",)),
            Edit("usage_statement_schedule", GONE, "replace", REPLACE,
                 {"usage_statement_schedule.day": ("CUSTOM_DATE", None),
                  "usage_statement_schedule.billing_anchor_date": ("2026-12-15T00:00:00Z", None)}, guards=("NV403",)),
            Edit("usage_filter", {"group_key": "region", "group_values": ["eu"], "starting_at": "2026-12-01"}, calls=(FILTER,),
                 fields={"usage_filter.group_values": (["eu", "us"], ["eu"])}),
            Edit("usage_filter", GONE, refused="NV411"),
        ],
    ),
    Rich(
        "contract.acme.fy26",
        "customers.acme.contracts.fy26",
        BY_ALIAS,
        [
            Edit("rate_card_alias", "big", "replace", REPLACE, guards=("NV403",)),
            Edit("rate_card_alias", GONE, "replace", REPLACE, guards=("NV403",)),
        ],
        name="by alias",
    ),
]  # fmt: skip


def test_fields_that_one_call_can_set_travel_together(tmp_path: Path) -> None:
    """Name, end and terms are one edit; the filter has a call of its own."""
    project = applied(SPEC, tmp_path)
    edited = {"name": "New", "ending_before": GONE, "net_payment_terms_days": 10}
    edited["usage_filter"] = {"group_key": "region", "group_values": ["eu"]}
    project.write(text(changed(SPEC, {f"customers.acme.contracts.fy26.{name}": value for name, value in edited.items()})))

    plan = project.plan()
    assert calls(plan) == (EDIT, FILTER)
    assert plan["calls"][0]["body"]["update_contract_end_date"] is None
    project.apply()
    assert all(project.actions(now=now) == {} for now in (NOW, *LATER))


@pytest.mark.parametrize("schedule", [{"frequency": "MONTHLY"}, {"frequency": "MONTHLY", "day": "FIRST_OF_MONTH"}])
def test_default_schedule_may_be_written_or_not(schedule: dict[str, str], tmp_path: Path) -> None:
    """Monthly on the first is the default: writing it down, or leaving it out again, replaces no contract."""
    plain = changed(SPEC, {"customers.acme.contracts.fy26.usage_statement_schedule": GONE})
    written = changed(SPEC, {"customers.acme.contracts.fy26.usage_statement_schedule": schedule})
    project = applied(plain, tmp_path)
    for spec in (written, plain):
        project.write(text(spec))
        assert project.actions() == {}
        project.apply()
    assert project.writes() == []


def filtered(project: Project, values: list[str], starting_at: str | None = None) -> None:
    """Declare another filter."""
    part: dict[str, Any] = {"group_key": "region", "group_values": values}
    part |= {} if starting_at is None else {"starting_at": starting_at}
    project.write(text(changed(SPEC, {"customers.acme.contracts.fy26.usage_filter": part})))


def test_filter_without_a_start_changes_from_the_effective_date(tmp_path: Path) -> None:
    """The next full hour, or --effective-at; the contract's start, while that is still to come."""
    project = applied(SPEC, tmp_path)
    filtered(project, ["jp"])

    def starts(*arguments: str, now: str) -> list[str]:
        return [call["body"]["starting_at"] for call in project.plan(*arguments, now=now)["calls"]]

    assert starts(now="2027-01-10T12:00:00Z") == ["apply+1h"]
    assert starts("--effective-at", "2027-02-01", now="2027-01-10T12:00:00Z") == ["2027-02-01T00:00:00Z"]
    assert starts(now=NOW) == ["2026-12-01T00:00:00Z"]


def test_filter_that_is_scheduled_holds(tmp_path: Path) -> None:
    """A filter from a later date is one call, and the plan is empty before that date and after it."""
    project = applied(SPEC, tmp_path)
    filtered(project, ["jp"], "2027-03-01")
    project.apply()

    assert project.writes() == [("POST", "/v1/contracts/setUsageFilter")]
    assert all(project.actions(now=now) == {} for now in (NOW, *LATER))


def test_filter_before_a_scheduled_one_replaces_that_too(tmp_path: Path) -> None:
    """No filter can be removed, so the scheduled one would come back: it is set again at its date."""
    project = applied(SPEC, tmp_path)
    filtered(project, ["jp"], "2027-03-01")
    project.apply()
    filtered(project, ["us"], "2027-01-01")

    starts = [call["body"]["starting_at"] for call in project.plan()["calls"]]
    assert starts == ["2027-01-01T00:00:00Z", "2027-03-01T00:00:00Z"]
    project.apply()
    assert all(project.actions(now=now) == {} for now in (NOW, *LATER))


def test_filter_that_holds_already_is_not_set_again(tmp_path: Path) -> None:
    """A later start for the same filter changes nothing: it holds from then on already."""
    project = applied(SPEC, tmp_path)
    filtered(project, ["us", "eu"], "2027-06-01")

    assert project.actions() == {}


def test_filter_from_the_past_is_guarded(tmp_path: Path) -> None:
    """Usage since then would be routed anew: NV401."""
    project = applied(SPEC, tmp_path)
    filtered(project, ["us"], "2026-12-01")

    assert [hit["code"] for hit in project.plan(now="2027-01-15T00:00:00Z")["guards"]] == ["NV401"]
    assert project.plan(now="2026-11-30T00:00:00Z")["guards"] == []


def test_contract_by_alias_stays_on_its_card(tmp_path: Path) -> None:
    """An alias counts on the start date only: the card that it means later, and an edit of it, touch no contract."""
    project = applied(BY_ALIAS, tmp_path)
    project.write(text(changed(BY_ALIAS, {"rate_cards.standard.aliases": [{"name": "list", "ending_before": "2027-01-01"}]})))

    assert project.actions() == {"rate_card.standard": "update"}
    project.apply()
    assert all(project.actions(now=now) == {} for now in (NOW, *LATER))


def test_contract_archived_by_hand_is_made_again(tmp_path: Path) -> None:
    """Drift, and a create."""
    project = applied(SPEC, tmp_path)
    with project.account() as account:
        account.v1.contracts.archive(
            customer_id=project.id("customer.acme"), contract_id=project.id("contract.acme.fy26"), void_invoices=False
        )

    plan = project.plan()
    assert plan["drift"] == [{"address": "contract.acme.fy26", "what": "archived", "fields": []}]
    assert calls(plan) == ("POST /v1/contracts/create",)
    project.apply()
    assert project.actions() == {}


def test_archive_voids_no_finalized_invoice(tmp_path: Path) -> None:
    """nova-iac never voids by itself; the guard says what the archive does."""
    project = applied(SPEC, tmp_path)
    project.write(text(changed(SPEC, {"customers.acme.contracts": GONE})))

    plan = project.plan()
    assert [call["body"]["void_invoices"] for call in plan["calls"]] == [False]
    assert [(hit["code"], hit["address"]) for hit in plan["guards"]] == [("NV403", "contract.acme.fy26")]


@pytest.mark.parametrize("alias", [False, True])
def test_contract_comes_after_the_rates_of_its_card(alias: bool, tmp_path: Path) -> None:
    """Named or by alias: no contract bills on a card whose prices are not there yet."""
    spec = changed(
        BY_ALIAS if alias else SPEC,
        {
            "billable_metrics": {"calls": {"name": "Calls", "aggregation_type": "COUNT"}},
            "products": {"api": {"name": "API", "type": "USAGE", "billable_metric": "calls"}},
            "rate_cards.standard.rates": {"api": [{"starting_at": "2026-01-01", "price": "$1"}]},
        },
    )
    project = Project(tmp_path, text(spec))

    paths = [call["path"].rpartition("/")[2] for call in project.plan()["calls"]]
    assert paths.index("addRates") < paths.index("create", paths.index("addRates"))
    assert paths[-1] == "create"
    targeted = [call["path"].rpartition("/")[2] for call in project.plan("--target", "contract.acme.fy26")["calls"]]
    assert "addRates" in targeted


@pytest.mark.parametrize(("start", "warned"), [("2026-11-01", True), ("2026-11-22", False), ("2026-12-01", False)])
def test_backdated_contract_is_warned_of(start: str, warned: bool, tmp_path: Path) -> None:
    """A contract that starts more than a day ago may finalize invoices at once; validate, which has no clock, says nothing."""
    contract = {"rate_card": "standard", "starting_at": start}
    spec = CARDS | {"customers": {"acme": {"name": "Acme", "contracts": {"fy26": contract}}}}
    project = Project(tmp_path, text(spec))

    assert [warning["code"] for warning in project.plan()["warnings"]] == ["NV417"] * warned
    assert project.ok("validate").err == ""
    project.apply()
    assert project.plan()["warnings"] == []
