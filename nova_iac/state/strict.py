"""Our own JSON files, read strictly: what no run can have written is refused, not guessed at."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from nova_iac.errors import NewerFormat
from nova_iac.kinds import KINDS
from nova_iac.resource import Address, Lifecycle

Types = tuple[type, ...]

_LIFECYCLE: Final[Mapping[str, Types]] = {"protect": (bool,), "ignore_changes": (list,)}


def loads(text: bytes | str) -> Any:
    """Parsed JSON.

    :raises ValueError: it is none, or an object has a field twice: a merge that kept both sides, of which one would vanish.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is there twice, as after a merge that kept both sides")
    return data


def require_format(where: str, version: Any, known: str) -> None:
    """Only a format that this version knows is read.

    :raises ValueError: there is none.
    :raises NewerFormat: a newer version wrote it.
    """
    if not isinstance(version, str) or not re.fullmatch(r"\d+\.\d+", version):
        raise ValueError("format_version is missing")
    if [int(part) for part in version.split(".")] > [int(part) for part in known.split(".")]:
        raise NewerFormat(f"{where} has format {version}; this nova-iac knows {known}: update nova-iac.")


def require_fields(what: str, data: Any, known: Mapping[str, Types], needed: Collection[str]) -> None:
    """Refuse an object whose fields aren't those that are written.

    :param known: the JSON types of each field; a boolean is no number.
    :raises ValueError: it is no object, or a field is unknown, missing or of another type.
    """
    if type(data) is not dict:
        raise ValueError(f"{what} is no JSON object")
    if unknown := sorted(data.keys() - known.keys()):
        raise ValueError(f"{what} has the unknown field {unknown[0]!r}")
    for name in needed:
        if name not in data:
            raise ValueError(f"{what}: {name} is missing")
    for name, value in data.items():
        if type(value) not in known[name]:
            raise ValueError(f"{what} has a field of a wrong type: {name}")


def known_address(text: Any) -> Address:
    """The address of a resource of a kind that there is.

    :raises ValueError: the text is none.
    """
    address = Address.parse(str(text))
    kind = KINDS.get(address.kind)
    if kind is None or len(address.keys) != (2 if kind.parent else 1):
        raise ValueError(f"{text} is no address of a known kind")
    return address


def lifecycle(what: str, data: Any) -> Lifecycle:
    """Recorded guards.

    :raises ValueError: they are none.
    """
    require_fields(f"the lifecycle of {what}", data, _LIFECYCLE, ())
    return Lifecycle.from_data(data)
