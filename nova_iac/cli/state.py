"""nova-iac state"""

from __future__ import annotations

import click

from nova_iac.cli.options import format_option, shared_options

_YES = click.option("--yes", is_flag=True, help="Don't ask.")


@click.group("state")
@shared_options
def command() -> None:
    """Care for the lockfile: look into it, rename, drop, make it again, free its lock. Nothing here changes the account."""


@command.command("list")
@click.argument("pattern", metavar="[PATTERN]", required=False)
@click.option("--ids", is_flag=True, help="Each with its id.")
@shared_options
@click.pass_context
def list_command(ctx: click.Context, /, pattern: str | None, ids: bool) -> None:
    """List what is recorded, an address a line.

    \b
    Examples:
      nova-iac state list
      nova-iac state list 'rate.standard.*'
    """
    from nova_iac.cli.care import list_recorded

    list_recorded(ctx, pattern, ids=ids)


@command.command("show")
@click.argument("address", metavar="ADDRESS")
@format_option("text", "json")
@shared_options
@click.pass_context
def show_command(ctx: click.Context, /, address: str, output: str) -> None:
    """Show what is recorded of one resource. Reads the lockfile only; `nova-iac show` also reads spec and account.

    \b
    Example:
      nova-iac state show customer.demo
    """
    from nova_iac.cli.care import show_recorded

    show_recorded(ctx, address, output)


@command.command("mv")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@shared_options
@click.pass_context
def mv_command(ctx: click.Context, /, old: str, new: str) -> None:
    """Record a resource under another address. What is nested under it, and references to it, follow.

    Change the key in the spec, too. `moved:` in the spec does the same in every environment, at its next apply.

    \b
    Example:
      nova-iac state mv customer.acme customer.acme_corp
    """
    from nova_iac.cli.care import move

    move(ctx, old, new)


@command.command("forget")
@click.argument("patterns", metavar="ADDRESS...", nargs=-1, required=True)
@_YES
@shared_options
@click.pass_context
def forget_command(ctx: click.Context, /, patterns: tuple[str, ...], yes: bool) -> None:
    """Drop resources from the lockfile, with what is nested under them. The objects live on, unmanaged.

    \b
    Examples:
      nova-iac state forget customer.acme
      nova-iac state forget 'contract.acme.*' --yes
    """
    from nova_iac.cli.care import forget

    forget(ctx, patterns, yes=yes)


@command.command("rebuild")
@_YES
@shared_options
@click.pass_context
def rebuild_command(ctx: click.Context, /, yes: bool) -> int:
    """Make a lost or broken lockfile again from the account.

    Finds what the spec declares: customers by an ingest alias, contracts by customer, start and card, prices by what they are
    for, everything else by equality in all declared fields. What can't be decided is told with its ids, and exits 1.

    \b
    Example:
      nova-iac state rebuild -e production
    """
    from nova_iac.cli.rebuilding import rebuild_lockfile

    return rebuild_lockfile(ctx, yes=yes)


@command.command("unlock")
@click.argument("lock_id", metavar="ID")
@shared_options
@click.pass_context
def unlock_command(ctx: click.Context, /, lock_id: str) -> None:
    """Free the lock of a run that died on another machine. The id stands in the message of the run that was refused.

    A lock whose holder is alive on this machine is never freed.

    \b
    Example:
      nova-iac state unlock 3f1c0b6a9d24
    """
    from nova_iac.cli.care import free_lock

    free_lock(ctx, lock_id)
