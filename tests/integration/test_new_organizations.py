"""What PostgreSQL knows of its tables is older than some organization: nobody may notice.

To the planner an organization that came after the last ANALYZE has one row in each table, and every
way to join them looks equally cheap. So what is counted here is rows, and not time.
"""

from datetime import UTC, datetime, timedelta

import asyncpg

from services.api.roi.repository import Basis, CreditQuery, credit_lines
from services.metrics.worker import catch_up
from shared import clock
from shared.db import Database
from shared.facts import parse_fact
from shared.orgs import Org
from shared.rollups.held import measures_held
from shared.rollups.known import known_on, look_back
from shared.rollups.read import live_generation
from tests.integration.golden_reading import ADVOCACY, Q1
from tests.integration.golden_year import found_golden, journey_facts

#: Enough that no table of facts is worth reading from end to end.
_CLICKS = 1000
_FACTS = ("ledger_entry", "fact_head", "fact_past")
_ROWS_READ = """
SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::integer
  FROM pg_stat_xact_user_tables
 WHERE relname = ANY ($1::text[])
"""


async def founded(database: Database) -> Org:
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    clicks = [
        parse_fact(
            {
                "kind": "link.clicked",
                "source": "s",
                "external_id": str(number),
                "occurred_at": noon + timedelta(minutes=number),
                "link": "l",
            }
        )
        for number in range(_CLICKS)
    ]
    org = await found_golden(database, [*clicks, *journey_facts()])
    await catch_up(database, org.id)
    return org


async def analyzed(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("ANALYZE")
    await connection.close()


async def test_the_proof_of_credit_reads_the_facts_it_shows_and_no_others(
    database: Database, database_url: str
) -> None:
    await founded(database)
    await analyzed(database_url)
    org = await founded(database)

    for as_of in (None, clock.local_day(clock.now(), org.zone)):
        async with database.transaction(org.id) as connection:
            if as_of is not None:
                await look_back(connection, await known_on(connection, org, as_of))
            generation = await live_generation(connection, org.id)
            before = await connection.fetchval(_ROWS_READ, _FACTS)
            lines = await credit_lines(
                connection,
                org.id,
                generation,
                CreditQuery(Basis.COHORT, Q1, "linear", ADVOCACY),
                after=None,
                limit=200,
            )
            read = await connection.fetchval(_ROWS_READ, _FACTS) - before

        # The head and the entry of the touch, and those of the deal unless they were just read.
        assert len(lines) == 7, as_of
        assert 7 * 2 <= read <= 7 * 4, as_of


async def test_what_was_not_held_is_not_looked_for_under_every_measure(
    database: Database, database_url: str
) -> None:
    await founded(database)
    await analyzed(database_url)
    org = await founded(database)

    yesterday = clock.local_day(clock.now(), org.zone) - timedelta(days=1)
    async with database.transaction(org.id) as connection:

        async def read() -> int:
            rows: int = await connection.fetchval(_ROWS_READ, ("rollup_change",))
            return rows

        start = await read()
        await connection.execute("SELECT count(*) FROM rollup_change")
        one_pass = await read() - start
        await look_back(connection, await known_on(connection, org, yesterday))
        generation = await live_generation(connection, org.id)
        start = await read()
        held = await measures_held(connection, org.id, generation, ["clicks"])

        # A few passes over the log, and not one for each of fifty slots.
        assert not held
        assert 0 < await read() - start < 10 * one_pass
