"""As known: whatever was told on which day, a look back shows what a fold of that day had made.

Each history is recorded over several days; on the last one half of what stands is taken back. Every
table, credit and answer, as known at the end of a day, must equal what the present was on that day,
and what a fresh fold of the ledger up to that day makes; and it must not change when more is told.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Retraction
from shared.ledger import append
from shared.orgs import Org
from shared.rollups.known import known_on, look_back
from shared.rollups.read import MeasureQuery, read_measures
from tests.known_reading import seen
from tests.property.comparing import BUCKETS, COUNTED, SUMMED, VIEW, WITHOUT_TEAMS
from tests.property.drawing import one_in
from tests.property.engine import fold, found_org, history_of
from tests.property.recording import recorded
from tests.property.worlds import Delivery, Setting, histories, settings

pytestmark = pytest.mark.timeout(7200)

_FEWER = one_in(8)
_FIRST_DAY = date(2025, 4, 20)
#: Later than all that is drawn.
_LAST_REVISION = 9
#: Of deals, which are their owners'.
_OWNED = ("opportunities", "deals_won", "deals_lost", "revenue_won", "pipeline", "units_sold")
_MEASURES = {
    None: (*COUNTED, *WITHOUT_TEAMS, *SUMMED, VIEW, "cost"),
    "team": (*COUNTED, *SUMMED, *_OWNED),
    "department": ("sharers", "enrolled", "headcount", "shares", "joins", "cost"),
    "role": ("sharers", "active_advocates", "enrolled", "headcount", "shares"),
    "cohort": ("sharers", "active_advocates", "enrolled", "enrolled_at_start", "leaves"),
    "network": ("sharers", *SUMMED),
}
#: How many deliveries arrive on a day, and how many entries are folded at a time.
_days = st.lists(
    st.tuples(st.integers(1, 25), st.sampled_from([1, 3, 1000])), min_size=1, max_size=4
)


@_FEWER
@given(settings, histories(), _days, st.randoms(use_true_random=False))
async def test_a_look_back_shows_what_was_there(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    days: list[tuple[int, int]],
    chosen: Random,
) -> None:
    org = await found_org(database, setting)
    stood = history_of(org, deliveries).facts
    gone: list[Delivery] = [
        Retraction(fact.identity, _LAST_REVISION) for fact in chosen.sample(stood, len(stood) // 2)
    ]
    told = [day for day in (*_by_day(deliveries, days), gone) if day]
    present: list[Any] = []
    for number, items in enumerate(told):
        await _record(database, org, number, items)
        limit = days[number][1] if number < len(days) else 1000
        await fold(database, org, limit)
        await catch_up(database, org.id)
        present.append(await _read(database, org))
    for number, expected in enumerate(present):
        assert await _read(database, org, number) == expected, f"day {number} has changed"

    for number in range(len(told)):
        fresh = await found_org(database, setting)
        for earlier in range(number + 1):
            await _record(database, fresh, earlier, told[earlier])
        await catch_up(database, fresh.id)
        assert await _read(database, fresh) == present[number], f"fold up to day {number}"


def _by_day(
    deliveries: Sequence[Delivery], days: Sequence[tuple[int, int]]
) -> list[list[Delivery]]:
    rest, told = list(deliveries), []
    for count, _ in days:
        told.append(rest[:count])
        rest = rest[count:]
    return [*told, rest]


async def _record(database: Database, org: Org, number: int, items: Sequence[Delivery]) -> None:
    async with database.transaction(org.id) as connection:
        at = recorded(_FIRST_DAY, number, org.zone).at
        await append(connection, org, items, received_at=at)


async def _read(database: Database, org: Org, number: int | None = None) -> dict[str, Any]:
    """Return everything of the present, or as known once the part ``number`` was."""
    async with database.transaction(org.id) as connection:
        if number is not None:
            # Nothing is recorded on the day after each second one: it is known then, too.
            day = recorded(_FIRST_DAY, number, org.zone).day + timedelta(days=number % 2)
            await look_back(connection, await known_on(connection, org, day))
        found = await seen(connection, org)
        for group_by, measures in _MEASURES.items():
            found[f"by {group_by}"] = await _answers(connection, org, group_by, measures)
    return found


async def _answers(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    group_by: str | None,
    measures: Sequence[str],
) -> Any:
    query = MeasureQuery(buckets=BUCKETS, group_by=group_by)
    return await read_measures(connection, org, measures, query)
