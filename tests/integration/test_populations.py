"""Who is where is told of a roster that changes every day, at a few looks at each of its rows."""

from datetime import date, timedelta

import pytest
from asyncpg.connection import LoggedQuery

from shared.db import Database, plan_for_any_organization
from shared.kpis.periods import Period
from shared.kpis.privacy import Crossed
from shared.kpis.vocabulary import Dimension
from shared.rollups.populations import read_populations
from tests.integration.believing import database, url
from tests.integration.planning import found, rows_handled

__all__ = ["database", "url"]

_PEOPLE, _DAYS = 61, 90
_FIRST = date(2025, 1, 1)
#: Everybody joined before the year, and is in another team and role every day.
_FILL = (
    f"""
    INSERT INTO roster (org_id, generation, employee, effective_on, fact_key, employed, team, role,
                        linkedin_account, position)
    SELECT $1, 1, 'E' || n, '2025-01-01'::date + day, int4send(n * 1000 + day), true,
           'team' || (n + day) % 3, 'role' || (n + day) % 5, true, 1
      FROM generate_series(1, {_PEOPLE}) n, generate_series(0, {_DAYS - 1}) day
    """,
    f"""
    INSERT INTO membership (org_id, generation, employee, happened_at, fact_key, day, event,
                            position)
    SELECT $1, 1, 'E' || n, '2024-12-01T12:00:00Z', int4send(n), '2024-12-01', 'joined', 1
      FROM generate_series(1, {_PEOPLE}) n
    """,
)


@pytest.mark.parametrize("place", [Dimension.TEAM, Dimension.ROLE])
async def test_a_roster_that_changes_every_day_is_read_some_times(
    database: Database, place: Dimension
) -> None:
    org = await found(database)
    ran: list[LoggedQuery] = []
    async with database.transaction(org.id) as connection:
        for statement in _FILL:
            await connection.execute(statement, org.id)
        await plan_for_any_organization(connection)

        with connection.query_logger(ran.append):
            period = Period(_FIRST, _FIRST + timedelta(days=_DAYS))
            told = await read_populations(connection, org.id, 1, period, place)
        handled = await rows_handled(connection, ran[-1])

    assert [day for day, _ in told.changes] == [_FIRST + timedelta(days=n) for n in range(_DAYS)]
    sizes = [one.sizes if isinstance(one, Crossed) else one for _, one in told.changes]
    assert {sum(groups.values()) for groups in sizes} == {_PEOPLE}
    # Beside another telling each row would be met by each person: 61 times as often.
    assert handled < 30 * _PEOPLE * _DAYS
