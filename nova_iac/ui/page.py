"""The page and its parts, from the package; nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Final

from nova_iac.ui.http import Reply

STATIC: Final = Path(__file__).parent / "static"
PREFIX: Final = "/static/"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Page:
    """The files, read once; a request can name these and no others."""

    def __init__(self) -> None:
        self._files = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.suffix in _TYPES}
        self._index = self._files.pop("index.html").decode()

    def index(self, values: Mapping[str, str]) -> Reply:
        """The page with ``{{name}}`` filled in. It brings the token along: only who may read the page may read it."""
        text = self._index
        for name, value in values.items():
            text = text.replace("{{" + name + "}}", escape(value, quote=True))
        return Reply(200, text.encode(), _TYPES[".html"])

    def file(self, path: str) -> Reply | None:
        """One of the page's parts."""
        name = path.removeprefix(PREFIX)
        body = self._files.get(name)
        return None if body is None else Reply(200, body, _TYPES[Path(name).suffix])
