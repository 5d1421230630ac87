"""`earned rebuild`: fold an organization's figures anew while the old ones keep answering."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal, TypeVar
from uuid import UUID

from cli.output import Stage, Terminal
from cli.tenant import find_organization
from services.metrics.outdated import outdated
from services.metrics.rebuild import (
    TEMP_BUFFERS,
    Progress,
    RebuildAborted,
    abort_rebuild,
    continue_rebuild,
    start_rebuild,
    under_way,
)
from services.metrics.retired import drop_retired
from shared.db import Database
from shared.rollups.read import live_generation

__all__ = ["abort", "drop", "patient_database", "patient_databases", "rebuild"]

Result = TypeVar("Result")

# Large batches on large histories: minutes a statement, where a request would get seconds.
_PATIENCE_MS = 3_600_000
_POLL_SECONDS = 0.5


def rebuild(
    database_url: str,
    organization: str,
    terminal: Terminal,
    *,
    window_days: int | None = None,
    half_life_days: int | Literal["measured"] | None = None,
) -> None:
    """Build a new generation and let it take over; go on with the one under way, if there is one.

    Raises:
        services.metrics.rebuild.RebuildUnderWay: parameters were given, and one is under way.
        services.metrics.rebuild.PeriodsPublished: it would move what is frozen.
        services.metrics.rebuild.RebuildAborted: somebody gave it up meanwhile.
        ValueError: a parameter is out of its limits.
    """

    async def run(database: Database, org_id: UUID) -> None:
        async with database.transaction(org_id) as connection:
            waiting = await under_way(connection, org_id)
            has_parameters = window_days is not None or half_life_days is not None
            if waiting is None or has_parameters:
                generation = await start_rebuild(
                    connection, org_id, window_days=window_days, half_life_days=half_life_days
                )
            else:
                generation = waiting.generation
                terminal.print(f"Going on from entry {waiting.position:,}.")
        with terminal.stage("rebuild") as stage:
            await _until_done(database, org_id, stage)
        async with database.transaction(org_id) as connection:
            # Numbers only grow: one that took over is live, or another one that came after it is.
            if await live_generation(connection, org_id) < generation:
                raise RebuildAborted("the rebuild was given up; nothing has changed")
            if org_id in {each.org_id for each in await outdated(connection)}:
                terminal.print("It was begun under older rules than these: rebuild once more.")

    patient_database(database_url, organization, run)


async def _until_done(database: Database, org_id: UUID, stage: Stage) -> None:
    def show(progress: Progress) -> None:
        stage.update(f"{progress.position:,} of {progress.head:,} entries")

    while not await continue_rebuild(database, org_id, on_progress=show):
        # A metrics worker has taken it up; what is left is to look on.
        await asyncio.sleep(_POLL_SECONDS)
        async with database.transaction(org_id) as connection:
            progress = await under_way(connection, org_id)
        if progress is not None:
            show(progress)


def abort(database_url: str, organization: str) -> bool:
    """Give up the generation under way; tell whether there was one."""

    async def run(database: Database, org_id: UUID) -> bool:
        async with database.transaction(org_id) as connection:
            return await abort_rebuild(connection, org_id)

    return patient_database(database_url, organization, run)


def drop(database_url: str, organization: str) -> int:
    """Delete what was retired more than a minute ago; return how many generations that was."""
    return patient_database(database_url, organization, drop_retired)


def patient_database(
    url: str, organization: str, run: Callable[[Database, UUID], Awaitable[Result]]
) -> Result:
    """Run ``run`` with a pool whose statements may take an hour, and the organization's id.

    Raises:
        cli.tenant.UnknownOrganizationError, cli.tenant.AmbiguousOrganizationError: which one is
            meant cannot be said.
    """

    async def scope() -> Result:
        async with _patient(url) as database:
            async with database.transaction() as connection:
                org_id = await find_organization(connection, organization)
            return await run(database, org_id)

    return asyncio.run(scope())


def patient_databases(url: str, run: Callable[[Database, UUID], Awaitable[Result]]) -> list[Result]:
    """As :func:`patient_database`, for every organization, one after another."""

    async def scope() -> list[Result]:
        async with _patient(url) as database:
            async with database.transaction() as connection:
                rows = await connection.fetch("SELECT id FROM organization ORDER BY created_at")
            return [await run(database, row["id"]) for row in rows]

    return asyncio.run(scope())


@asynccontextmanager
async def _patient(url: str) -> AsyncIterator[Database]:
    database = Database(
        url,
        application_name="earned-cli",
        statement_timeout_ms=_PATIENCE_MS,
        temp_buffers=TEMP_BUFFERS,
    )
    try:
        yield database
    finally:
        await database.close()
