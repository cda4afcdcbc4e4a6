"""Small helpers for the tests of the spec layer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nova_iac.errors import Diagnostic, SpecError
from nova_iac.spec import load_spec
from nova_iac.spec.nodes import Mapping, Node, Scalar, Sequence

HEAD = "version: 1\nenvironments: {local: {emulator: true}}\n"
"""The least that a spec needs, in two lines; what a test adds begins on line 3."""


def brief(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """Each diagnostic as ``line:column code``, in the order of the file."""
    found = sorted(diagnostics, key=Diagnostic.sort_key)
    return [f"{d.location.line}:{d.location.column} {d.code}" if d.location else d.code for d in found]


def problems_of(path: Path, environment: str | None = None) -> tuple[Diagnostic, ...]:
    """What is wrong with a spec, raised or not."""
    try:
        return load_spec(path, environment).diagnostics
    except SpecError as trouble:
        return trouble.diagnostics


def plain(node: Node | None) -> Any:
    """A tree without its places; quoted scalars in a tuple."""
    match node:
        case Mapping(entries):
            return {name: plain(part) for name, part in entries.items()}
        case Sequence(items):
            return [plain(part) for part in items]
        case Scalar(text, is_plain):
            return text if is_plain else (text,)
    return None
