"""Small helpers for the tests of the spec layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from nova_iac.errors import Diagnostic, SpecError
from nova_iac.spec import load_spec

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


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes files beside ``billing.yaml`` and gives its path."""

    def write_files(billing: str | bytes, **others: str) -> Path:
        main = tmp_path / "billing.yaml"
        main.write_bytes(billing if isinstance(billing, bytes) else billing.encode())
        for name, text in others.items():
            path = tmp_path / name.replace("__", "/").replace("_yaml", ".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return main

    return write_files
