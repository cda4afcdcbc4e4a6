"""The canonical layout of a spec file: two columns a level, one blank between sections, comments where they belong.

Layout only: every scalar and every comment stays as it was written, and so does the order. What comes out is read again and
compared with what went in, so that a file that can't be laid out safely is left alone. A second run changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nova_iac.errors import SpecError
from nova_iac.spec.insert import meaning
from nova_iac.spec.loader import load_bytes
from nova_iac.spec.written import Comment, Items, Leaf, Node, NotWritten, Written, read_written

WIDTH: Final = 100
"""Columns up to which braces or brackets that stand on several lines are put on one. What is on one line stays there."""

_FAR: Final = 1 << 60


class CantFormat(Exception):
    """A text that isn't laid out; the message says why."""


def format_text(raw: bytes, shown: str) -> str:
    """A file's text in its canonical layout, lines ending in a newline. Whether it is a sound spec is for the checks to say.

    :param shown: the file's name in messages.
    :raises SpecError: it is no YAML that a spec can be.
    :raises CantFormat: it can't be laid out without changing what it says.
    """
    before = load_bytes(raw, shown)
    if before.root is None or not before.complete:
        raise SpecError(before.diagnostics)
    text = raw.decode("utf-8").removeprefix("\ufeff")
    try:
        written = read_written(text)
    except NotWritten as problem:
        raise CantFormat(f"{problem}; take that out") from None
    result = _Layout(written).lines()
    done = "\n".join(result) + "\n"
    after = load_bytes(done.encode(), shown)
    same = after.root is not None and after.complete and meaning(after.root) == meaning(before.root)
    if not same or _texts(read_written(done) if "#" in done else None) != _texts(written):
        raise CantFormat("its layout is too unusual to change it without risk; write the odd part in another way")
    return done


def _texts(written: Written | None) -> list[str]:
    return sorted(comment.text for comment in written.comments) if written else []


class _Layout:
    """Writes a file anew, from top to bottom."""

    def __init__(self, written: Written) -> None:
        self.written = written
        self.comments = list(written.comments)
        self.next = 0  # the first comment that isn't written yet
        self.out: list[str] = []
        self.path: list[tuple[int, int]] = []  # by open block: its column in the source, and in the result
        self.previous: list[tuple[int, int]] = []  # the same for what was written last, blocks that have ended included
        self.last_line = -1  # of the source
        self.kept = -1  # how many lines there are behind a block scalar to which blank lines would be added

    def lines(self) -> list[str]:
        """The lines of the result."""
        root, explicit = self.written.root, self.written.explicit
        if explicit is not None:
            line = sum(comment.start < explicit for comment in self.comments)
            self._before(explicit, line, first=True)
            self.out.append("---")
            self.last_line = max(self.last_line, self._line_of(explicit))
        if isinstance(root, Items) and not root.flow:
            self._block(root, 0, top=True)
        else:
            self._before(root.start, root.line, first=not self.out)
            self._value("", root, 0, "", _FAR)
        self._before(_FAR, -1, first=False)
        return self.out

    def _line_of(self, position: int) -> int:
        return max((one.line for one in self.comments if one.start < position), default=-1) + 1

    # --- blocks ---------------------------------------------------------------------------------------------------------

    def _block(self, items: Items, indent: int, prefix: str | None = None, *, top: bool = False) -> None:
        """A list or a mapping, one part a line.

        :param prefix: what the first line begins with instead of its indentation: the dash of the list that it is in.
        """
        self.path.append((items.column, indent))
        margin = " " * indent
        for index, (key, node) in enumerate(items.parts):
            mark = len(self.out)
            anchor = node if key is None else key
            # What stands behind the dashes of one line goes above that line.
            column = len(prefix) - len(prefix.lstrip()) if prefix is not None and index == 0 else None
            first = (index == 0 and not top) or not self.out
            self._before(self._begin(key, node), anchor.line, first=first, column=column)
            if top and index and (_is_block(node) or _is_block(items.parts[index - 1][1])):
                self._part_from_above(mark)
            head = (prefix if index == 0 and prefix is not None else margin) + ("-" if key is None else f"{_inline(key)}:")
            self.previous = list(self.path)
            if isinstance(node, Items) and not node.flow:
                self._nested(head, key, node, indent)
            else:
                self._value(head, node, indent, "", _FAR)
        self.path.pop()

    def _begin(self, key: Leaf | None, node: Node) -> int:
        """The place up to which comments are written above a part: those behind its key stay there if it goes on below."""
        if key is not None and (_is_block(node) or (isinstance(node, Leaf) and node.is_empty)):
            return key.start
        return node.start if isinstance(node, Items) or not node.is_empty else node.end

    def _nested(self, head: str, key: Leaf | None, node: Items, indent: int) -> None:
        if key is None and not node.properties:
            self._block(node, indent + 2, f"{head} ")
            return
        self.out.append(f"{head} {node.properties}".rstrip())
        self.last_line = node.line if key is None else key.last_line
        self._behind(self.last_line, node.parts[0][1].start if node.parts[0][0] is None else node.parts[0][0].start)
        self._block(node, indent + 2)

    def _part_from_above(self, mark: int) -> None:
        """A blank line before a section, above the comments that stand right on it."""
        index = len(self.out)
        while index > mark and self.out[index - 1].startswith("#"):
            index -= 1
        if self.out[index - 1] and index != self.kept:
            self.out.insert(index, "")

    # --- values ---------------------------------------------------------------------------------------------------------

    def _value(self, head: str, node: Node, indent: int, tail: str, until: int) -> None:
        """What stands behind a key or a dash on its line, and perhaps on lines below.

        :param tail: the comma behind it.
        :param until: the place of what follows on the line: comments before it belong here.
        """
        space = " " if head and not head.isspace() else ""
        if isinstance(node, Items):
            text = _inline(node)
            fits = node.line == node.last_line or len(head) + 1 + len(text) + len(tail) <= WIDTH
            if not fits or "\n" in text or self._has_comment(node):
                self._spread(f"{head}{space}", node, indent, tail, until)
                return
            self.out.append(f"{head}{space}{text}{tail}")
        elif node.indicator:
            self._literal(f"{head}{space}{_joined(node.properties, _indicator(node))}", node, indent)
            return
        else:
            first, *rest = node.source
            self.out.append(f"{head}{space}{_joined(node.properties, first)}".rstrip())
            self.out += [f"{' ' * (indent + 2)}{row.strip()}".rstrip() for row in rest]
            self.out[-1] += f" {tail}" if node.is_empty and tail else tail
        self.last_line = node.last_line
        self._behind(node.last_line, until)

    def _literal(self, head: str, node: Leaf, indent: int) -> None:
        self.out.append(head)
        self._behind(node.line, _FAR)
        rows = list(node.source)
        if "+" not in node.indicator:
            while rows and not rows[-1].strip(" "):
                rows.pop()
        self.out += [f"{' ' * (indent + 2)}{row}" if row else "" for row in rows]
        self.last_line = node.last_line if "+" in node.indicator else node.line + len(rows)
        self.kept = len(self.out) if "+" in node.indicator else -1

    def _spread(self, head: str, items: Items, indent: int, tail: str, until: int) -> None:
        """Braces or brackets over several lines, one part a line."""
        self.out.append(head + _joined(items.properties, "{" if items.is_mapping else "["))
        self.last_line = items.line
        inside = " " * (indent + 2)
        self.path.append((indent + 2, indent + 2))
        for index, (key, node) in enumerate(items.parts):
            begin = node.start if key is None else key.start
            self._before(begin, node.line if key is None else key.line, first=index == 0)
            following = items.parts[index + 1] if index + 1 < len(items.parts) else None
            end = items.end if following is None else (following[0] or following[1]).start
            self.previous = list(self.path)
            self._value(inside if key is None else f"{inside}{_inline(key)}:", node, indent + 2, ",", end)
        self._before(items.end, -1, first=False)
        self.path.pop()
        self.out.append(f"{' ' * indent}{'}' if items.is_mapping else ']'}{tail}")
        self.last_line = items.last_line
        self._behind(items.last_line, until)

    # --- comments -------------------------------------------------------------------------------------------------------

    def _has_comment(self, items: Items) -> bool:
        return any(items.start < comment.start < items.end for comment in self.comments[self.next :])

    def _before(self, position: int, line: int, *, first: bool, column: int | None = None) -> None:
        """Comments up to a place on lines of their own, and a blank line where there was one.

        :param line: of what comes next; -1 where nothing does.
        :param first: nothing stands above in its block, so there is no blank line.
        :param column: where the comments go, if that doesn't follow from where they stood.
        """
        while self.next < len(self.comments) and self.comments[self.next].start < position:
            comment = self.comments[self.next]
            if comment.alone and comment.line - self.last_line > 1 and not first and len(self.out) != self.kept:
                self.out.append("")
            self.out.append(" " * (self._column(comment) if column is None else column) + comment.text)
            self.last_line = max(self.last_line, comment.line)
            self.next += 1
            first = False
        if line - self.last_line > 1 and not first and len(self.out) != self.kept:
            self.out.append("")

    def _column(self, comment: Comment) -> int:
        """Where a comment goes: to the block that it stood in by its column, of those around it."""
        current = self.path[-1][1] if self.path else 0
        if not comment.alone:
            return current
        around = [level for level in (*self.previous, *self.path) if level[0] <= comment.column]
        return max(around, key=lambda level: level[0])[1] if around else current

    def _behind(self, line: int, until: int) -> None:
        """Comments that stand behind something on its line stay there, in their column if that is free."""
        while self.next < len(self.comments):
            comment = self.comments[self.next]
            if comment.line != line or comment.alone or comment.start > until:
                return
            row = self.out[-1]
            gap = max(2, comment.column - len(row))
            self.out[-1] = f"{row}{' ' * gap}{comment.text}"
            self.next += 1


def _is_block(node: Node) -> bool:
    return isinstance(node, Items) and not node.flow


def _joined(properties: str, text: str) -> str:
    return f"{properties} {text}" if properties else text


def _indicator(node: Leaf) -> str:
    """A block scalar's indicator; where it names an indentation, that is ours now."""
    return "".join("2" if letter.isdigit() else letter for letter in node.indicator)


def _inline(node: Node) -> str:
    """A node on one line; with a line break in it where it can't be."""
    if isinstance(node, Leaf):
        return _joined(node.properties, "\n".join(node.source)) if node.source != [""] else node.properties
    parts: Sequence[str] = [_inline(part) if key is None else f"{_inline(key)}: {_inline(part)}" for key, part in node.parts]
    inside = ", ".join(parts)
    return _joined(node.properties, f"{{{inside}}}" if node.is_mapping else f"[{inside}]")
