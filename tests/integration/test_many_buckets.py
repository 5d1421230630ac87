"""What began in a period is found once, however many buckets it is put in."""

from collections.abc import Sequence
from datetime import date
from itertools import chain

import pytest

from services.metrics.worker import catch_up
from shared.db import Database, plan_for_any_organization
from shared.kpis.periods import Interval, Period, buckets
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.believing import database, url
from tests.integration.crowd import life, schooling
from tests.integration.planning import found, rows_read, tell

__all__ = ["database", "url"]

_PEOPLE = 40
_PERIOD = Period(date(2025, 1, 1), date(2025, 4, 1))
_MEASURES = (
    *("engaged_users", "invitees", "invitees_activated"),
    *("first_share_hours.median", "cohort.w1", "cohort_active.w1"),
)
#: Not what is stated: that is looked up for each bucket.
_TABLES = ("membership", "post", "standing")


@pytest.mark.parametrize("measure", _MEASURES)
async def test_ninety_buckets_read_little_more_than_one(database: Database, measure: str) -> None:
    org = await found(database)
    lives = (chain(life(number), schooling(number)) for number in range(_PEOPLE))
    await tell(database, org, chain.from_iterable(lives))
    await catch_up(database, org.id)
    async with database.transaction(org.id) as connection:
        await plan_for_any_organization(connection)

        async def read(parts: Sequence[Period]) -> int:
            before = sum((await rows_read(connection, _TABLES)).values())
            await read_measures(connection, org, [measure], MeasureQuery(tuple(parts)))
            return sum((await rows_read(connection, _TABLES)).values()) - before

        at_once = await read([_PERIOD])
        by_day = await read(list(buckets(_PERIOD, Interval.DAY)))

    assert by_day <= 1.5 * at_once + 5 * _PEOPLE
