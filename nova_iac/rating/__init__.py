"""Rating: usage and prices in, invoice lines out. A pure library: exact decimals, no clock, no files, no network, no wire names.

One invoice is made by these steps, in this order (numbered as in §14.3 of the API facts)::

    events ──▶ 1  which count        events.py        type and property filters, group keys, the contract's usage filter
               2  aggregate          aggregation.py   COUNT, SUM, MAX, LATEST, UNIQUE; per group and slice, never per event
               3  slice              metering.py      value over time; a slice bills its end's value minus its start's
                  │
                  ▼ PeriodUsage      (may also come from somewhere else, and be priced by several terms)
                  │
               4  quantity           quantity.py      conversion, then rounding, of the amount so far in the period
               5  find the rate      usage_lines.py   per product and pricing values, by its timeline; none: no charge
               6  override             ·              (to come: replaces rates between 5 and 7)
               7  tiers              prices.py        graduated, counted over the period per presentation value
               8  composites         composite.py     a percentage of the spend of other products
               9  balances             ·              (to come: splits lines and adds applications)
              10  pricing units        ·              (to come: one conversion line)
              11  total              lines.py         the sum of the lines
                  │
                  ▼ Invoice          invoice.py       price_period: the draft · price_windows: its breakdown

Beside the line: ``periods.py`` says what is billed together and when it is final, ``terms.py`` what a contract charges for,
``timeline.py`` what holds when, ``exact.py`` what a number is. What no source settles is one value, ``policy.py``.

Instants are aware datetimes in UTC; intervals are half-open. Amounts are in the unit of the prices that are handed in, which is
one and the same for all of them. Every error that an input can cause is a :class:`RatingError`, but a float is a ``TypeError``.
"""

from nova_iac.rating.aggregation import NotANumber
from nova_iac.rating.events import (
    Aggregation,
    Event,
    Group,
    GroupFilter,
    Metric,
    Mismatch,
    PropertyFilter,
    Rule,
    SqlMetric,
    ValueFilter,
    group,
    mismatch,
)
from nova_iac.rating.exact import RatingError, Rounding, RoundingMode, number_of, plain, text_of
from nova_iac.rating.invoice import price_period, price_windows, rate_period
from nova_iac.rating.lines import Invoice, Line, Reason, Unbilled
from nova_iac.rating.metering import Curve, PeriodMeter, PeriodUsage, WindowMeter, WindowUsage
from nova_iac.rating.periods import (
    GRACE,
    Anchor,
    Calendar,
    Frequency,
    Schedule,
    Status,
    WindowSize,
    finalizes_at,
    status,
    windows,
)
from nova_iac.rating.policy import (
    DEFAULT,
    MaxBilling,
    MonthEnd,
    NonNumeric,
    QuantityLevel,
    QuantityOrder,
    RatingPolicy,
)
from nova_iac.rating.prices import Flat, Percentage, Price, Rate, Tier, Tiered, TieredPercentage, TierStep
from nova_iac.rating.quantity import Conversion, Operation
from nova_iac.rating.terms import (
    CompositeDefinition,
    CompositeProduct,
    Metering,
    Product,
    RateKey,
    Terms,
    UsageDefinition,
    UsageProduct,
    change_instants,
    meterings,
)
from nova_iac.rating.timeline import BEGINNING, END, NEVER, Span, Step, Timeline

__all__ = [
    "BEGINNING",
    "DEFAULT",
    "END",
    "GRACE",
    "NEVER",
    "Aggregation",
    "Anchor",
    "Calendar",
    "CompositeDefinition",
    "CompositeProduct",
    "Conversion",
    "Curve",
    "Event",
    "Flat",
    "Frequency",
    "Group",
    "GroupFilter",
    "Invoice",
    "Line",
    "MaxBilling",
    "Metering",
    "Metric",
    "Mismatch",
    "MonthEnd",
    "NonNumeric",
    "NotANumber",
    "Operation",
    "Percentage",
    "PeriodMeter",
    "PeriodUsage",
    "Price",
    "Product",
    "PropertyFilter",
    "QuantityLevel",
    "QuantityOrder",
    "Rate",
    "RateKey",
    "RatingError",
    "RatingPolicy",
    "Reason",
    "Rounding",
    "RoundingMode",
    "Rule",
    "Schedule",
    "Span",
    "SqlMetric",
    "Status",
    "Step",
    "Terms",
    "Tier",
    "TierStep",
    "Tiered",
    "TieredPercentage",
    "Timeline",
    "Unbilled",
    "UsageDefinition",
    "UsageProduct",
    "ValueFilter",
    "WindowMeter",
    "WindowSize",
    "WindowUsage",
    "change_instants",
    "finalizes_at",
    "group",
    "meterings",
    "mismatch",
    "number_of",
    "plain",
    "price_period",
    "price_windows",
    "rate_period",
    "status",
    "text_of",
    "windows",
]
