"""Instants: RFC 3339 in, UTC with a ``+00:00`` offset out (§3.7)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)


def parse(text: str) -> datetime:
    """The instant that an RFC 3339 text names, in UTC; ValueError when it names none."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text!r} is not an RFC 3339 timestamp")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None


def text(instant: datetime) -> str:
    """The answer's form; such texts sort as the instants do."""
    return instant.astimezone(UTC).isoformat()


def on_the_hour(instant: datetime) -> bool:
    return not (instant.minute or instant.second or instant.microsecond)


def at_midnight(instant: datetime) -> bool:
    return on_the_hour(instant) and not instant.hour


def micros(instant: datetime) -> int:
    """Microseconds since 1970: how events store their time."""
    return (instant - EPOCH) // _MICROSECOND


def from_micros(count: int) -> datetime:
    return EPOCH + timedelta(microseconds=count)
