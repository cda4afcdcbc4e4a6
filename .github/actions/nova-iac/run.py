"""The steps of the action: run.py plan|apply|drift|record. Inputs come as NOVA_ACTION_* variables."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from github import COMMENT_LIMIT, Failure, Github, annotate, fenced, output, summarize
from state import State, Unrecorded
from tool import Ran, difference, nova_iac

_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_GUARD = re.compile(r"NV4\d\d(:\S.*)?")
_PLAN_OPTION = re.compile(r"--(adopt|no-refresh|(target|exclude|effective-at)=.+)")
_TITLES = {0: "applied", 3: "applied in part", 4: "not applied: a guard blocks the plan"}


@dataclass(frozen=True)
class Inputs:
    """The action's inputs, checked."""

    environment: str
    file: str
    plan_options: list[str]
    digest: str
    allow: list[str]
    keeps_artifact: bool
    branch: str

    @classmethod
    def read(cls, event: dict[str, Any]) -> Inputs:
        """From the step's variables.

        :raises Failure: one is not what it should be.
        """
        inputs = cls(
            environment=_input("ENVIRONMENT"),
            file=_input("FILE") or "billing.yaml",
            plan_options=_lines("PLAN_OPTIONS"),
            digest=_input("DIGEST"),
            allow=_lines("ALLOW"),
            keeps_artifact=_input("LOCKFILE") == "artifact",
            branch=_input("BRANCH") or event.get("repository", {}).get("default_branch") or os.environ["GITHUB_REF_NAME"],
        )
        _require("environment", inputs.environment, _ENVIRONMENT)
        _require("lockfile", _input("LOCKFILE"), re.compile("commit|artifact"))
        for option in inputs.plan_options:
            _require("plan-options", option, _PLAN_OPTION)
        for guard in inputs.allow:
            _require("allow", guard, _GUARD)
        if inputs.digest:
            _require("digest", inputs.digest, _DIGEST)
        return inputs

    @property
    def slug(self) -> str:
        """Spec and environment in the names of artifacts, which may have no slashes."""
        spec = re.sub(r"[^A-Za-z0-9._-]+", "-", str(Path(self.file).with_suffix("")))
        return f"{spec}.{self.environment}"

    def marker(self, what: str) -> str:
        """What a comment or an issue begins with, so that it is found again: for plan and drift, what nova-iac itself writes."""
        path = Path(os.path.abspath(self.file))  # noqa: PTH100 - resolve() would follow links out of the repository
        root = next((folder for folder in path.parents if (folder / ".git").exists()), None)
        spec = re.sub(r"[<>\r\n]|--", "-", (path.relative_to(root) if root else Path(self.file)).as_posix())
        return f"<!-- nova-iac:{what} environment={self.environment} spec={spec} -->"

    @property
    def shared(self) -> list[str]:
        """What every command gets."""
        return ["--file", self.file, "--env", self.environment]


class Job:
    """One step of the action."""

    def __init__(self) -> None:
        self.github = Github(_input("GITHUB_TOKEN"), _input("COMMENT_AUTHOR"))
        self.inputs = Inputs.read(self.github.event)
        self.state = State(Path(self.inputs.file), self.inputs.environment)
        self.folder = Path(os.environ["RUNNER_TEMP"])

    def plan(self) -> int:
        """The plan of what is checked out, as comment, summary and artifact. A guard that would block fails nothing here."""
        pull = self.github.event.get("pull_request")
        fork = pull is not None and (pull["head"]["repo"] or {}).get("full_name") != self.github.repository
        if self.inputs.keeps_artifact and not fork:
            self.restore()
        options = [*self.inputs.plan_options]
        notes = []
        if fork:
            options = [one for one in options if one not in ("--adopt", "--no-refresh")] + ["--no-refresh"]
            notes.append("Made offline: a fork's pull request gets no token, so what was recorded counts as what is live.")
        if not self.state.is_committed():
            notes.append(self._no_lockfile() + " Without one nothing is applied.")
        sha = pull["head"]["sha"] if pull else os.environ["GITHUB_SHA"]
        ran, document = self.make_plan(options, f"nova-iac-plan.{self.inputs.slug}.{sha}")
        marker = self.inputs.marker("plan")
        if document is None:
            notes = [f"### 🛑 nova-iac: there is no plan for `{self.inputs.environment}`\n", fenced(ran.err or ran.out)]
        else:
            notes = [f"> {note}\n" for note in notes]
        where = f"<sub>commit {sha[:12]} · [run]({self.github.run_url})</sub>"
        self.publish(marker, notes, None if fork or not pull else pull["number"], ran if document else None, where)
        return ran.code

    def apply(self) -> int:
        """Apply the plan that was reviewed, and no other; where there is none, publish what would be reviewed."""
        event = self.github.event_name
        if event not in ("push", "workflow_dispatch"):
            raise Failure(f"apply runs on push and workflow_dispatch, not on {event}: what is applied has been merged.")
        if os.environ["GITHUB_REF"] != f"refs/heads/{self.inputs.branch}":
            raise Failure(f"apply runs on {self.inputs.branch} only, and this is {os.environ['GITHUB_REF']}.")
        base = self.state.at(self.state.fetch(self.inputs.branch))
        self.state.put_blobs(base)
        if not base[self.state.lockfile]:
            raise Failure(self._no_lockfile())
        if self.inputs.keeps_artifact:
            self.restore()
        output("state-base", json.dumps(base if not self.inputs.keeps_artifact else self.state.blobs()))

        if self.inputs.digest:
            return self.apply_reviewed(self.inputs.digest, self.inputs.plan_options, None, None)
        pull = self.github.merged_pull(os.environ["GITHUB_SHA"], self.inputs.branch)
        number = pull["number"] if pull else None
        if pull is None:
            return self.publish_new("this commit is not the merge of a pull request", None, None)
        name = f"nova-iac-plan.{self.inputs.slug}.{pull['head']['sha']}"
        files = self.github.artifact(name, head_sha=pull["head"]["sha"])
        reviewed = _document((files or {}).get("plan.json"), self.inputs.environment)
        if reviewed is None:
            return self.publish_new("there is no plan of the pull request's last commit (or it was a fork's)", number, None)
        return self.apply_reviewed(reviewed["plan_digest"], _options(reviewed["options"]), number, reviewed)

    def apply_reviewed(self, digest: str, options: list[str], pull: int | None, reviewed: dict[str, Any] | None) -> int:
        """Apply the plan with this digest. reviewed is the plan itself, where it is known."""
        allow = [f"--allow={guard}" for guard in self.inputs.allow]
        ran = nova_iac("apply", *self.inputs.shared, "--digest", digest, "--yes", *allow, *options)
        output("digest", digest)
        output("exit-code", str(ran.code))
        if ran.code == 5:
            return self.publish_new("it is stale: what would be done now is something else", pull, reviewed)
        environment = self.inputs.environment
        last = ran.out.rstrip("\n").rpartition("\n")[2]
        if ran.code == 0:
            lines = [f"### ✅ nova-iac: applied to `{environment}`", "", fenced(last)]
        else:
            lines = [f"### 🛑 nova-iac: {_TITLES.get(ran.code, 'failed')} in `{environment}` (exit {ran.code})", ""]
            lines += [fenced("\n".join(part for part in (last if ran.code == 3 else "", ran.err) if part))]
            if ran.code == 4:
                how = self._how(digest, "-f allow=CODE:ADDRESS")
                lines += ["", "To let a guard through, run the workflow with its name:", "", how]
            else:
                lines += ["", "What was done, if anything, is recorded. To go on with the same plan:", "", self._how(digest)]
        lines.append(f"\n<sub>digest `{digest}` · [run]({self.github.run_url})</sub>")
        self.publish(self.inputs.marker("apply"), lines, pull)
        return ran.code

    def publish_new(self, reason: str, pull: int | None, reviewed: dict[str, Any] | None) -> int:
        """Nothing reviewed can be applied: show what would be, with what differs, and how to apply it."""
        name = f"nova-iac-plan.{self.inputs.slug}.{os.environ['GITHUB_SHA']}.new"
        ran, document = self.make_plan(self.inputs.plan_options, name)
        marker = self.inputs.marker("apply")
        environment = self.inputs.environment
        if document is None:
            self.publish(marker, [f"### 🛑 nova-iac: no plan for `{environment}`\n", fenced(ran.err or ran.out)], pull)
            return ran.code
        if all(change["action"] == "noop" for change in document["changes"]):
            self.publish(marker, [f"✅ nova-iac: nothing is left to do in `{environment}`."], pull)
            return 0
        lines = [f"### ✋ nova-iac: nothing was applied to `{environment}`\n", f"No reviewed plan can be applied: {reason}.\n"]
        if reviewed is not None:
            lines += ["Reviewed -> now:\n", fenced("\n".join(difference(reviewed, document)), 8_000), ""]
        lines += ["To apply the plan below, run the workflow with its digest:\n", self._how(document["plan_digest"]), ""]
        self.publish(marker, lines, pull, ran)
        annotate("error", f"Nothing was applied to {environment}: {reason}. The new plan is {document['plan_digest']}.")
        return 5

    def drift(self) -> int:
        """One open issue while the account differs from what was recorded; none while it doesn't."""
        if self.inputs.keeps_artifact:
            self.restore()
        ran = nova_iac("drift", *self.inputs.shared, "--format", "markdown")
        output("exit-code", str(ran.code))
        if ran.code not in (0, 2):
            raise Failure(f"drift failed with exit {ran.code}.", ran.code)
        title = f"nova-iac: {self.inputs.environment} differs from {self.inputs.file}"
        summarize(ran.out)
        self.github.one_issue(self.inputs.marker("drift"), title, ran.out if ran.code == 2 else None)
        return 0

    def make_plan(self, options: list[str], artifact: str) -> tuple[Ran, dict[str, Any] | None]:
        """A plan, kept as an artifact; None where there is none because of errors."""
        file = self.folder / "plan.json"
        file.unlink(missing_ok=True)
        ran = nova_iac("plan", *self.inputs.shared, "--out", str(file), "--format", "markdown", *options)
        output("exit-code", str(ran.code))
        if ran.code or not file.exists():
            return ran, None
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        output("digest", document["plan_digest"])
        output("plan-file", str(file))
        output("plan-artifact", artifact)
        return ran, document

    def publish(self, marker: str, lines: list[str], pull: int | None, plan: Ran | None = None, tail: str = "") -> None:
        """Lines, then a plan, then a last line, for the summary and for the one comment with this marker on a pull request."""
        head = "\n".join([marker, *lines])
        body = head
        if plan is not None:
            body = f"{head}\n{_without_marker(plan.out)}"
        body = f"{body}\n{tail}" if tail else body
        summarize(body)
        if pull is None:
            return
        if len(body.encode()) > COMMENT_LIMIT:
            shown = re.split(r"\n(?=#### |<details>)", _without_marker(plan.out) if plan else "", maxsplit=1)[0]
            body = f"{head}\n{shown}\nThis comment can't hold all; the [summary of the run]({self.github.run_url}) does.\n"
        self.github.sticky(pull, marker, body)

    def restore(self) -> None:
        """Take lockfile and journal from the last run's artifact, unless what is committed is newer."""
        kept = self.github.artifact(f"nova-iac-state.{self.inputs.slug}", branch=self.inputs.branch)
        here = self.state.contents()
        names = {"lockfile": self.state.lockfile, "journal": self.state.journal}
        files = {names[name]: content for name, content in (kept or {}).items() if name in names}
        if self.state.lockfile in files and self.state.lockfile in here:
            then, now = (json.loads(one[self.state.lockfile]) for one in (files, here))
            if then["lineage"] == now["lineage"] and then["serial"] >= now["serial"]:
                self.state.put(files)

    def _no_lockfile(self) -> str:
        name = self.inputs.environment
        return (
            f"There is no committed {self.state.lockfile}, which lets a run recognise what a lost one has made. "
            f"Run `nova-iac init -e {name}`, commit the file, and merge it."
        )

    def _how(self, digest: str, more: str = "") -> str:
        command = f"gh workflow run {self.github.workflow} -f environment={self.inputs.environment} -f digest={digest}"
        return fenced(f"{command} {more}".rstrip(), language="bash")


def record() -> int:
    """After apply, however it ended: commit lockfile and journal, or hand them over as files."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    inputs = Inputs.read(event)
    state = State(Path(inputs.file), inputs.environment)
    base = json.loads(_input("STATE_BASE"))
    if state.blobs() == base:
        return 0
    problem: Unrecorded | None = None
    if not inputs.keeps_artifact:
        try:
            state.commit(inputs.branch, base, f"nova-iac: lockfile of {inputs.environment} after apply [skip ci]")
            return 0
        except Unrecorded as caught:
            problem = caught
    folder = Path(os.environ["RUNNER_TEMP"], "nova-iac-state")
    folder.mkdir(exist_ok=True)
    names = {state.lockfile: "lockfile", state.journal: "journal"}
    for name, content in state.contents().items():
        (folder / names[name]).write_bytes(content)  # artifacts leave hidden files out
    output("state-folder", str(folder))
    output("state-artifact", f"nova-iac-state.{inputs.slug}")
    if problem is not None:
        raise Failure(f"{problem} They are in the artifact nova-iac-state.{inputs.slug}: commit them before the next apply.")
    return 0


def _input(name: str) -> str:
    return os.environ.get(f"NOVA_ACTION_{name}", "").strip()


def _lines(name: str) -> list[str]:
    return [line.strip() for line in _input(name).splitlines() if line.strip()]


def _require(name: str, value: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(value):
        raise Failure(f"input {name}: {value!r} is not of the form {pattern.pattern}")


def _document(content: bytes | None, environment: str) -> dict[str, Any] | None:
    """A reviewed plan from an artifact, if it is one that may be applied."""
    try:
        document: dict[str, Any] = json.loads(content or b"null")
        usable = document["environment"] == environment and not document["options"]["destroy"]
        return document if usable and _DIGEST.fullmatch(document["plan_digest"]) else None
    except (ValueError, KeyError, TypeError):
        return None


def _options(options: dict[str, Any]) -> list[str]:
    """The command line of a plan's options."""
    words = [f"--{name}={value}" for name in ("target", "exclude") for value in options[name]]
    if options["effective_at"]:
        words.append(f"--effective-at={options['effective_at']}")
    return [*words, *(["--adopt"] if options["adopt"] else []), *([] if options["refresh"] else ["--no-refresh"])]


def _without_marker(markdown: str) -> str:
    """The plan's text below its marker, which stands above what the action has to say."""
    first, _, rest = markdown.partition("\n")
    return rest if first.startswith("<!-- nova-iac:plan ") else markdown


def main(command: str) -> int:
    """Run a step; the exit code is nova-iac's where it has one."""
    try:
        if command == "record":
            return record()
        if command not in ("plan", "apply", "drift"):
            raise Failure(f"input command: {command!r} is none of plan, apply, drift")
        code: int = getattr(Job(), command)()
        return code
    except Failure as problem:
        annotate("error", str(problem))
        summarize(f"🛑 nova-iac: {problem}")
        return problem.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
