"""Ends of employment: an employee leaves once on a day, however many sources tell it.

The first fact to have told it speaks for it and says why; is that one taken back, the next one
does. ``$1`` is the organization and ``$2`` the generation.
"""

__all__ = ["leaving"]


def leaving(days: str) -> str:
    """Return the contributions of those who left, and of who never settled in.

    ``days`` names a relation (day).
    """
    return f"""
    SELECT unnest(array_remove(ARRAY['leavers',
               CASE WHEN body ->> 'reason' = 'adaptation' AND (body ->> 'in_probation')::boolean
                    THEN 'adaptation_quits' END
           ], NULL)) AS measure, day, employee, '' AS account, '' AS network, '' AS campaign,
           '' AS content, '' AS channel, 1::numeric AS quantity, fact_key
      FROM (
        SELECT DISTINCT ON (s.day, s.employee) s.*
          FROM {days} k
         CROSS JOIN LATERAL (
            SELECT * FROM standing
             WHERE org_id = $1 AND generation = $2 AND kind = 'employment.ended' AND day = k.day
            OFFSET 0
         ) s
         ORDER BY s.day, s.employee, s.occurred_at, s.fact_key
      ) told
    """
