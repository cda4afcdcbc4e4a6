"""The lockfile: what nova-iac made, by address, and which remote ids it has.

Stable bytes (sorted, two spaces, one resource a block), made for committing. It is replaced atomically and never holds a token.
A file that can't be used is refused and left as it was.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import NoneType
from typing import Any, Final

from nova_iac.errors import LockfileError, WrongAccount
from nova_iac.kinds import KINDS
from nova_iac.resource import NO_LIFECYCLE, Address, Attributes, Lifecycle
from nova_iac.state import strict

FORMAT_VERSION: Final = "1.0"

_HEADER: Final[Mapping[str, strict.Types]] = {
    "format_version": (str,),
    "lineage": (str,),
    "serial": (int,),
    "environment": (str,),
    "account": (dict,),
    "resources": (dict,),
}
_ACCOUNT: Final[Mapping[str, strict.Types]] = {"base_url": (str,)}
_ENTRY: Final[Mapping[str, strict.Types]] = {
    "id": (str, NoneType),
    "attributes": (dict,),
    "depends_on": (list,),
    "lifecycle": (dict,),
    "superseded": (list,),
    "in_use": (bool,),
}


@dataclass(frozen=True, slots=True)
class StatePaths:
    """The files of one spec in one environment, beside the spec."""

    lockfile: Path
    journal: Path
    mutex: Path
    database: Path

    @classmethod
    def of(cls, spec: Path, environment: str) -> StatePaths:
        """By the names that the contract with users fixes."""
        folder, name = spec.parent, spec.stem
        return cls(
            folder / f"{name}.{environment}.lock.json",
            folder / f".{name}.{environment}.journal",
            folder / f".{name}.{environment}.lock",
            folder / ".nova" / f"{environment}.db",
        )


@dataclass(frozen=True, slots=True)
class LockEntry:
    """What is recorded of one resource.

    attributes are those last applied, in spec terms. superseded are ids of replaced objects that are still to be archived.
    in_use marks a card whose whole first set of rates is in place, so that a change of its past is retroactive.
    """

    id: str | None
    attributes: Attributes
    depends_on: tuple[Address, ...] = ()
    lifecycle: Lifecycle = NO_LIFECYCLE
    superseded: tuple[str, ...] = ()
    in_use: bool = False

    def as_data(self) -> dict[str, Any]:
        """As it stands in the file."""
        data: dict[str, Any] = {
            "id": self.id,
            "attributes": self.attributes,
            "depends_on": list(self.depends_on),
            "lifecycle": self.lifecycle.as_data(),
        }
        if self.superseded:
            data["superseded"] = list(self.superseded)
        if self.in_use:
            data["in_use"] = True
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> LockEntry:
        """The inverse of as_data."""
        return cls(
            data["id"],
            data["attributes"],
            tuple(Address(text) for text in data.get("depends_on", ())),
            Lifecycle.from_data(data.get("lifecycle")),
            tuple(data.get("superseded", ())),
            bool(data.get("in_use", False)),
        )


@dataclass(frozen=True, slots=True)
class Lockfile:
    """The recorded state. lineage is fixed for life; serial counts the runs that changed something."""

    lineage: str
    serial: int
    environment: str
    base_url: str
    resources: Mapping[Address, LockEntry] = field(default_factory=dict)

    @classmethod
    def fresh(cls, environment: str, base_url: str, lineage: str | None = None) -> Lockfile:
        """An empty lockfile of a new lineage."""
        return cls(lineage or str(uuid.uuid4()), 0, environment, base_url)

    def with_resources(self, resources: Mapping[Address, LockEntry]) -> Lockfile:
        """The same lockfile with other entries."""
        return replace(self, resources=resources)

    def as_data(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "format_version": FORMAT_VERSION,
            "lineage": self.lineage,
            "serial": self.serial,
            "environment": self.environment,
            "account": {"base_url": self.base_url},
            "resources": {address: self.resources[address].as_data() for address in sorted(self.resources)},
        }

    def text(self) -> str:
        """The file's text; equal states have equal texts."""
        return json.dumps(self.as_data(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def save(self, path: Path) -> None:
        """Replace the file: temporary file, fsync, rename, fsync of the folder.

        :raises LockfileError: it can't be written; the old file is unharmed.
        """
        try:
            replace_file(path, self.text())
        except OSError as problem:
            raise LockfileError(f"{path} can't be written: {problem.strerror or problem}") from problem


def load(path: Path, *, environment: str, base_url: str) -> Lockfile | None:
    """The lockfile at path; None where there is none.

    :raises LockfileError: it is broken, has unknown fields, is newer than this version, or belongs elsewhere.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise LockfileError(f"{path} can't be read: {problem.strerror or problem}") from problem
    try:
        lockfile = _lockfile(strict.loads(raw.decode("utf-8")), str(path))
    except (UnicodeDecodeError, json.JSONDecodeError) as problem:
        conflict = " It holds a merge conflict." if b"<<<<<<<" in raw else ""
        raise _broken(path, f"it is not JSON ({problem}).{conflict}") from None
    except ValueError as problem:
        raise _broken(path, f"{problem}.") from None
    if lockfile.environment != environment:
        raise WrongAccount(
            f"{path} belongs to environment {lockfile.environment}, not {environment}: name the right one with -e, "
            "or put that environment's own lockfile here."
        )
    if lockfile.base_url != base_url:
        raise WrongAccount(
            f"{path} was made against {lockfile.base_url}, but environment {environment} points to {base_url}: its ids mean "
            "nothing there. Put base_url back, or use another environment name for the other host."
        )
    return lockfile


def _lockfile(data: Any, where: str) -> Lockfile:
    if type(data) is not dict:
        raise ValueError("it holds no JSON object")
    strict.require_format(where, data.get("format_version"), FORMAT_VERSION)
    strict.require_fields("the file", data, _HEADER, _HEADER)
    strict.require_fields("account", data["account"], _ACCOUNT, _ACCOUNT)
    uuid.UUID(data["lineage"])
    if data["serial"] < 0:
        raise ValueError("the serial is negative")
    resources = {strict.known_address(text): read_entry(text, entry) for text, entry in data["resources"].items()}
    _require_own_ids(resources)
    return Lockfile(data["lineage"], data["serial"], data["environment"], data["account"]["base_url"], resources)


def read_entry(address: str, data: Any) -> LockEntry:
    """What is recorded of a resource, as as_data gives it.

    :raises ValueError: no run can have recorded it.
    """
    strict.require_fields(address, data, _ENTRY, ("id", "attributes"))
    if flaw := KINDS[strict.known_address(address).kind].unsound(data["attributes"]):
        raise ValueError(f"{address} has {flaw}")
    strict.lifecycle(address, data.get("lifecycle", {}))
    for other in data.get("depends_on", ()):
        strict.known_address(other)
    if not all(ident and isinstance(ident, str) for ident in data.get("superseded", ())) or data["id"] == "":
        raise ValueError(f"{address} has an empty id")
    return LockEntry.from_data(data)


def _require_own_ids(resources: Mapping[Address, LockEntry]) -> None:
    """An object that is recorded twice would be archived under one address and used under the other."""
    holders: dict[tuple[str, str], Address] = {}
    for address, entry in resources.items():
        for ident in (entry.id, *entry.superseded):
            if ident is None:
                continue
            if other := holders.get((address.kind, ident)):
                raise ValueError(f"{other} and {address} have the same id {ident}")
            holders[address.kind, ident] = address


def _broken(where: object, what: str) -> LockfileError:
    return LockfileError(
        f"{where} can't be used: {what} It was left as it is. Restore it from version control, or make it again from the account "
        "with `nova-iac state rebuild`."
    )


def replace_file(path: Path, text: str) -> None:
    """Put a whole new file in place of an old one, or leave the old one as it is.

    Temporary file, fsync, rename, fsync of the folder.
    """
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    # One name for all attempts: there is one writer at a time. What a killed one left may be another user's: it goes first.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
