"""Golden cases: a folder each under ``cases/``, from what is written to what is planned and sent.

A folder holds ``billing.yaml``, and where something is there already ``billing.after.yaml``: the first is applied, the second is
planned. ``account.json`` are calls of the SDK that somebody makes by hand in between, ``arguments.txt`` options of the plan. What
comes of it stands in ``plan.txt``, ``plan.json`` (no-ops left out) and ``calls.json`` (the writes of the apply);
``--update-cases`` rewrites these. Ids stand as ``{address}``, everything else that differs from run to run as ``<what it is>``.
"""

from __future__ import annotations

import json
import re
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from support import READS, Project

from nova_iac import __version__

CASES = Path(__file__).parent / "cases"
MADE = ("plan.txt", "plan.json", "calls.json")

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_KEY = re.compile(r'"[0-9a-f]{64}"')


class Case:
    """One folder, worked through."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.source = source
        self.project = Project(folder, self.text("billing.yaml"))
        self.names: dict[str, str] = {}

    def text(self, name: str) -> str:
        """A file of the case; nothing if it isn't there."""
        path = self.source / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def make(self) -> dict[str, str]:
        """What comes of it, by file name. Afterwards the plan must be empty."""
        project = self.project
        if after := self.text("billing.after.yaml"):
            project.apply()
            self.learn()
            project.write(after)
        self.by_hand()
        arguments = self.text("arguments.txt").split()
        project.forget_requests()
        text = project.ok("plan", *arguments)
        plan = project.plan(*arguments)
        allowed = [word for hit in plan["guards"] for word in ("--allow", f"{hit['code']}:{hit['address']}")]
        project.apply(*arguments, *allowed, "--parallelism", "1")
        self.learn()
        writes = [
            {name: request[name] for name in ("method", "path", "body") if request[name]}
            for request in project.requests()
            if request["method"] != "GET" and request["path"] not in READS
        ]
        assert project.actions(*arguments) == {}
        plan["changes"] = [change for change in plan["changes"] if change["action"] != "noop"]
        made = (_joined(text.out, text.err), _json(plan), _json(writes))
        return {name: self.stable(content) for name, content in zip(MADE, made, strict=True)}

    def learn(self) -> None:
        """Remember the address of every id; the first one that an address had keeps its name."""
        if not self.project.lockfile.exists():
            return
        for address, entry in self.project.recorded.items():
            if entry["id"]:
                known = address in self.names.values() and entry["id"] not in self.names
                self.names.setdefault(entry["id"], f"new {address}" if known else address)

    def by_hand(self) -> None:
        """Make the calls of account.json."""
        steps = json.loads(self.text("account.json") or "[]")
        with self.project.account() as account:
            for step in steps:
                params = json.loads(re.sub(r"\{([a-z_.0-9]+)\}", self._id, json.dumps(step["params"])))
                attrgetter(step["call"])(account)(**params)

    def _id(self, match: re.Match[str]) -> str:
        return next(remote for remote, address in self.names.items() if address == match[1])

    def stable(self, text: str) -> str:
        """A text without what differs from run to run."""
        text = _ID.sub(lambda match: f"{{{self.names[match[0]]}}}" if match[0] in self.names else "<id>", text)
        text = _KEY.sub('"<key>"', _DIGEST.sub("<digest>", text))
        text = re.sub(r'"lineage": "[^"]*"', '"lineage": "<lineage>"', text)
        return text.replace(f'"tool_version": "{__version__}"', '"tool_version": "<version>"')


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _joined(out: str, err: str) -> str:
    return out + (f"\n--- stderr ---\n{err}" if err else "")


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir() if path.is_dir()))
def test_case(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Plan as text, plan as JSON, and the calls that are made are those of the folder; afterwards the plan is empty."""
    made = Case(CASES / name, tmp_path).make()
    if request.config.getoption("--update-cases"):
        for file, content in made.items():
            (CASES / name / file).write_text(content, encoding="utf-8")

    for file, content in made.items():
        assert content == (CASES / name / file).read_text(encoding="utf-8"), f"{name}/{file}"


def test_every_case_is_complete() -> None:
    """No folder lacks a spec or a result, and none has a file that nothing reads."""
    known = {"billing.yaml", "billing.after.yaml", "account.json", "arguments.txt", *MADE}
    for folder in CASES.iterdir():
        files = {path.name for path in folder.iterdir()}
        assert {"billing.yaml", *MADE} <= files <= known, folder.name
