#!/usr/bin/env python3
"""Writes what the docs take from the code: the commands from their help texts, the fields of a spec from the schemas.

  scripts/reference.py            renews docs/commands.md and docs/spec-reference.md

docs/spec-reference.md is generated whole. In docs/commands.md what stands between ``<!-- help: NAME -->`` and ``<!-- end -->``
is generated; the rest is written by hand and kept.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nova_iac import schema_files  # noqa: E402
from nova_iac.cli import cli  # noqa: E402
from nova_iac.cli.options import planning_options, shared_options  # noqa: E402
from nova_iac.kinds import KINDS  # noqa: E402
from nova_iac.kinds.base import NOT_CLEARABLE, Field, Kind, Mutability  # noqa: E402
from nova_iac.resource import Address  # noqa: E402

COMMANDS: Final = ROOT / "docs" / "commands.md"
SPEC: Final = ROOT / "docs" / "spec-reference.md"

# --- commands -----------------------------------------------------------------------------------------------------------


def _options_of(decorator: Any) -> list[click.Option]:
    command = click.command()(decorator(lambda **_: None))
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


SHARED: Final = _options_of(shared_options)
PLANNING: Final = _options_of(planning_options)


def commands(group: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name."""
    if not isinstance(group, click.Group):
        yield " ".join(path), group
        return
    with click.Context(group) as ctx:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            assert command is not None
            yield from commands(command, (*path, name))


def command_section(name: str, command: click.Command) -> str:
    """Help text, options and examples of one command."""
    text, _, examples = inspect.cleandoc(command.help or "").replace("\b\n", "").partition("\nExample")
    ctx = click.Context(command, info_name=f"nova-iac {name}")
    shown, _, rest = examples.partition("\n\n")
    parts = [" ".join(paragraph.split()) for paragraph in [*text.split("\n\n"), *rest.split("\n\n")] if paragraph.strip()]
    own, plans = _own_options(command)
    if own:
        parts.append(_option_table(own, ctx))
    if plans:
        parts.append(
            "Takes the [planning options](#planning-options) as well."
            if own
            else "Takes the [planning options](#planning-options)."
        )
    lines = [line.strip() for line in shown.splitlines()[1:] if line.strip()]
    parts.append("```bash\n" + "\n".join(lines) + "\n```")
    return "\n\n".join(parts)


def _own_options(command: click.Command) -> tuple[list[click.Option], bool]:
    """The options that only this command has, and whether it takes the planning options too."""
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    names = {option.name for option in options}
    plans = {option.name for option in PLANNING} <= names
    others = {option.name for option in (*SHARED, *(PLANNING if plans else ()))}
    return [option for option in options if option.name not in others], plans


def _option_table(options: Sequence[click.Option], ctx: click.Context) -> str:
    rows = ["| option | |", "|---|---|"]
    for option in options:
        record = option.get_help_record(ctx)
        assert record is not None
        words = " ".join(record[1].split())
        name = record[0].replace("|", r"\|")
        rows.append(f"| `{name}` | {words} |")
    return "\n".join(rows)


def renewed_commands(text: str) -> str:
    """docs/commands.md with its generated parts as the help texts are now.

    :raises ValueError: a part has no command.
    """
    known = dict(commands())
    made = {name: command_section(name, command) for name, command in known.items()}
    ctx = click.Context(cli)
    made["planning options"] = _option_table(PLANNING, ctx)

    def renew(match: re.Match[str]) -> str:
        if match[1] not in made:
            raise ValueError(f"docs/commands.md: there is no command {match[1]!r}")
        return f"<!-- help: {match[1]} -->\n\n{made[match[1]]}\n\n<!-- end -->"

    return re.sub(r"<!-- help: ([a-z ]+?) -->\n.*?<!-- end -->", renew, text, flags=re.DOTALL)


# --- fields -------------------------------------------------------------------------------------------------------------

CHANGES: Final = {
    Mutability.UPDATE: "in place",
    Mutability.UPDATE_FROM_DATE: "from a date",
    Mutability.APPEND: "by an entry",
    Mutability.REPLACE: "replacement",
    Mutability.FIXED: "never",
    Mutability.COMPUTED: "set by Metronome",
}

HEAD: Final = """\
# The fields of a spec

Every field that `billing.yaml` can have, generated from the JSON Schemas and the kinds by `scripts/reference.py`. What the fields
mean together, and why, stands in [the spec](spec.md); how to change one safely in [the jobs](README.md).

*Default* is what holds where a field was never written, and what a field that was applied goes back to when it is taken out. A
field with `-` can't be taken out again (NV411).

| how a change is made | |
|---|---|
| in place | one call, at once |
| from a date | the object stays; the new value holds from `--effective-at` on, by default the next full hour |
| by an entry | an entry with its date is added; what was before it stays |
| replacement | a new object; the old one is archived. The plan shows one `±` |
| never | the plan is refused (NV410): add a new key |

A field of a field changes as the whole does. ◦ marks what Metronome takes and never gives back: a hand edit there can't be seen.
"""

SECTION: Final = {
    "billable_metric": "`billable_metrics:` → `KEY:`",
    "product": "`products:` → `KEY:`",
    "rate_card": "`rate_cards:` → `KEY:`",
    "rate": "`rate_cards:` → `CARD:` → `rates:` → `PRODUCT:`, a list of entries",
    "customer": "`customers:` → `KEY:`",
    "contract": "`customers:` → `CUSTOMER:` → `contracts:` → `KEY:`",
}

ADDRESS: Final = {
    "rate": "`rate.CARD.PRODUCT[value=…]`",
    "contract": "`contract.CUSTOMER.KEY`",
}


def spec_reference() -> str:
    """docs/spec-reference.md."""
    parts = [HEAD, "## Top level\n", _table(_plain_rows(schema_files.read("spec.schema.json")))]
    parts.append(
        "Sections of resources: " + ", ".join(f"[`{kind.section}`](#{name})" for name, kind in KINDS.items()) + ". "
        "A key that begins with `x-` holds anything: a place for anchors.\n"
    )
    environments = schema_files.read("spec.schema.json")["properties"]["environments"]["additionalProperties"]
    parts += ["## Environments\n", "`environments:` → `KEY:`\n", _table(_plain_rows(environments))]
    parts += ["## Values\n", _table(list(_value_rows()), "value", "written as", "")]
    for name, kind in KINDS.items():
        parts += [f"## {name}\n", _facts(name, kind), _kind_table(kind)]
    lifecycle = schema_files.definitions()["lifecycle"]
    parts += [
        "## lifecycle\n",
        "Every resource but a rate, which takes its card's, can have `lifecycle:`. " + lifecycle["description"] + "\n",
        _table(_plain_rows(lifecycle)),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _facts(name: str, kind: Kind) -> str:
    address = ADDRESS.get(name, f"`{name}.KEY`")
    end = "archived when it is removed" if kind.archivable else "ended when it is removed; it can't be archived"
    recognised = f"recognised in an account by {kind.identity}"
    return f"{kind.schema['description']}\n\n{SECTION[name]} · {address} · {end} · {recognised}\n"


def _kind_table(kind: Kind) -> str:
    schema = kind.schema
    timeline = kind.appends is not None
    fields = schema["items"] if timeline else schema
    rows = []
    for path, part, required in _walk(fields):
        field = kind.fields.get(kind.appends if timeline and kind.appends else path)
        nested = "." in path or "[]" in path
        mark = " ◦" if field is not None and not field.readable else ""
        rows.append(
            (
                f"`{path}`{mark}",
                _type(part, required),
                "" if timeline or nested or field is None else _default(field, required),
                "" if nested or field is None else _change(kind, path, field),
                _words(part),
            )
        )
    if timeline:
        return _table([(one, kind_, how, words) for one, kind_, _, how, words in rows], "field", "type", "a change", "")
    return _table(rows, "field", "type", "default", "a change", "")


def _default(field: Field, required: bool) -> str:
    if required:
        return ""
    if field.default is NOT_CLEARABLE:
        return "-"
    if field.default in (None, [], ""):
        return "none"
    if isinstance(field.default, Mapping):
        return " ".join(f"`{name}: {value}`" for name, value in field.default.items())
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _change(kind: Kind, name: str, field: Field) -> str:
    words = CHANGES[field.mutability]
    refused = kind.refuses(name, [Address.of("rate", "card", "product")])
    return f"{words}; never while a card prices it" if refused else words


def _walk(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Every field of an object's schema with its path, inner ones behind theirs, and whether it must be there."""
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        path = prefix + name
        yield path, part, name in required
        yield from _walk(part, f"{path}.")
        yield from _walk(part.get("items", {}), f"{path}[].")


def _plain_rows(schema: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [(f"`{path}`", _type(part, required), _words(part)) for path, part, required in _walk(schema)]


def _value_rows() -> Iterator[tuple[str, ...]]:
    for name, part in schema_files.definitions().items():
        if name != "lifecycle":
            shown = part.get("examples", [part["pattern"]] if "pattern" in part else [])
            yield name, ", ".join(f"`{example}`" for example in shown) or "a number", part["description"]


def _type(part: Mapping[str, Any], required: bool) -> str:
    return f"{_type_alone(part)}; required" if required else _type_alone(part)


def _type_alone(part: Mapping[str, Any]) -> str:
    match part:
        case {"$ref": ref}:
            name = ref.rpartition("/")[2]
            return f"[{name}](#values)" if name in schema_files.definitions() else name
        case {"x-ref": kind}:
            return f"key of a [{kind}](#{kind})"
        case {"enum": choices}:
            return ", ".join(f"`{choice}`" for choice in choices)
        case {"const": value}:
            return f"`{value}`"
        case {"anyOf": [{"additionalProperties": {"anyOf": [_, one]}}, {"type": "array"}]}:
            inner = ", ".join(f"`{name}`" for name in one["properties"])
            return f"map by value, or list of rows; each an amount, or a mapping of {inner}"
        case {"type": "array", "items": inner}:
            whole = part.get("uniqueItems") or part.get("x-set") or part.get("x-set-by")
            return f"{'set' if whole else 'list'} of {_many(inner)}"
        case {"type": "integer"}:
            low, high = part.get("minimum"), part.get("maximum")
            return "whole number" + (f", {low} to {high}" if high is not None else f", at least {low}" if low is not None else "")
        case {"type": "boolean"}:
            return "`true`, `false`"
        case {"type": "object"}:
            return "mapping"
        case {"type": "string"}:
            return f"text, at most {part['maxLength']} characters" if "maxLength" in part else "text"
    raise ValueError(f"no words for {part}")


def _many(part: Mapping[str, Any]) -> str:
    match part:
        case {"x-ref": kind}:
            return f"keys of [{kind}](#{kind})"
        case {"type": "string"}:
            return "texts" + (f" of at most {part['maxLength']} characters" if "maxLength" in part else "")
        case {"type": "object"}:
            return "mappings"
        case {"type": "array", "items": inner}:
            return f"{'sets' if part.get('uniqueItems') else 'lists'} of {_many(inner)}"
    raise ValueError(f"no words for {part}")


def _words(part: Mapping[str, Any]) -> str:
    return str(part["description"])


def _table(rows: Sequence[tuple[str, ...]], *names: str) -> str:
    names = names or ("field", "type", "")
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |".replace("  ", " ") for row in rows]
    return "\n".join(lines) + "\n"


GENERATED: Final = {COMMANDS: renewed_commands, SPEC: lambda _: spec_reference()}
"""Each page that has generated parts, and what makes it of its present text."""


def main() -> None:
    """Renew both pages."""
    for page, renew in GENERATED.items():
        page.write_text(renew(page.read_text(encoding="utf-8") if page.exists() else ""), encoding="utf-8")


if __name__ == "__main__":
    main()
