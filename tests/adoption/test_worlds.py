"""Any world: applied, its lockfile lost and made again, edited by hand, and pulled elsewhere."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from adoption_kit import HEAD, is_empty
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support import Project
from worlds import HAND_EDITS, World, edit_by_hand, worlds

ALLOW = [word for code in ("NV401", "NV402", "NV403", "NV405") for word in ("--allow", code)]
edits = st.lists(st.tuples(st.sampled_from(HAND_EDITS), st.integers(0, 11)), max_size=4)


def ids(project: Project) -> dict[str, str]:
    """The recorded ids by address."""
    return {address: entry["id"] for address, entry in project.recorded.items()} if project.lockfile.exists() else {}


def scenario(first: World, second: World, by_hand: Sequence[tuple[str, int]]) -> None:
    """Two specs applied one after the other; a lost lockfile; edits in the dashboard; the account under code from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ours").mkdir()
        ours = Project(Path(folder) / "ours", first.spec())
        ours.run("apply", "--yes")
        ours.write(second.spec())
        ours.apply(*ALLOW)
        lost = ids(ours)
        ours.lockfile.unlink()
        rebuilt = ours.run("state", "rebuild")
        assert ids(ours).items() <= lost.items(), "an object stands under an address that was another's"
        if rebuilt.code == 0:
            assert ids(ours) == lost
            assert is_empty(ours)
        for what, number in by_hand:
            edit_by_hand(ours, what, number)

        (Path(folder) / "theirs").mkdir()
        theirs = Project(Path(folder) / "theirs", HEAD)
        shutil.copytree(ours.folder / ".nova", theirs.folder / ".nova")
        theirs.ok("pull")
        assert is_empty(theirs)
        assert theirs.run("drift").code == 0
        assert theirs.ok("fmt", "--check").out == ""


@given(worlds(), worlds(), edits)
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_any_world_is_found_again(first: World, second: World, by_hand: list[tuple[str, int]]) -> None:
    """A rebuild gives back what was lost and nothing else; a pull elsewhere takes all of it, and both plans are empty."""
    scenario(first, second, by_hand)


@pytest.mark.long
@given(worlds(), worlds(), edits)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
def test_many_worlds_are_found_again(first: World, second: World, by_hand: list[tuple[str, int]]) -> None:
    """The same for many."""
    scenario(first, second, by_hand)
