"""What the tests of adoption share: accounts made by others, copied instead of made again, and what is left of a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import accounts
from support import Project

HEAD = "version: 1\n\nenvironments:\n  local: {emulator: true}\n"
"""A spec with nothing but its environments."""


@cache
def _made(name: str) -> Path:
    project = Project(Path(mkdtemp(prefix="nova-adoption-")), HEAD)
    with project.account() as client:
        getattr(accounts, name)(client)
    return project.database


def project_of(name: str, folder: Path) -> Project:
    """A folder with a spec that has environments only, and the account of that name, which nova-iac never saw."""
    folder.mkdir(exist_ok=True)
    project = Project(folder, HEAD)
    project.database.parent.mkdir()
    shutil.copy(_made(name), project.database)
    return project


def by_hand(folder: Path, make: Callable[[accounts.Hand], Any]) -> Project:
    """The same for an account that one test makes."""
    project = Project(folder, HEAD)
    with project.account() as client:
        make(accounts.Hand(client))
    return project


def yaml_files(project: Project) -> dict[str, str]:
    """Every YAML file of a folder by its relative path."""
    return {str(path.relative_to(project.folder)): path.read_text() for path in sorted(project.folder.rglob("*.yaml"))}


def everything(project: Project) -> dict[str, bytes]:
    """Every file of a folder but the request log."""
    return {str(path): path.read_bytes() for path in sorted(project.folder.rglob("*")) if path.is_file() and path != project.log}


def is_empty(project: Project) -> bool:
    """Whether a plan of the project would do nothing and sees no drift."""
    plan = project.plan()
    return not any(change["action"] != "noop" for change in plan["changes"]) and not plan["calls"] and not plan["drift"]
