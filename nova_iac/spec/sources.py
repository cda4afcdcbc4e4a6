"""The offending source line for each diagnostic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from nova_iac.errors import Diagnostic
from nova_iac.spec.faults import LINE_BREAK

_LONGEST: Final = 1024 * 1024


def with_sources(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The same diagnostics, each with the line that it points at, where that can be read. Reads every file once.

    A diagnostic that brings its source shows less than the file on purpose; so do all others of that line.
    """
    found = list(diagnostics)
    files: dict[str, list[str]] = {}
    hidden = {(d.location.file, d.location.line): d.source for d in found if d.location is not None and d.source is not None}
    return [_with_source(diagnostic, files, hidden) for diagnostic in found]


def _with_source(diagnostic: Diagnostic, files: dict[str, list[str]], hidden: Mapping[tuple[str, int], str]) -> Diagnostic:
    at = diagnostic.location
    if at is None or diagnostic.source is not None:
        return diagnostic
    if (at.file, at.line) in hidden:
        return replace(diagnostic, source=hidden[at.file, at.line])
    if at.file not in files:
        files[at.file] = _lines(Path(at.file))
    lines = files[at.file]
    if at.line > len(lines) or len(lines[at.line - 1]) > _LONGEST:
        return diagnostic
    return replace(diagnostic, source=lines[at.line - 1])


def _lines(path: Path) -> list[str]:
    try:
        if not path.is_file():
            return []
        text = path.read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError):
        return []
    return LINE_BREAK.split(text.removeprefix("\ufeff"))
