"""What goes wrong: JSON with a message and what to do, never a traceback, and nothing half done."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from support import Project
from ui_kit import HOST, TOKEN, View, opened

from nova_iac import moment
from nova_iac.cli.ui import guarded
from nova_iac.retry import RetryPolicy
from nova_iac.state.mutex import Mutex

WRITES = ("/api/metrics", "/api/pricing", "/api/customers", "/api/contract", "/api/generate")


@pytest.mark.parametrize("path", WRITES)
def test_no_write_on_a_protected_environment(shop: View, project: Project, path: str) -> None:
    """Every write is refused before anything is sent; looking goes on."""
    project.edit("{emulator: true}", "{emulator: true, protected: true}")
    project.edit("Nova Demo Customer", "Nova Demo")
    project.forget_requests()

    error = shop.refused(path, 403, **({"tier": "ultra"} if path == "/api/generate" else {}))

    assert error["code"] == "protected"
    assert "plan.json" in error["advice"]
    assert project.writes() == []
    assert shop.read("/api/status")["writable"] is False


def test_lock_held_by_another_run(view: View, project: Project) -> None:
    """A button while somebody applies is refused with who that is; the page goes on showing."""
    path = project.folder / ".billing.local.lock"
    with Mutex(path, "apply", moment.parse(project.now)) as mutex:
        error = view.refused("/api/pricing", 423)
        assert view.get("/api/status").status_code == 200

    assert error["code"] == "locked"
    assert f"apply by {mutex.holder.user}" in error["message"]
    assert f"pid {mutex.holder.pid}" in error["message"]
    view.do("/api/pricing")


def test_spec_with_errors(view: View, project: Project) -> None:
    """Every problem of the spec with its place; once it is mended the same page goes on."""
    project.edit("type: USAGE", "type: USAGES")

    for answer in (view.get("/api/status"), view.get("/api/usage"), view.post("/api/pricing")):
        assert answer.status_code == 422
        (detail,) = answer.json()["error"]["details"]
        assert detail["location"].partition("billing.yaml:")[2]
        assert detail["address"] == "product.image_generation"

    project.edit("type: USAGES", "type: USAGE")
    assert view.get("/api/status").status_code == 200


def test_plan_that_can_not_be_made(shop: View, project: Project) -> None:
    """The reasons stand in the place of the plan, and what is recorded is known to be there."""
    with project.account() as sdk:
        sdk.v1.contracts.rate_cards.archive(id=project.id("rate_card.standard"))

    status = shop.read("/api/status")

    assert status["plan"]["text"] is None
    assert "rate_card.standard" in status["plan"]["problem_text"]
    assert set(shop.states().values()) == {"unknown"}
    assert shop.refused("/api/pricing", 409)["code"] == "no_plan"


def test_token_that_is_not_set(project: Project) -> None:
    """The variable is named; the page itself opens."""
    with opened(project, "sandbox") as view:
        assert view.get("/").status_code == 200
        answer = view.get("/api/status")

    assert answer.status_code == 503
    assert "METRONOME_SANDBOX_TOKEN" in answer.json()["error"]["message"]


def test_metronome_that_does_not_answer(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is said as such, and the token stands nowhere."""
    monkeypatch.setattr("nova_iac.cli.session.RETRY", RetryPolicy(attempts=1))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        project.edit("sandbox: {token_env: METRONOME_SANDBOX_TOKEN}", f"sandbox: {{base_url: '{url}'}}")
        with opened(project, "sandbox", METRONOME_BEARER_TOKEN="very-secret") as view:
            answer = view.get("/api/status")

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"
    assert "very-secret" not in answer.text


def test_call_that_fails_is_told_and_can_be_made_again(view: View, project: Project) -> None:
    """What Metronome said comes back with what was not done; the rest stands, and pressing again goes on."""
    with project.account() as sdk:
        gone = sdk.v1.customers.create(name="Gone", ingest_aliases=["jane@nova.com"]).data.id
        sdk.v1.customers.archive(id=gone)  # and keeps its alias

        error = view.refused("/api/contract", 502)

        assert error["code"] == "incomplete"
        assert "customer.demo" in error["message"]
        assert "409" in error["message"]
        assert view.read("/api/status")["pricing"] == "synced"
        sdk.v1.customers.set_ingest_aliases(customer_id=gone, ingest_aliases=[])

    view.do("/api/contract")
    assert set(view.states().values()) == {"synced"}


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b'{"tier": 1}', "application/json", 422),
        (b'{"tier": ""}', "application/json", 422),
        (b'{"teir": "ultra"}', "application/json", 422),
        (b'{"tier": "ultra", "transaction_id": "\\ud800"}', "application/json", 422),
        (b'{"tier": "ultra", "customer": "\\ud800"}', "application/json", 422),
        (b"tier=ultra", "application/x-www-form-urlencoded", 415),
        (b'{"tier": "ultra"}', "text/plain", 415),
        (b" " * 70_000, "application/json", 413),
    ],
)
def test_bodies_that_mean_nothing(view: View, content: bytes, kind: str, status: int) -> None:
    """A body that isn't what the call takes is refused with what it takes."""
    answer = view.client.post("/api/generate", content=content, headers={"X-Nova-Token": TOKEN, "Content-Type": kind})

    assert answer.status_code == status
    assert answer.json()["error"]["advice"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/status", 405),
        ("GET", "/api/generate", 405),
        ("DELETE", "/", 405),
        ("PUT", "/static/main.js", 405),
        ("OPTIONS", "/api/generate", 405),
        ("GET", "/api", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/index.html", 404),
    ],
)
def test_paths_and_methods(view: View, method: str, path: str, status: int) -> None:
    """What isn't there is 404, what isn't meant 405 with what is allowed."""
    answer = view.client.request(method, path, headers={"X-Nova-Token": TOKEN})

    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert ("Allow" in answer.headers) is (status == 405)


def test_a_bug_is_no_traceback_in_the_browser(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is JSON without details; the terminal has them."""

    def broken(*_: Any) -> Iterable[bytes]:
        raise RuntimeError("secret detail")

    with httpx.Client(transport=httpx.WSGITransport(app=guarded(broken)), base_url=HOST) as client:
        answer = client.get("/")

    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert json.loads(answer.text)["error"]["code"] == "bug"
    assert "secret detail" in capsys.readouterr().err
