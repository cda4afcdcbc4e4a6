"""Diagnostics as text for people and as data for programs. Reads nothing: a diagnostic brings its source line along."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from nova_iac.errors import Diagnostic, Severity

FORMAT_VERSION: Final = "1.0"
"""Of as_data: a minor step adds, a major one breaks."""

_WIDTH: Final = 120  # characters of a source line that are shown
_BEFORE: Final = 70  # of them before the caret, where the line is longer

_COLORS: Final = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}
_BOLD, _DIM, _OFF = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def as_text(diagnostics: Sequence[Diagnostic], *, color: bool) -> str:
    """Every diagnostic with its place, source line, caret and advice, in the order of the files; then how many there are.

    Empty for none. Ends with a line feed otherwise.
    """
    if not diagnostics:
        return ""
    parts = [_one(diagnostic, color) for diagnostic in _sorted(diagnostics)]
    return "\n".join([*parts, count_line(diagnostics), ""])


def count_line(diagnostics: Sequence[Diagnostic]) -> str:
    """``3 errors, 1 warning.``"""
    errors, warnings = _counts(diagnostics)
    said = [_many(errors, "error")] if errors or not warnings else []
    return ", ".join([*said, *([_many(warnings, "warning")] if warnings else [])]) + "."


def as_data(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """The same as plain data; valid means that there is no error."""
    errors, warnings = _counts(diagnostics)
    return {
        "format_version": FORMAT_VERSION,
        "valid": not errors,
        "error_count": errors,
        "warning_count": warnings,
        "diagnostics": [_data(diagnostic) for diagnostic in _sorted(diagnostics)],
    }


def _sorted(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    return sorted(diagnostics, key=Diagnostic.sort_key)


def _counts(diagnostics: Sequence[Diagnostic]) -> tuple[int, int]:
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    return errors, len(diagnostics) - errors


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _data(diagnostic: Diagnostic) -> dict[str, Any]:
    at = diagnostic.location
    source = None if diagnostic.source is None or at is None else _excerpt(diagnostic.source, at.column)[0]
    return {
        "severity": str(diagnostic.severity),
        "code": diagnostic.code,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
        "address": diagnostic.address,
        "location": None if at is None else {"file": at.file, "line": at.line, "column": at.column},
        "source": source,
    }


def _one(diagnostic: Diagnostic, color: bool) -> str:
    def paint(text: str, code: str) -> str:
        return f"{code}{text}{_OFF}" if color else text

    at = diagnostic.location
    word = paint(f"{diagnostic.severity}[{diagnostic.code}]", _COLORS[diagnostic.severity])
    place = f"{paint(visible(str(at)), _BOLD)}: " if at is not None else ""
    about = f" ({visible(diagnostic.address)})" if diagnostic.address else ""
    lines = [f"{place}{word} {diagnostic.summary}{about}"]
    if at is not None and diagnostic.source is not None:
        number = str(at.line)
        shown, before = _excerpt(diagnostic.source, at.column)
        lines.append(f"  {paint(number, _DIM)} | {shown}".rstrip())
        lines.append(f"  {' ' * len(number)} | {' ' * before}{paint('^', _COLORS[diagnostic.severity])}")
    lines.extend(f"    {visible(line)}" for line in diagnostic.detail.splitlines())
    return "\n".join([*lines, ""])


def _excerpt(source: str, column: int) -> tuple[str, int]:
    """What is shown of a line around a column, and how many character cells stand before that column."""
    index = min(max(column - 1, 0), len(source))
    start = max(0, index - _BEFORE) if len(source) > _WIDTH else 0
    end = start + _WIDTH
    before = ("…" if start else "") + visible(source[start:index])
    after = visible(source[index:end]) + ("…" if end < len(source) else "")
    return before + after, sum(map(_cells, before))


def visible(text: str) -> str:
    """A text that a terminal shows as it is: control and direction characters, which could hide or forge, as escapes."""
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(letter: str) -> str:
    if letter == "\t":
        return "→"
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
