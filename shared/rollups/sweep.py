"""What holds in stretches of buckets, added up in each of them at once.

A line that holds through a year is one line, not one of each day. So nothing is looked for bucket
by bucket: the roster cuts stretches where it tells another place, and what begins and ends is added
up along the buckets. The work is that of the stretches, of the roster's rows and of the answer.

A stretch is a row (employee, grouped, since, until, lines, quantity): buckets are numbered from 0,
and ``until`` is not one of them. ``grouped`` is what lines are grouped by as they are kept.
A quantity may be null, as nobody told it: it adds nothing, and of such ones alone the sum is null.
"""

from collections.abc import Sequence
from datetime import date

from shared.kpis.vocabulary import Dimension
from shared.rollups.merging import merged_place, merged_stretches
from shared.rollups.query import Slicing
from shared.rollups.sql import Arguments, cohort_of, filter_clause

__all__ = ["along_buckets", "counted_stretches", "placed_stretches"]

_EDGES = """
    CROSS JOIN LATERAL (
        VALUES (s.since, 1, s.lines, s.quantity), (s.until, -1, -s.lines, -s.quantity)
    ) e (bucket, sign, lines, quantity)
"""
_TOLD = "sum(e.sign) FILTER (WHERE e.quantity IS NOT NULL)"


def along_buckets(stretches: str) -> str:
    """Return what holds in each bucket, as a query of (bucket, grouped, lines, quantity).

    Where no line holds, there is no row.
    """
    return f"""
        SELECT b.bucket, held.grouped, held.lines::numeric,
               CASE WHEN held.told > 0 THEN held.quantity END AS quantity
          FROM (
            SELECT s.grouped, e.bucket, sum(sum(e.lines)) OVER along AS lines,
                   sum(sum(e.quantity)) OVER along AS quantity, sum({_TOLD}) OVER along AS told,
                   lead(e.bucket, 1, 0) OVER along AS until
              FROM ({stretches}) s {_EDGES}
             GROUP BY s.grouped, e.bucket
            WINDOW along AS (PARTITION BY s.grouped ORDER BY e.bucket)
          ) held
         CROSS JOIN LATERAL generate_series(held.bucket, held.until - 1) b (bucket)
         WHERE held.lines > 0
    """


def counted_stretches(lines: str, *, by_key: bool) -> str:
    """Return the stretches of ``lines`` (line_key, employee, grouped, since, until, quantity).

    Each is one line, or together with all others of its key: a key is one employee's.
    """
    if not by_key:
        return f"SELECT l.*, 1 AS lines FROM ({lines}) l"
    return f"""
        WITH line AS MATERIALIZED ({lines})
        SELECT l.employee, l.grouped, l.since, l.until, 0 AS lines, l.quantity FROM line l
        UNION ALL
        SELECT u.employee, u.grouped, lower(u.stretch), upper(u.stretch), 1, 0
          FROM (
            SELECT k.employee, k.grouped,
                   unnest(range_agg(int4range(k.since, k.until))) AS stretch
              FROM line k
             GROUP BY k.line_key, k.employee, k.grouped
          ) u
    """


def placed_stretches(
    stretches: str, plan: Slicing, arguments: Arguments, ends: Sequence[date]
) -> str:
    """Return stretches cut where the roster tells another place, as far as these are asked about.

    Where somebody is on the day before a bucket's one of ``ends``, they are in the bucket; grouped
    by a place, ``grouped`` is that place.
    """
    places = plan.places
    if not places:
        return stretches
    columns = {place: f"h.{place}" for place in places}
    grouped = columns.get(plan.group_by or "", "h.grouped")
    placed = f"""
        SELECT {grouped} AS grouped, {merged_place(plan, columns)} h.since, h.until, h.lines,
               h.quantity
          FROM ({_levels(stretches, _placements(places, arguments, ends), places)}) h
         WHERE h.since < h.until AND h.lines <> 0
           {filter_clause(plan.place_filters, arguments, columns=columns)}
    """
    return merged_stretches(placed, plan, arguments, "grouped", "lines", "quantity")


def _levels(stretches: str, placements: str, places: Sequence[str]) -> str:
    """Return what holds of each employee and group from each change, or change of place, on."""
    # What changes and where somebody is are laid together in order, and what was said last goes on.
    # Joined by the employee, one could be read for each row of the other.
    last = ", ".join(f"first_value(n.{place}) OVER there AS {place}" for place in places)
    return f"""
        WITH change AS MATERIALIZED (
            SELECT s.employee, s.grouped, e.bucket, sum(e.lines) AS lines,
                   sum(e.quantity) AS quantity, {_TOLD} AS told
              FROM ({stretches}) s {_EDGES}
             GROUP BY s.employee, s.grouped, e.bucket
        ), point AS (
            SELECT c.employee, c.grouped, c.bucket, c.lines, c.quantity, c.told, 0 AS placements,
                   NULL::date AS day, NULL::bytea AS fact_key,
                   {", ".join(f"NULL AS {place}" for place in places)}
              FROM change c
            UNION ALL
            SELECT k.employee, k.grouped, p.bucket, 0, 0, 0, 1, p.day, p.fact_key,
                   {", ".join(f"p.{place}" for place in places)}
              FROM (SELECT DISTINCT employee, grouped FROM change) k
             CROSS JOIN LATERAL ({placements}) p
        ), numbered AS (
            SELECT p.*, lead(p.bucket, 1, 0) OVER so_far AS until,
                   sum(p.lines) OVER so_far AS held, sum(p.quantity) OVER so_far AS amount,
                   sum(p.told) OVER so_far AS known, sum(p.placements) OVER so_far AS place
              FROM point p
            WINDOW so_far AS (
                PARTITION BY p.employee, p.grouped ORDER BY p.bucket, p.day, p.fact_key)
        )
        SELECT n.grouped, n.bucket AS since, n.until, n.held AS lines,
               CASE WHEN n.known > 0 THEN n.amount END AS quantity, {last}
          FROM numbered n
        WINDOW there AS (
            PARTITION BY n.employee, n.grouped, n.place ORDER BY n.bucket, n.day, n.fact_key)
    """


def _placements(places: Sequence[str], arguments: Arguments, ends: Sequence[date]) -> str:
    """Return where an employee (``k``) is from each bucket on, nowhere before any is told."""
    on_roster = [place for place in places if place != Dimension.COHORT]
    cohort = f"{cohort_of('k.employee')} AS cohort"
    if not on_roster:  # who is in a cohort is in it on every day
        return f"SELECT 0 AS bucket, '-infinity'::date AS day, ''::bytea AS fact_key, {cohort}"
    return f"""
        SELECT r.* {f", {cohort}" if on_roster != list(places) else ""}
          FROM (
            SELECT 0 AS bucket, '-infinity'::date AS day, ''::bytea AS fact_key,
                   {", ".join(f"'' AS {place}" for place in on_roster)}
            UNION ALL
            SELECT width_bucket(r.effective_on, {arguments.add(ends)}::date[]), r.effective_on,
                   r.fact_key, {", ".join(f"r.{place}" for place in on_roster)}
              FROM roster r
             WHERE r.org_id = $1 AND r.generation = $2 AND r.employee = k.employee
          ) r
    """
