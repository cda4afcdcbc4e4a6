"""What anchors, aliases and merges do to a tree, kept within bounds.

An alias shares its node and copies nothing; what is bounded is the tree as it is walked afterwards.
"""

from __future__ import annotations

from typing import Final

from nova_iac.errors import Diagnostic, Location
from nova_iac.spec.nodes import Mapping, Node, Sequence
from nova_iac.spec.problems import describe, place, problem

MAX_FACTOR: Final = 10
MAX_GROWTH: Final = 100_000
"""A tree may grow tenfold or by 100,000 nodes, whichever is more."""

_COUNTLESS: Final = 10**12


class Aliases:
    """The anchors of one file, and the account of what its aliases add."""

    def __init__(self) -> None:
        self.anchors: dict[str, Node] = {}
        self._grown = 0
        self._largest: tuple[int, Location] | None = None
        self._merges: dict[int, tuple[Mapping, Node]] = {}
        self._measured: dict[int, tuple[int, int, Node]] = {}

    def follow(self, node: Node, at: Location) -> int:
        """Count an alias that stands at a place, and tell how many levels it adds."""
        size, height = self._measure(node)
        self._grown = min(self._grown + size, _COUNTLESS)
        if self._largest is None or size > self._largest[0]:
            self._largest = (size, at)
        return height

    def _measure(self, node: Node) -> tuple[int, int]:
        """How many nodes and levels a finished node has with all its aliases followed. Remembered, for bombs share nodes."""
        if not isinstance(node, (Mapping, Sequence)):
            return 1, 0
        keys = len(node.entries) if isinstance(node, Mapping) else 0
        known = self._measured.get(id(node))
        if known is None:
            measures = [self._measure(part) for part in _parts(node)]
            size = min(1 + keys + sum(size for size, _ in measures), _COUNTLESS)
            # The node is kept with its measure: its id means nothing once it is gone.
            known = (size, 1 + max((height for _, height in measures), default=0), node)
            self._measured[id(node)] = known
        return known[:2]

    def too_large(self, root: Mapping) -> Diagnostic | None:
        """What is wrong if the aliases grow the tree too much."""
        if self._grown <= MAX_GROWTH or self._largest is None or self._grown <= (MAX_FACTOR - 1) * _written(root):
            return None
        size, at = self._largest
        many = "more than a million" if size > 1_000_000 else f"{size:,}"
        detail = (
            f"aliases may grow a file tenfold or by {MAX_GROWTH:,} values; the one here stands for {many}. "
            "Write shared parts once, as resources that others refer to by key."
        )
        return problem("NV109", detail, at)

    def merge(self, target: Mapping, source: Node) -> None:
        """Note a ``<<``; it is carried out when the tree is known to be of a bearable size."""
        self._merges[id(target)] = (target, source)

    def merge_all(self, failed: dict[int, Node]) -> list[Diagnostic]:
        """Carry out all merges. A mapping's own keys win, then those of an earlier source.

        :param failed: nodes whose problem has been reported; a merge of one is passed over.
        """
        problems: list[Diagnostic] = []
        while self._merges:
            target, source = self._merges.pop(next(iter(self._merges)))
            self._merge(target, source, failed, problems)
        return problems

    def _merge(self, target: Mapping, source: Node, failed: dict[int, Node], problems: list[Diagnostic]) -> None:
        key = target.keys.pop("<<")
        del target.entries["<<"]
        for part in source.items if isinstance(source, Sequence) else [source]:
            if isinstance(part, Mapping):
                waiting = self._merges.pop(id(part), None)
                if waiting:
                    self._merge(*waiting, failed, problems)
                for name, node in part.entries.items():
                    if name not in target.entries:
                        target.entries[name] = node
                        target.keys[name] = part.keys[name]
            elif id(part) not in failed:
                detail = f"<< takes a mapping, an alias of one, or a list of them; it was given {describe(part)}."
                problems.append(problem("NV110", detail, place(key)))


def _written(root: Mapping) -> int:
    """How many nodes stand in the file, keys among them; shared ones count once."""
    seen: set[int] = set()
    count = 1
    open_ones: list[Node] = [root]
    while open_ones:
        node = open_ones.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        parts = _parts(node)
        count += len(parts) * (2 if isinstance(node, Mapping) else 1)
        open_ones.extend(parts)
    return count


def _parts(node: Node) -> list[Node]:
    if isinstance(node, Mapping):
        return list(node.entries.values())
    return node.items if isinstance(node, Sequence) else []
