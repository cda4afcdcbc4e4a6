"""nova-iac completion"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from nova_iac.cli.options import shared_options


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@shared_options
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      eval "$(nova-iac completion bash)"
      nova-iac completion fish > ~/.config/fish/completions/nova-iac.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(ctx.find_root().command, {}, "nova-iac", "_NOVA_IAC_COMPLETE").source())
