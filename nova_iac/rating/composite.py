"""Step 8, composite products: a percentage of the spend of other products (§6.2, §14.3)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from graphlib import TopologicalSorter

from nova_iac.rating.exact import ZERO, exact
from nova_iac.rating.lines import Line, Unbilled, total_of, why_not_charged
from nova_iac.rating.prices import Percentage, TieredPercentage
from nova_iac.rating.terms import CompositeDefinition, CompositeProduct, Product, Terms
from nova_iac.rating.timeline import Span


def composite_instants(terms: Terms) -> set[datetime]:
    """Where spend has to be told apart for composite products: changes of what they include and of their own prices."""
    instants: set[datetime] = set()
    if terms.composites:
        for composite in terms.composites:
            instants.update(composite.definition.starts, terms.rate(composite.id).starts)
        for product in terms.products:
            instants.update(product.tags.starts)
    return instants


def includes(definition: CompositeDefinition, line: Line, product: Product) -> bool:
    """Whether a composite product takes in the spend of a line, which is one of ``product``'s."""
    if line.composite and not definition.include_composite_spend:
        return False
    if definition.exclude_free_usage and line.unit_price == ZERO:
        return False
    tags = product.tags.at(line.span.start) or frozenset()
    return product.id in definition.products or not tags.isdisjoint(definition.tags)


def price_composites(
    terms: Terms, period: Span, spend: Iterable[Line], marks: Collection[datetime]
) -> dict[str, list[Line | Unbilled]]:
    """The lines of each composite product, cut where its definition or its price changes, and at ``marks``.

    A composite product never takes in its own spend, nor that of one that (by way of others) takes in its own.

    :param spend: the usage lines, cut at ``marks`` and at :func:`composite_instants`, so that none crosses a change.
    """
    products = {product.id: product for product in terms.products}
    detail = {*marks, *composite_instants(terms)}
    spent = list(spend)
    result: dict[str, list[Line | Unbilled]] = {}
    for composite, dependants in _in_order(terms.composites):
        visible = sorted((line for line in spent if line.product not in dependants), key=_start)
        result[composite.id] = _price(composite, terms, period, visible, marks, products)
        in_detail = _price(composite, terms, period, visible, detail, products)
        spent += [line for line in in_detail if isinstance(line, Line)]
    return result


@exact
def _price(
    composite: CompositeProduct,
    terms: Terms,
    period: Span,
    spend: Sequence[Line],
    marks: Collection[datetime],
    products: dict[str, Product],
) -> list[Line | Unbilled]:
    """One composite product's lines; the count of its tiers, in spend, runs on over the period as that of usage does."""
    found: list[Line | Unbilled] = []
    count = ZERO
    for piece, both in composite.definition.pair(terms.rate(composite.id)).pieces(period):
        definition, rate = both or (None, None)
        if definition is None:
            continue
        price = rate.price if rate is not None and rate.entitled else None
        for span in piece.split(marks):
            within = spend[bisect_left(spend, span.start, key=_start) : bisect_left(spend, span.end, key=_start)]
            base = total_of(line for line in within if includes(definition, line, products[line.product]))
            if isinstance(price, (Percentage, TieredPercentage)):
                for part in price.parts(count, base):
                    total = part.quantity * part.price
                    found.append(Line(composite.id, part.quantity, part.price, total, span, tier=part.tier, composite=True))
                count += base
            elif base:
                found.append(Unbilled(composite.id, why_not_charged(rate), span, base))
    return found


def _start(line: Line) -> datetime:
    return line.span.start


def _in_order(composites: Sequence[CompositeProduct]) -> Iterator[tuple[CompositeProduct, set[str]]]:
    """Composite products, each after those that it takes in, with itself and its dependants: whose spend it must not see."""
    by_id = {composite.id: composite for composite in composites}
    direct = {a.id: {b.id for b in composites if _may_include(a, b)} for a in composites}
    reach = {start: _reachable(start, direct) for start in direct}
    dependants = {start: {start} | {other for other in reach if start in reach[other]} for start in direct}
    graph = {start: sorted(direct[start] - dependants[start]) for start in direct}
    for product_id in TopologicalSorter(graph).static_order():
        yield by_id[product_id], dependants[product_id]


def _may_include(composite: CompositeProduct, other: CompositeProduct) -> bool:
    tags = {tag for value in other.tags.values for tag in value or ()}
    return any(
        definition.include_composite_spend and (other.id in definition.products or not tags.isdisjoint(definition.tags))
        for definition in composite.definition.values
        if definition is not None
    )


def _reachable(start: str, direct: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        fresh = direct[ahead.pop()] - found
        found |= fresh
        ahead.extend(fresh)
    return found
