"""ledger.append: from the bytes of ``POST /v1/facts`` to durable, deduplicated, numbered entries.

Two processes post at once, as the processes of a deployment do: while the database appends one
batch, the other is being validated. The anchor is one COPY, the fastest single stream there is.
"""

import time
from collections.abc import Sequence

import orjson

from bench.clients import Clients, clients
from bench.context import Context
from bench.copying import copy_seconds, entries_after, make_heap
from bench.facts import Program
from bench.result import Result, from_rates
from bench.tenant import open_tenant
from shared.ledger import head_position

__all__ = ["run"]

_BATCH = 5_000
_BATCHES = 12
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
        clients(
            _CLIENTS, address=context.server.address(database), org_id=tenant.org.id
        ) as posting,
    ):
        await make_heap(owner)
        await tenant.tell(program.opening())
        await _seconds(posting, _batches(program))  # imports, first connections, first plans
        for _ in range(context.scale.rounds):
            batches = _batches(program)
            position = await head_position(owner, tenant.org.id)
            ours.append(_BATCHES * _BATCH / await _seconds(posting, batches))
            rows = await entries_after(owner, tenant.org.id, position)
            anchors.append(len(rows) / await copy_seconds(owner, rows, batch=_BATCH))
    return from_rates("facts/s", ours, anchors)


def _batches(program: Program) -> list[list[bytes]]:
    """Return batches as they arrive: in requests of ``_REQUEST`` facts."""
    return [
        [orjson.dumps(program.today(_REQUEST)) for _ in range(_BATCH // _REQUEST)]
        for _ in range(_BATCHES)
    ]


async def _seconds(posting: Clients, batches: Sequence[list[bytes]]) -> float:
    started = time.perf_counter()
    await posting.post(batches)
    return time.perf_counter() - started
