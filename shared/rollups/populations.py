"""How many people each team holds on each day: what decides whether a figure of it may be shown."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from uuid import UUID

import asyncpg

from shared.kpis.periods import Period
from shared.rollups.people import memberships

__all__ = [
    "Displaced",
    "Placements",
    "Populations",
    "displaced",
    "read_placements",
    "read_populations",
]

# A team's people are its members. On a day on which it has none it is counted by its staff: its
# figures, if it has any, are about somebody. $3 and $4 are the days asked about; what happened
# before them makes the state on the first one.
_STEPS = f"""
WITH placed AS (
    SELECT r.employee, r.employed, r.team, r.effective_on AS since,
           lead(r.effective_on, 1, 'infinity'::date)
               OVER (PARTITION BY r.employee ORDER BY r.effective_on) AS until
      FROM (
        SELECT DISTINCT ON (employee, effective_on) employee, effective_on, employed, team
          FROM roster
         WHERE org_id = $1 AND generation = $2
         ORDER BY employee, effective_on, fact_key DESC
      ) r
), told AS ({memberships()}), member AS (
    SELECT p.team, greatest(t.since, p.since) AS since, least(t.until, p.until) AS until
      FROM told t
      JOIN placed p ON p.employee = t.employee AND p.since < t.until AND t.since < p.until
     WHERE t.event = 'joined' AND p.employed
    UNION ALL
    SELECT '', t.since, least(t.until, f.first_day)
      FROM told t
      LEFT JOIN (SELECT employee, min(since) AS first_day FROM placed GROUP BY 1) f
        ON f.employee = t.employee
     WHERE t.event = 'joined' AND t.since < least(t.until, f.first_day)
), stretch AS (
    SELECT team, since, until, 1 AS members, 0 AS staff FROM member
    UNION ALL
    SELECT team, since, until, 0, 1 FROM placed WHERE employed
), step AS (
    SELECT team, greatest(since, $3::date) AS day, members, staff
      FROM stretch WHERE since < $4::date AND until > $3::date AND since < until
    UNION ALL
    SELECT team, until, -members, -staff
      FROM stretch WHERE until > $3::date AND until < $4::date AND since < until
)
SELECT day, team, sum(members) AS members, sum(staff) AS staff
  FROM step GROUP BY day, team ORDER BY day, team
"""
_PLACEMENTS = """
SELECT employee, array_agg(effective_on ORDER BY effective_on) AS days,
       array_agg(team ORDER BY effective_on) AS teams
  FROM (
    SELECT DISTINCT ON (employee, effective_on) employee, effective_on, team
      FROM roster
     WHERE org_id = $1 AND generation = $2
     ORDER BY employee, effective_on, fact_key DESC
  ) r
 GROUP BY employee
"""

#: Employee → the team from each day on, in order of days.
Placements = Mapping[str, Sequence[tuple[date, str]]]


@dataclass(frozen=True, slots=True)
class Displaced:
    """A team that holds other people on the days of [``since``, ``until``) when told anew."""

    team: str
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Populations:
    """The size of every team, from the days on which it changed: in order, the first day first."""

    changes: Sequence[tuple[date, Mapping[str, int]]]

    def during(self, period: Period) -> list[Mapping[str, int]]:
        """Return the sizes of each day of a period, days without a change left out."""
        before = [sizes for day, sizes in self.changes if day <= period.start]
        inside = [sizes for day, sizes in self.changes if period.start < day < period.end]
        return [*before[-1:], *inside]


async def read_populations(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, generation: int, period: Period
) -> Populations:
    """Return the sizes of teams on the days of a period."""
    rows = await connection.fetch(_STEPS, org_id, generation, period.start, period.end)
    members, staff = Counter[str](), Counter[str]()
    changes: list[tuple[date, Mapping[str, int]]] = []
    for day, steps in groupby(rows, key=lambda row: row["day"]):
        for row in steps:
            members[row["team"]] += row["members"]
            staff[row["team"]] += row["staff"]
        changes.append((day, {team: members[team] or staff[team] for team in members}))
    return Populations(changes)


async def read_placements(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, generation: int
) -> Placements:
    """Return who is in which team, as the roster tells it in the transaction's time."""
    rows = await connection.fetch(_PLACEMENTS, org_id, generation)
    return {row["employee"]: list(zip(row["days"], row["teams"], strict=True)) for row in rows}


def displaced(one: Placements, other: Placements) -> Iterator[Displaced]:
    """Yield the teams between which the roster moved somebody from one telling to the other.

    Who is nowhere is in the team "": that is where figures without a team are.
    """
    for employee in one.keys() | other.keys():
        then, now = one.get(employee, ()), other.get(employee, ())
        if then == now:
            continue
        days = sorted({day for day, _ in then} | {day for day, _ in now})
        for since, until in pairwise([*days, date.max]):
            teams = {_team_on(since, then), _team_on(since, now)}
            if len(teams) > 1:
                yield from (Displaced(team, since, until) for team in teams)


def _team_on(day: date, placements: Sequence[tuple[date, str]]) -> str:
    return next((team for since, team in reversed(placements) if since <= day), "")
