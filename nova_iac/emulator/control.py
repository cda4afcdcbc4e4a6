"""Operations under /_emulator/: clock, request log, faults. Not part of Metronome's API, and never in the log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nova_iac.emulator import faults, times
from nova_iac.emulator.errors import NotFound
from nova_iac.emulator.wire import Reader

if TYPE_CHECKING:
    from nova_iac.emulator.app import Emulator


FARTHEST = 50 * 365 * 86_400
"""Seconds that the clock moves at most at once."""


def answer(emulator: Emulator, method: str, path: str, body: Any) -> Any:
    """Performs one operation; its answer as JSON."""
    operation = OPERATIONS.get((method, path))
    if operation is None:
        known = ", ".join(f"{verb} {place}" for verb, place in OPERATIONS)
        raise NotFound(f"{method} {path} is no operation of the emulator. There are: {known}")
    return operation(emulator, Reader(body))


def _clock(emulator: Emulator, _: Reader) -> Any:
    return {"now": times.text(emulator.clock.now()), "frozen": emulator.clock.frozen}


def _move_clock(emulator: Emulator, reader: Reader) -> Any:
    """``now`` stops the clock at an instant, ``advance_seconds`` moves it on, null ``now`` gives it back."""
    now = reader.maybe_instant("now", nullable=True)
    seconds = reader.maybe_number("advance_seconds", least=-FARTHEST, most=FARTHEST)
    if now is None and seconds is None and not reader.null("now"):
        reader.wrong("now", "or advance_seconds is required")
    reader.finish()
    if reader.null("now"):
        emulator.clock.release()
    elif now is not None:
        emulator.clock.set(now)
    if seconds is not None:
        emulator.clock.advance(timedelta(microseconds=int(seconds * 1_000_000)))
    return _clock(emulator, reader)


def _requests(emulator: Emulator, _: Reader) -> Any:
    return {"data": emulator.log.entries()}


def _clear_requests(emulator: Emulator, _: Reader) -> Any:
    emulator.log.clear()
    return {"data": []}


def _faults(emulator: Emulator, _: Reader) -> Any:
    return {"data": emulator.faults.shown()}


def _set_faults(emulator: Emulator, reader: Reader) -> Any:
    """Replaces all faults by those of the body: ``{"faults": [{"kind": …}, …]}``."""
    found = [faults.read(each) for each in reader.objects("faults")]
    reader.finish()
    emulator.faults.set(found)
    return _faults(emulator, reader)


def _clear_faults(emulator: Emulator, reader: Reader) -> Any:
    emulator.faults.set([])
    return _faults(emulator, reader)


OPERATIONS = {
    ("GET", "/_emulator/clock"): _clock,
    ("POST", "/_emulator/clock"): _move_clock,
    ("GET", "/_emulator/requests"): _requests,
    ("DELETE", "/_emulator/requests"): _clear_requests,
    ("POST", "/_emulator/requests/clear"): _clear_requests,
    ("GET", "/_emulator/faults"): _faults,
    ("POST", "/_emulator/faults"): _set_faults,
    ("DELETE", "/_emulator/faults"): _clear_faults,
}
