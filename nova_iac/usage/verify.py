"""What Metronome made of a sample of the events: 200 on ingest says only that they were taken (§17.41)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nova_iac import moment, rating
from nova_iac.remote import Client, Endpoint
from nova_iac.resource import Address
from nova_iac.usage.agreed import Agreed
from nova_iac.usage.event import Event, Exact
from nova_iac.usage.judge import Fault, Judge

SEARCH: Final = Endpoint("POST", "/v1/events/search", "v1.usage.search")
_TRIES: Final = 6
_FIRST_PAUSE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Verified:
    """One event as it arrived: the customer and the metrics that it matched, or why it will not be billed.

    earlier: the same event was there already, with the timestamp of its own day.
    """

    transaction_id: str
    customer: str | None
    metrics: tuple[str, ...]
    problem: str | None
    earlier: bool = False

    def as_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "transaction_id": self.transaction_id,
            "customer": self.customer,
            "billable_metrics": list(self.metrics),
            "billed": self.problem is None,
            "problem": self.problem,
            "earlier": self.earlier,
        }


def verify(
    client: Client,
    events: Sequence[Event | Exact],
    agreed: Agreed,
    judge: Judge,
    *,
    wait: Callable[[float], object],
    timed: bool = True,
) -> list[Verified]:
    """Look events up, waiting a while for those that aren't to be found yet.

    :param timed: their timestamps were given. Else each run gives its own time, by which an event is no other one.
    :raises RemoteError: the search is refused.
    """
    wanted = {event.transaction_id: event for event in events}
    found: dict[str, Mapping[str, Any]] = {}
    for attempt in range(_TRIES):
        missing = [one for one in wanted if one not in found]
        if not missing:
            break
        if attempt:
            wait(_FIRST_PAUSE * 2 ** (attempt - 1))
        for row in client.read(SEARCH, {"transaction_ids": missing}):
            if not row.get("is_duplicate"):
                found.setdefault(row["transaction_id"], row)
    return [_verified(event, found.get(one), agreed, judge, timed=timed) for one, event in wanted.items()]


def _verified(event: Event | Exact, row: Mapping[str, Any] | None, agreed: Agreed, judge: Judge, *, timed: bool) -> Verified:
    if row is None:
        return Verified(event.transaction_id, None, (), "not found yet; it may still be on its way")
    customer = (row.get("matched_customer") or {}).get("name")
    metrics = tuple(metric["name"] for metric in row.get("matched_billable_metrics") or ())
    problems = []
    if customer is None:
        problems.append(f"no customer of the account is called {event.customer_id!r} (yet)")
    if not metrics:
        problems.append(_why_no_metric(event, row, agreed))
    at = moment.parse(row["timestamp"])
    problems += [one.reason for one in judge.findings(event, at) if one.fault is Fault.PRICE]
    earlier = at != moment.parse(event.timestamp)
    if _differs(event, row) or (timed and earlier):
        problems.insert(0, "an earlier event has this transaction_id and stays: this one was passed over")
    return Verified(event.transaction_id, customer, metrics, "; ".join(problems) or None, earlier)


def _differs(event: Event | Exact, row: Mapping[str, Any]) -> bool:
    """Whether what arrived is another event of the same id, its time left aside."""
    same = row["customer_id"] == event.customer_id and row["event_type"] == event.event_type
    arrived = {name: rating.text_of(value) for name, value in (row.get("properties") or {}).items()}
    sent = {name: rating.text_of(value) for name, value in event.properties.items()}
    return not (same and arrived == sent)


def _why_no_metric(event: Event | Exact, row: Mapping[str, Any], agreed: Agreed) -> str:
    metrics = agreed.metrics_for(event.event_type)
    if not metrics:
        return f"no metric counts the event type {event.event_type!r}"
    rated = rating.Event(event.transaction_id, moment.parse(event.timestamp), event.event_type, event.properties)
    failed = [(address, rating.mismatch(metric, rated)) for address, metric in metrics.items()]
    reasons = [f"{address}: {why.rule} {why.name}" for address, why in failed if why is not None]
    return "no metric counts it (" + ("; ".join(reasons) or _late(metrics, agreed, row)) + ")"


def _late(metrics: Iterable[Address], agreed: Agreed, row: Mapping[str, Any]) -> str:
    unmade = [address for address in metrics if not agreed.is_applied(address)]
    if unmade:
        return f"{', '.join(unmade)} isn't in the account: apply it; it will count events sent after that"
    return f"it came in at {row.get('processed_at', 'an unknown time')}; a metric made later does not count it"
