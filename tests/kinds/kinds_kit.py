"""What the tests of kinds share: specs in which a resource has every field, and what a plan promises for an edit of each."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from card_kit import LATER
from support import Project

from nova_iac.kinds import KINDS
from nova_iac.kinds.base import Kind
from nova_iac.resource import Address

__all__ = ["GONE", "LATER", "Edit", "Rich", "applied", "calls", "changed", "find", "reordered", "text"]

GONE: Final = object()
"""In an edit: the field is left out."""

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Edit:
    """One field is given another value, or none, and the plan promises this for it. No field: the whole block is.

    along are other edits without which the spec would make no sense, by path. fields are the changes that the plan shows, by
    path: (before, after); None where they aren't looked at. guards are allowed by name. refused is the code of the problem that
    there is instead of a plan, error whether the spec or the plan has it.
    """

    field: str
    value: Any
    action: str = "update"
    calls: tuple[str, ...] = ()
    fields: Mapping[str, tuple[Any, Any]] | None = None
    along: Mapping[str, Any] = field(default_factory=dict)
    guards: tuple[str, ...] = ()
    refused: str | None = None
    options: tuple[str, ...] = ()

    @property
    def clears(self) -> bool:
        """Whether the field is left out."""
        return self.value is GONE


@dataclass(frozen=True)
class Rich:
    """A spec in which one resource has many fields, and the edits of them. key is the resource's path in the spec."""

    address: str
    path: str
    spec: Mapping[str, Any]
    edits: Sequence[Edit]
    name: str = ""

    @property
    def kind(self) -> Kind:
        """The kind that it is about."""
        return KINDS[Address(self.address).kind]

    @property
    def declared(self) -> dict[str, Any]:
        """The resource as it stands in the spec."""
        declared: dict[str, Any] = find(self.spec, self.path)
        return declared

    def edited(self, edit: Edit) -> dict[str, Any]:
        """The spec after an edit."""
        path = f"{self.path}.{edit.field}" if edit.field else self.path
        return changed(self.spec, {path: edit.value, **edit.along})


def text(spec: Mapping[str, Any]) -> str:
    """A spec as it is written to its file; JSON is YAML."""
    return json.dumps({"version": 1, "environments": {"local": {"emulator": True}}, **spec}, indent=1, ensure_ascii=False)


def find(spec: Mapping[str, Any], path: str) -> Any:
    """What stands at a dotted path."""
    value: Any = spec
    for key in path.split("."):
        value = value[key]
    return value


def changed(spec: Mapping[str, Any], edits: Mapping[str, Any]) -> dict[str, Any]:
    """A spec with values put at paths, or taken away from there."""
    result: dict[str, Any] = copy.deepcopy(dict(spec))
    for path, value in edits.items():
        *holders, last = path.split(".")
        holder = result
        for key in holders:
            holder = holder.setdefault(key, {})
        if value is GONE:
            del holder[last]
        else:
            holder[last] = value
    return result


@cache
def _applied(written: str) -> Path:
    """A folder in which a spec was applied, for copying."""
    project = Project(Path(mkdtemp(prefix="nova-kinds-")), written)
    project.apply()
    project.forget_requests()
    return project.folder


def applied(spec: Mapping[str, Any], folder: Path) -> Project:
    """A project in which a spec has been applied."""
    written = text(spec)
    shutil.copytree(_applied(written), folder, dirs_exist_ok=True)
    return Project(folder, written)


def calls(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """The calls of a plan: method and path, ids and references as ``{id}``."""
    return tuple(f"{call['method']} {re.sub('{[^}]*}', '{id}', _ID.sub('{id}', call['path']))}" for call in plan["calls"])


def reordered(value: Any, is_set: Callable[[tuple[str, ...]], bool], path: tuple[str, ...] = ()) -> Any:
    """A value with every set the other way round; lists stay."""
    if isinstance(value, dict):
        return {name: reordered(part, is_set, (*path, name)) for name, part in value.items()}
    if isinstance(value, list):
        members = [reordered(part, is_set, (*path, "*")) for part in value]
        return members[::-1] if is_set(path) else members
    return value
