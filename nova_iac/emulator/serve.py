"""Serves the emulator over HTTP on the loopback interface, on waitress."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
from collections.abc import Callable, Iterable
from types import FrameType
from typing import TYPE_CHECKING, Any

from nova_iac.emulator.app import CONTROL
from nova_iac.emulator.faults import ConnectionCut

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from nova_iac.emulator.app import Emulator

THREADS = 8


def serve(app: Emulator, host: str = "127.0.0.1", port: int = 8412, *, ready: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; calls ``ready`` with the base URL once it listens. Port 0 takes a free one.

    Anything but a loopback address is refused: the emulator has no secrets worth keeping and no defences.
    """
    from waitress.channel import ClientDisconnected  # type: ignore[import-untyped]
    from waitress.server import create_server  # type: ignore[import-untyped]

    for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not ipaddress.ip_address(address[0]).is_loopback:
            raise ValueError(f"{host} is not a loopback address: the emulator serves this machine only")

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except ConnectionCut as cut:
            raise ClientDisconnected from cut  # which waitress takes as: close, and say nothing

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of every request that waits for a thread
    server = create_server(application, host=host, port=port, ident=None, _dispatcher=_Lanes())
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{server.effective_port}")
        server.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        server.close()
        server.task_dispatcher.shutdown()
        app.close()


class _Lanes:
    """The threads. Operations have one of their own: what a fault holds up doesn't hold up the call that ends the fault."""

    def __init__(self) -> None:
        from waitress.task import ThreadedTaskDispatcher  # type: ignore[import-untyped]

        self._requests, self._operations = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        self._requests.set_thread_count(THREADS)
        self._operations.set_thread_count(1)

    def add_task(self, channel: Any) -> None:
        """Takes a connection with a request to answer; one that couldn't be read has no path."""
        operation = getattr(channel.requests[0], "path", "").startswith(CONTROL)
        (self._operations if operation else self._requests).add_task(channel)

    def shutdown(self) -> None:
        """Lets what is in hand be answered."""
        for lane in (self._operations, self._requests):
            lane.shutdown()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # waitress' loop ends well, after the requests in hand, on SystemExit.
    raise SystemExit(0)
