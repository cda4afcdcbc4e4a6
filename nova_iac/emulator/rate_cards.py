"""Rate cards and their aliases (§7.1): one fiat for life, conversions only added, an alias moves to whoever takes it."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from nova_iac.emulator import codec, credit_types, custom_fields, pages, times
from nova_iac.emulator.errors import BadRequest
from nova_iac.emulator.request import AUTHOR, Request
from nova_iac.emulator.store import Store, Stored
from nova_iac.emulator.wire import Reader

KIND = "rate_card"
ENTITY = "rate_card"
FIRST, LAST = "", "~"
"""Stand for an open start and end among answer texts: they sort before and after every instant."""


def create(request: Request, store: Store) -> Any:
    reader = request.reader()
    body: dict[str, Any] = {"name": reader.text("name")}
    description = reader.maybe_text("description")
    if description is not None:
        body["description"] = description
    fiat = reader.maybe_uuid("fiat_credit_type_id") or credit_types.USD
    conversions = _conversions(reader, "credit_type_conversions")
    aliases, fields = _aliases(reader), custom_fields.read(reader)
    reader.finish()
    if fiat not in credit_types.FIATS:
        raise BadRequest(f"fiat_credit_type_id {fiat} is not a currency")
    body |= {"fiat_credit_type_id": fiat, "credit_type_conversions": _added(store, {}, conversions)}
    card = store.add(KIND, request.new_id(), body, request.now)
    _give_aliases(store, card.id, aliases or [])
    custom_fields.put(store, ENTITY, card.id, fields)
    return {"data": {"id": card.id}}


def get(request: Request, store: Store) -> Any:
    reader = request.reader()
    id = reader.uuid("id")
    reader.finish()
    return {"data": shown(store.get(KIND, id), store)}


def list_all(request: Request, store: Store) -> Any:
    """Every card, archived ones with their ``archived_at``: the call has no archive filter (§7.1, §16)."""
    page = pages.by_query(request)
    found = store.page(KIND, after=page.after, limit=page.limit)
    return page.answer([(seq, shown(card, store)) for seq, card in found])


def update(request: Request, store: Store) -> Any:
    """Aliases, when given, replace this card's whole list (§7.1)."""
    reader = request.reader()
    id = reader.uuid("rate_card_id")
    changes = {name: reader.maybe_text(name) for name in ("name", "description") if name in reader}
    conversions, aliases = _conversions(reader, "add_credit_type_conversions"), _aliases(reader)
    reader.finish()
    card = store.get(KIND, id)
    held = card.body["credit_type_conversions"]
    store.replace(id, card.body | changes | {"credit_type_conversions": _added(store, held, conversions)}, request.now)
    if aliases is not None:
        store.run("DELETE FROM rate_card_alias WHERE card_id = ?", id)
        _give_aliases(store, id, aliases)
    return {"data": {"id": id}}


def archive(request: Request, store: Store) -> Any:
    reader = request.reader()
    id = reader.uuid("id")
    reader.finish()
    if store.get(KIND, id).archived_at:
        raise BadRequest("Rate card already archived")
    store.archive(id, request.now)
    return {"data": {"id": id}}


def by_alias(store: Store, alias: str, at: datetime) -> Stored:
    """The card that an alias names at an instant."""
    moment = times.text(at)
    row = store.row(
        "SELECT card_id FROM rate_card_alias WHERE name = ? AND coalesce(starting_at, ?) <= ? AND ? < coalesce(ending_before, ?)",
        *(alias, FIRST, moment, moment, LAST),
    )
    if row is None:
        raise BadRequest(f"No rate card has the alias '{alias}' at {moment}")
    return store.get(KIND, row[0])


def shown(card: Stored, store: Store) -> dict[str, Any]:
    body = card.body
    answer: dict[str, Any] = {"id": card.id, "name": body["name"]}
    if "description" in body:
        answer["description"] = body["description"]
    sql = "SELECT name, starting_at, ending_before FROM rate_card_alias WHERE card_id = ? ORDER BY place, starting_at"
    answer |= {
        "created_at": card.created_at,
        "created_by": AUTHOR,
        "aliases": [_alias(*row) for row in store.rows(sql, card.id)],
        "fiat_credit_type": credit_types.named(store, body["fiat_credit_type_id"]),
        "credit_type_conversions": [
            {
                "custom_credit_type": credit_types.named(store, unit),
                # Written as a number, read as a string (§3.8).
                "fiat_per_custom_credit": codec.number(factor),
            }
            for unit, factor in body["credit_type_conversions"].items()
        ],
        **custom_fields.shown(custom_fields.of(store, card.id)),
    }
    return answer | ({"archived_at": card.archived_at} if card.archived_at else {})


def _alias(name: str, starting_at: str | None, ending_before: str | None) -> dict[str, str]:
    times_given = {"starting_at": starting_at, "ending_before": ending_before}
    return {"name": name} | {field: value for field, value in times_given.items() if value is not None}


def _conversions(reader: Reader, field: str) -> list[tuple[str, Any]]:
    pairs = []
    for each in reader.maybe_objects(field) or []:
        unit, factor = each.uuid("custom_credit_type_id"), each.number("fiat_per_custom_credit")
        if not factor > 0:
            each.wrong("fiat_per_custom_credit", "must be greater than 0")
        pairs.append((unit, factor))
    return pairs


def _added(store: Store, held: dict[str, Any], conversions: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(held)
    for unit, factor in conversions:
        credit_types.check_unit(store, unit)
        if unit in result:
            raise BadRequest(f"The conversion of the pricing unit {unit} is on the rate card and can't be changed")
        result[unit] = factor
    return result


def _aliases(reader: Reader) -> list[tuple[str, str | None, str | None]] | None:
    readers = reader.maybe_objects("aliases")
    if readers is None:
        return None
    segments = []
    for each in readers:
        name = each.text("name", least=1)
        begin, end = each.maybe_instant("starting_at"), each.maybe_instant("ending_before")
        if begin and end and not begin < end:
            each.wrong("ending_before", "must be after starting_at")
        segments.append((name, times.text(begin) if begin else None, times.text(end) if end else None))
    _check_apart(reader, segments)
    return segments


def _check_apart(reader: Reader, segments: list[tuple[str, str | None, str | None]]) -> None:
    ordered = sorted(segments, key=lambda segment: (segment[0], segment[1] or FIRST))
    for (name, _, end), (next_name, begin, _) in itertools.pairwise(ordered):
        if name == next_name and (begin or FIRST) < (end or LAST):
            reader.wrong("aliases", f"holds overlapping segments of '{name}'")


def _give_aliases(store: Store, card_id: str, segments: list[tuple[str, str | None, str | None]]) -> None:
    """Gives the card each segment; another card's segment of the name that it meets is cut at its start (§2.3)."""
    for place, (name, begin, end) in enumerate(segments):
        meets = "name = ? AND card_id <> ? AND coalesce(ending_before, ?) > ? AND coalesce(starting_at, ?) < ?"
        met = (name, card_id, LAST, begin or FIRST, FIRST, end or LAST)
        store.run(
            f"DELETE FROM rate_card_alias WHERE {meets} AND coalesce(starting_at, ?) >= ?",
            *(*met, FIRST, begin or FIRST),
        )
        store.run(f"UPDATE rate_card_alias SET ending_before = ? WHERE {meets}", begin, *met)
        store.run("INSERT INTO rate_card_alias VALUES (?, ?, ?, ?, ?)", name, card_id, place, begin, end)
