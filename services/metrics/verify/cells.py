"""Every cell of every slice, summed from the recomputed contributions and laid beside the stored.

Slices are computed by grouping sets over all contributions at once; the fold adds deltas to cells.
"""

from services.metrics.verify.facts import standing
from services.metrics.verify.report import MOST_LISTED

__all__ = [
    "CELLS",
    "CELL_MISMATCHES",
    "COLLECT",
    "CONTRIBUTIONS",
    "FACTS_OF_MISMATCHES",
    "LOG_MISMATCHES",
    "LOG_MISMATCHES_OF_MEASURE",
    "LOG_OUT_OF_TIME",
    "MISMATCHES",
    "NAME",
    "NAMES",
    "TEAMS",
]

_WHO_AND_WHERE = "employee, account, network, campaign, content, channel"
_DIMENSIONS = ("employee", "account", "network", "campaign", "content", "channel", "team")
#: What names a cell: a tuple, and a list of columns.
NAME = ("slice", "employee", "account", "team", "network", "campaign", "content", "channel")
NAMES = ", ".join(NAME)

CONTRIBUTIONS = """
CREATE TEMPORARY TABLE verify_contribution (
    measure text, day date, employee text, account text, network text, campaign text, content text,
    channel text, quantity numeric
) ON COMMIT DROP
"""
#: Sums what one family contributes; ``{query}`` is the family's.
COLLECT = f"""
INSERT INTO verify_contribution
SELECT measure, day, {_WHO_AND_WHERE}, sum(quantity)
  FROM ({{query}}) c (measure, day, {_WHO_AND_WHERE}, quantity, fact_key)
 WHERE quantity <> 0 AND {{condition}}
 GROUP BY measure, day, {_WHO_AND_WHERE}
"""
#: Who belonged to which team in which stretch of days, from the roster's facts.
TEAMS = f"""
CREATE TEMPORARY TABLE verify_team ON COMMIT DROP AS
SELECT employee, day AS since, team,
       lead(day, 1, 'infinity'::date) OVER (PARTITION BY employee ORDER BY day) AS until
  FROM (
    SELECT DISTINCT ON (subject, day) subject AS employee, day,
           coalesce(body ->> 'team', '') AS team
      FROM ({standing("employee.recorded")}) f
     ORDER BY subject, day, fact_key DESC
  ) said
"""

_FINEST = ("employee", "account", "network", "campaign", "channel")
_SETS: dict[str, tuple[str, ...]] = {
    "total": (),
    **{name: (name,) for name in _DIMENSIONS},
    "finest": _FINEST,
}


def _bits(grouped: tuple[str, ...]) -> int:
    # What GROUPING(…) says of a set: a bit for each name that is not in it, the first the highest.
    return sum(
        1 << (len(_DIMENSIONS) - 1 - index)
        for index, name in enumerate(_DIMENSIONS)
        if name not in grouped
    )


_SLICE = "CASE grouping({names}) {cases} END".format(
    names=", ".join(_DIMENSIONS),
    cases=" ".join(f"WHEN {_bits(grouped)} THEN '{name}'" for name, grouped in _SETS.items()),
)
_GROUPING_SETS = ", ".join(
    f"({', '.join(('measure', 'day', *grouped))})" for grouped in _SETS.values()
)
# A slice by one name has cells for values alone; a team may be '', for people of no known team.
_HAS_NAME = " OR ".join(
    (
        "slice IN ('total', 'finest')",
        "slice = 'team' AND team IS NOT NULL",
        *(f"slice = '{name}' AND {name} <> ''" for name in _DIMENSIONS if name != "team"),
    )
)
CELLS = f"""
CREATE TEMPORARY TABLE verify_cell ON COMMIT DROP AS
SELECT {", ".join(f"coalesce({name}, '') AS {name}" for name in NAME)}, measure, day,
       quantity
  FROM (
    SELECT {_SLICE} AS slice, {", ".join(_DIMENSIONS)}, measure, day, sum(quantity) AS quantity
      FROM (
        SELECT c.*, CASE WHEN c.employee <> '' THEN coalesce(t.team, '') END AS team
          FROM verify_contribution c
          LEFT JOIN verify_team t
            ON t.employee = c.employee AND c.day >= t.since AND c.day < t.until
      ) placed
     GROUP BY GROUPING SETS ({_GROUPING_SETS})
    HAVING sum(quantity) <> 0
  ) summed
 WHERE {_HAS_NAME}
"""

#: $1 organization, $2 generation, $3 the measures that were recomputed, $4 and $5 the days.
CELL_MISMATCHES = f"""
CREATE TEMPORARY TABLE verify_mismatch ON COMMIT DROP AS
SELECT measure, day, {NAMES}, held.cell, coalesce(held.value, 0) AS stored,
       coalesce(due.quantity, 0) AS recomputed
  FROM (
    SELECT {NAMES}, measure, day, r.cell, r.value
      FROM rollup_value r JOIN cell c USING (org_id, generation, cell)
     WHERE r.org_id = $1 AND r.generation = $2 AND r.measure = ANY ($3::text[])
       AND r.day BETWEEN $4 AND $5 AND r.value <> 0
  ) held
  FULL JOIN verify_cell due USING (measure, day, {NAMES})
 WHERE held.value IS DISTINCT FROM due.quantity
"""

#: The wrong cells, in the order in which they are told.
MISMATCHES = f"TABLE verify_mismatch ORDER BY measure, day, {NAMES}"


def _log_mismatches(condition: str) -> str:
    return f"""
    SELECT measure, day, cell, coalesce(r.value, 0) AS stored, coalesce(l.total, 0) AS recomputed
      FROM (
        SELECT measure, day, cell, value
          FROM rollup_value
         WHERE org_id = $1 AND generation = $2 AND value <> 0 AND {condition}
      ) r
      FULL JOIN (
        SELECT measure, day, cell, sum(delta) AS total
          FROM rollup_delta WHERE org_id = $1 AND generation = $2 AND {condition}
         GROUP BY measure, day, cell HAVING sum(delta) <> 0
      ) l USING (measure, day, cell)
     WHERE r.value IS DISTINCT FROM l.total
    """


#: The log must add up to what is held, cell by cell: it is the way back to any past day.
LOG_MISMATCHES = _log_mismatches("true")
#: The same of the measure $3.
LOG_MISMATCHES_OF_MEASURE = _log_mismatches("measure = $3")

#: What is logged counts from the day on which its entry was recorded, or from the moment of a
#: repair, which tells as much. $1 is the organization, $2 the generation.
LOG_OUT_OF_TIME = """
SELECT format('%s changes at entry %s on %s', logged.changes, logged.position, logged.known_on)
           AS stored,
       CASE WHEN e.position IS NOT NULL
            THEN format('recorded on %s', (e.recorded_at AT TIME ZONE o.time_zone)::date)
       END AS recomputed
  FROM (
    SELECT position, known_on, count(*) AS changes
      FROM rollup_change
     WHERE org_id = $1 AND generation = $2 AND repaired_at IS NULL
     GROUP BY position, known_on
  ) logged
  JOIN organization o ON o.id = $1
  LEFT JOIN LATERAL (
    SELECT * FROM ledger_entry WHERE org_id = $1 AND position = logged.position OFFSET 0
  ) e ON true
 WHERE (e.recorded_at AT TIME ZONE o.time_zone)::date IS DISTINCT FROM logged.known_on
UNION ALL
SELECT CASE WHEN l.delta <> 0 THEN format('%s by %s, repaired at %s', measure, l.delta, repaired_at)
       END,
       CASE WHEN r.delta <> 0 THEN format('%s by %s, repaired at %s', measure, r.delta, repaired_at)
       END
  FROM (
    SELECT repaired_at, known_on, measure, cell, day, sum(delta) AS delta
      FROM rollup_delta
     WHERE org_id = $1 AND generation = $2 AND repaired_at IS NOT NULL
     GROUP BY repaired_at, known_on, measure, cell, day
  ) l
  FULL JOIN (
    SELECT repaired_at, known_on, measure, cell, day, sum(recomputed - logged) AS delta
      FROM rollup_repair
     WHERE org_id = $1 AND generation = $2
     GROUP BY repaired_at, known_on, measure, cell, day
  ) r USING (repaired_at, known_on, measure, cell, day)
 WHERE coalesce(l.delta, 0) <> coalesce(r.delta, 0)
"""

_SAME_PLACE = " AND ".join(
    (
        "(m.slice <> 'team' OR c.employee <> '' AND m.team = coalesce(t.team, ''))",
        *(
            f"(m.slice NOT IN ('{name}'{_also}) OR m.{name} = c.{name})"
            for name in _DIMENSIONS
            if name != "team"
            for _also in (", 'finest'" if name in _FINEST else "",)
        ),
    )
)
#: The facts behind the wrong cells that are listed: how many, and some; ``{query}`` is a family's.
FACTS_OF_MISMATCHES = f"""
SELECT m.measure, m.day, {", ".join(f"m.{name}" for name in NAME)},
       count(*) AS facts, (array_agg(DISTINCT e.source || ' ' || e.external_id))[1:5] AS examples
  FROM ({{query}}) c (measure, day, {_WHO_AND_WHERE}, quantity, fact_key)
  LEFT JOIN verify_team t ON t.employee = c.employee AND c.day >= t.since AND c.day < t.until
  JOIN ({MISMATCHES} LIMIT {MOST_LISTED}) m
    ON m.measure = c.measure AND m.day = c.day AND {_SAME_PLACE}
  JOIN fact_head h ON h.org_id = $1 AND h.fact_key = c.fact_key
  JOIN ledger_entry e ON e.org_id = $1 AND e.position = h.position
 WHERE c.quantity <> 0
 GROUP BY m.measure, m.day, {", ".join(f"m.{name}" for name in NAME)}
"""
