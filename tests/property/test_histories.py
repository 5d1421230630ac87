"""Incremental equals recomputed: random histories through the real ledger and fold.

Whatever arrives in whatever order, batching and repetition, every cell of every slice, every
credit and every count must equal what the oracle computes, slowly, from the standing facts alone.
"""

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Retraction
from tests.property.comparing import assert_equals_oracle
from tests.property.engine import digest, found_org, history_of, tell
from tests.property.worlds import Delivery, Setting, Step, histories, settings, steps

# Shrinking a failure takes hundreds of histories: the limit is there for a hang alone.
pytestmark = pytest.mark.timeout(7200)

_FEWER = profile(max_examples=max(6, profile().max_examples // 8))
_orders = st.randoms(use_true_random=False)


@given(settings, histories(), steps, _orders, steps)
async def test_any_history_gives_what_the_oracle_says_in_any_order(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    order: Random,
    other_plan: list[Step],
) -> None:
    org = await found_org(database, setting)
    await tell(database, org, deliveries, plan)
    await assert_equals_oracle(database, org, history_of(org, deliveries))

    shuffled = order.sample(deliveries, len(deliveries))
    other = await found_org(database, setting)
    await tell(database, other, shuffled, other_plan)
    assert await digest(database, other) == await digest(database, org)


@_FEWER
@given(settings, histories(), steps, _orders)
async def test_sending_everything_again_changes_nothing(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    order: Random,
) -> None:
    org = await found_org(database, setting)
    await tell(database, org, deliveries, ())
    before = await digest(database, org)

    await tell(database, org, order.sample(deliveries * 2, 2 * len(deliveries)), plan)
    assert await digest(database, org) == before


@_FEWER
@given(settings, histories(), steps, steps, _orders)
async def test_two_deliverers_at_once_and_folds_in_between(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    other_plan: list[Step],
    order: Random,
) -> None:
    org = await found_org(database, setting)
    shuffled = order.sample(deliveries, len(deliveries))
    await asyncio.gather(
        tell(database, org, deliveries, plan),
        tell(database, org, shuffled, other_plan),
    )
    await catch_up(database, org.id)

    await assert_equals_oracle(database, org, history_of(org, deliveries))


@_FEWER
@given(settings, histories(), steps)
async def test_without_revisions_the_last_delivery_wins(
    database: Database, setting: Setting, deliveries: list[Delivery], plan: list[Step]
) -> None:
    org = await found_org(database, setting)
    unnumbered = [_without_revision(item) for item in deliveries]
    await tell(database, org, unnumbered, plan)

    await assert_equals_oracle(database, org, history_of(org, unnumbered))


def _without_revision(item: Delivery) -> Delivery:
    if isinstance(item, Retraction):
        return Retraction(item.identity)
    return item.model_copy(update={"revision": None})
