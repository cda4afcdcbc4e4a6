"""nova-iac fmt"""

from __future__ import annotations

import click

from nova_iac.cli.options import shared_options


@click.command("fmt")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(dir_okay=False))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file would change.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, files: tuple[str, ...], check: bool) -> int:
    """Bring the spec and the files that it includes, or the files that are named, into the canonical layout.

    Layout only: two columns a level, a blank line between sections, no blanks at the ends of lines. Comments, order and every
    value stay as they are written. What was changed is listed, a file a line.

    \b
    Examples:
      nova-iac fmt
      nova-iac fmt --check customers/*.yaml
    """
    from nova_iac.cli.formatting import format_files

    return format_files(ctx, files, check=check)
