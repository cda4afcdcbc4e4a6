"""Rate selectors (§7.3): a rate is in the answer when it matches any of them; within one, all that is said must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from nova_iac.emulator.wire import Reader

FREQUENCIES = ("MONTHLY", "QUARTERLY", "ANNUAL", "WEEKLY")


class Selectable(Protocol):
    """What a selector looks at."""

    @property
    def product_id(self) -> str: ...
    @property
    def group_values(self) -> dict[str, str]: ...
    @property
    def billing_frequency(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Selector:
    product_id: str | None
    product_tags: list[str] | None
    group_values: dict[str, str] | None
    partial_group_values: dict[str, str] | None
    billing_frequency: str | None

    def matches(self, rate: Selectable, tags_of: Callable[[str], list[str]]) -> bool:
        """Group values exactly, partial ones as a subset, tags by any."""
        return (
            self.product_id in (None, rate.product_id)
            and (self.product_tags is None or bool(set(self.product_tags) & set(tags_of(rate.product_id))))
            and (self.group_values is None or self.group_values == rate.group_values)
            and (self.partial_group_values is None or self.partial_group_values.items() <= rate.group_values.items())
            and self.billing_frequency in (None, rate.billing_frequency)
        )


Selectors = list[Selector]


def read(reader: Reader, *, tags: bool) -> Selectors:
    """The ``selectors`` of a rate read; getRateSchedule's have no tags."""
    return [
        Selector(
            product_id=each.maybe_uuid("product_id"),
            product_tags=each.maybe_texts("product_tags") if tags else None,
            group_values=each.maybe_values("pricing_group_values"),
            partial_group_values=each.maybe_values("partial_pricing_group_values"),
            billing_frequency=each.maybe_enum("billing_frequency", FREQUENCIES),
        )
        for each in reader.maybe_objects("selectors") or []
    ]


def match(selectors: Selectors, rate: Selectable, tags_of: Callable[[str], list[str]]) -> bool:
    """No selectors take everything; ``tags_of`` tells a product's tags."""
    return not selectors or any(each.matches(rate, tags_of) for each in selectors)
