"""Typed data as the YAML that a person would have written: blocks for what has a name, one line for what fits on it.

What is written reads back as the same data, in nova-iac and in any other YAML reader: text that looks like something else is
quoted; money, quantities and instants stand bare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nova_iac.kinds import shapes

WIDTH: Final = 100
"""Columns that a value in braces or brackets may take with what stands before it."""

_ROWS_WIDTH: Final = 80  # lists of mappings read better one below the other
_MIDNIGHT: Final = "T00:00:00Z"
_LETTERS: Final = r"[^\s\x00-\x1f\x7f-\x9f\ufeff\ud800-\udfff\ufffe\uffff]+"
_SAFE: Final = re.compile(f"{_LETTERS}(?: {_LETTERS})*")
_FIRST: Final = frozenset("-?:,[]{}#&*!|>'\"%@`")
_OTHER_MEANING: Final = re.compile(
    r"~|null|true|false|yes|no|on|off|y|n|<<|=|[-+]?\.(?:inf|nan)|\.{3}"
    r"|[-+]?[0-9][0-9_,]*(?::[0-5]?[0-9])*(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)?|[-+]?\.[0-9_]+(?:e[-+]?[0-9]+)?|0[xob][0-9a-f_]+"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?",
    re.IGNORECASE,
)
_ESCAPED: Final = re.compile(r"[\"\\\x00-\x1f\x7f-\xa0\ufeff\u2028\u2029\ufffe\uffff]")
_SHORT_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Plain(str):
    """A scalar that stands as it is: money, a quantity, an instant."""

    __slots__ = ()


class Block(dict[str, Any]):
    """A mapping that is always written one field a line."""


def as_written(data: Any, shape: shapes.Shape) -> Any:
    """Typed data, references as keys, for ``lines``: fields in the order of the schema, dates as short as they can be."""
    match shape:
        case shapes.Quantity() | shapes.MoneyText():
            return Plain(data)
        case shapes.Instant():
            return Plain(data.removesuffix(_MIDNIGHT))
        case shapes.Items(item, _, by):
            members = sorted(data, key=lambda member: str(member[by])) if by else data
            return [as_written(member, item) for member in members]
        case shapes.Struct(fields, None):
            return {name: as_written(data[name], part) for name, part in fields.items() if name in data}
        case shapes.Struct(fields, others):
            return {name: as_written(part, fields.get(name) or others or shapes.ANYTHING) for name, part in data.items()}
        case shapes.ByNode(scalar, mapping, sequence):
            chosen = mapping if isinstance(data, dict) else sequence if isinstance(data, list) else scalar
            return as_written(data, chosen or shapes.ANYTHING)
        case _:
            return data


def text(value: Mapping[str, Any]) -> str:
    """A whole mapping as the text of a file, or of the end of one."""
    return "".join(f"{line}\n" if line else "\n" for line in lines(value, 0))


def lines(value: Mapping[str, Any], indent: int) -> list[str]:
    """A mapping, one field a line where it isn't nested, indented by so many columns."""
    found: list[str] = []
    for name, part in value.items():
        found += _field(f"{' ' * indent}{scalar(name)}:", part, indent)
    return found


def _field(head: str, value: Any, indent: int) -> list[str]:
    """A value behind a key or a dash."""
    if isinstance(value, str) and "\n" in value and (literal := _literal(value, indent)):
        return [f"{head} {literal[0]}", *literal[1:]]
    if not isinstance(value, dict | list) or not value or _fits(head, value):
        return [f"{head} {flow(value)}"]
    if isinstance(value, dict):
        return [head, *lines(value, indent + 2)]
    return [head, *(line for part in value for line in _item(part, indent + 2))]


def _item(value: Any, indent: int) -> list[str]:
    dash = f"{' ' * indent}-"
    if isinstance(value, dict | list) and value and not _fits(dash, value):
        below = indent + 2
        inside = lines(value, below) if isinstance(value, dict) else [line for part in value for line in _item(part, below)]
        return [f"{dash} {inside[0].lstrip()}", *inside[1:]]
    return _field(dash, value, indent)


def _fits(head: str, value: Any) -> bool:
    """Whether a mapping or a list can stand on one line behind its head."""
    is_rows = isinstance(value, list) and any(isinstance(part, dict) for part in value)
    return not _has_block(value) and len(head) + 1 + len(flow(value)) <= (_ROWS_WIDTH if is_rows else WIDTH)


def _has_block(value: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(value, Block) or any(map(_has_block, value.values()))
    if isinstance(value, list):
        return any(map(_has_block, value))
    return isinstance(value, str) and "\n" in value


def flow(value: Any) -> str:
    """A value on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{scalar(name, inside=True)}: {flow(part)}" for name, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(flow, value)) + "]"
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case str():
            return scalar(value, inside=True)
        case _:
            return str(value)


def scalar(value: str, *, inside: bool = False) -> str:
    """A text as a scalar, bare where that can't be mistaken.

    :param inside: it stands in braces or brackets, where more characters have a meaning.
    """
    if isinstance(value, Plain) or (_is_bare(value) and not (inside and re.search(r"[,?\[\]{}]|:$|:[^\w/]", value))):
        return str(value)
    return '"' + _ESCAPED.sub(lambda match: _SHORT_ESCAPES.get(match[0]) or _escape(match[0]), value) + '"'


def _is_bare(value: str) -> bool:
    return bool(
        _SAFE.fullmatch(value)
        and value[0] not in _FIRST
        and not value.endswith(":")
        and ": " not in value
        and " #" not in value
        and not value.startswith(("--- ", "... "))
        and not _OTHER_MEANING.fullmatch(value)
    )


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}"


def _literal(value: str, indent: int) -> list[str] | None:
    """A text of several lines as a block, None where a block would change it or hide something."""
    body = value.removesuffix("\n")
    rows: Sequence[str] = body.split("\n")
    if body.endswith("\n") or not body or rows[0].startswith((" ", "\t")) or not rows[0]:
        return None
    if any(row != row.rstrip() or (row and not _SAFE.fullmatch(re.sub(r"[ \t]+", " ", row.strip(" \t")))) for row in rows):
        return None
    return ["|" if value.endswith("\n") else "|-", *(f"{' ' * (indent + 2)}{row}" if row else "" for row in rows)]
