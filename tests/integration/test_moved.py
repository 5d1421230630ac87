"""Which days may have moved a figure, and which repairs did: those of its period, since a time."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.known import Knowledge
from shared.rollups.moved import (
    days_around_nothing,
    days_of_change,
    days_of_recording,
    repairs_of_values,
    repairs_on,
)
from tests.integration.falsifying import by_hand
from tests.integration.telling import rebuild
from tests.integration.test_known import fact, tell

MARCH = Period(date(2025, 3, 1), date(2025, 4, 1))
FIRST = date(2025, 4, 1)


def share(name: str, day: str, employee: str = "E1") -> Fact:
    return fact("post.published", name, day, post=name, employee=employee)


def told(*items: Fact) -> Sequence[tuple[date, Sequence[Fact | Retraction]]]:
    """Return one item a day, each on the day after the one before."""
    return [(FIRST + timedelta(days=n), [item]) for n, item in enumerate(items, start=1)]


def after(position: int, day: date = FIRST) -> Knowledge:
    until = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return Knowledge(position, day, until, is_final=True)


def april(*days: int) -> list[date]:
    return [date(2025, 4, day) for day in days]


async def found(
    database: Database, org: Org, days: Sequence[tuple[date, Sequence[Fact | Retraction]]]
) -> None:
    for day, items in days:
        await tell(database, org, day, items)
    await catch_up(database, org.id)


@pytest.mark.parametrize(
    ("position", "limit", "only", "expected"),
    [
        (1, 9, {}, april(1, 2, 6)),
        (2, 9, {}, april(2, 6)),
        (1, 2, {}, april(1, 2)),
        (1, 9, {"employee": frozenset({"E2"})}, april(6)),
    ],
)
async def test_changes_of_days_in_the_period_are_listed_from_a_position_on(
    database: Database,
    org: Org,
    position: int,
    limit: int,
    only: dict[str, frozenset[str]],
    expected: list[date],
) -> None:
    both = [share("a", "2025-03-01"), share("b", "2025-03-10")]
    others = told(
        share("c", "2025-03-01"),
        share("d", "2025-04-01"),
        share("e", "2025-02-28"),
        fact("link.clicked", "f", "2025-03-10", link="x", employee="E1"),
        share("g", "2025-03-31", "E2"),
    )
    await found(database, org, [(FIRST, both), *others])

    async with database.transaction(org.id) as connection:
        days = await days_of_change(
            connection,
            org.id,
            {"shares"},
            MARCH,
            filters=only,
            since=after(position),
            limit=limit,
        )
        recorded = await days_of_recording(connection, org, since=after(position), limit=limit)
    assert days == expected
    assert recorded == april(*range(position, 7))[:limit]


async def test_nothing_is_what_one_generation_says_of_the_whole(
    database: Database, org: Org
) -> None:
    first = share("a", "2025-03-10")
    gone = (date(2025, 4, 3), [Retraction(first.identity)])
    again = (date(2025, 4, 5), [share("b", "2025-03-10")])
    more = (date(2025, 4, 7), [share("c", "2025-03-10")])
    await found(database, org, [(FIRST, [first]), gone, again, more])
    # The rows of the generation before are still there.
    await rebuild(database, org)

    async with database.transaction(org.id) as connection:
        assert await connection.fetchval("SELECT count(DISTINCT generation) FROM rollup") == 2
        days = await days_around_nothing(connection, org.id, {"shares"}, after(1))
    assert days == {*april(3, 5)}


_SINCE = datetime(2025, 5, 1, 12, tzinfo=UTC)
#: A repair of shares on a day of March by so much that the log was wrong by, when, in what slice.
_REPAIR = """
INSERT INTO rollup_repair (org_id, id, repaired_at, generation, position, known_on, measure, cell,
                           day, stored, logged, recomputed)
SELECT $1, gen_random_uuid(), $2, generation, 1, ($2::timestamptz AT TIME ZONE 'UTC')::date,
       'shares', cell, $3, 5, 3 + $4::integer, 3
  FROM cell WHERE org_id = $1 AND slice = $5
"""
_REPAIRS = [
    (_SINCE - timedelta(seconds=1), date(2025, 3, 10), "total"),
    (_SINCE, date(2025, 2, 28), "total"),
    (_SINCE, date(2025, 3, 1), "total"),
    (_SINCE, date(2025, 3, 2), "employee"),
    (_SINCE, date(2025, 3, 31), "total"),
    (_SINCE, date(2025, 4, 1), "total"),
    (_SINCE + timedelta(days=1), date(2025, 3, 5), "total"),
]


@pytest.mark.parametrize("of_log", [0, 2])
async def test_repairs_of_the_period_are_told_from_a_moment_on(
    database: Database, org: Org, database_url: str, of_log: int
) -> None:
    await found(database, org, [(FIRST, [share("a", "2025-03-10")])])
    for at, day, slice_ in _REPAIRS:
        await by_hand(database_url, _REPAIR, org.id, at, day, of_log, slice_)

    async with database.transaction(org.id) as connection:
        asked = (connection, org.id, {"shares"}, MARCH)
        of_values = await repairs_of_values(*asked, since=_SINCE, limit=9)
        first = await repairs_of_values(*asked, since=_SINCE, limit=1)
        on_day = await repairs_on(*asked, day=_SINCE.date(), since=_SINCE, limit=9)
        recorded = await days_of_recording(
            connection, org, since=after(1, _SINCE.date() - timedelta(days=1)), limit=9
        )

    days = [date(2025, 3, 1), date(2025, 3, 31)]
    assert [row["day"] for row in of_values] == ([] if of_log else [*days, date(2025, 3, 5)])
    assert [row["day"] for row in first] == ([] if of_log else days[:1])
    assert [row["day"] for row in on_day] == (days if of_log else [])
    assert all((row["before"], row["after"]) == (5, 3) for row in (*of_values, *on_day))
    assert recorded == [_SINCE.date(), _SINCE.date() + timedelta(days=1)]
