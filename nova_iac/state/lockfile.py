"""The lockfile: what nova-iac made, by address, and which remote ids it has.

Stable bytes (sorted, two spaces, one resource a block), made for committing. It is replaced atomically and never holds a token.
A file that can't be used is refused and left as it was.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from nova_iac.errors import LockfileError, NewerFormat, WrongAccount
from nova_iac.kinds import KINDS
from nova_iac.resource import NO_LIFECYCLE, Address, AddressError, Attributes, Lifecycle

FORMAT_VERSION: Final = "1.0"

_HEADER: Final = frozenset(("format_version", "lineage", "serial", "environment", "account", "resources"))
_ENTRY: Final = frozenset(("id", "attributes", "depends_on", "lifecycle", "superseded", "in_use"))


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
        data = json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, ValueError) as problem:
        conflict = " It holds a merge conflict." if b"<<<<<<<" in raw else ""
        raise _broken(path, f"it is not JSON ({problem}).{conflict}") from None
    lockfile = from_data(data, str(path))
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


def from_data(data: Any, where: str) -> Lockfile:
    """A lockfile from parsed JSON.

    :raises LockfileError: as load does.
    """
    if not isinstance(data, dict):
        raise _broken(where, "it holds no JSON object.")
    version = data.get("format_version")
    if not isinstance(version, str) or not re.fullmatch(r"\d+\.\d+", version):
        raise _broken(where, "format_version is missing.")
    if [int(part) for part in version.split(".")] > [int(part) for part in FORMAT_VERSION.split(".")]:
        raise NewerFormat(f"{where} has format {version}; this nova-iac knows {FORMAT_VERSION}: update nova-iac.")
    _no_other_fields(where, "the file", data, _HEADER)
    try:
        uuid.UUID(data["lineage"])
        base_url, entries = data["account"]["base_url"], data["resources"]
        _no_other_fields(where, "account", data["account"], frozenset(("base_url",)))
        sound = isinstance(data["serial"], int) and isinstance(data["environment"], str) and isinstance(base_url, str)
        if not sound or not isinstance(entries, dict):
            raise TypeError("a field has a wrong type")
        resources = {}
        for text, entry in entries.items():
            address = Address.parse(text)
            _no_other_fields(where, text, entry, _ENTRY)
            if not isinstance(entry["attributes"], dict) or not isinstance(entry["id"], str | None):
                raise TypeError(f"{text} has a field of a wrong type")
            _require_sound(text, address, entry)
            resources[address] = LockEntry.from_data(entry)
    except (KeyError, TypeError, ValueError, AttributeError, AddressError) as problem:
        what = f"{problem.args[0]} is missing" if isinstance(problem, KeyError) else str(problem)
        raise _broken(where, f"{what}.") from None
    return Lockfile(data["lineage"], data["serial"], data["environment"], base_url, resources)


def _require_sound(text: str, address: Address, entry: Mapping[str, Any]) -> None:
    """What no run of ours can have recorded is refused before anything is planned from it."""
    kind = KINDS.get(address.kind)
    if kind is None or len(address.keys) != (2 if kind.parent else 1):
        raise ValueError(f"{text} is no address of a known kind")
    if flaw := kind.unsound(entry["attributes"]):
        raise ValueError(f"{text} has {flaw}")
    for other in entry.get("depends_on", ()):
        Address.parse(other)


def _no_other_fields(where: str, what: str, data: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(set(data) - known):
        raise _broken(where, f"{what} has the unknown field {unknown[0]!r}.")


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
    # One name for all attempts: there is one writer at a time, and what a killed one left is overwritten by the next.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
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
