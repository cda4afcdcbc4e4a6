"""Lockfile and journal in git: taken from the tip of the branch, written back to it, whatever else is checked out."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from github import Failure

_TRIES = 10
_IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (
        ("NAME", "github-actions[bot]"),
        ("EMAIL", "41898282+github-actions[bot]@users.noreply.github.com"),
    )
}


class Unrecorded(Failure):
    """Lockfile and journal could not be committed."""


class State:
    """The two files of one spec in one environment."""

    def __init__(self, spec: Path, environment: str) -> None:
        self._folder = spec.parent
        self.lockfile = f"{spec.stem}.{environment}.lock.json"
        self.journal = f".{spec.stem}.{environment}.journal"
        self.names = (self.lockfile, self.journal)

    def fetch(self, branch: str) -> str:
        """The commit at the tip of a branch."""
        shallow = self._git("rev-parse", "--is-shallow-repository") == "true"
        depth = ("--depth=1",) if shallow else ()
        self._git("fetch", "--quiet", "--no-tags", *depth, "origin", f"refs/heads/{branch}")
        return self._git("rev-parse", "FETCH_HEAD")

    def at(self, commit: str) -> dict[str, str]:
        """The blobs of both files in a commit; an empty name for one that isn't there."""
        found = {}
        for name in self.names:
            ran = self._run("rev-parse", "--verify", "--quiet", f"{commit}:./{name}")
            found[name] = ran.stdout.decode().strip() if ran.returncode == 0 else ""
        return found

    def blobs(self) -> dict[str, str]:
        """The same of the files as they are now; their content is put into git's store."""
        return {
            name: self._git("hash-object", "-w", "--no-filters", "--", name) if (self._folder / name).exists() else ""
            for name in self.names
        }

    def contents(self) -> dict[str, bytes]:
        """Those of the files that exist."""
        return {name: (self._folder / name).read_bytes() for name in self.names if (self._folder / name).exists()}

    def put_blobs(self, blobs: Mapping[str, str]) -> None:
        """Make the files what they are in git."""
        self.put({name: self._run("cat-file", "blob", blob).stdout for name, blob in blobs.items() if blob})

    def put(self, contents: Mapping[str, bytes]) -> None:
        """Make the files these, and remove the others."""
        for name in self.names:
            if name in contents:
                (self._folder / name).write_bytes(contents[name])
            else:
                (self._folder / name).unlink(missing_ok=True)

    def is_recorded(self) -> bool:
        """Whether there is anything to compare the account with. A lockfile that can't be read counts: nova-iac says why."""
        found = self.contents()
        if self.lockfile not in found:
            return False
        try:
            return self.journal in found or bool(json.loads(found[self.lockfile])["resources"])
        except (ValueError, KeyError, TypeError):
            return True

    def is_committed(self) -> bool:
        """Whether the checked out commit has the lockfile."""
        return bool(self.at("HEAD")[self.lockfile])

    def commit(self, branch: str, base: Mapping[str, str], message: str) -> None:
        """Write the files as they are now to the tip of a branch, beside whatever was pushed meanwhile.

        :raises Unrecorded: the files of the branch are no longer those that this run began with, or the branch can't be written.
        """
        ours = self.blobs()
        problem = ""
        for _ in range(_TRIES):
            tip = self.fetch(branch)
            theirs = self.at(tip)
            if theirs == ours:
                return
            if theirs != dict(base):
                raise Unrecorded(f"somebody else has written {self.lockfile} or its journal on {branch} during this run.")
            pushed = self._run("push", "--quiet", "origin", f"{self._commit_on(tip, ours, message)}:refs/heads/{branch}")
            if pushed.returncode == 0:
                return
            problem = pushed.stderr.decode(errors="replace").strip()
            if self.fetch(branch) == tip:
                break
        raise Unrecorded(f"{self.lockfile} can't be pushed to {branch}: {problem}")

    def _commit_on(self, tip: str, blobs: Mapping[str, str], message: str) -> str:
        """A commit made without touching what is checked out or its index."""
        prefix = self._git("rev-parse", "--show-prefix")
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self._git("read-tree", tip, env=index)
            for name, blob in blobs.items():
                if blob:
                    self._git("update-index", "--add", "--cacheinfo", f"100644,{blob},{prefix}{name}", env=index)
                else:
                    self._git("update-index", "--force-remove", "--", name, env=index)
            tree = self._git("write-tree", env=index)
        return self._git("commit-tree", tree, "-p", tip, "-m", message, env=_IDENTITY)

    def _git(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        ran = self._run(*arguments, env=env)
        if ran.returncode:
            raise Failure(f"git {arguments[0]} failed: {ran.stderr.decode(errors='replace').strip()}")
        return ran.stdout.decode().strip()

    def _run(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["git", *arguments], cwd=self._folder, env={**os.environ, **(env or {})}, capture_output=True, check=False
        )
