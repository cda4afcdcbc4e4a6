"""nova-iac check"""

from __future__ import annotations

import click

from nova_iac.cli.options import shared_options


@click.command("check")
@shared_options
@click.pass_context
def command(ctx: click.Context, /) -> int:
    """Is the token good? Asks the account for its first customer, changes nothing.

    \b
    Examples:
      nova-iac check
      nova-iac check -e production
    """
    import sys

    from nova_iac.cli.output import style_for
    from nova_iac.cli.session import open_session
    from nova_iac.errors import RemoteError, Unavailable
    from nova_iac.usage import customers

    session = open_session(ctx)
    environment = session.environment
    try:
        with session.client() as client:
            found = customers.first(client)
    except RemoteError as problem:
        style = style_for(sys.stderr, no_color=session.settings.no_color)
        advice = "Look at https://status.metronome.com, at the network and the proxy settings, and try again."
        if problem.status in (401, 403):
            advice = (
                f"Set {environment.token_env} to an API token of this account, in the process environment or in "
                f"{session.paths.lockfile.parent / '.env'}. Metronome's app makes one under Connections, API tokens & webhooks."
            )
        elif not isinstance(problem, Unavailable):
            advice = f"Is {session.base_url} Metronome's API? `base_url:` of environment {environment.name} decides that."
        click.echo(f"{style.paint('✗', 'red')} {environment.name}: {problem}", err=True, color=True)
        click.echo(advice, err=True)
        return 1
    style = style_for(sys.stdout, no_color=session.settings.no_color)
    what = "the embedded emulator answers" if environment.emulator else f"the token in {environment.token_env} is good"
    first = "There is no customer yet." if found is None else f"First customer: {found.name}"
    click.echo(f"{style.paint('✓', 'green')} {environment.name}: {what}. {first}", color=True)
    return 0
