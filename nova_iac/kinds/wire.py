"""What all kinds need to speak with the API: references as parameters, rows without what says nothing, lists read sparingly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from nova_iac.errors import NotFound
from nova_iac.kinds.base import Wanted
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Address, Ref, Value

_T = TypeVar("_T")

PAGE: Final = 100
"""Rows on a full page of a list (§3.6)."""


def ref_or_id(address: Value) -> Value:
    """A reference as a parameter: an address becomes a Ref; an id that the lockfile doesn't know stays."""
    return Ref(address) if isinstance(address, Address) else address


def chunks(items: Sequence[_T], size: int) -> Iterable[Sequence[_T]]:
    """Slices of at most size items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def without_empty(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the API without what is null or an empty list or object: the ways in which it says "not set"."""
    return {name: value for name, value in row.items() if value is not None and value != [] and value != {}}


def read_listed(
    wanted: Sequence[Wanted],
    pages: Iterable[Sequence[dict[str, Any]]],
    get: Callable[[str], dict[str, Any] | None],
    client: Client,
    *,
    complete: bool,
) -> dict[str, dict[str, Any]]:
    """Rows by id, read by pages of a list while that is cheaper than asking for the rest one by one.

    After n pages at most n objects are asked for singly, so the number of calls is at most twice the least possible, however
    many unrelated objects the account has.

    :param complete: the list shows archived objects too, so that what an exhausted list lacks does not exist.
    """
    missing = {item.id for item in wanted if item.id}
    rows: dict[str, dict[str, Any]] = {}
    for count, page in enumerate(pages, start=1):
        for row in page:
            if row["id"] in missing:
                rows[row["id"]] = row
                missing.discard(row["id"])
        if len(missing) <= count and (count > 1 or not missing or len(page) >= PAGE):
            break
    else:
        if complete:
            missing.clear()
    for found in client.map(get, sorted(missing)):
        if found is not None:
            rows[found["id"]] = found
    return rows


def rows_or_none(client: Client, endpoint: Endpoint, params: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """All rows of a list that belongs to one object, None where that object does not exist."""
    try:
        return list(client.rows(endpoint, params))
    except NotFound:
        return None


def get_or_none(client: Client, endpoint: Endpoint, params: Mapping[str, Any]) -> dict[str, Any] | None:
    """The ``data`` of one object, None where it does not exist."""
    try:
        data: dict[str, Any] = client.read(endpoint, params)["data"]
    except NotFound:
        return None
    return data
