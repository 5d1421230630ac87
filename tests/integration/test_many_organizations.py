"""One organization among many: what it asks, and what sweeps look for, reads little of the others.

The others are rows of the tables in question and nothing else. What is read is counted by
PostgreSQL, in rows and in pages.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.collector import inbox
from services.metrics import retired
from services.metrics.retired import drop_retired
from services.metrics.worker import catch_up
from shared.db import Database, plan_for_any_organization
from shared.facts import Fact, parse_fact
from shared.ledger import append
from shared.orgs import Org
from shared.rollups.known import known_on, look_back
from tests.integration.believing import database, url
from tests.integration.hubspot_deliveries import connect_hubspot
from tests.integration.planning import execute, found, rows_read
from tests.integration.telling import rebuild

__all__ = ["database", "url"]

#: Rows of one of many organizations, and pages of them or of an index: more than these are others'.
_FEW_ROWS, _FEW_PAGES = 1_200, 20

_OTHERS = """
CREATE TEMPORARY TABLE other ON COMMIT PRESERVE ROWS AS
SELECT gen_random_uuid() AS id, n FROM generate_series(1, 200) n;
"""
# Batch by batch, each of another organization, all of the same days and cells.
_LOGS = f"""
{_OTHERS}
INSERT INTO rollup_change (org_id, generation, position, known_on, cell, day, family, d1)
SELECT o.id, 1, batch, date '2025-04-01' + batch, cell, date '2025-03-01' + batch, family, 1
  FROM generate_series(1, 10) batch, other o, generate_series(1, 5) family,
       generate_series(1, 10) cell
 ORDER BY batch, o.n, family, cell
"""


def _share(number: int) -> Fact:
    return parse_fact(
        {
            "kind": "post.published",
            "source": "crm",
            "external_id": str(number),
            "occurred_at": "2025-03-10T10:00:00Z",
            "post": f"p{number}",
            "employee": f"E{number % 3}",
        }
    )


async def _tell_day_by_day(database: Database, org: Org) -> None:
    for day in range(1, 11):
        at = datetime(2025, 4, day, 10, tzinfo=UTC)
        async with database.transaction(org.id) as connection:
            await append(connection, org, [_share(day)], received_at=at)
    await catch_up(database, org.id)


async def _rebuilt_among_others(database: Database, url: str) -> Org:
    """Return an organization with a retired generation, in a log that others have written too."""
    org = await found(database)
    await _tell_day_by_day(database, org)
    await execute(url, _LOGS)
    await rebuild(database, org)
    return org


async def _generations_in_log(database: Database, org: Org) -> list[int]:
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch("SELECT DISTINCT generation FROM rollup_change")
    return [row["generation"] for row in rows]


async def _pages(
    connection: "asyncpg.Connection[asyncpg.Record]", statement: str, *arguments: Any
) -> int:
    plan = await connection.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}", *arguments
    )
    top = plan[0]["Plan"]
    return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])


async def test_who_looks_back_reads_the_log_of_nobody_else(database: Database, url: str) -> None:
    org = await found(database)
    await _tell_day_by_day(database, org)
    await execute(url, _LOGS, "VACUUM ANALYZE rollup_change")

    for day in (2, 8):  # from the beginning of the log, and from its end
        async with database.transaction(org.id) as connection:
            asked = datetime(2025, 4, day, tzinfo=UTC).date()
            await look_back(connection, await known_on(connection, org, asked))
            await plan_for_any_organization(connection)
            shares = await connection.fetchval(
                "SELECT sum(value) FROM cell_value"
                " WHERE org_id = $1 AND slice = 'total' AND measure = 'shares'",
                org.id,
            )
            assert shares == day
            assert (await rows_read(connection))["rollup_change"] < _FEW_ROWS


async def test_deleting_a_retired_log_walks_through_no_others(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = await _rebuilt_among_others(database, url)
    await execute(url, "VACUUM ANALYZE rollup_change")
    monkeypatch.setattr(retired, "_PAGES_A_STEP", 1)

    steps = 0
    async for _ in retired._walk(database, org.id, 1, "rollup_change"):
        steps += 1

    assert 1 <= steps < _FEW_PAGES
    assert await drop_retired(database, org.id, retired_for=timedelta(0)) == 1
    assert await _generations_in_log(database, org) == [2]


async def test_a_log_too_long_to_be_searched_first_is_walked_through_whole(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = await _rebuilt_among_others(database, url)
    monkeypatch.setattr(retired, "_BRIEFLY", "SET LOCAL statement_timeout = '1ms'")
    monkeypatch.setattr(retired, "_PAGES_A_STEP", 50)

    assert await drop_retired(database, org.id, retired_for=timedelta(0)) == 1
    assert await _generations_in_log(database, org) == [2]


async def test_sweeps_read_what_is_due_and_not_all_there_is(database: Database, url: str) -> None:
    busy, quiet = await found(database), await found(database)
    connection_id = await connect_hubspot(database, busy)
    await connect_hubspot(database, quiet)
    # A year of deliveries that are done, and many that wait; streams of many that are not due.
    await execute(
        url,
        "UPDATE sync_state SET next_due_at = clock_timestamp() + interval '1 hour'",
        f"""
        INSERT INTO sync_state (org_id, connection_id, stream, next_due_at, interval_seconds)
        SELECT org_id, connection_id, stream || number,
               clock_timestamp() + interval '1 hour' * number, 3600
          FROM sync_state, generate_series(1, 500) number;
        INSERT INTO inbox (org_id, id, connection_id, origin, delivery_key, body_hash, body,
                           received_at, state, next_attempt_at)
        SELECT '{busy.id}', gen_random_uuid(), '{connection_id}', 'webhook',
               sha256(number::text::bytea), '', repeat('x', 500)::bytea, now(),
               CASE number % 10 WHEN 0 THEN 'received' ELSE 'done' END, now()
          FROM generate_series(1, 20000) number;
        """,
        "VACUUM ANALYZE sync_state",
        "VACUUM ANALYZE inbox",
    )

    async with database.transaction() as connection:
        assert await connection.fetch("SELECT * FROM due_streams(500)") == []
        waiting = await connection.fetch("SELECT * FROM orgs_with_waiting_deliveries(500)")
        assert [row["org_id"] for row in waiting] == [busy.id]
        read = await rows_read(connection, ("sync_state", "inbox"))
    assert read["sync_state"] + read["inbox"] < _FEW_ROWS

    claim = (inbox._CLAIM_WAITING, quiet.id, 100, timedelta(seconds=15))
    async with database.transaction(quiet.id) as connection:
        assert await _pages(connection, *claim) < _FEW_PAGES


async def test_the_longest_waiting_of_the_due_come_first(database: Database, url: str) -> None:
    orgs = [await found(database) for _ in range(4)]
    for org, minutes in zip(orgs, (3, -5, 7, 1), strict=True):
        connection_id = await connect_hubspot(database, org)
        for also in (0, 2):  # of each the first alone counts
            await execute(
                url,
                f"""
                INSERT INTO inbox (org_id, id, connection_id, origin, delivery_key, body_hash, body,
                                   received_at, next_attempt_at)
                SELECT '{org.id}', gen_random_uuid(), '{connection_id}', 'webhook', '\\x0{also}',
                       '', '', now(), now() - interval '1 minute' * {minutes - also}
                """,
            )
    async with database.transaction() as connection:
        rows = await connection.fetch("SELECT * FROM orgs_with_waiting_deliveries(2)")

    assert [row["org_id"] for row in rows] == [orgs[2].id, orgs[0].id]
