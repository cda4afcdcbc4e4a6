"""Drift as text and as JSON: what somebody changed outside, and who that was where the audit log knows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nova_iac import __version__
from nova_iac.adopt.audit import Author
from nova_iac.plan.change import Drift
from nova_iac.plan.document import drift_data
from nova_iac.render.style import Style
from nova_iac.render.terminal import drift_text
from nova_iac.resource import Address
from nova_iac.state.lockfile import Lockfile

FORMAT_VERSION: Final = "1.0"
"""Minor: something was added. Major: something a reader relies on has changed."""


def as_text(drift: Sequence[Drift], authors: Mapping[Address, Author], style: Style) -> str:
    """For people; the last line says what it comes to."""
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
