"""Time: half-open spans of UTC instants, and step functions of time.

Everything that is dated here (a price, a product's definition, its tags, a contract's usage filter) is one :class:`Timeline`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, Generic, TypeVar

from nova_iac.rating.exact import RatingError

T = TypeVar("T")
U = TypeVar("U")

BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
"""Before everything: the start of what has always been so."""
END: Final = datetime.max.replace(tzinfo=UTC)
"""After everything."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The instants from ``start`` (inclusive) to ``end`` (exclusive), as all intervals of the API are (§3.7)."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            raise RatingError(f"instants need an offset: {self.start} … {self.end}")
        if not self.start < self.end:
            raise RatingError(f"a span ends after it starts: {self.start} … {self.end}")

    def __contains__(self, instant: object) -> bool:
        return isinstance(instant, datetime) and self.start <= instant < self.end

    def split(self, cuts: Iterable[datetime]) -> tuple[Span, ...]:
        """This span cut at the given instants, in order; cuts outside it or on its edges cut nothing."""
        inside = sorted({cut for cut in cuts if self.start < cut < self.end})
        edges = [self.start, *inside, self.end]
        return tuple(Span(start, end) for start, end in pairwise(edges))


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """A value from an instant on, until the next step or its own end."""

    starting_at: datetime
    value: T
    ending_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Timeline(Generic[T]):
    """A step function of time: at each instant one value, or None where nothing holds.

    Kept in its shortest form (equal neighbours are one step), so two timelines are equal when they say the same of every
    instant. Made with :meth:`of`, :meth:`always` or :meth:`pair`, not by hand.
    """

    starts: tuple[datetime, ...] = ()
    values: tuple[T | None, ...] = ()

    @classmethod
    def of(cls, steps: Iterable[Step[T]]) -> Timeline[T]:
        """The timeline that these steps make, given in the order in which they were added.

        A step lasts until its ``ending_before`` or the next later start, whichever is first (§7.2); after its end nothing holds:
        an earlier step never comes back. Of two with the same start the one that was added last wins.
        """
        latest = {step.starting_at: step for step in steps}
        points: list[tuple[datetime, T | None]] = []
        ordered = sorted(latest)
        for index, start in enumerate(ordered):
            following = ordered[index + 1] if index + 1 < len(ordered) else END
            end = latest[start].ending_before or END
            points.append((start, latest[start].value if start < end else None))
            if start < end < following:
                points.append((end, None))
        return cls._shortest(points)

    @classmethod
    def always(cls, value: T) -> Timeline[T]:
        """One value, at every instant."""
        return cls((BEGINNING,), (value,))

    @classmethod
    def _shortest(cls, points: Iterable[tuple[datetime, T | None]]) -> Timeline[T]:
        starts: list[datetime] = []
        values: list[T | None] = []
        for start, value in points:
            if value != (values[-1] if values else None):
                starts.append(start)
                values.append(value)
        return cls(tuple(starts), tuple(values))

    def at(self, instant: datetime) -> T | None:
        """What holds at an instant; a step's start belongs to the step."""
        index = bisect_right(self.starts, instant) - 1
        return self.values[index] if index >= 0 else None

    def pieces(self, span: Span) -> list[tuple[Span, T | None]]:
        """The span, cut where the value changes, with what holds in each piece; gaps are pieces with None."""
        return [(piece, self.at(piece.start)) for piece in span.split(self.starts)]

    def pair(self, other: Timeline[U]) -> Timeline[tuple[T | None, U | None]]:
        """Both at once: changes wherever either does."""
        instants = sorted({*self.starts, *other.starts})
        return Timeline._shortest((instant, (self.at(instant), other.at(instant))) for instant in instants)


NEVER: Final[Timeline[Any]] = Timeline()
"""The timeline on which nothing ever holds."""
