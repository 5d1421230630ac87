"""What endpoints ask for: an authorized caller, and a transaction inside its organization."""

from collections.abc import AsyncIterator
from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Request

from shared.connections import VendorRegistry
from shared.db import Database, plan_for_any_organization
from shared.errors import Unavailable
from shared.orgs import Org
from shared.security.keys import Scope
from shared.web.auth import Caller
from shared.web.parameters import authorized
from shared.web.state import resources

__all__ = [
    "Access",
    "authorized",
    "reads",
    "vendors",
    "writes",
]


@dataclass(frozen=True, slots=True)
class Access:
    """A caller inside one open transaction of its organization."""

    caller: Caller
    connection: "asyncpg.Connection[asyncpg.Record]"

    @property
    def org(self) -> Org:
        """Return the organization that is asked about; there is no other way to name one."""
        return self.caller.org


def reads(scope: Scope) -> Any:
    """Return a dependency that yields an :class:`Access` to read with.

    One snapshot for the whole answer: parts read one after another fit together, even while the
    fold commits between two statements.
    """

    async def snapshot(
        request: Request, caller: Annotated[Caller, Depends(authorized(scope))]
    ) -> AsyncIterator[Access]:
        database = _reading(resources(request).database)
        async with database.transaction(caller.org.id) as connection:
            await plan_for_any_organization(connection)
            yield Access(caller, connection)

    return Depends(snapshot, scope="function")


def writes(scope: Scope) -> Any:
    """Return a dependency that yields an :class:`Access` to write with.

    Its scope is the function: the commit comes before the answer, so a commit that fails is an
    error and not a promise.
    """

    async def unit_of_work(
        request: Request, caller: Annotated[Caller, Depends(authorized(scope))]
    ) -> AsyncIterator[Access]:
        async with resources(request).database.transaction(caller.org.id) as connection:
            # What is written may take reading: a goal is stated with its forecast.
            await plan_for_any_organization(connection)
            yield Access(caller, connection)

    return Depends(unit_of_work, scope="function")


def vendors(request: Request) -> VendorRegistry:
    """Return what checks and stores connections.

    Raises:
        Unavailable: the process was composed without vendors.
    """
    registry: VendorRegistry | None = request.app.state.vendors
    if registry is None:
        raise Unavailable("Connections cannot be configured here.")
    return registry


def _reading(database: Database) -> Database:
    """Return the same pool under REPEATABLE READ; nothing can be written by mistake."""
    reading = copy(database)
    reading.engine = database.engine.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    return reading
