"""nova-iac ui"""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from nova_iac.cli.options import shared_options

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from nova_iac.cli.session import Session
    from nova_iac.cli.workbench import Workbench
    from nova_iac.ui import App

_POLL_EMULATOR = 2  # seconds between looks for new usage
_POLL_NETWORK = 10  # Metronome allows few requests a second


@click.command("ui")
@click.option("--port", type=click.IntRange(0, 65535), default=8413, metavar="N", show_default=True, help="0 takes a free one.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, port: int) -> int:
    """Serve the one-page view on this machine until Ctrl-C: resources, today's usage with amounts, the plan.

    Its buttons make targeted applies and send test usage. A protected environment can only be looked at. Programs can use the
    same calls; a write needs the header X-Nova-Token, which is printed at the start and can be fixed with NOVA_UI_TOKEN.

    \b
    Examples:
      nova-iac ui
      nova-iac ui -e sandbox --port 9000
    """
    from nova_iac.cli.session import open_session
    from nova_iac.cli.workbench import Workbench
    from nova_iac.ui.serve import serve

    session = open_session(ctx)
    token = ui_token()
    with Workbench(session) as bench:
        app = build_app(session, bench, token)
        serve(guarded(app), port, ready=lambda url: _ready(session, url, token), close=app.close)
    return 0


def build_app(session: Session, bench: Workbench, token: str) -> App:
    """The view of a session's environment."""
    from nova_iac.ui import App

    environment = session.environment
    poll = _POLL_EMULATOR if environment.emulator else _POLL_NETWORK
    return App(bench, environment=environment.name, spec=session.spec.path.name, token=token, poll_seconds=poll)


def ui_token() -> str:
    """The token of NOVA_UI_TOKEN, or a new one.

    :raises UsageProblem: it can't stand in a header.
    """
    from nova_iac.errors import UsageProblem

    token = os.environ.get("NOVA_UI_TOKEN", "")
    if not token:
        return secrets.token_urlsafe(24)
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageProblem("NOVA_UI_TOKEN must be printable ASCII without blanks: it travels in a header.")
    return token


def guarded(app: WSGIApplication) -> WSGIApplication:
    """The same program; a bug shows itself in the terminal and not in the browser, and the server lives on."""
    from nova_iac.ui.http import Reply
    from nova_iac.ui.problems import Refusal

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except Exception:  # noqa: BLE001 - a bug answers 500 and shows itself here, and the server lives on
            traceback.print_exc(file=sys.stderr)
            bug = Refusal(500, "bug", "This is a bug in nova-iac.", "The terminal where `nova-iac ui` runs shows more.")
            return Reply.refusal(bug).send(start_response, head=False)

    return call


def _ready(session: Session, url: str, token: str) -> None:
    environment = session.environment
    click.echo(f"Environment {environment.name}: {url}")
    if environment.protected:
        click.echo("It is protected: the page shows, and changes nothing.")
    else:
        header = shlex.quote(f"X-Nova-Token: {token}")
        click.echo("Writes by other programs need the token:")
        click.echo(f"  curl -X POST -H {header} {url}/api/pricing")
    click.echo("Ctrl-C stops it.")
    sys.stdout.flush()
