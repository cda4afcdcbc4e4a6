"""A run that is killed at any step and run again makes everything exactly once."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from killing import kill_at, steps_of
from support import EXAMPLE, Project

SEED = 20251122
SAMPLE = 12

GROWN = (
    EXAMPLE.replace("aggregation_type: SUM", "aggregation_type: MAX")
    .replace("Nova Image Generation Pricing\n", "Nova Prices\n")
    .replace("        # - starting_at: 2026-03-01", "        - starting_at: 2027-03-01")
    .replace("        #   prices: {ultra: $0.12}  ", "          prices: {ultra: $0.12}")
    .replace("ingest_aliases: [jane@nova.com]", "ingest_aliases: [jane@nova.com, j@nova.com]")
    .replace(
        "      payg: {rate_card: standard, starting_at: 2025-09-01}", "      deal: {rate_card: standard, starting_at: 2025-10-01}"
    )
)
"""The example after a replacement, a price change, updates, a new contract and an archived one."""


def thirty() -> str:
    """A spec of more than thirty resources."""
    numbers = range(5)
    metrics = "".join(
        f"  m{n}: {{name: Metric {n}, aggregation_type: SUM, aggregation_key: n, group_keys: [[v]],\n"
        "    property_filters: [{name: v, exists: true}, {name: n, exists: true}]}\n"
        for n in numbers
    )
    products = "".join(
        f"  p{n}: {{name: Product {n}, type: USAGE, billable_metric: m{n}, pricing_group_key: [v]}}\n" for n in numbers
    )
    prices = "".join(f"      p{n}:\n        - {{starting_at: 2025-09-01, prices: {{a: $1, b: $2}}}}\n" for n in numbers)
    customers = "".join(
        f"  c{n}:\n    name: Customer {n}\n    ingest_aliases: [a{n}]\n    leave_stripe_invoices_in_draft: true\n    contracts:\n"
        f"      main: {{rate_card: one, starting_at: 2025-09-01}}\n"
        for n in numbers
    )
    return (
        "version: 1\nenvironments: {local: {emulator: true}}\nbillable_metrics:\n" + metrics + "products:\n" + products
        + "rate_cards:\n  one:\n    name: One\n    rates:\n" + prices + "  two: {name: Two}\ncustomers:\n" + customers
    )  # fmt: skip


def large(project: Project) -> Project:
    """A project of many resources that isn't applied yet."""
    project.write(thirty())
    return project


def live_objects(project: Project) -> dict[str, Counter[str]]:
    """Names of everything that is live in the account."""
    with project.account() as account:
        metrics = Counter(one.name for one in account.v1.billable_metrics.list())
        products = Counter(one.current.name for one in account.v1.contracts.products.list())
        cards = Counter(one.name for one in account.v1.contracts.rate_cards.list())
        customers = list(account.v1.customers.list())
        contracts = Counter(
            f"{customer.name} from {contract.starting_at:%Y-%m-%d}"
            for customer in customers
            for contract in account.v2.contracts.list(customer_id=customer.id)
        )
    return {
        "metrics": metrics,
        "products": products,
        "cards": cards,
        "customers": Counter(one.name for one in customers),
        "contracts": contracts,
    }


def archived_objects(project: Project) -> dict[str, str]:
    """Names of everything in the account that is archived, by id."""
    with project.account() as account:
        gone: dict[str, str] = {
            one.id: one.name for one in account.v1.billable_metrics.list(include_archived=True) if one.archived_at
        }
        gone |= {one.id: one.current.name for one in account.v1.contracts.products.list(archive_filter="ARCHIVED")}
        gone |= {one.id: one.name for one in account.v1.contracts.rate_cards.list() if getattr(one, "archived_at", None)}
        customers = [*account.v1.customers.list(), *account.v1.customers.list(only_archived=True)]
        gone |= {one.id: one.name for one in customers if one.archived_at}
        for customer in customers:
            for contract in account.v2.contracts.list(customer_id=customer.id, include_archived=True):
                if contract.archived_at:
                    gone[contract.id] = f"{customer.name} from {contract.starting_at:%Y-%m-%d}"
    return gone


def sampled(steps: list[str], *, whole: bool) -> list[int]:
    """All steps, or a fixed sample of them."""
    indexes = list(range(len(steps)))
    return indexes if whole else sorted(random.Random(SEED).sample(indexes, min(SAMPLE, len(indexes))))


def archived_like(project: Project, expected: dict[str, str], before: set[str]) -> bool:
    """Whether the same is archived: as many of each name, and of the objects of before the very same ones."""
    gone = archived_objects(project)
    return Counter(gone.values()) == Counter(expected.values()) and gone.keys() & before == expected.keys() & before


def check_every_step(
    base: Project, work: Path, arguments: tuple[str, ...], *, whole: bool, lose_journal: bool
) -> Iterator[tuple[int, str]]:
    """Kill a run at each step, run it again, and compare the account with one where nothing was killed."""
    untouched = copy_of(base, work / "untouched")
    steps = steps_of(untouched, *arguments)
    expected, gone = live_objects(untouched), archived_objects(untouched)
    before = {entry["id"] for entry in base.recorded.values()} if base.lockfile.exists() else set()
    for index in sampled(steps, whole=whole):
        project = copy_of(base, work / f"killed-{index}")
        kill_at(project, index, *arguments)
        assert project.run("plan").code in (0, 1), "plan must work beside an interrupted run"
        if lose_journal:
            project.journal.unlink(missing_ok=True)
        result = project.run(*arguments)
        where = f"killed at step {index}, {steps[index]}"
        assert result.code == 0, f"{where}: {result.err}"
        assert live_objects(project) == expected, where
        assert archived_like(project, gone, before), where
        if "destroy" not in arguments:
            assert project.actions() == {}, where
        assert not project.journal.exists(), where
        from_the_lockfile_before(base, project, *arguments)
        assert live_objects(project) == expected, f"{where}, and another clone after it"
        assert archived_like(project, gone, before), f"{where}, and another clone after it"
        yield index, steps[index]


def empty_lockfile(project: Project) -> str:
    """The lockfile's text as it was before the first apply."""
    made = json.loads(project.lockfile.read_text(encoding="utf-8"))
    return json.dumps(made | {"serial": 0, "resources": {}})


def from_the_lockfile_before(base: Project, project: Project, *arguments: str) -> None:
    """Do the same from another clone, which has the lockfile that both runs started from: it finds all of it made."""
    ids = {address: entry["id"] for address, entry in project.recorded.items()}
    before = base.lockfile.read_text(encoding="utf-8") if base.lockfile.exists() else empty_lockfile(project)
    project.lockfile.write_text(before, encoding="utf-8")
    result = project.run(*arguments)
    assert result.code == 0, result.err
    assert {address: entry["id"] for address, entry in project.recorded.items()} == ids


def copy_of(base: Project, folder: Path) -> Project:
    """The same project in another folder, account included."""
    shutil.copytree(base.folder, folder)
    copy = Project(folder, base.spec.read_text(encoding="utf-8"), now=base.now)
    copy.forget_requests()
    return copy


def grown(project: Project) -> Project:
    """The applied example whose spec has since changed."""
    project.apply()
    project.write(GROWN)
    return project


CASES: list[Any] = [
    pytest.param(lambda project: project, ("apply", "--yes"), id="first apply"),
    pytest.param(grown, ("apply", "--yes", "--allow", "NV403"), id="updates, a replacement, prices, archives"),
    pytest.param(lambda project: project.apply() and project, ("destroy", "--yes"), id="destroy"),
]


@pytest.mark.parametrize(("prepare", "arguments"), CASES)
def test_killed_and_run_again(
    project: Project, tmp_path: Path, prepare: Callable[[Project], Project], arguments: tuple[str, ...]
) -> None:
    """Whatever step a run dies at, the next one completes it and nothing is there twice."""
    base = move_into(project, tmp_path)

    done = list(check_every_step(prepare(base), tmp_path, arguments, whole=False, lose_journal=False))

    assert len(done) == SAMPLE


MANY: list[Any] = [
    pytest.param(large, ("apply", "--yes"), id="thirty-two resources"),
    pytest.param(lambda project: large(project).apply() and project, ("destroy", "--yes"), id="destroy of thirty-two"),
]


@pytest.mark.long
@pytest.mark.parametrize("lose_journal", [False, True], ids=["journal kept", "journal lost"])
@pytest.mark.parametrize(("prepare", "arguments"), CASES + MANY)
def test_killed_at_every_step(
    project: Project,
    tmp_path: Path,
    prepare: Callable[[Project], Project],
    arguments: tuple[str, ...],
    lose_journal: bool,
) -> None:
    """The same at every step, also where the journal is lost with the machine and only the lockfile is left."""
    base = move_into(project, tmp_path)

    done = list(check_every_step(prepare(base), tmp_path, arguments, whole=True, lose_journal=lose_journal))

    print(f"{len(done)} kills")  # noqa: T201 - the count that docs/reliability.md records


def move_into(project: Project, tmp_path: Path) -> Project:
    """A fresh project in a folder of its own, beside which copies can be made."""
    folder = tmp_path / "base"
    folder.mkdir()
    return Project(folder, project.spec.read_text(encoding="utf-8"))


def test_archived_objects_are_seen(applied: Project) -> None:
    """What the matrix compares holds every kind of object that destroy archives, under the id that it had."""
    recorded = {entry["id"] for entry in applied.recorded.values() if entry["id"]}
    assert archived_objects(applied) == {}

    applied.ok("destroy", "--yes")

    assert archived_objects(applied).keys() == recorded
    assert len(recorded) == 5


def test_contract_waits_for_its_rates(project: Project) -> None:
    """A contract is created after every rate of its card, also under --target."""
    project.ok("apply", "--yes", "--target", "contract.demo.payg", "--parallelism", "8")

    paths = [path for _, path in project.writes()]
    assert paths.index("/v1/contracts/create") > paths.index("/v1/contract-pricing/rate-cards/addRates")
