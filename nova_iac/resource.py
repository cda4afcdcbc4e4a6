"""The leaf values that every station of the pipeline shares: addresses, references, resources and remote objects.

Attributes are plain data in *spec terms*: text, whole numbers, booleans, lists and mappings; money, quantities and instants
stand as their canonical texts, references as addresses. So two states compare with ``!=``, and a lockfile holds them as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeAlias

from nova_iac.errors import Location

Value: TypeAlias = Any
"""Plain data as JSON has it, without floats."""

Attributes: TypeAlias = Mapping[str, Value]

KEY_PATTERN: Final = r"[a-z0-9][a-z0-9_-]*"
_ADDRESS: Final = re.compile(rf"([a-z_]+)\.({KEY_PATTERN}(?:\.{KEY_PATTERN})?)(?:\[(.*)\])?", re.DOTALL)
_NEEDS_QUOTES: Final = re.compile(r'[,=\]\["\s]|^$')


class AddressError(ValueError):
    """A text that is no address."""


class Address(str):
    """The name of a resource: ``product.api``, ``contract.acme.fy26``, ``rate.standard.api[region=eu,tier=pro]``.

    Made by ``parse`` or ``of`` only. It is its text: it sorts, hashes and is written to JSON as such.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address.

        :raises AddressError: the text has another form; the message shows the right ones.
        """
        match = _ADDRESS.fullmatch(text)
        if not match:
            raise AddressError(
                f"{text!r} is not an address: write product.api, contract.acme.fy26 or rate.standard.api[region=eu]"
            )
        if match[3] is None:
            return cls(text)
        return cls.of(match[1], *match[2].split("."), selector=_read_selector(text, match[3]))

    @classmethod
    def of(cls, kind: str, *keys: str, selector: Mapping[str, str] | None = None) -> Address:
        """Build an address of checked parts; the selector's keys are sorted here."""
        head = f"{kind}.{'.'.join(keys)}"
        if not selector:
            return cls(head)
        inside = ",".join(f"{_quoted(name)}={_quoted(selector[name])}" for name in sorted(selector))
        return cls(f"{head}[{inside}]")

    @property
    def kind(self) -> str:
        """The kind's name."""
        return self[: self.index(".")]

    @property
    def head(self) -> str:
        """The address without its selector."""
        cut = self.find("[")
        return str(self) if cut < 0 else self[:cut]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys behind the kind: one, or the parent's and its own."""
        return tuple(self.head.split(".")[1:])

    @property
    def selector(self) -> dict[str, str]:
        """What stands in brackets: group values and the billing frequency of a rate."""
        cut = self.find("[")
        return {} if cut < 0 else _read_selector(self, self[cut + 1 : -1])

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if _NEEDS_QUOTES.search(text) else text


def _read_selector(address: str, inside: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    rest = inside
    while True:
        name, rest = _read_word(address, rest)
        if not rest.startswith("="):
            raise AddressError(f"{address!r}: a selector is written [key=value,key=value]")
        value, rest = _read_word(address, rest[1:])
        if name in pairs:
            raise AddressError(f"{address!r} names {name!r} twice")
        pairs[name] = value
        if not rest:
            return pairs
        if not rest.startswith(","):
            raise AddressError(f"{address!r}: a comma is missing before {rest!r}")
        rest = rest[1:]


def _read_word(address: str, text: str) -> tuple[str, str]:
    if text.startswith('"'):
        try:
            word, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            raise AddressError(f"{address!r}: the quoted value {text!r} does not end") from None
        return str(word), text[end:]
    match = re.match(r'[^,=\]\["\s]+', text)
    if not match:
        raise AddressError(f"{address!r}: a value is missing at {text!r}; values with blanks or , = ] are written in quotes")
    return match[0], text[match.end() :]


@dataclass(frozen=True, slots=True)
class AddressPattern:
    """What a command takes for an address: ``*`` and ``?`` stand for any text and any character, brackets for themselves.

    A pattern without brackets also names every address of that head: ``rate.standard.api`` is all its tuples.
    """

    text: str

    def matches(self, address: Address) -> bool:
        """Whether the address is named by this pattern."""
        compiled = _compiled(self.text)
        return bool(compiled.fullmatch(address) or ("[" in address and compiled.fullmatch(address.head)))


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(letter) or re.escape(letter) for letter in pattern), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ref:
    """Another resource's remote id, in the body or path of a call; unknown until that resource is applied."""

    address: Address

    def __str__(self) -> str:
        return f"{{{self.address}}}"


class Action(Enum):
    """What is done to one resource; the value is its symbol in a plan."""

    CREATE = "+"
    UPDATE = "~"
    REPLACE = "±"
    SCHEDULE = "^"
    ARCHIVE = "-"
    ADOPT = "&"
    FORGET = "."
    NOOP = " "

    @property
    def word(self) -> str:
        """The word used in JSON and in summaries."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The guards of one resource. Recorded too, so that deleting a block does not delete its protection."""

    protect: bool = False
    ignore_changes: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Value]:
        """Plain data without defaults."""
        data: dict[str, Value] = {}
        if self.protect:
            data["protect"] = True
        if self.ignore_changes:
            data["ignore_changes"] = list(self.ignore_changes)
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Value] | None) -> Lifecycle:
        """The inverse of as_data."""
        if not data:
            return NO_LIFECYCLE
        return cls(bool(data.get("protect", False)), tuple(data.get("ignore_changes", ())))


NO_LIFECYCLE: Final = Lifecycle()


@dataclass(frozen=True, slots=True)
class Resource:
    """What is declared. attributes hold only what was written; an omitted field isn't managed.

    depends_on are the addresses that its references name, its parent among them. places gives the location of a field's
    value by its path, for messages.
    """

    address: Address
    attributes: Attributes
    location: Location
    lifecycle: Lifecycle = NO_LIFECYCLE
    depends_on: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """What exists in the account, in spec terms, with ids translated back to addresses where the lockfile knows them.

    attributes hold only what can be read. extra is for the kind that read it (pending updates, for one) and for nobody else.
    """

    id: str | None
    attributes: Attributes
    archived: bool = False
    name: str | None = None
    extra: Mapping[str, Value] = field(default_factory=dict)
