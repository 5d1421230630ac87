"""A page of a list reads about as many rows as it shows, wherever in the list it is.

Lists are kept in tables that grow with an organization: its links, connections and their runs,
deliveries, statements, the ledger. What is read is counted as in ``test_reader_plans``; here it is
held to the page, for the first page and for one far into the list.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import pytest

from services.api.assumptions import service as assumptions
from services.api.connections import service as connections
from services.api.deliveries import service as deliveries
from services.api.deliveries.schemas import ListQuery as DeliveriesQuery
from services.api.dependencies import Access
from services.api.facts import service as facts
from services.api.facts.schemas import FactsQuery
from services.api.goals import service as goals
from services.api.goals.repository import current_goals
from services.api.keys import service as keys
from services.api.links import service as links
from services.api.links.schemas import ListQuery as LinksQuery
from services.api.model import PageQuery
from services.api.publications import service as publications
from shared.db import Database, plan_for_any_organization
from shared.orgs import Org
from shared.security.keyring import KeyRing
from shared.security.keys import SCOPES, Caller
from tests.integration.believing import PREPARED, Prepare, database, url
from tests.integration.planning import LISTED, found, rows_read

__all__ = ["database", "url"]

_LENGTH, _PAGE = 300, 10
#: A page, the row that tells whether another one follows, and a few rows beside each.
_MOST_ROWS = 8 * _PAGE
_TABLES = (*LISTED, "ledger_entry")
_FILL = (
    """
    INSERT INTO link (org_id, id, code, target_url, tagged_url, channel, created_at)
    SELECT $1, gen_random_uuid(), substr(md5($1::uuid::text || n), 1, 20), 'https://a.example', 'https://a.example',
           'employee_advocacy', now()
      FROM generate_series(1, $2) n
    """,
    """
    INSERT INTO connection (org_id, id, provider, source, name, created_at, updated_at)
    SELECT $1, gen_random_uuid(), 'linkedin', 'linkedin-' || n, 'LinkedIn', now(), now()
      FROM generate_series(1, $2) n
    """,
    """
    INSERT INTO sync_state (org_id, connection_id, stream, next_due_at, interval_seconds)
    SELECT $1, id, stream, now(), 600
      FROM connection CROSS JOIN unnest(ARRAY['posts', 'days']) stream WHERE org_id = $1
       AND $2 > 0
    """,
    """
    INSERT INTO sync_run (org_id, id, connection_id, stream, started_at, finished_at, outcome,
                          pages, inserted, unchanged, corrected, deleted, quarantined)
    SELECT $1, gen_random_uuid(), c.id, 'posts', now(), now(), 'succeeded', 1, 1, 0, 0, 0, 0
      FROM generate_series(1, $2) CROSS JOIN (SELECT id FROM connection WHERE org_id = $1 LIMIT 1) c
    """,
    """
    INSERT INTO inbox (org_id, id, connection_id, origin, delivery_key, body_hash, body,
                       received_at, next_attempt_at, state)
    SELECT $1, gen_random_uuid(), c.id, 'webhook',
           sha256(n::text::bytea), sha256(n::text::bytea), 'x', now(), now(),
           CASE n % 20 WHEN 0 THEN 'quarantined' ELSE 'done' END
      FROM generate_series(1, $2) n
     CROSS JOIN (SELECT id FROM connection WHERE org_id = $1 LIMIT 1) c
    """,
    """
    INSERT INTO assumption (org_id, key, effective_from, version, value, source, grade, recorded_at)
    SELECT $1, 'gross_margin', '2020-01-01'::date + n, n, 0.8, 'finance', 'measured', now()
      FROM generate_series(1, $2) n
    """,
    """
    INSERT INTO publication (org_id, id, starts_on, ends_on, position, known_on, known_until,
                             published_at, published_by, note)
    SELECT $1, gen_random_uuid(), '2020-01-01'::date + n, '2020-01-02'::date + n, 0,
           '2025-01-01', now(), now(), 'tests', 'as reported'
      FROM generate_series(1, $2) n
    """,
    """
    INSERT INTO publication_withdrawal (org_id, publication_id, withdrawn_at, withdrawn_by, note)
    SELECT $1, id, now(), 'tests', 'as corrected'
      FROM publication WHERE org_id = $1 AND $2 > 0
    """,
    """
    INSERT INTO goal (org_id, id, version, kpi, filters, target, unit, direction, stretch, owner,
                      objective, baseline_on, due_on, attainable, is_archived, recorded_at,
                      recorded_by)
    SELECT $1, id, version, 'clicks', '{}', 9, 'clicks', 'up', false, 'sales', 'as asked',
           '2025-01-01', '2025-12-31', 'unknown', false, now(), 'tests'
      FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(1, $2) n OFFSET 0) g
     CROSS JOIN LATERAL generate_series(1, CASE n WHEN 1 THEN $2 ELSE 2 END) version
    """,
    """
    INSERT INTO api_key (org_id, id, name, secret_hash, scopes, created_at)
    SELECT $1, substr(md5($1::uuid::text || n), 1, 8), 'key', sha256(n::text::bytea), '{}',
           '2025-01-01'::timestamptz + n * interval '1 second'
      FROM generate_series(1, $2) n
    """,
    """
    INSERT INTO ledger_entry (org_id, position, recorded_at, occurred_at, day, weight, kind,
                              fact_key, source, external_id, payload)
    SELECT $1, n, now(), now(), '2025-01-01', 1, 'link.clicked', sha256(n::text::bytea), 'tests',
           n::text, '{}'
      FROM generate_series(1, $2) n
    """,
    "UPDATE ledger_head SET position = $2 WHERE org_id = $1",
)

_SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
_RING = KeyRing.from_base64(_SECRET)
#: Answers a page of a list and tells where the next one begins.
Ask = Callable[[Access, Any], Awaitable[Any]]


async def _fill(database: Database, length: int | None) -> Org:
    org = await found(database)
    async with database.transaction(org.id) as connection:
        for statement in _FILL:
            await connection.execute(statement, org.id, length or _LENGTH)
    return org


def _by_cursor(serve: Callable[..., Awaitable[Any]], query: type[Any], *more: Any) -> Ask:
    async def ask(access: Access, cursor: Any) -> Any:
        asked = query(cursor=cursor, limit=_PAGE)
        return (await serve(access, _RING, *more, asked)).next_cursor

    return ask


async def _links(access: Access, cursor: Any) -> Any:
    asked = LinksQuery(cursor=cursor, limit=_PAGE)
    page = await links.list_links(access, _RING, asked, public_url="https://go.example.com")
    return page.next_cursor


async def _ledger(access: Access, cursor: Any) -> Any:
    asked = FactsQuery(after_position=cursor or 0, limit=_PAGE)
    page = await facts.read_facts(access, asked)
    return page.next_after_position if page.has_more else None


async def _done(access: Access, cursor: Any) -> Any:
    asked = DeliveriesQuery(cursor=cursor, limit=_PAGE, state="done")
    return (await deliveries.list_deliveries(access, _RING, asked)).next_cursor


async def _goals(access: Access, cursor: Any) -> Any:
    # The list without how each goal stands, which is read from its figures.
    after = cursor or UUID(int=2**128 - 1)
    rows = await current_goals(
        access.connection, access.org.id, is_archived=False, after=after, limit=_PAGE + 1
    )
    return rows[_PAGE - 1].id if len(rows) > _PAGE else None


def _lists(with_runs: UUID, with_versions: UUID) -> Mapping[str, Ask]:
    return {
        "goals": _goals,
        "versions": _by_cursor(goals.list_versions, PageQuery, with_versions),
        "keys": _by_cursor(keys.list_keys, PageQuery),
        "links": _links,
        "ledger": _ledger,
        "connections": _by_cursor(connections.list_connections, PageQuery),
        "runs": _by_cursor(connections.list_runs, PageQuery, with_runs),
        "deliveries put aside": _by_cursor(deliveries.list_deliveries, DeliveriesQuery),
        "deliveries done": _done,
        "statements": _by_cursor(assumptions.list_statements, PageQuery, "gross_margin"),
        "publications": _by_cursor(publications.list_publications, PageQuery),
    }


async def _pages_read(access: Access, ask: Ask) -> list[int]:
    """Return how many rows each page of a list took to be read."""
    pages: list[int] = []
    cursor: Any = None
    while cursor is not None or not pages:
        before = await rows_read(access.connection, _TABLES)
        cursor = await ask(access, cursor)
        after = await rows_read(access.connection, _TABLES)
        pages.append(sum(after[table] - before[table] for table in after))
    return pages


@pytest.mark.parametrize("prepare", PREPARED)
async def test_every_page_of_a_list_reads_about_what_it_shows(
    database: Database, url: str, prepare: Prepare
) -> None:
    org = await prepare(database, url, _fill)
    # Others', whose rows lie in the same tables; told before, they would be in all statistics.
    await _fill(database, None)
    async with database.transaction(org.id) as connection:
        await plan_for_any_organization(connection)
        access = Access(Caller(org, "tests", frozenset(SCOPES)), connection)
        with_runs = await connection.fetchval("SELECT connection_id FROM sync_run LIMIT 1")
        with_versions = await connection.fetchval("SELECT id FROM goal WHERE version = $1", _LENGTH)
        lists = _lists(with_runs, with_versions)

        read = {name: await _pages_read(access, ask) for name, ask in lists.items()}

    # A list of one page is read whole by any plan, and a page of which nothing is read is none.
    assert {name: len(pages) for name, pages in read.items() if len(pages) < 2} == {}
    assert {name: pages for name, pages in read.items() if min(pages) < 1} == {}
    assert {name: max(pages) for name, pages in read.items() if max(pages) > _MOST_ROWS} == {}
