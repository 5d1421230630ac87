"""Tell the fold a story chapter by chapter, each a batch, and compare after every one of them."""

from collections.abc import Sequence

from shared.db import Database
from shared.facts import Fact, Retraction
from tests.property.comparing import assert_equals_oracle
from tests.property.engine import deliver, fold, found_org, history_of
from tests.property.worlds import Setting

__all__ = ["Item", "assert_right_at_each_step"]

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
        await assert_equals_oracle(database, org, history_of(org, deliveries))
