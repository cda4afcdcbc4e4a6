"""Who may read and who may write."""

from __future__ import annotations

import re

import pytest
from support import Project
from ui_kit import TOKEN, View

from nova_iac.ui.page import STATIC

FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:8413",
    "127.0.0.1",
    "127.0.0.1:80",
    "localhost:8414",
    "127.0.0.1:8413.evil.example",
    "",
    "[::1]:8413",
)
FOREIGN_ORIGINS = (
    "http://evil.example", "https://127.0.0.1:8413", "http://127.0.0.1:8414", "http://127.0.0.1:8413.evil.example", "null", "",
    "http://127.0.0.1:8413/x", "http://user@127.0.0.1:8413", "http://[",
)  # fmt: skip


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_foreign_host_is_refused(view: View, project: Project, host: str) -> None:
    """A name that leads here from elsewhere gets neither the page, which has the token, nor a write."""
    page = view.get("/", headers={"Host": host})
    write = view.post("/api/pricing", Host=host)

    assert (page.status_code, write.status_code) == (421, 421)
    assert TOKEN not in page.text
    assert project.writes() == []


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_foreign_origin_is_refused(view: View, project: Project, origin: str) -> None:
    """Another site's page can neither read nor write, even if it knew the token."""
    answers = [view.post("/api/pricing", Origin=origin), view.get("/api/status", headers={"Origin": origin})]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert all("Access-Control-Allow-Origin" not in answer.headers for answer in answers)
    assert project.writes() == []


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1], TOKEN.upper()])
@pytest.mark.parametrize("path", ["/api/metrics", "/api/pricing", "/api/customers", "/api/contract", "/api/generate"])
def test_no_write_without_the_token(view: View, project: Project, path: str, token: str | None) -> None:
    """A write without the token, or with another one, is refused before anything is looked at."""
    headers = {} if token is None else {"X-Nova-Token": token}
    answer = view.client.post(path, json={}, headers=headers)

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "no_token"
    assert project.writes() == []


@pytest.mark.parametrize("host", ["127.0.0.1:8413", "localhost:8413", "LocalHost:8413"])
def test_own_names_are_let_in(view: View, host: str) -> None:
    """The page's own origin reads and writes; a program sends no Origin."""
    own = {"Host": host, "Origin": f"http://{host}"}

    assert view.get("/", headers=own).status_code == 200
    assert view.post("/api/metrics", **own).status_code == 200
    assert view.post("/api/metrics").status_code == 200


def test_every_answer_has_the_headers(view: View) -> None:
    """Nothing is cached, framed or loaded from elsewhere, whatever the answer is."""
    for path in ("/", "/static/main.js", "/api/status", "/api/usage", "/nowhere"):
        headers = view.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]


def test_page_brings_the_token_and_nothing_else_does(view: View) -> None:
    """The token stands in the page, once; no script, style or answer repeats it."""
    assert view.get("/").text.count(TOKEN) == 1
    others = [f"/static/{path.name}" for path in STATIC.iterdir() if path.name != "index.html"]
    for path in (*others, "/api/status", "/api/usage"):
        answer = view.get(path)
        assert answer.status_code == 200
        assert TOKEN not in answer.text


def test_head_has_no_body(view: View) -> None:
    """HEAD is GET without the body."""
    answer = view.client.head("/")

    assert answer.status_code == 200
    assert answer.content == b""


def test_names_in_the_page_are_escaped(project: Project) -> None:
    """The spec's file name is text, not markup."""
    from ui_kit import opened

    odd = project.folder / 'a"<b>.yaml'
    project.spec.rename(odd)
    object.__setattr__(project, "spec", odd)
    with opened(project) as view:
        text = view.get("/").text

    assert "<b>.yaml" not in text
    assert "a&quot;&lt;b&gt;.yaml" in text


def test_no_asset_from_elsewhere() -> None:
    """Scripts, styles and the page name no other host, have no inline script, style or handler, and parse no text as HTML."""
    for path in sorted(STATIC.iterdir()):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(
            r"https?://|//[\w-]+\.\w|@import|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text
        ), path.name
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", text), path.name


def test_every_part_of_the_page_is_there(view: View) -> None:
    """What the page and its scripts load exists, with the right type."""
    page = view.get("/").text
    named = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    for script in STATIC.glob("*.js"):
        named |= {f"/static/{one}" for one in re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8"))}

    assert named == {f"/static/{path.name}" for path in STATIC.iterdir() if path.name != "index.html"}
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for path in named:
        answer = view.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(types[path[path.rindex(".") :]])
