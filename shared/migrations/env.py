"""Alembic's entry point: connect as the owner, take the migration lock, run."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from shared.db.url import sqlalchemy_url
from shared.migrations.runner import head_revision

_LOCK = 7_201_450_339  # any constant of our own: one migration at a time per database
_PAUSE_SECONDS = 0.2


def _migrate(connection: Connection) -> None:
    # Migrations are written in SQL, never generated: no metadata to compare with.
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    assert url is not None, "shared.migrations.runner sets the address"
    engine = create_async_engine(
        sqlalchemy_url(url),
        poolclass=NullPool,
        connect_args={"server_settings": {"lock_timeout": "5000"}},
    )
    # Neither holding the lock nor waiting for it is a transaction: what makes an index beside
    # everybody's work would wait for that to end.
    watching = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with watching.connect() as guard, engine.connect() as connection:
        while not await guard.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
            await asyncio.sleep(_PAUSE_SECONDS)
        # After a release was taken back: what a newer schema has more is nothing to be undone.
        if not await _is_newer(guard):
            await connection.run_sync(_migrate)
            await connection.commit()
    await engine.dispose()


async def _is_newer(connection: AsyncConnection) -> bool:
    if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return False
    found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found is not None and found > head_revision()


asyncio.run(_run())
