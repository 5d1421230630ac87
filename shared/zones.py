"""Time zones that Python and PostgreSQL read alike.

Days are cut by both: an entry's by Python, a deal's or a list's by the database. PostgreSQL takes
CET, EET, MET and WET for abbreviations, which have no summer time; and where a country changes its
clocks, one of the two may not know yet.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg

from shared import clock

__all__ = ["zones_read_otherwise"]

#: Clocks are changed for months: a look a week finds it.
_EVERY: Final = timedelta(weeks=1)
_WEEKS: Final = 52
_LOCAL_TIMES: Final = """
SELECT array_agg(instant AT TIME ZONE $1 ORDER BY instant) FROM unnest($2::timestamptz[]) instant
"""


async def zones_read_otherwise(
    connection: "asyncpg.Connection[asyncpg.Record]", names: Collection[str]
) -> list[str]:
    """Return those of the zones in which the database's clocks show another time than Python's.

    Looked at are the last year and the next one. A zone that the database does not know is one.
    """
    now = clock.now()
    instants = [now + week * _EVERY for week in range(-_WEEKS, _WEEKS + 1)]
    return [
        name
        for name in sorted(set(names))
        if await _local_times(connection, name, instants)
        != [instant.astimezone(ZoneInfo(name)).replace(tzinfo=None) for instant in instants]
    ]


async def _local_times(
    connection: "asyncpg.Connection[asyncpg.Record]", zone: str, instants: Sequence[datetime]
) -> list[datetime] | None:
    try:
        async with connection.transaction():
            times: list[datetime] = await connection.fetchval(_LOCAL_TIMES, zone, instants)
    except asyncpg.InvalidParameterValueError:
        return None
    return times
