"""Periods: half-open, cut without gaps or overlaps, and never into too many parts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import local_day
from shared.kpis.periods import (
    MOST_BUCKETS,
    Interval,
    Period,
    RangeTooLong,
    add_months,
    buckets,
    last_iso_weeks,
)

Q1 = Period(date(2025, 1, 1), date(2025, 4, 1))


@given(
    start=st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    days=st.integers(1, MOST_BUCKETS),
    interval=st.sampled_from(Interval),
)
def test_buckets_cover_the_period_without_gap_or_overlap(
    start: date, days: int, interval: Interval
) -> None:
    period = Period(start, start + timedelta(days=days))

    parts = list(buckets(period, interval))

    assert (parts[0].start, parts[-1].end) == (period.start, period.end)
    assert all(one.end == other.start for one, other in pairwise(parts))
    for inner in parts[1:]:
        assert interval is not Interval.WEEK or inner.start.isoweekday() == 1
        assert interval is not Interval.MONTH or inner.start.day == 1
        assert interval is not Interval.QUARTER or inner.start.month in {1, 4, 7, 10}
        assert interval is not Interval.YEAR or inner.start.month == 1


@pytest.mark.parametrize(
    ("interval", "count"),
    [(Interval.DAY, 90), (Interval.WEEK, 14), (Interval.MONTH, 3), (Interval.TOTAL, 1)],
)
def test_the_first_quarter_is_cut(interval: Interval, count: int) -> None:
    assert len(list(buckets(Q1, interval))) == count


@pytest.mark.parametrize(
    ("interval", "cuts"),
    [
        (Interval.QUARTER, [(2024, 1, 1), (2024, 4, 1), (2024, 7, 1), (2024, 10, 1), (2025, 1, 1)]),
        (Interval.YEAR, [(2024, 1, 1), (2025, 1, 1)]),
    ],
)
def test_what_is_not_a_whole_quarter_or_year_is_cut_at_its_ends(
    interval: Interval, cuts: list[tuple[int, int, int]]
) -> None:
    first, end = date(2023, 12, 31), date(2025, 2, 28)

    parts = list(buckets(Period(first, end), interval))

    assert [part.start for part in parts] == [first, *(date(*cut) for cut in cuts)]
    assert parts[-1].end == end


def test_too_many_buckets_are_refused_before_the_first() -> None:
    period = Period(date(2000, 1, 1), date(2000, 1, 1) + timedelta(days=MOST_BUCKETS + 1))

    with pytest.raises(RangeTooLong) as refused:
        buckets(period, Interval.DAY)
    assert refused.value.count == MOST_BUCKETS + 1
    assert len(list(buckets(period, Interval.WEEK))) < MOST_BUCKETS


def test_the_end_of_a_period_is_outside() -> None:
    assert Q1.start in Q1
    assert Q1.end not in Q1
    assert (Q1.days, Q1.weeks, Q1.last_day) == (90, Fraction(90, 7), date(2025, 3, 31))
    with pytest.raises(ValueError, match="ends after it starts"):
        Period(Q1.start, Q1.start)


def test_only_weeks_that_are_over_are_the_last_weeks() -> None:
    weeks = last_iso_weeks(Q1.end, 4)

    assert weeks[0].start == date(2025, 3, 3)
    assert weeks[-1] == Period(date(2025, 3, 24), date(2025, 3, 31))
    assert last_iso_weeks(date(2025, 3, 31), 4) == weeks


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2025, 11, 30), 3, date(2026, 2, 28)),
        (date(2025, 12, 15), 1, date(2026, 1, 15)),
        (date(2025, 3, 31), -1, date(2025, 2, 28)),
    ],
)
def test_months_are_added_within_the_calendar(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


def test_late_in_the_evening_of_utc_is_the_next_quarter_in_warsaw() -> None:
    touched_at = datetime(2025, 3, 31, 22, 30, tzinfo=UTC)

    day = local_day(touched_at, ZoneInfo("Europe/Warsaw"))

    assert day == date(2025, 4, 1)
    assert day not in Q1
