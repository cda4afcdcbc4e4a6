"""What a change costs in calls does not depend on what it has nothing to do with."""

from __future__ import annotations

from support import Project

VALUES = 1_000


def spec(changed: str = "$0.01") -> str:
    """One card with a thousand prices; one of them can be another."""
    prices = "".join(f"            v{number}: {changed if number == 500 else '$0.01'}\n" for number in range(VALUES))
    return f"""\
version: 1
environments: {{local: {{emulator: true}}}}
billable_metrics:
  calls:
    name: Calls
    aggregation_type: COUNT
    group_keys: [[model]]
    property_filters: [{{name: model, exists: true}}]
products:
  calls: {{name: Calls, type: USAGE, billable_metric: calls, pricing_group_key: [model]}}
rate_cards:
  standard:
    name: Standard
    rates:
      calls:
        - starting_at: 2025-09-01
          prices:
{prices}"""


def test_one_price_of_a_thousand(project: Project) -> None:
    """One changed price is one write; the reads don't grow with unrelated customers."""
    project.write(spec())
    assert project.apply().last.endswith("13 calls.")
    project.forget_requests()
    project.write(spec("$0.02"))
    assert project.plan()["summary"]["update"] == 1
    reads = len(project.requests())
    with project.account() as account:
        for number in range(250):
            account.v1.customers.create(name=f"Unrelated {number}", ingest_aliases=[f"u{number}"])
    project.forget_requests()

    project.apply("--allow", "NV401")

    assert project.writes() == [("POST", "/v1/contract-pricing/rate-cards/addRates")]
    assert len(project.requests()) == reads + 1
