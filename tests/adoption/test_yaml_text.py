"""Written YAML reads back as the same data, here and elsewhere; timelines written as entries expand to the same timelines."""

from __future__ import annotations

import re
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nova_iac import timeline
from nova_iac.adopt.keys import LONGEST, slug
from nova_iac.adopt.record import block_of
from nova_iac.kinds import KINDS
from nova_iac.render.yaml import Block, Plain, text
from nova_iac.resource import KEY_PATTERN, Address
from nova_iac.spec.format import format_text
from nova_iac.spec.loader import load_bytes
from nova_iac.spec.nodes import Mapping, Node, Scalar

_HARD = (
    *(
        "",
        " ",
        "no",
        "Yes",
        "null",
        "~",
        "true",
        "0015500",
        "1_000",
        "0x1F",
        "1e3",
        "12:30",
        "2025-09-01",
        "-",
        "- a",
        "? b",
        "a: b",
    ),
    *(
        "a:",
        ":a",
        "a #b",
        "#a",
        "'",
        '"',
        "it's",
        '"quoted"',
        "{a}",
        "[b]",
        "a, b",
        "a]",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
    ),
    *(
        "<<",
        "=",
        ".",
        "...",
        "---",
        "--- a",
        "tab\there",
        "nel\x85",
        "ls\u2028",
        "nbsp\xa0x",
        "\ufeffbom",
        "𝄞",
        "é",
        "\x07",
        "\\",
    ),
    *("two\nlines", "two\n", "\ntwo", " a\nb", "a \nb", "a\n\n\nb\n", "a\r\nb", "# a\n# b", "a\n  b\n c\n", "a\n\tb", "\n\n"),
)
texts = st.sampled_from(_HARD) | st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
values = st.recursive(
    texts | st.integers(-(10**9), 10**9) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def plain(node: Node) -> Any:
    """A tree as data; scalars as texts."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Mapping):
        return {name: plain(part) for name, part in node.entries.items()}
    return [plain(part) for part in node.items]


def as_texts(value: Any) -> Any:
    """The same of data that was written."""
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return {name: as_texts(part) for name, part in value.items()}
        case list():
            return [as_texts(part) for part in value]
        case _:
            return str(value)


@given(st.dictionaries(texts, values, min_size=1, max_size=5), st.booleans())
@example({" ": "0\n\x0c0"}, False)
@example({"a": "0\n\r0"}, True)
@settings(max_examples=200, deadline=None)
def test_written_data_reads_back(data: dict[str, Any], block: bool) -> None:
    """Any text as a key or a value, in blocks and in braces: the loader and PyYAML read what was written, and fmt leaves it."""
    written = text(Block({"top": Block(data) if block else data}))

    loaded = load_bytes(written.encode(), "f")

    assert loaded.root is not None
    assert loaded.diagnostics == ()
    assert plain(loaded.root) == as_texts({"top": data})
    assert yaml.safe_load(written) == {"top": data}
    assert format_text(written.encode(), "f") == written


def test_money_dates_and_quantities_stand_bare() -> None:
    """What has a form of its own needs no quotes; text of the same form gets them."""
    data = {"a": Plain("$0.02"), "b": Plain("2025-09-01"), "c": Plain("1000"), "d": "$0.02", "e": "2025-09-01", "f": "1000"}

    assert text(Block(data)) == 'a: $0.02\nb: 2025-09-01\nc: 1000\nd: $0.02\ne: "2025-09-01"\nf: "1000"\n'


@given(st.text())
def test_slugs_are_keys(name: str) -> None:
    """A slug is empty or a key, no longer than people like to type; the slug of a slug is itself."""
    made = slug(name)

    assert made == "" or re.fullmatch(KEY_PATTERN, made)
    assert len(made) <= LONGEST
    assert slug(made) == made


_hours = st.integers(0, 30).map(lambda day: f"2026-{day // 28 + 1:02d}-{day % 28 + 1:02d}T00:00:00Z")
_money = st.sampled_from(["$0.01", "$0.02", "$3"])
_forms = st.one_of(
    st.fixed_dictionaries({"price": _money}),
    st.fixed_dictionaries({"price": _money, "commit_rate": st.fixed_dictionaries({"price": _money})}),
    st.fixed_dictionaries({"tiers": st.just([{"price": "$0.50", "size": "10"}, {"price": "$0.25"}])}),
)
_entries = st.lists(
    st.tuples(_hours, _forms, st.booleans(), st.none() | _hours), min_size=1, max_size=4, unique_by=lambda entry: entry[0]
)


def _timeline(drawn: list[tuple[str, dict[str, Any], bool, str | None]]) -> list[dict[str, Any]]:
    """Entries in order, none of which ends before it starts or beyond the next one."""
    drawn = sorted(drawn, key=lambda entry: entry[0])
    following = [entry[0] for entry in drawn[1:]] + ["9"]
    return [
        {"starting_at": start, **({"ending_before": end} if end and start < end <= later else {}), **form}
        | ({} if entitled else {"entitled": False})
        for (start, form, entitled, end), later in zip(drawn, following, strict=True)
    ]


@given(st.dictionaries(st.sampled_from(["eu", "us", "a b", "x,y"]), _entries, min_size=1, max_size=3), st.integers(0, 2))
@settings(max_examples=200, deadline=None)
def test_timelines_survive_being_written(drawn: dict[str, Any], keys: int) -> None:
    """Timelines of any values, with no, one or two group keys, written as entries and expanded again are the same functions."""
    group_keys = ["model", "region"][:keys]
    chosen = list(drawn.items())[: 1 if not keys else None]
    names = ("region", "model") if keys == 2 else ("model",) * keys
    timelines = {
        Address.of("rate", "card", "api", selector=dict(zip(names, (name, "m"), strict=False))): _timeline(entries)
        for name, entries in chosen
    }
    product = {"type": "USAGE", "billable_metric": "calls"} | ({"pricing_group_key": group_keys} if keys else {})
    blocks = {
        address: block_of(address, data)
        for address, data in {
            Address("billable_metric.calls"): {"name": "Calls", "aggregation_type": "COUNT"},
            Address("product.api"): product,
            Address("rate_card.card"): {"name": "Card"},
        }.items()
    }
    rate = KINDS["rate"]

    written = rate.block_data({address: {"entries": entries} for address, entries in timelines.items()}, blocks)
    resources, problems = rate.expand(block_of(Address("rate.card.api"), written), blocks)

    assert [problem for problem in problems if problem.code != "NV335"] == []
    found = {resource.address: resource.attributes["entries"] for resource in resources}
    assert found.keys() == timelines.keys()
    for address, entries in timelines.items():
        assert timeline.steps(found[address]) == timeline.steps(entries)
    assert written == rate.block_data({address: {"entries": found[address]} for address in reversed(timelines)}, blocks)
