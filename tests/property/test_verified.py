"""Verify against random histories: it finds nothing where nothing is wrong, and else exactly it."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.verify import Check, Mismatch, repair, verify
from shared.db import Database
from tests.property.drawing import one_in
from tests.property.engine import found_org, tell
from tests.property.worlds import Delivery, Setting, Step, histories, settings, steps

pytestmark = pytest.mark.timeout(7200)

_FEWER = one_in(8)
_VALUES = """
SELECT v.measure, v.day, v.cell, v.value, s.family, s.slot
  FROM rollup_value v JOIN rollup_slot s USING (org_id, generation, measure)
 WHERE v.org_id = $1 ORDER BY 1, 2, 3
"""


@given(settings, histories(), steps)
async def test_verify_finds_nothing_after_any_history(
    database: Database, setting: Setting, deliveries: list[Delivery], plan: list[Step]
) -> None:
    org = await found_org(database, setting)
    await tell(database, org, deliveries, plan)

    report = await verify(database, org.id)
    assert not report.listed
    # Of a past of many positions some are drawn; nothing else may be left out.
    assert all(name.startswith("what was known at ") for name in report.unverified)


@_FEWER
@given(
    settings, histories(), steps, st.randoms(use_true_random=False), st.sampled_from([-7, 1, 250])
)
async def test_verify_finds_exactly_the_value_that_was_changed(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    chance: Random,
    by: int,
) -> None:
    org = await found_org(database, setting)
    await tell(database, org, deliveries, plan)
    async with database.transaction(org.id) as connection:
        values = await connection.fetch(_VALUES, org.id)
        if not values:
            return
        changed = chance.choice(values)
        await connection.execute(
            f"UPDATE rollup SET v{changed['slot']} = v{changed['slot']} + $5"
            " WHERE org_id = $1 AND family = $2 AND cell = $3 AND day = $4",
            *(org.id, changed["family"], changed["cell"], changed["day"], by),
        )

    report = await verify(database, org.id)
    assert report.counts == {Check.CELLS: 1, Check.LOG: 1}
    assert [_told(found) for found in report.listed] == [
        (changed["measure"], changed["day"], changed["value"] + by, changed["value"])
    ] * 2
    assert (await repair(database, org.id)).after.mismatches == 0


def _told(found: Mismatch) -> tuple[object, ...]:
    assert found.stored is not None
    assert found.recomputed is not None
    return found.name, found.day, Decimal(found.stored), Decimal(found.recomputed)
