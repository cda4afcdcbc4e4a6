"""The loader: text to nodes, with places, and what of YAML is refused."""

from __future__ import annotations

import gc
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from spec_kit import brief, plain

from nova_iac.spec.loader import PureParser, load_bytes, load_file
from nova_iac.spec.nodes import Mapping, Node


def read(text: str | bytes, **options: Any) -> Node | None:
    """The tree of a text that has nothing wrong with it."""
    loaded = load_bytes(text if isinstance(text, bytes) else text.encode(), "f", **options)
    assert loaded.diagnostics == ()
    assert loaded.complete
    return loaded.root


PARSERS = [pytest.param({}, id="fastest"), pytest.param({"parser": PureParser}, id="pure")]


@pytest.mark.parametrize("options", PARSERS)
@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("0015500", "0015500"),
        ("0.10", "0.10"),
        ("no", "no"),
        ("12:30", "12:30"),
        ("2025-09-01", "2025-09-01"),
        ("1e3", "1e3"),
        ("0x1F", "0x1F"),
        ("~", "~"),
        ("", ""),
        ("$0.02", "$0.02"),
        ("a # comment", "a"),
        ("a\n  b", "a b"),
        ("'no'", ("no",)),
        ('"a\\u00e9\\n"', ("aé\n",)),
        ("|\n  two\n  lines", ("two\nlines",)),
        (">\n  one\n  line", ("one line",)),
        ("! 12", ("12",)),
        ("!!str 12", ("12",)),
        ("!<tag:yaml.org,2002:str> 12", ("12",)),
        ("!!seq [1]", ["1"]),
        ("!!map {b: 1}", {"b": "1"}),
        ("! {b: 1}", {"b": "1"}),
    ],
)
def test_a_scalar_stays_the_text_that_was_written(written: str, text: Any, options: dict[str, Any]) -> None:
    """No scalar is interpreted; quotes and harmless tags only make it text for certain."""
    assert plain(read(f"a: {written}", **options)) == {"a": text}


@pytest.mark.parametrize("options", PARSERS)
@pytest.mark.parametrize("key", ["12", "true", "no", "2025-09-01", "'null'", "a b", "0015500", "é"])
def test_a_key_is_text(key: str, options: dict[str, Any]) -> None:
    """Whatever a key looks like, it is the text that was written."""
    assert plain(read(f"{key}: 1", **options)) == {key.strip("'"): "1"}


@pytest.mark.parametrize("options", PARSERS)
@pytest.mark.parametrize("start", ["", "\ufeff", "---\n", "# comment\n\n", "%YAML 1.2\n---\n", "\r\n"])
def test_ways_to_begin_a_file(start: str, options: dict[str, Any]) -> None:
    """A byte order mark, a document start, comments and a directive change nothing."""
    assert plain(read(f"{start}a: 1\r\nb: [x]\n", **options)) == {"a": "1", "b": ["x"]}


@pytest.mark.parametrize("options", PARSERS)
def test_places(options: dict[str, Any]) -> None:
    """Lines and columns count from 1, columns in characters, and keys have places of their own."""
    root = read("é: ü\nlist:\n  - x\n  - {k: 'v'}\nempty:\n", **options)

    assert isinstance(root, Mapping)
    nodes: dict[str, Any] = root.entries
    assert {name: (key.line, key.column) for name, key in root.keys.items()} == {"é": (1, 1), "list": (2, 1), "empty": (5, 1)}
    assert (nodes["é"].line, nodes["é"].column, nodes["é"].file) == (1, 4, "f")
    assert (nodes["list"].line, nodes["list"].column) == (3, 3)
    assert (nodes["list"].items[1].entries["k"].line, nodes["list"].items[1].entries["k"].column) == (4, 9)
    assert (nodes["empty"].line, nodes["empty"].column) == (5, 7)


@pytest.mark.parametrize("options", PARSERS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x {p: 1}\nb: *x", {"a": {"p": "1"}, "b": {"p": "1"}}),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}", {"a": {"p": "1", "q": "2"}, "b": {"q": "3", "p": "1"}}),
        ("a: {q: 3, <<: {p: 1, q: 2}}", {"a": {"q": "3", "p": "1"}}),
        ("a: {<<: [{p: 1}, {p: 2, q: 2}]}", {"a": {"p": "1", "q": "2"}}),
        (
            "a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nc: {<<: *y}",
            {"a": {"p": "1"}, "b": {"q": "2", "p": "1"}, "c": {"q": "2", "p": "1"}},
        ),
        ("a: {<<: {<<: {p: 1}, q: 2}}", {"a": {"q": "2", "p": "1"}}),
        ("a: {'<<': 1}", {"a": {"<<": "1"}}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": "1", "b": "2", "c": "2"}),
    ],
)
def test_anchors_and_merges(text: str, expected: Any, options: dict[str, Any]) -> None:
    """Aliases stand for their anchors; merged keys come last and lose against a mapping's own, then against earlier sources."""
    assert plain(read(text, **options)) == expected


@pytest.mark.parametrize("options", PARSERS)
@pytest.mark.parametrize(
    ("text", "expected", "left"),
    [
        ("", ["1:1 NV102"], None),
        ("# only a comment", ["1:1 NV102"], None),
        ("--- ~", ["1:1 NV102"], None),
        ("text", ["1:1 NV130"], None),
        ("[a]", ["1:1 NV130"], None),
        ("a: 1\na: 2\nb: 3", ["2:1 NV105"], {"a": "1", "b": "3"}),
        ("a: 1\n'a': 2", ["2:1 NV105"], {"a": "1"}),
        ("a: {b: 1, c: {d: 1, d: {e: 2}}, b: [3]}", ["1:21 NV105", "1:33 NV105"], {"a": {"b": "1", "c": {"d": "1"}}}),
        ("a: {<<: {b: 1}, <<: {c: 1}}", ["1:17 NV105"], {"a": {"b": "1"}}),
        ("? [a, b]\n: 1\nc: 2", ["1:3 NV106"], {"c": "2"}),
        ("? {a: b}\n: {x: 1}\nc: 2", ["1:3 NV106"], {"c": "2"}),
        ("null: 1\n~: 2\nb: 3", ["1:1 NV106", "2:1 NV106"], {"b": "3"}),
        ("a: &k x\n*k : 2\nb: 3", ["1:4 NV106"], {"a": "x", "b": "3"}),
        ("a: !!python/object/apply:os.system [x]", ["1:4 NV107"], {"a": ["x"]}),
        ("a: !!int 1\nb: !foo x\nc: !!map x\nd: !!str [x]", ["1:4 NV107", "2:4 NV107", "3:4 NV107", "4:4 NV107"], None),
        ("a: *b\nc: 1", ["1:4 NV108"], {"a": ("",), "c": "1"}),
        ("a: &x [1, *x]\nb: 2", ["1:11 NV108"], {"a": ["1", ("",)], "b": "2"}),
        ("a: &x {<<: *x, b: 1}", ["1:12 NV108"], {"a": {"b": "1"}}),
        ("a: {<<: 1}", ["1:5 NV110"], {"a": {}}),
        ("a: {<<: }", ["1:5 NV110"], {"a": {}}),
        ("a: {<<: [{b: 1}, [c]]}", ["1:5 NV110"], {"a": {"b": "1"}}),
        ("a: 1\n---\nb: 2", ["2:1 NV113"], {"a": "1"}),
        ("a: 1\n...\n---\nb: 2", ["3:1 NV113"], {"a": "1"}),
        ("a: 1\nb: @c\nd: 2", ["2:4 NV103"], {"a": "1"}),
        ("a: 1\nb: c: d", ["2:5 NV103"], {"a": "1", "b": "c"}),
        ("a: 1\nb: [c, d", ["2:4 NV103"], {"a": "1", "b": ["c", "d"]}),
        ("a: 1\nb: 'c\nd: 2\n", ["2:4 NV103"], {"a": "1"}),
        ("a: 1\nb:\n\tc: 2", ["3:1 NV104"], {"a": "1"}),
        ("a:\n  b: 1\n \tc: 2", ["3:2 NV104"], None),
        ("%YAML 3.0\n---\na: 1", ["1:1 NV103"], None),
        ("\u2028a: 1\nb: @", ["3:4 NV103"], {"a": "1"}),
        (b"a: 1\nb: \xff", ["2:4 NV101"], None),
        (b"a: 1\nb: \0", ["2:4 NV101"], None),
        (b"\x7fELF\x02\x01\x01\0\0", ["1:1 NV101"], None),
        ("a: 1\nbb: \x1b[31m", ["2:5 NV101"], None),
        ("a: 1".encode("utf-16"), ["1:1 NV101"], None),
        ("a: 1".encode("utf-16-be"), ["1:1 NV101"], None),
    ],
)
def test_what_is_refused(text: str | bytes, expected: list[str], left: Any, options: dict[str, Any]) -> None:
    """Each offence has its place and code, and what stood around it is kept."""
    loaded = load_bytes(text if isinstance(text, bytes) else text.encode(), "f", **options)

    assert brief(loaded.diagnostics) == expected
    if left is not None:
        assert plain(loaded.root) == left


def test_a_second_key_names_the_first() -> None:
    """A duplicate key is told with both places."""
    (found,) = load_bytes(b"a: 1\nb:\n  c: 1\n  c: 2\n", "some/file.yaml").diagnostics

    assert "some/file.yaml:3:3" in found.detail
    assert str(found.location) == "some/file.yaml:4:3"


def _bomb(levels: int) -> str:
    names = "abcdefghijklmnopqrstuvwxyz"[:levels]
    steps = [f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in pairwise(names)]
    return "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(steps)


_MANY_KEYS = ", ".join(f"k{i}: 1" for i in range(1000))
_DEEP = "".join(f"a{i}: &a{i} [[[[[{f'*a{i - 1}' if i else 'x'}]]]]]\n" for i in range(50))
_DIRECTIVES = "".join(f"%TAG !t{i}! tag:x,2000:{i}\n" for i in range(100_000)) + "---\na: 1"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(_bomb(9), "NV109", id="alias bomb"),
        pytest.param(_bomb(26), "NV109", id="alias bomb of 10^26"),
        pytest.param(
            f"a: &a {{{', '.join(f'k{i}: 1' for i in range(1000))}}}\nb:\n" + "  - {<<: *a}\n" * 10_000, "NV109", id="merge bomb"
        ),
        pytest.param("a: " + "[" * 20_000, "NV111", id="20,000 lists"),
        pytest.param("a: " + "[" * 20_000 + "]" * 20_000, "NV111", id="20,000 closed lists"),
        pytest.param("{a: " * 20_000, "NV111", id="20,000 mappings"),
        pytest.param("- " * 20_000, "NV111", id="20,000 dashes"),
        pytest.param("? " * 20_000, "NV111", id="20,000 complex keys"),
        pytest.param("\n".join(" " * depth + "a:" for depth in range(2000)), "NV111", id="2,000 indentations"),
        pytest.param(
            "".join(f"a{i}: &a{i} [[[[[{'*a' + str(i - 1) if i else 'x'}]]]]]\n" for i in range(50)),
            "NV111",
            id="deep by aliases",
        ),
        pytest.param("a: " + "x" * 50_000_000, "NV112", id="50 MB scalar"),
        pytest.param('a: "' + "x" * 50_000_000 + '"', "NV112", id="50 MB quoted"),
        pytest.param('a: "' + "x" * 50_000_000, "NV103", id="50 MB unclosed"),
        pytest.param("a: |\n" + " x\n" * 15_000_000, "NV112", id="50 MB block"),
        pytest.param("a: 1\n" + "x" * 2_000_000 + ": 1", "NV103", id="2 MB key"),
        pytest.param("a: '" + "é" * 600_000 + "'", "NV112", id="bytes count, not characters"),
        pytest.param(_DIRECTIVES, "NV107", id="100,000 directives"),
        pytest.param("".join(f"k: *a{i}\n" for i in range(5_000)), "NV108", id="5,000 unknown aliases"),
    ],
)
def test_bounds(text: str, code: str) -> None:
    """Whatever is sent, reading ends with a message: no recursion, no expansion."""
    loaded = load_bytes(text.encode(), "f")

    assert code in {found.code for found in loaded.diagnostics}
    assert all(found.location is not None for found in loaded.diagnostics)


def test_what_is_within_the_bounds() -> None:
    """64 levels, a scalar of 1 MiB and 100,000 nodes by aliases are allowed."""
    read("a: " + "[" * 63 + "]" * 63)
    read("a: '" + "x" * 1024 * 1024 + "'")
    read("a: &a [" + "x, " * 99 + "x]\nb: [" + "*a, " * 990 + "]")
    rows = "\n".join(f"  r{i}: [x, y, z]" for i in range(5000))
    read(f"a: &a\n{rows}\nb: [*a, *a, *a, *a, *a, *a, *a, *a]")


@pytest.mark.parametrize("options", PARSERS)
def test_growth_beyond_tenfold(options: dict[str, Any]) -> None:
    """Where 100,000 nodes are exceeded, tenfold is the limit, and the message points at the largest alias."""
    rows = "\n".join(f"  r{i}: [x, y, z]" for i in range(5000))
    loaded = load_bytes(f"a: &a\n{rows}\nb: [{', '.join(['*a'] * 10)}]".encode(), "f", **options)

    assert brief(loaded.diagnostics) == ["5002:5 NV109"]
    assert loaded.root is None


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder, an unreadable path and a pipe are told, and nothing waits for a pipe's end."""
    os.mkfifo(tmp_path / "pipe")
    bad_names = [tmp_path / "a\0b", tmp_path / ("x" * 5000)]
    for path in [tmp_path / "none.yaml", tmp_path, tmp_path / "pipe", Path("/dev/zero"), *bad_names]:
        loaded = load_file(path, "shown.yaml")

        assert brief(loaded.diagnostics) == ["1:1 NV100"]
        assert loaded.diagnostics[0].detail.startswith("shown.yaml ")


def test_garbage_collection_is_as_before() -> None:
    """The collector is paused while a tree is built and afterwards runs, or not, as before."""
    during: list[bool] = []

    class Watched(PureParser):
        def get_event(self) -> Any:
            during.append(gc.isenabled())
            return super().get_event()

    load_bytes(b"a: 1", "f", Watched)
    assert gc.isenabled()
    assert set(during) == {False}
    gc.disable()
    try:
        load_bytes(b"a: @", "f")
        assert not gc.isenabled()
    finally:
        gc.enable()
