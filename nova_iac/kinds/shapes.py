"""Shapes: what a field's value is made of, compiled from the kind's JSON Schema, which stays the one source of truth.

A shape says how a YAML scalar is to be read (text, exact number, instant, money …) and where order doesn't matter, so that the
spec, the lockfile and the account are all brought to one canonical form. It never judges: validation is the schema's work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nova_iac.resource import Address, Value


@dataclass(frozen=True, slots=True)
class Shape:
    """Any value, left as it is."""


@dataclass(frozen=True, slots=True)
class Text(Shape):
    """Text; a plain YAML scalar such as ``0015500`` or ``no`` stays as written. Enumerations are texts too."""


@dataclass(frozen=True, slots=True)
class Boolean(Shape):
    """``true`` or ``false``, nothing else."""


@dataclass(frozen=True, slots=True)
class Integer(Shape):
    """A whole number."""


@dataclass(frozen=True, slots=True)
class Quantity(Shape):
    """An exact decimal; its canonical form is text."""

    minimum: str | None = None
    exclusive_minimum: str | None = None
    maximum: str | None = None


@dataclass(frozen=True, slots=True)
class MoneyText(Shape):
    """An amount with its unit; its canonical form is ``Money.text``."""


@dataclass(frozen=True, slots=True)
class Instant(Shape):
    """A date or instant; its canonical form is ``moment.text``. hour: only full hours are taken."""

    hour: bool = False


@dataclass(frozen=True, slots=True)
class Reference(Shape):
    """The key of a resource of a kind; its canonical form is the address."""

    kind: str


@dataclass(frozen=True, slots=True)
class Struct(Shape):
    """A mapping: known fields, and the shape of all others if it is open."""

    fields: Mapping[str, Shape]
    others: Shape | None = None


@dataclass(frozen=True, slots=True)
class Items(Shape):
    """A list. Where is_set, order means nothing; by names the member that identifies a mapping in the set."""

    item: Shape
    is_set: bool = False
    by: str | None = None


@dataclass(frozen=True, slots=True)
class ByNode(Shape):
    """One of several shapes, told apart by what stands in the YAML."""

    scalar: Shape | None = None
    mapping: Shape | None = None
    sequence: Shape | None = None


ANYTHING: Final = Shape()
_FORMATS: Final[Mapping[str, Shape]] = {"money": MoneyText(), "instant": Instant(), "hour": Instant(hour=True)}
_SCALARS: Final[Mapping[str, Shape]] = {"string": Text(), "boolean": Boolean(), "integer": Integer()}


def compile_shape(schema: Mapping[str, Any] | bool, definitions: Mapping[str, Any]) -> Shape:
    """The shape that a JSON Schema describes.

    :param definitions: the ``$defs`` that references point into.
    """
    if isinstance(schema, bool):
        return ANYTHING
    if reference := schema.get("$ref"):
        target = definitions[reference.removeprefix("#/$defs/")]
        return compile_shape({**target, **{k: v for k, v in schema.items() if k != "$ref"}}, definitions)
    if kind := schema.get("x-ref"):
        return Reference(kind)
    if schema.get("format") == "quantity":
        return Quantity(schema.get("x-minimum"), schema.get("x-exclusive-minimum"), schema.get("x-maximum"))
    if shape := _FORMATS.get(schema.get("format", "")):
        return shape
    if "enum" in schema:
        return Text()
    if "const" in schema:
        return Integer() if isinstance(schema["const"], int) else Text()
    if "anyOf" in schema:
        return _by_node([compile_shape(option, definitions) for option in schema["anyOf"]])
    return _container(schema, definitions) or _SCALARS.get(schema.get("type", ""), ANYTHING)


def _container(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Shape | None:
    if schema.get("type") == "object":
        fields = {name: compile_shape(part, definitions) for name, part in schema.get("properties", {}).items()}
        rest = schema.get("additionalProperties", False)
        return Struct(fields, None if rest is False else compile_shape(rest, definitions))
    if schema.get("type") == "array":
        by = schema.get("x-set-by")
        is_set = bool(schema.get("uniqueItems") or schema.get("x-set") or by)
        return Items(compile_shape(schema.get("items", True), definitions), is_set, by)
    return None


def _by_node(options: list[Shape]) -> Shape:
    def of(*types: type[Shape]) -> Shape | None:
        return next((option for option in options if isinstance(option, types)), None)

    return ByNode(
        scalar=of(Text, Boolean, Integer, Quantity, MoneyText, Instant, Reference), mapping=of(Struct), sequence=of(Items)
    )


def canonical(value: Value, shape: Shape) -> Value:
    """A value with its sets in one order and its references as addresses; everything else as it came.

    Scalars must already be canonical texts. Equal values have equal canonical forms.
    """
    match shape:
        case Reference(kind):
            return Address.of(kind, value) if isinstance(value, str) and not ("." in value or " " in value) else value
        case Items(item, is_set):
            members = [canonical(member, item) for member in value]
            return sorted(members, key=_sort_key) if is_set else members
        case Struct(fields, others):
            return {name: canonical(part, fields.get(name) or others or ANYTHING) for name, part in sorted(value.items())}
        case ByNode(scalar, mapping, sequence):
            chosen = mapping if isinstance(value, dict) else sequence if isinstance(value, list) else scalar
            return canonical(value, chosen or ANYTHING)
        case _:
            return value


def fits(value: Value, shape: Shape) -> bool:
    """Whether a canonical value can be one of a shape, by its type alone."""
    match shape:
        case Text() | Quantity() | MoneyText() | Instant() | Reference():
            return isinstance(value, str)
        case Boolean():
            return isinstance(value, bool)
        case Integer():
            return isinstance(value, int) and not isinstance(value, bool)
        case Items(item):
            return isinstance(value, list) and all(fits(member, item) for member in value)
        case Struct(fields, others):
            return isinstance(value, dict) and all(
                fits(part, fields.get(name) or others or ANYTHING) for name, part in value.items()
            )
        case _:
            return True


def references(value: Value, shape: Shape) -> list[Address]:
    """The addresses that a canonical value names."""
    match shape:
        case Reference():
            return [value] if isinstance(value, Address) else []
        case Items(item):
            return [address for member in value for address in references(member, item)]
        case Struct(fields):
            return [address for name, part in value.items() if name in fields for address in references(part, fields[name])]
        case _:
            return []


def as_keys(value: Value, shape: Shape) -> Value:
    """A canonical value with its references as keys again, as a spec has them."""
    match shape:
        case Reference():
            return value.keys[-1] if isinstance(value, Address) else value
        case Items(item):
            return [as_keys(member, item) for member in value]
        case Struct(fields, others):
            return {name: as_keys(part, fields.get(name) or others or ANYTHING) for name, part in value.items()}
        case _:
            return value


def unknown(value: Value, shape: Shape) -> list[tuple[str, str]]:
    """Kind and id of each reference in a canonical value that stands as an id, for want of a name."""
    match shape:
        case Reference(kind):
            return [] if isinstance(value, Address) or not isinstance(value, str) else [(kind, value.removeprefix("id "))]
        case Items(item):
            return [found for member in value or () for found in unknown(member, item)]
        case Struct(fields):
            return [found for name, part in (value or {}).items() if name in fields for found in unknown(part, fields[name])]
        case _:
            return []


def _sort_key(member: Value) -> str:
    return member if isinstance(member, str) else json.dumps(member, sort_keys=True, ensure_ascii=False)
