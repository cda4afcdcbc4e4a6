"""Fixtures of the view's tests."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import browser_kit
import pytest
from browser_kit import Browser
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


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser, one for the tests of a file. Without Chromium they are skipped, or fail where NOVA_REQUIRE_BROWSER=1."""
    missing = [name for name, path in (("chromium", browser_kit.CHROMIUM), ("chromedriver", browser_kit.DRIVER)) if path is None]
    if importlib.util.find_spec("selenium") is None:
        missing.append("selenium")
    if missing:
        told = f"not installed: {', '.join(missing)} (docs/testing.md says how)"
        if os.environ.get("NOVA_REQUIRE_BROWSER") == "1":
            pytest.fail(told)
        pytest.skip(told)
    with browser_kit.chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def browser(chromium: Browser, project: Project) -> Iterator[Browser]:
    """The browser before the view of the example; nothing is applied yet."""
    with browser_kit.serving(project) as url:
        yield chromium.at(url)
    chromium.leave()
