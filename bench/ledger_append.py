"""ledger.append: from the bytes of ``POST /v1/facts`` to durable, deduplicated, numbered entries.

Several clients post at once, as in a real ingest: while the database appends one batch the process
validates the next.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence

import orjson

from bench.context import Context
from bench.copying import copy_seconds, entries_after, make_heap
from bench.facts import Program
from bench.result import Result, from_rates
from bench.tenant import Tenant, open_tenant
from shared.facts import Fact, parse_facts
from shared.ledger import head_position

__all__ = ["run"]

_BATCH = 5_000
_BATCHES = 8
_REQUEST = 500
_CLIENTS = 2


async def run(context: Context) -> Result:
    """Measure facts a second against COPY of the rows that came of them."""
    program, database = Program(), "ledger_append"
    ours, anchors = [], []
    async with (
        context.server.copy(database),
        open_tenant(context.server, database) as tenant,
        context.server.owner(database) as owner,
    ):
        await make_heap(owner)
        await tenant.tell(program.opening())
        await _append_all(tenant, _bodies(program))  # the first connections, the first plans
        for _ in range(context.scale.rounds):
            bodies = _bodies(program)
            position = await head_position(owner, tenant.org.id)
            ours.append(_BATCHES * _BATCH / await _append_all(tenant, bodies))
            rows = await entries_after(owner, tenant.org.id, position)
            anchors.append(len(rows) / await copy_seconds(owner, rows, batch=_BATCH))
    return from_rates("facts/s", ours, anchors)


def _bodies(program: Program) -> list[list[bytes]]:
    """Return batches as they arrive: in requests of at most ``_REQUEST`` facts."""
    return [
        [orjson.dumps(program.today(_REQUEST)) for _ in range(_BATCH // _REQUEST)]
        for _ in range(_BATCHES)
    ]


async def _append_all(tenant: Tenant, bodies: Sequence[list[bytes]]) -> float:
    """Post every body; return the seconds until the last one is committed."""
    waiting = iter(bodies)
    started = time.perf_counter()
    async with asyncio.TaskGroup() as clients:
        for _ in range(_CLIENTS):
            clients.create_task(_post(tenant, waiting))
    return time.perf_counter() - started


async def _post(tenant: Tenant, waiting: Iterator[list[bytes]]) -> None:
    for body in waiting:
        facts: list[Fact] = []
        for part in body:
            facts += parse_facts(part)
            await asyncio.sleep(0)  # a server parses one request and turns to the next
        await tenant.append(facts)
