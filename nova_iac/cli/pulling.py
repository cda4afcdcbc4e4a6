"""Pulls an account: reads it, has it drafted and judged, and puts the files in place."""

from __future__ import annotations

import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from nova_iac import moment
from nova_iac.adopt.pull import Pulled, Remark, pull, read_account
from nova_iac.cli.output import style_for
from nova_iac.cli.recording import Recording
from nova_iac.cli.session import Session, now, open_session
from nova_iac.desired.graph import ResourceGraph, build_graph
from nova_iac.errors import Severity, SpecError, UsageProblem
from nova_iac.kinds import KINDS
from nova_iac.kinds.base import Kind
from nova_iac.remote import DEFAULT_BASE_URL, REQUESTS_PER_SECOND
from nova_iac.render.spec_text import SpecText, spec_text
from nova_iac.render.yaml import Block, text
from nova_iac.resource import Address, Value
from nova_iac.spec import Environment, environments, load_spec, read_document
from nova_iac.spec.document import Document
from nova_iac.spec.layout import roots
from nova_iac.state.lockfile import StatePaths, replace_file

_LONG = 60 * REQUESTS_PER_SECOND  # reads from which the time that they take is announced
_SCHEMA = "# yaml-language-server: $schema=schemas/billing.schema.json\n"


@dataclass(frozen=True, slots=True)
class _Target:
    """Where the spec goes: the text that stands there before the resources, and whether it may be split.

    dropped are the settings of environments that it doesn't take over, in words.
    """

    path: Path
    before: str
    split: bool
    dropped: Sequence[str] = ()


def pull_account(ctx: click.Context, out: str | None) -> None:
    """Read the account and write spec and lockfile.

    :raises UsageProblem: the spec, or the lockfile, has resources already.
    """
    session = open_session(ctx)
    if any(problem.severity is Severity.ERROR for problem in session.spec.diagnostics):
        raise SpecError(session.spec.diagnostics)
    target = _target(session, out)
    session = Session(session.settings, session.spec, StatePaths.of(target.path, session.environment.name), session.variables)
    with Recording(session, "pull") as recording:
        if recording.lockfile.resources:
            count = len(recording.lockfile.resources)
            raise UsageProblem(
                f"{session.paths.lockfile} records {count} resources already; it was left as it was. Single objects are taken "
                "with `nova-iac import ADDRESS ID`, another account with another environment."
            )
        instant = moment.text(now())
        with session.client() as client:
            seen = read_account(client, KINDS, instant, _announce)
        if not any(seen.values()):
            click.echo(f"There is nothing in environment {session.environment.name} to pull.")
            return
        pulled = pull(seen, KINDS, recording.lockfile, lambda blocks: _judge(blocks, session), instant)
        written = spec_text(pulled.blocks, KINDS, split=target.split)
        _write(target, written)
        recording.save(pulled.entries)
    _tell(session, target, written, pulled)


def _announce(kind: Kind, parents: int) -> None:
    if parents > _LONG:
        minutes = parents / REQUESTS_PER_SECOND / 60
        click.echo(
            f"Reading the {kind.section} of {parents} {KINDS[kind.parent or ''].section} takes about {minutes:.0f} minutes at "
            "Metronome's rate.",
            err=True,
        )


def _target(session: Session, out: str | None) -> _Target:
    spec = session.settings.file
    document = read_document(spec)
    if out is not None and Path(out).resolve() != spec.resolve():
        if Path(out).exists():
            raise UsageProblem(
                f"{out} is there already; it was left as it was. To fill a spec that has environments only: -f {out}"
            )
        if not Path(out).parent.is_dir():
            raise UsageProblem(f"{out} can't be written: there is no folder {Path(out).parent}.")
        return _Target(Path(out), _header(document), split=True, dropped=_dropped(document))
    held = [name for name in roots() if document.header(name) is not None or name in document.gathered.sections.entries]
    if held:
        raise UsageProblem(
            f"{spec} has {', '.join(held)} already; pull never changes what stands there. Write a spec of its own with --out "
            "FILE, or take single objects with `nova-iac import ADDRESS ID`."
        )
    before = spec.read_text(encoding="utf-8")
    if before.lstrip("\ufeff \t\r\n").startswith("{"):
        raise UsageProblem(f"{spec} is written in braces, where nothing can be added line by line: give --out FILE.")
    return _Target(spec, before if before.endswith("\n") else before + "\n", split=document.header("include") is None)


def _header(document: Document) -> str:
    """The top of a new spec: the environments as they can be reached, without what they change of other resources."""
    header = Block({"version": 1})
    if document.default is not None:
        header["default_environment"] = document.default.text
    reached = {name: _reached(one) for name, one in environments(document).items()}
    return f"{_SCHEMA}{text(header)}\n{text({'environments': Block(reached)})}"


def _dropped(document: Document) -> list[str]:
    """What environments change of the resources of their own spec: in another one it would mean others, or none."""
    known = environments(document).values()
    held = {"set": [one.name for one in known if one.set], "exclude": [one.name for one in known if one.exclude]}
    return [f"the {setting} of {', '.join(names)}" for setting, names in held.items() if names]


def _reached(environment: Environment) -> Mapping[str, Value]:
    if environment.emulator:
        return {"emulator": True}
    host = {} if environment.base_url == DEFAULT_BASE_URL else {"base_url": environment.base_url}
    return {"token_env": environment.token_env, **host, **({"protected": True} if environment.protected else {})}


def _judge(blocks: Mapping[Address, Value], session: Session) -> ResourceGraph:
    """The graph of these blocks, read back from the files that they would be."""
    with tempfile.TemporaryDirectory(prefix="nova-iac-") as folder:
        root = Path(folder, "billing.yaml")
        written = spec_text(blocks, KINDS)
        head = Block({"version": 1, "environments": Block({session.environment.name: {"emulator": True}})})
        root.write_text(f"{text(head)}\n{written.root}", encoding="utf-8")
        for name, part in written.files.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(part, encoding="utf-8")
        return build_graph(load_spec(root, session.environment.name), KINDS)


def _write(target: _Target, written: SpecText) -> None:
    """Put the files in place, the spec itself last; nothing that is there is replaced but a spec without resources."""
    folder = target.path.parent
    for name in written.files:
        path = folder / name
        others = sorted(path.parent.glob("*.yaml")) if path.parent != folder else []
        if path.exists() or others:
            raise UsageProblem(
                f"{others[0] if others else path} is there already; move it away, or give --out FILE in a folder of its own."
            )
    made: list[Path] = []
    try:
        for name, part in written.files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            made.append(path)
            replace_file(path, part)
        replace_file(target.path, f"{target.before}\n{written.root}")
    except OSError as problem:
        for path in made:
            path.unlink(missing_ok=True)
        raise UsageProblem(f"{problem.filename} can't be written: {problem.strerror or problem}; nothing was pulled.") from None


def _tell(session: Session, target: _Target, written: SpecText, pulled: Pulled) -> None:
    counts = Counter(address.kind for address in pulled.entries)
    parts = [f"{counts[kind.name]} {_noun(kind, counts[kind.name])}" for kind in KINDS.values() if counts[kind.name]]
    total = len(pulled.entries)
    width = style_for(sys.stdout, no_color=True).width
    noun = "resource" if total == 1 else "resources"
    click.echo(_wrapped(f"Pulled {total} {noun} of {session.environment.name}: {', '.join(parts)}.", width, ""))
    more = len(written.files)
    others = "" if not more else f" and {more} included {'file' if more == 1 else 'files'}"
    click.echo(f"Wrote {target.path}{others}{',' if others else ''} and {session.paths.lockfile}.")
    _list("Not managed, because a spec can't say it yet", pulled.beyond, width)
    _list("Left out", pulled.left_out, width)
    if pulled.unreadable:
        click.echo("\n" + _wrapped(f"Can't be read back, so not written: {', '.join(pulled.unreadable)}.", width, ""))
    if target.dropped:
        dropped = " and ".join(target.dropped)
        click.echo(
            "\n" + _wrapped(f"Not taken over from {session.settings.file}: {dropped}, which name its resources.", width, "")
        )
    option = "" if target.path == Path("billing.yaml") else f" -f {target.path}"
    click.echo(f"\nNext: nova-iac plan{option} -e {session.environment.name}")


def _noun(kind: Kind, count: int) -> str:
    return (kind.name if count == 1 else kind.section).replace("_", " ")


def _list(title: str, remarks: Sequence[Remark], width: int) -> None:
    if not remarks:
        return
    found: dict[str, list[str]] = {}
    for remark in remarks:
        found.setdefault(remark.subject, []).append(remark.words)
    click.echo(f"\n{title} ({len(found)}):")
    for subject, words in found.items():
        click.echo(_wrapped(f"{subject}: {'; '.join(words)}", width, "  "))


def _wrapped(text: str, width: int, indent: str) -> str:
    return textwrap.fill(
        text,
        max(40, width),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
