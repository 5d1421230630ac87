"""Active advocates are counted for all buckets at once: as for each alone, and at no more rows."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

import asyncpg
import pytest
from asyncpg.connection import LoggedQuery

from services.api.assumptions.repository import add_statement
from services.metrics.worker import catch_up
from shared.db import Database, plan_for_any_organization
from shared.facts import Fact
from shared.kpis.assumptions import ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED
from shared.kpis.periods import Interval, Period, buckets
from shared.kpis.vocabulary import Grade
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.believing import database, url
from tests.integration.catalogue_facts import fact
from tests.integration.planning import found, rows_handled, tell

__all__ = ["database", "url"]

_FIRST = date(2025, 1, 1)
_YEAR = Period(_FIRST, date(2026, 1, 1))
_ASKED = Period(date(2025, 2, 12), date(2025, 7, 20))
#: From a day on: weeks looked at, weeks needed.
_STATED = {
    date(2025, 3, 5): ("8", "2"),
    date(2025, 4, 9): ("1", "1"),
    date(2025, 4, 12): ("52", "5"),
    date(2025, 6, 1): ("6", "2"),
}
#: Group, and filters.
_SLICES: tuple[tuple[str | None, dict[str, frozenset[str]]], ...] = (
    (None, {}),
    ("team", {}),
    ("role", {}),
    ("network", {}),
    (None, {"network": frozenset({"x"})}),
    ("team", {"role": frozenset({"leader"})}),
    ("network", {"team": frozenset({"red", ""})}),
    (None, {"network": frozenset({"x"}), "role": frozenset({"seller"})}),
)


class _Share(NamedTuple):
    employee: str
    day: date
    network: str


class _World(NamedTuple):
    """Who shared what, and where everybody was from which days on, told in this order."""

    shares: list[_Share]
    places: dict[str, list[tuple[date, str, str]]]


def _world() -> _World:
    draw = Random(52)
    people = [f"E{number}" for number in range(12)]
    shares = [
        _Share(who, _day(draw), draw.choice(("linkedin", "x")))
        for number, who in enumerate(people)
        for _ in range(3 * number)
    ]
    places = {
        who: sorted(
            (day, draw.choice(("red", "blue")), draw.choice(("leader", "seller")))
            for day in {_day(draw) for _ in range(draw.randrange(9))}
        )
        for who in people[2:]
    }
    return _World(shares, places)


def _day(draw: Random) -> date:
    return _FIRST + timedelta(days=draw.randrange(210))


def _facts(world: _World) -> Iterator[Fact]:
    for number, share in enumerate(world.shares):
        yield fact(
            "post.published",
            f"p{number}",
            f"{share.day}T10:00:00Z",
            post=f"p{number}",
            employee=share.employee,
            network=share.network,
        )
    for who, rows in world.places.items():
        for number, (day, team, role) in enumerate(rows):
            yield fact(
                "employee.recorded",
                f"{who} {number}",
                "2025-01-01",
                employee=who,
                effective_on=day.isoformat(),
                team=team,
                role=role,
            )


async def _state(
    connection: "asyncpg.Connection[asyncpg.Record]", org: Org, since: date, values: Sequence[str]
) -> None:
    for key, value in zip((ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED), values, strict=True):
        await add_statement(
            connection,
            org.id,
            key=key,
            effective_from=since,
            value=Decimal(value),
            source="program office",
            grade=Grade.MEASURED,
        )


def _counted(
    world: _World, bucket: Period, group_by: str | None, filters: Mapping[str, frozenset[str]]
) -> dict[str, int]:
    """Count by hand who is active at the end of a bucket, by group."""
    rules = [rule for since, rule in _STATED.items() if since < bucket.end]
    looked_at, needed = map(int, rules[-1] if rules else ("4", "3"))
    monday = bucket.end - timedelta(days=bucket.end.weekday())
    weeks: dict[tuple[str, str], set[int]] = defaultdict(set)
    for share in world.shares:
        back = (monday - share.day - timedelta(days=1)).days // 7
        if share.network in filters.get("network", {share.network}):
            group = share.network if group_by == "network" else ""
            if 0 <= back < looked_at:
                weeks[share.employee, group].add(back)
    people: Counter[str] = Counter()
    for (who, group), active in weeks.items():
        placed = {"team": "", "role": ""}
        for day, team, role in world.places.get(who, []):
            if day < bucket.end:
                placed = {"team": team, "role": role}
        is_there = all(placed[name] in filters[name] for name in placed if name in filters)
        if len(active) >= needed and is_there:
            people[placed.get(group_by or "", group)] += 1
    return dict(people)


@pytest.mark.parametrize("interval", list(Interval))
async def test_each_bucket_counts_who_is_active_at_its_end(
    database: Database, interval: Interval
) -> None:
    org, world, asked = await found(database), _world(), tuple(buckets(_ASKED, interval))
    await tell(database, org, _facts(world))
    await catch_up(database, org.id)
    async with database.transaction(org.id) as connection:
        for since, values in _STATED.items():
            await _state(connection, org, since, values)

        seen = 0
        for group_by, filters in _SLICES:
            query = MeasureQuery(asked, group_by, filters)
            table = await read_measures(connection, org, ["active_advocates"], query)
            for index, bucket in enumerate(asked):
                found_here = {
                    group: row["active_advocates"]
                    for (place, group), row in table.items()
                    if place == index and row["active_advocates"]
                }
                assert found_here == _counted(world, bucket, group_by, filters), (group_by, bucket)
                seen += len(found_here)
    assert seen > len(_SLICES)  # else nobody was ever active


_PEOPLE, _DAYS = 300, 365
#: Everybody shares every day, and changes team every quarter.
_FILL = (
    "INSERT INTO rollup_slot VALUES ($1, 1, 'shares', 1, 1)",
    f"""
    INSERT INTO cell (org_id, generation, cell, slice, employee)
    SELECT $1, 1, n, 'employee', 'E' || n FROM generate_series(1, {_PEOPLE}) n
    """,
    f"""
    INSERT INTO rollup (org_id, generation, cell, day, family, v1)
    SELECT $1, 1, n, '2025-01-01'::date + day, 1, 1
      FROM generate_series(1, {_PEOPLE}) n, generate_series(0, {_DAYS - 1}) day
    """,
    f"""
    INSERT INTO roster (org_id, generation, employee, effective_on, fact_key, employed, team,
                        linkedin_account, position)
    SELECT $1, 1, 'E' || n, '2025-01-01'::date + 91 * move, int4send(n * 4 + move), true,
           'team' || (n + move) % 5, true, 1
      FROM generate_series(1, {_PEOPLE}) n, generate_series(0, 3) move
    """,
)


@pytest.mark.parametrize("group_by", [None, "team"])
async def test_a_year_of_days_reads_each_share_some_times_however_far_is_looked_back(
    database: Database, group_by: str | None
) -> None:
    org = await found(database)
    query = MeasureQuery(tuple(buckets(_YEAR, Interval.DAY)), group_by)
    ran: list[LoggedQuery] = []
    async with database.transaction(org.id) as connection:
        for statement in _FILL:
            await connection.execute(statement, org.id)
        await _state(connection, org, _FIRST, ("52", "26"))
        await plan_for_any_organization(connection)

        with connection.query_logger(ran.append):
            table = await read_measures(connection, org, ["active_advocates"], query)
        handled = [await rows_handled(connection, one) for one in ran]

    assert sum(cell["active_advocates"] or 0 for cell in table.values()) > _PEOPLE * 100
    # A share's row passes through half a dozen steps, once each.
    assert max(handled) < 10 * _PEOPLE * _DAYS
