"""nova-iac pull"""

from __future__ import annotations

import click

from nova_iac.cli.options import shared_options


@click.command("pull")
@click.option("--out", metavar="FILE", help="Write a new spec of its own instead of filling the one of -f.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, out: str | None) -> None:
    """Take a whole account under code: write what it has as YAML, and the lockfile.

    The spec needs nothing but its environments; one that has resources is never touched. Archived objects are left out.
    What a spec can't say yet is listed. Afterwards plan is empty.

    \b
    Examples:
      nova-iac pull -e sandbox
      nova-iac pull -e production --out production.yaml
    """
    from nova_iac.cli.pulling import pull_account

    pull_account(ctx, out)
