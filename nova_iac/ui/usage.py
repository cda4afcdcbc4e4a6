"""``GET /api/usage``: a customer's usage of this UTC day by group, with the amounts of its draft invoices.

Counts come from the usage endpoints and amounts from invoice breakdowns: nothing is multiplied here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

from nova_iac import moment
from nova_iac.money import CURRENCIES, Money, plain
from nova_iac.remote import Client
from nova_iac.resource import Address
from nova_iac.state.journal import Folded
from nova_iac.ui import account, catalog
from nova_iac.ui.catalog import Offer
from nova_iac.ui.desk import Desk
from nova_iac.ui.problems import Refusal

Values: TypeAlias = frozenset[tuple[str, str]]
Lines: TypeAlias = Sequence[Mapping[str, Any]]

_USAGE_LINE: Final = "usage"


def usage(desk: Desk, customer: str | None) -> dict[str, Any]:
    """The whole document; counts and amounts are exact texts. What isn't created yet has no usage."""
    session = desk.session()
    graph, folded = session.graph(destroy=False), session.folded()
    now = desk.now()
    key = _choose(customer, list(catalog.customers(graph)))
    day = account.utc_day(now)
    offers = catalog.offers(graph, key, moment.text(now))
    customer_id = _recorded(folded, None if key is None else catalog.customers(graph)[key].address)
    breakdowns: list[dict[str, Any]] = []
    drafts: list[dict[str, Any]] = []
    client = desk.client(session)
    if customer_id is not None:
        breakdowns = account.draft_breakdowns(client, customer_id, day)
        drafts = account.draft_invoices(client, customer_id)
    lines = [line for invoice in breakdowns for line in invoice["line_items"] if line["type"] == _USAGE_LINE]
    counts = client.map(lambda offer: _counts(client, offer, folded, customer_id, day, lines), offers)
    return {
        "as_of": moment.text(now.replace(microsecond=0)),
        "day": day[0][:10],
        "customer": key,
        "ready": customer_id is not None,
        "products": [_product(offer, folded, lines, count) for offer, count in zip(offers, counts, strict=True)],
        "total": _sums((invoice["total"], invoice["credit_type"]) for invoice in breakdowns),
        "invoices": [_draft(invoice) for invoice in drafts],
    }


def _choose(wanted: str | None, known: Sequence[str]) -> str | None:
    if wanted is None:
        return known[0] if known else None
    if wanted not in known:
        names = ", ".join(known[:20]) or "none"
        raise Refusal(404, "no_customer", f"There is no customer {wanted!r} in this environment.", f"The spec has: {names}.")
    return wanted


def _recorded(folded: Folded | None, address: Address | None) -> str | None:
    entry = None if folded is None or address is None else folded.lockfile.resources.get(address)
    return None if entry is None else entry.id


def _counts(
    client: Client, offer: Offer, folded: Folded | None, customer_id: str | None, day: tuple[str, str], lines: Lines
) -> dict[Values, Decimal]:
    metric_id = _recorded(folded, offer.metric.address)
    if customer_id is None or metric_id is None:
        return {}
    if "sql" in offer.metric.attributes:
        return _billed(_own_lines(offer, folded, lines))  # usage by group is there for streaming metrics only (§13.3)
    rows = account.usage_by_group(client, customer_id, metric_id, offer.keys, day)
    return {frozenset(group.items()): value for group, value in rows}


def _product(offer: Offer, folded: Folded | None, lines: Lines, counts: Mapping[Values, Decimal]) -> dict[str, Any]:
    own = _own_lines(offer, folded, lines)
    prices = {frozenset(group.values.items()): group.price for group in offer.groups}
    # A group with a price is shown before it has usage, so that the page keeps its shape.
    shown = [*({} if offer.keys != tuple(offer.product.attributes.get("pricing_group_key") or ()) else prices)]
    groups = list(dict.fromkeys([*shown, *sorted({*counts, *own}, key=sorted)]))
    most = max(counts.values(), default=Decimal(0))
    return {
        "key": offer.key,
        "name": offer.product.attributes.get("name", offer.key),
        "unit": offer.metric.attributes.get("aggregation_key") or "events",
        "tier_key": offer.tier_key,
        "quantity": plain(sum(counts.values(), Decimal(0))),
        "total": _sums((line["total"], line["credit_type"]) for part in own.values() for line in part),
        "groups": [_group(group, offer, own.get(group, ()), counts.get(group, Decimal(0)), most, prices) for group in groups],
    }


def _own_lines(offer: Offer, folded: Folded | None, lines: Lines) -> dict[Values, list[Mapping[str, Any]]]:
    """The lines of one product by their group values."""
    product_id = _recorded(folded, offer.product.address)
    own: dict[Values, list[Mapping[str, Any]]] = {}
    for line in lines:
        if product_id is not None and line.get("product_id") == product_id:
            own.setdefault(_values(line), []).append(line)
    return own


def _billed(own: Mapping[Values, Lines]) -> dict[Values, Decimal]:
    return {group: sum((Decimal(line.get("quantity") or 0) for line in lines), Decimal(0)) for group, lines in own.items()}


def _group(
    group: Values, offer: Offer, lines: Lines, count: Decimal, most: Decimal, prices: Mapping[Values, str | None]
) -> dict[str, Any]:
    values = dict(sorted(group))
    tier = values.get(offer.tier_key or "")
    return {
        "values": values,
        "label": ", ".join(values[key] for key in offer.keys if key in values) or offer.product.attributes.get("name", offer.key),
        "tier": tier if tier in offer.tiers else None,
        "price": _unit_price(lines) or prices.get(group),
        "quantity": plain(count),
        "amount": _sums((line["total"], line["credit_type"]) for line in lines) or None,
        # For the length of the bar alone: whole hundredths of the largest group.
        "share": int(count * 100 / most) if most > 0 and count > 0 else 0,
    }


def _values(line: Mapping[str, Any]) -> Values:
    return frozenset({**(line.get("pricing_group_values") or {}), **(line.get("presentation_group_values") or {})}.items())


def _unit_price(lines: Lines) -> str | None:
    """What the invoice says that one costs, where that is one price."""
    found = {_amount(line["unit_price"], line["credit_type"]) for line in lines if line.get("unit_price") is not None}
    return found.pop() if len(found) == 1 else None


def _sums(amounts: Iterable[tuple[Any, Mapping[str, Any]]]) -> list[str]:
    """The sum of each currency, as it is read: ``["$0.51"]``."""
    sums: dict[str, Decimal] = {}
    units: dict[str, Mapping[str, Any]] = {}
    for amount, unit in amounts:
        sums[unit["name"]] = sums.get(unit["name"], Decimal(0)) + Decimal(amount)
        units[unit["name"]] = unit
    return [_amount(sums[name], units[name]) for name in sums]


def _amount(number: Any, unit: Mapping[str, Any]) -> str:
    """A number of the API in its credit type (``USD (cents)``, ``EUR``, or a unit of the account's own)."""
    code = str(unit["name"]).partition(" ")[0]
    value = Decimal(number)
    text = Money.from_wire(abs(value), code).text if code in CURRENCIES else f"{plain(abs(value))} {unit['name']}"
    if code in CURRENCIES and "." not in text:
        text += ".00"  # amounts stand below each other
    return f"-{text}" if value < 0 else text


def _draft(invoice: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": invoice["id"],
        "starting_on": invoice.get("start_timestamp"),
        "ending_before": invoice.get("end_timestamp"),
        "total": _amount(invoice["total"], invoice["credit_type"]),
    }
