"""Node and shape → typed data. A shape is compiled once into a function; what doesn't fit is reported with its place.

Canonical data: text, whole numbers and booleans; quantities, money and instants as their canonical texts; lists and dicts.
References stay keys, sets keep their order. A field that failed is left out of its mapping; in a list an empty value keeps its
place, so that indexes still point at the nodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeAlias

from nova_iac import moment
from nova_iac.errors import Diagnostic
from nova_iac.kinds import shapes
from nova_iac.money import Money, MoneyError, plain, quantity
from nova_iac.resource import Value
from nova_iac.spec.nodes import Mapping, Node, Scalar, Sequence
from nova_iac.spec.problems import NULLS, describe, instead, nearest, place, problem, shorten

Convert: TypeAlias = Callable[[Node, "Findings"], Value]

FAILED: Final[Any] = object()
"""What a conversion returns when it has reported that there is no value."""

_TRUE: Final = frozenset(("true", "True", "TRUE"))
_FALSE: Final = frozenset(("false", "False", "FALSE"))
_YES_NO: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,14})")
SECRET: Final = re.compile("token|secret|password|bearer|api.?key|auth", re.IGNORECASE)
"""Names of fields whose values are not repeated in messages: a token that was written where none belongs must not reach logs."""


class Findings:
    """The problems of one document's values, and what later checks must know to stay quiet about the same things."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.address: str | None = None
        self.failed: dict[int, Node] = {}  # the nodes themselves, so that their ids stay theirs
        self._told: dict[int, Diagnostic] = {}  # of the failed ones, those that were refused here and not in the loader
        self.refusals = 0
        self.guesses: dict[int, set[str]] = {}  # by mapping: the keys that unknown ones were probably meant to be

    def refuse(self, node: Node, code: str, detail: str) -> Any:
        """Report a value. What was said about it first is said again, for another block or environment may share it."""
        self.refusals += 1
        if id(node) not in self.failed:
            self.failed[id(node)] = node
            self._told[id(node)] = problem(code, detail, place(node), address=self.address)
        if id(node) in self._told:
            self.diagnostics.append(self._told[id(node)])
        return FAILED

    def mismatch(self, node: Node, expected: str, fix: str = "") -> Any:
        """Report a value of the wrong type."""
        return self.refuse(node, "NV130", f"expected {expected}, found {describe(node)}{f': {fix}' if fix else '.'}")

    def unknown(self, mapping: Mapping, name: str, known: Any, hint: str = "") -> None:
        """Report a key that has no place here."""
        self.refusals += 1
        guess = nearest(name, known)
        if guess is not None:
            self.guesses.setdefault(id(mapping), set()).add(guess)
        detail = f"{shorten(name)} is no field here{hint or f'; {instead(name, known)}'}"
        key = mapping.keys[name]
        source = f"{' ' * (key.column - 1)}{name}: …" if SECRET.search(name) else None
        self.diagnostics.append(problem("NV131", detail, place(key), address=self.address, source=source))


def compile_walker(shape: shapes.Shape) -> Convert:
    """The function that reads a node of this shape."""
    match shape:
        case shapes.Text() | shapes.Reference():
            return _text
        case shapes.Boolean():
            return _boolean
        case shapes.Integer():
            return _integer
        case shapes.MoneyText():
            return _money
        case shapes.Instant(hour):
            return _hour if hour else _instant
        case shapes.Quantity():
            return _quantity(shape)
        case shapes.Items(item):
            return _items(item)
        case shapes.Struct(fields, others):
            return _struct(fields, others)
        case shapes.ByNode():
            return _by_node(shape)
        case _:
            return _anything


def _text(node: Node, found: Findings) -> Value:
    if type(node) is Scalar:
        if node.plain and node.text in NULLS:
            return found.mismatch(node, "text", "write quotes if you mean the text, or remove the key.")
        return node.text
    return found.mismatch(node, "text")


def _boolean(node: Node, found: Findings) -> Value:
    if not isinstance(node, Scalar):
        return found.mismatch(node, "true or false")
    if node.plain:
        if node.text in _TRUE:
            return True
        if node.text in _FALSE:
            return False
    meant = _YES_NO.get(node.text.casefold()) or (node.text if node.text in _TRUE or node.text in _FALSE else None)
    return found.mismatch(node, "true or false", f"write {meant}, without quotes." if meant else "")


def _integer(node: Node, found: Findings) -> Value:
    if isinstance(node, Scalar) and _INTEGER.fullmatch(node.text):
        if node.plain:
            return int(node.text)
        return found.mismatch(node, "a whole number", "remove the quotes.")
    return found.mismatch(node, "a whole number")


def _quantity(shape: shapes.Quantity) -> Convert:
    least = None if shape.minimum is None else Decimal(shape.minimum)
    above = None if shape.exclusive_minimum is None else Decimal(shape.exclusive_minimum)
    most = None if shape.maximum is None else Decimal(shape.maximum)

    @lru_cache(maxsize=4096)
    def read(text: str) -> tuple[str, str | None]:
        try:
            number = quantity(text.strip())
        except MoneyError as trouble:
            return "", f"{trouble}."
        if least is not None and number < least:
            return "", f"{text} is too small: it must be at least {least}."
        if above is not None and number <= above:
            return "", f"{text} is too small: it must be more than {above}."
        if most is not None and number > most:
            return "", f"{text} is too large: it must be at most {most}."
        return plain(number), None

    return _scalar("a number", "NV135", read)


@lru_cache(maxsize=65_536)
def _read_money(text: str) -> tuple[str, str | None]:
    try:
        return Money.parse(text).text, None
    except MoneyError as trouble:
        return "", f"{trouble}."


@lru_cache(maxsize=65_536)
def _read_instant(text: str) -> tuple[str, str | None]:
    try:
        return moment.canonical(text), None
    except moment.MomentError as trouble:
        return "", f"{trouble}."


@lru_cache(maxsize=65_536)
def _read_hour(text: str) -> tuple[str, str | None]:
    canonical, trouble = _read_instant(text)
    if trouble is None and not moment.is_full_hour(moment.parse(text)):
        instant = moment.parse(text)
        hour = moment.text(instant.replace(minute=0, second=0, microsecond=0))
        return "", f"{text} is not a full hour: write {hour} or the hour after it."
    return canonical, trouble


def _scalar(expected: str, code: str, read: Callable[[str], tuple[str, str | None]]) -> Convert:
    """A conversion of a scalar's text, quoted or not, by a function that returns the value or what is wrong."""

    def convert(node: Node, found: Findings) -> Value:
        if type(node) is not Scalar or (node.plain and node.text in NULLS):
            return found.mismatch(node, expected)
        if len(node.text) > _LONGEST:
            return found.refuse(node, code, f"{shorten(node.text)} is far too long for {expected}.")
        value, trouble = read(node.text)
        return value if trouble is None else found.refuse(node, code, trouble)

    return convert


_LONGEST: Final = 100  # characters of any number, amount or instant that makes sense
_money: Final = _scalar("an amount of money such as $0.02", "NV134", _read_money)
_instant: Final = _scalar("a date or an instant", "NV136", _read_instant)
_hour: Final = _scalar("a date or an instant on a full hour", "NV136", _read_hour)


def _items(item: shapes.Shape) -> Convert:
    convert = compile_walker(item)
    empty: Callable[[], Value] = {shapes.Struct: dict, shapes.Items: list}.get(type(item), str)

    def items(node: Node, found: Findings) -> Value:
        if type(node) is not Sequence:
            one = node.text if isinstance(node, Scalar) else ""
            return found.mismatch(node, "a list", f"write [{one}]." if 0 < len(one) < _LONGEST else "")
        values = [convert(part, found) for part in node.items]
        return [empty() if value is FAILED else value for value in values] if FAILED in values else values

    return items


def _struct(fields: Any, others: shapes.Shape | None) -> Convert:
    known: dict[str, Convert] = {name: compile_walker(part) for name, part in fields.items()}
    rest = None if others is None else compile_walker(others)
    fix = "" if known else "write one `key: …` for each."

    def struct(node: Node, found: Findings) -> Value:
        if type(node) is not Mapping:
            return found.mismatch(node, "a mapping", fix)
        data = {}
        for name, part in node.entries.items():
            convert = known.get(name, rest)
            if convert is None:
                found.unknown(node, name, known)
                continue
            value = convert(part, found)
            if value is not FAILED:
                data[name] = value
        return data

    return struct


def _by_node(shape: shapes.ByNode) -> Convert:
    options: list[tuple[type[Node], shapes.Shape | None, str]] = [
        (Scalar, shape.scalar, "a single value"),
        (Mapping, shape.mapping, "a mapping"),
        (Sequence, shape.sequence, "a list"),
    ]
    converters = {kind: compile_walker(option) for kind, option, _ in options if option is not None}
    expected = " or ".join(words for _, option, words in options if option is not None)

    def by_node(node: Node, found: Findings) -> Value:
        convert = converters.get(type(node))
        return found.mismatch(node, expected) if convert is None else convert(node, found)

    return by_node


def _anything(node: Node, found: Findings) -> Value:
    """Any value, as text where it is a scalar."""
    match node:
        case Mapping(entries):
            return {name: _anything(part, found) for name, part in entries.items()}
        case Sequence(items):
            return [_anything(part, found) for part in items]
    return node.text
