"""Referral hires: how long each took."""

from typing import Final

from services.api.dependencies import Access
from shared.kpis.periods import Period
from shared.rollups.listed_recruiting import referral_hires

__all__ = ["days_to_fill"]

# The very hires that are counted. Days are whole local ones, from the first contact to the
# acceptance.
_DAYS: Final = f"""
SELECT h.day - ((s.body ->> 'first_contact_at')::timestamptz AT TIME ZONE $5)::date AS days
  FROM ({referral_hires("$3::date", "$4::date")}) h
 CROSS JOIN LATERAL (
    SELECT body FROM standing
     WHERE org_id = $1 AND generation = $2 AND fact_key = h.fact_key
    OFFSET 0
 ) s
 WHERE s.body ? 'first_contact_at'
 ORDER BY 1
"""


async def days_to_fill(access: Access, generation: int, period: Period) -> tuple[int, ...]:
    """Return the days of each referral hire of a period whose first contact is known."""
    org = access.org
    rows = await access.connection.fetch(
        _DAYS, org.id, generation, period.start, period.end, org.zone.key
    )
    return tuple(row["days"] for row in rows)
