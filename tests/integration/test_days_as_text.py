"""Days that SQL hands over as text are read as ISO writes them, whatever the server prefers."""

from datetime import date

import asyncpg
from sqlalchemy import make_url

from shared.db import Database
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.catalogue_facts import fact
from tests.integration.telling import tell

THREE_WEEKS = Period(date(2025, 2, 3), date(2025, 2, 24))


async def test_a_trend_of_weeks_is_the_same_where_the_server_writes_days_otherwise(
    database: Database, database_url: str, org: Org
) -> None:
    # A post in the first week, three in the second, five in the third: two more each week.
    posts = {"2025-02-04": 1, "2025-02-11": 3, "2025-02-18": 5}
    days = [
        fact("internal.daily", day, day, employee="E1", day=day, posts=count)
        for day, count in posts.items()
    ]
    await tell(database, org, *days)

    name = make_url(database_url).database
    server = await asyncpg.connect(database_url)
    try:
        await server.execute(f"ALTER DATABASE {name} SET datestyle = 'German'")
        newcomer = Database(database_url, application_name="tests")
        try:
            async with newcomer.transaction(org.id) as connection:
                query = MeasureQuery((THREE_WEEKS,))
                table = await read_measures(connection, org, ["esn_slope"], query)
        finally:
            await newcomer.close()
    finally:
        await server.execute(f"ALTER DATABASE {name} RESET datestyle")
        await server.close()
    assert table[0, ""]["esn_slope"] == 2
