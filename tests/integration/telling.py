"""Facts told to an organization and counted, and counted anew."""

from typing import Any

from services.metrics.rebuild import continue_rebuild, start_rebuild
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.ledger import append
from shared.orgs import Org

__all__ = ["rebuild", "tell"]


async def tell(database: Database, org: Org, *items: Fact | Retraction) -> None:
    """Append facts in one go, and fold them."""
    async with database.transaction(org.id) as connection:
        await append(connection, org, items)
    await catch_up(database, org.id)


async def rebuild(database: Database, org: Org, **parameters: Any) -> None:
    """Fold all of it into another generation, and let that take over."""
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id, **parameters)
    while not await continue_rebuild(database, org.id):
        pass
