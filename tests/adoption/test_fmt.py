"""``fmt``: one layout for all, comments and values as they were written, and a second run that changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import EXAMPLE, ROOT, Project

from nova_iac.errors import SpecError
from nova_iac.spec import digest, load_spec
from nova_iac.spec.format import CantFormat, format_text
from nova_iac.spec.insert import meaning
from nova_iac.spec.loader import load_bytes
from nova_iac.spec.written import read_written

MESSY = """\
version:   1
default_environment:    local
environments:
    # the local one
    local:   { emulator: true }   # embedded


    sandbox: {token_env: X,
       base_url: "https://a.b/c"}   # two
x-a: &rates
- starting_at: 2025-01-01
  price:   $1   \t
# next
products:

  a:
     name: >-
        one
        two

     type: USAGE
     tags: [ a,b ,
        c ] # three
     # inside of a
  # b:
  #   name: x
customers: # who
    # about acme

    acme:
        name: "Acme
           Corp"
        contracts: {payg: {rate_card: x, # which
            starting_at: 2025-01-01}}

# last
"""

NEAT = """\
version: 1
default_environment: local

environments:
  # the local one
  local: {emulator: true}         # embedded

  sandbox: {token_env: X, base_url: "https://a.b/c"}  # two

x-a: &rates
  - starting_at: 2025-01-01
    price: $1

# next
products:
  a:
    name: >-
      one
      two

    type: USAGE
    tags: [a, b, c]  # three
    # inside of a
  # b:
  #   name: x

customers:  # who
  # about acme

  acme:
    name: "Acme
      Corp"
    contracts: {
      payg: {
        rate_card: x,                    # which
        starting_at: 2025-01-01,
      },
    }

# last
"""


def test_a_messy_file() -> None:
    """Indentation, blanks, braces over several lines, comments above, behind and between: exactly this."""
    assert format_text(MESSY.encode(), "f") == NEAT
    assert format_text(NEAT.encode(), "f") == NEAT


_WORDS = "a: 0015500\nb: 1_000\nc: no\nd: 12:30\ne: ~\nf:\n"
_LONG = f"a: [{', '.join('x' * 9 for _ in range(12))}]\n"
CASES = {
    "windows": ("\ufeffa: 1\r\nb:\r\n  - x   # c\r\n", "a: 1\n\nb:\n  - x   # c\n"),
    "no newline at the end": ("a: 1", "a: 1\n"),
    "blank lines": ("\n\na: 1\n\n\n\nb:\n\n  c: 2\n\n\n  d: 3\n\n", "a: 1\n\nb:\n  c: 2\n\n  d: 3\n"),
    "lists": ("a:\n- 1\n-   b: 2\n    c: 3\n- - x\n  -   y\n", "a:\n  - 1\n  - b: 2\n    c: 3\n  - - x\n    - y\n"),
    "words that other readers change": (_WORDS, _WORDS),
    "quotes stay": ("a:   'it''s'\nb: \"x\\ty\"\n\"c\" : d\n", "a: 'it''s'\nb: \"x\\ty\"\n\"c\": d\n"),
    "anchors and merges": (
        "a: &x {p: 1}\nb:\n    <<: *x   # all\n    c:   *x\n", "a: &x {p: 1}\n\nb:\n  <<: *x     # all\n  c: *x\n",
    ),
    "an anchored block": ("a: &x   # why\n    b: 1\nc:\n- &y\n  d: 2\n", "a: &x   # why\n  b: 1\n\nc:\n  - &y\n    d: 2\n"),
    "block scalars": (
        "a: |2-  # head\n     two more\n   one\n\nb:\n    c: >+\n       kept\n\n\n    d: 1\n",
        "a: |2-  # head\n     two more\n   one\n\nb:\n  c: >+\n    kept\n\n\n  d: 1\n",
    ),
    "a comment before its value": ("a:\n  # why\n  value\n", "# why\na: value\n"),
    "commented-out parts": (
        "a:\n    - b: 1\n    # - b: 2\n    #   c: 3\n# d: 1\ne: 2\n", "a:\n  - b: 1\n  # - b: 2\n  #   c: 3\n\n# d: 1\ne: 2\n",
    ),
    "comments in braces": ("a: [1, # one\n  2,\n  # three\n  3]\n", "a: [\n  1,   # one\n  2,\n  # three\n  3,\n]\n"),
    "a hash that is no comment": ("a: x#y\nb: '#'\nc: \"# d\" # e\n", "a: x#y\nb: '#'\nc: \"# d\"  # e\n"),
    "a document's start": ("# top\n--- \na:   1\n", "# top\n---\na: 1\n"),
    "empty collections": ("a:   {}\nb: [ ]\n", "a: {}\nb: []\n"),
    "a long line": (_LONG, _LONG),
    "braces too long for a line": (
        "a: {b: " + "x" * 60 + ",\n  c: " + "y" * 60 + "}\n", "a: {\n  b: " + "x" * 60 + ",\n  c: " + "y" * 60 + ",\n}\n",
    ),
    "empty values": ("a: {b: , c}\nd:   # e\nf: 1\n", "a: {b: , c: }\nd:   # e\nf: 1\n"),
    "an explicit key": ("? a\n: b\n", "a: b\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_layout(name: str) -> None:
    """Each odd form has one layout, which a second run leaves."""
    before, after = CASES[name]

    assert format_text(before.encode(), "f") == after
    assert format_text(after.encode(), "f") == after


@pytest.mark.parametrize("path", [ROOT / "billing.yaml", ROOT / "nova_iac" / "cli" / "starter.yaml"], ids=lambda path: path.name)
def test_our_own_specs_are_laid_out(path: Path) -> None:
    """The example and the starter are as fmt would have them."""
    assert format_text(path.read_bytes(), path.name) == path.read_text(encoding="utf-8")


def test_what_cant_be_read_is_explained() -> None:
    """A syntax error has its place; directives and keys that aren't text are left to their owner."""
    with pytest.raises(SpecError) as broken:
        format_text(b"a: [1\nb: 2\n", "billing.yaml")
    assert broken.value.diagnostics[0].location is not None
    for text in (b"%YAML 1.2\n---\na: 1\n", b"? [a]\n: 1\n", b"a: 1\n...\n"):
        with pytest.raises(CantFormat):
            format_text(text, "billing.yaml")


# --- laws -----------------------------------------------------------------------------------------------------------------

_words = st.sampled_from(
    ["a", "b1", "two words", "0015500", "no", "$0.02", "2025-09-01", "'it''s'", '"q # q"', "x#y", "é𝄞", "~", '"a\\\n  b"']
)
_keys = st.sampled_from(["name", "k", "key two", '"q"', "rates", "x-y"])
_comments = st.none() | st.sampled_from(["# one", "#two", "# - commented: {out}", "#"])
_rows = st.sampled_from(["text", "  deeper", "", "# no comment"])
_nodes: Any = st.deferred(
    lambda: st.one_of(
        _words,
        st.lists(_words, max_size=3).map(lambda parts: ("flow", parts)),
        st.lists(st.tuples(_comments, _nodes, _comments), min_size=1, max_size=3).map(lambda parts: ("list", parts)),
        st.lists(st.tuples(_comments, _keys, _nodes, _comments), min_size=1, max_size=3, unique_by=lambda part: part[1]).map(
            lambda parts: ("map", parts)
        ),
        st.tuples(st.sampled_from(["|", ">-", "|+"]), st.lists(_rows, min_size=1, max_size=4)).map(lambda part: ("block", part)),
    )
)  # fmt: skip


class _Messy:
    """Writes drawn data in a layout drawn with it."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def _any(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def document(self, parts: Any) -> str:
        return "\n".join(self._map(parts, 0)) + self._any("\n", "\n\n", "")

    def _note(self, comment: str | None, indent: int) -> list[str]:
        return [] if comment is None else [" " * self._any(indent, indent, 0, indent + 3) + comment]

    def _behind(self, line: str, comment: str | None) -> str:
        return line if comment is None else f"{line}{self._any(' ', '   ', '      ')}{comment}"

    def _map(self, parts: Any, indent: int) -> list[str]:
        lines: list[str] = []
        for above, key, node, behind in parts:
            lines += self._any([], [], [""]) + self._note(above, indent)
            lines += self._value(" " * indent + key + ":", node, indent, behind)
        return lines

    def _list(self, parts: Any, indent: int) -> list[str]:
        lines: list[str] = []
        for above, node, behind in parts:
            lines += self._note(above, indent) + self._value(" " * indent + "-", node, indent, behind)
        return lines

    def _value(self, head: str, node: Any, indent: int, behind: str | None) -> list[str]:
        space = self._any(" ", "  ")
        if isinstance(node, str):
            return self._behind(f"{head}{space}{node}", behind).split("\n")
        form, parts = node
        deeper = indent + self._any(2, 2, 3, 4)
        if form == "flow":
            gap = self._any(", ", " ,", f",\n{' ' * deeper}")
            return self._behind(f"{head}{space}[{gap.join(part for part in parts if '#' not in part)}]", behind).split("\n")
        if form == "block":
            sign, rows = parts
            return [self._behind(f"{head}{space}{sign}", behind), *(" " * deeper + row if row else "" for row in ["text", *rows])]
        inside = self._map(parts, deeper) if form == "map" else self._list(parts, deeper)
        return [self._behind(head, behind), *inside]


@st.composite
def messy_files(draw: Any) -> str:
    """A file with comments everywhere and no two parts laid out alike."""
    parts = draw(st.lists(st.tuples(_comments, _keys, _nodes, _comments), min_size=1, max_size=4, unique_by=lambda part: part[1]))
    return _Messy(draw).document(parts)


def comments_of(text: str) -> Sequence[str]:
    """All comments of a text, sorted."""
    return sorted(comment.text for comment in read_written(text).comments)


@given(messy_files())
@settings(max_examples=300, deadline=None)
def test_meaning_and_comments_survive(text: str) -> None:
    """Any layout: the same data, the same comments, no blanks at ends of lines, and a second run changes nothing."""
    before = load_bytes(text.encode(), "f")
    assume(before.root is not None and before.complete and not before.diagnostics)
    assert before.root is not None

    done = format_text(text.encode(), "f")

    after = load_bytes(done.encode(), "f")
    assert after.root is not None
    assert meaning(after.root) == meaning(before.root)
    assert comments_of(done) == comments_of(text)
    assert format_text(done.encode(), "f") == done
    assert not any(line != line.rstrip() for line in done.splitlines() if '"' not in line)


_bits = st.lists(
    st.sampled_from([
        "a", "b: ", "c:\n", "- ", "[", "]", "{", "}", ", ", "# d", " # e\n", "\n", "\n  ", "\n    ", "'", '"', "|\n  ", ">+\n   ",
        "&x ", "*x", "? ", "<<: *x\n", "---\n", "\t", "\r\n", "\x85", "\u2028", "é", "!!str ",
    ]),
    max_size=30,
).map("".join)  # fmt: skip


@given(_bits)
@settings(max_examples=400, deadline=None)
def test_any_text_is_laid_out_or_refused(text: str) -> None:
    """Whatever is written, nothing else is raised, and what comes out says the same twice."""
    try:
        done = format_text(text.encode(), "f")
    except (SpecError, CantFormat):
        return

    assert format_text(done.encode(), "f") == done


# --- the command ----------------------------------------------------------------------------------------------------------


def test_the_spec_and_its_includes(tmp_path: Path) -> None:
    """Without files the spec and all that it includes; what changed is listed; a spec's digest stays what it was."""
    project = Project(tmp_path, EXAMPLE)
    catalog, _, customers = EXAMPLE.partition("customers:\n")
    (tmp_path / "people").mkdir()
    people = tmp_path / "people" / "all.yaml"
    people.write_text("customers:\n" + customers.replace("  ", "    "))
    project.spec.write_text("include:   [people/*.yaml]\n" + catalog)
    before = digest(load_spec(project.spec, None))

    checked = project.run("fmt", "--check")
    done = project.ok("fmt")

    assert (checked.code, checked.out) == (1, "billing.yaml\npeople/all.yaml\n")
    assert done.out == checked.out
    assert people.read_text() == "customers:\n" + customers
    assert digest(load_spec(project.spec, None)) == before
    assert (project.ok("fmt").out, project.ok("fmt", "--check").out) == ("", "")
    assert project.requests() == []


def test_named_files_only(tmp_path: Path) -> None:
    """With files just those, whatever they are included by; others keep their bytes."""
    project = Project(tmp_path, "version:   1\n")
    (tmp_path / "a.yaml").write_text("customers:   {}\n")

    assert project.ok("fmt", "a.yaml").out == "a.yaml\n"
    assert (tmp_path / "a.yaml").read_text() == "customers: {}\n"
    assert project.spec.read_text() == "version:   1\n"


def test_one_broken_file_doesnt_stop_the_others(tmp_path: Path) -> None:
    """Each problem is told with its place, the rest is formatted, the exit code is 1."""
    project = Project(tmp_path, "version:   1\n")
    (tmp_path / "broken.yaml").write_text("a: [1\nb: 2\n")
    (tmp_path / "odd.yaml").write_text("%YAML 1.2\n---\na: 1\n")

    result = project.run("fmt", "broken.yaml", "missing.yaml", "odd.yaml", "billing.yaml")

    assert (result.code, result.out) == (1, "billing.yaml\n")
    assert "broken.yaml:2:2: error[NV103]" in result.err
    assert "Error: missing.yaml: No such file or directory." in result.err
    assert "Error: odd.yaml is left as it is: it has a % directive; take that out." in result.err
    assert (tmp_path / "broken.yaml").read_text() == "a: [1\nb: 2\n"


def test_a_broken_include_is_told(tmp_path: Path) -> None:
    """An included file that can't be read isn't passed over."""
    project = Project(tmp_path, "version: 1\ninclude: [gone.yaml, broken.yaml]\n")
    (tmp_path / "broken.yaml").write_text("customers: {a: \n")

    result = project.run("fmt")

    assert result.code == 1
    assert "broken.yaml" in result.err


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """A spec that is a symbolic link is formatted where it is."""
    project = Project(tmp_path, "version: 1\n")
    (tmp_path / "real.yaml").write_text("customers:   {}\n")
    (tmp_path / "link.yaml").symlink_to("real.yaml")

    project.ok("fmt", "link.yaml")

    assert (tmp_path / "link.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_text() == "customers: {}\n"
