"""Generations side by side: neither knows anything of the other, whatever is told meanwhile.

A rebuild with another window and half-life begins in the middle of a random history and comes some
way before the rest is told. The live generation must be what the oracle says of the old settings
until the very end, and the new one, once it has taken over, what it says of the new ones.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.fold import fold_batch
from services.metrics.rebuild import continue_rebuild, start_rebuild
from shared.db import Database
from tests.property.comparing import assert_equals_oracle
from tests.property.drawing import one_in
from tests.property.engine import found_org, history_of, tell
from tests.property.worlds import Delivery, Setting, Step, histories, settings, steps

pytestmark = pytest.mark.timeout(7200)


@one_in(12)
@given(settings, histories(), steps, st.integers(5, 60), settings, st.sampled_from([1, 7, 1000]))
async def test_a_rebuild_takes_nothing_from_the_live_generation_and_ends_right(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    told_first: int,
    other: Setting,
    at_once: int,
) -> None:
    org = await found_org(database, setting)
    await tell(database, org, deliveries[:told_first], plan)
    async with database.transaction(org.id) as connection:
        begun = await start_rebuild(
            connection,
            org.id,
            window_days=other.window_days,
            half_life_days=other.half_life_days,
        )
    for _ in range(2):
        async with database.transaction(org.id) as connection:
            await fold_batch(connection, org.id, begun, limit=at_once)
    await tell(database, org, deliveries[told_first:], plan)
    history = history_of(org, deliveries)
    await assert_equals_oracle(database, org, history)

    assert await continue_rebuild(database, org.id, batch=max(at_once, 7))
    anew = replace(history, window_days=other.window_days, half_life_days=other.half_life_days)
    await assert_equals_oracle(database, org, anew)
