"""The frame of the year: calendar, zone, people's links and campaign."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = [
    "BRAND_ACCOUNT",
    "CAMPAIGN",
    "CURRENCY",
    "NETWORK",
    "ORGANIZATION",
    "Q1_END",
    "Q1_START",
    "TARGET_URL",
    "WEEKS_IN_QUARTER",
    "WEEKS_IN_YEAR",
    "YEAR_END",
    "YEAR_START",
    "ZONE",
    "CodeOf",
    "TrackedLink",
    "at_local",
    "day_of_week_number",
    "default_code",
]

ORGANIZATION = "Golden Ratio"
ZONE = ZoneInfo("Europe/Warsaw")
CURRENCY = "USD"
NETWORK = "linkedin"
CAMPAIGN = "thought-leadership"
TARGET_URL = "https://www.goldenratio.example/insights"
BRAND_ACCOUNT = "urn:li:organization:2414183"

YEAR_START, YEAR_END = date(2025, 1, 1), date(2026, 1, 1)
Q1_START, Q1_END = date(2025, 1, 1), date(2025, 4, 1)
WEEKS_IN_QUARTER = 13
WEEKS_IN_YEAR = 52

#: Returns the code of an employee's tracked link; codes are given out by the product.
CodeOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class TrackedLink:
    """A link the product has to make for one employee before the year can be told."""

    employee: str
    network: str
    campaign: str
    target_url: str


def day_of_week_number(week: int, offset: int) -> date:
    """Return a day of a program week: week 0 starts on Wednesday 2025-01-01, offset 0 to 6."""
    return YEAR_START + timedelta(days=7 * week + offset)


def at_local(day: date, hour: int, minute: int = 0) -> datetime:
    """Return the UTC instant of a wall-clock time in the company's zone."""
    return datetime.combine(day, time(hour, minute), tzinfo=ZONE).astimezone(UTC)


def default_code(employee: str) -> str:
    """Return the code that stands in for a link until the product's own codes are known."""
    return f"gr-{employee.lower()}"
