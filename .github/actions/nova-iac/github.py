"""GitHub as a job sees it: the event, the REST API, the step's outputs and summary."""

from __future__ import annotations

import functools
import http.client
import io
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

COMMENT_LIMIT = 65_000
"""What this action puts into a comment, in bytes; GitHub takes 65,536 characters."""

_TRIES = 3
_PAUSE = float(os.environ.get("NOVA_ACTION_PAUSE", "2"))
"""Seconds before the second try; the third waits four times as long."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Failure(Exception):
    """The job stops, with this message and exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class ApiError(Failure):
    """GitHub refused a request, or couldn't be reached."""

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing
        """Another try may go through."""


def _again(what: Callable[_P, _T]) -> Callable[_P, _T]:
    """Try a few times. It looks before it writes, for a request that seemed to fail may have been carried out."""

    @functools.wraps(what)
    def tries(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for number in range(_TRIES - 1):
            try:
                return what(*args, **kwargs)
            except ApiError as problem:
                if not problem.passing:
                    raise
                say(f"{problem} Trying again.")
                time.sleep(_PAUSE * 4**number)
        return what(*args, **kwargs)

    return tries


class Github:
    """One job in one repository."""

    def __init__(self, token: str, author: str) -> None:
        self.repository = os.environ["GITHUB_REPOSITORY"]
        self.event_name = os.environ["GITHUB_EVENT_NAME"]
        self.event: dict[str, Any] = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        self._api = os.environ["GITHUB_API_URL"].rstrip("/")
        self._token = token
        self._author = author

    @property
    def run_url(self) -> str:
        """Where this run can be looked at."""
        return f"{os.environ['GITHUB_SERVER_URL']}/{self.repository}/actions/runs/{os.environ['GITHUB_RUN_ID']}"

    @property
    def workflow(self) -> str:
        """The file name of the running workflow."""
        return os.environ["GITHUB_WORKFLOW_REF"].partition("@")[0].rpartition("/")[2]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request below the repository; what it answered."""
        content = self._send(method, path, body)
        try:
            return json.loads(content or b"null")
        except ValueError:
            raise ApiError(f"GitHub's answer to {method} {path} can't be read.", passing=True) from None

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list."""
        number = 1
        while True:
            items = self.call("GET", f"{path}{'&' if '?' in path else '?'}per_page=100&page={number}")
            yield from items
            if len(items) < 100:
                return
            number += 1

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._api}/repos/{self.repository}{path}", data, method=method)
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("Content-Type", "application/json")
        # Unredirected: artifacts are downloaded from another host, which must not see the token.
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as problem:
            problem.close()
            passing = problem.code == 429 or problem.code >= 500
            raise ApiError(f"GitHub answered {problem.code} to {method} {path}.", passing=passing) from None
        except (OSError, http.client.HTTPException) as problem:
            raise ApiError(f"GitHub can't be reached for {method} {path}: {problem!r}.", passing=True) from None

    @_again
    def artifact(self, name: str, *, head_sha: str | None = None, branch: str | None = None) -> dict[str, bytes] | None:
        """The files of the newest artifact of this name that a run of this repository, not of a fork, has made."""
        found = self.call("GET", f"/actions/artifacts?per_page=100&name={urllib.parse.quote(name, safe='')}")["artifacts"]
        ours = [
            one
            for one in found
            if not one["expired"]
            and (run := one["workflow_run"])
            and run["head_repository_id"] == run["repository_id"]
            and head_sha in (None, run["head_sha"])
            and branch in (None, run["head_branch"])
        ]
        if not ours:
            return None
        newest = max(ours, key=lambda one: (one["created_at"], one["id"]))
        content = self._send("GET", f"/actions/artifacts/{newest['id']}/zip")
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return {name: archive.read(name) for name in archive.namelist()}
        except zipfile.BadZipFile:
            raise Failure(f"artifact {name}: its content can't be read.") from None

    @_again
    def merged_pull(self, sha: str, branch: str) -> dict[str, Any] | None:
        """The pull request whose merge is this commit."""
        pulls = [
            pull
            for pull in self.call("GET", f"/commits/{sha}/pulls")
            if pull["merged_at"] and pull["base"]["ref"] == branch and pull["merge_commit_sha"] == sha
        ]
        return pulls[0] if pulls else None

    def pulls_showing(self, digest: str, marker: str) -> list[int]:
        """The pull requests with a comment that begins with this marker and names this plan, among the last ones written to."""
        try:
            recent = _again(self.call)("GET", "/issues/comments?sort=updated&direction=desc&per_page=100")
        except Failure as problem:
            annotate("warning", f"It can't be told on which pull request this plan is shown: {problem}")
            return []
        shown = [one for one in recent if self._is_ours(one, marker) and digest in one["body"]]
        return sorted({int(one["issue_url"].rpartition("/")[2]) for one in shown})

    def sticky(self, number: int, marker: str, body: str) -> None:
        """Post a comment on a pull request, or replace the one that begins with its marker.

        Where that fails it is a warning: the summary says the same, and how the job ends is decided by nova-iac.
        """
        try:
            self._comment(number, marker, body)
        except Failure as problem:
            annotate("warning", f"The comment on #{number} can't be written: {problem} The summary of this job says the same.")

    @_again
    def _comment(self, number: int, marker: str, body: str) -> None:
        for comment in self.pages(f"/issues/{number}/comments"):
            if self._is_ours(comment, marker):
                if not _same(comment["body"], body):
                    self.call("PATCH", f"/issues/comments/{comment['id']}", {"body": body})
                return
        self.call("POST", f"/issues/{number}/comments", {"body": body})

    @_again
    def one_issue(self, marker: str, title: str, body: str | None) -> None:
        """Keep one open issue with this body; close it when there is none."""
        issues = self.pages("/issues?state=open")
        found = next((one for one in issues if "pull_request" not in one and self._is_ours(one, marker)), None)
        if body is None:
            if found:
                self.call("PATCH", f"/issues/{found['number']}", {"state": "closed"})
                self.call("POST", f"/issues/{found['number']}/comments", {"body": f"No differences any more: {self.run_url}"})
        elif found is None:
            self.call("POST", "/issues", {"title": title, "body": body})
        elif not _same(found["body"], body):
            self.call("PATCH", f"/issues/{found['number']}", {"body": body})

    def _is_ours(self, item: dict[str, Any], marker: str) -> bool:
        """Anybody can write a marker, so the author counts too."""
        return (item["user"] or {}).get("login") == self._author and (item["body"] or "").startswith(marker)


def _same(one: str | None, other: str) -> bool:
    return (one or "").replace("\r\n", "\n").strip() == other.strip()


def output(name: str, value: str) -> None:
    """Set an output of this step; one line."""
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}={' '.join(value.splitlines())}\n")


def summarize(text: str) -> None:
    """Add to the job's summary page."""
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def annotate(level: str, message: str) -> None:
    """An error, warning or notice on the run's page."""
    escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    say(f"::{level} title=nova-iac::{escaped}")


def say(text: str) -> None:
    """A line of the log, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def fenced(text: str, room: int = 20_000, language: str = "") -> str:
    """A code block that its text can't leave, cut to some bytes."""
    lines, size = [], 0
    for line in text.rstrip("\n").split("\n"):
        size += len(line.encode()) + 1
        if size > room:
            lines.append("… (the rest is in the log)")
            break
        lines.append(line)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *lines, fence])
