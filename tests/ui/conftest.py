"""Fixtures of the view's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import Project
from ui_kit import View, opened


@pytest.fixture
def view(project: Project) -> Iterator[View]:
    """The view of the example, before anything is applied."""
    with opened(project) as found:
        yield found


@pytest.fixture
def shop(view: View) -> View:
    """The same, with pricing, customer and contract in place."""
    view.set_up()
    return view
