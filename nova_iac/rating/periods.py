"""Billing periods, breakdown windows, and when a draft becomes final (§10.1, §14.1, §14.3)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from nova_iac.rating.exact import RatingError
from nova_iac.rating.policy import DEFAULT, MonthEnd, RatingPolicy
from nova_iac.rating.timeline import BEGINNING, END, Span

GRACE: Final = timedelta(hours=24)
"""How long after its period a usage invoice stays a draft, unless Metronome has set another time for the account (§14.1)."""


class Frequency(StrEnum):
    """How long a billing period is."""

    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    ANNUAL = "ANNUAL"


_MONTHS: Final = {Frequency.MONTHLY: 1, Frequency.QUARTERLY: 3, Frequency.ANNUAL: 12}


class Anchor(StrEnum):
    """The day that billing periods start on."""

    FIRST_OF_MONTH = "FIRST_OF_MONTH"
    CONTRACT_START = "CONTRACT_START"
    CUSTOM_DATE = "CUSTOM_DATE"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a contract's usage is billed."""

    frequency: Frequency = Frequency.MONTHLY
    anchor: Anchor = Anchor.FIRST_OF_MONTH
    anchored_on: date | None = None
    """The anchor of ``CUSTOM_DATE``; may be before or after the contract's start."""

    def __post_init__(self) -> None:
        if (self.anchored_on is None) is (self.anchor is Anchor.CUSTOM_DATE):
            raise RatingError("an anchor date belongs to CUSTOM_DATE, and only to it")

    def anchor_date(self, starting_at: datetime) -> date:
        """The day from which periods are reckoned in both directions, for a contract that starts then.

        FIRST_OF_MONTH is the first 1st on or after the day of the start, whatever the frequency (§14.3).
        """
        start = starting_at.astimezone(UTC).date()
        if self.anchor is Anchor.CONTRACT_START:
            return start
        if self.anchored_on is not None:
            return self.anchored_on
        first = start.replace(day=1)
        if start == first or first == END.date().replace(day=1):  # the last month there is has no next 1st
            return first
        return _add_months(first, 1, MonthEnd.CLAMP)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The billing periods of one contract: they cover it from start to end without gap or overlap.

    Periods start at midnight UTC on the anchor's day; the first starts with the contract and the last ends with it, so either
    may be shorter.
    """

    schedule: Schedule
    starting_at: datetime
    ending_before: datetime | None = None
    policy: RatingPolicy = DEFAULT

    def at(self, instant: datetime) -> Span | None:
        """The period that an instant is in; None outside the contract."""
        if instant < self.starting_at or (self.ending_before is not None and instant >= self.ending_before):
            return None
        number = self._number(instant)
        start = max(self.starting_at, self._boundary(number))
        end = self._boundary(number + 1)
        return Span(start, end if self.ending_before is None else min(end, self.ending_before))

    def started(self, by: datetime) -> Iterator[Span]:
        """Every period that has started by an instant (inclusive), in order."""
        last = END if self.ending_before is None else self.ending_before
        start, number = self.starting_at, self._number(self.starting_at)
        while start <= by and start < last:
            number += 1
            end = min(self._boundary(number), last)
            yield Span(start, end)
            start = end

    def _number(self, instant: datetime) -> int:
        """Which period (0 is the one that starts on the anchor) an instant would be in if the contract had no start."""
        anchor = self.schedule.anchor_date(self.starting_at)
        day = instant.astimezone(UTC).date()
        months = _MONTHS.get(self.schedule.frequency)
        if months is None:
            return (day - anchor).days // 7
        number = ((day.year - anchor.year) * 12 + day.month - anchor.month) // months + 1
        while self._boundary(number) > instant:
            number -= 1
        return number

    def _boundary(self, number: int) -> datetime:
        anchor = self.schedule.anchor_date(self.starting_at)
        months = _MONTHS.get(self.schedule.frequency)
        try:
            if months is None:
                return datetime.combine(anchor + timedelta(weeks=number), time(), UTC)
            return datetime.combine(_add_months(anchor, number * months, self.policy.month_end), time(), UTC)
        except (ValueError, OverflowError):  # beyond the years that there are
            return END if number > 0 else BEGINNING


def _add_months(day: date, months: int, month_end: MonthEnd) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    last = monthrange(year, month)[1]
    if day.day <= last:
        return day.replace(year=year, month=month)
    end = date(year, month, last)
    return end if month_end is MonthEnd.CLAMP else end + timedelta(days=1)


class Status(StrEnum):
    """What has become of a usage invoice by the passing of time (a void is the caller's business)."""

    DRAFT = "DRAFT"
    FINALIZED = "FINALIZED"


def finalizes_at(period: Span, grace: timedelta = GRACE) -> datetime:
    """When the invoice for a period stops being a draft."""
    return period.end + grace if period.end <= END - grace else END


def status(period: Span, now: datetime, grace: timedelta = GRACE) -> Status:
    """Draft, or finalized from :func:`finalizes_at` on."""
    return Status.FINALIZED if now >= finalizes_at(period, grace) else Status.DRAFT


class WindowSize(StrEnum):
    """How finely a span is told apart."""

    HOUR = "HOUR"
    DAY = "DAY"
    NONE = "NONE"
    """Not at all: one window."""


def windows(span: Span, size: WindowSize) -> tuple[Span, ...]:
    """The UTC hours or days of a span, the first and last cut to it."""
    if size is WindowSize.NONE:
        return (span,)
    length = timedelta(hours=1) if size is WindowSize.HOUR else timedelta(days=1)
    start = span.start.astimezone(UTC)
    edge = start.replace(minute=0, second=0, microsecond=0)
    if size is WindowSize.DAY:
        edge = edge.replace(hour=0)
    cuts = []
    while span.end - edge > length:
        edge += length
        cuts.append(edge)
    return span.split(cuts)
