"""Offline checks of billing sense: each code at least once, at its place, with what to do, and no other problem beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import Project

SPEC = """\
version: 1
environments: {local: {emulator: true}}

billable_metrics:
  images:
    name: Images
    aggregation_type: SUM
    aggregation_key: count
    group_keys: [[size, user]]
    property_filters:
      - {name: count, exists: true}
      - {name: size, in_values: [s, m]}
      - {name: user, exists: true}
  regional:
    name: Regional
    aggregation_type: COUNT
    group_keys: [[region, zone]]
    property_filters: [{name: region, exists: true}, {name: zone, not_in_values: [test], exists: true}]

products:
  images:
    name: Images
    type: USAGE
    billable_metric: images
    pricing_group_key: [size]
    presentation_group_key: [user]
  regional: {name: Regional, type: USAGE, billable_metric: regional, pricing_group_key: [region, zone]}
  calls: {name: Calls, type: USAGE, billable_metric: regional}
  support: {name: Support, type: COMPOSITE, composite_products: [calls]}
  seat: {name: Seat, type: SUBSCRIPTION}
  fee: {name: Fee, type: FIXED}

rate_cards:
  standard:
    name: Standard
    aliases: [{name: list, ending_before: 2027-01-01}]
    rates:
      images:
        - {starting_at: 2026-01-01, prices: {s: $0.01, m: $0.02}}
      regional:
        - {starting_at: 2026-01-01, prices: [{region: eu, zone: a, price: $1}]}
      calls:
        - {starting_at: 2026-01-01, price: $0.01}
        - {starting_at: 2026-06-01, tiers: [{size: 10, price: $0.01}, {price: $0.005}]}
      support:
        - {starting_at: 2026-01-01, percent: 10}
      seat:
        - {starting_at: 2026-01-01, billing_frequency: MONTHLY, price: $10}
  later:
    name: Later
    aliases: [{name: list, starting_at: 2027-01-01}]

customers:
  acme:
    name: Acme
    ingest_aliases: [acme]
    contracts:
      one: {rate_card: standard, starting_at: 2026-01-01, ending_before: 2026-06-01}
      two: {rate_card_alias: list, starting_at: 2026-06-01}
  beta: {name: Beta, ingest_aliases: [beta]}
"""


CALLS = SPEC[SPEC.index("      calls:") : SPEC.index("      support:")]


@dataclass(frozen=True)
class Check:
    """One edit of the sound spec, the code that it gives, where it points (before the ^ of at), and what it says."""

    code: str
    old: str
    new: str
    at: str
    says: str
    warning: bool = False


CHECKS = [
    Check("NV301", "    aggregation_key: count\n", "",
          "type: ^SUM", "SUM needs aggregation_key"),
    Check("NV302", "aggregation_key: count", "aggregation_key: total",
          "key: ^total", "add {name: total, exists: true}"),
    Check("NV302", "group_keys: [[size, user]]", "group_keys: [[size, user], [team]]",
          "[^team", "add {name: team, exists: true}"),
    Check("NV302", "{name: user, exists: true}\n  reg", "{name: user, not_in_values: [x]}\n  reg",
          "[[size, ^user", "exists: true or in_values"),
    Check("NV303", "aggregation_type: SUM", "aggregation_type: UNIQUE",
          "type: ^UNIQUE", "SQL metrics", warning=True),
    Check("NV304", "type: SUBSCRIPTION}", "type: SUBSCRIPTION, presentation_group_key: [a]}",
          "key: ^[a]", "this one is SUBSCRIPTION"),
    Check("NV304", "composite_products: [calls]}", "composite_products: [calls], billable_metric: images}",
          "metric: ^images}", "USAGE"),
    Check("NV305", "type: COMPOSITE, composite_products: [calls]}", "type: COMPOSITE}",
          "  ^support: {name", "composite_products or composite_tags"),
    Check("NV305", "type: USAGE, billable_metric: regional}", "type: USAGE}",
          "  ^calls: {name", "without one it never bills"),
    Check("NV306", "group_keys: [[size, user]]", "group_keys: [[size], [user]]",
          "key: ^[size]\n", "add [size, user] to its group_keys"),
    Check("NV306", "presentation_group_key: [user]", "presentation_group_key: [team]",
          "pricing_group_key: ^[size]", "[size, team]"),
    Check("NV307", "ending_before: 2026-06-01}", "ending_before: 2026-01-01}",
          "before: ^2026-01-01}", "not after its start"),
    Check("NV307", "2026-01-01, price: $0.01}", "2026-01-01, ending_before: 2025-01-01, price: $0.01}",
          "before: ^2025", "the entry ends"),
    Check("NV307", "starting_at: 2027-01-01}]", "starting_at: 2027-01-01, ending_before: 2027-01-01}]",
          "before: ^2027-01-01}]\n\n", "alias 'list'"),
    Check("NV308", "{name: list, ending_before: 2027-01-01}", "{name: list}",
          "[{name: ^list, starting", "rate_card.standard and rate_card.later at once"),
    Check("NV309", CALLS, "",
          "  ^calls: {name", "no rate card prices product.calls", warning=True),
    Check("NV310", "ingest_aliases: [beta]", "ingest_aliases: [beta, acme]",
          "[beta, ^acme", "an ingest alias of customer.acme"),
    Check("NV311", "starting_at: 2026-06-01}\n  beta",
          "starting_at: 2026-06-01, usage_statement_schedule: {frequency: MONTHLY, day: CUSTOM_DATE}}\n  beta",
          "day: ^CUSTOM", "needs billing_anchor_date"),
    Check("NV311", "starting_at: 2026-06-01}\n  beta",
          "starting_at: 2026-06-01, usage_statement_schedule: {frequency: MONTHLY, billing_anchor_date: 2026-06-15}}\n  beta",
          "date: ^2026-06-15", "needs day: CUSTOM_DATE"),
    Check("NV312", "{name: list, ending_before: 2027-01-01}", "{name: list, ending_before: 2026-03-01}",
          "alias: ^list", "no card of this spec has the alias 'list'"),
    Check("NV313", "ending_before: 2026-06-01}", "ending_before: 2026-07-01}",
          "alias: list, starting_at: ^2026-06-01", "billed on both", warning=True),
    Check("NV314", "name: Beta,", "name: Beta, lifecycle: {ignore_changes: [nmae]},",
          "[^nmae", "a customer has no nmae"),
    Check("NV315", "group_keys: [[size, user]]", "group_keys: [[size, user], [user, size]]",
          "user], ^[user", "means nothing"),
    Check("NV320", "2026-01-01, price: $0.01}", "2026-01-01, price: $0.01, percent: 3}",
          "percent: ^3}", "price and percent"),
    Check("NV320", "{s: $0.01, m", "{s: {price: $0.01, tiers: [{price: $3}]}, m",
          "{s: ^{price", "one is enough"),
    Check("NV321", "- {starting_at: 2026-01-01, price: $0.01}", "- {starting_at: 2026-01-01}",
          "- ^{starting_at: 2026-01-01}\n", "entitled: false"),
    Check("NV321", "- {starting_at: 2026-01-01, price: $0.01}", "- {starting_at: 2026-01-01, entitled: false}",
          "entitled: ^false", "has no price before"),
    Check("NV321", "prices: {s: $0.01, m: $0.02}}", "entitled: false}",
          "entitled: ^false", "no value of product.images has a price before"),
    Check("NV322", "[{region: eu, zone: a, price: $1}]", "[{region: eu, zone: a, price: $1}, {zone: a, region: eu, price: $2}]",
          ", ^{zone: a, region", "region=eu, zone=a has a price above"),
    Check("NV323", "prices: {s: $0.01, m: $0.02}", "price: $0.01",
          "images:\n        - {starting_at: 2026-01-01, price: ^$", "priced by size"),
    Check("NV324", "2026-01-01, price: $0.01}", "2026-01-01, prices: {s: $0.01}}",
          "prices: ^{s: $0.01}}", "has no pricing_group_key: write price"),
    Check("NV324", "[{region: eu, zone: a, price: $1}]", "{eu: $1}",
          "prices: ^{eu", "- {region: …, zone: …, price: $…}"),
    Check("NV324", "{region: eu, zone: a, price: $1}", "{region: eu, price: $1}",
          "[^{region: eu, price", "one value for each group key"),
    Check("NV324", "{region: eu, zone: a, price: $1}", "{values: {region: eu}, zone: a, price: $1}",
          "[^{values", "region, zone"),
    Check("NV326", "      seat:\n", "      fee:\n        - {starting_at: 2026-01-01, price: $5}\n      seat:\n",
          "price: ^$5", "priced where it is used"),
    Check("NV327", "2026-01-01, price: $0.01}", "2026-01-01, percent: 3}",
          "percent: ^3}", "a USAGE product takes price or tiers"),
    Check("NV327", "percent: 10", "price: $10",
          "support:\n        - {starting_at: 2026-01-01, price: ^$10", "a COMPOSITE product takes percent or tiers"),
    Check("NV327", "MONTHLY, price: $10", "MONTHLY, price: $10, commit_rate: {price: $9}",
          "price: ^$10,", "commit_rate is for USAGE"),
    Check("NV327", "percent: 10", "tiers: [{size: 1, price: $1}, {price: $2}]",
          "tiers: ^[{size: 1, price", "are {size, percent}"),
    Check("NV327", "[{size: 10, price: $0.01}, {price: $0.005}]", "[{size: 10, percent: 3}, {percent: 2}]",
          "tiers: ^[{size: 10, percent", "are {size, price}"),
    Check("NV328", "2026-01-01, price: $0.01}", "2026-01-01, price: €0.01}",
          "price: ^€", "the card's currency is USD"),
    Check("NV328", "2026-01-01, price: $0.01}", "2026-01-01, price: 5 tokens}",
          "price: ^5 tokens", "not a unit that the card converts"),
    Check("NV329", "[{size: 10, price: $0.01}, {price: $0.005}]", "[{price: $0.01}, {price: $0.005}]",
          "tiers: ^[{price", "tier 1 of 2 needs a size"),
    Check("NV330", "{price: $0.005}]", "{size: 20, price: $0.005}]",
          "tiers: ^[{size: 10", "leave its size out"),
    Check("NV331", "m: $0.02}", "m: $0.02, xl: $1}",
          "xl: ^$1", "it lets through s, m"),
    Check("NV331", "zone: a, price: $1}", "zone: test, price: $1}",
          "[^{region: eu, zone: test", "would never be used"),
    Check("NV332", "billing_frequency: MONTHLY, ", "",
          "seat:\n        - ^{starting", "MONTHLY, QUARTERLY, ANNUAL or WEEKLY"),
    Check("NV332", "2026-01-01, price: $0.01}", "2026-01-01, billing_frequency: WEEKLY, price: $0.01}",
          "frequency: ^WEEKLY", "this one is USAGE"),
    Check("NV333", "2026-06-01, tiers", "2025-06-01, tiers",
          "tiers: ^[", "each later than the one before"),
    Check("NV333", "2026-06-01, tiers", "2026-01-01, tiers",
          "tiers: ^[", "at the same instant above"),
    Check("NV334", "2026-01-01, price: $0.01}", "2026-01-01, ending_before: 2026-07-01, price: $0.01}",
          "before: ^2026-07", "the next entry ends it"),
    Check("NV335", "2026-01-01, price: $0.01}", "2026-01-01, ending_before: 2026-05-01, price: $0.01}",
          "before: ^2026-05", "no price from 2026-05-01", warning=True),
]  # fmt: skip


def validated(folder: Path, spec: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and problems of a spec."""
    result = Project(folder, spec).run("validate", "--format", "json")
    return result.code, result.json["diagnostics"]


def test_sound_spec_has_no_problem(tmp_path: Path) -> None:
    """The spec that the edits are made to is sound."""
    assert validated(tmp_path, SPEC) == (0, [])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.code} {check.says}")
def test_check_points_at_its_place(check: Check, tmp_path: Path) -> None:
    """Code, severity, line and column, and what to do; a warning leaves the exit code alone."""
    assert SPEC.count(check.old) == 1, check.old
    spec = SPEC.replace(check.old, check.new)
    before, after = check.at.split("^")
    assert spec.count(before + after) == 1, before + after
    place = spec.index(before + after) + len(before)

    code, problems = validated(tmp_path, spec)

    assert [(problem["code"], problem["severity"]) for problem in problems] == [
        (check.code, "warning" if check.warning else "error")
    ]
    location = problems[0]["location"]
    assert (location["file"], location["line"]) == ("billing.yaml", spec.count("\n", 0, place) + 1)
    assert location["column"] == place - spec.rfind("\n", 0, place)
    assert check.says in problems[0]["detail"]
    assert code == (0 if check.warning else 1)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Edits that don't touch each other give the problems of each, in the order of the file."""
    spec, wanted = SPEC, ["NV304", "NV306", "NV311", "NV314", "NV320", "NV326", "NV331", "NV332"]
    for code in wanted:
        check = next(check for check in CHECKS if check.code == code)
        assert check.old in spec
        spec = spec.replace(check.old, check.new)

    _, problems = validated(tmp_path, spec)

    assert sorted(problem["code"] for problem in problems) == wanted
    places = [(problem["location"]["line"], problem["location"]["column"]) for problem in problems]
    assert places == sorted(places)


def test_every_code_of_the_kinds_is_here() -> None:
    """The table has each NV3xx code that the kinds can give."""
    root = Path(__file__).parents[2] / "nova_iac" / "kinds"
    codes = {code for path in root.glob("*.py") for code in re.findall(r"NV3\d\d", path.read_text(encoding="utf-8"))}
    assert codes == {check.code for check in CHECKS} | {"NV325"}


def test_group_key_that_is_a_word_of_entries(tmp_path: Path) -> None:
    """NV325: a group key called price is named under values, where it can't be mistaken."""
    spec = SPEC.replace("group_keys: [[region, zone]]", "group_keys: [[price, zone]]").replace("{name: region", "{name: price")
    spec = spec.replace("pricing_group_key: [region, zone]", "pricing_group_key: [price, zone]")
    short = spec.replace("{region: eu, zone: a, price: $1}", "{zone: a, price: $1}")
    whole = spec.replace("{region: eu, zone: a, price: $1}", "{values: {price: eu, zone: a}, price: $1}")

    assert [problem["code"] for problem in validated(tmp_path, short)[1]] == ["NV325"]
    assert validated(tmp_path, whole) == (0, [])
