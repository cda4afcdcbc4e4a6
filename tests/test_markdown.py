"""Markdown as GitHub would render it: its structure holds, and whatever a spec says stays text.

Mentions, references and links that GitHub makes of plain text come after Markdown and spare code, so nothing that could be one
may stand outside of code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from faulty import Fault, bad_line
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support import Project
from test_cases import CASES

from nova_iac.plan.change import Change, Drift, FieldChange, GuardHit, Plan, PlanOptions
from nova_iac.render.diagnostics import visible
from nova_iac.render.drift import as_markdown
from nova_iac.render.markdown import plan_markdown
from nova_iac.render.markup import BUDGET, Section, code, fit, prose
from nova_iac.resource import Action, Address

PAGES = sorted(str(path.relative_to(CASES)) for path in CASES.glob("*/*.md"))
TAGS = frozenset(
    ("blockquote", "br", "code", "details", "h3", "h4", "li", "ol", "p", "pre", "strong", "sub", "summary", "table", "tbody",
     "td", "th", "thead", "tr", "ul")
)  # fmt: skip
ALIVE = re.compile(r"(?<!\w)@\w|#\d|\bGH-\d|https?://|\bwww\.|\w@\w|\$\S")
"""What GitHub makes links, mentions or formulas of."""

SOURCE = re.compile(r"```|\*\*|\|--|</?\w+>|\]\(")
"""Markdown that wasn't taken as such."""

FENCED = re.compile(r"(`{3,})\w*\n.*?\n\1", re.DOTALL)


@dataclass
class Element:
    """An element of a page with its texts and children, in their order."""

    tag: str
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text inside."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def all(self, tag: str) -> Iterator[Element]:
        """Every element of a tag inside, in order."""
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag:
                    yield child
                yield from child.all(tag)

    def prose(self) -> Iterator[str]:
        """Every text outside of code; a comment inside of a text parts it."""
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag != "code":
                yield from child.prose()


class Page(HTMLParser):
    """A page as a tree. Fails for what a browser would have to mend."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Element("page")
        self._open = [self.root]
        self.feed(html)
        self.close()
        assert len(self._open) == 1, f"never closed: {[one.tag for one in self._open[1:]]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, f"<{tag}> was not ours"
        assert {name for name, _ in attrs} <= {"style", "class", "start"}, attrs
        element = Element(tag)
        self._open[-1].children.append(element)
        if tag != "br":
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def rendered(markdown: str) -> Element:
    """Markdown with GitHub's tables, as HTML, as a tree."""
    return Page(MarkdownIt("commonmark").enable("table").render(markdown)).root


def assert_sound(markdown: str) -> Element:
    """The page of a Markdown text, when nothing in it went wrong."""
    page = rendered(markdown)
    for text in page.prose():
        assert not ALIVE.search(text), text
        assert not SOURCE.search(text), text
    written = list(tables(markdown))
    assert [len(list(table.all("tr"))) for table in page.all("table")] == [len(lines) - 1 for lines in written]
    for lines in written:
        # A renderer drops cells that are too many, and adds those that are missing: the source tells.
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, lines
    # Two spans that touch are read as one.
    assert "``" not in re.sub("^<(details>|!--).*$", "", FENCED.sub("", markdown), flags=re.MULTILINE)
    # Code in tags is still read for links, unlike code in backticks and unlike a block of HTML.
    for raw in re.findall(r"<code>(.*?)</code>", re.sub(r"(`+)[^`].*?\1|^<details>.*$", "", markdown, flags=re.MULTILINE)):
        assert not re.search(r"\w@\w|www\.|://", raw, re.IGNORECASE), raw
    return page


def tables(markdown: str) -> Iterator[list[str]]:
    """The lines of every table in a source."""
    lines: list[str] = []
    for line in FENCED.sub("", markdown).split("\n"):
        if line.startswith("|"):
            lines.append(line)
        elif lines:
            yield lines
            lines = []


@pytest.mark.parametrize("name", PAGES)
def test_goldens_are_sound(name: str) -> None:
    """Tables are tables with as many cells as their heads, what is opened is closed, and no text of a spec is alive."""
    assert_sound((CASES / name).read_text(encoding="utf-8"))


def test_every_change_is_on_the_page() -> None:
    """Markup in names hides nothing: each address and each price stands there as code, letter by letter."""
    folder = CASES / "names_like_markup"
    page = assert_sound((folder / "plan.md").read_text(encoding="utf-8"))
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))

    shown = {element.text for element in page.all("code")}
    assert {change["address"] for change in plan["changes"]} <= shown
    assert {hit["address"] for hit in plan["guards"]} <= shown


@pytest.mark.parametrize("name", sorted(path.parent.name for path in CASES.glob("*/plan.json")))
def test_what_is_to_be_typed_is_code_to_the_letter(name: str) -> None:
    """Each command and snippet of a message is a span of its own, neither longer nor shorter."""
    plan = json.loads((CASES / name / "plan.json").read_text(encoding="utf-8"))
    said = [hit["message"] for hit in plan["guards"]] + [one["detail"] for one in plan["warnings"]] + plan["notes"]
    typed = {span for text in said for span in re.findall("`(.+?)`", text)}

    shown = {element.text for element in rendered((CASES / name / "plan.md").read_text(encoding="utf-8")).all("code")}

    assert typed <= shown
    assert {text for text in shown if text.startswith("nova-iac ")} <= typed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Take it with `nova-iac import customer.a x`.", "Take it with `nova-iac import customer.a x`."),
        ("`a`, `b`; `c`: or (`d`)! …", "`a`, `b`; `c`: or (`d`)! …"),
        ("already (8deed800-1b7a), \"a_b\" and ('c_d')", "already (`8deed800-1b7a`), \"`a_b`\" and ('`c_d`')"),
        ("by f(x). It (f(x)) is", "by `f(x)`. It (`f(x)`) is"),
        ("x=`a`/y_z", "`x=`<!-- -->`a`<!-- -->`/y_z`"),
        ("lifecycle: {protect: false}, first.", "lifecycle: `{protect: false}`, first."),
    ],
)
def test_punctuation_is_no_code(text: str, shown: str) -> None:
    """What stands around a command or a name isn't part of it, and two spans never run into one."""
    assert prose(text) == shown
    assert prose(text, lambda span: f"`{span}`").replace("<!-- -->", "") == shown.replace("<!-- -->", "")


COMMANDS = st.text(alphabet="abc-. <>:/@[]=", min_size=1, max_size=12).map(lambda text: f"nova-iac {text}x")


@given(pieces=st.lists(st.tuples(st.text(alphabet="ab_ ().,;:!?…'\"[]-{}|@", max_size=8), COMMANDS), max_size=4))
@settings(deadline=None)
def test_commands_survive_any_neighbour(pieces: list[tuple[str, str]]) -> None:
    """Whatever stands before and behind, a command is one span."""
    page = assert_sound("- " + prose("x " + "".join(f"{before}`{command}`" for before, command in pieces)))

    shown = [element.text for element in page.all("code") if element.text.startswith("nova-iac ")]
    assert shown == [command for _, command in pieces]


def test_what_cant_be_undone_stands_before_prices() -> None:
    """A customer that goes is read before a table of prices, whatever its length."""
    price = FieldChange("entries[2027-01-01T00:00:00Z].price", "$1", "$2")
    markdown = plan_markdown(
        plan_of(
            Change(Address("customer.gone"), Action.ARCHIVE, "no longer declared"),
            Change(Address("contract.a.b"), Action.REPLACE, "can't change in place", fields=(FieldChange("name", "a", "b"),)),
            Change(Address("customer.x"), Action.UPDATE, "differs", fields=(FieldChange("name", "a", "b"),)),
            *(Change(Address(f"rate.s.p{number}"), Action.SCHEDULE, "differs", fields=(price,)) for number in range(1_500)),
        )
    )

    order = [markdown.index(words) for words in ("customer.gone", "contract.a.b", "#### Prices", "customer.x")]
    assert order == sorted(order)
    assert "Left out to fit into a comment: " in markdown


TEXTS = st.text(alphabet="|`\\<>@#[]()!*_~$&;:/.-=+\n\r\t w1aé\u202e\u2028", max_size=24)


@given(name=TEXTS, group=TEXTS, alias=TEXTS, environment=st.sampled_from(("local", "production")))
@example(name="|www.evil.example|", group="`<img src=x>`", alias="|jane@nova.com https://evil.example|", environment="local")
@settings(max_examples=100, deadline=None)
def test_any_text_stays_text(name: str, group: str, alias: str, environment: str) -> None:
    """Whatever is written as a name, a group's value or an alias: the page is sound, and prices are found by their address."""
    rate = Address.of("rate", "standard", "images", selector={"size": group})
    other = Address.of("rate", "other", "images", selector={"size": group})
    plan = plan_of(
        Change(rate, Action.SCHEDULE, "differs", fields=(FieldChange("entries[2027-01-01T00:00:00Z].price", "$1", "$2"),)),
        Change(Address("customer.a"), Action.UPDATE, "name differs", fields=(FieldChange("name", name, alias),)),
        Change(Address("customer.b"), Action.CREATE, "new", fields=tuple(FieldChange("name", None, name) for _ in range(14))),
        Change(other, Action.CREATE, f"found by {alias}", fields=(FieldChange("name", None, name),)),
        Change(Address("customer.c"), Action.ARCHIVE, "no longer declared", fields=(FieldChange("name", name, None),)),
        drift=(Drift(Address("customer.a"), "changed", (FieldChange("name", alias, name),)),),
        guards=(GuardHit("NV405", "customer.a", f"would lose the ingest alias {alias}: usage sent under it"),),
        notes=(f"{name} and `{alias}` look like a rename",),
        environment=environment,
    )

    page = assert_sound(plan_markdown(plan, spec_path=f"folder/{' '.join(name.split())}"))
    drifted = as_markdown(plan.drift, {}, environment, 3, spec_path="billing.yaml", unknown=f"GET {alias}")

    assert visible(rate) in {element.text for element in page.all("code")}
    assert_sound(drifted)


@given(texts=st.lists(TEXTS, max_size=40), room=st.integers(0, 3_000))
@settings(deadline=None)
def test_what_is_cut_is_closed(texts: list[str], room: int) -> None:
    """Sections never take more than their room, what they leave out is counted, and the page is sound."""
    items = [f"- {code(text)}" for text in texts]
    sections = [
        Section("#### One", items, "ones", 30),
        Section("<details><summary>Two</summary>", items, "twos", 30, closes="</details>"),
    ]

    lines, left = fit(sections, room)

    shown = "\n".join(lines)
    assert len(shown.encode()) <= room
    assert_sound(shown)
    for section, noun in zip(sections, ("ones", "twos"), strict=True):
        said = next((words for words in left if words.endswith(noun)), None)
        assert (said is None) is (section.size == 0 or (section.opens in shown and f"more {noun}" not in shown))


def test_marker_cannot_be_closed_early() -> None:
    """A path that would end the hidden comment doesn't."""
    plan = plan_of()

    markdown = plan_markdown(plan, spec_path="a-->\n<b>/billing.yaml")

    assert markdown.splitlines()[0].count("-->") == 1
    assert_sound(markdown)


def plan_of(*changes: Change, environment: str = "local", **parts: Any) -> Plan:
    """A plan of some changes."""
    return Plan(
        environment=environment, base_url="", lineage="x", serial=3, spec_digest="", spec_file="billing.yaml",
        options=PlanOptions(), changes=changes, calls=(), **parts,
    )  # fmt: skip


# --- drift ---------------------------------------------------------------------------------------------------------------


def test_drift_fits_an_issue() -> None:
    """A thousand drifted resources are cut to the budget, counted at the top."""
    drift = [
        Drift(Address(f"customer.c{number}"), "changed", (FieldChange("name", "a" * 40, "b" * 40),)) for number in range(1_000)
    ]

    markdown = as_markdown(drift, {}, "production", 1_200, spec_path="billing.yaml")

    assert BUDGET - 1_000 < len(markdown.encode()) <= BUDGET
    assert "of 1000 drifted resources" in "\n".join(markdown.splitlines()[:5])
    assert "**1000 of 1200 recorded resources differ.**" in markdown
    assert_sound(markdown)


def test_drift_as_markdown_says_why_nobody_is_named(applied: Project) -> None:
    """Where the audit log can't be read the issue says so; where nothing differs it is one line."""
    clean = applied.ok("drift", "--format", "markdown")
    with applied.account() as client:
        client.v1.customers.set_name(customer_id=applied.id("customer.demo"), name="By Hand")

    with bad_line(Fault("409 by key", "GET", "/v1/auditLogs", 99)):
        result = applied.run("drift", "--format", "markdown")

    marker = "<!-- nova-iac:drift environment=local spec=billing.yaml -->"
    assert clean.out == f"{marker}\n✅ nova-iac: no drift in `local`; 8 resources are as recorded.\n"
    assert result.code == 2
    assert result.out.startswith(f"{marker}\n### ⚠️ nova-iac: `local` was changed outside\n")
    assert "Who changed this can't be told: `GET /v1/auditLogs: 409" in result.out
    assert "last written" not in result.out
    assert_sound(result.out)


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_specs_of_one_name_have_markers_of_their_own(tmp_path: Path, command: str) -> None:
    """The marker has the path from the root of the repository, from wherever the spec is called."""
    (tmp_path / ".git").mkdir()
    here, there = (Project(tmp_path / name) for name in ("eu", "us"))
    for project in (here, there):
        project.apply()

    def marker(project: Project, *arguments: str) -> str:
        return project.ok(command, "--format", "markdown", *arguments).out.splitlines()[0]

    assert marker(here) == f"<!-- nova-iac:{command} environment=local spec=eu/billing.yaml -->"
    assert marker(there) == marker(here, "-f", "../us/billing.yaml") == marker(here, "-f", str(there.spec))
    assert marker(there) == f"<!-- nova-iac:{command} environment=local spec=us/billing.yaml -->"


def test_outside_of_a_repository_the_marker_has_the_path_as_given(tmp_path: Path) -> None:
    """Without a repository there is no root to count from."""
    project = Project(tmp_path / "eu")
    project.apply()

    result = project.ok("plan", "--format", "markdown", "-f", "../eu/billing.yaml")

    assert result.out.splitlines()[0] == "<!-- nova-iac:plan environment=local spec=../eu/billing.yaml -->"
