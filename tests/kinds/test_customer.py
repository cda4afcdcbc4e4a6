"""Customers: separate calls for what changes separately, and aliases that are let go before they are taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kinds_kit import GONE, LATER, Edit, Rich, applied, calls, changed, text
from support import NOW, doing

SET_NAME = "POST /v1/customers/{id}/setName"
SET_ALIASES = "POST /v1/customers/{id}/setIngestAliases"
UPDATE_CONFIG = "POST /v1/customers/{id}/updateConfig"

SPEC: dict[str, Any] = {
    "customers": {
        "acme": {
            "name": "Acme",
            "ingest_aliases": ["acme-eu", "acme-us"],
            "salesforce_account_id": "0015500001",
            "leave_stripe_invoices_in_draft": True,
        }
    }
}
TWO = changed(SPEC, {"customers.beta": {"name": "Beta", "ingest_aliases": ["beta"]}})
THREE = changed(TWO, {"customers.gamma": {"name": "Gamma", "ingest_aliases": ["gamma"]}})

RICH = [
    Rich(
        "customer.acme",
        "customers.acme",
        SPEC,
        [
            Edit("name", "Acme Inc.", calls=(SET_NAME,)),
            Edit("name", GONE, refused="NV132"),
            Edit("name", "x" * 161, refused="NV138"),
            Edit("ingest_aliases", ["acme-eu", "acme-us", "acme-jp"], calls=(SET_ALIASES,),
                 fields={"ingest_aliases": (["acme-eu", "acme-us"], ["acme-eu", "acme-jp", "acme-us"])}),
            Edit("ingest_aliases", ["acme-eu"], calls=(SET_ALIASES,), guards=("NV405",)),
            Edit("ingest_aliases", GONE, calls=(SET_ALIASES,), guards=("NV405",)),
            Edit("salesforce_account_id", "0015500002", calls=(UPDATE_CONFIG,)),
            Edit("salesforce_account_id", GONE, calls=(UPDATE_CONFIG,)),
            Edit("leave_stripe_invoices_in_draft", False, calls=(UPDATE_CONFIG,)),
            Edit("leave_stripe_invoices_in_draft", GONE, calls=(UPDATE_CONFIG,)),
        ],
    ),
]  # fmt: skip


def test_every_field_at_once_takes_a_call_for_each_endpoint(tmp_path: Path) -> None:
    """Name, aliases and configuration travel separately, the two fields of the configuration together."""
    project = applied(SPEC, tmp_path)
    project.write(
        text(
            {
                "customers": {
                    "acme": {
                        "name": "Acme Inc.",
                        "ingest_aliases": ["acme"],
                        "salesforce_account_id": "0015500002",
                        "leave_stripe_invoices_in_draft": False,
                    }
                }
            }
        )
    )

    assert calls(project.plan()) == (SET_NAME, SET_ALIASES, UPDATE_CONFIG)


@pytest.mark.parametrize(
    ("spec", "aliases", "expected"),
    [
        (TWO, {"acme": ["acme-eu"], "beta": ["acme-us", "beta"]}, 2),
        (TWO, {"acme": ["acme-us", "beta"], "beta": ["acme-eu"]}, 3),
        (THREE, {"acme": ["gamma"], "beta": ["acme-eu"], "gamma": ["beta"]}, 4),
        (THREE, {"acme": ["acme-eu"], "beta": ["acme-us"], "gamma": ["beta", "gamma"]}, 3),
    ],
    ids=["one gives, one takes", "two exchange", "three in a circle", "three in a row"],
)
def test_alias_leaves_its_holder_before_it_joins_another(
    spec: dict[str, Any], aliases: dict[str, list[str]], expected: int, tmp_path: Path
) -> None:
    """An alias moves without a conflict; only a circle takes one call more than there are customers."""
    project = applied(spec, tmp_path)
    moved = changed(spec, {f"customers.{key}.ingest_aliases": held for key, held in aliases.items()})
    project.write(text(moved))

    assert calls(project.plan()) == (SET_ALIASES,) * expected
    project.apply("--allow", "NV405")

    assert all(request["status"] == 200 for request in project.requests())
    assert all(project.actions(now=now) == {} for now in (NOW, *LATER))


def test_moved_alias_is_guarded_on_the_one_that_loses_it(tmp_path: Path) -> None:
    """NV405 stands on the giver alone."""
    project = applied(TWO, tmp_path)
    project.write(text(changed(TWO, {"customers.acme.ingest_aliases": [], "customers.beta.ingest_aliases": ["acme-eu", "beta"]})))

    assert [(hit["code"], hit["address"]) for hit in project.plan()["guards"]] == [("NV405", "customer.acme")]


def test_new_customer_takes_over_an_alias(tmp_path: Path) -> None:
    """A customer is created after the one that it takes an alias from has let it go."""
    project = applied(SPEC, tmp_path)
    project.write(
        text(
            changed(
                SPEC,
                {"customers.acme.ingest_aliases": ["acme-us"], "customers.beta": {"name": "B", "ingest_aliases": ["acme-eu"]}},
            )
        )
    )

    project.apply("--allow", "NV405")

    assert project.actions() == {}


def test_alias_of_an_archived_customer_is_free_again(tmp_path: Path) -> None:
    """The aliases are cleared before the archive, so that another customer can take them in the same run."""
    project = applied(SPEC, tmp_path)
    project.write(text({"customers": {"beta": {"name": "Beta", "ingest_aliases": ["acme-eu"]}}}))

    project.apply("--allow", "NV402")

    assert project.actions() == {}
    assert [path.rpartition("/")[2] for _, path in project.writes()][:1] == ["setIngestAliases"]


def test_customer_archived_by_hand_is_made_again_with_its_aliases(tmp_path: Path) -> None:
    """Archived aliases stay reserved: they are cleared by a listed call, then the customer is created."""
    project = applied(SPEC, tmp_path)
    old = project.id("customer.acme")
    with project.account() as account:
        account.v1.customers.archive(id=old)

    plan = project.plan()
    assert plan["drift"] == [{"address": "customer.acme", "what": "archived", "fields": []}]
    assert calls(plan) == (SET_ALIASES, "POST /v1/customers", UPDATE_CONFIG)
    project.apply()
    assert project.id("customer.acme") != old
    assert project.actions() == {}


def test_customer_archived_by_hand_and_dropped_frees_its_aliases(tmp_path: Path) -> None:
    """It is forgotten, which no guard holds up; the one call frees its aliases before another customer takes them."""
    project = applied(SPEC, tmp_path)
    with project.account() as account:
        account.v1.customers.archive(id=project.id("customer.acme"))
    project.write(text({"customers": {"beta": {"name": "Beta", "ingest_aliases": ["acme-eu"]}}}))

    plan = project.plan()
    result = project.apply()

    assert doing(plan) == {"customer.acme": "forget", "customer.beta": "create"}
    assert calls(plan) == (SET_ALIASES, "POST /v1/customers")
    assert plan["guards"] == []
    assert result.last.endswith("1 created, 0 updated, 0 replaced, 0 scheduled, 0 archived, 1 forgotten. 2 calls.")
    assert project.actions() == {}


def test_alias_that_a_customer_got_by_hand_is_not_taken_from_it_unasked(tmp_path: Path) -> None:
    """Whose aliases the spec doesn't name keeps them: the plan stops before any call and names it; declared, it gives them up."""
    spec = {"customers": {"acme": {"name": "Acme", "ingest_aliases": ["acme-eu"]}, "beta": {"name": "Beta"}}}
    project = applied(spec, tmp_path)
    with project.account() as account:
        account.v1.customers.set_ingest_aliases(customer_id=project.id("customer.acme"), ingest_aliases=[])
        account.v1.customers.set_ingest_aliases(customer_id=project.id("customer.beta"), ingest_aliases=["acme-eu"])
    project.forget_requests()

    refused = project.run("apply", "--yes")

    assert refused.code == 1
    assert "error[NV413] Held by another customer (customer.acme)" in refused.err
    assert "customer.beta holds 'acme-eu' of ingest_aliases in the account" in refused.err
    assert project.writes() == []
    project.write(text(changed(spec, {"customers.beta.ingest_aliases": []})))
    project.apply("--allow", "NV405")
    assert project.actions() == {}


def test_alias_that_a_recorded_customer_gains_is_looked_for_outside(tmp_path: Path) -> None:
    """A holder that this lockfile doesn't know stops the plan before any call; only the new alias is asked for."""
    spec = {"customers": {"acme": {"name": "Acme", "ingest_aliases": ["acme-eu"]}}}
    project = applied(spec, tmp_path)
    with project.account() as account:
        theirs = account.v1.customers.create(name="Theirs", ingest_aliases=["acme-us"]).data.id
    project.write(text(changed(spec, {"customers.acme.ingest_aliases": ["acme-eu", "acme-us"]})))
    project.forget_requests()

    refused = project.run("apply", "--yes")

    assert refused.code == 1
    assert f"'Theirs' ({theirs}) holds 'acme-us' of ingest_aliases in the account, outside this lockfile." in refused.err
    assert [one["query"].get("ingest_alias") for one in project.requests() if one["path"] == "/v1/customers"] == [None, "acme-us"]
    assert project.writes() == []


def test_what_was_never_declared_is_left_alone(tmp_path: Path) -> None:
    """Aliases and an account id that somebody added are neither drift nor change."""
    project = applied({"customers": {"acme": {"name": "Acme"}}}, tmp_path)
    with project.account() as account:
        account.v1.customers.set_ingest_aliases(customer_id=project.id("customer.acme"), ingest_aliases=["by-hand"])
        account.v1.customers.update_config(customer_id=project.id("customer.acme"), salesforce_account_id="1")

    plan = project.plan()
    assert (plan["calls"], plan["drift"]) == ([], [])


def test_hand_edit_is_shown_apart_from_its_repair(tmp_path: Path) -> None:
    """Drift goes from recorded to live, the change from live to desired; an ignored field has neither."""
    project = applied(SPEC, tmp_path)
    with project.account() as account:
        account.v1.customers.set_name(customer_id=project.id("customer.acme"), name="By Hand")

    plan = project.plan()
    assert plan["drift"][0]["fields"] == [{"path": "name", "before": "Acme", "after": "By Hand"}]
    change = next(change for change in plan["changes"] if change["action"] != "noop")
    assert change["fields"] == [{"path": "name", "before": "By Hand", "after": "Acme"}]
    project.write(text(changed(SPEC, {"customers.acme.lifecycle": {"ignore_changes": ["name"]}})))
    plan = project.plan()
    assert (plan["calls"], plan["drift"]) == ([], [])


@pytest.mark.parametrize("now", ["2026-11-22T15:00:00Z", "2026-11-22T23:59:00Z"])
def test_hand_edit_is_repaired_twice_within_a_day(tmp_path: Path, now: str) -> None:
    """The same repair twice is two calls under two keys: the second is no replay of the first."""
    project = applied(SPEC, tmp_path)
    for moment in (NOW, now):
        with project.account(moment) as account:
            account.v1.customers.set_name(customer_id=project.id("customer.acme"), name="By Hand")
        assert project.apply(now=moment).last.startswith("Apply complete: 0 created, 1 updated")
        assert project.actions(now=moment) == {}
