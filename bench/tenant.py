"""The organization of a database: tell it facts, fold them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from bench.facts import Record, typed
from bench.server import Server
from services.metrics.fold import fold_batch
from services.metrics.worker import TEMP_BUFFERS
from shared.db import Database
from shared.facts import Fact
from shared.ledger import AppendResult, append
from shared.orgs import Org, create_org, load_org

__all__ = ["GENERATION", "Tenant", "open_tenant"]

GENERATION = 1

# Facts arrive after the year they tell of, each batch a second after the last: no batch is cut by
# a midnight, and a correction is always newer than what it corrects.
_FIRST_ARRIVAL = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Tenant:
    """One organization of 2025, in Warsaw, counting in dollars."""

    def __init__(self, pool: Database, org: Org, batches_told: int) -> None:
        self.pool = pool
        self.org = org
        self._batches_told = batches_told

    async def append(self, facts: Sequence[Fact]) -> AppendResult:
        """Append a batch in a transaction of its own."""
        self._batches_told += 1
        received_at = _FIRST_ARRIVAL + timedelta(seconds=self._batches_told)
        async with self.pool.transaction(self.org.id) as connection:
            return await append(connection, self.org, facts, received_at=received_at)

    async def tell(self, records: list[Record]) -> AppendResult:
        """Append records as a partner would post them."""
        return await self.append(typed(records))

    async def fold(self, limit: int) -> int:
        """Fold all that is waiting, at most ``limit`` entries a transaction; return how many."""
        folded = 0
        while True:
            async with self.pool.transaction(self.org.id) as connection:
                result = await fold_batch(connection, self.org.id, GENERATION, limit=limit)
            assert result is not None, "nobody else folds here"
            folded += result.entries
            if result.entries < limit:
                return folded


@asynccontextmanager
async def open_tenant(server: Server, database: str) -> AsyncIterator[Tenant]:
    """Open the organization of a database; create it in an empty one."""
    async with server.owner(database) as owner:
        org_id = await owner.fetchval("SELECT id FROM organization")
        told = await owner.fetchval(
            "SELECT count(DISTINCT recorded_at) FROM ledger_entry WHERE recorded_at >= $1",
            _FIRST_ARRIVAL,
        )
    async with server.pool(database) as pool, pool.transaction(org_id) as connection:
        org = (
            await create_org(connection, name="Golden", time_zone="Europe/Warsaw", currency="USD")
            if org_id is None
            else await load_org(connection, org_id)
        )
    async with server.pool(database, temp_buffers=TEMP_BUFFERS) as pool:
        yield Tenant(pool, org, told)
