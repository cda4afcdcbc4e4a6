"""What planning is a function of, besides the graph and the lockfile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nova_iac.resource import Address, RemoteObject


@dataclass(frozen=True, slots=True)
class LiveState:
    """What exists in the account, read once per run.

    asked names every recorded address whose object was looked for; what is asked and not in objects does not exist. Without a
    refresh nothing is asked. found are objects that unrecorded resources could be, by natural identity. holders are objects
    that hold what a declared resource is to take and only one can hold, recorded ones included.
    """

    refreshed: bool
    asked: frozenset[Address] = frozenset()
    objects: Mapping[Address, RemoteObject] = field(default_factory=dict)
    found: Mapping[Address, Sequence[RemoteObject]] = field(default_factory=dict)
    holders: Mapping[Address, Sequence[RemoteObject]] = field(default_factory=dict)


NOT_READ = LiveState(refreshed=False)
"""The account wasn't looked at: recorded stands for live."""
