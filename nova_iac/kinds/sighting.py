"""What is seen of a live object when the whole account is looked at, before anything there has a key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nova_iac.kinds.lookup import Names
from nova_iac.resource import Address, RemoteObject

_BOOKKEEPING: Final = frozenset(("id", "created_at", "created_by", "updated_at", "archived_at"))
"""What Metronome notes of every object; nobody declares it."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One live object.

    id is None for a kind whose objects have none; parent is the id of the object that it is nested under. see gives the object
    with ids translated as far as the names reach. place gives the address of an object that is named by what it belongs to,
    None where that has no key; it is None for every other kind, whose objects are given keys. belongs are the ids by which it
    is named besides its parent's. beyond says in words what the object has that a spec can't say, so that it can be told and
    isn't lost in silence.
    """

    id: str | None
    parent: str | None
    see: Callable[[Names], RemoteObject]
    beyond: tuple[str, ...] = ()
    place: Callable[[Names], Address | None] | None = None
    belongs: tuple[str, ...] = ()


def whatever(remote: RemoteObject) -> Callable[[Names], RemoteObject]:
    """An object that refers to no other: the same whatever has a name."""
    return lambda _: remote


def beyond(row: Mapping[str, Any], known: Iterable[str], silent: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """The members of a row of the API that hold something and that no field of ours stands for, in words.

    What is not known is told, so that a field that Metronome adds tomorrow is, too.

    :param known: members that a field, or nothing at all, stands for.
    :param silent: values that say no more than their absence.
    """
    passed_over = _BOOKKEEPING.union(known)
    return tuple(
        _words(name, value)
        for name, value in sorted(row.items())
        if name not in passed_over and value not in (None, "", [], {}) and (silent or {}).get(name) != value
    )


def _words(name: str, value: Any) -> str:
    words = name.replace("_", " ")
    if name == "custom_fields":
        return f"custom fields ({', '.join(sorted(value))})"
    if isinstance(value, list):
        return f"{len(value)} {words if len(value) > 1 else words.removesuffix('s')}"
    return words
