"""What care and layout don't need they don't load: neither the SDK nor what comes with it."""

from __future__ import annotations

import pytest
from support import Project
from test_startup import HEAVY, imported


@pytest.mark.parametrize(
    "arguments",
    [
        ("fmt",),
        ("fmt", "--check"),
        ("graph",),
        ("graph", "--plan", "--no-refresh"),
        ("state", "list"),
        ("state", "show", "customer.demo"),
        ("state", "mv", "customer.demo", "customer.other"),
        ("state", "forget", "customer.demo", "--yes"),
        ("state", "--help"),
        ("pull", "--help"),
    ],
    ids=" ".join,
)
def test_no_sdk_is_loaded(applied: Project, arguments: tuple[str, ...]) -> None:
    """Layout, graph and the lockfile's care run without SDK, deepdiff and database."""
    assert imported(applied.folder, *arguments) & HEAVY == set()
