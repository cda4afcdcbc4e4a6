"""Live objects that an unrecorded resource could be: adopted, warned of, or in the way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from nova_iac.desired.graph import ResourceGraph
from nova_iac.errors import Diagnostic, Severity
from nova_iac.kinds.base import Kind
from nova_iac.plan.change import PlanOptions
from nova_iac.plan.inputs import LiveState
from nova_iac.plan.verdict import Case, live_value, problem
from nova_iac.resource import Address, RemoteObject


class Twins:
    """Judges what was found in the account for resources that the lockfile doesn't know.

    :param lineage_known: the lockfile existed before this run, so that an equal holder may be a lost run's own.
    :param pending: addresses whose creation is an unresolved intent: what is found for them is most likely theirs.
    """

    def __init__(self, live: LiveState, options: PlanOptions, *, lineage_known: bool, pending: Collection[Address]) -> None:
        self._live = live
        self._adopt = options.adopt
        self._lineage_known = lineage_known
        self._pending = pending
        self._probes: set[Address] = set()

    def candidates(self, case: Case) -> Sequence[RemoteObject]:
        """What was found for a case."""
        return () if case.address in self._pending else self._live.found.get(case.address, ())

    def adopts(self, case: Case, candidates: Sequence[RemoteObject]) -> RemoteObject | list[Diagnostic]:
        """The object to adopt, or why none is adopted (nothing, if none was asked for or found)."""
        if not self._adopt:
            return []
        fitting = _fitting(case, candidates)
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            return []
        ids = ", ".join(sorted(str(one.id) for one in fitting))
        return [
            problem(
                case, "NV415", "More than one object fits",
                f"{len(fitting)} live objects fit it by {case.kind.identity}: {ids}. "
                f"Take one with `nova-iac import {case.address} ID`.",
            )
        ]  # fmt: skip

    def judge(self, case: Case, candidates: Sequence[RemoteObject]) -> list[Diagnostic]:
        """What to say about twins that aren't adopted."""
        if not candidates:
            return []
        first = candidates[0]
        if not case.kind.exclusive:
            ids = ", ".join(sorted(str(one.id) for one in candidates))
            return [
                Diagnostic(
                    Severity.WARNING,
                    "NV416",
                    "Live twin",
                    f"{case.address}: the account has {first.name!r} already ({ids}), outside this lockfile; another one is "
                    f"made. Take it over with `nova-iac import {case.address} {first.id}`"
                    + (", or with --adopt." if equal_in_all(case, first) and len(candidates) == 1 else "."),
                    case.address,
                    case.desired.location if case.desired else None,
                )
            ]
        if self._lineage_known and len(candidates) == 1 and equal_in_all(case, first):
            self._probes.add(case.address)
            return []
        return [
            problem(
                case, "NV413", f"Held by another {case.kind.name}",
                f"{case.kind.identity} of it is held by {first.name!r} ({first.id}), outside this lockfile. Take that one over "
                f"with `nova-iac import {case.address} {first.id}` or --adopt, or change the spec.",
            )
        ]  # fmt: skip

    def is_probe(self, address: Address) -> bool:
        """Whether this create is sent first, because its answer tells whether the holder is ours."""
        return address in self._probes


def equal_in_all(case: Case, found: RemoteObject) -> bool:
    """Whether an object has every declared field as declared; what can't be read back counts as equal."""
    if case.desired is None:
        return False
    as_found = Case(case.address, case.kind, case.desired, None, found, read=True)
    return all(
        not case.kind.fields[name].readable or live_value(as_found, name, value) == value
        for name, value in case.desired.attributes.items()
    )


def adoption(graph: ResourceGraph, kinds: Mapping[str, Kind]) -> Callable[[Address, Sequence[RemoteObject]], str | None]:
    """Which of some found objects a declared address takes over under ``--adopt``: the only one that fits."""

    def adopting(address: Address, candidates: Sequence[RemoteObject]) -> str | None:
        case = Case(address, kinds[address.kind], graph.resources.get(address), None, None, read=False)
        fitting = _fitting(case, candidates)
        return fitting[0].id if len(fitting) == 1 else None

    return adopting


def _fitting(case: Case, candidates: Sequence[RemoteObject]) -> list[RemoteObject]:
    return [one for one in candidates if case.kind.adopted_by == "identity" or equal_in_all(case, one)]
