"""The schema of a whole spec, assembled from the frame, the shared definitions and each kind's own schema.

The kinds' files are the source: nobody edits the assembled schema. It validates typed data here, and files in an editor.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from nova_iac import schema_files
from nova_iac.kinds import KINDS
from nova_iac.kinds.shapes import Shape, Struct, compile_shape
from nova_iac.resource import Value
from nova_iac.spec.layout import children, is_list, roots

if TYPE_CHECKING:
    import jsonschema_rs

LIFECYCLE: Final = "lifecycle"


@cache
def bundle() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a spec; treat it as read-only, it is shared."""
    assembled: dict[str, Any] = copy.deepcopy(schema_files.read("spec.schema.json"))
    definitions: dict[str, Any] = copy.deepcopy(schema_files.definitions())
    for kind in KINDS.values():
        definition = copy.deepcopy(kind.schema)
        if not is_list(kind):
            definition["properties"][LIFECYCLE] = {"$ref": f"#/$defs/{LIFECYCLE}"}
        for section, child in children(kind.name).items():
            definition["properties"][section] = _section(child.name)
        definitions[kind.name] = definition
    for section, kind in roots().items():
        assembled["properties"][section] = _section(kind.name)
    assembled["$comment"] = "Generated from spec.schema.json, common.schema.json and kinds/*.schema.json: `nova-iac schema`."
    assembled["$defs"] = definitions
    return assembled


def bundle_text() -> str:
    """The bundle as it is printed and committed; equal bundles have equal bytes."""
    return json.dumps(bundle(), indent=2, ensure_ascii=False) + "\n"


def _section(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": KINDS[name].schema.get("description", ""),
        "propertyNames": {"$ref": "#/$defs/key"},
        "additionalProperties": {"$ref": f"#/$defs/{name}"},
    }


@cache
def shape_of(name: str) -> Shape:
    """The shape of a kind's block, its lifecycle and child sections among the fields."""
    return compile_shape(bundle()["$defs"][name], bundle()["$defs"])


@cache
def frame() -> Struct:
    """The shape of a whole spec."""
    shape = compile_shape(bundle(), bundle()["$defs"])
    assert isinstance(shape, Struct)
    return shape


@dataclass(frozen=True, slots=True)
class Flaw:
    """One violation of the schema.

    path leads to the value in the data. schema is the part of the bundle whose keyword is violated. value is the keyword's own
    value (for ``required`` the missing key). branches are the flaws of each alternative of ``oneOf`` and ``anyOf``.
    """

    keyword: str
    path: tuple[str | int, ...]
    schema: dict[str, Any]
    value: Any
    found: Value
    message: str
    branches: tuple[tuple[Flaw, ...], ...] = ()


def flaws(data: Value) -> list[Flaw]:
    """Every violation in typed data; quick when there is none."""
    validator = _validator()
    return [] if validator.is_valid(data) else [_flaw(error) for error in validator.iter_errors(data)]


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(bundle())


def _flaw(error: jsonschema_rs.ValidationError) -> Flaw:
    kind = error.kind
    return Flaw(
        keyword=kind.name,
        path=tuple(error.instance_path),
        schema=_part(error.schema_path[:-1]),
        value=getattr(kind, "value", None),
        found=error.instance,
        message=error.message,
        branches=tuple(tuple(map(_flaw, branch)) for branch in getattr(kind, "context", ())),
    )


def wording(flaw: Flaw) -> str:
    """What is wrong, in jsonschema's words, for a keyword that has none of our own."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator({**flaw.schema, "$defs": bundle()["$defs"]})
    own = (error.message for error in validator.iter_errors(flaw.found) if error.validator == flaw.keyword)
    return next(own, flaw.message)


def _part(path: Sequence[str | int]) -> dict[str, Any]:
    part: Any = bundle()
    for step in path:
        part = part[step]
    return part if isinstance(part, dict) else {}


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """A part of the bundle with its reference followed; annotations beside the reference win."""
    reference = schema.get("$ref")
    return schema if reference is None else {**bundle()["$defs"][reference.removeprefix("#/$defs/")], **schema}
