"""docs/emulator.md says what the routes say."""

from __future__ import annotations

import re
from pathlib import Path

import metronome

from nova_iac.emulator import endpoints, routes

DOCUMENT = Path(__file__).parents[2] / "docs" / "emulator.md"


def test_the_table_of_endpoints_is_current() -> None:
    """Generated from the routes: python -m nova_iac.emulator.endpoints docs/emulator.md"""
    document = DOCUMENT.read_text(encoding="utf-8")
    assert endpoints.renewed(document) == document


def test_every_endpoint_of_the_sdk_is_in_the_table() -> None:
    """§18: emulated or 501, none unknown."""
    folder = Path(metronome.__file__).parent / "resources"
    call = re.compile(
        r'self\._(get|post|put|patch|delete|get_api_list)\(\s*(?:path_template\(\s*)?"(/v[12]/[^"]+)"(.*?)\n        \)', re.DOTALL
    )
    known = {(route.method, re.sub(r"{\w+}", "{}", route.path)) for route in routes.ROUTES}
    seen = set()
    for path in folder.rglob("*.py"):
        for verb, template, rest in call.findall(path.read_text(encoding="utf-8")):
            stated = re.search(r'method="(\w+)"', rest)
            method = (stated.group(1) if stated else "get" if verb == "get_api_list" else verb).upper()
            seen.add((method, re.sub(r"{\w+}", "{}", template)))
    assert len(seen) > 100
    assert seen - known == set()


def test_no_endpoint_is_there_twice() -> None:
    """Emulated and not emulated at once, say."""
    assert len({(route.method, route.path) for route in routes.ROUTES}) == len(routes.ROUTES)
