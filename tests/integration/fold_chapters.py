"""Tell the fold a story chapter by chapter, each a batch, and compare after every one of them."""

from collections.abc import Sequence

from shared.db import Database
from shared.facts import Fact, Retraction
from shared.orgs import Org
from tests.property.engine import (
    credit_rows,
    deliver,
    fold,
    found_org,
    history_of,
    rollup_cells,
    summed_changes,
)
from tests.property.oracle.attribution import MODELS, credits
from tests.property.oracle.contributions import contributions
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.sales import converted, journey_of
from tests.property.oracle.slices import cells
from tests.property.worlds import Setting

__all__ = ["Item", "assert_folded", "assert_right_at_each_step"]

Item = Fact | Retraction


async def assert_right_at_each_step(
    database: Database, *chapters: Sequence[Item], window_days: int = 30
) -> None:
    """Tell a new organization the chapters; after each it must hold what the oracle says."""
    org = await found_org(database, Setting("Europe/Warsaw", window_days, 7))
    deliveries: list[Item] = []
    for items in chapters:
        deliveries += items
        await deliver(database, org, items)
        await fold(database, org, 1000)
        await assert_folded(database, org, history_of(org, deliveries))


async def assert_folded(database: Database, org: Org, history: History) -> None:
    """Compare every cell, change and credit with the oracle's; readers are not asked."""
    expected = cells(history, contributions(history))
    stored = await rollup_cells(database, org)
    assert stored == expected
    assert await summed_changes(database, org) == expected
    assert await credit_rows(database, org) == {
        (told.kind, told.id, model, key_of(touch), share, amount)
        for told in converted(history)
        for model in MODELS
        for touch, share, amount in credits(history, model, journey_of(history, told), told)
    }
