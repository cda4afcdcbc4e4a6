"""A repository with a remote, a served account and a GitHub, all on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub import hub
from preloaded import preloaded
from serving import served
from support import NOW
from team import METRONOME_TOKEN, World


@pytest.fixture(scope="session")
def tools() -> Iterator[Path]:
    """A folder for PATH with a nova-iac that starts at once."""
    # Not pytest's own folder: the path of a socket must be short.
    with tempfile.TemporaryDirectory() as folder, preloaded(Path(folder)) as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, tools: Path) -> Iterator[World]:
    """A repository whose lockfile is committed; nothing is applied yet."""
    with hub() as github, served(NOW, token=METRONOME_TOKEN) as account:
        yield World(tmp_path, github, account, tools)
