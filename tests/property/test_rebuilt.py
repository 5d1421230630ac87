"""Generations side by side: neither knows anything of the other, whatever is told meanwhile.

A rebuild with another window and half-life begins in the middle of a random history and comes some
way, mostly as far as the live generation. Then half of what stood is taken back, and the rest is
told. The live generation must be what the oracle says of the old settings until the very end, and
the new one, once it has taken over, what it says of the new ones.
"""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.fold import fold_batch
from services.metrics.rebuild import continue_rebuild, start_rebuild
from shared.db import Database
from shared.facts import Retraction
from tests.property.comparing import assert_equals_oracle
from tests.property.drawing import one_in
from tests.property.engine import found_org, history_of, tell
from tests.property.worlds import Delivery, Setting, Step, histories, settings, steps

pytestmark = pytest.mark.timeout(7200)

#: Later than all that is drawn.
_LAST_REVISION = 9


@one_in(2)
@given(
    settings,
    histories(),
    steps,
    settings,
    st.sampled_from([1, 7, *[1000] * 4]),
    st.randoms(use_true_random=False),
)
async def test_a_rebuild_takes_nothing_from_the_live_generation_and_ends_right(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    other: Setting,
    at_once: int,
    chosen: Random,
) -> None:
    org = await found_org(database, setting)
    first, rest = deliveries[: len(deliveries) // 2], deliveries[len(deliveries) // 2 :]
    await tell(database, org, first, plan)
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
    stood = history_of(org, first).facts
    gone = chosen.sample(stood, len(stood) // 2)
    rest += [Retraction(fact.identity, _LAST_REVISION) for fact in gone]
    await tell(database, org, rest, plan)
    history = history_of(org, [*first, *rest])
    await assert_equals_oracle(database, org, history)

    assert await continue_rebuild(database, org.id, batch=max(at_once, 7))
    anew = replace(history, window_days=other.window_days, half_life_days=other.half_life_days)
    await assert_equals_oracle(database, org, anew)
