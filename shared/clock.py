"""The one place where the time of day is read.

Tests move it with a frozen clock; nothing else calls ``datetime.now``.
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

__all__ = ["local_day", "now", "start_of_day"]


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """Return the calendar day of ``instant`` in ``zone``: the day an organization books it on."""
    return instant.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which ``day`` begins in ``zone``."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
