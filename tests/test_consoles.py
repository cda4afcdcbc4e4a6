"""What the pages show in console blocks is what happens: see ``consoles`` for the rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from consoles import Mismatch, Terminal, steps
from support import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "benchmarks").glob("*.md"))]
BEFORE = {"README.md": "nova-iac apply --yes"}
"""What a page's own first block, which installs and so can't run here, ends with."""


def to_follow(page: Path) -> bool:
    return any(True for _ in steps(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", [page for page in PAGES if to_follow(page)], ids=lambda page: page.name)
def test_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    """Every command of the page runs, and shows what the page shows."""
    before = f"```console\n$ {BEFORE[page.name]}\n```\n" if page.name in BEFORE else ""
    with Terminal(tmp_path, before + page.read_text(encoding="utf-8"), page.name) as terminal:
        terminal.follow()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_prompts_stand_in_console_blocks_only(page: Path) -> None:
    """A block that shows a prompt can't escape the test above by being called something else."""
    fences = re.findall(r"^ *```(\w*).*?\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)

    assert [body for language, body in fences if language != "console" and re.search(r"^ *\$ ", body, re.MULTILINE)] == []


# --- the rules themselves: a page that says something else than what happens is found ------------------------------------

VALID = "billing.yaml is valid (environments checked: local, sandbox, production)."
EDIT = "```diff\n-    name: Nova Demo Customer\n+    name: Nova\n```\n"
ONE, OTHER = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


def block(text: str) -> str:
    return f"```console\n{text}\n```\n"


def follow(page: str, folder: Path) -> None:
    with Terminal(folder, page) as terminal:
        terminal.follow()


TRUE = {
    "the whole output": block(f"$ nova-iac validate\n{VALID}"),
    "any lines": block("$ nova-iac plan\n…\nPlan: 8 to create, 0 to update, 0 to replace, 0 to schedule, 0 to archive. 6 calls."),
    "any text in a line": block("$ nova-iac validate\nbilling.yaml is valid (… production)."),
    "nothing shown": block("$ nova-iac validate"),
    "another exit code, shown": block("$ nova-iac show customer.nobody\n…\n$ echo $?\n1"),
    "a pipe, a redirection, a folder": block("$ mkdir a && cd a\n$ nova-iac schema | wc -l > lines\n$ ls\nlines"),
    "a line that goes on": block("$ cat <<END\n> hello\n> END\nhello"),
    "what is exported": block(
        "$ export NOVA_ENV=local\n$ nova-iac validate\nbilling.yaml is valid (environments checked: local)."
    ),
    "an answer": block("$ nova-iac apply\n…\n> yes\n…\nApply complete: 8 created, …"),
    "an id that comes back": f"```text id\n{OTHER}\n```\n" + block(f"$ cat id\n{ONE}\n$ grep -c {ONE} id\n1"),
    "an edit": EDIT + block("$ grep Nova$ billing.yaml\n    name: Nova"),
}
FALSE = {
    "another line": block("$ nova-iac validate\nbilling.yaml is valid."),
    "a line too few": block("$ nova-iac plan\nEnvironment: local"),
    "a line too many": block(f"$ nova-iac validate\n{VALID}\nDone."),
    "any lines, but not these": block("$ nova-iac plan\n…\nNo changes."),
    "a command that fails": block("$ nova-iac show customer.nobody"),
    "a pipe that fails": block("$ cat billing.yaml | grep nothing"),
    "a command that does not fail": block("$ nova-iac validate\n$ echo $?\n1"),
    "no such command": block("$ nova-iac aply"),
    "no answer": block("$ nova-iac apply\n…\nApply complete: 8 created, …"),
    "two ids for one": f"```text ids\n{OTHER}\n{ONE}\n```\n" + block(f"$ cat ids\n{ONE}\n{ONE}"),
    "an edit of a line that isn't there": EDIT + EDIT,
}


@pytest.mark.parametrize("page", list(TRUE.values()), ids=list(TRUE))
def test_a_page_that_is_right_is_followed(page: str, tmp_path: Path) -> None:
    """Each of the rules of ``consoles``."""
    follow(page, tmp_path)


@pytest.mark.parametrize("page", list(FALSE.values()), ids=list(FALSE))
def test_a_page_that_is_wrong_is_found(page: str, tmp_path: Path) -> None:
    """No rule lets a page say what isn't so."""
    with pytest.raises(Mismatch):
        follow(page, tmp_path)
