"""Golden cases: a folder each under ``cases/``, from what is written to what is planned, shown and sent.

A folder holds ``billing.yaml``, and where something is there already ``billing.after.yaml``: the first is applied, the second is
planned. In between, ``account.json`` are calls of the SDK that somebody makes by hand, and ``faults.json`` what befalls a first
apply of the second. ``arguments.txt`` are options of the plan. What comes of it:

- ``plan.WIDTH.txt`` and ``plan.WIDTH.color.txt``: the plan as text; colours stand as ``«green»…«»``
- ``plan.json`` (no-ops left out), ``plan.md``, and ``calls.json``, the writes of the apply
- ``apply.txt``: what an apply shows, with every guard let through; ``faulty.txt``: what the one with faults showed
- ``drift.txt``, ``drift.json``, ``drift.md``: the same from ``drift``

``results.txt`` names those that a folder keeps, where they aren't PLANS. ``--update-cases`` rewrites them: read what differs. Ids
stand as ``{address}``, everything else that differs from run to run as ``<what it is>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from big_case import BIG
from faulty import Fault, bad_line
from support import READS, Project, Result

from nova_iac import __version__
from nova_iac.render.markup import BUDGET

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())
INPUTS = {"billing.yaml", "billing.after.yaml", "account.json", "faults.json", "arguments.txt", "results.txt"}
TEXTS = tuple(f"plan.{width}{color}.txt" for width in (80, 120) for color in ("", ".color"))
PLANS = (*TEXTS, "plan.json", "plan.md", "calls.json")
RESULTS = {*PLANS, "apply.txt", "faulty.txt", "drift.txt", "drift.json", "drift.md"}

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STABLE = (
    (re.compile(r"sha256:[0-9a-f]{64}"), "<digest>"),
    (re.compile(r'"[0-9a-f]{64}"'), '"<key>"'),
    (re.compile(r'"lineage": "[^"]*"'), '"lineage": "<lineage>"'),
    (re.compile(r"\d+\.\d s\b"), "<time>"),
    (re.compile(rf'"tool_version": "{re.escape(__version__)}"'), '"tool_version": "<version>"'),
)
_COLORS = {"0": "", "1": "bold", "2": "dim", "31": "red", "32": "green", "33": "yellow", "35": "magenta", "36": "cyan"}
_ESCAPE = re.compile("\x1b\\[(\\d+)m")


class Case:
    """One folder, worked through."""

    def __init__(self, name: str, folder: Path) -> None:
        self.source = CASES / name
        self.before, self.after = BIG[name]() if name in BIG else (self.text("billing.yaml"), self.text("billing.after.yaml"))
        self.project = Project(folder, self.before)
        self.arguments = self.text("arguments.txt").split()
        self.keeps = tuple(self.text("results.txt").split()) or PLANS
        self.names: dict[str, str] = {}
        self.faulty = ""

    def text(self, name: str) -> str:
        """A file of the case; nothing if it isn't there."""
        path = self.source / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def prepare(self) -> None:
        """What is there before the plan."""
        if self.after:
            self.project.apply()
            self.learn()
            self.project.write(self.after)
        self.by_hand()
        if faults := json.loads(self.text("faults.json") or "[]"):
            with bad_line(*(Fault(**fault) for fault in faults)):
                failed = self.project.run("apply", "--yes", "--parallelism", "1")
            self.faulty = said(failed)
            self.learn()

    def make(self) -> dict[str, str]:
        """What comes of it, by file name. Afterwards the plan must be empty, if there was one."""
        self.prepare()
        made = {name: say() for name, say in self.ways().items() if name in self.keeps}
        assert_same_words(made)
        if self.project.run("plan", *self.arguments).code == 0:
            made |= self.carry_out()
        return {name: self.stable(made[name]) for name in self.keeps}

    def ways(self) -> dict[str, Callable[[], str]]:
        """How each result is made that shows and changes nothing."""
        plan, drift = partial(self.project.run, "plan", *self.arguments), partial(self.project.run, "drift")
        ways: dict[str, Callable[[], str]] = {"faulty.txt": lambda: self.faulty}
        for width in ("80", "120"):
            ways[f"plan.{width}.txt"] = lambda width=width: said(plan(env={"COLUMNS": width}))
            ways[f"plan.{width}.color.txt"] = lambda width=width: said(plan(env={"COLUMNS": width, "FORCE_COLOR": "1"}))
        ways["plan.json"] = lambda: _json(without_noops(plan("--format", "json").json))
        ways["plan.md"] = lambda: plan("--format", "markdown").out
        ways["drift.txt"] = lambda: said(drift())
        ways["drift.json"] = lambda: drift("--format", "json").out
        ways["drift.md"] = lambda: drift("--format", "markdown").out
        return ways

    def carry_out(self) -> dict[str, str]:
        """What apply shows, and what it sends."""
        project = self.project
        allowed = [
            word for hit in project.plan(*self.arguments)["guards"] for word in ("--allow", f"{hit['code']}:{hit['address']}")
        ]
        project.forget_requests()
        command = ["destroy"] if "--destroy" in self.arguments else ["apply"]
        arguments = [word for word in self.arguments if word != "--destroy"]
        applied = project.ok(*command, "--yes", *arguments, *allowed, "--parallelism", "1", env={"COLUMNS": "80"})
        self.learn()
        writes = [
            {name: request[name] for name in ("method", "path", "body") if request[name]}
            for request in project.requests()
            if request["method"] != "GET" and request["path"] not in READS
        ]
        assert project.actions(*self.arguments) == {}
        return {"apply.txt": said(applied), "calls.json": _json(writes)}

    def learn(self) -> None:
        """Remember the address of every id; the first one that an address had keeps its name."""
        if not self.project.lockfile.exists():
            return
        for address, entry in self.project.recorded.items():
            if entry["id"] and entry["id"] not in self.names:
                self.names[entry["id"]] = f"new {address}" if address in self.names.values() else address

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
        for pattern, words in _STABLE:
            text = pattern.sub(words, text)
        return text


def said(result: Result) -> str:
    """What a command wrote, with its exit code if that isn't 0; colours in words."""
    parts = [result.out]
    if result.err:
        parts.append(f"--- stderr ---\n{result.err}")
    if result.code:
        parts.append(f"--- exit {result.code} ---\n")
    return _ESCAPE.sub(lambda match: f"«{_COLORS[match[1]]}»", "\n".join(filter(None, parts)))


def assert_same_words(made: dict[str, str]) -> None:
    """Colour adds nothing and takes nothing away."""
    for name in TEXTS:
        colored = made.get(name.replace(".txt", ".color.txt"))
        assert colored is None or re.sub("«[a-z]*»", "", colored) == made[name]


def without_noops(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan's changes that do something."""
    return {**plan, "changes": [change for change in plan["changes"] if change["action"] != "noop"]}


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Every result is that of the folder; afterwards the plan is empty."""
    made = Case(name, tmp_path).make()
    if request.config.getoption("--update-cases"):
        for file, content in made.items():
            (CASES / name / file).write_text(content, encoding="utf-8")

    for file, content in made.items():
        assert content == (CASES / name / file).read_text(encoding="utf-8"), f"{name}/{file}"


@pytest.mark.parametrize("name", NAMES)
def test_case_is_complete(name: str) -> None:
    """No folder lacks a spec or a result, and none has a file that nothing reads."""
    folder = CASES / name
    files = {path.name for path in folder.iterdir()}
    results = folder / "results.txt"
    kept = set(results.read_text(encoding="utf-8").split()) if results.exists() else set(PLANS)

    assert kept <= RESULTS
    assert ("billing.yaml" in files) is (name not in BIG)
    assert files - INPUTS == kept


def test_there_is_a_case_for_each_action() -> None:
    """The cases show every action and every guard but that of a wrong account, which no plan of one account hits."""
    plans = [json.loads(path.read_text(encoding="utf-8")) for path in CASES.glob("*/plan.json")]

    assert {change["action"] for plan in plans for change in plan["changes"]} == {
        "create", "update", "replace", "schedule", "archive", "adopt", "forget"
    }  # fmt: skip
    assert {hit["code"] for plan in plans for hit in plan["guards"]} >= {f"NV40{number}" for number in range(1, 7)}


def test_the_big_case_is_cut_to_fit(tmp_path: Path) -> None:
    """500 changes fit into a comment: no guard is missing, and what is left out is counted at the top."""
    case = Case("five_hundred_changes", tmp_path)
    case.prepare()
    plan = case.project.plan()

    markdown = case.project.ok("plan", "--format", "markdown").out

    assert sum(plan["summary"].values()) == 500
    assert BUDGET - 2_000 < len(markdown.encode()) <= BUDGET
    assert all(f"| 🛑\N{NO-BREAK SPACE}{hit['code']} | `{hit['address']}` |" in markdown for hit in plan["guards"])
    assert "Left out to fit into a comment" in "\n".join(markdown.splitlines()[:5])
