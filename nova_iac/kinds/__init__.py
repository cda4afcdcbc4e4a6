"""The kinds of resources. A new one adds its file, its schema, its test and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from nova_iac.kinds.base import Kind
from nova_iac.kinds.billable_metric import BillableMetric
from nova_iac.kinds.contract import Contract
from nova_iac.kinds.customer import Customer
from nova_iac.kinds.product import Product
from nova_iac.kinds.rate import Rate
from nova_iac.kinds.rate_card import RateCard

_ALL: Final[tuple[Kind, ...]] = (
    BillableMetric(),
    Product(),
    RateCard(),
    Rate(),
    Customer(),
    Contract(),
)

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in _ALL})
"""By name, in the order in which they are presented; parents stand before their children."""
