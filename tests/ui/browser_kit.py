"""A real headless Chromium before the real ``nova-iac ui``, each in a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import Project

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
TOKEN = "a-token-for-the-browser"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
    # Nothing but this machine has a name: a request that leaves it would fail and be seen.
    "--host-resolver-rules=MAP rebound.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
PATIENCE = 15


def variables_of(project: Project) -> dict[str, str]:
    """The process environment of a command in a project."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOVA_", "METRONOME_"))}
    return {**clean, "NOVA_NOW": project.now, "NOVA_EMULATOR_LOG": str(project.log), "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def serving(project: Project, *arguments: str, **variables: str) -> Iterator[str]:
    """``nova-iac ui`` on a free port; its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "nova_iac", "ui", "--port", "0", *arguments],
        cwd=project.folder,
        env=variables_of(project) | {"NOVA_UI_TOKEN": TOKEN} | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert "http://127.0.0.1:" in first, first
            yield first.split()[-1]
        finally:
            process.terminate()
            process.wait(PATIENCE)


@dataclass
class Browser:
    """One page of one browser."""

    driver: Any
    url: str = ""

    def at(self, url: str) -> Browser:
        """The browser in its usual form, about to open an address; the console is empty."""
        self.url = url
        self.look()
        self.driver.get_log("browser")
        return self

    def leave(self) -> None:
        """Away from the page, so that it stops asking its server."""
        self.driver.get("about:blank")

    def look(self, *, width: int = 1280, height: int = 900, dark: bool = False, calm: bool = True) -> None:
        """How the page is seen from now on."""
        phone = width < 600
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self) -> None:
        """Load the page, and wait until it shows something."""
        self.driver.get(self.url)
        self.until("return document.querySelectorAll('[aria-busy=true]').length === 0")

    def until(self, script: str, *arguments: Any) -> Any:
        """Wait until a script returns something true, and return it."""
        from selenium.webdriver.support.wait import WebDriverWait

        wait = WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05)
        return wait.until(lambda driver: driver.execute_script(script, *arguments), f"never: {script}")

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """The text of the first element."""
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements."""
        found: list[str] = self.run("return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", selector)
        return found

    def button(self, name: str) -> WebElement:
        """The button of an accessible name."""
        for one in self.driver.find_elements("css selector", "button"):
            if one.accessible_name == name and one.is_displayed():
                return one  # type: ignore[no-any-return]
        raise AssertionError(f"no button {name!r}")

    def press(self, name: str) -> None:
        """Click a button."""
        self.button(name).click()

    def generate(self, tier: str) -> None:
        """Press a tier's button and wait until it is done."""
        self.press(f"Generate 1 {tier}")
        self.until("return !document.querySelector('.group [aria-busy=true]')")

    def set_up(self) -> None:
        """Press the three buttons of the set-up, each when the one before is done."""
        for name, step in (("Set up pricing", "pricing"), ("Create customer", "customer"), ("Create contract", "contract")):
            self.press(name)
            self.until("return document.querySelector(arguments[0]).classList.contains('done')", f"#step-{step}")

    def keys(self, *keys: str) -> None:
        """Type, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def shot(self, path: Path, *, whole: bool = True) -> None:
        """A picture of the page."""
        import base64

        answer = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": whole, "format": "png"})
        path.write_bytes(base64.b64decode(answer["data"]))

    def errors(self) -> list[str]:
        """What the console complains about."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
