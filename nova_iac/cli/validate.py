"""nova-iac validate"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from nova_iac.cli.options import Settings, format_option, shared_options


@click.command("validate")
@format_option("text", "json", "sarif")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, output: str) -> int:
    """Check the spec offline: every problem at once, each with its place and what to do.

    All environments are checked, or the one of -e. Warnings don't change the exit code.

    \b
    Examples:
      nova-iac validate
      nova-iac validate -e production --format json
    """
    from nova_iac.cli.validation import problems_of
    from nova_iac.errors import Severity

    settings = Settings.of(ctx)
    diagnostics, environments = problems_of(settings.file, settings.environment)
    broken = any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    if output != "text":
        from nova_iac.cli.show import spec_in_repository
        from nova_iac.render.diagnostics import as_data
        from nova_iac.render.sarif import as_sarif

        data = as_data(diagnostics) if output == "json" else as_sarif(diagnostics, lambda file: spec_in_repository(Path(file)))
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return 1 if broken else 0
    if diagnostics:
        from nova_iac.cli.output import style_for
        from nova_iac.render.diagnostics import as_text

        color = style_for(sys.stderr, no_color=settings.no_color).color
        click.echo(as_text(diagnostics, color=color), err=True, nl=False, color=True)
    if not broken:
        names = ", ".join(environments)
        click.echo(f"{settings.file} is valid (environments checked: {names}).")
    return 1 if broken else 0
