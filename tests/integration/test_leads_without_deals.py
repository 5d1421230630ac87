"""Which leads were won is looked up by each: those without a deal read no deal of others."""

from datetime import date

import pytest

from shared.db import Database, plan_for_any_organization
from shared.kpis.periods import Period
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.believing import database, url
from tests.integration.planning import found, rows_read

__all__ = ["database", "url"]

_LEADS = 2_000
#: Everybody was touched by an advocate and became a lead; the deals are those of other leads.
_FILL = (
    f"""
    INSERT INTO lead (org_id, generation, lead, fact_key, person, created_at, day, position)
    SELECT $1, 1, 'lead' || n, int4send(n), 'p' || n, '2025-03-03T12:00:00Z', '2025-03-03', 1
      FROM generate_series(1, {_LEADS}) n
    """,
    f"""
    INSERT INTO touch (org_id, generation, person, touched_at, fact_key, day, channel, position)
    SELECT $1, 1, 'p' || n, '2025-03-01T12:00:00Z', int4send(n), '2025-03-01',
           'employee_advocacy', 1
      FROM generate_series(1, {_LEADS}) n
    """,
    f"""
    INSERT INTO deal (org_id, generation, deal, fact_key, lead, state, opened_at, opened_day,
                      closed_at, closed_day, position)
    SELECT $1, 1, 'deal' || n, int4send(n), 'other' || n, 'won', '2025-03-04T12:00:00Z',
           '2025-03-04', '2025-03-05T12:00:00Z', '2025-03-05', 1
      FROM generate_series(1, {_LEADS}) n
    """,
)


@pytest.mark.parametrize("group_by", [None, "team"])
async def test_leads_that_nobody_deals_with_read_no_deals(
    database: Database, group_by: str | None
) -> None:
    org = await found(database)
    query = MeasureQuery((Period(date(2025, 3, 1), date(2025, 4, 1)),), group_by)
    async with database.transaction(org.id) as connection:
        for statement in _FILL:
            await connection.execute(statement, org.id)
        await plan_for_any_organization(connection)
        before = await rows_read(connection, ["deal"])

        table = await read_measures(connection, org, ["leads_advocacy_won"], query)
        after = await rows_read(connection, ["deal"])

    assert table == {(0, ""): {"leads_advocacy_won": 0}} if group_by is None else not table
    assert after["deal"] - before["deal"] < _LEADS
