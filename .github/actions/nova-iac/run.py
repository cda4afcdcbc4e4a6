"""The steps of the action: run.py plan|apply|drift|record. Inputs come as NOVA_ACTION_* variables."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from github import COMMENT_LIMIT, Failure, Github, annotate, fenced, output, summarize
from inputs import DIGEST, Inputs, given
from state import State, Unrecorded
from tool import Ran, difference, nova_iac

_LOCKED = re.compile(r"\.lock is held: ")
_TITLES = {3: "applied in part", 4: "not applied: a guard blocks the plan", 5: "not applied: another run holds the lock"}
_HEAD_ROOM = 10_000
"""What may stand above a new plan in its comment, in bytes; most of it is the difference from the reviewed one."""

_DIFFERENCE_ROOM = 8_000
_LONG_LIST = 10


class Job:
    """One step of the action."""

    def __init__(self) -> None:
        self.github = Github(given("GITHUB_TOKEN"), given("COMMENT_AUTHOR"))
        self.inputs = Inputs.read(self.github.event)
        self.state = State(Path(self.inputs.file), self.inputs.environment)
        self.folder = Path(os.environ["RUNNER_TEMP"])
        self.pulls: list[int] = []
        """The pull requests that are told what came of it."""

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
            if self.inputs.keeps_artifact:
                notes.append(
                    "That record is the committed lockfile. What was applied since is in an artifact, which a fork's run doesn't "
                    "take, and stands here as if it were still to be done."
                )
        elif pull:
            self.pulls = [pull["number"]]
        if not self.state.is_committed():
            notes.append(self._no_lockfile() + " Without one nothing is applied.")
        sha = pull["head"]["sha"] if pull else os.environ["GITHUB_SHA"]
        marker = self.inputs.marker("plan")
        where = f"<sub>commit {sha[:12]} · [run]({self.github.run_url})</sub>"
        above = [f"> {note}\n" for note in notes]
        room = COMMENT_LIMIT - len("\n".join([marker, *above, "", where]).encode())
        ran, document = self.make_plan(options, f"nova-iac-plan.{self.inputs.slug}.{sha}", room)
        if document is None:
            above = [f"### 🛑 nova-iac: there is no plan for `{self.inputs.environment}`\n", fenced(ran.err or ran.out)]
        self.publish(marker, above, ran if document else None, where)
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
            self.pulls = self.github.pulls_showing(self.inputs.digest, self.inputs.marker("apply"))
            return self.apply_reviewed(self.inputs.digest, self.inputs.plan_options, None)
        pull = self.github.merged_pull(os.environ["GITHUB_SHA"], self.inputs.branch)
        if pull is None:
            return self.publish_new("this commit is not the merge of a pull request")
        self.pulls = [pull["number"]]
        name = f"nova-iac-plan.{self.inputs.slug}.{pull['head']['sha']}"
        files = self.github.artifact(name, head_sha=pull["head"]["sha"])
        reviewed = _document((files or {}).get("plan.json"), self.inputs.environment)
        if reviewed is None:
            return self.publish_new("there is no plan of the pull request's last commit (or it was a fork's)")
        return self.apply_reviewed(reviewed["plan_digest"], _options(reviewed["options"]), reviewed)

    def apply_reviewed(self, digest: str, options: list[str], reviewed: dict[str, Any] | None) -> int:
        """Apply the plan with this digest. reviewed is the plan itself, where it is known."""
        ran = self.run_apply(digest, options)
        if ran.code == 5 and not _LOCKED.search(ran.err):
            return self.publish_new("it is stale: what would be done now is something else", digest, reviewed, ran.err)
        self.report(ran, digest)
        return ran.code

    def run_apply(self, digest: str, options: list[str]) -> Ran:
        """Apply the plan with this digest, if it still is what would be done."""
        allow = [f"--allow={guard}" for guard in self.inputs.allow]
        ran = nova_iac("apply", *self.inputs.shared, "--digest", digest, "--yes", *allow, *options)
        output("digest", digest)
        output("exit-code", str(ran.code))
        return ran

    def report(self, ran: Ran, digest: str) -> None:
        """Say what came of an apply, and how to go on after a failure."""
        environment = self.inputs.environment
        last = ran.out.rstrip("\n").rpartition("\n")[2]
        if ran.code == 0:
            lines = [f"### ✅ nova-iac: applied to `{environment}`", "", fenced(last)]
        else:
            lines = [f"### 🛑 nova-iac: {_TITLES.get(ran.code, 'failed')} in `{environment}` (exit {ran.code})", ""]
            lines += [fenced("\n".join(part for part in (last if ran.code == 3 else "", ran.err) if part))]
            if ran.code == 4:
                lines += ["", *self._let_through(ran.err, digest)]
            elif ran.code == 5:
                lines += ["", "Nothing was sent. When the other run has ended, go on with the same plan:", "", self._how(digest)]
            else:
                lines += ["", "What was done, if anything, is recorded. To go on with the same plan:", "", self._how(digest)]
        lines.append(f"\n<sub>digest `{digest}` · [run]({self.github.run_url})</sub>")
        self.publish(self.inputs.marker("apply"), lines)

    def publish_new(
        self, reason: str, digest: str | None = None, reviewed: dict[str, Any] | None = None, refusal: str = ""
    ) -> int:
        """Nothing reviewed can be applied: show what would be, with what differs, and how to apply it.

        :param digest: the plan that was refused, and reviewed the plan itself, where it is known.
        :param refusal: what nova-iac said to it.
        """
        name = f"nova-iac-plan.{self.inputs.slug}.{os.environ['GITHUB_SHA']}.new"
        ran, document = self.make_plan(self.inputs.plan_options, name, COMMENT_LIMIT - _HEAD_ROOM)
        marker = self.inputs.marker("apply")
        environment = self.inputs.environment
        if document is None:
            self.publish(marker, [f"### 🛑 nova-iac: no plan for `{environment}`\n", fenced(ran.err or ran.out)])
            return ran.code
        if all(change["action"] == "noop" for change in document["changes"]):
            return self.apply_nothing(document["plan_digest"])
        lines = [f"### ✋ nova-iac: nothing was applied to `{environment}`\n", f"No reviewed plan can be applied: {reason}.\n"]
        if reviewed is not None and digest != document["plan_digest"]:
            lines += ["Reviewed -> now:\n", fenced("\n".join(difference(reviewed, document)), _DIFFERENCE_ROOM), ""]
        elif refusal:
            lines += [fenced(refusal, _DIFFERENCE_ROOM), ""]
        lines += ["To apply the plan below, run the workflow with its digest:\n", self._how(document["plan_digest"]), ""]
        self.publish(marker, lines, ran)
        annotate("error", f"Nothing was applied to {environment}: {reason}. The new plan is {document['plan_digest']}.")
        return 5

    def apply_nothing(self, digest: str) -> int:
        """Apply a plan that sends nothing, so needs no review: protection, moves and accepted drift are put on record."""
        before = self.state.contents()
        ran = self.run_apply(digest, self.inputs.plan_options)
        if ran.code:
            self.report(ran, digest)
        else:
            recorded = "" if self.state.contents() == before else " The lockfile was brought up to date."
            line = f"✅ nova-iac: nothing is left to do in `{self.inputs.environment}`.{recorded}"
            self.publish(self.inputs.marker("apply"), [line])
        return ran.code

    def drift(self) -> int:
        """One open issue while the account differs from what was recorded; none while it doesn't."""
        if self.inputs.keeps_artifact:
            self.restore()
        if not self.state.is_recorded():
            raise Failure(
                f"nothing is recorded in {self.inputs.environment}, so nothing could be compared: {self.state.lockfile} is not "
                "there or is empty. An open issue stays as it is."
            )
        ran = nova_iac("drift", *self.inputs.shared, "--format", "markdown")
        output("exit-code", str(ran.code))
        if ran.code not in (0, 2):
            raise Failure(f"drift failed with exit {ran.code}.", ran.code)
        title = f"nova-iac: {self.inputs.environment} differs from {self.inputs.file}"
        summarize(ran.out)
        self.github.one_issue(self.inputs.marker("drift"), title, ran.out if ran.code == 2 else None)
        return 0

    def make_plan(self, options: list[str], artifact: str, room: int) -> tuple[Ran, dict[str, Any] | None]:
        """A plan, kept as an artifact, with at most so many bytes of text; None where there is none because of errors."""
        file = self.folder / "plan.json"
        file.unlink(missing_ok=True)
        ran = nova_iac("plan", *self.inputs.shared, "--out", str(file), "--format", "markdown", *options, room=room)
        output("exit-code", str(ran.code))
        if ran.code or not file.exists():
            return ran, None
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        output("digest", document["plan_digest"])
        output("plan-file", str(file))
        output("plan-artifact", artifact)
        return ran, document

    def publish(self, marker: str, lines: list[str], plan: Ran | None = None, tail: str = "") -> None:
        """Lines, then a plan, then a last line, for the summary and for the one comment with this marker on a pull request."""
        body = "\n".join([marker, *lines])
        if plan is not None:
            body = f"{body}\n{_without_marker(plan.out)}"
        body = f"{body}\n{tail}" if tail else body
        summarize(body)
        for pull in self.pulls:
            self.github.sticky(pull, marker, body)

    def restore(self) -> None:
        """Take lockfile and journal from the last run's artifact, unless what is committed is newer."""
        artifact = f"nova-iac-state.{self.inputs.slug}"
        kept = self.github.artifact(artifact, branch=self.inputs.branch)
        here = self.state.contents()
        names = {"lockfile": self.state.lockfile, "journal": self.state.journal}
        files = {names[name]: content for name, content in (kept or {}).items() if name in names}
        if self.state.lockfile in files and self.state.lockfile in here:
            then = _age(files[self.state.lockfile], f"artifact {artifact}, lockfile")
            now = _age(here[self.state.lockfile], self.state.lockfile)
            if then[0] == now[0] and then[1] >= now[1]:
                self.state.put(files)

    def _no_lockfile(self) -> str:
        name = self.inputs.environment
        return (
            f"There is no committed {self.state.lockfile}, which lets a run recognise what a lost one has made. "
            f"Run `nova-iac init -e {name}`, commit the file, and merge it."
        )

    def _let_through(self, refusal: str, digest: str) -> list[str]:
        """How to apply a plan that guards block, if that is possible: nova-iac names those that can be let through."""
        count = re.search(r"(\d+) guards? blocks? this plan", refusal)
        words = shlex.split(refusal.partition("Each can be let through by name: ")[2].partition("\n")[0])
        names = [name for option, name in zip(words[::2], words[1::2], strict=False) if option == "--allow"]
        if count is None or len(names) < int(count[1]):
            return ["This can't be let through by name: its cause must be mended."]
        # A whole code lets through no more than what this plan has of it, for the digest says which plan.
        if len(names) > _LONG_LIST:
            names = sorted({name.partition(":")[0] for name in names})
        guards = "\n".join([*self.inputs.allow, *names])
        return ["To let it through, run the workflow with its name:\n", self._how(digest, f"-f allow={shlex.quote(guards)}")]

    def _how(self, digest: str, more: str = "") -> str:
        command = f"gh workflow run {self.github.workflow} -f environment={self.inputs.environment} -f digest={digest}"
        return fenced(f"{command} {more}".rstrip(), language="bash")


def record() -> int:
    """After apply, however it ended: commit lockfile and journal, or hand them over as files."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    inputs = Inputs.read(event)
    state = State(Path(inputs.file), inputs.environment)
    base = json.loads(given("STATE_BASE"))
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


def _age(content: bytes, name: str) -> tuple[str, int]:
    """Lineage and serial of a lockfile.

    :raises Failure: it is none.
    """
    try:
        lockfile = json.loads(content)
        return str(lockfile["lineage"]), int(lockfile["serial"])
    except (ValueError, KeyError, TypeError):
        raise Failure(f"{name}: this is no lockfile; an apply from an older one could make things twice.") from None


def _document(content: bytes | None, environment: str) -> dict[str, Any] | None:
    """A reviewed plan from an artifact, if it is one that may be applied."""
    try:
        document: dict[str, Any] = json.loads(content or b"null")
        usable = document["environment"] == environment and not document["options"]["destroy"]
        return document if usable and DIGEST.fullmatch(document["plan_digest"]) else None
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
