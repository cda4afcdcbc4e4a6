"""Adds a block to the text of a spec file, everything else left as it is, to the byte.

Where to add it is found by the places of the nodes; that it was right is found by reading the result. A text in which that can't
be done line by line (braces, aliases) is left to its owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nova_iac.spec.loader import load_bytes
from nova_iac.spec.nodes import Mapping, Node, Scalar


def insert(text: str, path: Sequence[str], lines: Sequence[str]) -> str | None:
    """The text with one block more, None where it can't be added.

    :param path: the keys from the top level to the block; sections on the way are made.
    :param lines: the block's lines without indentation, its key first.
    """
    root = load_bytes(text.encode(), "").root
    if root is None or _at(root, path) is not None:
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    rows = text.split(newline)
    if rows and not rows[-1]:
        rows.pop()
    held, missing = _deepest(root, path)
    if held is None or _is_flow(held, rows):
        return None
    indent = _indent(held)
    new = [f"{' ' * (indent + 2 * depth)}{name}:" for depth, name in enumerate(missing[:-1])]
    new += [f"{' ' * (indent + 2 * (len(missing) - 1))}{line}" if line else "" for line in lines]
    index = _end(root, held, indent, rows)
    is_new_section, is_sibling = held is root and len(missing) > 1, len(missing) == 1
    if index and (is_new_section or (is_sibling and _are_apart(held, rows))):
        new.insert(0, "")
    result = newline.join([*rows[:index], *new, *rows[index:]]) + newline
    return result if _is_right(result, root, path, lines) else None


def _at(node: Node | None, path: Sequence[str]) -> Node | None:
    for name in path:
        if not isinstance(node, Mapping):
            return None
        node = node.entries.get(name)
    return node


def _deepest(root: Mapping, path: Sequence[str]) -> tuple[Mapping | None, Sequence[str]]:
    """The last mapping on the way that is there, and the keys from there on."""
    held: Mapping = root
    for depth, name in enumerate(path[:-1]):
        below = held.entries.get(name)
        if below is None:
            return held, path[depth:]
        if not isinstance(below, Mapping) or not below.entries:
            return None, ()
        held = below
    return held, path[-1:]


def _is_flow(held: Mapping, rows: Sequence[str]) -> bool:
    """Whether a mapping begins with anything but its first key."""
    first = next(iter(held.keys.values()))
    return (held.line, held.column) != (first.line, first.column) or rows[held.line - 1][held.column - 1 :].startswith("{")


def _indent(held: Mapping) -> int:
    return next(iter(held.keys.values())).column - 1


def _end(root: Mapping, held: Mapping, indent: int, rows: Sequence[str]) -> int:
    """The index of the row before which a mapping's next entry goes: behind its last one, before comments about what follows."""
    following = [key for key in _keys(root) if key.line > held.line and key.column - 1 < indent]
    after = min(following, key=lambda key: key.line, default=None)
    index, margin = (len(rows), indent) if after is None else (after.line - 1, after.column - 1)
    while index and (not rows[index - 1].strip() or _is_comment(rows[index - 1], margin if after else -1)):
        index -= 1
    return index


def _is_comment(row: str, margin: int) -> bool:
    return row.lstrip().startswith("#") and len(row) - len(row.lstrip()) <= margin


def _keys(node: Node) -> Iterator[Scalar]:
    open_ones = [node]
    while open_ones:
        one = open_ones.pop()
        if isinstance(one, Mapping):
            yield from one.keys.values()
            open_ones.extend(one.entries.values())
        elif not isinstance(one, Scalar):
            open_ones.extend(one.items)


def _are_apart(held: Mapping, rows: Sequence[str]) -> bool:
    """Whether blank rows stand between the entries of a mapping."""
    keys = list(held.keys.values())
    return len(keys) > 1 and any(not row.strip() for row in rows[keys[-2].line : keys[-1].line - 1])


def _is_right(result: str, before: Mapping, path: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether the result says what the text said, and the new block besides."""
    root = load_bytes(result.encode(), "").root
    block = load_bytes(("\n".join(lines) + "\n").encode(), "").root
    added = _at(root, path)
    if root is None or block is None or added is None or meaning(added) != meaning(block.entries[path[-1]]):
        return False
    depth = len(path) - 1
    while depth and _at(before, path[:depth]) is None:
        depth -= 1
    holder = _at(root, path[:depth])
    assert isinstance(holder, Mapping)
    del holder.entries[path[depth]]
    return bool(meaning(root) == meaning(before))


def meaning(node: Node) -> Any:
    """What a tree says, without its places; aliases followed, merges done. Mappings keep the order of their file."""
    if isinstance(node, Scalar):
        return node.plain, node.text
    if isinstance(node, Mapping):
        return {name: meaning(part) for name, part in node.entries.items()}
    return [meaning(part) for part in node.items]
