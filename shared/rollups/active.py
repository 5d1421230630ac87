"""Active advocates: who shared in enough of the last whole weeks, at the end of each bucket.

Buckets look back on weeks that most of them share. So nothing is counted bucket by bucket: each
person's weeks with a share say in which stretches of buckets they are active, however far is looked
back, and these are added up along the buckets.
"""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

from shared.kpis.assumptions import ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED
from shared.kpis.periods import last_iso_weeks
from shared.rollups.query import Slicing
from shared.rollups.reading import Found, Reading
from shared.rollups.shares import shares
from shared.rollups.sql import Arguments, bucket_ends
from shared.rollups.stated import stated_at
from shared.rollups.sweep import along_buckets, placed_stretches

__all__ = ["count_active"]


class _Rule(NamedTuple):
    """What makes active in the buckets from ``first`` on, up to and without ``until``.

    These look at weeks from ``since_week`` on, up to and without ``until_week``.
    """

    first: int
    until: int
    weeks: int
    needed: int
    since_week: int
    until_week: int


async def count_active(asked: Reading) -> Found:
    """Return how many advocates are active at the end of each bucket, by group."""
    plan, arguments, ends = asked.plan, asked.arguments(), bucket_ends(asked.query)
    keys = (ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED)
    stated = await stated_at(asked.connection, asked.org_id, keys, ends)
    rules = [(int(weeks), int(needed)) for weeks, needed in stated]
    stretches = placed_stretches(_stretches(plan, arguments, ends, rules), plan, arguments, ends)
    rows = await asked.connection.fetch(along_buckets(stretches), *arguments.values)
    return {(row["bucket"], row["grouped"]): row["lines"] for row in rows}


def _stretches(
    plan: Slicing, arguments: Arguments, ends: list[date], stated: Sequence[tuple[int, int]]
) -> str:
    """Return in which stretches of buckets each person is active.

    Weeks are numbered from the first one looked at. ``over`` says of each bucket how many of them
    are over at its end: a bucket looks at the last of these, as many as its rule says.
    """
    last = [last_iso_weeks(end, weeks) for end, (weeks, _) in zip(ends, stated, strict=True)]
    first, end = min(weeks[0].start for weeks in last), last[-1][-1].end
    over = [(weeks[-1].end - first).days // 7 for weeks in last]
    since, until = arguments.add(first), arguments.add(end)
    weeks_over = f"{arguments.add(over)}::integer[]"
    columns = zip(*_rules(stated, over), strict=True)
    rules = ", ".join(f"{arguments.add(list(column))}::integer[]" for column in columns)
    # A week with a share makes active as soon as the week is over, if so many with shares, itself
    # included, are looked at then: until the first of these is not any more, or the next one with a
    # share takes its place.
    return f"""
        SELECT a.employee, a.grouped, lower(a.stretch) AS since, upper(a.stretch) AS until,
               1 AS lines, 0 AS quantity
          FROM (
            WITH shared AS MATERIALIZED (
                SELECT (x.day - {since}::date) / 7 AS week, x.employee, x.grouped
                  FROM ({shares(plan, arguments)}) x
                 WHERE x.day >= {since}::date AND x.day < {until}::date
                 GROUP BY 1, 2, 3
                HAVING sum(x.value) > 0
            )
            SELECT h.employee, h.grouped,
                   unnest(range_agg(int4range(h.since, h.until))) AS stretch
              FROM (
                SELECT w.employee, w.grouped,
                       greatest(w.first, width_bucket(w.week, {weeks_over})) AS since,
                       least(w.until, width_bucket(least(w.next, w.from_week + w.weeks),
                                                   {weeks_over})) AS until
                  FROM (
                    SELECT r.first, r.until, r.weeks, s.employee, s.grouped, s.week,
                           lead(s.week) OVER along AS next,
                           lag(s.week, r.needed - 1) OVER along AS from_week
                      FROM unnest({rules})
                           r (first, until, weeks, needed, since_week, until_week)
                      JOIN shared s ON s.week >= r.since_week AND s.week < r.until_week
                    WINDOW along AS (PARTITION BY r.first, s.employee, s.grouped ORDER BY s.week)
                  ) w
                 WHERE w.from_week IS NOT NULL
              ) h
             WHERE h.since < h.until
             GROUP BY h.employee, h.grouped
          ) a
    """


def _rules(stated: Sequence[tuple[int, int]], over: Sequence[int]) -> list[_Rule]:
    """Return what was stated of each bucket, once for buckets in a row of which it is the same."""
    rules = []
    for (weeks, needed), same in groupby(range(len(stated)), key=lambda bucket: stated[bucket]):
        buckets = list(same)
        first, last = buckets[0], buckets[-1]
        looked_at = over[first] - weeks, over[last]
        rules.append(_Rule(first, last + 1, weeks, needed, *looked_at))
    return rules
