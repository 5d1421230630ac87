"""Facts told to an organization and counted."""

from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.ledger import append
from shared.orgs import Org

__all__ = ["tell"]


async def tell(database: Database, org: Org, *items: Fact | Retraction) -> None:
    """Append facts in one go, and fold them."""
    async with database.transaction(org.id) as connection:
        await append(connection, org, items)
    await catch_up(database, org.id)
