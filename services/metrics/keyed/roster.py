"""The effective-dated roster: who belongs to which team on which day.

A row holds from its day on, until the next row of the same employee. A correction therefore moves
history: what the employee did on the days between changes team, and only that.
"""

from services.metrics.keyed.operator import KeyedOperator, replace_state
from services.metrics.sql import hash_of_name
from shared.rollups.layout import each_slot

__all__ = ["ROSTER", "TEAM_MOVES"]


def _spans(*, is_new: bool) -> str:
    # One row per employee and stretch of days; of two rows for the same day the last key speaks.
    return f"""
    INSERT INTO team_span
    SELECT {is_new}, r.employee, r.effective_on,
           lead(r.effective_on, 1, 'infinity'::date) OVER (
               PARTITION BY r.employee ORDER BY r.effective_on, r.fact_key),
           r.team
      FROM (SELECT DISTINCT subject FROM fold_batch WHERE kind = 'employee.recorded') k
     CROSS JOIN LATERAL (
        SELECT * FROM roster
         WHERE org_id = $1 AND generation = $2 AND employee = k.subject
        OFFSET 0
     ) r
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
            " coalesce(b.body ->> 'team', ''), coalesce(b.body ->> 'department', ''),"
            " coalesce(b.body ->> 'role', ''), (b.body ->> 'linkedin_account')::boolean",
        ),
        _spans(is_new=True),
    ),
)

#: What the cells of the touched employees, as they stand, take from the old team and bring to the
#: new one, on the days on which the two differ. Columns of ``fold_move``. Each stretch of days is
#: looked up by key, so that a correction costs what it moves; OFFSET 0 keeps the planner from
#: reading all of history instead, as it would while statistics are young, and the name's hash from
#: reading all cells of the generation.
TEAM_MOVES = f"""
WITH stretch AS (
    SELECT employee, day AS first_day,
           lead(day, 1, 'infinity'::date) OVER (PARTITION BY employee ORDER BY day) AS last_day
      FROM (
        SELECT employee, '-infinity'::date AS day FROM team_span
        UNION
        SELECT employee, first_day FROM team_span
      ) edges
), moved AS MATERIALIZED (
    SELECT k.employee, k.first_day, k.last_day,
           coalesce(was.team, '') AS old_team, coalesce(now.team, '') AS new_team,
           {hash_of_name("'employee'::text", "k.employee", *["''::text"] * 6)} AS name_hash
      FROM stretch k
      LEFT JOIN team_span was
        ON was.employee = k.employee AND NOT was.is_new
       AND k.first_day >= was.first_day AND k.first_day < was.last_day
      LEFT JOIN team_span now
        ON now.employee = k.employee AND now.is_new
       AND k.first_day >= now.first_day AND k.first_day < now.last_day
     WHERE coalesce(was.team, '') <> coalesce(now.team, '')
)
INSERT INTO fold_move
SELECT m.team, held.family, r.day, {each_slot("sum(m.sign * r.v{slot})")}
  FROM moved k
 CROSS JOIN LATERAL (
    SELECT cell, slice, employee FROM cell
     WHERE org_id = $1 AND generation = $2 AND name_hash = k.name_hash
    OFFSET 0
 ) c
 CROSS JOIN (
    SELECT DISTINCT family FROM rollup_slot WHERE org_id = $1 AND generation = $2
 ) held
 CROSS JOIN LATERAL (
    SELECT * FROM rollup
     WHERE org_id = $1 AND generation = $2 AND family = held.family AND cell = c.cell
       AND day >= k.first_day AND day < k.last_day
    OFFSET 0
 ) r
 CROSS JOIN LATERAL (VALUES (k.old_team, -1), (k.new_team, 1)) m (team, sign)
 WHERE c.slice = 'employee' AND c.employee = k.employee -- not inside, or it looks by slice
 GROUP BY m.team, held.family, r.day
"""
