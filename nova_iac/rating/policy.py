"""What no source settles, chosen in one place.

The reasons stand in ``docs/rating.md``. Whoever learns better from a real account changes one field here, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from nova_iac.rating.exact import Rounding


class QuantityLevel(Enum):
    """What conversion and rounding of quantities are applied to (§14.3 step 4 leaves it open)."""

    PERIOD = auto()
    """The amount so far in the billing period, per product and group; a slice is billed the difference of two such amounts."""
    SLICE = auto()
    """Each slice's own increment. Cutting a slice in two may then bill more or less, and breakdowns need not add up."""


class QuantityOrder(Enum):
    """Which of the two is done first (§14.3 step 4 leaves it open)."""

    CONVERT_THEN_ROUND = auto()
    ROUND_THEN_CONVERT = auto()


class MonthEnd(Enum):
    """Where a billing period starts in a month that lacks the anchor's day (§14.3 leaves it open)."""

    CLAMP = auto()
    """On the month's last day; always reckoned from the anchor, so the 31st comes back in the next long month."""
    NEXT_MONTH = auto()
    """On the first of the next month."""


class MaxBilling(Enum):
    """When a maximum is billed (§14.3 step 3: increments are documented for LATEST, only inferred for MAX)."""

    AS_IT_RISES = auto()
    """Each slice bills by how much it raised the period's maximum so far."""
    AT_PERIOD_END = auto()
    """The whole maximum in the period's last slice, at its price."""


class NonNumeric(Enum):
    """What an event counts for whose aggregated property is no number (§13.1, §16 leave it open)."""

    IGNORE = auto()
    """The event does not count."""
    ZERO = auto()
    """It counts as 0."""
    REFUSE = auto()
    """:class:`~nova_iac.rating.aggregation.NotANumber` is raised."""


@dataclass(frozen=True, slots=True)
class RatingPolicy:
    """The answers to the open questions; the defaults are the package's."""

    quantity_level: QuantityLevel = QuantityLevel.PERIOD
    quantity_order: QuantityOrder = QuantityOrder.CONVERT_THEN_ROUND
    month_end: MonthEnd = MonthEnd.CLAMP
    max_billing: MaxBilling = MaxBilling.AS_IT_RISES
    non_numeric: NonNumeric = NonNumeric.IGNORE
    total_rounding: Rounding | None = None
    """How an invoice's total is rounded; lines never are. None: the exact sum of the lines."""


DEFAULT: Final = RatingPolicy()
"""The policy that is meant wherever none is given."""
