"""Runs a composite action's steps as a GitHub runner does: conditions, expressions, bash, files for outputs and summary."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hub import REPOSITORY, Hub
from support import ROOT

ACTION = ROOT / ".github" / "actions" / "nova-iac"
DEFINITION = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))


@dataclass
class Ran:
    """What a job's use of the action came to."""

    code: int = 0
    log: str = ""
    summary: str = ""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)


class Runner:
    """One job: a checkout, an event, and the action with its inputs."""

    def __init__(self, hub: Hub, folder: Path, tools: Path, variables: Mapping[str, str]) -> None:
        self._hub = hub
        self._folder = folder
        self._tools = tools
        self.variables = dict(variables)
        folder.mkdir(exist_ok=True)

    def use(self, checkout: Path, event: str, payload: dict[str, Any], github: Mapping[str, str], **inputs: str) -> Ran:
        """Run every step whose condition holds; the first failure is the job's exit code."""
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert set(given) <= set(DEFINITION["inputs"]), "an input that the action doesn't have"
        context = {f"inputs.{name}": given.get(name, str(spec.get("default", ""))) for name, spec in DEFINITION["inputs"].items()}
        payload = {"repository": {"default_branch": "main"}, **payload}
        (self._folder / "event.json").write_text(json.dumps(payload))
        ran = Ran()
        for step in DEFINITION["runs"]["steps"]:
            known = {
                **context,
                **{f"steps.{step}.outputs.{key}": v for step, out in ran.outputs.items() for key, v in out.items()},
            }
            condition = step.get("if", "success()")
            if ran.code and "always()" not in condition:
                continue
            if not _holds(condition, known):
                continue
            if "uses" in step:
                self._upload(step, known, payload, github, ran)
            else:
                self._bash(step, known, checkout, event, github, ran)
        return ran

    def _bash(
        self, step: dict[str, Any], known: dict[str, str], checkout: Path, event: str, github: Mapping[str, str], ran: Ran
    ) -> None:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in the shell's text is an injection"
        files = {name: self._folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        script = self._folder / "step.sh"
        script.write_text(step["run"])
        env = {
            "PATH": f"{self._tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self._folder),
            "RUNNER_TEMP": str(self._folder),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ACTION),
            "GITHUB_API_URL": self._hub.url,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self._folder / "event.json"),
            "GITHUB_RUN_ID": "4711",
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/.github/workflows/apply.yml@refs/heads/main",
            **github,
            **self.variables,
            **{name: str(file) for name, file in files.items()},
            **{name: _fill(str(value), known) for name, value in step.get("env", {}).items()},
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = subprocess.run(
            command, cwd=checkout, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60
        )
        ran.code = ran.code or done.returncode
        ran.log += done.stdout
        ran.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        ran.outputs[step.get("id", "")] = dict(line.split("=", 1) for line in lines)

    def _upload(
        self, step: dict[str, Any], known: dict[str, str], payload: dict[str, Any], github: Mapping[str, str], ran: Ran
    ) -> None:
        assert re.fullmatch(r"actions/upload-artifact@[0-9a-f]{40}", step["uses"])
        name, path = (_fill(step["with"][key], known) for key in ("name", "path"))
        assert not re.search(r'["/\\:<>|*?\r\n]', name), f"not a name for an artifact: {name}"
        files = [Path(path)] if Path(path).is_file() else [one for one in Path(path).iterdir() if not one.name.startswith(".")]
        assert files, f"nothing to upload in {path}"
        head = payload.get("pull_request", {}).get("head", {})
        self._hub.upload(
            name,
            {file.name: file.read_bytes() for file in files},
            head_sha=head.get("sha", github["GITHUB_SHA"]),
            branch=head.get("ref", "main"),
            fork=bool(head) and head["repo"]["full_name"] != REPOSITORY,
        )
        ran.uploaded.append(name)


def _fill(text: str, known: Mapping[str, str]) -> str:
    """Text with its ``${{ }}`` filled in."""
    return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda match: known.get(match[1], ""), text)


def _holds(condition: str, known: Mapping[str, str]) -> bool:
    """An ``if:`` made of comparisons joined by ``&&``."""
    for part in condition.split("&&"):
        if part.strip() in ("always()", "success()"):
            continue
        match = re.fullmatch(r" *([\w.-]+) *(==|!=) *'([^']*)' *", part)
        assert match, f"a condition that this runner can't read: {part}"
        if (known.get(match[1], "") == match[3]) is not (match[2] == "=="):
            return False
    return True
