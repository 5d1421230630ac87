"""What many buckets share is found once, and each of them says what it says when asked alone."""

from collections.abc import Sequence
from datetime import date
from itertools import chain, pairwise

import pytest

from services.metrics.worker import catch_up
from shared.db import Database, plan_for_any_organization
from shared.kpis.measures import MEASURES
from shared.kpis.periods import Interval, Period, buckets
from shared.kpis.vocabulary import PLACES, Dimension
from shared.orgs import Org
from shared.rollups.query import ForbiddenSlice, Merged
from shared.rollups.read import MeasureQuery, read_measures
from shared.rollups.readers import LISTED, READERS
from tests.integration.believing import database, url
from tests.integration.catalogue_facts import everything, fact
from tests.integration.catalogue_lines import assert_explained
from tests.integration.crowd import life, news, schooling
from tests.integration.planning import found, rows_read, tell

__all__ = ["database", "url"]

_PEOPLE = 40
_PERIOD = Period(date(2025, 1, 1), date(2025, 4, 1))
_BEGUN = (
    *("engaged_users", "invitees", "invitees_activated"),
    *("first_share_hours.median", "cohort.w1", "cohort_active.w1"),
)
_HELD = (
    *("enrolled", "invited", "invited_enrolled", "trained", "connected", "connectable", "leaders"),
    *("enrolled_at_start", "headcount_at_start", "headcount", "ties_possible", "person_days"),
    *("ssi", "ssi.brand", "ssi_change", "connections", "recognized_experts", "evenness"),
)
#: Not what is stated: that is looked up for each bucket.
_TABLES = ("membership", "post", "standing", "gauge", "roster")
#: Weeks, days and months, so that some hold what begins and ends on one day.
_ENDS = ("2025-01-01", "2025-01-05", "2025-01-06", "2025-01-10", "2025-01-11", "2025-01-21")
_LATER = ("2025-02-01", "2025-02-05", "2025-02-11", "2025-02-16", "2025-02-27", "2025-04-01")

#: Days on which something begins or ends to hold, so that it does at the edge of a bucket.
_CHANGES = (
    *("2025-01-02", "2025-01-03", "2025-01-06", "2025-01-10", "2025-01-15", "2025-01-16"),
    *("2025-01-20", "2025-01-30", "2025-02-02", "2025-02-05", "2025-02-15", "2025-02-20"),
)


@pytest.mark.parametrize("group_by", [None, Dimension.TEAM])
async def test_ninety_buckets_read_little_more_than_one(
    database: Database, group_by: Dimension | None
) -> None:
    org = await found(database)
    lives = (chain(life(number), schooling(number)) for number in range(_PEOPLE))
    await tell(database, org, chain.from_iterable(lives))
    await catch_up(database, org.id)
    rows = {}
    async with database.transaction(org.id) as connection:
        await plan_for_any_organization(connection)

        async def read(measure: str, parts: Sequence[Period]) -> int:
            before = sum((await rows_read(connection, _TABLES)).values())
            query = MeasureQuery(tuple(parts), group_by)
            await read_measures(connection, org, [measure], query)
            return sum((await rows_read(connection, _TABLES)).values()) - before

        for measure in (*_BEGUN, *_HELD):
            if group_by is None or group_by in MEASURES[measure].dimensions:
                at_once = await read(measure, [_PERIOD])
                by_day = await read(measure, list(buckets(_PERIOD, Interval.DAY)))
                rows[measure] = at_once, by_day

    assert rows.keys() >= {"enrolled", "enrolled_at_start", "ssi", "evenness", "cohort.w1"}
    assert {
        measure: (at_once, by_day)
        for measure, (at_once, by_day) in rows.items()
        if by_day > 1.5 * at_once + 5 * _PEOPLE
    } == {}


@pytest.mark.parametrize("group_by", [None, *Dimension])
async def test_each_bucket_says_what_it_says_alone(
    database: Database, group_by: Dimension | None
) -> None:
    org = await _company(database)
    days = [date.fromisoformat(day) for day in (*_ENDS, *_LATER)]
    parts = [Period(*days) for days in pairwise(days)]
    measures = [m for m in READERS if group_by is None or group_by in MEASURES[m].dimensions]
    async with database.transaction(org.id) as connection:
        for measure in measures:
            try:
                told = await read_measures(
                    connection, org, [measure], MeasureQuery(tuple(parts), group_by)
                )
            except ForbiddenSlice:
                continue
            groups = {group for _, group in told}

            for bucket, part in enumerate(parts):
                alone = await read_measures(
                    connection, org, [measure], MeasureQuery((part,), group_by), groups=groups
                )
                together = {
                    group: value for (place, group), value in told.items() if place == bucket
                }
                assert {group: value for (_, group), value in alone.items()} == together, (
                    *(measure, part),
                )


#: Sums that are kept by team, or put where the roster says.
_SUMS = (
    "shares",
    "impressions_advocacy",
    "leads_advocacy",
    "revenue.linear",
    "applications.linear",
)


@pytest.mark.parametrize("place", PLACES)
async def test_groups_that_are_merged_say_what_they_say_together(
    database: Database, place: Dimension
) -> None:
    org = await _company(database)
    days = [date.fromisoformat(day) for day in (*_ENDS, *_LATER)]
    parts = [Period(*days) for days in pairwise(days)]
    measures = [m for m in (*READERS, *_SUMS) if place in MEASURES[m].dimensions]
    told = 0
    async with database.transaction(org.id) as connection:
        for measure in measures:
            try:
                by_place = await read_measures(
                    connection, org, [measure], MeasureQuery(tuple(parts), place)
                )
            except ForbiddenSlice:
                continue
            groups = sorted({group for _, group in by_place})
            # Others in each bucket, some of them again later, and in one bucket nobody.
            merged = tuple(
                frozenset(groups[(bucket % 3) :: 2] if bucket != 2 else ())
                for bucket in range(len(parts))
            )
            query = MeasureQuery(tuple(parts), merged=Merged(place, merged))
            together = await read_measures(connection, org, [measure], query)

            for bucket, part in enumerate(parts):
                only = {place.value: merged[bucket]}
                alone = await read_measures(
                    connection, org, [measure], MeasureQuery((part,), None, only)
                )
                assert together[bucket, ""] == alone[0, ""], (measure, part, merged[bucket])
                told += bool(together[bucket, ""][measure])
    assert told > 20


async def test_groups_that_are_merged_are_read_once_however_they_change(
    database: Database,
) -> None:
    org = await found(database)
    await tell(
        database, org, chain.from_iterable(chain(life(n), schooling(n)) for n in range(_PEOPLE))
    )
    await catch_up(database, org.id)
    parts = tuple(buckets(_PERIOD, Interval.DAY))
    teams = [f"team{number}" for number in range(5)]
    changing = tuple(frozenset(teams[day % 5 :]) for day in range(len(parts)))
    async with database.transaction(org.id) as connection:
        await plan_for_any_organization(connection)

        async def read(measure: str, query: MeasureQuery) -> int:
            before = sum((await rows_read(connection, _TABLES)).values())
            await read_measures(connection, org, [measure], query)
            return sum((await rows_read(connection, _TABLES)).values()) - before

        for measure in (*_BEGUN, *_HELD):
            if Dimension.TEAM not in MEASURES[measure].dimensions:
                continue
            all_of_them = MeasureQuery(parts, None, {"team": frozenset(teams)})
            together = MeasureQuery(parts, merged=Merged("team", changing))
            # Where somebody is may be looked up for each of two conditions.
            assert await read(measure, together) <= 2 * await read(measure, all_of_them), measure


async def test_the_facts_behind_each_bucket_make_its_value(database: Database) -> None:
    org = await _company(database)
    parts = [Period(*days) for days in pairwise(map(date.fromisoformat, _CHANGES))]
    at_once = {name for name, listed in LISTED.items() if listed.swept or listed.at_once}
    for measure in sorted(at_once | {"evenness", "person_days"}):
        for part in parts:
            await assert_explained(database, org, measure, {}, part, limit=100)


async def _company(database: Database) -> Org:
    """Found an organization in which everything happens, and of some things several at once."""
    org = await found(database)
    await tell(database, org, everything())
    for facts in (
        [f for n in range(10, 16) for f in chain(life(n), schooling(n))],
        [f for n in range(10, 13) for f in news(n)],
    ):
        await tell(database, org, facts)
        await catch_up(database, org.id)
    await tell(
        database,
        org,
        [
            # Two words on one day, and one that comes after a later one.
            fact("member.left", "leaves", "2025-02-05T08:00:00Z", employee="E3"),
            fact("member.joined", "returns", "2025-02-05T09:00:00Z", employee="E3"),
            fact("member.invited", "again", "2025-01-04", employee="E3"),
            *(
                fact(
                    *("employee.recorded", f"moves-{team}", "2025-02-10"),
                    employee="E3",
                    effective_on="2025-02-10",
                    team=team,
                )
                for team in ("Sales", "IT")
            ),
        ],
    )
    await catch_up(database, org.id)
    return org
