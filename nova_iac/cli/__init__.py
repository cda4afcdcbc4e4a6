"""The command line: the only code that prints, prompts, reads the environment and exits.

Commands are loaded when they are called, so that ``--help`` stays fast; each file wires one of them.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import os
import signal
import stat
import sys
from collections.abc import Sequence
from typing import Any, Final, TextIO

import click

from nova_iac import __version__
from nova_iac.cli.options import shared_options

COMMANDS: Final = {
    "init": ("nova_iac.cli.init", "Write a starter spec, or an environment's empty lockfile."),
    "validate": ("nova_iac.cli.validate", "Check the spec offline: all problems at once."),
    "fmt": ("nova_iac.cli.fmt", "Bring the spec into its canonical layout, comments kept."),
    "plan": ("nova_iac.cli.plan", "Show what would change and which calls would be made."),
    "apply": ("nova_iac.cli.apply", "Plan, show, ask, and do it."),
    "destroy": ("nova_iac.cli.destroy", "Archive everything that the lockfile records."),
    "drift": ("nova_iac.cli.drift", "Show what somebody changed outside, and who."),
    "show": ("nova_iac.cli.show_command", "Show a saved plan, or all that is known of one resource."),
    "ui": ("nova_iac.cli.ui", "The one-page view, on this machine only."),
    "check": ("nova_iac.cli.check", "Is the token good?"),
    "emit": ("nova_iac.cli.emit", "Send usage events: one, a file, or made-up ones."),
    "usage": ("nova_iac.cli.usage", "A customer's usage by group, with amounts."),
    "invoices": ("nova_iac.cli.invoices", "A customer's draft and finalized invoices."),
    "import": ("nova_iac.cli.import_command", "Take one existing object under code."),
    "pull": ("nova_iac.cli.pull", "Take a whole account under code."),
    "state": ("nova_iac.cli.state", "Care for the lockfile: list, show, mv, forget, rebuild, unlock."),
    "graph": ("nova_iac.cli.graph", "Print the resource graph in Mermaid, planned actions marked."),
    "emulator": ("nova_iac.cli.emulator", "The local Metronome: serve it over HTTP, wipe it."),
    "schema": ("nova_iac.cli.schema", "Print the JSON Schema of billing.yaml."),
    "completion": ("nova_iac.cli.completion", "Print the completion script of a shell."),
}
"""Command, the module that has it, and what it does in a line."""

_OBJECTS_BEFORE_COLLECTION: Final = 200_000
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""How a write fails that nobody but the user can do something about. A file's own problems are told where it is written."""


class _ClosedPipe(Exception):
    """Whoever read our output has gone."""


class _Lazy(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        # click turns a closed pipe into exit code 1; it has its own here.
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            raise _ClosedPipe from None
        return result

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"there is no command {args[0]!r}." + (f" Did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="nova-iac", message="%(prog)s %(version)s")
@shared_options
def cli(**_: Any) -> None:
    """Billing as code for Metronome: prices, products, customers and contracts in one reviewed billing.yaml.

    \b
    Examples:
      nova-iac init                 start with a commented billing.yaml
      nova-iac plan                 what would change, and which calls
      nova-iac apply                do it
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code. Never raises for bad input."""
    from nova_iac.cli.failures import exit_code_of, report

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _terminated)
    # A spec is many small objects that all live to the end: collecting them again and again costs half of a large plan.
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION, 50, 50)
    try:
        code = cli.main(args=list(arguments), prog_name="nova-iac", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    except _ClosedPipe:
        _forget(sys.stdout)
        _forget(sys.stderr)
        return 141
    except Exception as problem:
        if isinstance(problem, OSError) and problem.errno in _FULL and problem.filename is None:
            _forget(sys.stdout)
            if problem.errno == errno.EIO and _hung_up():
                _forget(sys.stderr)
                return 128 + signal.SIGHUP
            with contextlib.suppress(OSError):
                click.echo(f"Error: the output can't be written: {problem.strerror}.", err=True)
            return 1
        if (code := exit_code_of(problem)) is None:
            raise
        report(problem)
        return code


def _forget(stream: TextIO) -> None:
    """Where nothing more can be said, leave nothing to the interpreter's own flush, which would be another failure."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _hung_up() -> bool:
    """Whether what we write to was a terminal, and is none any more."""
    return any(stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor) for descriptor in (1, 2))


def _terminated(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)
