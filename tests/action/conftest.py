"""A repository with a remote, a served account and a GitHub, all on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub import hub
from serving import served
from support import NOW
from team import METRONOME_TOKEN, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A repository whose lockfile is committed; nothing is applied yet."""
    with hub() as github, served(NOW, token=METRONOME_TOKEN) as account:
        made = World(tmp_path, github, account)
        made.init()
        yield made
