"""The journal: a line before each call and a line after it, on disk before anything else happens.

It exists only while a run is incomplete. Reading the lockfile always folds it in (``folding``), so whatever stopped a run, what
it did is known; what it may have done stands as an intent without a result, and recovery settles it.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import NoneType, TracebackType
from typing import Any, Final

from nova_iac.errors import LockfileError
from nova_iac.resource import Address, Attributes, Lifecycle
from nova_iac.state import strict
from nova_iac.state.lockfile import LockEntry, read_entry, replace_file

FORMAT_VERSION: Final = "1.0"

_EFFECT: Final[Mapping[str, strict.Types]] = {
    **dict.fromkeys(("set", "lifecycle", "entry"), (dict,)),
    **dict.fromkeys(("drop", "depends_on"), (list,)),
    **dict.fromkeys(("creates", "remove", "in_use", "supersedes"), (bool,)),
    **dict.fromkeys(("archived", "id"), (str,)),
}
_INTENT: Final[Mapping[str, strict.Types]] = {
    "number": (int,),
    **dict.fromkeys(("key", "method", "path", "sdk", "sent_at"), (str,)),
    **dict.fromkeys(("params", "effects"), (dict,)),
    "covers": (list,),
    "creates": (str, NoneType),
}
_RUN: Final[Mapping[str, strict.Types]] = {
    **dict.fromkeys(("format_version", "lineage", "environment", "base_url", "started_at", "plan_digest"), (str,)),
    "serial": (int,),
    "destroy": (bool,),
    "calls": (list,),
    "keys": (dict,),
}

_sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call leaves recorded of one address once it is done.

    set are attributes now in place, drop those no longer managed. entry brings references and guards along. creates: the
    answer's id becomes the address's id, and an id that it had before is superseded. archived: a superseded id that is gone.
    remove: the address is no longer recorded. entry: the whole entry, for an address that moved.
    """

    set: Attributes = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    depends_on: tuple[Address, ...] | None = None
    lifecycle: Lifecycle | None = None
    creates: bool = False
    archived: str | None = None
    remove: bool = False
    id: str | None = None
    in_use: bool | None = None
    supersedes: bool = True
    entry: Mapping[str, Any] | None = None

    def as_data(self) -> dict[str, Any]:
        """Plain data without defaults."""
        data: dict[str, Any] = {}
        if self.set:
            data["set"] = dict(self.set)
        if self.drop:
            data["drop"] = list(self.drop)
        if self.depends_on is not None:
            data["depends_on"] = list(self.depends_on)
        if self.lifecycle is not None:
            data["lifecycle"] = self.lifecycle.as_data()
        for name in ("creates", "archived", "remove", "id"):
            if value := getattr(self, name):
                data[name] = value
        if self.in_use is not None:
            data["in_use"] = self.in_use
        if not self.supersedes:
            data["supersedes"] = False
        if self.entry is not None:
            data["entry"] = dict(self.entry)
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Effect:
        """The inverse of as_data.

        :raises ValueError: it is none.
        """
        strict.require_fields("an effect", data, _EFFECT, ())
        depends = data.get("depends_on")
        return cls(
            set=data.get("set", {}),
            drop=tuple(map(str, data.get("drop", ()))),
            depends_on=None if depends is None else tuple(strict.known_address(text) for text in depends),
            lifecycle=strict.lifecycle("an effect", data["lifecycle"]) if "lifecycle" in data else None,
            creates=data.get("creates", False),
            archived=data.get("archived"),
            remove=data.get("remove", False),
            id=data.get("id"),
            in_use=data.get("in_use"),
            supersedes=data.get("supersedes", True),
            entry=data.get("entry"),
        )


def apply_effects(entries: dict[Address, LockEntry], effects: Mapping[Address, Effect], new_id: str | None) -> None:
    """Change recorded entries in place by what a done call leaves."""
    for address, effect in effects.items():
        if effect.remove:
            entries.pop(address, None)
            continue
        if effect.entry is not None:
            entries[address] = LockEntry.from_data(effect.entry)
            continue
        entry = entries.get(address) or LockEntry(None, {})
        # A new object has nothing of the one that it takes the place of.
        attributes = {**({} if effect.creates else entry.attributes), **effect.set}
        for name in effect.drop:
            attributes.pop(name, None)
        entry = replace(entry, attributes=attributes)
        if effect.creates:
            old = (entry.id,) if effect.supersedes and entry.id and entry.id != new_id else ()
            entry = replace(entry, id=new_id, superseded=entry.superseded + old)
        if effect.id:
            entry = replace(entry, id=effect.id)
        if effect.archived:
            entry = replace(entry, superseded=tuple(old for old in entry.superseded if old != effect.archived))
        if effect.depends_on is not None:
            entry = replace(entry, depends_on=effect.depends_on)
        if effect.lifecycle is not None:
            entry = replace(entry, lifecycle=effect.lifecycle)
        if effect.in_use is not None:
            entry = replace(entry, in_use=effect.in_use)
        entries[address] = entry


def read_effects(data: Mapping[str, Any]) -> dict[Address, Effect]:
    """What a call leaves, by address.

    :raises ValueError: it is none.
    """
    effects = {strict.known_address(text): Effect.from_data(effect) for text, effect in data.items()}
    for address, effect in effects.items():
        if effect.entry is not None:
            read_entry(address, effect.entry)
    return effects


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that was about to be made. params are as sent: ids put in, numbers as JSON has them."""

    number: int
    key: str
    method: str
    path: str
    sdk: str
    params: Mapping[str, Any]
    sent_at: str
    covers: tuple[Address, ...]
    creates: Address | None
    effects: Mapping[Address, Effect]

    def as_data(self) -> dict[str, Any]:
        """As it stands in the journal."""
        return {
            "number": self.number,
            "key": self.key,
            "method": self.method,
            "path": self.path,
            "sdk": self.sdk,
            "params": self.params,
            "sent_at": self.sent_at,
            "covers": list(self.covers),
            "creates": self.creates,
            "effects": {address: effect.as_data() for address, effect in self.effects.items()},
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Intent:
        """The inverse of as_data.

        :raises ValueError: it is none.
        """
        strict.require_fields("the intent", data, _INTENT, _INTENT)
        return cls(
            data["number"],
            data["key"],
            data["method"],
            data["path"],
            data["sdk"],
            data["params"],
            data["sent_at"],
            tuple(strict.known_address(text) for text in data["covers"]),
            None if data["creates"] is None else strict.known_address(data["creates"]),
            read_effects(data["effects"]),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """The head of a journal: which plan this run carries out.

    calls are the plan's, for resuming exactly that plan. keys has for each address that is created the serial that goes into the
    Idempotency-Key of its create.
    """

    lineage: str
    serial: int
    environment: str
    base_url: str
    started_at: str
    plan_digest: str = ""
    destroy: bool = False
    calls: tuple[Mapping[str, Any], ...] = ()
    keys: Mapping[Address, int] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """As it stands in the journal."""
        return {
            "format_version": FORMAT_VERSION,
            "lineage": self.lineage,
            "serial": self.serial,
            "environment": self.environment,
            "base_url": self.base_url,
            "started_at": self.started_at,
            "plan_digest": self.plan_digest,
            "destroy": self.destroy,
            "calls": list(self.calls),
            "keys": dict(self.keys),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Run:
        """The inverse of as_data.

        :raises ValueError: it is none.
        :raises NewerFormat: a newer version wrote it.
        """
        strict.require_format("the journal", data.get("format_version"), FORMAT_VERSION)
        strict.require_fields("the head", data, _RUN, ("lineage", "serial", "environment", "base_url", "started_at"))
        keys = {strict.known_address(text): serial for text, serial in data.get("keys", {}).items()}
        if not all(type(serial) is int and 0 <= serial <= data["serial"] for serial in keys.values()):
            raise ValueError("the head has a key of a serial that can't be")
        known = {name: data[name] for name in cls.__slots__ if name in data}
        return cls(**known | {"calls": tuple(data.get("calls", ())), "keys": keys})


class Journal:
    """Appends lines, each on disk before the call returns. One writer; threads may share it."""

    def __init__(self, path: Path, run: Run, carried: Sequence[Intent] = ()) -> None:
        """Start the journal of a run, in place of an earlier one whose results the lockfile has by now.

        :param carried: intents of earlier runs that are still open.
        :raises LockfileError: it can't be written.
        """
        self.path = path
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._written = self._synced = 0
        self._number = max((intent.number for intent in carried), default=0)
        lines: list[Mapping[str, Any]] = [{"run": run.as_data()}, *({"intent": intent.as_data()} for intent in carried)]
        try:
            replace_file(path, "".join(f"{_text(line)}\n" for line in lines))
            self._file = path.open("ab")
        except OSError as problem:
            raise LockfileError(f"the journal {path} can't be written: {problem.strerror or problem}") from problem

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(OSError):  # a line that a full disk didn't take has failed its call already
            self._file.close()

    def begin(self, run: Run) -> None:
        """Another plan of the same run: what follows a recovery."""
        self._append({"run": run.as_data()})

    def next_number(self) -> int:
        """A number for the next intent, unique in this journal."""
        with self._lock:
            self._number += 1
            return self._number

    def intend(self, intent: Intent) -> None:
        """Before a call."""
        self._append({"intent": intent.as_data()})

    def done(self, number: int, new_id: str | None) -> None:
        """After a call that succeeded."""
        self._append({"done": {"number": number, "id": new_id}})

    def refused(self, number: int, message: str, *, unheard: bool = False) -> None:
        """After a call that certainly took no effect.

        :param unheard: it was turned away at the door (401), so that its key is as good as new.
        """
        self._append({"refused": {"number": number, "message": message} | ({"unheard": True} if unheard else {})})

    def record(self, effects: Mapping[Address, Effect]) -> None:
        """A change of the record that needs no call."""
        self._append({"record": {address: effect.as_data() for address, effect in effects.items()}})

    def _append(self, line: Mapping[str, Any]) -> None:
        data = f"{_text(line)}\n".encode()
        try:
            with self._lock:
                self._file.write(data)
                self._written += 1
                mine = self._written
            # One sync carries the lines of all threads that wait for it.
            with self._syncing:
                if self._synced >= mine:
                    return
                with self._lock:
                    self._file.flush()
                    reached = self._written
                _sync(self._file.fileno())
                self._synced = reached
        except OSError as problem:
            raise LockfileError(f"the journal {self.path} can't be written: {problem.strerror or problem}") from problem


def _text(line: Mapping[str, Any]) -> str:
    return json.dumps(line, separators=(",", ":"))  # in ASCII: a server's message may hold half a surrogate pair
