"""Steps 4, 5 and 7 for usage products: billed quantities, the price in force, tiers; one line per price and tier."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from nova_iac.rating.events import Group, SqlMetric
from nova_iac.rating.exact import ONE, ZERO, exact
from nova_iac.rating.lines import Line, Reason, Unbilled, why_not_charged
from nova_iac.rating.metering import Curve, PeriodUsage
from nova_iac.rating.policy import QuantityLevel, RatingPolicy
from nova_iac.rating.prices import Flat, Rate, Tiered, TierStep
from nova_iac.rating.quantity import billed, divisor_of, over
from nova_iac.rating.terms import Terms, UsageDefinition, UsageProduct, meterings
from nova_iac.rating.timeline import Span

_NOTHING = Curve((), ())


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time of one product and group in which nothing that decides a price changes."""

    product: str
    span: Span
    definition: UsageDefinition
    values: Group
    curve: Curve
    rate: Rate | None

    @property
    def line_group(self) -> tuple[Group, Group]:
        """Pricing and presentation values: what has lines, and a count of tiers, of its own."""
        pricing, presentation = self.definition.pricing_keys, self.definition.presentation_keys
        return (
            tuple(pair for pair in self.values if pair[0] in pricing),
            tuple(pair for pair in self.values if pair[0] in presentation),
        )

    def divisor(self, policy: RatingPolicy) -> Decimal:
        """How many of :meth:`quantity` are one unit."""
        return divisor_of(self.definition.conversion, self.definition.rounding, policy.quantity_order)

    def quantity(self, span: Span, policy: RatingPolicy) -> Decimal:
        """Steps 3 and 4, the quantity that a part of this stretch bills: value at its end minus value at its start.

        Not divided yet by :meth:`divisor`.
        """
        before, after = self.curve.at(span.start), self.curve.at(span.end)
        conversion, rounding, order = self.definition.conversion, self.definition.rounding, policy.quantity_order
        if policy.quantity_level is QuantityLevel.SLICE:
            return billed(after - before, conversion, rounding, order)
        return billed(after, conversion, rounding, order) - billed(before, conversion, rounding, order)

    def spans(self, marks: Sequence[datetime]) -> Iterator[Span]:
        """The parts that can have a line, cut at marks: a plain product's all, a grouped one's with usage (§14.3 step 11)."""
        if not self.values:
            yield from self.span.split(marks)
            return
        end = self.span.start
        for active in self.curve.active(self.span):
            if active < end:
                continue
            index = bisect_right(marks, active)
            start = max(self.span.start, marks[index - 1]) if index else self.span.start
            end = min(self.span.end, marks[index]) if index < len(marks) else self.span.end
            yield Span(start, end)


Track: TypeAlias = list[Stretch]
"""The stretches of one product and line group, in order of time: what tiers are counted along."""


def find_rates(product: UsageProduct, terms: Terms, usage: PeriodUsage) -> tuple[list[Track], list[Unbilled]]:
    """Step 5: cut a product's usage where its definition, the usage filter or a price changes, and look up each price.

    The tracks come sorted by pricing and presentation values.
    """
    tracks: dict[tuple[Group, Group], Track] = {}
    unbilled = []
    for piece, definition, metering in meterings(product, terms, usage.period):
        if metering is None:
            unbilled.append(Unbilled(product.id, _why_not_metered(definition), piece))
            continue
        curves = usage.curves.get(metering, {})
        for values in curves or ((),):
            if bool(values) == bool(definition.keys):
                for span, rate in terms.rate(product.id, _pricing(values, definition)).pieces(piece):
                    stretch = Stretch(product.id, span, definition, values, curves.get(values, _NOTHING), rate)
                    tracks.setdefault(stretch.line_group, []).append(stretch)
    return [tracks[line_group] for line_group in sorted(tracks)], unbilled


def _pricing(values: Group, definition: UsageDefinition) -> Group:
    return tuple(pair for pair in values if pair[0] in definition.pricing_keys)


def _why_not_metered(definition: UsageDefinition) -> Reason:
    if definition.metric is None:
        return Reason.NO_METRIC
    return Reason.SQL_METRIC if isinstance(definition.metric, SqlMetric) else Reason.NO_GROUP_KEY


@exact
def price_track(track: Track, marks: Sequence[datetime], policy: RatingPolicy) -> list[Line | Unbilled]:
    """Steps 4 and 7: the lines of one track, also cut at ``marks`` (sorted).

    The count of tiers runs on across price changes and marks; what isn't charged doesn't move it. Where a division doesn't
    terminate, what the marks cut a line into still adds up to it: each part is what it adds to the parts before.
    """
    found: list[Line | Unbilled] = []
    count, counted_in = ZERO, ONE
    for stretch in track:
        pricing, presentation = stretch.line_group
        divisor = stretch.divisor(policy)
        if divisor != counted_in:
            count, counted_in = over(count, counted_in) * divisor, divisor
        billed_by_tier: dict[TierStep | None, Decimal] = {}
        for span in stretch.spans(marks):
            quantity = stretch.quantity(span, policy)
            price = stretch.rate.price if stretch.rate is not None and stretch.rate.entitled else None
            if isinstance(price, (Flat, Tiered)):
                for part in price.parts(count, quantity, divisor):
                    before = billed_by_tier.get(part.tier, ZERO)
                    billed_by_tier[part.tier] = after = before + part.quantity
                    units = over(after, divisor) - over(before, divisor)
                    total = over(after * part.price, divisor) - over(before * part.price, divisor)
                    found.append(Line(stretch.product, units, part.price, total, span, pricing, presentation, part.tier))
                count += quantity
            elif stretch.curve.active(span):
                reason = why_not_charged(stretch.rate)
                found.append(Unbilled(stretch.product, reason, span, over(quantity, divisor), pricing, presentation))
    return found
