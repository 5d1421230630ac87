"""Time zones that Python and PostgreSQL read alike.

Days are cut by both: an entry's by Python, a deal's or a list's by the database. PostgreSQL takes
CET, EET, MET and WET for abbreviations, which have no summer time; and where a country changes its
clocks, one of the two may not know yet.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg

from shared import clock

__all__ = ["zones_read_otherwise"]

#: Clocks are changed for months: a look a week finds it.
_EVERY: Final = timedelta(weeks=1)
_WEEKS: Final = 52
_LOCAL_TIMES: Final = """
SELECT z.zone, array_agg(i.instant AT TIME ZONE z.zone ORDER BY i.instant) AS told
  FROM unnest($1::text[]) z (zone) CROSS JOIN unnest($2::timestamptz[]) i (instant)
 GROUP BY z.zone
"""


async def zones_read_otherwise(
    connection: "asyncpg.Connection[asyncpg.Record]", names: Collection[str]
) -> list[str]:
    """Return those of the zones in which the database's clocks show another time than Python's.

    Looked at are the last year and the next one.

    Raises:
        asyncpg.InvalidParameterValueError: the database knows no zone of one of the names.
    """
    now = clock.now()
    instants = [now + week * _EVERY for week in range(-_WEEKS, _WEEKS + 1)]
    rows = await connection.fetch(_LOCAL_TIMES, sorted(set(names)), instants)
    return sorted(
        zone
        for zone, told in rows
        if told != [i.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for i in instants]
    )
