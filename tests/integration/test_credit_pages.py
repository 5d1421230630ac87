"""A page of an explained return reads about the credits it shows, whatever was credited besides.

Rows are counted, as in ``test_list_plans``, of tens of thousands of credits: of four channels, half
of them taken back since.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.api.dependencies import Access
from services.api.roi.explain import explain
from services.api.roi.queries import ExplainQuery
from services.api.roi.repository import Basis, CreditQuery, credit_lines
from services.metrics.worker import catch_up
from shared.db import Database, plan_for_any_organization
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.known import Knowledge, look_back
from shared.security.keyring import KeyRing
from shared.security.keys import SCOPES, Caller
from tests.integration.believing import PREPARED, Prepare, database, url
from tests.integration.crowd import life
from tests.integration.planning import found, rows_read, tell

__all__ = ["database", "url"]

_CREDITS, _PAGE = 20_000, 10
_FIRST, _DAYS = date(2025, 1, 1), 299
_YEAR = Period(_FIRST, date(2026, 1, 1))
#: Of each line: the credit, the deal, and the head and entry of either's fact, as they stand and as
#: they stood; one line more, which tells whether another page follows; and the credits that another
#: model gives.
_MOST_ROWS = 12 * (_PAGE + 1)
_LISTED = ("credit_row", "credit_row_past", "deal", "fact_head", "fact_past", "ledger_entry")
_RING = KeyRing.from_base64("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
_FACTS = """
    SELECT n, t.kind, sha256((t.kind || n)::bytea) AS fact_key, $4::bigint + 2 * n + t.place AS at,
           CASE n % 3 WHEN 0 THEN 1 END AS first
      FROM generate_series(1, $3::integer) n
     CROSS JOIN (VALUES (0, 'touch.recorded'), (1, 'deal.changed')) t (place, kind)
"""
# $4 is the last position before. The facts follow; every other one has been corrected since, at
# three times as many positions as there are deals, and its credit was then taken back.
_CORRECTED = "$4::bigint + 3 * $3::integer"
_FILL = (
    f"""
    INSERT INTO ledger_entry (org_id, position, recorded_at, occurred_at, day, weight, kind,
                              fact_key, source, external_id, payload)
    SELECT $1, at, now(), now(), $2::date, 1, kind, fact_key, 'tests', kind || n, '{{}}'
      FROM ({_FACTS}) f
    """,
    f"""
    INSERT INTO fact_head (org_id, fact_key, content_hash, revision, position)
    SELECT $1, fact_key, fact_key, 0, CASE n % 2 WHEN 0 THEN at ELSE {_CORRECTED} END
      FROM ({_FACTS}) f WHERE $2::date IS NOT NULL
    """,
    f"""
    INSERT INTO fact_past (org_id, fact_key, position, until)
    SELECT $1, fact_key, at, {_CORRECTED}
      FROM ({_FACTS}) f WHERE n % 2 = 1 AND $2::date IS NOT NULL
    """,
    f"""
    INSERT INTO deal (org_id, generation, deal, fact_key, state, opened_at, opened_day, position)
    SELECT $1, 1, 'd' || n, fact_key, 'won', now(), $2::date, $4::bigint
      FROM ({_FACTS}) f WHERE kind = 'deal.changed'
    """,
    *(
        f"""
        INSERT INTO {table}
        SELECT $1, 1, 'deal', 'd' || n, fact_key,
               ARRAY[first, NULL, NULL, 1, NULL, NULL, NULL, NULL]::numeric[],
               ARRAY[9 * first, NULL, NULL, 9, NULL, NULL, NULL, NULL]::numeric[],
               $2::date + n % {_DAYS}, $2::date + n % {_DAYS} + n % 7,
               (ARRAY['employee_advocacy', 'paid', 'brand', 'direct'])[1 + n / 2 % 4],
               '', '', '', '', '', $4::bigint {until}
          FROM ({_FACTS}) f WHERE kind = 'touch.recorded' AND n % 2 = {odd}
        """
        for table, until, odd in (
            ("credit_row", "", 0),
            ("credit_row_past", f", {_CORRECTED}", 1),
        )
    ),
    *(
        f"UPDATE {table} SET position = {_CORRECTED} WHERE org_id = $1 AND $2::date IS NOT NULL"
        for table in ("ledger_head", "fold_cursor")
    ),
)


async def _fill(database: Database, length: int | None) -> Org:
    org = await found(database)
    told = await tell(database, org, life(0))
    await catch_up(database, org.id)
    async with database.transaction(org.id) as connection:
        for statement in _FILL:
            await connection.execute(statement, org.id, _FIRST, length or _CREDITS, told)
    return org


@pytest.mark.parametrize("prepare", PREPARED)
@pytest.mark.parametrize("basis", Basis)
async def test_every_page_of_credits_reads_about_what_it_shows(
    database: Database, url: str, prepare: Prepare, basis: Basis
) -> None:
    org = await prepare(database, url, _fill)
    # Others', whose rows lie in the same tables; told before, they would be in all statistics.
    await _fill(database, None)
    places = [_FIRST, *(_FIRST + timedelta(days=day) for day in (1, 150, 290))]
    async with database.transaction(org.id) as connection:
        await plan_for_any_organization(connection)
        last = await connection.fetchval("SELECT max(position) FROM fact_past")
        then = Knowledge(last, _FIRST, datetime.now(UTC), is_final=True)
        read = {}
        for knowledge in (None, then):
            if knowledge is not None:
                await look_back(connection, knowledge)
            for model, channel in (("linear", "employee_advocacy"), ("first", "paid")):
                for day in places:
                    before = await _rows(connection)
                    lines = await credit_lines(
                        *(connection, org.id, 1),
                        CreditQuery(basis, _YEAR, model, channel),
                        after=(day, "", b""),
                        limit=_PAGE + 1,
                    )
                    assert len(lines) == _PAGE + 1, (knowledge, model, channel, day)
                    assert [line.place(basis) for line in lines] == sorted(
                        line.place(basis) for line in lines
                    )
                    read[knowledge is None, model, day] = await _rows(connection) - before

    assert {page: rows for page, rows in read.items() if not _PAGE < rows <= _MOST_ROWS} == {}


async def test_further_pages_do_not_add_everything_up_again(database: Database) -> None:
    org = await _fill(database, None)
    days: Mapping[str, Any] = {"from": _YEAR.start, "to": _YEAR.end}
    async with database.transaction(org.id) as connection:
        await plan_for_any_organization(connection)
        access = Access(Caller(org, "tests", frozenset(SCOPES)), connection)
        read, totals = [], set()
        cursor = None
        for _ in range(4):
            before = await _rows(connection)
            page = await explain(access, _RING, ExplainQuery(**days, limit=_PAGE, cursor=cursor))
            read.append(await _rows(connection) - before)
            assert len(page.credits) == _PAGE
            totals.add((page.credited_revenue, page.credited_conversions, page.cost))
            cursor = page.next_cursor

    # The first page adds up the credits of its channel, an eighth of all.
    assert _CREDITS / 8 < read[0] < _CREDITS / 4
    assert max(read[1:]) <= _MOST_ROWS
    assert len(totals) == 1


async def _rows(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    return sum((await rows_read(connection, _LISTED)).values())
