"""The view as a program sees it: the real WSGI program over a project, and the calls of its API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import httpx
from support import Project

TOKEN = "the-token-of-this-test"
HOST = "http://127.0.0.1:8413"


class View:
    """A client of the view. Reads carry nothing, writes the token, unless a test says otherwise."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Any read."""
        return self.client.get(path, **options)

    def read(self, path: str, **params: str) -> Any:
        """A read that must succeed, as data."""
        answer = self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, fields: Any = None, **headers: str) -> httpx.Response:
        """A write with the token."""
        return self.client.post(path, json={} if fields is None else fields, headers={"X-Nova-Token": TOKEN, **headers})

    def do(self, path: str, **fields: str) -> Any:
        """A write that must succeed, as data."""
        answer = self.post(path, fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, status: int, **fields: str) -> Any:
        """A write that must be refused with a status; the error."""
        answer = self.post(path, fields)
        assert answer.status_code == status, answer.text
        error = answer.json()["error"]
        assert error["message"]
        assert error["advice"]
        return error

    def set_up(self) -> None:
        """Pricing, customer, contract."""
        self.do("/api/pricing")
        self.do("/api/customers", customer="demo")
        self.do("/api/contract", customer="demo")

    def states(self) -> dict[str, str]:
        """Every resource's state."""
        return {row["address"]: row["state"] for row in self.read("/api/status")["resources"]}

    def groups(self, **params: str) -> dict[str, tuple[str, list[str] | None]]:
        """Count and amount of each group of the only product."""
        (product,) = self.read("/api/usage", **params)["products"]
        return {group["label"]: (group["quantity"], group["amount"]) for group in product["groups"]}


@contextmanager
def opened(project: Project, environment: str | None = None, **variables: str) -> Iterator[View]:
    """The view of a project's environment, in this process, as ``nova-iac ui`` builds it."""
    from nova_iac.cli.options import Settings
    from nova_iac.cli.session import session_for
    from nova_iac.cli.ui import build_app, guarded
    from nova_iac.cli.workbench import Workbench

    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOVA_", "METRONOME_"))}
    set_ = {"NOVA_NOW": project.now, "NOVA_EMULATOR_LOG": str(project.log), **variables}
    with mock.patch.dict(os.environ, {**clean, **set_}, clear=True):
        session = session_for(Settings(project.spec, environment, True))
        with Workbench(session) as bench:
            app = guarded(build_app(session, bench, TOKEN))
            with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=HOST) as client:
                yield View(client)
