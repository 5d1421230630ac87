"""Restatements: whatever was corrected when, the listed moves are all there are, and add up."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from services.api.dependencies import Access
from services.api.evaluation import Slice, evaluate_kpis
from services.api.restatements.schemas import Restatement, RestatementsQuery
from services.api.restatements.service import restatements
from services.metrics.worker import catch_up
from shared.db import Database
from shared.kpis.definitions import catalogue
from shared.ledger import append
from shared.orgs import Org
from shared.rollups.known import known_on, look_back
from shared.security.keyring import KeyRing, MasterKey
from shared.security.keys import Caller
from tests.property.engine import found_org
from tests.property.worlds import Delivery, Setting, histories, settings

pytestmark = pytest.mark.timeout(7200)

_FEWER = profile(max_examples=max(6, profile().max_examples // 8))
_RING = KeyRing(MasterKey(b"k" * 32))
_FIRST, _END = date(2025, 3, 20), date(2025, 4, 8)
#: Sums, a count of people, a level, and credit.
_KPIS = ("shares", "revenue_won", "enrollment_rate", "followers", "attributed_revenue_linear")


@_FEWER
@given(settings, histories(), st.lists(st.integers(1, 20), min_size=1, max_size=4))
async def test_moves_add_up_and_none_is_missing(
    database: Database, setting: Setting, deliveries: list[Delivery], days: list[int]
) -> None:
    org = await found_org(database, setting)
    told: list[date] = []
    # The first day of recording lies inside the period: later ones restate it.
    for number, count in enumerate([*days, len(deliveries)]):
        items, deliveries = deliveries[:count], deliveries[count:]
        day = date(2025, 4, 6) + timedelta(days=3 * number)
        async with database.transaction(org.id) as connection:
            noon = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
            await append(connection, org, items, received_at=noon)
        told.append(day)
    await catch_up(database, org.id)
    for kpi in _KPIS:
        await _assert_listed(database, org, kpi, told)


async def _assert_listed(database: Database, org: Org, kpi: str, told: list[date]) -> None:
    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", frozenset()), connection)
        moves: list[Restatement] = []
        cursor = None
        while True:
            asked = {"from": _FIRST, "to": _END, "kpi": kpi, "cursor": cursor, "limit": 1}
            page = await restatements(access, _RING, RestatementsQuery.model_validate(asked))
            moves += page.restatements
            cursor = page.next_cursor
            if cursor is None:
                break
        value, expected = await _known(access, kpi, _END - timedelta(days=1)), []
        assert page.first.value == value
        for day in told:
            known = await _known(access, kpi, day)
            if day >= _END and known != value:
                expected.append((day, value, known))
                value = known
    assert [(move.day, move.before, move.after) for move in moves] == expected
    assert page.now == value
    assert sum((move.moved for move in moves), Decimal(0)) == page.moved
    assert page.moved == (page.now or 0) - (page.first.value or 0)


async def _known(access: Access, kpi: str, day: date) -> Decimal | None:
    await look_back(access.connection, await known_on(access.connection, access.org, day))
    period = RestatementsQuery.model_validate({"from": _FIRST, "to": _END, "kpi": kpi}).period
    found = await evaluate_kpis(access, [catalogue().kpis[kpi]], (period,), Slice(None, {}))
    return found[kpi][0].value.value
