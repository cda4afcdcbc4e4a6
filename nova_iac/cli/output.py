"""Where a command's words go: results to stdout, progress to stderr, both plain in a pipe."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

import click

from nova_iac.render.style import Style

if TYPE_CHECKING:
    from nova_iac.apply.executor import ApplyEvent

_PATIENCE = 10.0  # seconds after which a running call is mentioned again


def style_for(stream: object, *, no_color: bool) -> Style:
    """Colour on a terminal, or as NO_COLOR and FORCE_COLOR say; the width of the terminal, or of COLUMNS."""
    terminal = bool(getattr(stream, "isatty", lambda: False)())
    forced = bool(os.environ.get("FORCE_COLOR"))
    color = (terminal or forced) and not no_color and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size((100, 24)).columns if terminal or os.environ.get("COLUMNS") else 100
    return Style(color, max(40, width))


def json_text(document: object) -> str:
    """A JSON document for people and programs. What is no text, as only half a surrogate pair isn't, stays an escape."""
    import json

    return json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


class ProgressLines:
    """Tells what is being done, a line per call; on a terminal also that a slow call still runs."""

    def __init__(self, *, no_color: bool) -> None:
        self._terminal = sys.stderr.isatty()
        self._style = style_for(sys.stderr, no_color=no_color)
        self._running: dict[int, tuple[str, float]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._timer: threading.Thread | None = None

    def __enter__(self) -> ProgressLines:
        if self._terminal:
            self._timer = threading.Thread(target=self._remind, daemon=True)
            self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if self._timer is not None:
            self._timer.join()

    def show(self, event: ApplyEvent) -> None:
        """One step of an apply."""
        from nova_iac.apply.executor import Progress  # here, because validate needs this module and no executor

        names = _names(event)
        with self._lock:
            if event.progress is Progress.STARTED:
                self._running[event.index] = (names, time.monotonic())
                if not self._terminal:
                    return
                self._say(f"{names}: {_verb(event)} …", "dim")
                return
            self._running.pop(event.index, None)
        match event.progress:
            case Progress.DONE:
                made = f" [id={event.new_id}]" if event.new_id else ""
                self._say(f"{names}: done after {event.seconds:.1f} s{made}", "green")
            case Progress.FAILED:
                self._say(f"{names}: failed: {event.error}", "red")
            case Progress.BLOCKED:
                self._say(f"{names}: not tried, it needs {', '.join(event.blocked_by[:3])}", "yellow")

    def _say(self, text: str, color: str) -> None:
        click.echo(self._style.paint(text, color), err=True, color=True)

    def _remind(self) -> None:
        while not self._stop.wait(_PATIENCE):
            with self._lock:
                for names, began in self._running.values():
                    self._say(f"{names}: still running [{time.monotonic() - began:.0f}s elapsed]", "dim")


def _names(event: ApplyEvent) -> str:
    covers = event.call.call.covers
    return covers[0] if len(covers) == 1 else f"{covers[0]} and {len(covers) - 1} more"


def _verb(event: ApplyEvent) -> str:
    return f"{event.call.call.endpoint.method} {event.call.path}"
