"""``GET /api/usage``: a customer's usage of this UTC day by group, with the amounts of its draft invoices.

Counts come from the usage endpoints and amounts from invoice breakdowns: nothing is multiplied here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final, TypeAlias

from nova_iac import moment
from nova_iac.money import CURRENCIES, Money, plain
from nova_iac.rating.exact import exact
from nova_iac.remote import Client
from nova_iac.resource import Address
from nova_iac.state.lockfile import LockEntry
from nova_iac.ui import account, catalog
from nova_iac.ui.catalog import Offer
from nova_iac.ui.desk import Desk
from nova_iac.ui.problems import Refusal
from nova_iac.ui.record import id_of, recorded
from nova_iac.usage import statements
from nova_iac.usage.queries import day_of
from nova_iac.usage.statements import Invoice, Line

Values: TypeAlias = frozenset[tuple[str, str]]
Entries: TypeAlias = Mapping[Address, LockEntry]

_USAGE_LINE: Final = "usage"
_MOST_DRAFTS: Final = 10
_ZERO: Final = Decimal(0)


def usage(desk: Desk, customer: str | None) -> dict[str, Any]:
    """The whole document; counts and amounts are exact texts. What isn't created yet has no usage.

    :raises Refusal: the spec has no such customer.
    """
    session = desk.session()
    graph = session.graph(destroy=False)
    entries = recorded(graph, session.folded())
    now, client = desk.now(), desk.client(session)
    customers = catalog.customers(graph)
    key = _choose(customer, list(customers))
    offers = catalog.offers(graph, key, moment.text(now))
    customer_id = None if key is None else id_of(entries, customers[key].address)
    days: list[Invoice] = []
    drafts: list[Invoice] = []
    if customer_id is not None:
        days = list(statements.breakdowns(client, customer_id, *day_of(now)))
        drafts = list(islice(statements.invoices(client, customer_id, status="DRAFT"), _MOST_DRAFTS))
    lines = [line for day in days for line in day.lines if line.type == _USAGE_LINE]
    counts = client.map(lambda offer: _counts(client, offer, entries, customer_id, now, lines), offers)
    return {
        "as_of": moment.text(now.replace(microsecond=0)),
        "day": moment.text(day_of(now)[0])[:10],
        "customer": key,
        "ready": customer_id is not None,
        "products": [_product(offer, entries, lines, count) for offer, count in zip(offers, counts, strict=True)],
        "total": _sums(day.total for day in days),
        "invoices": [_draft(invoice) for invoice in drafts],
    }


def _choose(wanted: str | None, known: Sequence[str]) -> str | None:
    if wanted is None:
        return known[0] if known else None
    if wanted not in known:
        names = ", ".join(known[:20]) or "none"
        raise Refusal(404, "no_customer", f"There is no customer {wanted!r} in this environment.", f"The spec has: {names}.")
    return wanted


def _counts(
    client: Client, offer: Offer, entries: Entries, customer_id: str | None, now: datetime, lines: Iterable[Line]
) -> dict[Values, Decimal]:
    metric_id = id_of(entries, offer.metric.address)
    if customer_id is None or metric_id is None:
        return {}
    if "sql" in offer.metric.attributes:
        return _billed(_own_lines(offer, entries, lines))  # usage by group is there for streaming metrics only (§13.3)
    rows = account.usage_by_group(client, customer_id, metric_id, offer.keys, now)
    return {frozenset(group.items()): value for group, value in rows}


def _product(offer: Offer, entries: Entries, lines: Iterable[Line], counts: Mapping[Values, Decimal]) -> dict[str, Any]:
    attributes = offer.product.attributes
    own = _own_lines(offer, entries, lines)
    prices = {frozenset(group.values.items()): group.price for group in offer.groups}
    # A group with a price is shown before it has usage, so that the page keeps its shape.
    whole = set(offer.keys) == set(attributes.get("pricing_group_key") or ())
    groups = dict.fromkeys([*(prices if whole else ()), *sorted({*counts, *own}, key=sorted)])
    most = max(counts.values(), default=_ZERO)
    return {
        "key": offer.key,
        "name": attributes.get("name", offer.key),
        "unit": offer.metric.attributes.get("aggregation_key") or "events",
        "tier_key": offer.tier_key,
        "quantity": plain(_sum(counts.values())),
        "total": _sums(line.total for part in own.values() for line in part),
        "groups": [_group(group, offer, own.get(group, ()), counts.get(group, _ZERO), most, prices) for group in groups],
    }


def _own_lines(offer: Offer, entries: Entries, lines: Iterable[Line]) -> dict[Values, list[Line]]:
    """The lines of one product by their group values."""
    product_id = id_of(entries, offer.product.address)
    own: dict[Values, list[Line]] = {}
    for line in lines:
        if product_id is not None and line.product_id == product_id:
            own.setdefault(frozenset(line.group.items()), []).append(line)
    return own


def _billed(own: Mapping[Values, Sequence[Line]]) -> dict[Values, Decimal]:
    return {group: _sum(line.quantity or _ZERO for line in lines) for group, lines in own.items()}


def _group(
    group: Values, offer: Offer, lines: Sequence[Line], count: Decimal, most: Decimal, prices: Mapping[Values, str | None]
) -> dict[str, Any]:
    values = dict(sorted(group))
    tier = values.get(offer.tier_key or "")
    name = ", ".join(values[key] for key in offer.keys if key in values)
    return {
        "values": values,
        "label": name or offer.product.attributes.get("name", offer.key),
        "tier": tier if tier in offer.tiers else None,
        "price": _unit_price(lines) or prices.get(group),
        "quantity": plain(count),
        "amount": _sums(line.total for line in lines) or None,
        # For the length of the bar alone: whole hundredths of the largest group.
        "share": int(count * 100 / most) if most > 0 and count > 0 else 0,
    }


def _unit_price(lines: Sequence[Line]) -> str | None:
    """What the invoice says that one costs, where that is one price."""
    found = {line.price.text for line in lines if line.price is not None}
    return found.pop() if len(found) == 1 else None


@exact
def _sum(numbers: Iterable[Decimal]) -> Decimal:
    return sum(numbers, _ZERO)


@exact
def _sums(amounts: Iterable[Money]) -> list[str]:
    """The sum of each currency, as it is read: ``["$0.51"]``."""
    sums: dict[str, Decimal] = {}
    for money in amounts:
        sums[money.unit] = sums.get(money.unit, _ZERO) + money.amount
    return [_shown(Money(amount, unit)) for unit, amount in sums.items()]


def _shown(money: Money) -> str:
    """With two places at least, since amounts stand below each other; every further digit as it is."""
    text = Money(abs(money.amount), money.unit).text
    if money.unit in CURRENCIES and "." not in text:
        text += ".00"
    return f"-{text}" if money.amount < 0 else text


def _draft(invoice: Invoice) -> dict[str, Any]:
    return {
        "id": invoice.id,
        "starting_on": None if invoice.start is None else moment.text(invoice.start),
        "ending_before": None if invoice.end is None else moment.text(invoice.end),
        "total": _shown(invoice.total),
    }
