"""What the organization has stated of whom it counts: how many weeks make an advocate active.

These are assumptions, so each holds from a day on and nothing is overwritten. The value in force on
the last day of a period decides for all of it. In a look back it is the one that was known then.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import asyncpg

from shared.kpis.assumptions import ASSUMPTIONS

__all__ = ["stated", "stated_at", "stated_spans", "whole"]


def stated(key: str, until: str) -> str:
    """Return the value of an assumption on the day before ``until`` as SQL, of organization $1.

    Raises:
        KeyError: no assumption has this key.
    """
    return f"""coalesce((
        SELECT a.value FROM assumption a
         WHERE a.org_id = $1 AND a.key = '{key}' AND a.network = '' AND a.effective_from < {until}
         ORDER BY a.effective_from DESC, a.version DESC
         LIMIT 1), {ASSUMPTIONS[key].default})"""


def stated_spans(key: str) -> str:
    """Return the values of an assumption, each in force on the days [``since``, ``until``)."""
    return f"""
        SELECT a.value, a.since,
               lead(a.since, 1, 'infinity') OVER (ORDER BY a.since, a.version) AS until
          FROM (
            SELECT {ASSUMPTIONS[key].default} AS value, '-infinity'::date AS since, 0 AS version
            UNION ALL
            SELECT value, effective_from, version FROM assumption
             WHERE org_id = $1 AND key = '{key}' AND network = ''
          ) a
    """


def whole(key: str, until: str) -> str:
    """Return the same of an assumption that is a whole number, as an integer."""
    return f"({stated(key, until)})::integer"


async def stated_at(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    keys: Sequence[str],
    ends: Sequence[date],
) -> list[list[Decimal]]:
    """Return for each of ``ends`` the values of ``keys`` on the day before it."""
    values = ", ".join(stated(key, "b.until") for key in keys)
    rows = await connection.fetch(
        f"SELECT {values} FROM unnest($2::date[]) WITH ORDINALITY b (until, place) ORDER BY place",
        org_id,
        list(ends),
    )
    return [list(row) for row in rows]
