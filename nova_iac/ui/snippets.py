"""YAML to add to a spec, for what a call asks for and the spec doesn't have."""

from __future__ import annotations

import json
import re
from typing import Final

from nova_iac.desired.graph import ResourceGraph
from nova_iac.resource import KEY_PATTERN
from nova_iac.ui import catalog

_KEY: Final = re.compile(KEY_PATTERN)


def customer(key: str | None, alias: str | None, graph: ResourceGraph, now: str) -> str:
    """The block that would declare a customer. A key that can be none is taken for an alias."""
    if key is not None and not _KEY.fullmatch(key):
        key, alias = None, alias or key
    own = key or _slug(alias or "")
    lines = ["customers:", f"  {own}:", f"    name: {_quoted(re.sub('[-_]+', ' ', own).title())}"]
    if alias:
        lines.append(f"    ingest_aliases: [{_quoted(alias)}]")
    return "\n".join([*lines, *_contract(graph, now), ""])


def contract(customer_key: str, graph: ResourceGraph, now: str) -> str:
    """The block that would declare a contract of a customer that the spec has."""
    return "\n".join(["customers:", f"  {customer_key}:", *_contract(graph, now), ""])


def _contract(graph: ResourceGraph, now: str) -> list[str]:
    """On the first card, from today; nothing where there is no card."""
    card = next((address.keys[0] for address in graph.resources if catalog.CARDS.matches(address)), None)
    return [] if card is None else ["    contracts:", f"      payg: {{rate_card: {card}, starting_at: {now[:10]}}}"]


def _quoted(text: str) -> str:
    """As a JSON string, which YAML reads as it is."""
    return json.dumps(text, ensure_ascii=False)


def _slug(text: str) -> str:
    words = re.findall(r"[a-z0-9]+", text.partition("@")[0].lower())
    return "-".join(words) or "customer"
