"""What the buttons do: targeted applies, and one event. Each is a call of the API, with the same meaning for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from nova_iac import moment
from nova_iac.desired.graph import ResourceGraph
from nova_iac.kinds.customer import Customer
from nova_iac.plan.change import Plan, PlanOptions
from nova_iac.resource import Action, Address, AddressPattern, Resource
from nova_iac.state.folding import Folded
from nova_iac.ui import account, catalog, events, snippets
from nova_iac.ui.desk import Choose, Desk, Session
from nova_iac.ui.problems import Refusal
from nova_iac.ui.record import id_of, known, recorded
from nova_iac.usage.agreed import Agreed

_TAKES_AWAY: Final = (Action.ARCHIVE, Action.FORGET, Action.REPLACE)


def create_metrics(desk: Desk, _fields: Mapping[str, str]) -> dict[str, Any]:
    """``POST /api/metrics``: the metrics."""
    return _apply(desk, _targets((catalog.METRICS,)))


def set_up_pricing(desk: Desk, _fields: Mapping[str, str]) -> dict[str, Any]:
    """``POST /api/pricing``: metrics, products, cards and their rates."""
    return _apply(desk, _targets(catalog.PRICING))


def create_customer(desk: Desk, fields: Mapping[str, str]) -> dict[str, Any]:
    """``POST /api/customers {customer | ingest_alias}``: one customer of the spec, without its contracts.

    A live holder of its alias is adopted.
    """
    session = desk.session()
    customer = _customer(session, desk, fields)
    return _apply(desk, lambda graph, folded: PlanOptions(excludes=_all_but(customer.address, graph, folded), adopt=True))


def create_contract(desk: Desk, fields: Mapping[str, str]) -> dict[str, Any]:
    """``POST /api/contract {customer, contract}``: a customer's contracts, or the one that is named, and what they need."""
    session = desk.session()
    graph = session.graph(destroy=False)
    customer = _customer(session, desk, fields).address.keys[0]
    own = [one.address for one in catalog.contracts(graph).get(customer, ())]
    named = fields.get("contract")
    wanted = [address for address in own if named in (None, address.keys[-1])]
    if not wanted:
        names = ", ".join(address.keys[-1] for address in own)
        message = f"The spec has no contract {named!r} of {customer}." if named else f"The spec has no contract of {customer}."
        advice = f"It has: {names}." if names else f"Add one under `customers: {customer}:` in {session.spec.path.name}."
        yaml = None if names else snippets.contract(customer, graph, moment.text(desk.now()))
        raise Refusal(422, "no_contract", message, advice, more={"yaml": yaml} if yaml else {})
    return _apply(desk, lambda _graph, _folded: PlanOptions(targets=tuple(wanted), adopt=True))


def generate(desk: Desk, fields: Mapping[str, str]) -> dict[str, Any]:
    """``POST /api/generate {tier, customer, product, transaction_id}``: one unit of usage at a tier."""
    session = desk.session()
    _refuse_protected(session)
    graph, folded = session.graph(destroy=False), session.folded()
    tier = fields.get("tier")
    customer = _customer(session, desk, fields)
    now = desk.now()
    offers = catalog.offers(graph, customer.address.keys[0], moment.text(now))
    if tier is None:
        tiers = ", ".join(dict.fromkeys(one for offer in offers for one in offer.tiers)) or "none"
        raise Refusal(422, "no_tier", "tier is missing.", f"The tiers are {tiers}.")
    offer = events.offer_with_tier(offers, tier, fields.get("product"))
    entries = recorded(graph, folded)
    missing = [one for one in (offer.metric.address, customer.address) if id_of(entries, one) is None]
    if missing:
        raise Refusal(
            409, "not_created", f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not created yet.",
            "Set up pricing, create the customer and its contract first.",
        )  # fmt: skip
    customer_id = str(entries[customer.address].id)
    agreed = Agreed(graph, {address: entry.id for address, entry in entries.items() if entry.id})
    wanted = fields.get("transaction_id")
    sent = events.event(offer, tier, agreed, customer_id=customer_id, now=now, transaction_id=wanted)
    account.send_event(desk.client(session), sent)
    return {"message": f"Sent 1 event: {tier}.", "event": sent}


def _apply(desk: Desk, choose: Choose) -> dict[str, Any]:
    _refuse_protected(desk.session())
    applied = desk.apply(choose, _check)
    return {
        "message": applied.summary,
        "changes": [{"address": one.address, "action": one.action.word} for one in applied.plan.doing],
        "warnings": [one.detail for one in applied.plan.warnings],
    }


def _refuse_protected(session: Session) -> None:
    name = session.environment.name
    if session.environment.protected:
        raise Refusal(
            403, "protected", f"Environment {name} is protected: this view only reads there.",
            f"Save a plan, have it reviewed, and apply it: `nova-iac plan -e {name} --out plan.json`, "
            f"then `nova-iac apply -e {name} plan.json`.",
        )  # fmt: skip


def _check(plan: Plan) -> None:
    """A button sets things up; what is dangerous or takes something away is for the command line, which shows it and asks."""
    blocking = plan.blocking(())
    if blocking:
        hits = [{"code": hit.code, "address": hit.address, "detail": hit.message} for hit in blocking]
        raise Refusal(
            409, "guard", f"{len(blocking)} {'guard blocks' if len(blocking) == 1 else 'guards block'} this; nothing was sent.",
            "Review it with `nova-iac plan`; what is meant is let through with `nova-iac apply --allow`.", more={"details": hits},
        )  # fmt: skip
    taken = [change.address for change in plan.doing if change.action in _TAKES_AWAY]
    if taken:
        raise Refusal(
            409, "takes_away", f"This would also archive, replace or forget {', '.join(taken[:5])}.",
            "Review that with `nova-iac plan`, and do it with `nova-iac apply`.",
        )  # fmt: skip


def _targets(patterns: Iterable[AddressPattern]) -> Choose:
    """Those of some patterns that name anything: one that names nothing would be refused."""

    def choose(graph: ResourceGraph, folded: Folded | None) -> PlanOptions:
        there = known(graph, folded)
        targets = tuple(one.text for one in patterns if any(one.matches(address) for address in there))
        if not targets:
            raise Refusal(422, "nothing_declared", "The spec declares nothing of this.", "Add it to the spec first.")
        return PlanOptions(targets=targets)

    return choose


def _all_but(address: Address, graph: ResourceGraph, folded: Folded | None) -> tuple[str, ...]:
    """Exclusions that leave one address and what it needs: as a target it would bring its children along."""
    keep, work = {address}, [address]
    while work:
        for other in graph.after.get(work.pop(), ()):
            if other not in keep:
                keep.add(other)
                work.append(other)
    kept: dict[str, list[str]] = {}
    for one in keep:
        kept.setdefault(one.kind, []).append(one.head)
    others = [one for one in known(graph, folded) if one not in keep]
    return tuple(dict.fromkeys(_beside(one.head, kept[one.kind]) if one.kind in kept else f"{one.kind}.*" for one in others))


def _beside(other: str, kept: Sequence[str]) -> str:
    """A pattern for an address that names none of those that are kept: as far as it is like them, and a letter more.

    So thousands of others take some dozens of patterns.
    """
    shared = max(_shared(other, one) for one in kept)
    return other if shared == len(other) else f"{other[: shared + 1]}*"


def _shared(one: str, other: str) -> int:
    """How many letters two texts begin with alike."""
    return next(
        (index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )


def _customer(session: Session, desk: Desk, fields: Mapping[str, str]) -> Resource:
    """The customer that a call names by key or by alias; the only one, where it names none.

    :raises Refusal: the spec doesn't have it; with the YAML that would add it.
    """
    graph = session.graph(destroy=False)
    customers = catalog.customers(graph)
    key, alias = fields.get("customer"), fields.get("ingest_alias")
    if key is None and alias is None:
        if len(customers) == 1:
            return next(iter(customers.values()))
        raise Refusal(
            422, "which_customer", "Which customer?", f'Name one: {{"customer": …}}, of {", ".join(customers) or "none"}.'
        )
    for name, one in customers.items():
        aliases = one.attributes.get("ingest_aliases") or ()
        if key in (None, name) and (alias is None or alias in aliases):
            return one
        if key in aliases and alias is None:
            return one
    file = session.spec.path.name
    excluded = session.spec.excluded.get(Address.of(Customer.name, key)) if key else None
    if excluded is not None:
        environment = session.environment.name
        message = f"Customer {key} is excluded from environment {environment} at {excluded}."
        raise Refusal(422, "excluded", message, "Take it off `exclude:` there if it belongs here.")
    raise Refusal(
        422, "unknown_customer", f"The spec has no customer {key or alias!r}.", f"Add it to {file}, review that, and ask again.",
        more={"yaml": snippets.customer(key, alias, graph, moment.text(desk.now()))},
    )  # fmt: skip
