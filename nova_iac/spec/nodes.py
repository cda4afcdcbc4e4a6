"""What the loader makes of YAML: a tree whose every part knows its place. Scalars are text; the schema says what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(slots=True)
class Scalar:
    """A scalar as written. plain: without quotes, so that ``true``, ``12`` and an empty value may mean more than text."""

    text: str
    plain: bool
    line: int
    column: int
    file: str


@dataclass(slots=True)
class Sequence:
    """A list."""

    items: list[Node]
    line: int
    column: int
    file: str


@dataclass(slots=True)
class Mapping:
    """A mapping. entries keep the order of the file; keys holds the scalar node of each key, for its place."""

    entries: dict[str, Node]
    keys: dict[str, Scalar]
    line: int
    column: int
    file: str


Node: TypeAlias = Scalar | Sequence | Mapping
