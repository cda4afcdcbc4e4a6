"""After an edit by hand the plan says who would win: the spec, the account, or whoever the spec leaves it to."""

from __future__ import annotations

from typing import Any

from support import Project

OVER = ", which wins over the change made outside"


def rename(project: Project, name: str = "By Hand") -> None:
    """Somebody renames the customer in the dashboard."""
    with project.account() as account:
        account.v1.customers.set_name(customer_id=project.id("customer.demo"), name=name)
    project.forget_requests()


def customer(plan: Any) -> Any:
    """What a plan says of the customer."""
    (change,) = [change for change in plan["changes"] if change["address"] == "customer.demo"]
    return change


def test_spec_wins_over_a_hand_edit(applied: Project) -> None:
    """The reason of the change names the edit that it overwrites, in text and in JSON; apply does what it says."""
    rename(applied)

    plan = applied.plan()
    assert customer(plan)["reason"] == f"name differs from the spec{OVER}"
    assert customer(plan)["fields"] == [{"path": "name", "before": "By Hand", "after": "Nova Demo Customer"}]
    assert [(one["address"], one["what"]) for one in plan["drift"]] == [("customer.demo", "changed")]
    assert "which wins over the change made outside" in " ".join(applied.ok("plan").out.split())

    applied.apply()

    with applied.account() as account:
        assert account.v1.customers.retrieve(customer_id=applied.id("customer.demo")).data.name == "Nova Demo Customer"
    assert (applied.plan()["drift"], applied.actions()) == ([], {})


def test_change_beside_a_hand_edit_overwrites_nothing(applied: Project) -> None:
    """Another field of the same resource that changes is not said to win over anything."""
    rename(applied, "Nova Demo")
    applied.edit("    name: Nova Demo Customer\n    ingest_aliases: [jane@nova.com]",
                 "    name: Nova Demo\n    ingest_aliases: [jane@nova.com, j@nova.com]")  # fmt: skip

    assert customer(applied.plan())["reason"] == "ingest_aliases differs from the spec"


def test_account_wins_where_the_spec_agrees(applied: Project) -> None:
    """An edit that the spec has followed since is taken as it is: no call, and the record is brought up to date."""
    rename(applied, "Nova Demo")
    applied.edit("Nova Demo Customer", "Nova Demo")

    plan = applied.plan()
    assert plan["calls"] == []
    assert plan["notes"] == [
        "customer.demo was changed outside to what the spec says by now: it stays as it is, and is recorded."
    ]  # fmt: skip

    applied.apply()

    assert applied.writes() == []
    assert applied.recorded["customer.demo"]["attributes"]["name"] == "Nova Demo"
    assert applied.plan()["drift"] == []


def test_ignored_fields_are_left_to_the_account(applied: Project) -> None:
    """ignore_changes: neither an edit by hand nor one in the spec is drift or change; the other fields are managed as before."""
    applied.edit("    name: Nova Demo Customer\n", "    name: Nova Demo Customer\n    lifecycle: {ignore_changes: [name]}\n")
    applied.apply()
    rename(applied)
    applied.edit("    name: Nova Demo Customer\n", "    name: Nova Demo\n")

    plan = applied.plan()
    assert (plan["drift"], plan["calls"], customer(plan)["action"]) == ([], [], "noop")
    applied.edit("[jane@nova.com]", "[jane@nova.com, j@nova.com]")
    applied.apply()

    assert [path.rpartition("/")[2] for _, path in applied.writes()] == ["setIngestAliases"]
    with applied.account() as account:
        assert account.v1.customers.retrieve(customer_id=applied.id("customer.demo")).data.name == "By Hand"
    assert applied.actions() == {}


def test_alias_that_moved_by_hand_is_not_taken_away_silently(applied: Project) -> None:
    """An alias that somebody gave to another customer: the plan stops with its holder, and nothing is sent."""
    with applied.account() as account:
        account.v1.customers.set_ingest_aliases(customer_id=applied.id("customer.demo"), ingest_aliases=[])
        other = account.v1.customers.create(name="Other", ingest_aliases=["jane@nova.com"]).data.id
    applied.forget_requests()

    result = applied.run("apply", "--yes")

    assert result.code == 1
    assert f"'Other' ({other}) holds 'jane@nova.com' of ingest_aliases in the account" in result.err
    assert applied.writes() == []
    with applied.account() as account:
        assert account.v1.customers.retrieve(customer_id=other).data.ingest_aliases == ["jane@nova.com"]
