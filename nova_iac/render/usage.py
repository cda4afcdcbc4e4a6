"""Usage and invoices as text: what Metronome counted, and what it billed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from nova_iac.render.diagnostics import visible
from nova_iac.render.style import Style
from nova_iac.render.table import amount, bar, columns, number, span
from nova_iac.usage.queries import MetricUsage, Usage
from nova_iac.usage.statements import Invoice, Line

_BAR = 30


def usage_text(usage: Usage, customer: str, style: Style, *, running: bool) -> str:
    """A customer's usage: a table per metric with bars, and the total of all invoices' days.

    :param running: the window isn't over yet.
    """
    when = f"{span(usage.start, usage.end)} (UTC{', so far' if running else ''})"
    parts = [style.paint(f"{visible(customer)} · {when}", "bold")]
    if not usage.metrics:
        return parts[0] + "\n\nNo usage.\n"
    parts += [_metric(metric, style) for metric in usage.metrics]
    total = ", ".join(amount(money) for money in usage.total.values()) or "nothing"
    parts.append(style.paint(f"On invoices: {total}", "bold"))
    if usage.finalized:
        parts[-1] += "\nSome of these invoices are final: usage that came in after that is not on them."
    return "\n\n".join(parts) + "\n"


def _metric(metric: MetricUsage, style: Style) -> str:
    most = max((row.quantity for row in metric.rows), default=Decimal(0))
    rows = [[*metric.by, "quantity", "amount"]]
    for row in metric.rows:
        shown = amount(row.amount) if row.amount is not None else "?" if not metric.split else "not billed"
        rows.append([*(row.group[key] for key in metric.by), number(row.quantity), shown])
    blanks = ["total", *[""] * (len(metric.by) - 1)] if metric.by else []
    whole = amount(metric.amount) if metric.amount is not None else "not billed" if metric.split else "?"
    if metric.by:
        rows.append([*blanks, number(metric.quantity), whole])
    lines = columns(rows, right=(len(metric.by), len(metric.by) + 1))
    width = max(map(len, lines))
    room = min(_BAR, style.width - width - 2)
    body = lines[1:-1] if metric.by else lines[1:]
    if room >= 5 and most > 0:
        body = [
            f"{line.ljust(width)}  {style.paint(bar(max(row.quantity, Decimal(0)) / most, room), 'cyan')}".rstrip()
            for line, row in zip(body, metric.rows, strict=True)
        ]
    head = [style.paint(visible(metric.name), "bold"), style.paint(lines[0], "dim")]
    text = "\n".join([*head, *body, *([style.paint(lines[-1], "bold")] if metric.by else [])])
    if not metric.split:
        keys = visible(", ".join(metric.by))
        text += f"\n  Invoice lines aren't told apart by {keys}, so there is no amount for each row."
    return text


def invoices_text(invoices: Sequence[Invoice], customer: str, style: Style, *, hidden: int) -> str:
    """Invoices, the newest first, each with its lines.

    :param hidden: how many without charges were left out.
    """
    parts = [style.paint(visible(customer), "bold")]
    parts += [_invoice(invoice, style) for invoice in invoices]
    if not invoices:
        none = "No invoices: a contract has one for each billing period that has begun."
        parts.append("No invoices with charges." if hidden else none)
    if hidden:
        parts.append(style.paint(f"{hidden} finalized without charges left out; --all shows them.", "dim"))
    return "\n\n".join(parts) + "\n"


def _invoice(invoice: Invoice, style: Style) -> str:
    color = {"DRAFT": "yellow", "FINALIZED": "green"}.get(invoice.status, "dim")
    status = style.paint(invoice.status.capitalize(), color, "bold")
    title = f"{status} {invoice.type.lower()} invoice · {span(invoice.start, invoice.end)}"
    issued = ""
    if invoice.issued_at is not None:
        issued = f"{'final from' if invoice.status == 'DRAFT' else 'issued'} {invoice.issued_at:%Y-%m-%d %H:%M} UTC · "
    lines = [title, style.paint(f"  {issued}id {invoice.id}", "dim")]
    rows = [["item", "quantity", "price", "amount"], *(_line_cells(line, invoice) for line in invoice.lines)]
    rows.append(["total", "", "", amount(invoice.total)])
    table = columns(rows, right=(1, 2, 3))
    return "\n".join([*lines, style.paint(table[0], "dim"), *table[1:-1], style.paint(table[-1], "bold")])


def _line_cells(line: Line, invoice: Invoice) -> list[str]:
    name = line.name
    if line.group:
        name += f" ({', '.join(line.group.values())})"
    if line.tier is not None:
        name += f", tier {_tier(line)}"
    if line.starting_at is not None and line.starting_at != invoice.start:
        name += f", from {line.starting_at:%Y-%m-%d %H:%M}"
    price = "" if line.price is None else amount(line.price)
    return [name, "" if line.quantity is None else number(line.quantity), price, amount(line.total)]


def _tier(line: Line) -> str:
    assert line.tier is not None
    start, size = Decimal(str(line.tier["starting_at"])), line.tier.get("size")
    above = f"over {number(start)}" if start else ""
    upto = "" if size is None else f"up to {number(start + Decimal(str(size)))}"
    return f"{line.tier['level']}: {' '.join(part for part in (above, upto) if part) or 'all'}"
