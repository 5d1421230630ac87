"""An answer of many buckets reads what one of a single bucket reads: every fact once.

What is counted is rows, and not time.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from services.metrics.worker import catch_up
from shared.db import Database
from shared.kpis.periods import Period
from shared.ledger import append
from shared.orgs import Org
from shared.rollups.query import MeasureQuery
from shared.rollups.read import read_measures
from tests.integration.crowd import life, news

#: Of the deals some are won by then, and those with news are still open.
_DAYS = Period(date(2025, 1, 1), date(2025, 2, 21))
_ROWS_READ = """
SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::integer
  FROM pg_stat_xact_user_tables WHERE relname IN ('deal', 'gauge')
"""


async def read(
    database: Database, org: Org, measure: str, group_by: str | None, buckets: Sequence[Period]
) -> int:
    """Read a measure; return how many deals and readings were looked at for it."""
    async with database.transaction(org.id) as connection:
        before: int = await connection.fetchval(_ROWS_READ)
        table = await read_measures(
            connection, org, [measure], MeasureQuery(tuple(buckets), group_by)
        )
        assert any(values[measure] for values in table.values())
        after: int = await connection.fetchval(_ROWS_READ)
        return after - before


@pytest.mark.parametrize(
    "measure", ["revenue_owned", "opportunities_owned", "pipeline", "ssi", "connections"]
)
@pytest.mark.parametrize("group_by", [None, "team"])
async def test_a_series_reads_no_more_than_its_whole(
    database: Database, org: Org, measure: str, group_by: str | None
) -> None:
    for facts in ([f for n in range(30) for f in life(n)], [f for n in range(15) for f in news(n)]):
        async with database.transaction(org.id) as connection:
            await append(connection, org, facts)
        await catch_up(database, org.id)
    days = [_DAYS.start + timedelta(days=n) for n in range(_DAYS.days)]

    whole = await read(database, org, measure, group_by, [_DAYS])
    series = await read(
        database, org, measure, group_by, [Period(d, d + timedelta(days=1)) for d in days]
    )

    # What lies outside of the days asked about may be let out of the one and not of the other.
    assert 0 < series <= 2 * whole
