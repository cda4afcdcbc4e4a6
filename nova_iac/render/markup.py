"""Markdown for a comment or an issue on GitHub: texts that stay what they are, and parts that are cut to fit.

Whatever a spec or an account says stands in code: there Markdown, HTML, mentions, links and formulas mean nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from nova_iac.render.diagnostics import visible

BUDGET: Final = 65_000
"""Bytes of UTF-8 that a comment may have: GitHub takes 65,536."""

_CUT_ROOM: Final = 80  # bytes for the line that tells of a cut
_PLAIN: Final = re.compile(
    r"""[("']*                                # what may stand before a word
        (?: [^\W\d_]+ (?:['-][^\W\d_]+)*      # a word
          | \d+ (?:[.,:-]\d+)*                # a number, a date, a time
          | %
        )
        [)"'.,;:!?…]*                         # and behind it""",
    re.VERBOSE,
)
_WORD: Final = re.compile(r"\{[^{}]*\}\S*|\S+")
_PUNCTUATED: Final = re.compile(r"""([("']*)(.*?)([)"'.,;:!?…]*)""", re.DOTALL)
_SPECIAL: Final = re.compile(r"[`|\\]")


def marker(what: str, environment: str, spec: str) -> str:
    """The hidden first line by which a comment is found again. what is ``plan`` or ``drift``; spec is a path."""
    harmless = re.sub(r"[<>\r\n]|--", "-", spec)
    return f"<!-- nova-iac:{what} environment={environment} spec={harmless} -->"


def code(text: str) -> str:
    """A text as code, on one line, in a paragraph or a table."""
    text = visible(text)
    if not text:
        return ""
    if not _SPECIAL.search(text):
        return f"`{text}`" if text.strip() == text else f"` {text} `"
    # A table takes bars and backslashes apart before code is read: what Markdown would read stands as character references.
    escaped = re.sub(r"[^\w\s.,@-]|_", lambda match: f"&#{ord(match[0])};", text)
    escaped = re.sub(r"(?i)w(?=ww\.)", lambda match: f"&#{ord(match[0])};", escaped)
    return f"<code>{escaped.replace('@', '@<!-- -->')}</code>"


def raw_code(text: str) -> str:
    """A text as code where Markdown isn't read: inside of an HTML block."""
    return f"<code>{html.escape(visible(text), quote=False)}</code>"


def prose(text: str, as_code: Callable[[str], str] = code) -> str:
    """A sentence of ours that may have words of a spec in it: whatever isn't a plain word or number is made code.

    Lines are kept, and those that are set in stand as code as a whole.
    """
    return "<br>".join(_line(line, as_code) for line in text.splitlines())


def _line(line: str, as_code: Callable[[str], str]) -> str:
    if line.startswith("  "):
        return as_code(line.strip())
    # Ours puts what is to be typed between backticks.
    parts = line.split("`")
    said = [as_code(part) if number % 2 else _words(part, as_code) for number, part in enumerate(parts)]
    # Two spans of code that touch would be read as one.
    return "".join(said).replace("``", "`<!-- -->`")


def _words(text: str, as_code: Callable[[str], str]) -> str:
    return _WORD.sub(lambda match: match[0] if _PLAIN.fullmatch(match[0]) else _word(match[0], as_code), text)


def _word(word: str, as_code: Callable[[str], str]) -> str:
    """A word as code, without the punctuation around it; brackets that it opens itself are its own."""
    match = _PUNCTUATED.fullmatch(word)
    assert match is not None
    before, bare, after = match.groups()
    while after.startswith(")") and bare.count("(") > bare.count(")"):
        bare, after = f"{bare})", after[1:]
    return f"{before}{as_code(bare) if bare else ''}{after}"


def fenced(text: str, language: str) -> str:
    """A code block; no line of the text may begin with a backtick, which could close it."""
    return f"```{language}\n{text}\n```"


def row(*cells: str) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


@dataclass(frozen=True, slots=True)
class Section:
    """A part that may be cut between its items. opens and closes frame it; noun is what its items are called.

    head is the head of a table, of which the items are rows; share is the part of the room, in per cent, that it has before
    others take what is left.
    """

    opens: str
    items: Sequence[str]
    noun: str
    share: int
    head: str = ""
    closes: str = ""

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return sum(size(line) + 1 for line in self.lines(self.items)) if self.items else 0

    def lines(self, items: Sequence[str]) -> list[str]:
        """The section with some of its items, a blank line before each part that needs one."""
        opens = [self.opens, ""] if self.opens else []
        head = [self.head] if self.head else []
        return ["", *opens, *head, *items, *(["", self.closes] if self.closes else [])]


def fit(sections: Sequence[Section], room: int) -> tuple[list[str], list[str]]:
    """The lines of the sections, and for those that had to be cut how much was left out, in words.

    Each may fill its share; what others don't need goes to those that want more, the first one first.
    """
    granted = [min(section.size, room * section.share // 100) for section in sections]
    spare = room - sum(granted)
    lines: list[str] = []
    left: list[str] = []
    for section, own in zip(sections, granted, strict=True):
        more = min(section.size - own, spare)
        spare -= more
        shown, missing = _cut(section, own + more)
        lines += shown
        if missing:
            of = "all" if missing == len(section.items) > 1 else f"{missing} of"
            left.append(f"{of} {len(section.items)} {section.noun}")
    return lines, left


def _cut(section: Section, room: int) -> tuple[list[str], int]:
    """As many whole items as fit, and how many didn't."""
    if section.size <= room:
        return (section.lines(section.items) if section.items else []), 0
    room -= sum(size(line) + 1 for line in section.lines(())) + _CUT_ROOM
    taken: list[str] = []
    for item in section.items:
        room -= size(item) + 1
        if room < 0:
            break
        taken.append(item)
    missing = len(section.items) - len(taken)
    if not taken:
        return [], missing
    return section.lines([*taken, "", f"… and {missing} more {section.noun}."]), missing


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode())
