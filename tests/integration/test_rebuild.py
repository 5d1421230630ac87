"""Rebuild: the same figures from a new generation, with nobody noticing."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.metrics.fold import fold_batch
from services.metrics.rebuild import (
    Progress,
    RebuildUnderWay,
    abort_rebuild,
    continue_rebuild,
    start_rebuild,
    under_way,
)
from services.metrics.retired import GENERATION_TABLES, drop_retired
from services.metrics.worker import catch_up, tend_generations
from shared.db import Database
from shared.facts import Fact, Retraction, parse_fact
from shared.ledger import append
from shared.orgs import Org, load_org
from shared.rollups.read import live_generation

ROOT = Path(__file__).parents[2]
NOW = timedelta(0)

_FIGURES = """
SELECT measure, day, slice, employee, account, team, network, campaign, content, channel, value
  FROM rollup_value JOIN cell USING (org_id, generation, cell)
 WHERE org_id = $1 AND generation = $2 AND value <> 0
"""
_HISTORY = """
SELECT known_on, measure, day, slice, employee, account, team, network, campaign, content, channel,
       sum(delta) AS delta
  FROM rollup_delta JOIN cell USING (org_id, generation, cell)
 WHERE org_id = $1 AND generation = $2
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 HAVING sum(delta) <> 0
"""


def fact(kind: str, number: int, **body: Any) -> Fact:
    return parse_fact(
        {
            "kind": kind,
            "source": "test",
            "external_id": f"{kind}-{number}",
            "occurred_at": f"2025-02-{1 + number % 28:02}T10:00:00Z",
            **body,
        }
    )


def won(number: int, opened_at: str, closed_at: str) -> Fact:
    """Return the won deal of the lead of the same number."""
    return fact(
        "deal.changed",
        number,
        deal=f"d{number}",
        lead=f"l{number}",
        state="won",
        amount="100.00",
        currency="USD",
        opened_at=opened_at,
        closed_at=closed_at,
    )


def share(number: int) -> Fact:
    return fact("post.published", number, post=f"p{number}", employee=f"E{number % 7}")


def sale(number: int) -> list[Fact]:
    touches = [
        fact(
            "touch.recorded",
            10 * number + touch,
            person=f"q{number}",
            channel="employee_advocacy",
            employee=f"E{touch}",
        )
        for touch in range(3)
    ]
    return [
        *touches,
        fact("lead.created", number, lead=f"l{number}", person=f"q{number}"),
        won(number, "2025-02-20T10:00:00Z", "2025-03-20T10:00:00Z"),
    ]


def past() -> list[Fact]:
    roster = [
        fact(
            "employee.recorded",
            n,
            employee=f"E{n}",
            effective_on=f"2025-02-{1 + 3 * n:02}",
            team=f"T{n % 2}",
        )
        for n in range(7)
    ]
    readings = [
        fact("post.metrics", n, post=f"p{n % 5}", employee="E1", impressions=10 * n)
        for n in range(40)
    ]
    sales = [item for n in range(4) for item in sale(n)]
    return [*roster, *[share(n) for n in range(40)], *readings, *sales]


async def tell(database: Database, org: Org, *items: Fact | Retraction) -> None:
    async with database.transaction(org.id) as connection:
        await append(connection, org, items)


async def found(database: Database, org: Org) -> None:
    await tell(database, org, *past())
    await tell(database, org, Retraction(share(3).identity), *[share(n) for n in range(40, 60)])
    await catch_up(database, org.id)


async def live(database: Database, org: Org) -> int:
    async with database.transaction(org.id) as connection:
        return await live_generation(connection, org.id)


async def held(database: Database, org: Org, query: str, generation: int) -> set[tuple[Any, ...]]:
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(query, org.id, generation)
    return {tuple(row) for row in rows}


async def begin(database: Database, org: Org, **parameters: int) -> int:
    async with database.transaction(org.id) as connection:
        return await start_rebuild(connection, org.id, **parameters)


async def state_of(database: Database, org: Org) -> dict[int, str]:
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(
            "SELECT generation, state FROM generation WHERE org_id = $1", org.id
        )
    return dict(map(tuple, rows))


async def test_a_rebuilt_generation_holds_the_same_figures_and_the_same_history(
    database: Database, org: Org
) -> None:
    await found(database, org)
    before = await held(database, org, _FIGURES, 1)
    history = await held(database, org, _HISTORY, 1)

    generation = await begin(database, org)
    assert await live(database, org) == 1
    assert await continue_rebuild(database, org.id, batch=17)

    assert (generation, await live(database, org)) == (2, 2)
    assert before
    assert await held(database, org, _FIGURES, 2) == before
    assert await held(database, org, _HISTORY, 2) == history
    assert await state_of(database, org) == {1: "retired", 2: "live"}


async def test_appends_folds_and_reads_go_on_while_it_is_built(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await begin(database, org)
    shares_seen: list[int] = []
    is_over = asyncio.Event()

    async def write() -> None:
        for number in range(100, 160):
            await tell(database, org, share(number))
            await catch_up(database, org.id)

    async def read() -> None:
        while not is_over.is_set():
            async with database.transaction(org.id) as connection:
                shares_seen.append(
                    await connection.fetchval(
                        "SELECT sum(value) FROM rollup_value"
                        " JOIN cell USING (org_id, generation, cell)"
                        " JOIN generation USING (org_id, generation)"
                        " WHERE org_id = $1 AND state = 'live' AND measure = 'shares'"
                        "   AND slice = 'total'",
                        org.id,
                    )
                )

    async def build() -> None:
        while not await continue_rebuild(database, org.id, batch=9):
            pass

    reading = asyncio.create_task(read())
    await asyncio.gather(write(), build())
    is_over.set()
    await reading
    await catch_up(database, org.id)

    assert shares_seen[0] == 59
    assert shares_seen == sorted(shares_seen)
    shares = [
        row for row in await held(database, org, _FIGURES, 2) if row[:3:2] == ("shares", "total")
    ]
    assert sum(row[-1] for row in shares) == 119
    assert await live(database, org) == 2
    await _assert_like_a_fresh_one(database, org)


async def _assert_like_a_fresh_one(database: Database, org: Org) -> None:
    """Compare the live generation with one that is folded when nothing else happens."""
    number = await live(database, org)
    figures = await held(database, org, _FIGURES, number)
    await begin(database, org)
    assert await continue_rebuild(database, org.id)
    assert await held(database, org, _FIGURES, await live(database, org)) == figures


async def test_the_live_generation_is_held_for_the_end_alone_however_many_days_are_rebuilt(
    database: Database, org: Org
) -> None:
    for day in (1, 2, 3):
        async with database.transaction(org.id) as connection:
            told = [share(10 * day + n) for n in range(5)]
            await append(connection, org, told, received_at=datetime(2025, 3, day, tzinfo=UTC))
    await catch_up(database, org.id)
    figures = await held(database, org, _FIGURES, 1)
    await begin(database, org)

    # Batches are reported that are folded before the live generation is held.
    seen: list[int] = []
    assert await continue_rebuild(
        database, org.id, on_progress=lambda progress: seen.append(progress.position)
    )
    assert seen == [5, 10, 15]
    assert await held(database, org, _FIGURES, 2) == figures


async def test_other_parameters_take_effect_when_it_takes_over(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await begin(database, org, window_days=10, half_life_days=3)
    async with database.transaction() as connection:
        assert (await load_org(connection, org.id)).window_days == 90
    assert await continue_rebuild(database, org.id)

    async with database.transaction() as connection:
        changed = await load_org(connection, org.id)
    assert (changed.window_days, changed.half_life_days) == (10, 3)
    leads = [row for row in await held(database, org, _FIGURES, 2) if row[0] == "wins.linear"]
    assert not leads, "the touches lie more than ten days before the close"


@pytest.mark.parametrize(("name", "most"), [("window_days", 730), ("half_life_days", 365)])
async def test_its_parameters_are_days_up_to_two_years_or_one(
    database: Database, org: Org, name: str, most: int
) -> None:
    for days in (0, most + 1):
        with pytest.raises(ValueError, match=f"{name} must be from 1 to {most}"):
            await begin(database, org, **{name: days})
    for days in (1, most):
        begun = await begin(database, org, **{name: days})
        async with database.transaction(org.id) as connection:
            held = await connection.fetchval(
                f"SELECT {name} FROM generation WHERE org_id = $1 AND generation = $2",
                org.id,
                begun,
            )
            assert await abort_rebuild(connection, org.id)
        assert held == days


async def test_there_is_one_at_most(database: Database, org: Org) -> None:
    await begin(database, org)
    with pytest.raises(RebuildUnderWay):
        await begin(database, org)

    async with database.transaction(org.id) as connection:
        assert await abort_rebuild(connection, org.id)
        assert not await abort_rebuild(connection, org.id)
    assert await begin(database, org) == 3


async def test_two_builders_do_not_disturb_each_other(database: Database, org: Org) -> None:
    await found(database, org)
    figures = await held(database, org, _FIGURES, 1)
    await begin(database, org)

    async def build() -> None:
        while not await continue_rebuild(database, org.id, batch=5):
            pass

    await asyncio.gather(build(), build())
    assert await held(database, org, _FIGURES, 2) == figures


async def test_what_somebody_else_folds_is_left_to_them(database: Database, org: Org) -> None:
    await found(database, org)
    begun = await begin(database, org)
    async with database.transaction(org.id) as connection:
        assert await fold_batch(connection, org.id, begun, limit=1)
        assert not await continue_rebuild(database, org.id)
    assert await continue_rebuild(database, org.id)


_BUILDER = """
import asyncio, sys
from uuid import UUID
from services.metrics.rebuild import continue_rebuild
from shared.db import Database

async def main():
    database = Database(sys.argv[1], application_name="builder")
    await continue_rebuild(
        database, UUID(sys.argv[2]), batch=10,
        on_progress=lambda progress: print(progress.position, flush=True),
    )

asyncio.run(main())
"""


async def test_killed_in_the_middle_it_goes_on_where_it_stood(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    figures = await held(database, org, _FIGURES, 1)
    await begin(database, org)
    # Told from outside: the builder reports each batch and cannot be finished after two of them.
    builder = subprocess.Popen(
        [sys.executable, "-c", _BUILDER, database_url, str(org.id)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert builder.stdout is not None
    with builder:
        reported = [int(builder.stdout.readline()) for _ in range(2)]
        builder.kill()
    assert reported == [10, 20]

    seen: list[int] = []

    def note(progress: Progress) -> None:
        seen.append(progress.position)

    while not await continue_rebuild(database, org.id, batch=50, on_progress=note):
        pass
    assert seen[0] > 60, "it did not begin anew"
    assert await held(database, org, _FIGURES, 2) == figures


async def test_the_worker_finishes_what_a_command_began_and_clears_up(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await begin(database, org)
    await tend_generations(database, org.id)
    assert await state_of(database, org) == {1: "retired", 2: "live"}

    assert await drop_retired(database, org.id) == 0, "readers may still be reading it"
    assert await drop_retired(database, org.id, retired_for=NOW) == 1
    assert await state_of(database, org) == {2: "live"}
    for table in GENERATION_TABLES:
        async with database.transaction(org.id) as connection:
            left = await connection.fetch(
                f"SELECT DISTINCT generation FROM {table} WHERE org_id = $1", org.id
            )
        assert {row[0] for row in left} <= {2}, table
    assert await held(database, org, _FIGURES, 2)


async def test_the_log_of_a_live_generation_cannot_be_deleted(database: Database, org: Org) -> None:
    await found(database, org)
    async with database.transaction(org.id) as connection:
        done = await connection.execute("DELETE FROM rollup_change WHERE org_id = $1", org.id)
    assert done == "DELETE 0"
    assert await held(database, org, _HISTORY, 1)


async def test_every_table_of_generations_is_either_dropped_or_kept_on_purpose(
    database: Database,
) -> None:
    async with database.transaction() as connection:
        rows = await connection.fetch(
            "SELECT c.oid::regclass::text AS name FROM pg_class c"
            "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'generation'"
            " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
        )
    kept = {"generation", "fold_cursor", "rollup_repair"}
    assert {row["name"] for row in rows} == {*GENERATION_TABLES} | kept


async def test_nothing_is_under_way_unless_begun(database: Database, org: Org) -> None:
    async with database.transaction(org.id) as connection:
        assert await under_way(connection, org.id) is None
    assert await continue_rebuild(database, org.id)
    assert await state_of(database, org) == {1: "live"}
