"""When the parts of a history are recorded: around midnights, where days of recording end."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

__all__ = ["Recorded", "recorded"]

_LATE, _EARLY = time(23, 50), time(0, 10)


class Recorded(NamedTuple):
    """A day of the organization's, and the moment of it at which something is recorded."""

    day: date
    at: datetime


def recorded(first: date, number: int, zone: ZoneInfo) -> Recorded:
    """Return when the part ``number``, from 0, of what begins to be told on ``first`` is recorded.

    Two parts come within minutes, late on one day and early on the next one: to all but the
    organization, as in Greenwich, they are of one day. On the day after nothing is.
    """
    day = first + timedelta(days=3 * (number // 2) + number % 2)
    moment = datetime.combine(day, _EARLY if number % 2 else _LATE, zone)
    return Recorded(day, moment.astimezone(UTC))
