"""Drift as text, JSON and Markdown: what somebody changed outside, and who that was where the audit log knows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nova_iac import __version__
from nova_iac.adopt.audit import Author
from nova_iac.plan.change import Drift
from nova_iac.plan.document import drift_data
from nova_iac.render.markdown import DRIFT_COLUMNS, drift_rows
from nova_iac.render.markup import BUDGET, Section, code, fit, marker, size
from nova_iac.render.style import Style
from nova_iac.render.terminal import drift_text
from nova_iac.render.words import many, short_moment
from nova_iac.resource import Address
from nova_iac.state.lockfile import Lockfile

FORMAT_VERSION: Final = "1.0"
"""Minor: something was added. Major: something a reader relies on has changed."""

_WARNING_ROOM: Final = 500


def as_text(drift: Sequence[Drift], authors: Mapping[Address, Author], compared: int, style: Style) -> str:
    """For people; the last line says what it comes to.

    :param compared: how many recorded resources were looked at.
    """
    if not compared:
        return style.paint("Nothing is recorded, so nothing was compared.", "bold") + "\n"
    return drift_text(drift, style, {address: author.describe() for address, author in authors.items()})


def as_json(drift: Sequence[Drift], authors: Mapping[Address, Author], lockfile: Lockfile, compared: int) -> str:
    """For programs. before is recorded, after is live; author is null where the log knows none.

    :param compared: how many recorded resources were looked at.
    """
    data = {
        "format_version": FORMAT_VERSION,
        "tool_version": __version__,
        "environment": lockfile.environment,
        "lineage": lockfile.lineage or None,
        "serial": lockfile.serial,
        "compared": compared,
        "drift": [{**_with_id(one, lockfile), "author": _author(authors.get(one.address))} for one in drift],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def as_markdown(
    drift: Sequence[Drift],
    authors: Mapping[Address, Author],
    environment: str,
    compared: int,
    *,
    spec_path: str,
    unknown: str = "",
    budget: int = BUDGET,
) -> str:
    """The body of an issue, within what one may hold; one line when nothing has drifted.

    :param compared: how many recorded resources were looked at.
    :param spec_path: the spec in its repository, for the marker.
    :param unknown: why it can't be told who changed something.
    """
    mark = marker("drift", environment, spec_path)
    if not compared:
        return f"{mark}\n⚠️ nova-iac: nothing is recorded in {code(environment)}, so nothing was compared.\n"
    if not drift:
        return f"{mark}\n✅ nova-iac: no drift in {code(environment)}; {_compared(0, compared)}.\n"
    top = [mark, f"### ⚠️ nova-iac: {code(environment)} was changed outside"]
    plan = code(f"nova-iac plan -e {environment}")
    advice = f"Write into the spec what is to stay; {plan} shows what apply would do about the rest."
    head = ["", f"**{_compared(len(drift), compared)}.** {advice}"]
    if unknown:
        head += ["", f"Who changed this can't be told: {code(unknown)}"]
    items = []
    for one in drift:
        author = authors.get(one.address)
        who = [_who(author)] if authors and author else [""] if authors else []
        items.append("\n".join(drift_rows(one, *who)))
    room = budget - size("\n".join([*top, *head])) - _WARNING_ROOM
    lines, left = fit([Section("", items, "drifted resources", 100, DRIFT_COLUMNS[bool(authors)])], room)
    warning = ["", "> [!WARNING]", f"> Left out to fit: {', '.join(left)}. `nova-iac drift` shows all."] if left else []
    return "\n".join([*top, *warning, *head, *lines]).rstrip() + "\n"


def _compared(drifted: int, compared: int) -> str:
    if not drifted:
        return f"{many(compared, 'resource')} {'is' if compared == 1 else 'are'} as recorded"
    return f"{drifted} of {many(compared, 'recorded resource')} {'differs' if drifted == 1 else 'differ'}"


def _who(author: Author) -> str:
    who = code(f"{author.name} <{author.email}>" if author.email else author.name)
    return f"{short_moment(author.at)} by {who}: {code(author.action)}"


def _with_id(one: Drift, lockfile: Lockfile) -> dict[str, Any]:
    data = drift_data(one)
    return {"address": data["address"], "id": lockfile.resources[one.address].id, **data}


def _author(author: Author | None) -> dict[str, Any] | None:
    if author is None:
        return None
    return {
        "at": author.at,
        "name": author.name,
        "email": author.email,
        "action": author.action,
        "request_id": author.request_id,
    }
