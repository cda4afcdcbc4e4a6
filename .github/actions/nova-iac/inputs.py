"""The action's inputs: NOVA_ACTION_* variables, checked before anything is done with them."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from github import Failure

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_GUARD = re.compile(r"NV4\d\d(:\S.*)?")
_PLAN_OPTION = re.compile(r"--(adopt|no-refresh|(target|exclude|effective-at)=.+)")


@dataclass(frozen=True)
class Inputs:
    """The action's inputs, checked."""

    environment: str
    file: str
    plan_options: list[str]
    digest: str
    allow: list[str]
    keeps_artifact: bool
    branch: str

    @classmethod
    def read(cls, event: dict[str, Any]) -> Inputs:
        """From the step's variables.

        :raises Failure: one is not what it should be.
        """
        inputs = cls(
            environment=given("ENVIRONMENT"),
            file=given("FILE") or "billing.yaml",
            plan_options=_lines("PLAN_OPTIONS"),
            digest=given("DIGEST"),
            allow=_lines("ALLOW"),
            keeps_artifact=given("LOCKFILE") == "artifact",
            branch=given("BRANCH") or event.get("repository", {}).get("default_branch") or os.environ["GITHUB_REF_NAME"],
        )
        _require("environment", inputs.environment, _ENVIRONMENT)
        _require("lockfile", given("LOCKFILE"), re.compile("commit|artifact"))
        for option in inputs.plan_options:
            _require("plan-options", option, _PLAN_OPTION)
        for guard in inputs.allow:
            _require("allow", guard, _GUARD)
        if inputs.digest:
            _require("digest", inputs.digest, DIGEST)
        if not Path(inputs.file).parent.is_dir():
            raise Failure(f"input file: there is no folder {Path(inputs.file).parent}")
        return inputs

    @property
    def slug(self) -> str:
        """Spec and environment in the names of artifacts, which may have no slashes; another one for each spec."""
        path = Path(self.file).with_suffix("").as_posix()
        spec = re.sub(r"[^A-Za-z0-9._-]+", "-", path)
        if spec != path:
            spec += f"-{hashlib.sha256(path.encode()).hexdigest()[:8]}"
        return f"{spec}.{self.environment}"

    def marker(self, what: str) -> str:
        """What a comment or an issue begins with, so that it is found again: for plan and drift, what nova-iac itself writes."""
        path = Path(os.path.abspath(self.file))  # noqa: PTH100 - resolve() would follow links out of the repository
        root = next((folder for folder in path.parents if (folder / ".git").exists()), None)
        spec = re.sub(r"[<>\r\n]|--", "-", (path.relative_to(root) if root else Path(self.file)).as_posix())
        return f"<!-- nova-iac:{what} environment={self.environment} spec={spec} -->"

    @property
    def shared(self) -> list[str]:
        """What every command gets."""
        return ["--file", self.file, "--env", self.environment]


def given(name: str) -> str:
    """A variable of the step."""
    return os.environ.get(f"NOVA_ACTION_{name}", "").strip()


def _lines(name: str) -> list[str]:
    return [line.strip() for line in given(name).splitlines() if line.strip()]


def _require(name: str, value: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(value):
        raise Failure(f"input {name}: {value!r} is not of the form {pattern.pattern}")
