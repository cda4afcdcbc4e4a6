"""The docs say what the code does: codes, commands, fields, files and links."""

from __future__ import annotations

import ast
import re
import runpy
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click
import pytest
from metronome.types.v1 import (
    billable_metric_create_params,
    billable_metric_update_params,
    contract_create_params,
    customer_create_params,
    customer_update_config_params,
)
from metronome.types.v1.contracts import product_create_params, rate_card_create_params
from metronome.types.v1.contracts.rate_cards import rate_add_many_params
from support import ROOT
from typing_extensions import is_typeddict

from nova_iac import schema_files
from nova_iac.cli import cli
from nova_iac.spec.problems import SUMMARIES, WARNINGS

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")), *sorted((ROOT / "benchmarks").glob("*.md"))]


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


# --- problems and guards ------------------------------------------------------------------------------------------------


@cache
def codes_in_the_code() -> dict[str, tuple[set[str], bool]]:
    """Every code with the summaries that stand beside it, and whether it is given as a warning."""
    found: dict[str, tuple[set[str], bool]] = {code: ({words}, code in WARNINGS) for code, words in SUMMARIES.items()}
    for path in sorted((ROOT / "nova_iac").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            for one, following in zip(node.args, [*node.args[1:], None], strict=False):
                code = one.value if isinstance(one, ast.Constant) else None
                if not isinstance(code, str) or not re.fullmatch(r"NV\d{3}", code):
                    continue
                summaries, warning = found.get(code, (set(), False))
                summary = following.value if isinstance(following, ast.Constant) else None
                if isinstance(summary, str) and code not in SUMMARIES and not code.startswith("NV40"):
                    summaries = summaries | {summary}
                inside = ast.dump(node)
                marks = ("'WARNING'", "arg='warning', value=Constant(value=True)", "func=Name(id='Caution'")
                as_warning = any(mark in inside for mark in marks)
                found[code] = (summaries, warning or as_warning)
    return found


def codes_in_the_docs() -> dict[str, tuple[str, bool]]:
    rows = re.findall(r"^\| (NV\d{3}) \| ([^|]+?)( ⚠)? \|", text_of("diagnostics.md"), re.MULTILINE)
    assert len({code for code, _, _ in rows}) == len(rows), "a code stands twice"
    return {code: (summary, bool(mark)) for code, summary, mark in rows}


def test_every_code_is_documented_and_no_other() -> None:
    """docs/diagnostics.md has a row for each code that the code gives, and for nothing else."""
    assert sorted(codes_in_the_docs()) == sorted(codes_in_the_code())


def test_codes_have_the_summaries_and_severities_of_the_code() -> None:
    """A code means one thing, and the docs say the same thing."""
    documented = codes_in_the_docs()
    wrong = [
        f"{code}: the code says {sorted(summaries)}, {'a warning' if warning else 'no warning'}; the docs say {documented[code]}"
        for code, (summaries, warning) in codes_in_the_code().items()
        if code in documented and (not summaries <= {documented[code][0]} or warning is not documented[code][1])
    ]

    assert wrong == []


# --- commands -----------------------------------------------------------------------------------------------------------


REFERENCE = runpy.run_path(str(ROOT / "scripts" / "reference.py"))
COMMANDS: dict[str, click.Command] = dict(REFERENCE["commands"]())
SHARED = {"--file", "--env", "--no-color", "--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_documented(name: str) -> None:
    """docs/commands.md has a section for the command that names each of its options and arguments."""
    sections = re.split(r"^## ", text_of("commands.md"), flags=re.MULTILINE)
    (section,) = [part for part in sections if part.startswith(f"`{name}")]
    planning = {"--no-refresh", "--target", "--exclude", "--effective-at", "--adopt"}
    known = SHARED | (planning if "planning options" in section else set())
    options = {
        max(parameter.opts, key=len) if isinstance(parameter, click.Option) else parameter.metavar or str(parameter.name).upper()
        for parameter in COMMANDS[name].params
    }

    assert [option for option in sorted(options - known) if option not in section] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_help_and_an_example(name: str) -> None:
    """Every command says what it does, each option what it is for, and there is an example to copy."""
    command = COMMANDS[name]

    assert command.help
    assert f"nova-iac {name}" in command.help
    assert [p.name for p in command.params if isinstance(p, click.Option) and not p.help] == []


GENERATED = REFERENCE["GENERATED"]


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.name)
def test_generated_parts_are_current(page: Path) -> None:
    """What the docs take from help texts and schemas is what these say now; ``scripts/reference.py`` renews it."""
    text = page.read_text(encoding="utf-8")

    assert GENERATED[page](text) == text


def test_every_command_has_its_help_text_in_the_docs() -> None:
    """No section of docs/commands.md is without its generated part."""
    parts = re.findall(r"^## `([a-z ]+?)(?: [\[A-Z].*)?`\n\n<!-- help: (.+) -->$", text_of("commands.md"), re.MULTILINE)

    assert parts == [(name, name) for name, _ in parts]
    assert {name for name, _ in parts} == set(COMMANDS)


def test_readme_tells_what_is_there_and_what_is_not() -> None:
    """README lists every command, and promises as "not there yet" none that exists."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table, _, status = readme.partition("## Commands")[2].partition("## Status")
    missing = status.partition("And these commands:")[2].partition("\n\n")[0]

    assert [name for name in COMMANDS if f"`{name}`" not in table and f"`{name.partition(' ')[0]}`" not in table] == []
    assert [name for name in COMMANDS if f"`{name}`" in missing] == []


def test_documented_commands_exist() -> None:
    """No section is about a command that isn't there."""
    headings = re.findall(r"^## `([a-z ]+)", text_of("commands.md"), flags=re.MULTILINE)

    assert {heading.strip() for heading in headings} == set(COMMANDS)


def examples() -> list[str]:
    """Every line of the docs and of the help texts that begins with the tool's name."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES] + [command.help or "" for command in COMMANDS.values()]
    return sorted({line for text in texts for line in re.findall(r"^ *(?:\$ )?(nova-iac .+?)(?: {2,}.*)?$", text, re.MULTILINE)})


@pytest.mark.parametrize("line", examples())
def test_example_is_a_command_line(line: str) -> None:
    """Commands that are shown name commands and options that exist."""
    words = shlex.split(line.partition(" | ")[0].partition(" > ")[0], comments=True)[1:]
    name = next((name for name in sorted(COMMANDS, key=len, reverse=True) if " ".join(words).startswith(name)), None)
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    known = {opt for parameter in (COMMANDS[name] if name else cli).params for opt in parameter.opts} | {"--help", "-h"}

    assert name or not words[:1] or words[0].startswith("-") or words[0].isupper(), f"{words[0]} is no command"
    assert [option for option in options if option not in known] == []


# --- fields -------------------------------------------------------------------------------------------------------------

PARAMETERS: Mapping[str, tuple[Any, ...]] = {
    "billable_metric": (
        billable_metric_create_params.BillableMetricCreateParams,
        billable_metric_update_params.BillableMetricUpdateParams,
    ),
    "product": (product_create_params.ProductCreateParams,),
    "rate_card": (rate_card_create_params.RateCardCreateParams,),
    "rate": (rate_add_many_params.Rate,),
    "customer": (
        customer_create_params.CustomerCreateParams,
        customer_update_config_params.CustomerUpdateConfigParams,
    ),
    "contract": (contract_create_params.ContractCreateParams,),
}
"""The SDK's parameter types that make and change the objects of each kind."""

TRANSLATED: Mapping[str, Mapping[str, str]] = {
    "billable_metric": {"billable_metric_id": ""},  # the object itself
    "product": {"billable_metric_id": "billable_metric", "composite_product_ids": "composite_products"},
    "rate_card": {"fiat_credit_type_id": "fiat_credit_type"},
    "rate": {
        "product_id": "",  # in the address
        "pricing_group_values": "prices",
        "rate_type": "",  # follows from price, tiers or percent
        "credit_type_id": "price",  # money carries its unit
        "commit_rate.rate_type": "",
    },
    "customer": {"customer_id": ""},  # the object itself
    "contract": {"customer_id": "", "rate_card_id": "rate_card"},
}
"""Parameters that have another name here, or are said by where something stands ("")."""


def parameters(kind: str) -> set[str]:
    """The parameters of a kind, nested ones with a dot."""

    def typed_dicts(hint: Any) -> Iterator[Any]:
        if is_typeddict(hint):
            yield hint
        elif get_origin(hint) is not None:
            for part in get_args(hint):
                yield from typed_dicts(part)

    found: set[str] = set()
    for whole in PARAMETERS[kind]:
        for name, hint in get_type_hints(whole).items():
            found.add(name)
            for part in typed_dicts(hint):
                found |= {f"{name}.{inner}" for inner in get_type_hints(part)}
    return found


def properties(kind: str) -> set[str]:
    """The fields of a kind's schema, nested ones with a dot."""
    schema = schema_files.read(f"kinds/{kind}.schema.json")
    found: set[str] = set()

    def collect(part: Mapping[str, Any], prefix: str, depth: int) -> None:
        for name, inner in part.get("properties", {}).items():
            found.add(prefix + name)
            if depth:
                collect(inner, f"{prefix}{name}.", depth - 1)
                collect(inner.get("items", {}), f"{prefix}{name}.", depth - 1)

    collect(schema.get("items", schema), "", 1)
    return found


def left_out() -> dict[str, set[str]]:
    """The table of docs/spec.md: by kind, the parameters that are not fields here."""
    part = text_of("spec.md").partition("## Left out")[2].partition("\n## ")[0]
    found: dict[str, set[str]] = {}
    for kinds, names in re.findall(r"^\| ([a-z_, ]+) \| ((?:`[a-z_.]+`(?:, )?)+) \|", part, re.MULTILINE):
        for kind in kinds.split(", "):
            found.setdefault(kind, set()).update(re.findall(r"`([a-z_.]+)`", names))
    return found


@pytest.mark.parametrize("kind", PARAMETERS)
def test_every_parameter_is_a_field_or_left_out_for_a_reason(kind: str) -> None:
    """What the SDK can send for a kind is a field of its schema, or stands in docs/spec.md with the reason why not."""
    listed, translated, fields = left_out().get(kind, set()), TRANSLATED.get(kind, {}), properties(kind)
    missing = {
        name
        for name in parameters(kind)
        if name not in fields
        and translated.get(name, "-") not in {"", *fields}
        and name not in listed
        and name.partition(".")[0] not in listed
    }

    assert sorted(missing) == []


@pytest.mark.parametrize("kind", PARAMETERS)
def test_nothing_is_left_out_that_is_a_field_or_no_parameter(kind: str) -> None:
    """The list is no longer than it must be."""
    listed = left_out().get(kind, set())

    assert sorted(listed & properties(kind)) == []
    assert sorted(listed - parameters(kind)) == []


SENT_RATE_TYPES = {"FLAT", "TIERED", "PERCENTAGE", "TIERED_PERCENTAGE"}


def choices(kind: str) -> dict[str, set[str]]:
    """The enumerated parameters of a kind with the values that the SDK knows."""
    hints = {name: hint for whole in PARAMETERS[kind] for name, hint in get_type_hints(whole).items()}
    return {name: set(get_args(hint)) for name, hint in hints.items() if get_origin(hint) is Literal}


@pytest.mark.parametrize("kind", PARAMETERS)
def test_every_value_is_a_choice_or_left_out_for_a_reason(kind: str) -> None:
    """Enumerated values that the SDK knows are choices of the schema, or stand in docs/spec.md with the reason why not."""
    schema = schema_files.read(f"kinds/{kind}.schema.json")
    fields = schema.get("items", schema)["properties"]
    rows = dict(re.findall(rf"^\| {kind}\.(\w+) \| ([^|]+) \|", text_of("spec.md"), re.MULTILINE))
    excused = {name: set(re.findall(r"`(\w+)`", words)) for name, words in rows.items()}
    known = {name: set(part["enum"]) for name, part in fields.items() if "enum" in part} | {"rate_type": SENT_RATE_TYPES}
    listed = left_out().get(kind, set())

    missing = {
        name: missed
        for name, values in choices(kind).items()
        if name not in listed and (missed := values - known.get(name, set()) - excused.get(name, set()))
    }

    assert missing == {}


# --- files and links ----------------------------------------------------------------------------------------------------


@cache
def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page can name, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_headings(page: Path) -> None:
    """What stands behind the # of a link to a page is one of its headings."""
    links = re.findall(r"\]\(([\w./-]*(?:\.md)?)#([^)\s]+)\)", page.read_text(encoding="utf-8"))

    assert [f"{to}#{name}" for to, name in links if name not in anchors((page.parent / to if to else page).resolve())] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links, and paths of this project in code marks, exist."""
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    paths = re.findall(r"`((?:nova_iac|tests|docs|benchmarks|schemas|scripts)/[\w./-]+)`", text)

    assert [link for link in links if link and not (page.parent / link).exists()] == []
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_page_is_in_the_index() -> None:
    """docs/README.md leads to each page."""
    linked = re.findall(r"\]\(([\w-]+\.md)", text_of("README.md"))

    assert sorted({page.name for page in DOCS.glob("*.md")} - {*linked, "README.md"}) == []


def test_tests_that_the_docs_name_exist() -> None:
    """An invariant without its test would be a wish: every `file::name` in the docs is there."""
    named = [pair for page in PAGES for pair in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text(encoding="utf-8"))]

    assert len(named) > 10
    assert [f"{file}::{name}" for file, name in named if f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8")] == []


def test_every_benchmark_is_listed() -> None:
    """benchmarks/README.md says what each one compares."""
    listed = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")

    assert [path.name for path in (ROOT / "benchmarks").glob("*.py") if f"`benchmarks/{path.name}`" not in listed] == []


def test_readme_begins_with_the_two_commands() -> None:
    """The first two bash blocks are one line each: set up and run the main job; run the tests."""
    blocks = re.findall(r"^```bash\n(.*?)\n```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)

    assert len(blocks) >= 2
    assert blocks[0].endswith("nova-iac apply --yes")
    assert blocks[1].endswith("-m pytest")
    assert all("\n" not in block for block in blocks[:2])
