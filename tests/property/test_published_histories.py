"""What was published stays what the oracle said of it then, whatever is told and stated since.

Every KPI of the catalogue, of a period published in the middle of a random history, between longer
ones that hold it: as published, as it would be now, and by how much it has moved.
"""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dependencies import Access
from services.api.kpis.schemas import Value, ValuesQuery
from services.api.kpis.service import values
from services.api.publications.schemas import NewPublication
from services.api.publications.service import publish
from shared.db import Database
from shared.orgs import Org
from shared.security.keys import Caller
from tests.property.comparing import BUCKETS, DIVISION
from tests.property.drawing import one_in
from tests.property.engine import found_org, history_of, state, tell
from tests.property.oracle.answers import Span
from tests.property.oracle.formulas import Definition, definitions
from tests.property.oracle.rates import Stated
from tests.property.oracle.whole import Whole
from tests.property.worlds import (
    Delivery,
    Setting,
    Step,
    histories,
    rates,
    settings,
    steps,
)

pytestmark = pytest.mark.timeout(7200)

_AT_ONCE = 50
#: Hashtags overlap, so they have no total.
_KPIS = [
    kpi
    for kpi in definitions().values()
    if kpi.formula is not None and kpi.id != "hashtag_engagement"
]


@one_in(12)
@given(settings, histories(), steps, st.tuples(rates, rates), st.integers(5, 60))
async def test_every_published_kpi_stays_what_the_oracle_said(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    stated: tuple[list[Stated], list[Stated]],
    told_first: int,
) -> None:
    before, after = stated
    org = await found_org(database, setting)
    await state(database, org, before)
    period = {"from": BUCKETS[1].start, "to": BUCKETS[1].end}
    # Longer periods that hold it are published before and afterwards: they do not speak for it.
    longer = {"from": BUCKETS[0].start, "to": BUCKETS[1].end}
    another = {"from": BUCKETS[1].start - timedelta(days=1), "to": BUCKETS[1].end}
    earlier, later = told_first // 2, (told_first + len(deliveries)) // 2
    await tell(database, org, deliveries[:earlier], plan)
    await _publish(database, org, longer)
    await tell(database, org, deliveries[earlier:told_first], ())
    await _publish(database, org, period)
    await state(database, org, after)
    await tell(database, org, deliveries[told_first:later], ())
    await _publish(database, org, another)
    await tell(database, org, deliveries[later:], ())

    then = Whole.of(history_of(org, deliveries[:told_first]), before)
    now = Whole.of(history_of(org, deliveries), [*before, *after])
    frozen = await _answered(database, org, {**period, "live": False})
    live = await _answered(database, org, {**period, "live": True})
    for kpi in _KPIS:
        _assert_is(kpi, frozen[kpi.id], then)
        _assert_is(kpi, live[kpi.id], now)
        assert frozen[kpi.id].moved == _moved(live[kpi.id].value, frozen[kpi.id].value), kpi


async def _publish(database: Database, org: Org, period: dict[str, date]) -> None:
    async with database.transaction(org.id) as connection:
        publisher = Access(Caller(org, "property", frozenset()), connection)
        await publish(publisher, NewPublication.model_validate({**period, "note": "as reported"}))


async def _answered(database: Database, org: Org, asked: dict[str, object]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    ids = [kpi.id for kpi in _KPIS]
    for start in range(0, len(ids), _AT_ONCE):
        query = ValuesQuery.model_validate({**asked, "ids": ids[start : start + _AT_ONCE]})
        async with database.transaction(org.id) as connection:
            caller = Caller(org, "property", frozenset({"people:read"}))
            answer = await values(Access(caller, connection), query)
        found |= {one.kpi: one.values[0] for one in answer.kpis}
    return found


def _assert_is(kpi: Definition, got: Value, oracle: Whole) -> None:
    want = oracle.value(kpi, Span(BUCKETS[1].start, BUCKETS[1].end))
    told = (kpi, got, want)
    assert got.null_reason == want.reason, told
    if want.value is not None:
        shown = want.value * 100 if kpi.unit == "percent" else want.value
        assert got.value is not None, told
        assert abs(Fraction(got.value) - shown) * 2 <= Fraction(1, 10**kpi.digits) + DIVISION, told


def _moved(now: Decimal | None, then: Decimal | None) -> Decimal | None:
    return None if now is None and then is None else (now or 0) - (then or Decimal(0))
