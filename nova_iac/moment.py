"""Instants: UTC, read once, compared as instants and never as the texts that people wrote.

The canonical text is ``2025-09-01T00:00:00Z``; texts of that form sort as the instants do.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

NEXT_HOUR: Final = "apply+1h"
"""An effective date that is fixed when the call is sent: the next full hour then."""

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_RFC3339: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})")
_HOUR: Final = timedelta(hours=1)


class MomentError(ValueError):
    """A text that is no instant; the message says what to write instead."""


@lru_cache(maxsize=65_536)
def parse(text: str) -> datetime:
    """An instant in UTC from a date (midnight UTC) or an RFC 3339 text with its offset.

    :raises MomentError: any other form, or a date that does not exist.
    """
    stripped = text.strip()
    try:
        if _DATE.fullmatch(stripped):
            return datetime.fromisoformat(stripped).replace(tzinfo=UTC)
        if _RFC3339.fullmatch(stripped):
            return datetime.fromisoformat(stripped.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise MomentError(f"{text!r} is not a date that exists ({problem})") from None
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2})?(\.\d+)?", stripped):
        raise MomentError(f"{text!r} has no offset: write {stripped}Z if it is UTC")
    raise MomentError(f"{text!r} is not an instant: write 2025-09-01 (midnight UTC) or 2025-09-01T13:00:00Z")


def text(instant: datetime) -> str:
    """The canonical text of an instant."""
    utc = instant.astimezone(UTC)
    whole = utc.replace(microsecond=0, tzinfo=None).isoformat()
    return whole + (f".{utc.microsecond:06d}".rstrip("0") if utc.microsecond else "") + "Z"


def canonical(written: str) -> str:
    """The canonical text of what a person or the API wrote."""
    return text(parse(written))


def is_full_hour(instant: datetime) -> bool:
    """Whether an instant stands on an hour boundary, as the API wants of prices, contracts and product updates (§3.7)."""
    return not (instant.minute or instant.second or instant.microsecond)


def next_full_hour(now: datetime) -> datetime:
    """The first full hour after now; never now itself."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + _HOUR


def show(written: str) -> str:
    """How a canonical text is shown to people: ``2026-03-01 00:00 UTC``."""
    if written == NEXT_HOUR:
        return "the next full hour when applied"
    instant = parse(written)
    return f"{instant.replace(tzinfo=None).isoformat(' ', 'seconds' if instant.second else 'minutes')} UTC"
