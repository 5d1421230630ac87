"""Incremental equals recomputed: random histories through the real ledger and fold.

Whatever arrives in whatever order, batching and repetition, every cell of every slice, every
credit and every count must equal what the oracle computes, slowly, from the standing facts alone.
"""

import asyncio
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Retraction
from shared.kpis.periods import Period
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.catalogue_facts import fact
from tests.property.comparing import assert_equals_oracle
from tests.property.drawing import one_in
from tests.property.engine import deliver, digest, fold, found_org, history_of, tell
from tests.property.often import assert_charged_and_matured
from tests.property.worlds import Delivery, Setting, Step, histories, settings, steps

# Shrinking a failure takes hundreds of histories: the limit is there for a hang alone.
pytestmark = pytest.mark.timeout(7200)

_FEWER = one_in(10)
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
    history = history_of(org, deliveries)
    await assert_equals_oracle(database, org, history)
    await assert_charged_and_matured(database, org, history)

    shuffled = order.sample(deliveries, len(deliveries))
    other = await found_org(database, setting)
    await tell(database, other, shuffled, other_plan)
    assert await digest(database, other) == await digest(database, org)


@pytest.mark.parametrize("at_once", [1, 1000])
async def test_what_came_to_nothing_makes_no_group_however_it_was_folded(
    database: Database, at_once: int
) -> None:
    org = await found_org(database, Setting("Europe/Warsaw", 30, 7))
    told = [
        fact(
            "post.metrics",
            f"{post}-{hour}",
            f"2025-04-01T{hour:02}:00:00Z",
            post=post,
            employee="E1",
            network=network,
            impressions=count,
        )
        for post, network, hour, count in (
            ("p1", "x", 8, 5),
            ("p1", "x", 9, 0),
            ("p2", "linkedin", 8, 7),
        )
    ]
    for start in range(0, len(told), at_once):
        await deliver(database, org, told[start : start + at_once])
        await fold(database, org, 1000)

    await assert_equals_oracle(database, org, history_of(org, told))
    query = MeasureQuery(
        buckets=(Period(date(2025, 4, 1), date(2025, 4, 2)),), group_by="network", filters={}
    )
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, ["impressions_advocacy"], query)
    assert table == {(0, "linkedin"): {"impressions_advocacy": 7}}


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
