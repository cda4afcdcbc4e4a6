"""JSON in and out without losing a digit: fractions are Decimal, never float.

``loads`` refuses what can't be stored and answered again: NaN, lone surrogates, numbers beyond reason, deep nesting.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

DEEPEST = 64
LONGEST_NUMBER = 100
_LARGEST_EXPONENT = 60
_CONTAINERS = frozenset({dict, list})
_SURROGATE = re.compile("[\ud800-\udfff]")


class Malformed(ValueError):
    """The text isn't JSON that the emulator can keep; the message says why."""


def _fraction(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER:
        raise Malformed(f"a number has more than {LONGEST_NUMBER} digits")
    number = Decimal(text)
    if number and abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise Malformed(f"the number {text} is out of range")
    return number


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise Malformed(f"a number has more than {LONGEST_NUMBER} digits")
    return int(text)


def _constant(text: str) -> Any:
    raise Malformed(f"{text} is not JSON")


# Made once: json.loads and json.dumps with options make theirs for each call, which costs more than a small text.
_DECODER = json.JSONDecoder(parse_float=_fraction, parse_int=_integer, parse_constant=_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)


def loads(raw: bytes | str) -> Any:
    """Parses JSON text; raises Malformed."""
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8")
        value = _DECODER.decode(text)
    except Malformed:
        raise
    except RecursionError:
        raise Malformed("nested too deeply") from None
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    except ValueError as error:
        raise Malformed(f"not JSON: {error}") from None
    if text.count("[") + text.count("{") > DEEPEST and _depth(value) > DEEPEST:
        raise Malformed(f"nested more than {DEEPEST} levels deep")
    if "\\u" in text and _SURROGATE.search(dumps(value)):
        raise Malformed("a string holds half of a surrogate pair")
    return value


def _depth(value: Any) -> int:
    """How many objects and arrays stand in one another: layer by layer, of which only those go on."""
    deepest, layer = 0, [value] if type(value) in _CONTAINERS else []
    while layer:
        deepest += 1
        layer = [
            child
            for parent in layer
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in _CONTAINERS
        ]
    return deepest


def dumps(value: Any, *, canonical: bool = False) -> str:
    """JSON text with every Decimal's own digits; ``canonical`` sorts keys, so that equal values give equal text."""
    try:
        return (_CANONICAL if canonical else _ENCODER).encode(value)
    except TypeError:
        parts: list[str] = []
        _write(value, parts, canonical)
        return "".join(parts)


def _write(value: Any, parts: list[str], canonical: bool) -> None:
    if isinstance(value, str):
        parts.append(encode_basestring(value))
    elif value is None or isinstance(value, bool):
        parts.append("null" if value is None else "true" if value else "false")
    elif isinstance(value, int | Decimal):
        parts.append(number(value))
    elif isinstance(value, dict):
        lead = "{"
        for key, item in sorted(value.items()) if canonical else value.items():
            parts.append(f"{lead}{encode_basestring(key)}:")
            _write(item, parts, canonical)
            lead = ","
        parts.append("{}" if lead == "{" else "}")
    elif isinstance(value, list | tuple):
        lead = "["
        for item in value:
            parts.append(lead)
            _write(item, parts, canonical)
            lead = ","
        parts.append("[]" if lead == "[" else "]")
    else:
        raise TypeError(f"{type(value).__name__} has no JSON form")


def number(value: int | Decimal) -> str:
    """The number's digits as JSON, without an exponent."""
    return str(value) if isinstance(value, int) else format(value, "f")
