"""What the view works with, as the command line hands it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nova_iac.desired.graph import ResourceGraph
from nova_iac.plan.change import Plan, PlanOptions
from nova_iac.remote import Client
from nova_iac.spec import Environment, Spec
from nova_iac.state.folding import Folded


class Session(Protocol):
    """One look at the spec and at what is recorded, as they are on disk now."""

    @property
    def spec(self) -> Spec:
        """The spec as its environment shows it."""

    @property
    def environment(self) -> Environment:
        """The environment; the same for the life of the view."""

    @property
    def base_url(self) -> str:
        """The host of the account."""

    def folded(self) -> Folded | None:
        """The recorded state; None before the first apply."""

    def graph(self, *, destroy: bool) -> ResourceGraph:
        """What should be.

        :raises SpecError: with every problem of the spec.
        """

    def plan(self, graph: ResourceGraph, folded: Folded | None, options: PlanOptions, client: Client | None) -> Plan:
        """What would be done.

        :raises PlanError: no plan can be made.
        """


@dataclass(frozen=True, slots=True)
class Applied:
    """What a targeted apply came to: its plan, and its summary line."""

    plan: Plan
    summary: str


Choose = Callable[[ResourceGraph, Folded | None], PlanOptions]
"""Decides what an apply is about, once the lock is held and the record read."""


class Desk(Protocol):
    """The door to one spec in one environment. Safe to use from several threads; applies are kept apart by the caller."""

    def now(self) -> datetime:
        """The clock."""

    def session(self) -> Session:
        """A fresh look.

        :raises SpecError: the file is gone, or has no such environment any more.
        """

    def client(self, session: Session) -> Client:
        """The account; one client for the life of the view, safe to share.

        :raises UsageProblem: the token isn't set.
        """

    def apply(self, choose: Choose, check: Callable[[Plan], None]) -> Applied:
        """Take the lock, settle what an interrupted run left, plan, check, and carry the plan out.

        :param check: raises for a plan that must not be carried out from here.
        :raises Locked: another run holds the lock.
        :raises ApplyError: some calls failed; the rest stands and is recorded.
        """
