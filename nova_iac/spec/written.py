"""A YAML file as it was written: its nodes with their spans, each scalar as it stands there, and all comments.

What the loader throws away is what matters here. Made from the same parser's events; a file that the loader refuses has no place
here.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from nova_iac.spec.faults import LINE_BREAK
from nova_iac.spec.loader import FASTEST_PARSER

_PROPERTIES: Final = re.compile(r"(?:[&!][^\s,\[\]{}]*\s*)+")
_INDICATOR: Final = re.compile(r"[|>][-+0-9]*")


class NotWritten(Exception):
    """A file in a form that isn't laid out: directives, keys that aren't text."""


@dataclass(slots=True)
class Leaf:
    """A scalar or an alias. source is its text in the file without properties, rows of it where it has several.

    indicator is that of a block scalar (``|-``), whose rows are its content without their indentation.
    """

    source: Sequence[str]
    start: int
    end: int
    line: int
    last_line: int
    column: int
    properties: str = ""
    indicator: str = ""

    @property
    def is_empty(self) -> bool:
        """Nothing stands there."""
        return not self.indicator and self.source == [""]


@dataclass(slots=True)
class Items:
    """A list, or a mapping with the key of each value. column is that of its first key or dash."""

    is_mapping: bool
    flow: bool
    start: int
    line: int
    column: int
    properties: str = ""
    parts: list[tuple[Leaf | None, Node]] = field(default_factory=list)
    end: int = 0
    last_line: int = 0


Node: TypeAlias = Leaf | Items


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, from its ``#`` to the end of its line. alone: nothing else stands on the line."""

    text: str
    start: int
    line: int
    column: int
    alone: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A file. explicit: it begins with ``---``."""

    root: Node
    comments: Sequence[Comment]
    explicit: int | None


def read_written(text: str) -> Written:
    """The nodes and comments of a text that the loader takes.

    :raises NotWritten: it has directives or an explicit end.
    """
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in LINE_BREAK.finditer(text))]
        self.rows = LINE_BREAK.split(text)
        self.spans: list[tuple[int, int]] = []

    def read(self) -> Written:
        root: Node | None = None
        explicit: int | None = None
        parser = FASTEST_PARSER(self.text.encode())
        events: list[Any] = []
        while (event := parser.get_event()) is not None:
            if isinstance(event, DocumentStartEvent):
                if event.version or event.tags:
                    raise NotWritten("it has a % directive")
                explicit = self._offset(event.start_mark) if event.explicit else None
            elif isinstance(event, DocumentEndEvent) and event.explicit:
                raise NotWritten("it ends with `...`")
            events.append(event)
        stream = iter(events)
        for event in stream:
            if isinstance(event, (ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent)):
                root = self._node(event, stream, -1)
        if root is None:
            raise NotWritten("there is nothing in it")
        return Written(root, list(self._comments()), explicit)

    def _node(self, event: Any, stream: Iterator[Any], parent: int) -> Node:
        if isinstance(event, (ScalarEvent, AliasEvent)):
            return self._leaf(event, parent)
        is_mapping = isinstance(event, MappingStartEvent)
        start = self._offset(event.start_mark)
        properties = self._properties(event, start)
        items = Items(is_mapping, bool(event.flow_style), start, event.start_mark.line, event.start_mark.column, properties)
        if properties:
            self.spans.append((start, start + len(properties)))
            row = self.rows[event.end_mark.line]
            items.column = len(row) - len(row.lstrip())
        key: Leaf | None = None
        expects_key = is_mapping
        for inner in stream:
            if isinstance(inner, (MappingEndEvent, SequenceEndEvent)):
                items.end, items.last_line = self._closed(items, inner)
                return items
            node = self._node(inner, stream, items.column)
            if expects_key:
                if not isinstance(node, Leaf) or (node.is_empty and node.properties):
                    raise NotWritten("there is a key that isn't text")
                key = node
                if not items.parts and not items.flow:
                    items.column = key.column
            else:
                items.parts.append((key, node))
            expects_key = is_mapping and not expects_key
        raise AssertionError("events end inside of a collection")

    def _closed(self, items: Items, event: Any) -> tuple[int, int]:
        if items.flow:
            return self._offset(event.end_mark), event.end_mark.line
        last = items.parts[-1]
        node = last[0] if last[0] is not None and isinstance(last[1], Leaf) and last[1].is_empty else last[1]
        return node.end, node.last_line

    def _properties(self, event: Any, start: int) -> str:
        """Anchor and tag before a node, as they stand."""
        if event.anchor is None and getattr(event, "tag", None) is None:
            return ""
        match = _PROPERTIES.match(self.text, start)
        return match[0].rstrip() if match else ""

    def _leaf(self, event: Any, parent: int) -> Leaf:
        start, end = self._offset(event.start_mark), self._offset(event.end_mark)
        line, column = event.start_mark.line, event.start_mark.column
        properties = "" if isinstance(event, AliasEvent) else self._properties(event, start)
        begin = start
        if properties:
            self.spans.append((start, start + len(properties)))
            match = _PROPERTIES.match(self.text, start)
            begin = min(end, match.end()) if match else start
        if isinstance(event, ScalarEvent) and event.style in ("|", ">"):
            return self._block(event, start, begin, properties, parent)
        rows = LINE_BREAK.split(self.text[begin:end])
        self.spans.append((begin, end))
        last = event.end_mark.line
        return Leaf(rows, start, end, line, last, column, properties)

    def _block(self, event: Any, start: int, begin: int, properties: str, parent: int) -> Leaf:
        indicator = _INDICATOR.match(self.text, begin)
        assert indicator is not None
        head = bisect.bisect_right(self.starts, begin) - 1
        last = event.end_mark.line if event.end_mark.column else event.end_mark.line - 1
        rows = self.rows[head + 1 : last + 1]
        digit = re.search(r"[1-9]", indicator[0])
        filled = next((row for row in rows if row.strip(" ")), "")
        indented = max(parent, 0) + int(digit[0]) if digit else len(filled) - len(filled.lstrip(" "))
        self.spans.append((begin, indicator.end()))
        end = self.starts[last] + len(self.rows[last]) if last > head else indicator.end()
        if last > head:
            self.spans.append((self.starts[head + 1], end))
        content = [row[indented:] if filled or digit else "" for row in rows]
        line, column = event.start_mark.line, event.start_mark.column
        # A text that ends with the file, without a newline, has none whatever its indicator says.
        sign = indicator[0] if end < len(self.text) else indicator[0].rstrip("+-") + "-"
        return Leaf(content, start, end, line, max(last, head), column, properties, sign)

    def _offset(self, mark: Any) -> int:
        return int(self.starts[mark.line] + mark.column) if mark.line < len(self.starts) else len(self.text)

    def _comments(self) -> Iterable[Comment]:
        spans = sorted(span for span in self.spans if span[1] > span[0])
        position, index = 0, 0
        while (found := self.text.find("#", position)) >= 0:
            while index < len(spans) and spans[index][1] <= found:
                index += 1
            if index < len(spans) and spans[index][0] <= found:
                position = spans[index][1]
                continue
            line = bisect.bisect_right(self.starts, found) - 1
            before = self.rows[line][: found - self.starts[line]]
            end = self.starts[line] + len(self.rows[line])
            yield Comment(self.text[found:end].rstrip(), found, line, len(before), not before.strip("\ufeff \t"))
            position = end
