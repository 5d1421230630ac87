"""Organizations with a past: built once for a run, copied for each benchmark that adds to it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.facts import EVERYTHING, Mix, Program
from bench.progress import say
from bench.server import Server
from bench.tenant import Tenant, open_tenant

__all__ = ["Histories", "Past"]

_APPENDED_BY = 10_000
_FOLDED_BY = 100_000


@dataclass(frozen=True, slots=True)
class Past:
    """An organization with a history, and the program that goes on telling its facts."""

    database: str
    tenant: Tenant
    program: Program


class Histories:
    """The histories of a run, by their number of facts and the mix of their kinds."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._programs: dict[str, Program] = {}

    @asynccontextmanager
    async def copy(self, facts: int, purpose: str, *, mix: Mix = EVERYTHING) -> AsyncIterator[Past]:
        """Yield a copy of the organization with ``facts`` facts, folded and at rest."""
        template = f"{mix.name}_{facts}"
        if template not in self._programs:
            self._programs[template] = await self._build(template, facts, mix)
        database = f"{purpose}_{facts}"
        async with (
            self._server.copy(database, template=template),
            open_tenant(self._server, database) as tenant,
        ):
            yield Past(database, tenant, self._programs[template])

    async def _build(self, database: str, facts: int, mix: Mix) -> Program:
        started = time.perf_counter()
        program = Program(mix)
        await self._server.create(database)
        async with open_tenant(self._server, database) as tenant:
            await tenant.tell(program.opening())
            await _tell_year(tenant, program, facts)
        async with self._server.owner(database) as owner:
            await owner.execute("VACUUM (ANALYZE)")
        say(f"history of {facts:,} facts built in {time.perf_counter() - started:.0f} s")
        return program


async def _tell_year(tenant: Tenant, program: Program, facts: int) -> None:
    """Append batch after batch, and fold beside it whatever has come."""
    folding = asyncio.create_task(tenant.fold(_FOLDED_BY))
    for records in program.year(facts, batch=_APPENDED_BY):
        await tenant.tell(records)
        if folding.done():
            await folding
            folding = asyncio.create_task(tenant.fold(_FOLDED_BY))
    await folding
    await tenant.fold(_FOLDED_BY)
