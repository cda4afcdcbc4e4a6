"""The page in a real Chromium, clicked through as a person does."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
from browser_kit import TOKEN, Browser, serving
from support import EXAMPLE, Project

pytestmark = pytest.mark.browser
TIERS = ("standard", "high-res", "ultra")


def test_whole_flow(browser: Browser, project: Project, tmp_path: Path) -> None:
    """Set up pricing, create customer, create contract, generate three of each tier: the bars come to 3/3/3 and $0.51."""
    browser.open()
    assert browser.text("#environment") == "local"
    assert browser.text("#account") == "Embedded emulator"
    assert browser.text("#resources-count") == "0 of 8 in sync"
    assert not browser.button("Create customer").is_enabled()
    assert not browser.button("Generate 1 ultra").is_enabled()
    pictures(browser, tmp_path, "start")

    browser.set_up()
    assert browser.text("#resources-count") == "8 of 8 in sync"
    for tier in TIERS:
        for _ in range(3):
            browser.generate(tier)

    assert browser.texts(".group .name") == list(TIERS)
    assert browser.texts(".group .number") == ["3", "3", "3"]
    assert browser.texts(".group .amount") == ["$0.06", "$0.15", "$0.30"]
    assert browser.text("#total") == "$0.51"
    assert browser.text("#draft") == "Draft invoice 1 Nov \N{EN DASH} 30 Nov: $0.51"
    assert browser.run("return document.title") == "$0.51 today · local · nova-iac"
    assert browser.text("#plan-summary") == "No changes. The account matches billing.yaml."
    assert browser.text("#plan-text") == project.ok("plan").out
    pictures(browser, tmp_path, "done")
    assert browser.errors() == []


def pictures(browser: Browser, folder: Path, name: str) -> None:
    """The page as it is now, on a phone and on a desk, in light and in dark; kept where NOVA_PICTURES says."""
    folder = Path(os.environ.get("NOVA_PICTURES") or folder)
    for width, height in ((375, 812), (1280, 900)):
        for dark in (False, True):
            browser.look(width=width, height=height, dark=dark)
            path = folder / f"{name}-{width}-{'dark' if dark else 'light'}.png"
            browser.shot(path)
            assert path.stat().st_size > 20_000
    browser.look()


def test_keyboard_alone(browser: Browser) -> None:
    """Every step can be done with Tab and Enter, and the focus goes where it goes on."""
    from selenium.webdriver.common.keys import Keys

    browser.open()
    for name in ("Set up pricing", "Create customer", "Create contract"):
        if name == "Set up pricing":
            while focused(browser) != name:
                browser.keys(Keys.TAB)
        browser.until("return document.activeElement.textContent === arguments[0]", name)
        browser.keys(Keys.ENTER)
    browser.until("return document.activeElement.getAttribute('aria-label') === 'Generate 1 standard'")
    browser.keys(Keys.SPACE)

    browser.until("return document.querySelector('#total').textContent === '$0.02'")
    assert focused(browser) == "Generate 1 standard"


def focused(browser: Browser) -> str:
    """The accessible name of what has the focus."""
    return str(browser.driver.switch_to.active_element.accessible_name)


def test_bars_follow_by_themselves(browser: Browser) -> None:
    """Usage that somebody else sends appears without a touch, and a screen reader hears of it."""
    browser.open()
    browser.set_up()
    browser.until("return document.querySelector('#total').textContent === '$0.00'")

    headers = {"X-Nova-Token": TOKEN}
    for _ in range(2):
        body = {"tier": "ultra", "transaction_id": "from-elsewhere"}
        assert httpx.post(f"{browser.url}/api/generate", json=body, headers=headers).status_code == 200

    browser.until("return document.querySelector('#total').textContent === '$0.10'")
    assert browser.texts(".group .number") == ["0", "0", "1"]
    assert "billed $0.10" in browser.until("return document.querySelector('#said').textContent")
    assert browser.run("return document.querySelectorAll('.bar span')[2].style.width") == "100%"


def test_customers_are_chosen(browser: Browser, project: Project) -> None:
    """With several customers the page shows one, and the choice is a labelled list."""
    project.write(
        EXAMPLE + "  acme:\n    name: Acme\n    contracts:\n      payg: {rate_card: standard, starting_at: 2026-01-01}\n"
    )
    browser.open()
    select = browser.driver.find_element("css selector", "select")
    assert select.accessible_name == "Customer"

    browser.run("arguments[0].value = 'acme'; arguments[0].dispatchEvent(new Event('change'))", select)
    browser.until("return document.querySelector('#what-customer').textContent === 'Acme'")
    browser.set_up()
    browser.generate("ultra")

    browser.until("return document.querySelector('#total').textContent === '$0.10'")
    assert "customer.acme" in project.recorded
    assert "customer.demo" not in project.recorded


def test_drift_and_guards_are_told(browser: Browser, project: Project) -> None:
    """A hand edit shows as drift; what a guard stops is said with its reason, and can be put away."""
    browser.open()
    browser.set_up()
    with project.account() as sdk:
        sdk.v1.customers.set_name(customer_id=project.id("customer.demo"), name="Somebody else")
    project.edit("$0.10}", "$0.12}")

    browser.press("Plan again")
    browser.until("return document.querySelector('#resources [data-state=drifted]')")
    browser.run("document.querySelector('#step-pricing button').click()")
    alert = browser.until("return document.querySelector('[role=alert]')?.textContent")

    assert "guard blocks this; nothing was sent" in alert
    assert "NV401" in alert
    browser.press("Close")
    assert browser.texts("[role=alert]") == []


def test_protected_environment_has_no_button_that_writes(browser: Browser, project: Project) -> None:
    """Only looking is left, and the page says what to do instead."""
    browser.open()
    browser.set_up()
    browser.generate("ultra")
    project.edit("{emulator: true}", "{emulator: true, protected: true}")
    project.edit("Nova Demo Customer", "Nova Demo")
    browser.press("Plan again")
    browser.until("return !document.querySelector('#protected').hidden")

    pressable = browser.texts("button:not([hidden]):not(:disabled)")

    assert pressable == ["Plan again"]
    assert "--out plan.json" in browser.text("#setup-hint")
    assert browser.text("#total") == "$0.10"


def test_broken_spec_and_back(browser: Browser, project: Project) -> None:
    """Problems of the spec stand where the plan stood; what was known stays; the page mends itself."""
    browser.open()
    browser.set_up()
    project.edit("type: USAGE", "type: USAGES")
    browser.press("Plan again")
    browser.until("return document.querySelector('#plan-summary').textContent === '1 error in the spec.'")
    assert "product.image_generation" in browser.text("#plan-text")
    assert browser.text("#resources-count") == "8 of 8 in sync"
    assert not browser.button("Generate 1 ultra").is_enabled()

    project.edit("type: USAGES", "type: USAGE")
    browser.until("return document.querySelector('#plan-summary').textContent.startsWith('No changes.')")
    assert browser.button("Generate 1 ultra").is_enabled()


def test_server_that_is_gone(chromium: Browser, project: Project) -> None:
    """A page that lost its server says so, keeps what it had, and lets nothing be pressed that can't work."""
    with serving(project) as url:
        chromium.at(url).open()
    chromium.press("Plan again")
    chromium.until("return document.querySelector('#fresh').textContent === 'Not connected; trying again'")

    assert "Is it still running" in chromium.text("[role=alert]")
    assert not chromium.button("Set up pricing").is_enabled()
    assert chromium.text("#resources-count") == "0 of 8 in sync"
    chromium.leave()


def test_names_are_text(browser: Browser, project: Project) -> None:
    """Markup in the spec is shown, never run."""
    project.edit("name: Nova Demo Customer", "name: \"<img src=x onerror='document.title=1'><b>x</b>\"")
    browser.open()

    assert browser.text("#what-customer").startswith("<img src=x")
    assert browser.run("return document.querySelectorAll('main img, main b').length") == 0
    assert browser.errors() == []
