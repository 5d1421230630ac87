"""The effective-dated roster: who belongs to which team on which day.

A row holds from its day on, until the next row of the same employee. A correction therefore moves
history: what the employee did on the days between changes team, and only that.
"""

from services.metrics.keyed.operator import KeyedOperator, replace_state

__all__ = ["ROSTER", "TEAM_MOVES"]


def _spans(*, is_new: bool) -> str:
    # One row per employee and stretch of days; of two rows for the same day the last key speaks.
    return f"""
    INSERT INTO team_span
    SELECT {is_new}, employee, effective_on,
           lead(effective_on, 1, 'infinity'::date) OVER (
               PARTITION BY employee ORDER BY effective_on, fact_key),
           team
      FROM roster
     WHERE org_id = $1 AND generation = $2
       AND employee = ANY (
           SELECT DISTINCT subject FROM fold_batch WHERE kind = 'employee.recorded')
    """


ROSTER = KeyedOperator(
    kinds=frozenset({"employee.recorded"}),
    touch=(_spans(is_new=False),),
    update=(
        *replace_state(
            "roster",
            "'employee.recorded'",
            "s.employee = b.subject AND s.effective_on = b.day",
            "b.subject, b.day, b.fact_key, (b.body ->> 'employed')::boolean,"
            " coalesce(b.body ->> 'team', ''), coalesce(b.body ->> 'role', ''),"
            " (b.body ->> 'linkedin_account')::boolean",
        ),
        _spans(is_new=True),
    ),
)

#: What the cells of the touched employees, as they stand, take from the old team and bring to the
#: new one. Only days on which the two differ move. Columns of ``fold_slice``.
TEAM_MOVES = """
INSERT INTO fold_slice
SELECT 'team', '', '', moved.team, '', '', '', '', moved.measure, moved.day, sum(moved.quantity)
  FROM (
    SELECT r.measure, r.day, m.team, m.sign * r.value AS quantity
      FROM (SELECT DISTINCT employee FROM team_span) k
      JOIN cell c
        ON c.org_id = $1 AND c.generation = $2 AND c.slice = 'employee' AND c.employee = k.employee
      JOIN rollup r
        ON r.org_id = $1 AND r.generation = $2 AND r.cell = c.cell AND r.measure = ANY ($3::text[])
      LEFT JOIN team_span was
        ON was.employee = k.employee AND NOT was.is_new
       AND r.day >= was.first_day AND r.day < was.last_day
      LEFT JOIN team_span now
        ON now.employee = k.employee AND now.is_new
       AND r.day >= now.first_day AND r.day < now.last_day
     CROSS JOIN LATERAL (VALUES
        (coalesce(was.team, ''), -1), (coalesce(now.team, ''), 1)
     ) m (team, sign)
     WHERE coalesce(was.team, '') <> coalesce(now.team, '')
  ) moved
 GROUP BY moved.team, moved.measure, moved.day
"""
