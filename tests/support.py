"""A project folder as a user has one: a spec, the real command line, the embedded emulator, and its request log."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest import mock

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / "billing.yaml").read_text(encoding="utf-8")
NOW = "2026-11-22T14:30:00Z"

READS = frozenset(
    ("/v1/contract-pricing/products/list", "/v1/contract-pricing/products/get", "/v1/contract-pricing/rate-cards/list",
     "/v1/contract-pricing/rate-cards/get", "/v1/contract-pricing/rate-cards/getRateSchedule",
     "/v1/contract-pricing/rate-cards/getRates", "/v2/contracts/list", "/v2/contracts/get")
)  # fmt: skip
"""POST endpoints that only read."""


@dataclass(frozen=True)
class Result:
    """What one command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as one JSON document."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """stdout as a JSON document per line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def last(self) -> str:
        """The last line of stdout."""
        return self.out.rstrip("\n").rpartition("\n")[2]


class Project:
    """A folder with a spec. Commands run in-process, in that folder, at a fixed time."""

    def __init__(self, folder: Path, spec: str = EXAMPLE, *, now: str = NOW) -> None:
        self.folder = folder
        self.now = now
        folder.mkdir(parents=True, exist_ok=True)
        self.spec = folder / "billing.yaml"
        self.log = folder / "requests.log"
        self.write(spec)

    @property
    def lockfile(self) -> Path:
        return self.folder / "billing.local.lock.json"

    @property
    def journal(self) -> Path:
        return self.folder / ".billing.local.journal"

    @property
    def database(self) -> Path:
        return self.folder / ".nova" / "local.db"

    @property
    def recorded(self) -> dict[str, Any]:
        """The resources of the lockfile."""
        resources: dict[str, Any] = json.loads(self.lockfile.read_text(encoding="utf-8"))["resources"]
        return resources

    def id(self, address: str) -> str:
        """A recorded remote id."""
        remote: str = self.recorded[address]["id"]
        return remote

    def write(self, spec: str) -> None:
        """Put a spec in place."""
        self.spec.write_text(dedent(spec), encoding="utf-8")

    def edit(self, old: str, new: str) -> None:
        """Change the spec's text; what is changed must be there."""
        text = self.spec.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in the spec"
        self.spec.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *arguments: str, now: str | None = None, env: Mapping[str, str] | None = None, stdin: str = "") -> Result:
        """Run a command line in this folder."""
        from nova_iac.cli import run

        variables = {"NOVA_NOW": now or self.now, "NOVA_EMULATOR_LOG": str(self.log), "COLUMNS": "100", **(env or {})}
        out, err = io.StringIO(), io.StringIO()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOVA_", "METRONOME_"))}
        with (
            mock.patch.dict(os.environ, {**clean, **variables}, clear=True),
            mock.patch("sys.stdin", io.StringIO(stdin)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            contextlib.chdir(self.folder),
        ):
            code = run(list(arguments))
        return Result(code, out.getvalue(), err.getvalue())

    def ok(self, *arguments: str, **options: Any) -> Result:
        """Run a command line that must succeed."""
        result = self.run(*arguments, **options)
        assert result.code == 0, f"{arguments}: exit {result.code}\n{result.out}\n{result.err}"
        return result

    def apply(self, *arguments: str, **options: Any) -> Result:
        """Apply without asking; it must succeed."""
        return self.ok("apply", "--yes", *arguments, **options)

    def plan(self, *arguments: str, **options: Any) -> Any:
        """The plan as data."""
        return self.ok("plan", "--format", "json", *arguments, **options).json

    def actions(self, *arguments: str, **options: Any) -> dict[str, str]:
        """What the plan would do, by address; no-ops are left out."""
        return doing(self.plan(*arguments, **options))

    def requests(self) -> list[dict[str, Any]]:
        """Every request that the emulator has had so far."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def writes(self) -> list[tuple[str, str]]:
        """Method and path of every write so far."""
        return [
            (request["method"], request["path"])
            for request in self.requests()
            if request["method"] != "GET" and request["path"] not in READS
        ]

    def forget_requests(self) -> None:
        """Start the request log anew."""
        self.log.unlink(missing_ok=True)

    @contextlib.contextmanager
    def account(self, now: str | None = None) -> Iterator[Any]:
        """The official SDK on this project's account: for edits by hand, and for looking."""
        import httpx
        from metronome import Metronome

        from nova_iac import moment
        from nova_iac.emulator import Emulator

        app = Emulator(self.database, clock=lambda: moment.parse(now or self.now))
        with Metronome(
            bearer_token="by-hand",
            base_url="http://emulator",
            max_retries=0,
            http_client=httpx.Client(transport=httpx.WSGITransport(app=app)),
        ) as client:
            yield client
        app.close()


def doing(plan: Mapping[str, Any]) -> dict[str, str]:
    """What a plan document would do, by address."""
    return {change["address"]: change["action"] for change in plan["changes"] if change["action"] != "noop"}
