"""Other sites in the same browser: they can neither read the view nor write to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browser_kit import TOKEN, Browser
from support import Project

pytestmark = pytest.mark.browser


class _Other(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another site</title><body></body>")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A page of another origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


TRY = """
const [url, options, done] = arguments;
fetch(url, options)
  .then((answer) => answer.text())
  .then(done, (error) => done(String(error)));
"""


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/", {}),
        ("/", {"mode": "no-cors"}),
        ("/api/status", {}),
        ("/api/pricing", {"method": "POST", "mode": "no-cors", "body": "{}"}),
        (
            "/api/pricing",
            {"method": "POST", "headers": {"X-Nova-Token": TOKEN, "Content-Type": "application/json"}, "body": "{}"},
        ),
        ("/api/pricing", {"method": "POST", "mode": "no-cors", "headers": {"X-Nova-Token": TOKEN}}),
    ],
)
def test_another_site_reads_and_writes_nothing(
    browser: Browser, project: Project, elsewhere: str, path: str, options: dict[str, object]
) -> None:
    """Whatever it sends, and even with the token: no text comes back, and nothing is written."""
    browser.driver.get(elsewhere)

    text = browser.driver.execute_async_script(TRY, browser.url + path, options)

    assert TOKEN not in text
    assert "environment" not in text
    assert project.writes() == []


def test_view_can_not_be_framed(browser: Browser, elsewhere: str) -> None:
    """No page can put the view below its own buttons."""
    browser.driver.get(elsewhere)
    browser.run(
        "const frame = document.createElement('iframe'); frame.src = arguments[0]; document.body.append(frame)", browser.url
    )
    browser.until("return window.frames.length === 1")
    browser.driver.switch_to.frame(0)

    browser.until("return document.readyState === 'complete'")

    assert browser.run("return document.querySelector('meta[name=nova-token]')") is None


def test_a_name_that_leads_here_is_refused(browser: Browser) -> None:
    """A foreign name that was pointed at this machine gets no page."""
    browser.driver.get(browser.url.replace("127.0.0.1", "rebound.example"))

    text = browser.text("body")

    assert "foreign_host" in text
    assert TOKEN not in text
