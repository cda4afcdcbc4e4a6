"""HTTP to and fro: what came in as ``Call``, what goes out as ``Reply``. The only place that knows WSGI's details."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from nova_iac.emulator import codec
from nova_iac.emulator.audit_log import Caller
from nova_iac.emulator.errors import ApiError, BadRequest

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LARGEST_BODY = 16 * 1024 * 1024
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and JSON text; calls that answer nothing have an empty text (§3.2)."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()
    replayed: bool = False
    sent: int | None = None
    """How many bytes of the body really go out; the rest is promised by Content-Length and never comes."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What the request log says of it besides."""

    @classmethod
    def refusal(cls, error: ApiError, path: str = "") -> Reply:
        """The answer of a refused call; under /v2/ it always has a code, by default the name of its status (§3.3)."""
        body = error.body()
        if path.startswith("/v2/"):
            body.setdefault("code", REASONS.get(error.status, "Error").replace(" ", ""))
        return cls(error.status, codec.dumps(body))

    def send(self, start_response: StartResponse) -> list[bytes]:
        payload = self.text.encode()
        headers = [("Content-Length", str(len(payload))), *self.headers]
        if payload:
            headers.append(("Content-Type", "application/json"))
        start_response(f"{self.status} {REASONS.get(self.status, 'Unnamed')}", headers)
        return [payload[: self.sent]]


class Call:
    """What came in."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.method: str = environ["REQUEST_METHOD"]
        self.path = _path(environ.get("PATH_INFO", ""))
        self.query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        self.authorization: str = environ.get("HTTP_AUTHORIZATION", "")
        self.idempotency_key: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
        self.errors: Any = environ["wsgi.errors"]
        self.caller = Caller(environ.get("REMOTE_ADDR"), environ.get("HTTP_USER_AGENT"))
        self._environ = environ
        self._raw: bytes | None = None

    def raw(self) -> bytes:
        if self._raw is None:
            length = self._environ.get("CONTENT_LENGTH") or ""
            size = int(length) if length.isascii() and length.isdigit() else 0
            if size > LARGEST_BODY:
                raise ApiError(413, f"the body is larger than {LARGEST_BODY} bytes")
            self._raw = self._environ["wsgi.input"].read(size) if size else b""
        return self._raw

    def body(self) -> Any:
        """The parsed body; none at all reads as {}."""
        raw = self.raw()
        if not raw:
            return {}
        try:
            return codec.loads(raw)
        except codec.Malformed as error:
            raise BadRequest(f"The request body is malformed: {error}") from None

    def logged(self) -> dict[str, Any]:
        """What the request log keeps; a body that was too large as none. Never the token."""
        try:
            body = self.raw()
        except ApiError:
            body = b""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "body": body,
            "idempotency_key": self.idempotency_key,
        }


def _path(text: str) -> str:
    """WSGI hands paths on as bytes in Latin-1 clothes."""
    try:
        return text.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return text
