"""The WSGI program: who may talk to it, which call is which, one write at a time, and errors as JSON."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from nova_iac.errors import NovaError
from nova_iac.ui import actions, gate
from nova_iac.ui.desk import Desk
from nova_iac.ui.http import Reply, Request
from nova_iac.ui.page import PREFIX, Page
from nova_iac.ui.problems import Refusal, refusal_of
from nova_iac.ui.status import look, status
from nova_iac.ui.usage import usage

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_WRITES: Final[Mapping[str, tuple[Callable[[Desk, Mapping[str, str]], dict[str, Any]], tuple[str, ...]]]] = {
    "/api/metrics": (actions.create_metrics, ()),
    "/api/pricing": (actions.set_up_pricing, ()),
    "/api/customers": (actions.create_customer, ("customer", "ingest_alias")),
    "/api/contract": (actions.create_contract, ("customer", "ingest_alias", "contract")),
    "/api/generate": (actions.generate, ("tier", "customer", "ingest_alias", "product", "transaction_id")),
}
_READS: Final = ("/", "/api/status", "/api/usage")
_TRIES: Final = 3
_PATIENCE: Final = 30.0
"""Seconds that a write waits for the one before it."""


class App:
    """The view of one environment.

    :param environment: its name, which the page shows even while the spec can't be read; so with the spec's file name.
    :param token: what a write must bring in its X-Nova-Token header.
    :param poll_seconds: how often the page is to look for new usage.
    """

    def __init__(self, desk: Desk, *, environment: str, spec: str, token: str, poll_seconds: int) -> None:
        self._desk = desk
        self._names = {"environment": environment, "spec": spec}
        self._token = token
        self._poll_seconds = poll_seconds
        self._page = Page()
        self._writing = threading.Lock()
        self._writes = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            reply = self._answer(request)
        except Refusal as refusal:
            reply = Reply.refusal(refusal)
        except NovaError as error:
            reply = Reply.refusal(refusal_of(error))
        return reply.send(start_response, head=request.method == "HEAD")

    def close(self) -> None:
        """Let the write that is under way end; none begins after it."""
        self._writing.acquire()

    def _answer(self, request: Request) -> Reply:
        gate.check(request, self._token)
        path = request.path
        if path in _WRITES:
            _require(request, "POST")
            return self._write(path, request)
        if path in _READS or path.startswith(PREFIX):
            _require(request, "GET", "HEAD")
            return self._read(path, request)
        raise _nothing(path)

    def _read(self, path: str, request: Request) -> Reply:
        match path:
            case "/":
                return self._page.index({**self._names, "token": self._token})
            case "/api/status":
                return Reply.data(self._status())
            case "/api/usage":
                return Reply.data(usage(self._desk, request.query.get("customer") or None))
        found = self._page.file(path)
        if found is None:
            raise _nothing(path)
        return found

    def _status(self) -> dict[str, Any]:
        """The status between two writes: files and account would not fit together if one of ours came between them.

        Reading a large account takes minutes, and writes don't wait for it.
        """
        for _ in range(_TRIES):
            with self._writing:
                before, seen = self._writes, look(self._desk)
            found = status(self._desk, seen, self._poll_seconds)
            if self._writes == before:
                break
        return found

    def _write(self, path: str, request: Request) -> Reply:
        action, known = _WRITES[path]
        fields = request.fields(*known)
        if not self._writing.acquire(timeout=_PATIENCE):
            raise Refusal(423, "busy", "Another write of this view is under way.", "Try again when it has ended.")
        try:
            self._writes += 1
            return Reply.data(action(self._desk, fields))
        finally:
            self._writing.release()


def _require(request: Request, *methods: str) -> None:
    if request.method not in methods:
        allow = ", ".join(methods)
        message = f"{request.path} doesn't take {request.method}."
        raise Refusal(405, "method", message, f"Use {allow}.", headers=(("Allow", allow),))


def _nothing(path: str) -> Refusal:
    calls = ", ".join(["GET /api/status", "GET /api/usage", *(f"POST {one}" for one in _WRITES)])
    return Refusal(404, "not_found", f"There is nothing at {path[:200]}.", f"The page is at /; the calls are {calls}.")
