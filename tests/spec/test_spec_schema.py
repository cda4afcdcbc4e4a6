"""The assembled schema: what it is made of, and that it serves editors as well as the tool."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
import yaml
from spec_kit import HEAD, problems_of

from nova_iac import schema_files
from nova_iac.kinds import KINDS
from nova_iac.spec import problems
from nova_iac.spec.schema import Flaw, bundle, bundle_text, wording

COMMITTED = schema_files.folder() / "billing.schema.json"


def test_the_committed_bundle_is_current() -> None:
    """schemas/billing.schema.json is what `nova-iac schema` prints."""
    assert COMMITTED.read_text(encoding="utf-8") == bundle_text()


def test_the_bundle_is_a_schema() -> None:
    """It is valid draft 2020-12 by both validators, and every reference in it leads somewhere."""
    jsonschema.Draft202012Validator.check_schema(bundle())
    assert jsonschema_rs.meta.is_valid(bundle())
    references = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', bundle_text()))
    assert references <= set(bundle()["$defs"])


def test_every_kind_has_its_place() -> None:
    """Every kind's own fields are in the bundle, its children under their section, and lifecycle in every mapping."""
    for kind in KINDS.values():
        definition = bundle()["$defs"][kind.name]
        place = bundle() if kind.parent is None else bundle()["$defs"][kind.parent]
        section = place["properties"][kind.section]

        assert section["additionalProperties"] == {"$ref": f"#/$defs/{kind.name}"}
        assert section["propertyNames"] == {"$ref": "#/$defs/key"}
        if kind.schema["type"] == "object":
            assert set(definition["properties"]) >= set(kind.schema["properties"]) | {"lifecycle"}
        else:
            assert definition == kind.schema


def test_the_kinds_own_schemas_are_left_alone() -> None:
    """Assembling copies: a kind's schema has neither lifecycle nor child sections."""
    bundle()
    for kind in KINDS.values():
        assert "lifecycle" not in kind.schema.get("properties", {})


class _CoreLoader(yaml.CSafeLoader):
    """YAML 1.2 core scalars, as editors read them: no dates, no octal, no yes and no."""


_CoreLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", "[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789."),
    ("null", "~|null|Null|NULL|", "~nN\0"),
):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))

EDITED = f"""{HEAD}x-anchors: {{a: 1}}
include: []
moved: {{product.old: product.api}}
billable_metrics:
  calls: {{name: Calls, aggregation_type: COUNT, event_type_filter: {{in_values: [call]}}}}
products:
  api:
    name: API
    type: USAGE
    billable_metric: calls
    quantity_conversion: {{conversion_factor: 0.001, operation: MULTIPLY}}
    lifecycle: {{protect: true}}
  all: {{name: All, type: COMPOSITE, composite_products: [api]}}
rate_cards:
  standard:
    name: Standard
    rates:
      api:
        - {{starting_at: 2025-09-01, tiers: [{{size: 1000, price: $0}}, {{price: $0.0004}}]}}
        - {{starting_at: 2026-09-01T00:00:00Z, prices: {{eu: $1, us: {{price: $2}}}}}}
        - {{starting_at: 2027-09-01, prices: [{{region: eu, price: $1}}, {{values: {{region: us}}, price: $2}}]}}
      all: [{{starting_at: 2025-09-01, percent: 10}}]
customers:
  acme:
    name: Acme
    contracts:
      payg: {{rate_card: standard, starting_at: 2025-09-01, net_payment_terms_days: 30}}
"""


def test_what_an_editor_sees_is_valid(write: Callable[..., Path]) -> None:
    """A sound spec is valid as an editor reads it, quantities as numbers included, and for the tool."""
    seen = yaml.load(EDITED, _CoreLoader)

    assert [error.message for error in jsonschema.Draft202012Validator(bundle()).iter_errors(seen)] == []
    assert problems_of(write(EDITED.replace("x-anchors", "x-a"))) == ()


@pytest.mark.parametrize("change", [("COUNT", "CUONT"), ("$1", "1"), ("name: API", "nmae: API"), ("version: 1", "version: 2")])
def test_what_an_editor_marks(change: tuple[str, str], write: Callable[..., Path]) -> None:
    """The common mistakes are marked in an editor too."""
    text = EDITED.replace(*change)

    assert not jsonschema.Draft202012Validator(bundle()).is_valid(yaml.load(text, _CoreLoader))
    assert problems_of(write(text))


def _subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from _subschemas(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _subschemas(part)


def test_every_keyword_of_the_schemas_has_words() -> None:
    """A keyword that a kind starts to use must be worded, or checked while values are read."""
    from nova_iac.spec.judge import _WORDS

    checked_elsewhere = {"type", "additionalProperties", "propertyNames", "properties", "items", "patternProperties", "format"}
    silent = {"$schema", "$comment", "$defs", "$ref", "title", "description", "examples"}
    used = {
        word
        for schema in _subschemas(bundle())
        for word in schema
        if isinstance(schema.get("type", schema.get("$ref", schema.get("enum"))), str | list) and not word.startswith("x-")
    }
    names = {name for schema in _subschemas(bundle()) for name in schema.get("properties", {})}

    assert used - names <= set(_WORDS) | checked_elsewhere | silent


def test_the_table_of_codes() -> None:
    """Codes are NV and three digits, with a summary each; the warnings are among them; the code uses no other."""
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(problems.__file__).parent.glob("*.py"))

    assert all(re.fullmatch(r"NV[12]\d\d", code) for code in problems.SUMMARIES)
    assert all(summary and not summary.endswith(".") for summary in problems.SUMMARIES.values())
    assert set(problems.SUMMARIES) >= problems.WARNINGS
    assert set(re.findall(r'"(NV\d+)"', sources)) == set(problems.SUMMARIES)


def test_the_bundle_has_stable_bytes() -> None:
    """Two assemblies give the same bytes."""
    before = bundle_text()
    bundle.cache_clear()

    assert bundle_text() == before
    assert json.loads(before) == bundle()


@pytest.mark.parametrize(
    ("word", "choices", "expected"),
    [
        ("nmae", ["name", "type"], "name"),
        ("sum", ["COUNT", "SUM"], "SUM"),
        ("colour", ["name", "type"], None),
        ("billable_metric_id", ["billable_metric", "tags"], "billable_metric"),
        ("customer_1234x", {f"customer_{i}": 1 for i in range(20_000)}, "customer_1234"),
        ("customre_1234", {f"customer_{i}": 1 for i in range(20_000)}, "customer_1234"),
        ("nothing-like-it", {f"customer_{i}": 1 for i in range(20_000)}, None),
        ("customer_12x4x", {f"customer_{i}": 1 for i in range(20_000)}, None),
        ("x" * 1_000_000, {f"customer_{i}": 1 for i in range(20_000)}, None),
    ],
)
def test_nearest(word: str, choices: Any, expected: str | None) -> None:
    """A typo finds what was meant, also among very many, and what is far away finds nothing."""
    assert problems.nearest(word, choices) == expected


def test_keyword_without_words_of_its_own_speaks_jsonschemas() -> None:
    """A keyword that no kind uses yet is still explained."""
    flaw = Flaw("multipleOf", ("size",), {"multipleOf": 2}, 2, 3, "the fast validator's words")

    assert wording(flaw) == "3 is not a multiple of 2"
