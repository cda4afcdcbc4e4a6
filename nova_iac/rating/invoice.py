"""The pipeline: usage and terms in, an invoice or its breakdown out. Each step is one call, in the order of §14.3."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime

from nova_iac.rating.composite import composite_instants, price_composites
from nova_iac.rating.events import Event
from nova_iac.rating.exact import RatingError
from nova_iac.rating.lines import Invoice, Line, Unbilled, total_of
from nova_iac.rating.metering import PeriodMeter, PeriodUsage
from nova_iac.rating.policy import DEFAULT, RatingPolicy
from nova_iac.rating.terms import Terms, change_instants
from nova_iac.rating.timeline import Span
from nova_iac.rating.usage_lines import Track, find_rates, price_track


def rate_period(terms: Terms, period: Span, events: Iterable[Event], *, policy: RatingPolicy = DEFAULT) -> Invoice:
    """One customer's invoice for one billing period, all steps at once.

    :param events: that customer's, each transaction id once, in any order; read once, not kept.
    """
    meter = PeriodMeter(terms, period, policy=policy)
    meter.add_all(events)
    return price_period(terms, meter.usage(), policy=policy)


def price_period(terms: Terms, usage: PeriodUsage, *, policy: RatingPolicy = DEFAULT) -> Invoice:
    """The invoice for a period whose usage is known: steps 4 to 11.

    Lines stand in the order of ``terms.products``, then by pricing and presentation values, time and tier.

    :raises RatingError: usage was not told apart where a price of these terms changes.
    """
    found = _price(terms, usage, (), policy)
    lines = tuple(one for one in found if isinstance(one, Line))
    total = total_of(lines)  # step 11
    if policy.total_rounding is not None:
        total = policy.total_rounding(total)
    return Invoice(usage.period, lines, total, tuple(one for one in found if isinstance(one, Unbilled)))


def price_windows(
    terms: Terms, usage: PeriodUsage, windows: Sequence[Span], *, policy: RatingPolicy = DEFAULT
) -> tuple[Invoice, ...]:
    """The breakdown of a period's invoice: for each window what was added in it, on top of the period before it.

    Over all windows of a period quantities and totals add up, exactly, to those of :func:`price_period` (under the default
    policy; window totals are never rounded).

    :param windows: spans within the period that do not overlap, sorted; usage must be metered with their edges as cuts.
    :raises RatingError: it was not, or the windows are not as said.
    """
    edges = [edge for window in windows for edge in (window.start, window.end)]
    if edges != sorted(edges) or any(not usage.period.start <= edge <= usage.period.end for edge in edges):
        raise RatingError("windows are sorted, do not overlap and lie within the period")
    found: list[list[Line | Unbilled]] = [[] for _ in windows]
    starts = [window.start for window in windows]
    for one in _price(terms, usage, sorted({*edges}), policy):
        index = bisect_right(starts, one.span.start) - 1
        if index >= 0 and one.span.start in windows[index]:
            found[index].append(one)
    return tuple(
        Invoice(window, lines, total_of(lines), tuple(one for one in inside if isinstance(one, Unbilled)))
        for window, inside in zip(windows, found, strict=True)
        for lines in [tuple(one for one in inside if isinstance(one, Line))]
    )


def _price(terms: Terms, usage: PeriodUsage, marks: Sequence[datetime], policy: RatingPolicy) -> list[Line | Unbilled]:
    """Steps 4 to 8, and where 6, 9 and 10 belong."""
    usage.require([*change_instants(terms, usage.period), *marks])
    tracks: dict[str, list[Track]] = {}
    found: dict[str, list[Line | Unbilled]] = {product.id: [] for product in terms.products}
    for product in terms.usage_products:
        tracks[product.id], not_metered = find_rates(product, terms, usage)  # step 5
        found[product.id] += not_metered
        # Step 6, overrides: replace the rates of the stretches of these tracks, cutting them where an override starts or ends.
        found[product.id] += _price_tracks(tracks[product.id], marks, policy)  # steps 4 and 7
    if terms.composites:
        detail = sorted({*marks, *composite_instants(terms)})
        spend = [
            one
            for product_tracks in tracks.values()
            for one in _price_tracks(product_tracks, detail, policy)
            if isinstance(one, Line)
        ]
        found.update(price_composites(terms, usage.period, spend, marks))  # step 8
    # Step 9, balances: take lines in order of drawdown, split them and add applications. Step 10, pricing units: convert.
    return [one for ones in found.values() for one in ones]


def _price_tracks(tracks: Iterable[Track], marks: Sequence[datetime], policy: RatingPolicy) -> list[Line | Unbilled]:
    return [one for track in tracks for one in price_track(track, marks, policy)]
