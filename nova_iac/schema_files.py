"""Where the JSON Schemas are: beside the package in a checkout, inside it in an installed wheel."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent


def folder() -> Path:
    """The folder that holds ``spec.schema.json``, ``common.schema.json`` and ``kinds/``."""
    installed = _PACKAGE / "_schemas"
    return installed if installed.is_dir() else _PACKAGE.parent / "schemas"


@cache
def read(name: str) -> dict[str, Any]:
    """One schema file as data; treat it as read-only, it is shared."""
    data: dict[str, Any] = json.loads((folder() / name).read_text(encoding="utf-8"))
    return data


def definitions() -> dict[str, Any]:
    """The ``$defs`` that kind schemas refer to."""
    shared: dict[str, Any] = read("common.schema.json")["$defs"]
    return shared
