"""Options that several commands share, and the settings that come of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Settings:
    """Which spec, which environment, and whether in colour. An option beats its NOVA_* variable."""

    file: Path
    environment: str | None
    no_color: bool

    @classmethod
    def of(cls, ctx: click.Context) -> Settings:
        """From the options before and after the command, then from the process environment."""
        given: dict[str, Any] = {}
        step: click.Context | None = ctx
        while step is not None:
            given = {name: value for name, value in step.meta.get(_META, {}).items() if value} | given
            step = step.parent
        file = given.get("file") or os.environ.get("NOVA_FILE") or "billing.yaml"
        return cls(Path(file), given.get("env") or os.environ.get("NOVA_ENV") or None, bool(given.get("no_color")))


_META = "nova_iac.shared"


def shared_options(function: F) -> F:
    """``-f``, ``-e`` and ``--no-color``: they may stand before or after the command."""

    @click.option("-f", "--file", type=click.Path(), metavar="FILE", help="The spec. [NOVA_FILE; billing.yaml]")
    @click.option("-e", "--env", metavar="ENV", help="The environment. [NOVA_ENV; default_environment]")
    @click.option("--no-color", is_flag=True, help="No colour. [NO_COLOR]")
    @click.pass_context
    @wraps(function)
    def wrapped(ctx: click.Context, /, file: str | None, env: str | None, no_color: bool, **rest: Any) -> Any:
        later = {"file": file, "env": env, "no_color": no_color}
        ctx.meta[_META] = ctx.meta.get(_META, {}) | {name: value for name, value in later.items() if value}
        return ctx.invoke(function, **rest)

    return wrapped  # type: ignore[return-value]


def planning_options(function: F) -> F:
    """The options that decide what is planned."""
    for option in reversed(
        (
            click.option("--no-refresh", is_flag=True, help="Take what was recorded for what is live; read nothing."),
            click.option(
                "--target",
                "targets",
                multiple=True,
                metavar="A",
                help="Only this address and what it needs; * and ? match, may be repeated.",
            ),
            click.option(
                "--exclude", "excludes", multiple=True, metavar="A", help="Not this address nor what needs it; may be repeated."
            ),
            click.option(
                "--effective-at", metavar="T", help="From when dated changes hold, as 2027-03-01; else the next full hour."
            ),
            click.option("--adopt", is_flag=True, help="Take over live objects of equal identity instead of making twins."),
        )
    ):
        function = option(function)
    return function


def format_option(*choices: str) -> Callable[[F], F]:
    """``--format``, text by default."""
    return click.option(
        "--format", "output", type=click.Choice(choices), default="text", show_default=True, help="How the result is printed."
    )


def require_text(*texts: str) -> None:
    """That arguments are text: bytes that aren't could be neither sent nor shown.

    :raises UsageProblem: one is not.
    """
    from nova_iac.errors import UsageProblem

    for text in texts:
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise UsageProblem(f"{text.encode('utf-8', 'backslashreplace').decode()} is not text in UTF-8.")
