"""Requests and replies over WSGI: the little that this view needs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from nova_iac.ui.problems import Refusal

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

MOST_BYTES: Final = 64 * 1024
"""The longest body that is read."""

JSON: Final = "application/json; charset=utf-8"

_HEADERS: Final = (
    # Everything comes from this server: no inline script or style, no frame around the page, no form that goes elsewhere.
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. query has the last value of each parameter."""

    environ: WSGIEnvironment

    @property
    def method(self) -> str:
        """In capitals."""
        return str(self.environ["REQUEST_METHOD"]).upper()

    @property
    def path(self) -> str:
        """Decoded, without the query."""
        return str(self.environ.get("PATH_INFO") or "/")

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the address."""
        return dict(parse_qsl(str(self.environ.get("QUERY_STRING", "")), keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """A request header, None where it is absent."""
        key = name.upper().replace("-", "_")
        value = self.environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}")
        return None if value is None else str(value)

    def fields(self, *known: str) -> dict[str, str]:
        """The members of the JSON body: texts, under known names; an empty body has none.

        :raises Refusal: the body is something else.
        """
        body = self._json()
        for name, value in body.items():
            if name not in known:
                words = ", ".join(known) or "no members"
                raise Refusal(422, "unknown_field", f"{name!r} means nothing here.", f"This call takes {words}.")
            if not isinstance(value, str) or not value.strip():
                raise Refusal(422, "bad_field", f"{name} must be a text.", f'Write it as in {{"{name}": "…"}}.')
            if any("\ud800" <= letter <= "\udfff" for letter in value):
                raise Refusal(
                    422, "bad_field", f"{name} has half of a character.", "Write it whole, or as a whole pair of escapes."
                )
        return body

    def _json(self) -> dict[str, Any]:
        try:
            size = int(self.header("Content-Length") or 0)
        except ValueError:
            size = -1
        if not 0 <= size <= MOST_BYTES:
            raise Refusal(413, "too_long", f"The body is over {MOST_BYTES} bytes.", "Send only the members that the call takes.")
        if not size:
            return {}
        if (self.header("Content-Type") or "").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(415, "not_json", "The body isn't marked as JSON.", "Send it with Content-Type: application/json.")
        try:
            body = json.loads(self.environ["wsgi.input"].read(size))
        except (ValueError, RecursionError):
            raise Refusal(400, "bad_json", "The body is not JSON.", 'Send an object such as {"tier": "ultra"}.') from None
        if not isinstance(body, dict):
            raise Refusal(400, "bad_json", "The body is no JSON object.", 'Send an object such as {"tier": "ultra"}.')
        return body


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Every one carries the same headers: nothing is cached, framed, sniffed or loaded from elsewhere."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def data(cls, data: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
        """Plain data as JSON. Numbers of money and usage are texts by now."""
        return cls(status, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode(), headers=headers)

    @classmethod
    def refusal(cls, refusal: Refusal) -> Reply:
        """An error as every call words it: ``{"error": {"code", "message", "advice", …}}``."""
        told = {"code": refusal.code, "message": refusal.message, "advice": refusal.advice, **refusal.more}
        return cls.data({"error": told}, refusal.status, refusal.headers)

    def send(self, start_response: StartResponse, *, head: bool) -> Iterable[bytes]:
        """As WSGI wants it; without the body where only the head is asked for."""
        length = ("Content-Length", str(len(self.body)))
        named = [("Content-Type", self.content_type), length, *_HEADERS, *self.headers]
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", named)
        return [] if head else [self.body]
