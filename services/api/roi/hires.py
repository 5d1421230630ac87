"""Referral hires: how long each took."""

from typing import Final

from services.api.dependencies import Access
from shared.kpis.periods import Period

__all__ = ["days_to_fill"]

# Of what is folded, as the count of hires is. Days are whole local ones, from the first contact to
# the acceptance.
_DAYS: Final = """
SELECT s.day - ((s.body ->> 'first_contact_at')::timestamptz AT TIME ZONE $5)::date AS days
  FROM standing s
 WHERE s.org_id = $1 AND s.generation = $2 AND s.kind = 'hire.accepted'
   AND s.day >= $3::date AND s.day < $4::date
   AND (s.employee <> '' OR s.channel = 'employee_advocacy')
   AND s.body ? 'first_contact_at'
 ORDER BY 1
"""


async def days_to_fill(access: Access, generation: int, period: Period) -> tuple[int, ...]:
    """Return the days of each referral hire of a period whose first contact is known."""
    org = access.org
    rows = await access.connection.fetch(
        _DAYS, org.id, generation, period.start, period.end, org.zone.key
    )
    return tuple(row["days"] for row in rows)
