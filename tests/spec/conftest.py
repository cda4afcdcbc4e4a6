"""Fixtures for the tests of the spec layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


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
