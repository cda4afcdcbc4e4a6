"""Who may talk to the view: pages of its own origin and programs on this machine; whoever writes must know the token.

A page from elsewhere that the same browser has open can send requests here, but not with this Host (that would take a DNS name
of its own), not without its Origin, and not with the token, which only this view's own page can read.
"""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import urlsplit

from nova_iac.ui.http import Request
from nova_iac.ui.problems import Refusal

TOKEN_HEADER: Final = "X-Nova-Token"
_NAMES: Final = ("127.0.0.1", "localhost")
_READS: Final = ("GET", "HEAD")


def check(request: Request, token: str) -> None:
    """Let a request in.

    :raises Refusal: a foreign Host or Origin, or a write without the token.
    """
    own = _own_hosts(request)
    host = (request.header("Host") or "").strip().lower()
    if host not in own:
        advice = f"Open it as http://127.0.0.1:{_port(request)}/."
        raise Refusal(421, "foreign_host", "This view answers only under a loopback name.", advice)
    origin = request.header("Origin")
    if origin is not None and not _is_own(origin, own):
        advice = "Use the view's own page, or a program that sends no Origin."
        raise Refusal(403, "foreign_origin", "Another site's page asked for this.", advice)
    if request.method not in _READS and not _knows(request, token):
        raise Refusal(
            403, "no_token", f"A write needs the header {TOKEN_HEADER}.",
            "The token was printed when `nova-iac ui` started; NOVA_UI_TOKEN fixes it. A page that was left open: load it again.",
        )  # fmt: skip


def _own_hosts(request: Request) -> frozenset[str]:
    port = _port(request)
    hosts = {f"{name}:{port}" for name in _NAMES}
    return frozenset(hosts | set(_NAMES) if port == "80" else hosts)


def _port(request: Request) -> str:
    return str(request.environ["SERVER_PORT"])


def _is_own(origin: str, own: frozenset[str]) -> bool:
    try:
        parts = urlsplit(origin.strip())
    except ValueError:
        return False
    return parts.scheme == "http" and parts.netloc.lower() in own and not (parts.path or parts.query or parts.fragment)


def _knows(request: Request, token: str) -> bool:
    given = request.header(TOKEN_HEADER) or ""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
