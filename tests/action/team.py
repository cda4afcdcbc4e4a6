"""A team: a repository with a remote, pull requests, an account, and the action run on them."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub import REPOSITORY, TOKEN, Hub
from runner import Ran, Runner
from support import EXAMPLE, NOW

METRONOME_TOKEN = "account-token"
DEMO = "Nova Demo Customer"
PLAN = "<!-- nova-iac:plan environment=live spec=billing.yaml -->"
APPLY = "<!-- nova-iac:apply environment=live spec=billing.yaml -->"


class World:
    """What a team has: main on a bare remote with an empty lockfile, pull requests, an account, and GitHub Actions."""

    def __init__(self, folder: Path, github: Hub, account: str, tools: Path) -> None:
        self.hub = github
        self.account = account
        self.folder = folder
        self.work = folder / "work"
        self.tools = tools
        variables = {"LIVE_TOKEN": METRONOME_TOKEN, "NOVA_NOW": NOW, "NOVA_ACTION_PAUSE": "0"}
        self.runner = Runner(github, folder / "runner", tools, variables)
        self._offline = Runner(github, folder / "fork-runner", tools, {"NOVA_NOW": NOW})
        self._jobs = 0
        git(folder, "init", "--quiet", "--bare", "-b", "main", "remote.git")
        git(folder, "clone", "--quiet", "remote.git", "work")
        live = f"  live: {{base_url: '{account}', token_env: LIVE_TOKEN}}\n  sandbox: {{token_env"
        self.write(EXAMPLE.replace("  sandbox: {token_env", live))
        self.tool("init", "-e", "live")
        self.commit("begin")
        git(self.work, "push", "--quiet", "origin", "HEAD:main")

    def write(self, spec: str) -> None:
        """Put a spec in place."""
        (self.work / "billing.yaml").write_text(spec, encoding="utf-8")

    def commit(self, message: str) -> str:
        """Everything in the working copy, as a commit."""
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "-m", message)
        return git(self.work, "rev-parse", "HEAD")

    def branch(self, name: str, old: str, new: str) -> str:
        """A branch off main that edits the spec; its head."""
        git(self.work, "fetch", "--quiet")
        git(self.work, "checkout", "--quiet", "-B", name, "origin/main")
        text = (self.work / "billing.yaml").read_text(encoding="utf-8")
        assert old in text
        self.write(text.replace(old, new))
        return self.commit(name)

    def plan(self, number: int, branch: str, *, fork: bool = False, **inputs: str) -> Ran:
        """The pull request's job: it checks the merge with main out."""
        head = git(self.work, "rev-parse", branch)
        checkout = self.checkout("main")
        git(checkout, "fetch", "--quiet", str(self.work), branch)
        git(checkout, "merge", "--quiet", "--no-edit", "FETCH_HEAD")
        pull = {"number": number, "head": {"sha": head, "ref": branch, "repo": {"full_name": "eve/fork" if fork else REPOSITORY}}}
        runner = self._offline if fork else self.runner
        merge = git(checkout, "rev-parse", "HEAD")
        payload = {"pull_request": {**pull, "title": '"; touch pwned; echo $(touch pwned) `touch pwned`'}}
        token = "read-only" if fork else TOKEN
        where = {"GITHUB_SHA": merge, "GITHUB_REF": f"refs/pull/{number}/merge", "GITHUB_REF_NAME": f"{number}/merge"}
        return runner.use(checkout, "pull_request", payload, where, **defaults("plan", token) | inputs)

    def merge(self, number: int, branch: str) -> str:
        """Merge a pull request on the remote; the merge commit."""
        head = git(self.work, "rev-parse", branch)
        git(self.work, "fetch", "--quiet")
        git(self.work, "checkout", "--quiet", "-B", "main", "origin/main")
        git(self.work, "merge", "--quiet", "--no-ff", "--no-edit", branch)
        git(self.work, "push", "--quiet", "origin", "HEAD:main")
        merge = git(self.work, "rev-parse", "HEAD")
        base = {"ref": "main"}
        self.hub.pulls.append(
            {"number": number, "merged_at": NOW, "merge_commit_sha": merge, "base": base, "head": {"sha": head, "ref": branch}}
        )
        return merge

    def apply(
        self, sha: str = "main", *, event: str = "push", prepare: Callable[[Path], object] | None = None, **inputs: str
    ) -> Ran:
        """The job after a push of a commit, or a manual run; prepare does something to its checkout."""
        checkout = self.checkout(sha)
        if prepare is not None:
            prepare(checkout)
        where = {"GITHUB_SHA": git(checkout, "rev-parse", "HEAD"), "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main"}
        return self.runner.use(checkout, event, {}, where, **defaults("apply", TOKEN) | inputs)

    def drift(self) -> Ran:
        """The scheduled job."""
        checkout = self.checkout("main")
        where = {"GITHUB_SHA": git(checkout, "rev-parse", "HEAD"), "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main"}
        return self.runner.use(checkout, "schedule", {}, where, **defaults("drift", TOKEN))

    def checkout(self, sha: str) -> Path:
        """What actions/checkout makes: a fresh clone."""
        self._jobs += 1
        place = self.folder / f"job-{self._jobs}"
        git(self.folder, "clone", "--quiet", "remote.git", place.name)
        git(place, "checkout", "--quiet", sha)
        return place

    def remote(self, path: str) -> str | None:
        """A file at the tip of main on the remote; None where there is none."""
        ran = subprocess.run(
            ["git", "show", f"main:{path}"], cwd=self.folder / "remote.git", capture_output=True, text=True, check=False
        )
        return ran.stdout if ran.returncode == 0 else None

    @property
    def recorded(self) -> dict[str, Any]:
        """The lockfile at the tip of main."""
        content: dict[str, Any] = json.loads(self.remote("billing.live.lock.json") or "{}")
        return content

    def faults(self, *faults: dict[str, Any]) -> None:
        """Make the account fail on purpose, or no longer."""
        self.post("/_emulator/faults", {"faults": list(faults)})

    def post(self, path: str, body: Any) -> Any:
        """A request to the account."""
        headers = {"Authorization": f"Bearer {METRONOME_TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.account}{path}", json.dumps(body).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def begin(self, name: str) -> None:
        """The example with one more customer, applied and recorded on main: what a team has had for long."""
        self.branch(
            name, "customers:\n", f"customers:\n  {name}:\n    name: {name.title()}\n    ingest_aliases: [{name}@nova.com]\n"
        )
        self.tool("apply", "-e", "live", "--yes")
        self.commit("applied")
        git(self.work, "push", "--quiet", "origin", "HEAD:main")

    def tool(self, *arguments: str) -> None:
        """nova-iac in the working copy."""
        env = {**os.environ, "NOVA_NOW": NOW, "LIVE_TOKEN": METRONOME_TOKEN}
        subprocess.run([self.tools / "nova-iac", *arguments], cwd=self.work, env=env, check=True, capture_output=True)


def defaults(command: str, token: str) -> dict[str, str]:
    return {"command": command, "environment": "live", "github_token": token, "install": "false"}


def git(folder: Path, *arguments: str) -> str:
    """git, as a developer of the team."""
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    env = {**os.environ, **dict.fromkeys(names, "dev@nova.com"), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    ran = subprocess.run(["git", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"git {arguments}: {ran.stderr}"
    return ran.stdout.strip()
