"""A ``.env`` file: settings that stay on one machine. The process environment beats it; that is the caller's work.

One ``NAME=VALUE`` per line; ``export`` before it, blanks around both and empty lines are allowed; ``#`` begins a comment at the
start of a line or behind a blank. Text in single quotes is taken as it stands; in double quotes a backslash makes the next
letter n, r or t a line feed, carriage return or tab, and any other character itself. Nothing is substituted, nothing spans
lines. A line of another form is passed over: the file is shared with tools that know more.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from nova_iac.errors import SpecError
from nova_iac.spec.problems import problem

_LINE: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")
_QUOTED: Final = re.compile(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")(?:\s+#.*)?""")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}


def read_dotenv(path: Path) -> dict[str, str]:
    """The settings of a ``.env`` file; none if there is no such file.

    :raises SpecError: the file is there and can't be read as text. The message never shows what stands in it.
    """
    try:
        if not path.is_file():
            return {}
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as trouble:
        reason = trouble.strerror if isinstance(trouble, OSError) and trouble.strerror else "it is not text in UTF-8"
        # No location: the line it points at would be shown, and lines of this file hold tokens.
        raise SpecError([problem("NV100", f"{path} can't be read: {reason}.", None)]) from None
    settings = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        value = _value(match[2]) if match else None
        if match and value is not None:
            settings[match[1]] = value
    return settings


def _value(written: str) -> str | None:
    """What stands behind the equals sign; None if it begins with a quotation mark and isn't a quoted text."""
    stripped = written.strip()
    if not stripped.startswith(("'", '"')):
        return re.split(r"\s#", written, maxsplit=1)[0].strip()
    match = _QUOTED.fullmatch(stripped)
    if match is None:
        return None
    if match[1] is not None:
        return match[1]
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), match[2])
