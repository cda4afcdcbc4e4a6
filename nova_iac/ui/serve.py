"""Serves the view on the loopback interface, on waitress, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Final

from nova_iac.errors import UsageProblem

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

HOST: Final = "127.0.0.1"
THREADS: Final = 8
_MOST_BYTES: Final = 1 << 20
"""Of a body: waitress has the whole of one before anybody looks at its token. Our own bound is lower, and better explained."""


def serve(app: WSGIApplication, port: int, *, ready: Callable[[str], None], close: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; the write that is under way ends first.

    :param port: 0 takes a free one.
    :param ready: called with the page's address once it answers.
    :raises UsageProblem: the port is taken.
    """
    from waitress.server import create_server  # type: ignore[import-untyped]

    server = create_server(app, sockets=[_bound(port)], threads=THREADS, ident=None, max_request_body_size=_MOST_BYTES)
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ready(f"http://{HOST}:{server.effective_port}")
        server.run()
    finally:
        # First the handlers: a second Ctrl-C while a write ends leaves at once; the journal has everything.
        for number, handler in before.items():
            signal.signal(number, handler)
        server.close()
        close()
        server.task_dispatcher.shutdown()


def _bound(port: int) -> socket.socket:
    """A socket on the port. waitress would leave its own half open where that fails."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
    except OSError as problem:
        found.close()
        raise UsageProblem(
            f"port {port} can't be used: {problem.strerror or problem}. Choose another with --port; 0 takes a free one."
        ) from None
    return found


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # A read that still waits for Metronome then has nobody to answer; what waitress says of that helps nobody either.
    logging.getLogger("waitress").setLevel(logging.CRITICAL)
    raise SystemExit(0)  # which waitress' loop takes as its end
