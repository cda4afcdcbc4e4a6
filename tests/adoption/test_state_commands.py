"""``state list|show|mv|forget|unlock``: care for the lockfile, under its lock, without a look at the account."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from adoption_kit import everything, is_empty, project_of
from faulty import Fault, bad_line
from support import Project, Result

from nova_iac import moment
from nova_iac.state.mutex import Mutex, read_holder

RATES = [f"rate.standard.image_generation[image_type={value}]" for value in ("high-res", "standard", "ultra")]


def serial(project: Project) -> int:
    """The lockfile's serial."""
    number: int = json.loads(project.lockfile.read_text())["serial"]
    return number


def refused(project: Project, *arguments: str, code: int = 1) -> Result:
    """A command that must change nothing."""
    before = everything(project)
    result = project.run("state", *arguments)
    assert result.code == code, result.out
    assert everything(project) == before
    return result


def test_list_prints_an_address_a_line(applied: Project) -> None:
    """All, or those that a pattern names; with ids where they are asked for."""
    assert applied.ok("state", "list").out.splitlines() == sorted(applied.recorded)
    assert applied.ok("state", "list", "rate.standard.image_generation").out.splitlines() == RATES
    assert applied.ok("state", "list", "*.demo*").out.splitlines() == ["contract.demo.payg", "customer.demo"]
    assert applied.ok("state", "list", "customer.*", "--ids").out == f"customer.demo\t{applied.id('customer.demo')}\n"
    assert applied.requests() == []


def test_list_of_nothing(project: Project) -> None:
    """Before the first apply nothing is recorded, which is no error; a pattern that names nothing is one."""
    empty = project.ok("state", "list")

    assert (empty.out, empty.err) == ("", "Nothing is recorded: there is no billing.local.lock.json.\n")
    assert "customer.x is not recorded" in project.run("state", "list", "customer.x").err


def test_show_prints_one_entry(applied: Project) -> None:
    """What is recorded of one resource, as YAML for people and as JSON for programs."""
    ident = applied.id("rate_card.standard")

    assert applied.ok("state", "show", "rate_card.standard").out == (
        f"rate_card.standard:\n  id: {ident}\n  in_use: true\n  attributes:\n    name: Nova Image Generation Pricing\n"
    )
    assert applied.ok("state", "show", "contract.demo.payg", "--format", "json").json["contract.demo.payg"]["depends_on"] == [
        "customer.demo", "rate_card.standard",
    ]  # fmt: skip
    assert "Did you mean customer.demo" in refused(applied, "show", "customer.dem").err
    assert applied.requests() == []


def test_mv_takes_children_and_references_along(applied: Project) -> None:
    """A card's rates and the references to it follow; with the key changed in the spec, the plan is empty."""
    result = applied.ok("state", "mv", "rate_card.standard", "rate_card.list_prices")

    assert result.out == "rate_card.standard is recorded as rate_card.list_prices now, with 3 more that belong to it.\n"
    assert "billing.yaml declares rate_card.standard; change its key, too" in result.err
    assert serial(applied) == 2
    applied.edit("rate_cards:\n  standard:", "rate_cards:\n  list_prices:")
    applied.edit("payg: {rate_card: standard", "payg: {rate_card: list_prices")
    applied.edit("set: {rate_card.standard.name", "set: {rate_card.list_prices.name")
    assert is_empty(applied)
    assert applied.recorded["contract.demo.payg"]["attributes"]["rate_card"] == "rate_card.list_prices"
    assert "rate.list_prices.image_generation[image_type=ultra]" in applied.recorded


def test_mv_of_a_product_renames_its_rates(applied: Project) -> None:
    """A rate is named after its product, too."""
    applied.ok("state", "mv", "product.image_generation", "product.images")

    assert [address for address in applied.recorded if address.startswith("rate.")] == [
        f"rate.standard.images[image_type={value}]" for value in ("high-res", "standard", "ultra")
    ]


def test_mv_that_cant_be(applied: Project) -> None:
    """Unknown, taken, another kind, another customer, a rate: refused, each with its reason."""
    for old, new, words in (
        ("customer.nobody", "customer.x", "customer.nobody is not recorded"),
        ("customer.demo", "product.demo", "both are addresses of one kind"),
        ("customer.demo", "customer.demo.x", "both are addresses of one kind"),
        ("contract.demo.payg", "contract.other.payg", "an object stays with its customer"),
        (RATES[0], "rate.standard.x", "move rate_card.standard instead"),
        ("customer.demo", "customer.demo", "is recorded already"),
        ("customer.demo", "Customer", "is not an address"),
        ("customer.demo", "alert.demo", "there is no kind alert"),
    ):
        assert words in refused(applied, "mv", old, new).err


def test_forget_drops_children_and_names_the_way_back(applied: Project) -> None:
    """A customer goes with its contract; each import line brings one back, and then the plan is empty again."""
    before = applied.recorded

    result = applied.ok("state", "forget", "customer.demo", "--yes")

    lines = [line.split() for line in result.out.splitlines() if line.startswith("  nova-iac import ")]
    assert sorted(line[2] for line in lines) == ["contract.demo.payg", "customer.demo"]
    assert result.out.endswith("Forgot 2 resources.\n")
    assert "billing.yaml still declares contract.demo.payg, customer.demo" in result.err
    assert applied.recorded == {a: entry for a, entry in before.items() if "demo" not in a}
    for line in lines:
        applied.ok(*line[1:])
    assert applied.recorded == before
    assert is_empty(applied)


def test_forget_asks(applied: Project) -> None:
    """Without --yes and a terminal nothing is dropped, though it is shown what would be."""
    result = refused(applied, "forget", "rate_card.*")

    assert "no terminal to ask on" in result.err
    assert result.out.count("rate.standard.image_generation comes back with its rate card") == 1
    assert "customer.nobody is not recorded" in refused(applied, "forget", "customer.nobody", "--yes").err


def test_forget_names_who_still_refers_to_it(applied: Project) -> None:
    """References from what stays recorded are told."""
    result = applied.ok("state", "forget", "rate_card.standard", "--yes")

    assert "Still recorded, and referring to what was forgotten: contract.demo.payg." in result.err


@pytest.mark.parametrize("command", [("mv", "customer.demo", "customer.x"), ("forget", "customer.demo", "--yes")])
def test_open_calls_are_settled_first(project: Project, command: tuple[str, ...]) -> None:
    """With calls whose outcome isn't known the record is not edited: apply settles them."""
    with bad_line(Fault("cut after", "POST", "/v1/contracts/create", 99)):
        project.run("apply", "--yes")

    assert "run `nova-iac apply` first, which settles them" in refused(project, *command).err


@pytest.mark.parametrize(
    "command", [("mv", "customer.demo", "customer.x"), ("forget", "customer.demo", "--yes"), ("rebuild", "--yes")]
)
def test_edits_hold_the_lock(applied: Project, command: tuple[str, ...]) -> None:
    """While another run holds the lock nothing is edited: exit 5."""
    with Mutex(applied.folder / ".billing.local.lock", "apply", moment.parse(applied.now)):
        refused(applied, *command, code=5)


def test_unlock_frees_a_lock_of_another_machine(applied: Project) -> None:
    """A run that died elsewhere counts as alive until its lock is freed by its id."""
    path = applied.folder / ".billing.local.lock"
    holder = replace(Mutex(path, "apply", moment.parse(applied.now)).holder, host="elsewhere", pid=4711)
    path.write_text(json.dumps(asdict(holder)))
    held = applied.run("apply", "--yes")
    assert held.code == 5
    assert f"nova-iac state unlock {holder.id}" in held.err

    assert f"no lock wrong to free; the lock there is {holder.id}" in refused(applied, "unlock", "wrong").err
    freed = applied.ok("state", "unlock", holder.id)

    assert freed.out == (
        f"Freed lock {holder.id}: apply by {holder.user} on elsewhere, pid 4711, since 2026-11-22T14:30:00Z.\n"
    )  # fmt: skip
    applied.ok("apply", "--yes")
    assert "there is no lock" in applied.run("state", "unlock", holder.id).err


def test_a_live_lock_of_this_machine_is_never_freed(applied: Project) -> None:
    """A holder that is alive here keeps its lock."""
    path = applied.folder / ".billing.local.lock"
    with Mutex(path, "apply", moment.parse(applied.now)):
        holder = read_holder(path)
        assert holder is not None
        assert (holder.host, holder.pid) == (socket.gethostname(), os.getpid())
        assert "is alive on this machine" in applied.run("state", "unlock", holder.id).err
        assert path.exists()


def test_state_works_on_a_spec_with_errors(tmp_path: Path) -> None:
    """The lockfile can be looked at and mended while the spec can't be planned."""
    project = project_of("small", tmp_path)
    project.ok("pull")
    project.edit("type: USAGE", "type: USED")

    assert project.ok("state", "list", "customer.*").out == "customer.nova_demo_customer\n"
    project.ok("state", "forget", "customer.*", "--yes")
    assert not any(address.startswith("customer") for address in project.recorded)
