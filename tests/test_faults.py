"""Every write under every fault: exactly one object in the end, in this run or the next."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from faulty import FAULTS, Fault, bad_line
from support import EXAMPLE, Project
from test_kill import copy_of, from_the_lockfile_before, live_objects

SEED = 20251122
SAMPLE = 24

FULL = (
    EXAMPLE.replace(
        "    ingest_aliases: [jane@nova.com]",
        "    ingest_aliases: [jane@nova.com]\n    leave_stripe_invoices_in_draft: true",
    )
    + """
  second:
    name: Second
    ingest_aliases: [second]
    contracts:
      main: {rate_card: standard, starting_at: 2025-10-01}
      other: {rate_card: standard, starting_at: 2025-10-01, usage_filter: {group_key: image_type, group_values: [ultra]}}
"""
)

CHANGED = (
    FULL.replace("name: Nova Image Generation\n", "name: Images counted\n")
    .replace("name: Nova AI Image Generation", "name: Images")
    .replace("    name: Nova Image Generation Pricing\n", "    name: Prices\n")
    .replace("ultra: $0.10", "ultra: $0.12")
    .replace("    name: Nova Demo Customer\n", "    name: Nova Demo\n")
    .replace("[jane@nova.com]", "[jane@nova.com, j@nova.com]")
    .replace("leave_stripe_invoices_in_draft: true", "leave_stripe_invoices_in_draft: false")
    .replace("payg: {rate_card: standard, starting_at: 2025-09-01}",
             "payg: {rate_card: standard, starting_at: 2025-09-01, name: Pay as you go}")
    .replace("main: {rate_card: standard, starting_at: 2025-10-01}",
             "main: {rate_card: standard, starting_at: 2025-10-01, ending_before: 2027-01-01}")
    .replace("group_values: [ultra]", "group_values: [standard]")
)  # fmt: skip

ALLOW = ("--allow", "NV401", "--allow", "NV402", "--allow", "NV403")
CREATES = (
    ("POST", "/v1/billable-metrics/create"),
    ("POST", "/v1/contract-pricing/products/create"),
    ("POST", "/v1/contract-pricing/rate-cards/create"),
    ("POST", "/v1/contract-pricing/rate-cards/addRates"),
    ("POST", "/v1/customers"),
    ("POST", "/v1/customers/*/updateConfig"),
    ("POST", "/v1/contracts/create"),
)
UPDATES = (
    ("PUT", "/v1/billable-metrics/*"),
    ("POST", "/v1/contract-pricing/products/update"),
    ("POST", "/v1/contract-pricing/rate-cards/update"),
    ("POST", "/v1/contract-pricing/rate-cards/addRates"),
    ("POST", "/v1/customers/*/setName"),
    ("POST", "/v1/customers/*/setIngestAliases"),
    ("POST", "/v1/customers/*/updateConfig"),
    ("POST", "/v2/contracts/edit"),
    ("POST", "/v1/contracts/updateEndDate"),
    ("POST", "/v1/contracts/setUsageFilter"),
)
ARCHIVES = (
    ("POST", "/v1/customers/*/setIngestAliases"),
    ("POST", "/v1/customers/archive"),
    ("POST", "/v1/contract-pricing/rate-cards/archive"),
    ("POST", "/v1/contract-pricing/products/archive"),
    ("POST", "/v1/billable-metrics/archive"),
    ("POST", "/v1/contracts/archive"),
)
MATRIX = [
    (phase, method, path, fault)
    for phase, endpoints in (("create", CREATES), ("update", UPDATES), ("archive", ARCHIVES))
    for method, path in endpoints
    for fault in FAULTS
]


def prepared(project: Project, phase: str, path: str) -> tuple[str, ...]:
    """The state before a phase, and the command that goes through it."""
    project.write(FULL)
    if phase == "create":
        return ("apply", "--yes")
    project.apply()
    project.forget_requests()
    if phase == "update":
        project.write(CHANGED)
        return ("apply", "--yes", *ALLOW)
    if path == "/v1/contracts/archive":
        lines = FULL.splitlines(keepends=True)
        project.write("".join(line for line in lines if not line.startswith("      other:")))
        return ("apply", "--yes", *ALLOW)
    return ("destroy", "--yes")


def check(base: Project, folder: Path, method: str, path: str, fault: str, arguments: tuple[str, ...], *, times: int) -> None:
    """Meet a fault, run again until it is done, and compare with a run on a good line."""
    good, bad = copy_of(base, folder / "good"), copy_of(base, folder / "bad")
    good.ok(*arguments)
    struck = Fault(fault, method, path, times)
    with bad_line(struck):
        first = bad.run(*arguments)
    assert struck.struck, f"{method} {path} was never called"
    assert first.code in (0, 1, 3), first.err
    assert first.err == "" or "Traceback" not in first.err
    for _ in range(3):
        with bad_line():
            again = bad.run(*arguments)
        if again.code == 0:
            break
    assert again.code == 0, again.err
    assert live_objects(bad) == live_objects(good)
    if arguments[0] == "apply":
        assert bad.actions() == {}
    assert not bad.journal.exists()
    with bad_line():
        from_the_lockfile_before(base, bad, *arguments)
    assert live_objects(bad) == live_objects(good), "another clone made something again"


def cases() -> list[Any]:
    """A fixed sample of the matrix that has every fault and every endpoint."""
    chosen = random.Random(SEED).sample(MATRIX, SAMPLE)
    return [pytest.param(*case, id=" ".join(case)) for case in chosen]


@pytest.mark.parametrize(("phase", "method", "path", "fault"), cases())
def test_fault(project: Project, tmp_path: Path, phase: str, method: str, path: str, fault: str) -> None:
    """One fault on one write."""
    base = copy_of(project, tmp_path / "base")
    arguments = prepared(base, phase, path)

    check(base, tmp_path, method, path, fault, arguments, times=1)


@pytest.mark.long
@pytest.mark.parametrize("times", [1, 20])
@pytest.mark.parametrize(("phase", "method", "path", "fault"), MATRIX)
def test_every_fault(project: Project, tmp_path: Path, phase: str, method: str, path: str, fault: str, times: int) -> None:
    """Every fault on every write, once and more often than a run tries."""
    base = copy_of(project, tmp_path / "base")
    arguments = prepared(base, phase, path)

    check(base, tmp_path, method, path, fault, arguments, times=times)


def test_independent_work_goes_on(project: Project) -> None:
    """A failed call blocks what needs it and nothing else: exit 3, the blocked are named, the next apply resumes."""
    with bad_line(Fault("500 before", "POST", "/v1/contract-pricing/products/create", 1)):
        result = project.run("apply", "--yes")

    assert result.code == 3
    assert "product.image_generation: failed" in result.err
    assert "contract.demo.payg: not tried, it needs product.image_generation" in result.err
    assert sorted(project.recorded) == ["billable_metric.image_generation", "customer.demo", "rate_card.standard"]
    assert project.spec.read_text() == EXAMPLE
    with bad_line():
        resumed = project.apply()
    assert "Recovered POST /v1/contract-pricing/products/create for product.image_generation: it took effect" in resumed.err
    assert resumed.last.startswith("Apply complete: 4 created")
    assert project.actions() == {}


def test_nothing_done_is_exit_1(project: Project) -> None:
    """Exit 3 needs at least one change done."""
    faults = [Fault("500 before", "POST", path, 9) for _, path in CREATES[:3]] + [Fault("500 before", "POST", "/v1/customers", 9)]
    with bad_line(*faults):
        result = project.run("apply", "--yes")

    assert result.code == 1
    assert result.out.endswith("Apply incomplete: 0 created, 0 updated, 0 replaced, 0 scheduled, 0 archived. 0 calls.\n")


def test_reviewed_plan_goes_on_after_exit_3(project: Project) -> None:
    """apply FILE after a partial apply carries out what is left of it."""
    project.ok("plan", "--out", "plan.json")
    with bad_line(Fault("500 before", "POST", "/v1/contract-pricing/products/create", 1)):
        assert project.run("apply", "plan.json", "--yes").code == 3

    with bad_line():
        result = project.run("apply", "plan.json", "--yes")

    assert result.code == 0, result.err
    assert project.actions() == {}
