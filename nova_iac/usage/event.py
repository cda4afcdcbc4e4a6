"""One usage event, as it is sent: field rules, exact texts, canonical bytes, and ids that stay the same on a second run.

Facts: API facts §13.1. Property values travel as texts, numbers with exactly the digits that they came with; timestamps are
RFC 3339 in UTC.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from decimal import Decimal
from typing import Any, Final

import msgspec

from nova_iac import moment, rating

MOST_EVENTS: Final = 100
"""In one request."""
BEHIND: Final = timedelta(days=34)
AHEAD: Final = timedelta(hours=24)
FIELDS: Final = ("transaction_id", "customer_id", "event_type", "timestamp")
_LONGEST_ID: Final = 128
_MOST_PROPERTIES: Final = 2_000
_CANONICAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")


class Event(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An event in the form in which it is sent."""

    transaction_id: str
    customer_id: str
    event_type: str
    timestamp: str
    properties: dict[str, Any] = {}


class Exact(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The same, read strictly: a line that fits has nothing that would be written in another way (but perhaps its timestamp)."""

    transaction_id: str
    customer_id: str
    event_type: str
    timestamp: str
    properties: dict[str, str] = {}


class EventError(ValueError):
    """A row that is no event; the message says why."""


class Defaults(msgspec.Struct, frozen=True):
    """What the command line adds to a row that lacks it."""

    event_type: str | None = None
    customer_id: str | None = None
    timestamp: str | None = None
    properties: Mapping[str, str] = {}

    @property
    def empty(self) -> bool:
        """Whether it adds nothing."""
        return self == Defaults()


encode: Final = msgspec.json.Encoder(decimal_format="string").encode
"""An event's bytes."""


def instant(text: str) -> datetime:
    """The instant of a canonical timestamp.

    :raises ValueError: another form, or a date that doesn't exist.
    """
    if not _CANONICAL.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def build(fields: Mapping[str, object], defaults: Defaults, *, number: int, raw: bytes, now: datetime) -> Event:
    """The event that a row's fields make, with what the command line adds.

    :param number: the row's number, and ``raw`` its bytes: its id where it has none. Such a row needs a timestamp, or its id
        would stand for another event on a second run.
    :raises EventError: with every reason.
    """
    problems: list[str] = []
    stamp = _given(fields, "timestamp", defaults.timestamp)
    timestamp = moment.text(now)
    if stamp is not None:
        try:
            timestamp = timestamp_text(stamp)
        except ValueError as problem:
            problems.append(f"timestamp: {problem}")
    elif _given(fields, "transaction_id", None) is None:
        problems.append("it has neither transaction_id nor timestamp: a second run would bill it again")
    properties = _properties(fields.get("properties"), defaults.properties, problems)
    event = Event(
        _identifier(fields, "transaction_id", row_id(number, raw, defaults), problems),
        _identifier(fields, "customer_id", defaults.customer_id, problems),
        _identifier(fields, "event_type", defaults.event_type, problems),
        timestamp,
        properties,
    )
    problems += form_problems(event)
    if problems:
        raise EventError("; ".join(dict.fromkeys(problems)))
    return event


def form_problems(event: Event | Exact) -> list[str]:
    """What Metronome would refuse in an event whatever the spec says, but for its time."""
    problems: list[str] = []
    if 1 <= len(event.transaction_id) <= _LONGEST_ID and event.customer_id and event.event_type:
        if len(event.properties) <= _MOST_PROPERTIES:
            return problems
    elif not 1 <= len(event.transaction_id) <= _LONGEST_ID:
        problems.append(f"transaction_id has {len(event.transaction_id)} characters; 1 to {_LONGEST_ID} are allowed")
    if not event.customer_id:
        problems.append("customer_id is missing: an ingest alias or a Metronome id")
    if not event.event_type:
        problems.append("event_type is missing")
    if len(event.properties) > _MOST_PROPERTIES:
        problems.append(f"it has {len(event.properties)} properties; {_MOST_PROPERTIES} are allowed")
    return problems


def timestamp_text(value: object) -> str:
    """A timestamp in UTC, as it is sent.

    :raises ValueError: it is no instant with an offset (a MomentError, or a date that doesn't exist).
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise moment.MomentError(f"{value.isoformat()} has no time zone")
        return moment.text(value)
    if isinstance(value, date):
        return moment.text(datetime.combine(value, day_time(), UTC))
    if not isinstance(value, str):
        raise moment.MomentError(f"{_shown(value)} is not RFC 3339; write 2025-09-01T13:00:00Z")
    return value if _CANONICAL.fullmatch(value) and datetime.fromisoformat(value) else moment.canonical(value)


def property_text(value: object) -> object:
    """A property's value as it is sent: numbers and booleans as texts, lists and objects (nothing is billed by them) as such."""
    match value:
        case str() | list() | dict():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return str(value) if rating.number_of(value) is None else f"{value:f}"
        case datetime():
            return moment.text(value) if value.tzinfo else value.isoformat()
        case bytes():
            return value.hex()
        case _:
            return str(value)


def row_id(number: int, raw: bytes, defaults: Defaults) -> str:
    """The id of a row that has none: the same row at the same place, completed in the same way, is the same event."""
    digest = hashlib.sha256(b"%d\n" % number)
    digest.update(raw)
    if not defaults.empty:
        digest.update(b"\n" + msgspec.json.encode(defaults, order="deterministic"))
    return f"row-{digest.hexdigest()[:40]}"


def generated_id(seed: int, customer_id: str, event_type: str, index: int, given: Mapping[str, object]) -> str:
    """The id of a generated event. given is what else the command line fixes: with other properties it is another event."""
    text = json.dumps([seed, customer_id, event_type, index, given], sort_keys=True)
    return f"gen-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def _given(fields: Mapping[str, object], name: str, default: object) -> object:
    value = fields.get(name)
    return default if value is None or value == "" else value


def _identifier(fields: Mapping[str, object], name: str, default: str | None, problems: list[str]) -> str:
    value = _given(fields, name, default)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        problems.append(f"{name} is {_shown(value)}, not a text")
        return "?"
    return value or ""


def _properties(value: object, defaults: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    if value is None:
        return dict(defaults)
    if not isinstance(value, Mapping):
        problems.append(f"properties is {_shown(value)}, not an object")
        return {}
    return {**defaults, **{str(name): property_text(one) for name, one in value.items() if one is not None}}


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
