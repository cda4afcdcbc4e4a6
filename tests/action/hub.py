"""A small GitHub on loopback: the REST endpoints that the action calls, and what was written to them."""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "nova/billing"
TOKEN = "hub-token"
BOT = "github-actions[bot]"
_ID = 7
_FORK_ID = 8


class Hub:
    """The state of one repository. writes are the method and path of everything that changed it."""

    def __init__(self) -> None:
        self.url = ""
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.issues: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.blobs: dict[int, bytes] = {}
        self.writes: list[tuple[str, str]] = []
        self.leaked: list[str] = []
        self.faults: list[tuple[str, str, int, bool]] = []
        """What fails next: method, pattern of the path, status (0: the connection breaks), whether it is done all the same."""
        self._next = 100

    def number(self) -> int:
        """The next id."""
        self._next += 1
        return self._next

    def upload(self, name: str, files: dict[str, bytes], *, head_sha: str, branch: str, fork: bool = False) -> None:
        """What actions/upload-artifact does."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for path, data in files.items():
                archive.writestr(path, data)
        number = self.number()
        self.blobs[number] = content.getvalue()
        run = {"head_sha": head_sha, "head_branch": branch, "repository_id": _ID, "head_repository_id": _FORK_ID if fork else _ID}
        one = {"id": number, "name": name, "expired": False, "created_at": f"2026-11-22T14:30:00.{number}Z", "workflow_run": run}
        self.artifacts.append(one)

    def comment(self, number: int, body: str, author: str) -> None:
        """A comment that somebody writes by hand."""
        address = f"{self.url}/repos/{REPOSITORY}/issues/{number}"
        one = {"id": self.number(), "body": body, "user": {"login": author}, "issue_url": address}
        self.comments.setdefault(number, []).append(one)

    def bodies(self, number: int) -> list[str]:
        """The comments on a pull request."""
        return [comment["body"] for comment in self.comments.get(number, [])]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        """One request below the repository; None for an address that isn't known."""
        for verb, pattern, handler in self._routes():
            if verb == method and (match := re.fullmatch(pattern, path)):
                if method != "GET":
                    self.writes.append((method, path))
                return handler(query, body, *match.groups())
        return None

    def fault(self, method: str, path: str) -> tuple[int, bool] | None:
        """The status of a request that fails, and whether it is done; None where it doesn't fail."""
        for number, (verb, pattern, status, done) in enumerate(self.faults):
            if verb == method and re.fullmatch(pattern, path):
                del self.faults[number]
                return status, done
        return None

    def _routes(self) -> Iterator[tuple[str, str, Callable[..., Any]]]:
        yield "GET", r"/issues/(\d+)/comments", lambda query, _, number: _page(self.comments.get(int(number), []), query)
        yield "GET", r"/issues/comments", lambda *_: [one for many in self.comments.values() for one in many]
        yield "POST", r"/issues/(\d+)/comments", self._new_comment
        yield "PATCH", r"/issues/comments/(\d+)", self._edit_comment
        yield "GET", r"/issues", lambda query, _: _page([one for one in self.issues if one["state"] == "open"], query)
        yield "POST", r"/issues", self._new_issue
        yield "PATCH", r"/issues/(\d+)", self._edit_issue
        yield "GET", r"/commits/(\w+)/pulls", lambda *_: self.pulls
        yield "GET", r"/actions/artifacts", self._find_artifacts

    def _new_comment(self, _: Any, body: Any, number: str) -> Any:
        self.comment(int(number), body["body"], BOT)
        return self.comments[int(number)][-1]

    def _edit_comment(self, _: Any, body: Any, number: str) -> Any:
        (found,) = [one for many in self.comments.values() for one in many if one["id"] == int(number)]
        found.update(body)
        return found

    def _new_issue(self, _: Any, body: Any) -> Any:
        self.issues.append({"number": self.number(), "state": "open", "user": {"login": BOT}, **body})
        return self.issues[-1]

    def _edit_issue(self, _: Any, body: Any, number: str) -> Any:
        (found,) = [one for one in self.issues if one["number"] == int(number)]
        found.update(body)
        return found

    def _find_artifacts(self, query: dict[str, list[str]], _: Any) -> Any:
        return {"artifacts": [one for one in self.artifacts if one["name"] == query["name"][0]]}


def _page(items: list[Any], query: dict[str, list[str]]) -> list[Any]:
    size, page = int(query["per_page"][0]), int(query["page"][0])
    return items[(page - 1) * size : page * size]


@contextlib.contextmanager
def hub() -> Iterator[Hub]:
    """The hub, served while the context lasts."""
    state = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._handle()

        do_POST = do_PATCH = do_GET  # noqa: N815

        def _handle(self) -> None:
            address = urlsplit(self.path)
            sent = self.headers.get("Authorization")
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if address.path.startswith("/blob/"):  # another host at GitHub: it must not see the token
                if sent:
                    state.leaked.append(self.path)
                return self._reply(200, state.blobs[int(address.path.rpartition("/")[2])])
            path = address.path.removeprefix(f"/repos/{REPOSITORY}")
            if match := re.fullmatch(r"/actions/artifacts/(\d+)/zip", path):
                return self._reply(302, b"", location=f"{state.url}/blob/{match[1]}")
            if sent != f"Bearer {TOKEN}" and self.command != "GET":
                return self._reply(403, b"{}")
            fault = state.fault(self.command, path)
            answer = None
            if fault is None or fault[1]:
                answer = state.answer(self.command, path, parse_qs(address.query), json.loads(data or b"null"))
            if fault is not None:
                return self._reply(fault[0], b"{}") if fault[0] else self.connection.shutdown(socket.SHUT_RDWR)
            return self._reply(404 if answer is None else 200, json.dumps(answer).encode())

        def _reply(self, status: int, content: bytes, location: str = "") -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
