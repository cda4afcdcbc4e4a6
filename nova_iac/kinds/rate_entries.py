"""From the entries of a price timeline, as people write them, to one timeline per combination of group values.

An entry that names several values is split per value; values not named keep what they had. Every problem is collected with its
place; what is wrong is left out of the timelines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from nova_iac.errors import Diagnostic, Location, Severity
from nova_iac.kinds.block import Block
from nova_iac.kinds.rate_card import DEFAULT_FIAT
from nova_iac.money import CURRENCIES, Money
from nova_iac.resource import Address, Value

_PRICES: Final = ("price", "tiers", "percent")
_VALUE: Final = (*_PRICES, "entitled", "commit_rate")
_ROW_WORDS: Final = frozenset((*_VALUE, "values"))
_FORMS_OF: Final = {"USAGE": ("price", "tiers"), "SUBSCRIPTION": ("price",), "COMPOSITE": ("percent", "tiers")}
_Path = tuple[str | int, ...]


@dataclass(slots=True)
class _Priced:
    """One value of one entry: what it is for, what it is, and where it stands."""

    selector: dict[str, str]
    value: dict[str, Value]
    path: _Path


@dataclass(slots=True)
class _Reading:
    block: Block
    product: Mapping[str, Value] | None
    metric: Mapping[str, Value]
    fiat: str
    problems: list[Diagnostic] = field(default_factory=list)

    def complain(self, code: str, summary: str, detail: str, *path: str | int, warning: bool = False) -> None:
        severity = Severity.WARNING if warning else Severity.ERROR
        self.problems.append(self.block.problem(code, summary, detail, *path, severity=severity))

    @property
    def group_keys(self) -> list[str]:
        return list((self.product or {}).get("pricing_group_key", ()))


def expand_entries(
    block: Block, blocks: Mapping[Address, Block]
) -> tuple[dict[Address, tuple[list[dict[str, Value]], Location]], list[Diagnostic]]:
    """The timelines that a block of entries makes, by address, each with its first place; and the problems."""
    card_key, product_key = block.address.keys
    product = blocks.get(Address.of("product", product_key))
    card = blocks.get(Address.of("rate_card", card_key))
    metric = blocks.get(Address.of("billable_metric", str(product.data.get("billable_metric")))) if product else None
    reading = _Reading(
        block,
        product.data if product else None,
        metric.data if metric else {},
        card.data.get("fiat_credit_type", DEFAULT_FIAT) if card else DEFAULT_FIAT,
    )
    timelines: dict[Address, tuple[list[dict[str, Value]], Location]] = {}
    places: dict[Address, list[int]] = {}
    for index, entry in enumerate(block.data):
        if not isinstance(entry, dict) or "starting_at" not in entry:
            continue
        _check_dates(reading, entry, index)
        for priced in _priced_values(reading, entry, index, timelines):
            selector = dict(priced.selector)
            if "billing_frequency" in entry:
                selector["billing_frequency"] = entry["billing_frequency"]
            address = Address.of("rate", card_key, product_key, selector=selector)
            entries, _ = timelines.setdefault(address, ([], block.place(priced.path)))
            if _complete(reading, priced, entries) and _in_order(reading, entry, priced, entries):
                dates = {name: entry[name] for name in ("starting_at", "ending_before") if name in entry}
                entries.append(dates | priced.value)
                places.setdefault(address, []).append(index)
    for address, (entries, _) in timelines.items():
        _check_ends(reading, address, entries, places.get(address, []))
    return {address: found for address, found in timelines.items() if found[0]}, reading.problems


def _priced_values(
    reading: _Reading,
    entry: Mapping[str, Value],
    index: int,
    before: Mapping[Address, tuple[list[dict[str, Value]], Location]],
) -> Iterator[_Priced]:
    """The values that one entry gives, checked against the product's type and group keys."""
    forms = [name for name in (*_PRICES, "prices") if name in entry]
    if len(forms) > 1:
        reading.complain(
            "NV320", "More than one price",
            f"an entry has one of price, tiers, percent or prices; this one has {' and '.join(forms)}.", index, forms[1],
        )  # fmt: skip
        return
    if not forms and "entitled" not in entry:
        reading.complain("NV321", "Entry without a price", "write price, tiers, percent, prices, or entitled: false.", index)
        return
    _check_frequency(reading, entry, index)
    common = {name: entry[name] for name in ("entitled", "commit_rate") if name in entry}
    if forms == ["prices"]:
        if isinstance(entry["prices"], dict):
            values: Iterable[_Priced] = _from_map(reading, entry["prices"], (index, "prices"))
        else:
            values = _from_rows(reading, entry["prices"], (index, "prices"))
        seen: set[Address] = set()
        for priced in values:
            address = Address.of("rate", "x", "x", selector=priced.selector)
            if address in seen:
                reading.complain("NV322", "Price given twice", f"{_words(priced.selector)} has a price above.", *priced.path)
                continue
            seen.add(address)
            priced.value = common | priced.value
            if _fits(reading, priced):
                yield priced
    elif reading.group_keys and not forms:
        # entitled alone, on a product with group keys, is said of every value that has a price so far.
        if not before:
            reading.complain(
                "NV321", "Entry without a price",
                f"no value of {_product(reading)} has a price before this entry: write prices.", index, "entitled",
            )  # fmt: skip
        for address in before:
            selector = {name: value for name, value in address.selector.items() if name != "billing_frequency"}
            yield _Priced(selector, dict(common), (index, "entitled"))
    else:
        value = common | {name: entry[name] for name in forms}
        priced = _Priced({}, value, (index, forms[0] if forms else "entitled"))
        if reading.group_keys:
            reading.complain(
                "NV323", "Price without group values",
                f"{_product(reading)} is priced by {', '.join(reading.group_keys)}: write prices, a price for each value.",
                *priced.path,
            )  # fmt: skip
        elif _fits(reading, priced):
            yield priced


def _from_map(reading: _Reading, prices: Mapping[str, Value], path: _Path) -> Iterator[_Priced]:
    keys = reading.group_keys
    if len(keys) != 1:
        if reading.product is not None:
            detail = (
                f"{_product(reading)} has the group keys {', '.join(keys)}: write prices as a list of rows, "
                f"- {{{', '.join(f'{key}: …' for key in keys)}, price: $…}}."
                if keys
                else f"{_product(reading)} has no pricing_group_key: write price: $… instead of prices."
            )
            reading.complain("NV324", "Prices don't fit the group keys", detail, *path)
        return
    for value, form in prices.items():
        found = {"price": form} if isinstance(form, str) else dict(form) if isinstance(form, dict) else {}
        if found:
            yield _Priced({keys[0]: value}, found, (*path, value))


def _from_rows(reading: _Reading, rows: Iterable[Value], path: _Path) -> Iterator[_Priced]:
    keys = reading.group_keys
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            continue
        here = (*path, index)
        if "values" in row:
            selector = dict(row["values"])
            extra = [name for name in row if name not in _ROW_WORDS]
        else:
            selector = {name: value for name, value in row.items() if name not in _ROW_WORDS}
            extra = []
            if reserved := sorted(_ROW_WORDS & set(keys)):
                reading.complain(
                    "NV325", "Group key is a reserved word",
                    f"the group key {reserved[0]} can't be told from the entry's own words: write values: {{{reserved[0]}: …}}.",
                    *here,
                )  # fmt: skip
                continue
        if reading.product is not None and (extra or sorted(selector) != sorted(keys)):
            wanted = ", ".join(keys) if keys else "none"
            reading.complain(
                "NV324", "Prices don't fit the group keys",
                f"a row gives one value for each group key of {_product(reading)} ({wanted}); this one has "
                f"{', '.join([*selector, *extra]) or 'none'}.", *here,
            )  # fmt: skip
            continue
        yield _Priced(selector, {name: row[name] for name in _VALUE if name in row}, here)


def _fits(reading: _Reading, priced: _Priced) -> bool:
    """Checks of one value against the product, its metric and its card. Collects; says whether the value can be used."""
    count = len(reading.problems)
    value, path = priced.value, priced.path
    forms = [name for name in _PRICES if name in value]
    if len(forms) > 1:
        reading.complain("NV320", "More than one price", f"there are {' and '.join(forms)}; one is enough.", *path)
    kind = (reading.product or {}).get("type")
    if kind == "FIXED":
        reading.complain(
            "NV326", "FIXED product on a card",
            f"{_product(reading)} is FIXED: it is priced where it is used, not on a card.", *path,
        )  # fmt: skip
    elif kind in _FORMS_OF:
        for name in forms:
            if name not in _FORMS_OF[kind]:
                reading.complain(
                    "NV327", "Price of another kind",
                    f"a {kind} product takes {' or '.join(_FORMS_OF[kind])}, not {name}.", *path,
                )  # fmt: skip
    if "commit_rate" in value:
        if kind not in ("USAGE", None):
            reading.complain("NV327", "Price of another kind", "commit_rate is for USAGE products.", *path)
        _check_amounts(reading, value["commit_rate"], path, kind)
    _check_amounts(reading, value, path, kind)
    for key, text in priced.selector.items():
        _check_value(reading, key, text, path)
    return not any(problem.severity is Severity.ERROR for problem in reading.problems[count:])


def _check_amounts(reading: _Reading, value: Mapping[str, Value], path: _Path, kind: Value) -> None:
    tiers = value.get("tiers")
    for amount in [value.get("price"), *(tier.get("price") for tier in tiers or () if isinstance(tier, dict))]:
        if isinstance(amount, str):
            unit = Money.parse(amount).unit
            if unit != reading.fiat:
                what = "the card's currency" if unit in CURRENCIES else "a unit that the card converts"
                reading.complain(
                    "NV328", "Money of another unit",
                    f"{amount} is in {unit}; the card's currency is {reading.fiat}, and {unit} is not {what}.", *path,
                )  # fmt: skip
    if not isinstance(tiers, list) or not all(isinstance(tier, dict) for tier in tiers):
        return
    if kind == "COMPOSITE" and any("price" in tier for tier in tiers):
        reading.complain("NV327", "Price of another kind", "tiers of a COMPOSITE product are {size, percent}.", *path)
    if kind == "USAGE" and any("percent" in tier for tier in tiers):
        reading.complain("NV327", "Price of another kind", "tiers of a USAGE product are {size, price}.", *path)
    if len({"percent" in tier for tier in tiers}) > 1:
        reading.complain("NV327", "Price of another kind", "tiers are all prices or all percentages.", *path)
    for number, tier in enumerate(tiers, start=1):
        last = number == len(tiers)
        if not last and "size" not in tier:
            reading.complain(
                "NV329", "Tier without a size", f"tier {number} of {len(tiers)} needs a size: only the last is open.", *path
            )
        if last and "size" in tier:
            reading.complain(
                "NV330", "Closed last tier",
                "the last tier has a size, so usage beyond it has no price: leave its size out.", *path,
            )  # fmt: skip


def _check_value(reading: _Reading, key: str, text: str, path: _Path) -> None:
    for part in reading.metric.get("property_filters", ()):
        if not isinstance(part, dict) or part.get("name") != key:
            continue
        allowed, refused = part.get("in_values"), part.get("not_in_values") or ()
        if (allowed is not None and text not in allowed) or text in refused:
            choices = f"; it lets through {', '.join(allowed)}" if allowed else ""
            reading.complain(
                "NV331", "Price for a value that never comes",
                f"the metric's filter on {key} excludes {text!r}{choices}: this price would never be used.", *path,
            )  # fmt: skip


def _check_frequency(reading: _Reading, entry: Mapping[str, Value], index: int) -> None:
    kind = (reading.product or {}).get("type")
    if kind == "SUBSCRIPTION" and "billing_frequency" not in entry:
        reading.complain(
            "NV332", "Billing frequency",
            "the price of a SUBSCRIPTION product needs billing_frequency: MONTHLY, QUARTERLY, ANNUAL or WEEKLY.", index,
        )  # fmt: skip
    elif kind not in ("SUBSCRIPTION", None) and "billing_frequency" in entry:
        reading.complain(
            "NV332", "Billing frequency", f"billing_frequency is for SUBSCRIPTION products; this one is {kind}.",
            index, "billing_frequency",
        )  # fmt: skip


def _check_dates(reading: _Reading, entry: Mapping[str, Value], index: int) -> None:
    end = entry.get("ending_before")
    if end and end <= entry["starting_at"]:
        reading.complain(
            "NV307", "Ends before it starts", f"the entry ends at {end}, not after its start at {entry['starting_at']}.",
            index, "ending_before",
        )  # fmt: skip


def _complete(reading: _Reading, priced: _Priced, entries: list[dict[str, Value]]) -> bool:
    """``entitled: false`` alone keeps the price that held before; ``entitled: true`` is the default and isn't kept."""
    if not any(name in priced.value for name in _PRICES):
        if not entries:
            reading.complain(
                "NV321", "Entry without a price",
                f"{_words(priced.selector) or 'the product'} has no price before this entry: write one.", *priced.path,
            )  # fmt: skip
            return False
        held = {name: entries[-1][name] for name in (*_PRICES, "commit_rate") if name in entries[-1]}
        priced.value = held | priced.value
    if priced.value.get("entitled") is True:
        del priced.value["entitled"]
    return True


def _in_order(reading: _Reading, entry: Mapping[str, Value], priced: _Priced, entries: list[dict[str, Value]]) -> bool:
    if not entries or entries[-1]["starting_at"] < entry["starting_at"]:
        return True
    what = _words(priced.selector) or "this price"
    where = "at the same instant" if entries[-1]["starting_at"] == entry["starting_at"] else "with a later start"
    reading.complain(
        "NV333", "Entries out of order",
        f"{what} has an entry {where} above: entries are read top to bottom, each later than the one before.", *priced.path,
    )  # fmt: skip
    return False


def _check_ends(reading: _Reading, address: Address, entries: list[dict[str, Value]], places: list[int]) -> None:
    what = _words(address.selector) or "this price"
    for number, (one, following) in enumerate(pairwise(entries)):
        end = one.get("ending_before")
        if end and end <= one["starting_at"]:
            continue
        if end and end > following["starting_at"]:
            reading.complain(
                "NV334", "Entry ends in the next one",
                f"{what} ends at {end}, after its next entry starts at {following['starting_at']}: leave ending_before out, "
                "the next entry ends it.", places[number], "ending_before",
            )  # fmt: skip
        elif end and end < following["starting_at"]:
            reading.complain(
                "NV335", "Gap in a timeline",
                f"{what} has no price from {end} to {following['starting_at']}: usage in between is not billed.",
                places[number], "ending_before", warning=True,
            )  # fmt: skip


def _words(selector: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))


def _product(reading: _Reading) -> str:
    return f"product.{reading.block.address.keys[1]}"
