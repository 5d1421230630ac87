"""The connection pool and the transaction of an organization.

Application code receives a session or a connection that is already inside a transaction and never
commits: whoever opened the unit of work does, once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.db.url import sqlalchemy_url

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

__all__ = ["TEMP_BUFFERS", "Database"]

#: What a session has for temporary tables that are small.
TEMP_BUFFERS = "8MB"

APP_ROLE = "earned_app"
_SET_ORG = text("SELECT set_config('app.org_id', :org_id, true)")


class Database:
    """A pool of connections under the application's role, subject to row-level security.

    ``temp_buffers`` is the memory of a session for temporary tables. A session keeps what it once
    took, and looks through all of it to empty a table: more is for those that work in bulk.
    """

    def __init__(
        self,
        url: str,
        *,
        application_name: str,
        pool_size: int = 5,
        max_overflow: int = 5,
        statement_timeout_ms: int = 10_000,
        temp_buffers: str = TEMP_BUFFERS,
        role: str = APP_ROLE,
    ) -> None:
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_pre_ping=True,
            pool_recycle=1800,
            pool_timeout=2,
            pool_use_lifo=True,
            hide_parameters=True,
            connect_args={
                "timeout": 3,
                "command_timeout": statement_timeout_ms / 1000 + 5,
                "server_settings": {
                    "role": role,
                    "application_name": application_name,
                    "statement_timeout": str(statement_timeout_ms),
                    "lock_timeout": "5000",
                    "idle_in_transaction_session_timeout": "15000",
                    "temp_buffers": temp_buffers,
                    "TimeZone": "UTC",
                    "DateStyle": "ISO",
                    "jit": "off",
                },
            },
        )

    async def close(self) -> None:
        """Close every connection of the pool."""
        await self.engine.dispose()

    @asynccontextmanager
    async def session(self, org_id: UUID | None = None) -> AsyncIterator["AsyncSession"]:
        """Open a transaction for ``org_id`` and commit it when the block ends without error.

        Without an organization only the unprotected directory tables can be seen.
        """
        # Here: few use the ORM, and every process would wait for its import when it starts.
        from sqlmodel.ext.asyncio.session import AsyncSession

        async with (
            self._begin(org_id) as connection,
            AsyncSession(bind=connection, expire_on_commit=False) as session,
            _ended_by_cancellation(connection),
        ):
            yield session
            await session.flush()

    @asynccontextmanager
    async def transaction(
        self, org_id: UUID | None = None
    ) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """As :meth:`session`, but yields the driver's connection: for COPY and set-based SQL."""
        async with self._begin(org_id) as connection:
            yield await driver_connection(connection)

    @asynccontextmanager
    async def snapshot(
        self, org_id: UUID | None = None
    ) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """As :meth:`transaction`, but every statement sees what the first one saw."""
        repeatable = self.engine.execution_options(isolation_level="REPEATABLE READ")
        async with self._begin(org_id, repeatable) as connection:
            yield await driver_connection(connection)

    @asynccontextmanager
    async def _begin(
        self, org_id: UUID | None, engine: AsyncEngine | None = None
    ) -> AsyncIterator[AsyncConnection]:
        async with (
            (engine or self.engine).begin() as connection,
            _ended_by_cancellation(connection),
        ):
            # Also the statement that opens the transaction: SQLAlchemy begins lazily, and what the
            # driver's connection did before that would survive a rollback.
            await connection.execute(_SET_ORG, {"org_id": str(org_id) if org_id else ""})
            yield connection


@asynccontextmanager
async def _ended_by_cancellation(connection: AsyncConnection) -> AsyncIterator[None]:
    """End the connection if the block is cancelled: the server then rolls back.

    A statement may be under way. To roll back, the driver would have to wait until the server has
    given it up, and what goes wrong there would be raised in place of the cancellation.
    """
    try:
        yield
    except asyncio.CancelledError:
        with suppress(Exception):
            await connection.invalidate()
        raise


async def driver_connection(
    connection: AsyncConnection,
) -> "asyncpg.Connection[asyncpg.Record]":
    """Return asyncpg's connection under an SQLAlchemy connection whose transaction is open."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    return cast("asyncpg.Connection[asyncpg.Record]", driver)
