"""The emulator over HTTP on a free loopback port, in a thread, by the server that ``emulator serve`` uses."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from waitress.server import create_server

from nova_iac import moment
from nova_iac.emulator import Emulator


@contextlib.contextmanager
def served(now: str, database: Path | None = None, token: str | None = None) -> Iterator[str]:
    """The base URL while the context lasts."""
    app = Emulator(database, clock=lambda: moment.parse(now), token=token)
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        with server.trigger.lock:  # or the loop, awake for another reason, could close the trigger before it is pulled
            server.trigger.thunks.append(server.close)
            server.trigger.pull_trigger()
        server.task_dispatcher.shutdown()
        thread.join(5)
        server.close()
        app.close()
