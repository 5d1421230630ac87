"""Read measures back: sums from the rollups, counts and levels from the state of the fold."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import asyncpg

from shared.kpis.measure import RosterDay
from shared.kpis.measures import Kept, Measure
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Aggregation, Axis
from shared.orgs import Org
from shared.rollups.held import measures_held
from shared.rollups.merging import merged_in_bucket
from shared.rollups.query import ForbiddenSlice, MeasureQuery, Merged, Slicing, slicing
from shared.rollups.readers import READERS
from shared.rollups.reading import Reading
from shared.rollups.sql import (
    Arguments,
    bucket_starts,
    ever_placed,
    filter_clause,
    measure_list,
    placed_on_day,
)

__all__ = [
    "ForbiddenSlice",
    "MeasureQuery",
    "MeasureTable",
    "Merged",
    "Period",
    "Value",
    "live_generation",
    "read_measures",
]

Value = Decimal | Fraction | None
_ROSTER_BEGINS = "SELECT min(effective_on) FROM roster WHERE org_id = $1 AND generation = $2"
#: (bucket index, group) → measure → value; the group is "" where nothing is grouped.
MeasureTable = dict[tuple[int, str], dict[str, Value]]


async def live_generation(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> int:
    """Return the generation of rollups that answers questions now."""
    generation: int = await connection.fetchval(
        "SELECT generation FROM generation WHERE org_id = $1 AND state = 'live'", org_id
    )
    return generation


async def read_measures(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    measures: Collection[str],
    query: MeasureQuery,
    *,
    groups: Collection[str] = (),
) -> MeasureTable:
    """Return the measures for each bucket and group.

    None means that the organization has no facts of that measure at all: missing, which is not 0.
    A measure that has facts, but none here, is 0, and so is a count of employees since the roster
    began. Every bucket has every group that occurs, and those of ``groups``.

    Raises:
        ForbiddenSlice: a measure cannot be grouped or filtered so.
    """
    generation = await live_generation(connection, org.id)
    plans = [slicing(measure, query) for measure in sorted(set(measures))]
    cells: dict[tuple[int, str, str], Value] = {}
    summed = [p for p in plans if p.measure.kept in {Kept.STORED, Kept.VIEW} and _is_sum(p.measure)]
    missing = await _never_told(connection, org.id, generation, [plan.measure for plan in summed])
    for group in _by_slice(summed):
        cells.update(await _sums(connection, org.id, generation, query, group))
    for plan in plans:
        measure = plan.measure
        if measure.kept is Kept.CALENDAR:
            cells.update({(i, "", measure.id): b.weeks for i, b in enumerate(query.buckets)})
        elif not _is_sum(measure) or measure.kept is Kept.COUNTED:
            read = READERS[measure.stored_as]
            found = await read(Reading(connection, org.id, generation, query, plan))
            if found is None:
                missing.add(measure.id)
            else:
                cells.update({(i, key, measure.id): v for (i, key), v in found.items()})
    unread = await _before_the_roster(connection, org.id, generation, query, plans)
    return _table(plans, query, cells, missing, unread, groups)


async def _never_told(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    measures: Collection[Measure],
) -> set[str]:
    """Return those of the sums of which no fact says anything, not even that there is none."""
    alone = {m.id: {m.stored_as, *m.known_by} for m in measures}
    together = {m.id: set(m.known_with) for m in measures if m.known_with}
    names = set[str]().union(*alone.values(), *together.values())
    held = await measures_held(connection, org_id, generation, names)
    known = {id for id, told in together.items() if told <= held}
    return {id for id, told in alone.items() if held.isdisjoint(told)} - known


async def _before_the_roster(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    query: MeasureQuery,
    plans: Collection[Slicing],
) -> set[tuple[int, str]]:
    """Return (bucket index, measure) where the roster had not begun: nobody knows who was there."""
    of_roster = [plan.measure for plan in plans if plan.measure.roster]
    if not of_roster:
        return set()
    first = await connection.fetchval(_ROSTER_BEGINS, org_id, generation)
    return {
        (index, measure.id)
        for index, bucket in enumerate(query.buckets)
        for measure in of_roster
        if first is not None
        and first >= (bucket.end if measure.roster is RosterDay.END else bucket.start)
    }


def _is_sum(measure: Measure) -> bool:
    return measure.adds_up_over(Axis.TIME)


def _by_slice(plans: Iterable[Slicing]) -> Iterable[list[Slicing]]:
    # Views of two channels have the same slice and filters of one name, but not of one value.
    groups: dict[tuple[str, frozenset[tuple[str, frozenset[str]]]], list[Slicing]]
    groups = defaultdict(list)
    for plan in plans:
        groups[plan.slice, frozenset(plan.filters.items())].append(plan)
    return groups.values()


async def _sums(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    query: MeasureQuery,
    plans: list[Slicing],
) -> dict[tuple[int, str, str], Value]:
    plan = plans[0]
    arguments = Arguments(org_id, generation)
    measures = measure_list(p.measure.stored_as for p in plans)
    starts = arguments.add(bucket_starts(query))
    end = arguments.add(query.period.end)
    read_off = () if plan.slice == "team" else plan.places
    placed, columns = placed_on_day(read_off, "c.employee", "c.day")
    group = columns.get(plan.group_by, f"c.{plan.group_by}") if plan.group_by else "''"
    bucket = f"width_bucket(c.day, {starts}::date[]) - 1"
    rows = await connection.fetch(
        f"""
        SELECT {bucket} AS bucket, {group} AS grouped, c.measure, sum(c.value) AS value
          FROM cell_value c {placed}
         WHERE c.org_id = $1 AND c.generation = $2 AND c.slice = '{plan.slice}'
           AND c.measure IN ({measures})
           AND c.value <> 0 -- or the batching would decide which groups an answer has
           AND c.day >= ({starts}::date[])[1] AND c.day < {end}::date
           {_has_group(plan)} {filter_clause(plan.filters, arguments, columns=columns)}
           {merged_in_bucket(plan, bucket, arguments, columns=columns)}
           {
            ever_placed(
                {p: plan.filters[p] for p in read_off if p in plan.filters}, "c.employee", arguments
            )
        }
         GROUP BY 1, 2, 3
        """,
        *arguments.values,
    )
    stored = {p.measure.stored_as: p.measure.id for p in plans}
    return {(row["bucket"], row["grouped"], stored[row["measure"]]): row["value"] for row in rows}


def _has_group(plan: Slicing) -> str:
    """Return the condition that makes finest cells answer like the slice of one dimension.

    A slice exists for a value, not for its absence: without this, a group of what has none would
    appear as soon as a second dimension is filtered.
    """
    conditions = "AND c.employee <> ''" if plan.places and plan.slice != "team" else ""
    if plan.kept_group is not None:
        conditions += f" AND c.{plan.kept_group} <> ''"
    return conditions


def _table(
    plans: list[Slicing],
    query: MeasureQuery,
    cells: dict[tuple[int, str, str], Value],
    missing: set[str],
    unread: Collection[tuple[int, str]],
    wanted: Collection[str],
) -> MeasureTable:
    calendar = {plan.measure.id for plan in plans if plan.measure.kept is Kept.CALENDAR}
    found = {key for _, key, measure in cells if measure not in calendar}.union(wanted)
    groups = sorted(found) if query.group_by else [""]
    table: MeasureTable = {}
    for index in range(len(query.buckets)):
        for group in groups:
            row = table[index, group] = {}
            for plan in plans:
                measure = plan.measure
                if measure.id in missing or (index, measure.id) in unread:
                    row[measure.id] = None
                elif measure.kept is Kept.CALENDAR:
                    row[measure.id] = cells[index, "", measure.id]
                else:
                    absent = None if _has_no_zero(measure) else Decimal(0)
                    row[measure.id] = cells.get((index, group, measure.id), absent)
    return table


def _has_no_zero(measure: Measure) -> bool:
    # The median of nothing is not 0, nor is the index of nobody.
    is_of_values = measure.aggregation in {Aggregation.QUANTILE, Aggregation.COMPOSITE}
    return is_of_values or not measure.has_zero
