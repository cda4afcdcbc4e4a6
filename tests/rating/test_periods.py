"""Billing periods, windows, and when a draft becomes final."""

from datetime import timedelta

import pytest
from rating_kit import SEPTEMBER, at, span

from nova_iac import rating as r


def calendar(
    start: str, frequency: str = "MONTHLY", anchor: str = "FIRST_OF_MONTH", on: str = "", end: str = "", **policy: r.MonthEnd
) -> r.Calendar:
    schedule = r.Schedule(r.Frequency(frequency), r.Anchor(anchor), at(on).date() if on else None)
    return r.Calendar(schedule, at(start), at(end) if end else None, r.RatingPolicy(**policy))


def edges(periods: r.Calendar, by: str) -> str:
    """The starts of the periods that have started, and the end of the last."""
    found = list(periods.started(at(by)))
    return " ".join(f"{instant:%y-%m-%d}" for instant in [*(one.start for one in found), found[-1].end])


@pytest.mark.parametrize(
    ("start", "frequency", "anchor", "on", "expected"),
    [
        ("2024-09-01", "MONTHLY", "FIRST_OF_MONTH", "", "24-09-01 24-10-01 24-11-01 24-12-01 25-01-01 25-02-01"),
        ("2024-09-15", "MONTHLY", "FIRST_OF_MONTH", "", "24-09-15 24-10-01 24-11-01 24-12-01 25-01-01 25-02-01"),
        ("2024-09-15", "MONTHLY", "CONTRACT_START", "", "24-09-15 24-10-15 24-11-15 24-12-15 25-01-15"),
        ("2024-09-15", "MONTHLY", "CUSTOM_DATE", "2024-09-10", "24-09-15 24-10-10 24-11-10 24-12-10 25-01-10 25-02-10"),
        ("2024-09-15", "MONTHLY", "CUSTOM_DATE", "2019-02-20", "24-09-15 24-09-20 24-10-20 24-11-20 24-12-20 25-01-20"),
        ("2024-09-15", "MONTHLY", "CUSTOM_DATE", "2025-06-15", "24-09-15 24-10-15 24-11-15 24-12-15 25-01-15"),
        ("2024-08-31", "MONTHLY", "CONTRACT_START", "", "24-08-31 24-09-30 24-10-31 24-11-30 24-12-31 25-01-31"),
        ("2024-09-15", "QUARTERLY", "FIRST_OF_MONTH", "", "24-09-15 24-10-01 25-01-01 25-04-01"),
        ("2024-09-01", "QUARTERLY", "FIRST_OF_MONTH", "", "24-09-01 24-12-01 25-03-01"),
        ("2024-09-15", "QUARTERLY", "CONTRACT_START", "", "24-09-15 24-12-15 25-03-15"),
        ("2024-09-15", "QUARTERLY", "CUSTOM_DATE", "2024-01-10", "24-09-15 24-10-10 25-01-10 25-04-10"),
        ("2024-09-15", "ANNUAL", "FIRST_OF_MONTH", "", "24-09-15 24-10-01 25-10-01"),
        ("2024-09-15", "ANNUAL", "CONTRACT_START", "", "24-09-15 25-09-15"),
        ("2024-12-16", "WEEKLY", "CONTRACT_START", "", "24-12-16 24-12-23 24-12-30 25-01-06 25-01-13"),
        ("2024-12-16", "WEEKLY", "CUSTOM_DATE", "2024-12-04", "24-12-16 24-12-18 24-12-25 25-01-01 25-01-08 25-01-15"),
        ("2024-12-22", "WEEKLY", "FIRST_OF_MONTH", "", "24-12-22 24-12-25 25-01-01 25-01-08 25-01-15"),
    ],
)
def test_periods_that_have_started_by_ten_january(start: str, frequency: str, anchor: str, on: str, expected: str) -> None:
    """From the contract's start to the first anchor day, then from anchor day to anchor day (§10.1, §14.3)."""
    assert edges(calendar(start, frequency, anchor, on), "2025-01-10") == expected


def test_the_thirty_first_comes_back_after_a_short_month() -> None:
    """Under the default policy a period starts on the last day where the anchor's day is missing, leap years too."""
    assert edges(calendar("2023-12-31", anchor="CONTRACT_START"), "2024-04-15") == "23-12-31 24-01-31 24-02-29 24-03-31 24-04-30"
    assert (
        edges(calendar("2024-02-29", "ANNUAL", "CONTRACT_START"), "2028-03-01")
        == "24-02-29 25-02-28 26-02-28 27-02-28 28-02-29 29-02-28"
    )


def test_a_contract_that_ends_ends_its_last_period() -> None:
    """The last period ends with the contract, and there is none after it."""
    periods = calendar("2024-09-15", end="2024-11-10")
    assert edges(periods, "2030-01-01") == "24-09-15 24-10-01 24-11-01 24-11-10"
    assert periods.at(at("2024-11-10")) is None
    assert periods.at(at("2024-09-14 23:00")) is None


def test_a_contract_that_starts_in_the_middle_of_a_day() -> None:
    """The first period starts at that hour; the others at midnight UTC (§3.7)."""
    first, second = list(calendar("2024-09-15 13:00", anchor="CONTRACT_START").started(at("2024-10-15")))
    assert first == span("2024-09-15 13:00", "2024-10-15")
    assert second == span("2024-10-15", "2024-11-15")
    assert calendar("2024-09-01 13:00", "QUARTERLY").at(at("2024-09-02")) == span("2024-09-01 13:00", "2024-12-01")


def test_a_contract_that_has_not_started_has_no_period() -> None:
    """The first period is there from its first instant on."""
    periods = calendar("2024-09-15")
    assert list(periods.started(at("2024-09-14 23:59:59"))) == []
    assert list(periods.started(at("2024-09-15"))) == [span("2024-09-15", "2024-10-01")]


@pytest.mark.parametrize("frequency", list(r.Frequency))
@pytest.mark.parametrize("on", ["2023-01-31", "2024-02-29", "2024-10-30", "2026-12-01"])
def test_every_instant_is_in_one_period(frequency: r.Frequency, on: str) -> None:
    """Periods follow each other without gap or overlap, and asking by instant finds the same ones as listing them."""
    periods = calendar("2024-01-17 05:00", frequency, "CUSTOM_DATE", on, end="2026-03-03 07:00")
    found = list(periods.started(at("2027-01-01")))
    assert found[0].start == at("2024-01-17 05:00")
    assert found[-1].end == at("2026-03-03 07:00")
    for one, following in zip(found, [*found[1:], None], strict=True):
        assert following is None or one.end == following.start
        for instant in (one.start, one.start + (one.end - one.start) / 2, one.end - timedelta(microseconds=1)):
            assert periods.at(instant) == one


def test_the_ends_of_time() -> None:
    """A contract in the last month of the last year, or in the first, still has periods."""
    last = calendar("9999-12-15", "ANNUAL").at(at("9999-12-20"))
    first = calendar("0001-01-01", anchor="CUSTOM_DATE", on="0001-01-31").at(at("0001-01-02"))
    assert last is not None
    assert (last.end, r.finalizes_at(last)) == (r.END, r.END)
    assert first == span("0001-01-01", "0001-01-31")


@pytest.mark.parametrize(
    ("anchor", "on"), [("CUSTOM_DATE", ""), ("FIRST_OF_MONTH", "2024-01-01"), ("CONTRACT_START", "2024-01-01")]
)
def test_an_anchor_date_belongs_to_a_custom_anchor(anchor: str, on: str) -> None:
    """CUSTOM_DATE needs its date (§10.1) and the others have none."""
    with pytest.raises(r.RatingError, match="anchor date"):
        calendar("2024-09-15", anchor=anchor, on=on)


@pytest.mark.parametrize(
    ("now", "status"),
    [("2024-09-15", "DRAFT"), ("2024-10-01", "DRAFT"), ("2024-10-01 23:59:59", "DRAFT"), ("2024-10-02", "FINALIZED")],
)
def test_a_draft_is_final_a_day_after_its_period(now: str, status: str) -> None:
    """Period end + 24 hours of grace (§14.1)."""
    assert r.status(SEPTEMBER, at(now)) == status
    assert r.finalizes_at(SEPTEMBER) == at("2024-10-02")


def test_another_grace_period() -> None:
    """Metronome can set another grace: 36 hours were seen (§14.1)."""
    grace = timedelta(hours=36)
    assert r.status(SEPTEMBER, at("2024-10-02"), grace) is r.Status.DRAFT
    assert r.status(SEPTEMBER, at("2024-10-02 12:00"), grace) is r.Status.FINALIZED


@pytest.mark.parametrize(
    ("start", "end", "size", "edges"),
    [
        ("2024-09-01", "2024-09-03", "DAY", ["01 00:00", "02 00:00", "03 00:00"]),
        ("2024-09-01 13:00", "2024-09-03 05:00", "DAY", ["01 13:00", "02 00:00", "03 00:00", "03 05:00"]),
        ("2024-09-01 13:30", "2024-09-01 15:10", "HOUR", ["01 13:30", "01 14:00", "01 15:00", "01 15:10"]),
        ("2024-09-01 13:30", "2024-09-01 13:40", "HOUR", ["01 13:30", "01 13:40"]),
        ("2024-09-01", "2024-09-03", "NONE", ["01 00:00", "03 00:00"]),
    ],
)
def test_windows_are_utc_hours_and_days(start: str, end: str, size: str, edges: list[str]) -> None:
    """Windows adjoin, stand on UTC hours or days, and the outermost are cut to the span."""
    found = r.windows(span(start, end), r.WindowSize(size))
    assert [f"{one:%d %H:%M}" for one in (*(window.start for window in found), found[-1].end)] == edges
