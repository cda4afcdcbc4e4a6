"""The console blocks of a page, run as a reader would run them, one after the other in one folder.

In a ``console`` block a line that begins with ``$ `` is a command; ``> `` lines right behind it go on with it; the rest is what
the terminal shows. The rules by which that is compared with what happens:

- A command whose output isn't shown must succeed, and may say what it likes.
- ``…`` stands for any text of a line; a line of its own for any lines.
- A command must exit with 0, unless ``$ echo $?`` comes next and shows another code.
- ``> yes`` in the output of a command is what the reader types.
- Ids, digests, ports and tokens are examples: the first time anything of that form matches, and from then on the page's one
  stands for the real one, in commands too. Durations and speeds are always examples.
- ``nova-iac ui`` and ``nova-iac emulator serve`` stay up until the page ends.

A ``diff`` block is an edit of ``billing.yaml``, hunks apart by ``@@``; a file name behind the language of another block, as in
``yaml studio.yaml``, makes it that file. A page begins in a folder with the example. The clock stands at ``support.NOW``. A
Metronome account is an emulator of its own for each token, behind the official SDK's HTTP client.
"""

from __future__ import annotations

import contextlib
import difflib
import gc
import io
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from unittest import mock

from support import EXAMPLE, NOW, ROOT

ANY: Final = "…"
STAYS: Final = ("nova-iac ui", "nova-iac emulator serve")
_FENCE: Final = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FORMS: Final = (
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"sha256:[0-9a-f]{64}",
    r"(?<=127\.0\.0\.1:)\d+",
    r"(?<=X-Nova-Token: )[\w-]{32}",
)
_EXAMPLE: Final = re.compile("|".join(_FORMS))
_VARIES: Final = re.compile(r"(?<=after )\d+\.\d s|[\d,]+ events/s")
_FOR_A_SHELL: Final = re.compile(r"[|&;<>()$`*?~#\\]")


@dataclass(frozen=True)
class Step:
    """A command with what the page shows of it, or an edit (``command`` names the file)."""

    line: int
    language: str
    command: str
    shown: tuple[str, ...]


def steps(page: str) -> Iterator[Step]:
    """All that a page asks its reader to do, in order."""
    for fence in _FENCE.finditer(page):
        language, file, body = fence[1], fence[2], fence[3]
        first = page.count("\n", 0, fence.start(3)) + 1
        if language == "console":
            yield from _commands(body.splitlines(), first)
        elif language == "diff" or file:
            yield Step(first, language, file or "billing.yaml", tuple(body.splitlines()))


def _commands(lines: Sequence[str], first: int) -> Iterator[Step]:
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"line {first}: a console block begins with a command"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        behind = start + 1
        while behind < end and lines[behind].startswith("> "):
            behind += 1
        command = "\n".join(line[2:] for line in lines[start:behind])
        shown = list(lines[behind:end])
        while shown and not shown[-1].strip():
            shown.pop()
        yield Step(first + start, "console", command, tuple(shown))


class Mismatch(AssertionError):
    """A page says something else than what happens."""


@dataclass
class Terminal:
    """A folder, what is exported, and what has become of the examples that the page shows."""

    folder: Path
    page: str
    name: str = "page"
    real: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.project = self.folder / "project"
        self.project.mkdir()
        (self.project / "billing.yaml").write_text(EXAMPLE, encoding="utf-8")
        self.place = self.project
        tool = self.folder / "bin" / "nova-iac"
        tool.parent.mkdir()
        tool.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path[:0] = {[str(ROOT / 'tests'), str(ROOT)]}\n{_TOOL}", encoding="utf-8"
        )
        tool.chmod(0o755)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOVA_", "METRONOME_"))}
        self.exported = {
            **clean, "NOVA_NOW": NOW, "COLUMNS": "100", _ACCOUNTS: str(self.folder),
            "PATH": f"{tool.parent}:{clean['PATH']}",
        }  # fmt: skip
        self._up: list[subprocess.Popen[str]] = []
        self._accounts = Accounts(self.folder)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._up:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        self._accounts.close()

    def follow(self) -> None:
        """Do all that the page says.

        :raises Mismatch: where it doesn't come out as the page says.
        """
        code = 0
        following = list(steps(self.page))
        for step, after in zip(following, [*following[1:], None], strict=False):
            if step.language == "diff":
                self._edit(step)
            elif step.language != "console":
                (self.place / step.command).write_text("\n".join(step.shown) + "\n", encoding="utf-8")
            elif step.command == "echo $?":
                self._compare(step, f"{code}\n")
            else:
                code = self._run(step, told=after is not None and after.command == "echo $?")

    # --- commands -------------------------------------------------------------------------------------------------------

    def _run(self, step: Step, *, told: bool) -> int:
        command = _EXAMPLE.sub(lambda match: self.real.get(match[0], match[0]), step.command)
        if command.startswith(STAYS):
            self._compare(step, self._start(command, len(step.shown)))
            return 0
        if command.startswith("nova-iac ") and not _FOR_A_SHELL.search(re.sub(r"'[^']*'", "", command)):
            code, output = self._inside(command, [line[2:] for line in step.shown if line.startswith("> ")])
        else:
            code, output = self._in_a_shell(command)
        if code and not told:
            raise Mismatch(f"{self._at(step)} exits with {code}\n{output}")
        if step.shown:
            self._compare(step, output)
        return code

    def _inside(self, command: str, typed: Sequence[str]) -> tuple[int, str]:
        """A plain command, in this process; stdout and stderr as a terminal mixes them."""
        output = io.StringIO()
        with (
            mock.patch.dict(os.environ, self.exported, clear=True),
            mock.patch("sys.stdin", _Typing(output, typed)),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
            contextlib.chdir(self.place),
        ):
            code = run(shlex.split(command)[1:], self._accounts)
        gc.unfreeze()  # emit freezes what is there, for a process that ends with it
        return code, output.getvalue()

    def _in_a_shell(self, command: str) -> tuple[int, str]:
        """A line with pipes, redirections, variables: bash runs it, and what it exports and where it goes is kept."""
        kept, where = self.folder / "exported", self.folder / "place"
        script = f"{command}\ncode=$?\nenv -0 > {kept}\npwd > {where}\nexit $code\n"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.place, env=self.exported, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        )  # fmt: skip
        self.exported = dict(pair.split("=", 1) for pair in kept.read_text(encoding="utf-8").split("\0") if pair)
        self.place = Path(where.read_text(encoding="utf-8").rstrip("\n"))
        return done.returncode, done.stdout

    def _start(self, command: str, lines: int) -> str:
        """A server, on a free port; as many lines as the page shows of it."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command} --port 0"], cwd=self.place, env=self.exported,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._up.append(process)
        assert process.stdout is not None
        return "".join(process.stdout.readline() for _ in range(lines))

    # --- what is shown --------------------------------------------------------------------------------------------------

    def _compare(self, step: Step, output: str) -> None:
        real = "".join(line.rstrip() + "\n" for line in output.splitlines())
        new: dict[str, str] = {}
        pattern = "".join(self._pattern(line.rstrip(), new) for line in step.shown)
        match = re.fullmatch(pattern, real)
        if match is None:
            told = "".join(
                difflib.unified_diff([f"{line}\n" for line in step.shown], real.splitlines(True), "the page", "what happens")
            )
            raise Mismatch(f"{self._at(step)}\n{told}")
        self.real |= {example: match[group] for example, group in new.items()}

    def _pattern(self, line: str, new: dict[str, str]) -> str:
        """A regular expression for a line that is shown; new takes the group of each example that is seen for the first time."""
        if line.strip() == ANY:
            return r"(?:.*\n)*?"
        made, end = "", 0
        for match in re.finditer(f"{_EXAMPLE.pattern}|{_VARIES.pattern}|{ANY}", line):
            made += re.escape(line[end : match.start()]) + self._stand_in(match[0], new)
            end = match.end()
        return made + re.escape(line[end:]) + r"\n"

    def _stand_in(self, text: str, new: dict[str, str]) -> str:
        if text == ANY:
            return ".*?"
        if text in self.real:
            return re.escape(self.real[text])
        if text in new:
            return f"(?P={new[text]})"
        if _VARIES.fullmatch(text):
            return r"\d+\.\d s" if text.endswith(" s") else r"[\d,]+ events/s"
        new[text] = f"example{len(self.real) + len(new)}"
        form = next(form for form in _FORMS if re.fullmatch(form.rpartition(")")[2] if form.startswith("(?<=") else form, text))
        return f"(?P<{new[text]}>{form})"

    # --- edits ----------------------------------------------------------------------------------------------------------

    def _edit(self, step: Step) -> None:
        path = self.place / step.command
        text = path.read_text(encoding="utf-8")
        hunks: list[list[str]] = [[]]
        for line in step.shown:
            if line.startswith("@@"):
                hunks.append([])
            else:
                hunks[-1].append(line or " ")
        for hunk in filter(None, hunks):
            before = "".join(f"{line[1:]}\n" for line in hunk if line[0] in " -")
            after = "".join(f"{line[1:]}\n" for line in hunk if line[0] in " +")
            if text.count(before) != 1:
                raise Mismatch(f"{self._at(step)}: these lines stand {text.count(before)} times in it:\n{before}\nin:\n{text}")
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")

    def _at(self, step: Step) -> str:
        return f"{self.name}:{step.line}: {step.command}"


class _Typing(io.StringIO):
    """A terminal at which the given lines are typed; without any, no terminal."""

    def __init__(self, output: io.StringIO, lines: Sequence[str]) -> None:
        super().__init__("".join(f"{line}\n" for line in lines))
        self._output, self._terminal = output, bool(lines)

    def isatty(self) -> bool:
        return self._terminal

    def readline(self, *arguments: Any) -> str:
        line = super().readline(*arguments)
        self._output.write(line)
        return line


# --- the wire -----------------------------------------------------------------------------------------------------------

_ACCOUNTS: Final = "NOVA_TEST_ACCOUNTS"
_TOOL: Final = "from consoles import main\nmain()\n"


class Accounts:
    """Metronome: an account for each token."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, Any] = {}

    def __call__(self, environ: Mapping[str, Any], start_response: Any) -> Any:
        from nova_iac import moment
        from nova_iac.emulator import Emulator

        token = environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
        if token not in self._open:
            self._open[token] = Emulator(self._folder / f"{token}.db", clock=lambda: moment.parse(os.environ["NOVA_NOW"]))
        return self._open[token](environ, start_response)

    def close(self) -> None:
        """Let go of the files."""
        for account in self._open.values():
            account.close()


def run(arguments: Sequence[str], accounts: Accounts) -> int:
    """The command line, with those accounts at the other end of the wire."""
    import httpx
    import metronome

    from nova_iac.cli import run as run_command

    real = metronome.DefaultHttpxClient

    def client(**options: Any) -> httpx.Client:
        return real(mounts={"all://api.metronome.com": httpx.WSGITransport(app=accounts)}, **options)

    with mock.patch.object(metronome, "DefaultHttpxClient", client):
        return run_command(arguments)


def main() -> None:
    """``nova-iac`` for the shell."""
    accounts = Accounts(Path(os.environ[_ACCOUNTS]))
    code = run(sys.argv[1:], accounts)
    accounts.close()
    sys.exit(code)
