"""A run of emit as text: how far it is, what it came to, what it would bill, what became of a sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby

from nova_iac.money import Money
from nova_iac.render.diagnostics import visible
from nova_iac.render.style import Style
from nova_iac.render.table import amount, bar, columns, exact_amount, number, span, words
from nova_iac.usage.emission import OTHER_REASONS, Tally
from nova_iac.usage.estimate import PricedInvoice, totals
from nova_iac.usage.judge import SUMMARIES
from nova_iac.usage.verify import Verified

_BAR = 24
_CUSTOMERS_SHOWN = 20
_REASONS_SHOWN = 10
_REST = frozenset((OTHER_REASONS, *SUMMARIES.values()))


def summary_line(tally: Tally, seconds: float, style: Style) -> str:
    """What a run came to; a public interface, frozen by tests."""
    word = "complete" if tally.complete else "incomplete"
    counts = f"{tally.sent} sent, {tally.skipped} skipped, {tally.rejected} rejected"
    return style.paint(f"Emit {word}: {counts}. {per_second(tally, seconds)} events/s.", "bold")


def per_second(tally: Tally, seconds: float) -> int:
    """Events a second."""
    return round(tally.sent / seconds) if seconds > 0 else tally.sent


def progress_text(tally: Tally, seconds: float, size: int | None, style: Style) -> str:
    """How far a run is, on one line."""
    parts = [f"{tally.sent:,} sent"]
    if tally.rejected:
        parts.append(f"{tally.rejected:,} rejected")
    parts.append(f"{per_second(tally, seconds):,}/s")
    text = " · ".join(parts)
    if size:
        share = min(Decimal(1), Decimal(tally.offset) / size)
        room = min(_BAR, style.width - len(text) - 8)
        gauge = f"{style.paint(bar(share, room).ljust(room, '░'), 'cyan')} " if room >= 8 else ""
        return f"{gauge}{int(share * 100):3d} % {text}"
    return text


def reasons_text(title: str, reasons: Counter[str], style: Style, color: str) -> str:
    """Reasons with how often each was given, the most frequent first; last those that have no name of their own."""
    named = sorted(reasons.items(), key=lambda pair: (pair[0] in _REST, -pair[1]))
    lines = [style.paint(title, color, "bold")]
    lines += [f"  {count:,} {'time' if count == 1 else 'times'}: {visible(reason)}" for reason, count in named[:_REASONS_SHOWN]]
    if len(reasons) > _REASONS_SHOWN:
        lines.append(f"  and {len(reasons) - _REASONS_SHOWN} more reasons")
    return "\n".join(lines)


def estimate_text(invoices: Sequence[PricedInvoice], events: int, not_priced: Counter[str], style: Style) -> str:
    """What events would bill: a table per customer, product and group; the largest customers first where there are many."""
    by_customer = [(customer, list(found)) for customer, found in groupby(invoices, key=lambda one: one.customer)]
    by_customer.sort(key=lambda pair: (-sum(one.total.amount for one in pair[1]), pair[0]))
    parts = []
    for customer, found in by_customer[:_CUSTOMERS_SHOWN]:
        parts += [_priced(one, style) for one in found if one.lines or one.unbilled]
        if not any(one.lines or one.unbilled for one in found):
            parts.append(f"{style.paint(customer, 'bold')}\n  nothing that is billed")
    if (rest := len(by_customer) - _CUSTOMERS_SHOWN) > 0:
        parts.append(f"and {rest:,} more {'customer' if rest == 1 else 'customers'}; --format json has them all.")
    if not_priced:
        parts.append(reasons_text("Not priced:", not_priced, style, "yellow"))
    parts.append(style.paint(estimate_line(list(invoices), events), "bold"))
    return "\n\n".join(parts) + "\n"


def estimate_line(invoices: list[PricedInvoice], events: int) -> str:
    """The sum of it; a public interface, frozen by tests."""
    sums = " and ".join(exact_amount(money) for money in totals(invoices).values()) or "nothing"
    return f"Dry run: {events} {'event' if events == 1 else 'events'} would bill {sums}. Nothing was sent."


def _priced(one: PricedInvoice, style: Style) -> str:
    title = f"{style.paint(one.customer, 'bold')} · {one.contract} · {span(one.start, one.end)}"
    rows = [["product", "group", "quantity", "price", "amount"]]
    for line in one.lines:
        price = f"{number(line.price.amount * 100)} %" if line.percent else amount(line.price)
        if line.tier is not None:
            price = f"tier {line.tier}: {price}"
        rows.append([line.product, words(line.group), number(line.quantity), price, amount(line.total)])
    free = amount(Money(Decimal(0), one.total.unit))
    for product, group, reason, quantity in one.unbilled:
        rows.append([product, words(group), "" if quantity is None else number(quantity), reason, free])
    rows.append(["total", "", "", "", amount(one.total)])
    table = columns(rows, right=(2, 3, 4))
    return "\n".join([title, style.paint(table[0], "dim"), *table[1:-1], style.paint(table[-1], "bold")])


def verified_text(found: Sequence[Verified], style: Style) -> str:
    """What became of a sample of events: one line where all is well, else each that will not bill."""
    bad = [one for one in found if one.problem]
    good = Counter((one.earlier, one.customer, one.metrics) for one in found if not one.problem)
    lines = [
        f"{style.paint('✓', 'green')} {count} of {len(found)} looked up: "
        + visible(f"customer {customer}, metric {', '.join(metrics)}{'; there before this run' if earlier else ''}")
        for (earlier, customer, metrics), count in sorted(good.items(), key=lambda pair: (-pair[1], str(pair[0])))
    ]
    lines += [f"{style.paint('✗', 'red')} {visible(f'{one.transaction_id}: {one.problem}')}" for one in bad]
    return "\n".join(lines) + "\n"
