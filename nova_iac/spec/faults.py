"""What a parser's complaint means to the person who wrote the file."""

from __future__ import annotations

import re
from typing import Final

from nova_iac.errors import Diagnostic, Location
from nova_iac.spec.problems import problem

LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What the parser counts as the end of a line."""

_ADVICE: Final = "Look at the indentation, and at quotes and brackets, here and on the line above."
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def not_text(raw: bytes, shown: str) -> Diagnostic:
    """Bytes that are no UTF-8 text, or characters that YAML doesn't take."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as trouble:
        before = raw[: trouble.start].decode("utf-8", "replace")
        what = f"the byte 0x{raw[trouble.start]:02x} is not valid in UTF-8"
    else:
        match = _UNPRINTABLE.search(text)
        before = text[: match.start()] if match else ""
        what = f"the control character U+{ord(match[0]):04X} can't stand in a YAML file" if match else "it can't be decoded"
    if b"\0" in raw[:1024]:
        detail = f"{what}: this looks like a binary file; name a YAML file."
    else:
        detail = f"{what}: save the file as plain text in UTF-8, or write \\x.. in double quotes."
    lines = LINE_BREAK.split(before.removeprefix("\ufeff"))
    return problem("NV101", detail, Location(shown, len(lines), len(lines[-1]) + 1))


def syntax(
    raw: bytes,
    shown: str,
    what: str | None,
    at: tuple[int, int] | None,
    context: str | None,
    context_at: tuple[int, int] | None,
) -> Diagnostic:
    """A syntax error, where it is and what is probably meant.

    :param at: line and column of the problem, if the parser knows them.
    :param context: what the parser was reading, and where that began.
    """
    lines = LINE_BREAK.split(raw.decode("utf-8", "replace").removeprefix("\ufeff"))
    line, column = at or context_at or (1, 1)
    written = lines[line - 1] if line <= len(lines) else ""
    indentation = written[: len(written) - len(written.lstrip(" \t"))]
    if "\t" in indentation:
        detail = "YAML is indented with spaces only: replace the tab."
        return problem("NV104", detail, Location(shown, line, indentation.index("\t") + 1))
    found = written[column - 1 : column]
    started = f", from line {context_at[0]}, column {context_at[1]}" if context_at and context_at != (line, column) else ""
    if not found and started and not any(rest.strip() for rest in lines[line:]):
        # The parser ran to the end of the file: what it looked for the end of is the place to look at.
        detail = f"this never ends: {what}, {context}. Close the quotes or brackets."
        return problem("NV103", detail, Location(shown, *(context_at or (line, column))))
    if found and found in "@`%" and written[: column - 1].strip():
        detail = f"a value can't begin with {found}: write it in quotes."
    else:
        advice = "A value that holds `: ` needs quotes; otherwise look at the indentation." if found == ":" else _ADVICE
        detail = f"{what or 'this is not YAML'}{f' ({context}{started})' if context else ''}. {advice}"
    return problem("NV103", detail, Location(shown, line, column))
