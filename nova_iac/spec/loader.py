"""YAML text → a tree that knows its places. Nothing is interpreted here: a scalar stays the text that was written.

Built over the parser's events, not over PyYAML's constructors: those read ``0015500`` as octal and ``12:30`` as a number, let
the last of two equal keys win, lose all positions and are several times slower. What YAML has beyond plain data is refused or
bounded: tags, keys that aren't text, several documents, deep nesting, long scalars, aliases that grow the tree.
"""

from __future__ import annotations

import gc
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner

from nova_iac.errors import Diagnostic, Location
from nova_iac.spec import faults
from nova_iac.spec.aliases import Aliases
from nova_iac.spec.nodes import Mapping, Node, Scalar, Sequence
from nova_iac.spec.problems import NULLS, instead, place, problem, shorten

MAX_DEPTH: Final = 64
MAX_SCALAR: Final = 1024 * 1024
"""Bytes of one scalar."""

_MAX_TAG_DIRECTIVES: Final = 64  # libyaml compares each with all before it
_TAGS: Final = "tag:yaml.org,2002:"


class PureParser(Reader, Scanner, Parser):
    """PyYAML's own parser, for an installation without libyaml: the same events, many times slower."""

    def __init__(self, raw: bytes) -> None:
        Reader.__init__(self, raw)
        Scanner.__init__(self)
        Parser.__init__(self)


try:
    from yaml._yaml import CParser as _FastestParser
except ImportError:
    _FastestParser = PureParser  # type: ignore[assignment,misc]


FASTEST_PARSER: Final[Any] = _FastestParser
"""What gives the events of a text, for the other reader of them: the one that keeps the layout."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What could be read of one file.

    root is None when nothing could. complete is False when the rest of the file wasn't read; cut then holds the ids of the
    containers that were still open, of which nobody knows what else they would have held. failed holds, by id, nodes that
    stand for something that was refused: whatever is wrong with them has been said. Ids are those of the tree's own objects.
    """

    root: Mapping | None
    complete: bool
    cut: frozenset[int]
    failed: dict[int, Node]
    diagnostics: tuple[Diagnostic, ...]


@contextmanager
def gc_paused() -> Iterator[None]:
    """Keep the cyclic garbage collector away while many objects are made that all stay: it would walk them again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def load_file(path: Path, shown: str) -> Loaded:
    """Read a file. Every problem is in the answer's diagnostics; nothing is raised for any content or for a missing file.

    :param shown: the file's name in messages.
    """
    try:
        # Only regular files: a pipe or a device may never end.
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "no regular file"
            return _nothing(shown, "NV100", f"{shown} is {kind}: name a YAML file.")
        raw = path.read_bytes()
    except FileNotFoundError:
        return _nothing(shown, "NV100", f"{shown} does not exist: check the path, or write a starter with `nova-iac init`.")
    except (OSError, ValueError) as trouble:
        reason = trouble.strerror if isinstance(trouble, OSError) and trouble.strerror else str(trouble)
        return _nothing(shown, "NV100", f"{shown} can't be read: {reason}.")
    return load_bytes(raw, shown)


def load_bytes(raw: bytes, shown: str, parser: Any = _FastestParser) -> Loaded:
    """Read YAML text; see load_file."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _nothing(shown, "NV101", "the file is in UTF-16: save it as UTF-8.")
    if raw.count(b"%TAG") > _MAX_TAG_DIRECTIVES:
        return _nothing(shown, "NV107", "the file declares many %TAG directives: tags aren't used here, remove them.")
    builder = _Builder(shown)
    with gc_paused():
        try:
            builder.build(parser(raw))
        except ReaderError:
            builder.break_off(faults.not_text(raw, shown))
        except MarkedYAMLError as trouble:
            problem_at, context_at = _position(trouble.problem_mark), _position(trouble.context_mark)
            builder.break_off(faults.syntax(raw, shown, trouble.problem, problem_at, trouble.context, context_at))
        except _Stop:
            pass
        return builder.finish()


def _nothing(shown: str, code: str, detail: str) -> Loaded:
    found = problem(code, detail, Location(shown, 1, 1))
    return Loaded(None, False, frozenset(), {}, (found,))


def _position(mark: Any) -> tuple[int, int] | None:
    return None if mark is None else (mark.line + 1, mark.column + 1)


class _Stop(Exception):
    """The rest of the file is not read; the reason has been noted."""


_DROPPED: Final = Scalar("", False, 0, 0, "")
"""Stands for a key that was refused: the value behind it is read and forgotten."""


class _Builder:
    """Makes the tree of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.diagnostics: list[Diagnostic] = []
        self.aliases = Aliases()
        self.stack: list[Any] = []  # Mapping or Sequence
        self.root: Node | None = None
        self.complete = True
        self.cut: frozenset[int] = frozenset()
        self.failed: dict[int, Node] = {}

    def build(self, parser: Any) -> None:
        """Read all events into the tree. One long loop, because it runs a million times for a large spec."""
        next_event, file, stack = parser.get_event, self.file, self.stack
        names: dict[str, str] = {}
        above: list[Scalar | None] = []  # by open container: the key under which it stands in its parent
        items: list[Node] | None = None  # the open list, or …
        entries: dict[str, Node] = {}  # … the open mapping
        keys: dict[str, Scalar] = {}
        key: Scalar | None = None  # the open mapping's key that waits for its value
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                mark = event.start_mark
                text = event.value
                node: Any = Scalar(text, event.implicit[0], mark.line + 1, mark.column + 1, file)
                if event.tag is not None or event.anchor is not None or len(text) > MAX_SCALAR // 4:
                    self._unusual(event, node)
                if items is None and key is None and stack:
                    node.text = text = names.setdefault(node.text, node.text)
                    key = self._key(node, keys) if text in entries or text in NULLS else node
                    continue
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                node = self._container(event)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                stack.pop()
                key = above.pop()
                parent: Any = stack[-1] if stack else None
                if type(parent) is Mapping:
                    # A container in the place of a key has been refused; the value that follows belongs to nothing.
                    items, entries, keys, key = None, parent.entries, parent.keys, _DROPPED if key is None else None
                elif parent is not None:
                    items, key = parent.items, None
                continue
            elif kind is AliasEvent:
                node = self._alias(event)
            elif kind is DocumentStartEvent:
                if self.root is not None:
                    detail = "one file holds one document: remove the `---`, or put the rest into a file of its own (include)."
                    self.stop(problem("NV113", detail, self._at(event.start_mark)))
                    raise _Stop
                continue
            elif kind is StreamEndEvent or event is None:
                return
            else:
                continue

            # A container is attached as it opens, so that a text that ends early leaves what stood in it.
            opens = kind is MappingStartEvent or kind is SequenceStartEvent
            if not stack:
                self.root = node
            elif items is not None:
                items.append(node)
            elif key is None:
                self.diagnostics.append(
                    problem("NV106", "a list, a mapping or an alias can't be a key: write a text.", place(node))
                )
            elif key is not _DROPPED:
                entries[key.text] = node
                keys[key.text] = key
                if key.plain and key.text == "<<":
                    self.aliases.merge(stack[-1], node)
            if opens:
                above.append(key)
                stack.append(node)
                key = None
                if kind is MappingStartEvent:
                    items, entries, keys = None, node.entries, node.keys
                else:
                    items = node.items
            else:
                key = _DROPPED if key is None and items is None else None

    def _key(self, node: Scalar, keys: dict[str, Scalar]) -> Scalar:
        """A key that may not be one: _DROPPED, once that has been said."""
        first = keys.get(node.text)
        if first is not None:
            more = ": merge several mappings with <<: [*a, *b]" if node.text == "<<" else ": keep one of them"
            detail = f"{shorten(node.text)} stands here already, at {first.file}:{first.line}:{first.column}{more}."
            self.diagnostics.append(problem("NV105", detail, place(node)))
        elif node.plain:
            detail = "a key is a text: write one before the colon, in quotes if it is null or ~."
            self.diagnostics.append(problem("NV106", detail, place(node)))
        elif id(node) not in self.failed:
            return node
        return _DROPPED

    def _container(self, event: Any) -> Mapping | Sequence:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        node: Mapping | Sequence
        if isinstance(event, MappingStartEvent):
            node, tag = Mapping({}, {}, line, column, self.file), f"{_TAGS}map"
        else:
            node, tag = Sequence([], line, column, self.file), f"{_TAGS}seq"
        if event.tag not in (None, "!", tag):
            self._tag(event.tag, node)
        if event.anchor is not None:
            self.aliases.anchors[event.anchor] = node
        if len(self.stack) >= MAX_DEPTH:
            self.stop(problem("NV111", f"this is level {MAX_DEPTH + 1}; nothing in a spec is nested so deeply.", place(node)))
            raise _Stop
        return node

    def _unusual(self, event: Any, node: Scalar) -> None:
        """The rare parts of a scalar: a tag, an anchor, a great length."""
        if event.tag is not None:
            node.plain = False
            if event.tag not in ("!", f"{_TAGS}str"):
                self._tag(event.tag, node)
        if len(node.text.encode("utf-8", "surrogatepass")) > MAX_SCALAR:
            node.text, node.plain = "", False
            self._fail(node, "NV112", f"one value holds at most {MAX_SCALAR // 1024} KiB; a quotation mark may be missing.")
        if event.anchor is not None:
            self.aliases.anchors[event.anchor] = node

    def _tag(self, tag: str, node: Node) -> None:
        shown = shorten(tag.replace(_TAGS, "!!"))
        detail = f"the tag {shown} is refused: the field says what a value is. Remove the tag; quotes make a value text."
        self._fail(node, "NV107", detail)

    def _alias(self, event: Any) -> Node:
        """The node that an alias stands for; an empty one that has been reported where it stands for none."""
        at, name = self._at(event.start_mark), event.anchor
        missing = Scalar("", False, at.line, at.column, self.file)
        node = self.aliases.anchors.get(name)
        if node is None:
            self._fail(missing, "NV108", f"no anchor {shorten(name)} stands before it; {instead(name, self.aliases.anchors)}")
        elif any(node is open_one for open_one in self.stack):
            self._fail(missing, "NV108", "it stands inside of what its own anchor names, so it would never end.")
        elif len(self.stack) + self.aliases.follow(node, at) > MAX_DEPTH:
            self._fail(missing, "NV111", f"the alias brings the nesting to more than {MAX_DEPTH} levels.")
        else:
            return node
        return missing

    def _fail(self, node: Node, code: str, detail: str) -> None:
        self.failed[id(node)] = node
        self.diagnostics.append(problem(code, detail, place(node)))

    def _at(self, mark: Any) -> Location:
        return Location(self.file, mark.line + 1, mark.column + 1)

    def break_off(self, reason: Diagnostic) -> None:
        """Stop at a text that is no YAML. The last scalar may have swallowed what went wrong, so nothing is said about it."""
        self.stop(reason)
        open_one = self.stack[-1] if self.stack else None
        parts = list(open_one.entries.values()) if isinstance(open_one, Mapping) else open_one.items if open_one else []
        if parts and isinstance(parts[-1], Scalar):
            self.failed[id(parts[-1])] = parts[-1]

    def stop(self, reason: Diagnostic) -> None:
        """Note why the rest of the file is not read, and what was open."""
        self.diagnostics.append(reason)
        self.complete = False
        self.cut = frozenset(map(id, self.stack))

    def finish(self) -> Loaded:
        """The tree with its merges done, if it is a mapping of a bearable size."""
        root = self.root
        nothing = root is None or (isinstance(root, Scalar) and root.plain and root.text in NULLS)
        if isinstance(root, Mapping):
            too_large = self.aliases.too_large(root)
            if too_large is None:
                self.diagnostics.extend(self.aliases.merge_all(self.failed))
                return Loaded(root, self.complete, self.cut, self.failed, tuple(self.diagnostics))
            self.diagnostics.append(too_large)
        elif self.complete and nothing:
            detail = "a spec needs at least `version: 1`; `nova-iac init` writes a starter."
            self.diagnostics.append(problem("NV102", detail, Location(self.file, 1, 1)))
        elif self.complete and root is not None:
            detail = "the top level is a mapping: `version: 1`, then sections such as `products:`."
            self.diagnostics.append(problem("NV130", detail, place(root)))
        return Loaded(None, False, self.cut, {}, tuple(self.diagnostics))
