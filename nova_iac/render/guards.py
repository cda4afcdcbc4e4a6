"""The guards of a plan in a comment: none is left out unsaid, however many there are.

Few are a table. Of many, each message stands once with all its resources. Where even that is too long, what to do instead goes
first, then the names of some resources, or the messages where those are the longer part. What was left out is said at the top.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from nova_iac.plan.change import GuardHit
from nova_iac.render.markup import code, prose, row, size
from nova_iac.render.words import many

_COLUMNS: Final = ["| guard | resource | what would happen |", "|---|---|---|"]


class _Group(NamedTuple):
    """Guards that are told in one line. Sorted, those that stop apply come first."""

    allowed: bool
    code: str
    message: str

    @property
    def head(self) -> str:
        said = f"{prose(self.message)}<br>" if self.message else ""
        return f"- {_mark(stops=not self.allowed)}**{self.code}** {said}"


_Groups = Mapping[_Group, Sequence[GuardHit]]


def guard_lines(guards: Sequence[GuardHit], blocking: Sequence[GuardHit], room: int) -> tuple[list[str], list[str]]:
    """The lines for all guards, within room, and in words what of them was left out.

    :param blocking: those that stop apply.
    :param room: bytes of UTF-8, line feeds included.
    """
    if not guards:
        return [], []
    stopping = set(blocking)
    advice = ["", _advice(blocking)] if blocking else []
    room -= _bytes(["", *advice])
    table = [*_COLUMNS, *(_row(hit, stops=hit in stopping) for hit in guards)]
    if _bytes(table) <= room // 2:
        return ["", *table, *advice], []
    lines, left = _grouped(guards, stopping, room)
    return ["", *lines, *advice], left


def _row(hit: GuardHit, *, stops: bool) -> str:
    return row(f"{_mark(stops=stops)}{hit.code}", code(hit.address), prose(hit.message))


def _mark(*, stops: bool) -> str:
    return f"{'🛑' if stops else '⚠️'}\N{NO-BREAK SPACE}"


def _grouped(guards: Sequence[GuardHit], stopping: set[GuardHit], room: int) -> tuple[list[str], list[str]]:
    """As much as fits, a line for each group."""
    whole, brief, bare = (_groups(guards, stopping, words) for words in (str, _without_advice, lambda _: ""))
    advising = sum(_without_advice(hit.message) != hit.message for hit in guards)
    brief_left = [f"what {many(advising, 'guard')} {'advises' if advising == 1 else 'advise'} instead"] if advising else []
    short, short_left = brief, brief_left
    if _bytes([group.head for group in brief]) > room // 2:
        short, short_left = bare, [f"the messages of {many(len(guards), 'guard')}"]
    for groups, left in ((whole, []), (brief, brief_left), (short, short_left)):
        lines = [group.head + ", ".join(code(hit.address) for hit in hits) for group, hits in groups.items()]
        if _bytes(lines) <= room:
            return lines, left
    lines, unnamed = _named(short, room)
    return lines, [*short_left, f"the names of {unnamed} of {many(len(guards), 'guarded resource')}"]


def _groups(guards: Sequence[GuardHit], stopping: set[GuardHit], words: Callable[[str], str]) -> _Groups:
    groups: dict[_Group, list[GuardHit]] = {}
    for hit in guards:
        groups.setdefault(_Group(hit not in stopping, hit.code, words(hit.message)), []).append(hit)
    return dict(sorted(groups.items()))


def _named(groups: _Groups, room: int) -> tuple[list[str], int]:
    """How many each group has, with as many of their names as fit; and how many aren't named."""
    heads = [f"{group.head}{many(len(hits), 'resource')}: " for group, hits in groups.items()]
    room -= sum(size(f"{head}… and {len(hits)} more\n") for head, hits in zip(heads, groups.values(), strict=True))
    lines, unnamed = [], 0
    for head, hits in zip(heads, groups.values(), strict=True):
        names: list[str] = []
        for hit in hits:
            name = f"{code(hit.address)}, "
            if size(name) > room:
                break
            room -= size(name)
            names.append(name)
        rest = len(hits) - len(names)
        unnamed += rest
        lines.append(head + ("".join(names) + f"… and {rest} more" if rest else "".join(names).removesuffix(", ")))
    return lines, unnamed


def _without_advice(message: str) -> str:
    """A message up to what is set in below it, without the sentence that leads there."""
    first, *more = message.splitlines()
    return f"{first.rpartition('. ')[0]}." if more and first.endswith(":") and ". " in first else first


def _advice(blocking: Sequence[GuardHit]) -> str:
    allowable = [hit for hit in blocking if hit.allowable]
    if len(allowable) < len(blocking):
        return "Apply stops before its first call."
    if len(allowable) > 1:
        return "Apply stops before its first call, unless each is let through by name: `--allow GUARD:RESOURCE`"
    one = shlex.quote(f"{allowable[0].code}:{allowable[0].address}")
    return f"Apply stops before its first call, unless it is let through: {code(f'--allow {one}')}"


def _bytes(lines: Sequence[str]) -> int:
    """What lines take, line feeds included."""
    return sum(size(line) + 1 for line in lines)
