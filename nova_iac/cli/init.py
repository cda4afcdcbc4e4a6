"""nova-iac init"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from nova_iac.cli.options import Settings, shared_options


@click.command("init")
@shared_options
@click.pass_context
def command(ctx: click.Context, /) -> None:
    """Write a commented starter billing.yaml, the schema that editors check it by, and .gitignore lines.

    With -e, write the empty lockfile of a real environment instead. Commit it before the first apply: a later run then
    recognises what a lost one (a CI runner that died) has made. No file is ever overwritten.

    \b
    Examples:
      nova-iac init
      nova-iac init -e production
    """
    settings = Settings.of(ctx)
    with _explained():
        if settings.environment is None:
            _write_starter(settings.file)
        else:
            _write_lockfile(settings.file, settings.environment)


def _write_starter(spec: Path) -> None:
    from nova_iac.spec.schema import bundle_text

    _write_new(spec, Path(__file__).with_name("starter.yaml").read_text(encoding="utf-8"))
    click.echo(f"Wrote {spec}.")
    schema = spec.parent / "schemas" / "billing.schema.json"
    if not schema.exists():
        schema.parent.mkdir(exist_ok=True)
        _write_new(schema, bundle_text())
        click.echo(f"Wrote {schema}, which editors check it by.")
    elif schema.read_text(encoding="utf-8") != bundle_text():
        click.echo(f"{schema} is not this version's; left as it is. To renew it: nova-iac schema > {schema}", err=True)
    if added := _ignore(spec):
        click.echo(f"Added {added} {'line' if added == 1 else 'lines'} to {spec.parent / '.gitignore'}.")
    click.echo("Next: nova-iac plan" + ("" if spec == Path("billing.yaml") else f" -f {spec}"))


def _write_lockfile(spec: Path, environment: str) -> None:
    from nova_iac.errors import Severity, SpecError, UsageProblem
    from nova_iac.spec import load_spec
    from nova_iac.state.lockfile import Lockfile, StatePaths

    if not spec.exists():
        raise UsageProblem(
            f"there is no {spec} that declares environment {environment}: run `nova-iac init` first, without -e or NOVA_ENV."
        )
    loaded = load_spec(spec, environment)
    if any(problem.severity is Severity.ERROR for problem in loaded.diagnostics):
        raise SpecError(loaded.diagnostics)
    if loaded.environment.emulator:
        raise UsageProblem(
            f"environment {environment} is the embedded emulator: its lockfile is local, and apply makes it. init -e is for "
            "real environments."
        )
    paths = StatePaths.of(spec, environment)
    for path in (paths.lockfile, paths.journal):
        if path.exists():
            raise UsageProblem(f"{path} is there already; it was left as it is.")
    lockfile = Lockfile.fresh(environment, loaded.environment.base_url)
    lockfile.save(paths.lockfile)
    click.echo(f"Wrote {paths.lockfile} (lineage {lockfile.lineage}). Commit it.")


def _write_new(path: Path, text: str) -> None:
    """Write a file that doesn't exist yet."""
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def _ignore(spec: Path) -> int:
    """Put .env, locks, what the embedded emulator and emit leave into .gitignore; how many lines that took."""
    from nova_iac.state.lockfile import StatePaths

    local = StatePaths.of(spec, "local")
    files = (".env", f"{local.database.parent.name}/", local.lockfile.name, local.journal.name, f".{spec.stem}.*.lock")
    wanted = (*files, "*.checkpoint.json", "*.rejected.ndjson")
    path = spec.parent / ".gitignore"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    present = {line.strip() for line in text.splitlines()}
    missing = [line for line in wanted if line not in present]
    if missing:
        start = "" if not text or text.endswith("\n") else "\n"
        title = "# nova-iac: tokens, locks, the state of the embedded emulator, what emit leaves\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(start + title + "".join(f"{line}\n" for line in missing))
    return len(missing)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Trouble with files, told as such."""
    from nova_iac.errors import UsageProblem

    try:
        yield
    except FileExistsError as problem:
        raise UsageProblem(f"{problem.filename} is there already; it was left as it is.") from None
    except OSError as problem:
        raise UsageProblem(f"{problem.filename}: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        raise UsageProblem(f"a file here is not text in UTF-8: {problem}") from None
