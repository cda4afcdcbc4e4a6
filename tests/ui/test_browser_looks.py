"""What everybody can see, hear and reach: contrast, labels, focus, small screens, motion, and nothing that jumps."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path

import pytest
from browser_kit import Browser
from support import Project

pytestmark = pytest.mark.browser

CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
SCREENS = list(product((375, 1280), (False, True)))


def test_contrast(browser: Browser, project: Project) -> None:
    """Text has 4.5 to 1 or more, disabled buttons too, in every state, on both screens, in light and in dark."""
    browser.open()
    require_contrast(browser, "start")
    browser.set_up()
    browser.generate("ultra")
    require_contrast(browser, "done")
    with project.account() as sdk:
        sdk.v1.customers.set_name(customer_id=project.id("customer.demo"), name="Somebody else")
    project.edit("$0.10}", "$0.12}")
    project.edit("      payg: {", "      other: {")
    browser.press("Plan again")
    browser.until("return document.querySelector('#resources [data-state=drifted]')")
    assert set(browser.run("return [...document.querySelectorAll('#resources .state')].map((one) => one.dataset.state)")) == {
        "synced", "drifted", "changed", "absent", "leaving",
    }  # fmt: skip
    browser.run("document.querySelector('#step-pricing button').click()")
    browser.until("return document.querySelector('[role=alert]')")
    require_contrast(browser, "drifted, with an error")
    project.edit("{emulator: true}", "{emulator: true, protected: true}")
    browser.run("document.querySelector('.message button').click()")
    browser.press("Plan again")
    browser.until("return !document.querySelector('#protected').hidden")
    require_contrast(browser, "protected")


def require_contrast(browser: Browser, state: str) -> None:
    """No piece of text with too little contrast, and enough pieces that were looked at."""
    for width, dark in SCREENS:
        browser.look(width=width, dark=dark)
        found = browser.run(CONTRAST, 4.5)
        assert found["seen"] > 40
        assert found["poor"] == [], f"{state}, {width} px, {'dark' if dark else 'light'}"
    browser.look()


def test_contrast_finds_what_is_poor(browser: Browser) -> None:
    """The measure measures."""
    browser.open()
    browser.run("document.querySelector('#usage-title').style.color = '#999'")

    assert [one.split(" ", 1)[1] for one in browser.run(CONTRAST, 4.5)["poor"]] == ["Usage today"]


def test_everything_has_a_name(browser: Browser) -> None:
    """Landmarks, headings in order, one h1; every control and region has a name; no id twice; pictures have their alt."""
    browser.open()
    browser.set_up()

    for one in browser.driver.find_elements(
        "css selector", "button, select, a, [tabindex='0'], [role=region], section, ul.groups"
    ):
        if one.is_displayed():
            assert one.accessible_name, one.get_attribute("outerHTML")[:100]
    levels = browser.run("return [...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = browser.run("return [...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    for selector in ("header", "main", "footer", "[role=status][aria-live=polite]", "html[lang=en]", "noscript"):
        assert browser.run("return document.querySelectorAll(arguments[0]).length", selector) == 1, selector
    assert browser.run("return [...document.images].every((one) => one.hasAttribute('alt'))")
    references = browser.run(
        "return [...document.querySelectorAll('[aria-labelledby], [aria-describedby]')]"
        ".flatMap((one) => [one.getAttribute('aria-labelledby'), one.getAttribute('aria-describedby')]).filter(Boolean)"
    )
    assert set(references) <= set(ids)


FOCUS = ["Skip to usage", "Set up pricing", "List of resources", "Plan again", "Plan as text"]
FOCUS_DONE = [
    "Skip to usage",
    *(f"Generate 1 {tier}" for tier in ("standard", "high-res", "ultra")),
    "List of resources",
    "Plan again",
    "Plan as text",
]


@pytest.mark.parametrize("width", [375, 1280])
def test_focus_order(browser: Browser, width: int) -> None:
    """Tab goes through the page as it is read, shows where it is, and skips what can't be used."""
    browser.look(width=width)
    browser.open()
    assert tabbed(browser, len(FOCUS)) == FOCUS

    browser.set_up()
    browser.run("document.activeElement.blur()")
    browser.open()
    assert tabbed(browser, len(FOCUS_DONE)) == FOCUS_DONE


def tabbed(browser: Browser, count: int) -> list[str]:
    """The names of what Tab comes to; each is seen to have the focus and stands in the page's order."""
    from selenium.webdriver.common.keys import Keys

    names = []
    for _ in range(count):
        browser.keys(Keys.TAB)
        one = browser.driver.switch_to.active_element
        names.append(one.accessible_name)
        style = browser.run("const s = getComputedStyle(arguments[0]); return [s.outlineStyle, parseFloat(s.outlineWidth)]", one)
        assert style[0] != "none", one.accessible_name
        assert style[1] >= 2, one.accessible_name
    return names


@pytest.mark.parametrize("width", [320, 375, 768, 1024, 1280])
def test_no_sideways_scrolling(browser: Browser, width: int) -> None:
    """Nothing is wider than the screen, down to 320 pixels."""
    browser.look(width=width)
    browser.open()
    browser.set_up()

    assert browser.run("return document.documentElement.scrollWidth") <= width


def test_targets_are_large_enough_for_a_finger(browser: Browser) -> None:
    """On a phone every button is at least 44 pixels high and wide."""
    browser.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        browser.look(width=375)
        browser.open()
        sizes = browser.run(
            "return [...document.querySelectorAll('button:not([hidden])')].map((one) => one.getBoundingClientRect())"
            ".map((box) => Math.min(box.width, box.height))"
        )
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})

    assert len(sizes) >= 7
    assert min(sizes) >= 44


SHIFT = """
const done = arguments[0];
let sum = 0;
const add = (list) => list.getEntries().forEach((one) => { if (!one.hadRecentInput) sum += one.value; });
new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
"""


@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_jumps(browser: Browser, width: int) -> None:
    """What appears by itself moves nothing: the layout shift of loading and of new usage stays under 0.05."""
    browser.look(width=width)
    browser.open()
    browser.set_up()
    browser.generate("ultra")
    browser.open()
    browser.until("return document.querySelector('#total').textContent === '$0.10'")

    shift = browser.driver.execute_async_script(SHIFT)

    assert shift < 0.05


def test_motion_is_reduced_when_asked(browser: Browser) -> None:
    """Bars glide, unless the person wants no motion: then nothing moves at all."""
    browser.look(calm=True)
    browser.open()
    browser.set_up()
    browser.press("Generate 1 ultra")
    assert browser.run("return document.getAnimations().length") == 0
    assert browser.run("return getComputedStyle(document.querySelector('.bar span')).transitionDuration") == "0s"

    browser.look(calm=False)
    assert browser.run("return getComputedStyle(document.querySelector('.bar span')).transitionDuration") == "0.42s"


def test_numbers_are_tabular(browser: Browser) -> None:
    """Digits have one width, so that amounts stand below each other and don't tremble."""
    browser.open()

    assert browser.run("return getComputedStyle(document.querySelector('.amount')).fontVariantNumeric") == "tabular-nums"


ROOM_LEFT = """
const bottom = (selector) => document.querySelector(selector).getBoundingClientRect().bottom;
return bottom(arguments[0]) - bottom(arguments[1]);
"""


def test_usage_fills_its_card_beside_the_resources(browser: Browser) -> None:
    """On a desktop both cards are equally high, and neither has a gap at its foot, nor a list that scrolls without need."""
    browser.open()
    browser.set_up()

    assert browser.run(ROOM_LEFT, "#usage", "#resources") == 0
    assert browser.run(ROOM_LEFT, "#usage", "#usage-note") < 40
    assert (
        browser.run("const list = document.querySelector('.resources .scroll'); return list.scrollHeight - list.clientHeight")
        <= 0
    )
