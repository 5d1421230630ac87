"""Restatements: whatever was corrected when, the listed moves are all there are, and add up.

And whatever moved a figure is listed: no day on which one moved has no entry to blame.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dependencies import Access
from services.api.evaluation import Slice, evaluate_kpis
from services.api.restatements.schemas import (
    MovingFactsQuery,
    Restatement,
    RestatementsQuery,
)
from services.api.restatements.service import moving_facts, restatements
from services.metrics.worker import catch_up
from shared.db import Database
from shared.kpis.definitions import catalogue
from shared.ledger import append
from shared.orgs import Org
from shared.rollups.known import known_on, look_at_present, look_back
from shared.security.keyring import KeyRing, MasterKey
from shared.security.keys import Caller
from tests.property.drawing import one_in
from tests.property.engine import found_org
from tests.property.recording import recorded
from tests.property.worlds import Delivery, Setting, histories, settings

pytestmark = pytest.mark.timeout(7200)

_FEWER = one_in(8)
_RING = KeyRing(MasterKey(b"k" * 32))
_FIRST, _END = date(2025, 3, 20), date(2025, 4, 8)
#: A KPI, and what it is filtered by.
_Figure = tuple[str, str | None]
#: Sums, a count of people, a level, credit, and credit of one channel alone.
_ALWAYS: tuple[_Figure, ...] = (
    *(("shares", None), ("revenue_won", None), ("enrollment_rate", None), ("followers", None)),
    *(("attributed_revenue_linear", "employee"), ("cost_per_win", "network")),
)
#: Not what divides employees: so few people may not be asked about.
_PARTS = {
    "employee": "E1",
    "network": "linkedin",
    "campaign": "c1",
    "content": "k1",
    "channel": "employee_advocacy",
    "account": "A",
    "hashtag": "a",
    "job": "j1",
    "market": "de",
    "language": "en",
}
#: Whatever has a number, as a whole and by part; but of hashtags, which overlap, one alone.
_FIGURES: list[_Figure] = [
    (kpi.id, dimension)
    for kpi in catalogue().kpis.values()
    if kpi.statement is None and kpi.unavailable is None
    for dimension in (None, *_PARTS)
    if (dimension in kpi.dimensions or dimension is None)
    and (kpi.id != "hashtag_engagement" or dimension == "hashtag")
]
#: By themselves the weeks after which cohorts are looked at again end.
_MOVED_BY_TIME = "cohort_"


@_FEWER
@given(
    settings,
    histories(),
    st.lists(st.integers(1, 20), min_size=1, max_size=4),
    st.lists(st.sampled_from(_FIGURES), min_size=8, max_size=8),
)
async def test_moves_add_up_and_none_is_missing(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    days: list[int],
    figures: list[_Figure],
) -> None:
    org = await found_org(database, setting)
    told: list[date] = []
    # The first day of recording is the last one of the period: later ones restate it.
    for number, count in enumerate([*days, len(deliveries)]):
        items, deliveries = deliveries[:count], deliveries[count:]
        day, at = recorded(_END - timedelta(days=1), number, org.zone)
        async with database.transaction(org.id) as connection:
            await append(connection, org, items, received_at=at)
        told.append(day)
    await catch_up(database, org.id)
    for figure in {*_ALWAYS, *figures}:
        await _assert_listed(database, org, figure, told)


async def _assert_listed(
    database: Database, org: Org, figure: _Figure, told: Sequence[date]
) -> None:
    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", frozenset({"people:read"})), connection)
        asked = _asked(figure)
        moves: list[Restatement] = []
        cursor = None
        while True:
            page_asked = {**asked, "cursor": cursor, "limit": 1}
            page = await restatements(access, _RING, RestatementsQuery.model_validate(page_asked))
            moves += page.restatements
            cursor = page.next_cursor
            if cursor is None:
                break
        value, expected = await _known(access, figure, _END - timedelta(days=1)), []
        assert page.first.value == value, figure
        for day in told:
            known = await _known(access, figure, day)
            if day >= _END and known != value:
                expected.append((day, value, known))
                value = known
        await look_at_present(connection)
        for move in moves:
            await _assert_told(access, figure, move)
    assert [(move.day, move.before, move.after) for move in moves] == expected, figure
    assert page.now == value, figure
    assert sum((move.moved for move in moves), Decimal(0)) == page.moved
    assert page.moved == (page.now or 0) - (page.first.value or 0)


async def _assert_told(access: Access, figure: _Figure, move: Restatement) -> None:
    """Find an entry to blame. What is told of any day can be it where nothing was known before."""
    if None in (move.before, move.after) or figure[0].startswith(_MOVED_BY_TIME):
        return
    query = MovingFactsQuery.model_validate({**_asked(figure), "day": move.day})
    assert (await moving_facts(access, _RING, query)).facts, (figure, move)


def _asked(figure: _Figure) -> dict[str, Any]:
    kpi, dimension = figure
    part = {} if dimension is None else {dimension: [_PARTS[dimension]]}
    return {"from": _FIRST, "to": _END, "kpi": kpi, **part}


async def _known(access: Access, figure: _Figure, day: date) -> Decimal | None:
    await look_back(access.connection, await known_on(access.connection, access.org, day))
    query = RestatementsQuery.model_validate(_asked(figure))
    kpi = catalogue().kpis[query.kpi]
    found = await evaluate_kpis(access, [kpi], (query.period,), Slice(None, query.filters))
    return found[query.kpi][0].value.value
