"""Laws of the spec layer that hold for any input."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_kit import HEAD, plain, problems_of

from nova_iac.errors import Severity
from nova_iac.render.diagnostics import as_data, as_text
from nova_iac.spec import with_sources
from nova_iac.spec.faults import LINE_BREAK
from nova_iac.spec.loader import PureParser, load_bytes
from nova_iac.spec.nodes import Mapping, Node, Scalar, Sequence

_BITS = (
    *("a", "b", "name", "type", "products", "version", "environments", "include", "set", "<<", "x-a", "12", "$1", "null", "~"),
    *(": ", ":", "- ", "? ", ", ", "[", "]", "{", "}", "&a ", "*a", "!!str ", "!foo ", "'", '"', "|", ">"),
    *("#", "@", "%", "---", "..."),
    *("\n", "\n  ", "\n    ", "\t", "\r\n", "\x85", "\u2028", "\0", "\ufeff", "é", "𝄞", "\\u12", " "),
)
yamlish = st.lists(st.sampled_from(_BITS), max_size=40).map("".join)
_letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"))


def _nodes(node: Node | None) -> list[Node]:
    found: list[Node] = []
    waiting = [node] if node is not None else []
    while waiting:
        part = waiting.pop()
        if not any(part is known for known in found):
            found.append(part)
            if isinstance(part, Mapping):
                waiting.extend(part.entries.values())
            elif isinstance(part, Sequence):
                waiting.extend(part.items)
    return found


@given(st.binary(max_size=200) | yamlish.map(lambda text: text.encode()))
@settings(max_examples=400, deadline=None)
def test_any_bytes_give_a_tree_or_a_positioned_reason(raw: bytes) -> None:
    """Whatever bytes come, nothing is raised; without a tree there is an error, and every problem has a place."""
    loaded = load_bytes(raw, "f")

    assert loaded.root is not None or any(found.severity is Severity.ERROR for found in loaded.diagnostics)
    assert all(found.location and found.location.line >= 1 and found.location.column >= 1 for found in loaded.diagnostics)
    assert loaded.complete or loaded.diagnostics


@given(yamlish)
@settings(max_examples=200, deadline=None)
def test_both_parsers_agree(text: str) -> None:
    """PyYAML's own parser, for installations without libyaml, leads to the same tree where both take the text."""
    fast, pure = load_bytes(text.encode(), "f"), load_bytes(text.encode(), "f", PureParser)

    if not fast.diagnostics and not pure.diagnostics and "\ufeff" not in text:
        assert plain(fast.root) == plain(pure.root)


@given(yamlish, st.sampled_from(["", HEAD, "version: 1\nenvironments: ", f"{HEAD}products:\n  a: "]))
@settings(max_examples=300, deadline=None)
def test_any_text_as_a_spec_is_explained(text: str, head: str) -> None:
    """A spec of any text loads or is refused with diagnostics that can be shown."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "billing.yaml")
        path.write_bytes((head + text).encode())
        found = with_sources(problems_of(path))

    assert as_text(found, color=True).endswith("\n") or not found
    assert as_data(found)["valid"] == all(diagnostic.severity is Severity.WARNING for diagnostic in found)


_texts = st.dictionaries(st.text(_letters, min_size=1, max_size=12), st.text(_letters | st.just("\n"), max_size=30), max_size=6)


@given(_texts, st.sampled_from(["'", '"', "|", None]), st.integers(10, 1000))
@settings(max_examples=200, deadline=None)
def test_written_text_comes_back(data: dict[str, str], style: str | None, width: int) -> None:
    """Texts that a YAML writer wrote, in any style, are read as they were."""
    raw = yaml.dump(data, encoding="utf-8", allow_unicode=True, default_style=style, width=width, sort_keys=False)
    loaded = load_bytes(raw, "f")

    if data:
        assert loaded.diagnostics == ()
        assert isinstance(loaded.root, Mapping)
        assert {name: part.text for name, part in loaded.root.entries.items() if isinstance(part, Scalar)} == data


@given(yamlish)
@settings(max_examples=300, deadline=None)
def test_places_point_at_the_text(text: str) -> None:
    """Where a plain scalar on one line is said to stand, there it stands."""
    lines = LINE_BREAK.split(text.removeprefix("\ufeff"))
    if "\ufeff" in text[1:]:
        return
    for node in _nodes(load_bytes(text.encode(), "f").root):
        assert node.file == "f"
        if isinstance(node, Scalar) and node.plain and " " not in node.text and node.text:
            line = lines[node.line - 1][node.column - 1 :]
            anchored = line.startswith(("&", "!"))
            assert anchored or line.startswith(node.text[:1])


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.text("x'\"#\\ $=n", max_size=8)), max_size=6))
def test_any_dotenv_gives_settings(pairs: list[tuple[str, str]]) -> None:
    """A .env file of any content gives settings, never an error."""
    from nova_iac.spec import read_dotenv

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, ".env")
        path.write_text(os.linesep.join(f"{name}={value}" for name, value in pairs), encoding="utf-8")

        assert set(read_dotenv(path)) <= {name for name, _ in pairs}
