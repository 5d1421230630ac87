"""Referral hires: how long each took."""

from typing import Final

from services.api.dependencies import Access
from shared.kpis.periods import Period

__all__ = ["days_to_fill"]

# Days are whole local ones, from the first contact to the acceptance.
_DAYS: Final = """
SELECT e.day - (((e.payload::jsonb) ->> 'first_contact_at')::timestamptz AT TIME ZONE $4)::date
       AS days
  FROM ledger_entry e
  JOIN fact_head h ON h.org_id = e.org_id AND h.fact_key = e.fact_key AND h.position = e.position
 WHERE e.org_id = $1 AND e.kind = 'hire.accepted' AND e.weight = 1 AND NOT h.is_retracted
   AND e.day >= $2::date AND e.day < $3::date
   AND (e.employee IS NOT NULL OR e.channel = 'employee_advocacy')
   AND (e.payload::jsonb) ? 'first_contact_at'
 ORDER BY 1
"""


async def days_to_fill(access: Access, period: Period) -> tuple[int, ...]:
    """Return the days of each referral hire of a period whose first contact is known."""
    rows = await access.connection.fetch(
        _DAYS, access.org.id, period.start, period.end, access.org.zone.key
    )
    return tuple(row["days"] for row in rows)
