"""Step functions of time: what holds when."""

import pytest
from rating_kit import SEPTEMBER, at, dated, span

from nova_iac import rating as r


@pytest.mark.parametrize(
    ("steps", "held"),
    [
        ([], "....."),
        ([("2024-09-02", "a")], ".aaaa"),
        ([("2024-09-02", "a"), ("2024-09-04", "b")], ".aabb"),
        ([("2024-09-04", "b"), ("2024-09-02", "a")], ".aabb"),
        ([("2024-09-02", "a", "2024-09-03")], ".a..."),
        ([("2024-09-01", "a", "2024-09-02"), ("2024-09-04", "b")], "a..bb"),
        ([("2024-09-01", "a", "2024-09-09"), ("2024-09-03", "b")], "aabbb"),
        ([("2024-09-01", "a"), ("2024-09-02", "b", "2024-09-03")], "ab..."),
        ([("2024-09-02", "a"), ("2024-09-02", "b")], ".bbbb"),
        ([("2024-09-01", "a"), ("2024-09-03", "b", "2024-09-03")], "aa..."),
        ([("2020-01-01", "a")], "aaaaa"),
    ],
    ids=["nothing", "one", "change", "order", "end", "gap", "cut", "no return", "last added", "ended at once", "long ago"],
)  # fmt: skip
def test_what_holds_on_five_days(steps: list[tuple[str, ...]], held: str) -> None:
    """A step lasts until its end or the next start, whichever is first; nothing comes back; the last added wins (§7.2)."""
    days = [at(f"2024-09-0{day}") for day in range(1, 6)]
    assert "".join(dated(*steps).at(day) or "." for day in days) == held


def test_a_change_takes_effect_at_its_instant() -> None:
    """The microsecond before a start still has what was; the start has what is (§3.7)."""
    steps = dated(("2024-09-01", "a"), ("2024-09-02", "b"))
    assert steps.at(at("2024-09-01 23:59:59.999999")) == "a"
    assert steps.at(at("2024-09-02")) == "b"


def test_equal_neighbours_are_one_step() -> None:
    """A step that repeats what held changes nothing: the timelines are equal, and nothing is cut there."""
    repeated = dated(("2024-09-01", "a"), ("2024-09-10", "a"), ("2024-09-20", "b"))
    assert repeated == dated(("2024-09-01", "a"), ("2024-09-20", "b"))
    assert [value for _, value in repeated.pieces(SEPTEMBER)] == ["a", "b"]


def test_an_end_where_the_next_step_starts_is_no_gap() -> None:
    """Ending a step at the next one's start says nothing new."""
    ended = dated(("2024-09-01", "a", "2024-09-03"), ("2024-09-03", "b"))
    assert ended == dated(("2024-09-01", "a"), ("2024-09-03", "b"))


def test_pieces_cover_a_span_with_its_gaps() -> None:
    """Pieces adjoin from end to end of the span, and where nothing holds there is a piece with nothing."""
    steps = dated(("2024-08-01", "a", "2024-09-10"), ("2024-09-20", "b"), ("2024-10-01", "c"))
    assert steps.pieces(SEPTEMBER) == [
        (span("2024-09-01", "2024-09-10"), "a"),
        (span("2024-09-10", "2024-09-20"), None),
        (span("2024-09-20", "2024-10-01"), "b"),
    ]


def test_a_pair_changes_where_either_does() -> None:
    """Two timelines together: each combination that held, in order."""
    both = dated(("2024-09-01", "a"), ("2024-09-10", "b")).pair(dated(("2024-09-05", 1, "2024-09-10")))
    assert [value for _, value in both.pieces(SEPTEMBER)] == [("a", None), ("a", 1), ("b", None)]


@pytest.mark.parametrize(("start", "end"), [("2024-09-02", "2024-09-01"), ("2024-09-01", "2024-09-01")])
def test_spans_have_a_length(start: str, end: str) -> None:
    """A span ends after it starts."""
    with pytest.raises(r.RatingError, match="ends after it starts"):
        span(start, end)


def test_instants_need_an_offset() -> None:
    """A time without an offset is no instant, at either end."""
    start, end = at("2024-09-01"), at("2024-09-02")
    for wrong in ((start.replace(tzinfo=None), end), (start, end.replace(tzinfo=None))):
        with pytest.raises(r.RatingError, match="offset"):
            r.Span(*wrong)


def test_a_span_is_half_open() -> None:
    """Its start is in it and its end is not (§3.7)."""
    assert at("2024-09-01") in SEPTEMBER
    assert at("2024-10-01") not in SEPTEMBER
    assert "2024-09-10" not in SEPTEMBER
