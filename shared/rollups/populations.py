"""How many people each team, department, role or cohort holds on each day: what may be shown of it.

All but teams are counted beside what divides the same people: see :class:`Crossed`.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg

from shared.kpis.periods import Period
from shared.kpis.privacy import Crossed, Sizes
from shared.kpis.vocabulary import PLACES, Dimension
from shared.rollups.people import memberships
from shared.rollups.sql import cohort_of, cohort_of_day

__all__ = [
    "Displaced",
    "Placements",
    "Populations",
    "displaced",
    "read_placements",
    "read_populations",
]

# A group's people are its members. On a day on which it has none it is counted by its staff: its
# figures, if it has any, are about somebody. $3 and $4 are the days asked about; what happened
# before them makes the state on the first one.
#
# What the roster and the program say of somebody is laid together by day, and what was said last
# goes on. Neither is looked for in the other: joined, all of the one is read for each row of the
# other where the planner knows of none.
_STEPS = f"""
WITH point AS (
    SELECT employee, day, bool_or(employed) AS employed, {{of_day}}, bool_or(is_member) AS is_member
      FROM (
        SELECT * FROM (
            SELECT DISTINCT ON (employee, effective_on) employee, effective_on AS day, employed,
                   {{roster}}, NULL::boolean AS is_member
              FROM roster
             WHERE org_id = $1 AND generation = $2
             ORDER BY employee, effective_on, fact_key DESC
        ) placed
        UNION ALL
        SELECT t.employee, t.since, NULL, {{unsaid}}, t.event = 'joined'
          FROM ({memberships()}) t
         WHERE t.since < t.until
      ) said
     GROUP BY employee, day
), numbered AS (
    SELECT *, count(employed) OVER so_far AS placements, count(is_member) OVER so_far AS words,
           lead(day, 1, 'infinity'::date) OVER so_far AS until
      FROM point
    WINDOW so_far AS (PARTITION BY employee ORDER BY day)
), stretch AS (
    SELECT employee, day AS since, until, {{last}},
           first_value(employed) OVER placed AS employed,
           coalesce(first_value(is_member) OVER heard, false) AS is_member
      FROM numbered
    WINDOW placed AS (PARTITION BY employee, placements ORDER BY day),
           heard AS (PARTITION BY employee, words ORDER BY day)
), counted AS (
    -- A member of whom the roster has said nothing yet is nowhere.
    SELECT since, until, {{of_stretch}},
           (is_member AND coalesce(employed, true))::integer AS members,
           coalesce(employed, false)::integer AS staff
      FROM stretch s
     WHERE until > $3::date AND since < $4::date
), step AS (
    SELECT {{places}}, greatest(since, $3::date) AS day, members, staff
      FROM counted WHERE members + staff > 0
    UNION ALL
    SELECT {{places}}, until, -members, -staff
      FROM counted WHERE members + staff > 0 AND until < $4::date
)
SELECT day, {{places}}, sum(members) AS members, sum(staff) AS staff
  FROM step
 GROUP BY day, {{places}}
HAVING sum(members) <> 0 OR sum(staff) <> 0
 ORDER BY day, {{places}}
"""
_FIRST_JOINS = f"""
SELECT DISTINCT ON (employee) employee, ARRAY['0001-01-01'::date] AS days,
       ARRAY[{cohort_of_day("day")}] AS places
  FROM membership
 WHERE org_id = $1 AND generation = $2 AND event = 'joined'
 ORDER BY employee, happened_at, fact_key
"""
_PLACEMENTS = """
SELECT employee, array_agg(effective_on ORDER BY effective_on) AS days,
       array_agg(place ORDER BY effective_on) AS places
  FROM (
    SELECT DISTINCT ON (employee, effective_on) employee, effective_on, {place} AS place
      FROM roster
     WHERE org_id = $1 AND generation = $2
     ORDER BY employee, effective_on, fact_key DESC
  ) r
 GROUP BY employee
"""

_DAY: Callable[[tuple[date, Sizes]], date] = itemgetter(0)
_KeyT = TypeVar("_KeyT")
_COHORT = Dimension.COHORT
#: Employee → the group of a division from each day on, in order of days.
Placements = Mapping[str, Sequence[tuple[date, str]]]


@dataclass(frozen=True, slots=True)
class Displaced:
    """A group that holds other people on the days of [``since``, ``until``) when told anew."""

    group: str
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Populations:
    """The size of every group, from the days on which it changed: in order, the first day first."""

    changes: Sequence[tuple[date, Sizes]]

    def during(self, period: Period) -> list[Sizes]:
        """Return the sizes of each day of a period, days without a change left out."""
        first = bisect_right(self.changes, period.start, key=_DAY)
        end = bisect_left(self.changes, period.end, lo=first, key=_DAY)
        return [sizes for _, sizes in self.changes[max(first - 1, 0) : end]]


class _Heads(Generic[_KeyT]):
    """People counted by what they are in, as members and as staff; where nobody is, is not kept."""

    def __init__(self) -> None:
        self._heads: dict[_KeyT, tuple[int, int]] = {}

    def add(self, key: _KeyT, members: int, staff: int) -> None:
        held = self._heads.get(key, (0, 0))
        heads = held[0] + members, held[1] + staff
        if any(heads):
            self._heads[key] = heads
        else:
            self._heads.pop(key, None)

    def has_members(self, key: _KeyT) -> bool:
        """Tell whether any of these people is a member."""
        return self._heads.get(key, (0, 0))[0] > 0

    def sizes(self) -> dict[_KeyT, int]:
        """Return how many members there are of each, or staff where there is no member."""
        return {key: members or staff for key, (members, staff) in self._heads.items()}


class _Counts:
    """The sizes of groups of several divisions, each beside those before it."""

    def __init__(self, places: Sequence[str]) -> None:
        self._places = places
        self._alone = [_Heads[str]() for _ in places]
        self._together = [_Heads[tuple[str, ...]]() for _ in places[1:]]

    def add(self, step: asyncpg.Record) -> None:
        groups = tuple(step[place] for place in self._places)
        members, staff = int(step["members"]), int(step["staff"])
        for alone, group in zip(self._alone, groups, strict=True):
            alone.add(group, members, staff)
        for number, together in enumerate(self._together, start=2):
            together.add(groups[:number], members, staff)

    def sizes(self) -> Sizes:
        sizes: Sizes = self._alone[0].sizes()
        for alone, together in zip(self._alone[1:], self._together, strict=True):
            shared = {
                groups: people
                for groups, people in together.sizes().items()
                if together.has_members(groups) or not self._have_members(groups)
            }
            sizes = Crossed(alone.sizes(), sizes, shared)
        return sizes

    def _have_members(self, groups: tuple[str, ...]) -> bool:
        """Tell whether each of ``groups`` has members: who is none is in no figure about them."""
        # There are as many divisions as the groups come from, the first ones.
        return all(
            alone.has_members(group) for alone, group in zip(self._alone, groups, strict=False)
        )


async def read_populations(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    period: Period,
    place: Dimension,
) -> Populations:
    """Return the sizes of groups on the days of a period, beside those that are judged before.

    ``place`` is one of ``vocabulary.PLACES``, which are in the order of judging.
    """
    places = PLACES[: PLACES.index(place) + 1]
    roster = [one for one in places if one is not _COHORT]
    statement = _STEPS.format(
        places=", ".join(places),
        roster=", ".join(roster),
        of_day=", ".join(f"max({one}) AS {one}" for one in roster),
        unsaid=", ".join("NULL" for _ in roster),
        last=", ".join(f"coalesce(first_value({one}) OVER placed, '') AS {one}" for one in roster),
        of_stretch=", ".join(
            f"{cohort_of('s.employee')} AS {one}" if one is _COHORT else one for one in places
        ),
    )
    rows = await connection.fetch(statement, org_id, generation, period.start, period.end)
    # Every day on which somebody moves, everybody is counted: it would keep other requests waiting.
    return await asyncio.to_thread(_counted, rows, places)


def _counted(rows: Sequence[asyncpg.Record], places: Sequence[str]) -> Populations:
    counts = _Counts(places)
    changes: list[tuple[date, Sizes]] = []
    for day, steps in groupby(rows, key=lambda row: row["day"]):
        for row in steps:
            counts.add(row)
        changes.append((day, counts.sizes()))
    return Populations(changes)


async def read_placements(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    place: Dimension,
) -> Placements:
    """Return who is in which group, as it is told in the transaction's time."""
    statement = _FIRST_JOINS if place is _COHORT else _PLACEMENTS.format(place=place)
    rows = await connection.fetch(statement, org_id, generation)
    return {row["employee"]: list(zip(row["days"], row["places"], strict=True)) for row in rows}


def displaced(one: Placements, other: Placements) -> Iterator[Displaced]:
    """Yield the groups between which somebody moved from one telling to the other.

    Who is nowhere is in the group "": that is where figures without a team, or a cohort, are.
    """
    for employee in one.keys() | other.keys():
        then, now = one.get(employee, ()), other.get(employee, ())
        if then == now:
            continue
        days = sorted({day for day, _ in then} | {day for day, _ in now})
        for since, until in pairwise([*days, date.max]):
            groups = {_placed_on(since, then), _placed_on(since, now)}
            if len(groups) > 1:
                yield from (Displaced(group, since, until) for group in groups)


def _placed_on(day: date, placements: Sequence[tuple[date, str]]) -> str:
    return next((place for since, place in reversed(placements) if since <= day), "")
