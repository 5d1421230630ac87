"""Periods of whole days: half-open, cut into days, ISO weeks, calendar months or more, or nothing.

Days are an organization's local days; turning an instant into one is not done here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

__all__ = [
    "MOST_BUCKETS",
    "Interval",
    "Period",
    "RangeTooLong",
    "add_months",
    "buckets",
    "last_iso_weeks",
]

MOST_BUCKETS = 1000
"""No answer is cut into more parts than this."""


class RangeTooLong(ValueError):
    """The period has more buckets of this interval than one answer may hold."""

    def __init__(self, interval: Interval, count: int) -> None:
        super().__init__(f"{count} buckets by {interval}; at most {MOST_BUCKETS}")
        self.interval = interval
        self.count = count


class Interval(StrEnum):
    """How a period is cut."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The days from `start` up to, and without, `end`. Raises `ValueError` when there are none."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"a period ends after it starts, not {self.start} to {self.end}")

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    @property
    def days(self) -> int:
        """Return the number of days."""
        return (self.end - self.start).days

    @property
    def weeks(self) -> Fraction:
        """Return the length in weeks, exactly: 90 days are 90/7 weeks."""
        return Fraction(self.days, 7)

    @property
    def last_day(self) -> date:
        """Return the last day that is inside."""
        return self.end - timedelta(days=1)


def buckets(period: Period, interval: Interval) -> Iterator[Period]:
    """Cut a period at the boundaries of an interval; the outer buckets may be partial ones.

    Raises `RangeTooLong` at once, before the first bucket.
    """
    count = _count(period, interval)
    if count > MOST_BUCKETS:
        raise RangeTooLong(interval, count)
    return _cut(period, interval)


def _cut(period: Period, interval: Interval) -> Iterator[Period]:
    start = period.start
    while start < period.end:
        end = min(_next_boundary(start, interval, period.end), period.end)
        yield Period(start, end)
        start = end


def _count(period: Period, interval: Interval) -> int:
    match interval:
        case Interval.DAY:
            return period.days
        case Interval.WEEK:
            first, last = _monday(period.start), _monday(period.last_day)
            return (last - first).days // 7 + 1
        case Interval.MONTH:
            first, last = period.start, period.last_day
            return (last.year - first.year) * 12 + last.month - first.month + 1
        case Interval.QUARTER:
            first, last = _quarter(period.start), _quarter(period.last_day)
            return (last.year - first.year) * 4 + (last.month - first.month) // 3 + 1
        case Interval.YEAR:
            return period.last_day.year - period.start.year + 1
        case Interval.TOTAL:
            return 1


def _next_boundary(day: date, interval: Interval, end: date) -> date:
    match interval:
        case Interval.DAY:
            return day + timedelta(days=1)
        case Interval.WEEK:
            return _monday(day) + timedelta(days=7)
        case Interval.MONTH:
            return add_months(day.replace(day=1), 1)
        case Interval.QUARTER:
            return add_months(_quarter(day), 3)
        case Interval.YEAR:
            return add_months(day.replace(month=1, day=1), 12)
        case Interval.TOTAL:
            return end


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _quarter(day: date) -> date:
    """Return the first day of the calendar quarter."""
    return date(day.year, day.month - (day.month - 1) % 3, 1)


def last_iso_weeks(end: date, count: int) -> list[Period]:
    """Return the last `count` whole ISO weeks that are over at `end` (exclusive), oldest first.

    A week that `end` cuts is left out: nobody is inactive for a week that has not passed.
    """
    monday = _monday(end)
    week = timedelta(days=7)
    return [
        Period(monday - week * back, monday - week * (back - 1)) for back in range(count, 0, -1)
    ]


def add_months(day: date, months: int) -> date:
    """Return the same day `months` later, or the last of the month if it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    longest = (following - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, longest))
