"""Run the statements of the fold: with the arguments they name, and planned for what they do.

The planner knows little here: working tables are minutes old, tables of a first load have never
been analyzed, and one wrong guess reads all of history for a batch that touched ten keys. So it is
told. State is reached through LATERAL ... OFFSET 0 only: one look by index for each touched key, in
that order. Working tables are hashed. Plans are made for any organization and generation, not for
the one at hand: statistics that have not seen it yet promise one row for whatever index begins with
it, and one of another key was taken as soon as that of the right one, and read to its end.
"""

import re
from functools import lru_cache
from typing import Any

import asyncpg

__all__ = ["BY_KEY", "BY_SET", "fetch", "hash_of_name", "run"]


def _only(**ways: str) -> str:
    return "; ".join(f"SET LOCAL enable_{way} = {switch}" for way, switch in ways.items())


#: For the one statement that cannot be written with LATERAL: look each row up by its key. What
#: pages cost tells a look by key from reading all rows of the generation for each of them.
BY_KEY = "; ".join(
    (
        _only(nestloop="on", hashjoin="off", mergejoin="off", seqscan="off", material="off"),
        "SET LOCAL random_page_cost = 4",
    )
)
#: Working tables of the batch, all of their rows: read them once and hash. Their groups are many
#: more than the planner thinks, so it is kept from sorting for them; an order asked for is kept.
BY_SET = "; ".join(
    (
        _only(
            nestloop="off", hashjoin="on", mergejoin="off", seqscan="on", material="on", sort="off"
        ),
        # Hashes of a whole batch in memory: one fold runs at a time per organization and worker.
        "SET LOCAL work_mem = '64MB'",
        "SET LOCAL plan_cache_mode = force_generic_plan",
        # Nor is a table of state ever read from end to end, not for one key, and not to delete rows
        # by their places: not because it was small when the statistics were taken, or when a plan
        # was made that the connection has kept.
        "SET LOCAL random_page_cost = 0",
    )
)

_PLACEHOLDER = re.compile(r"\$(\d+)")


@lru_cache(maxsize=256)
def _arity(statement: str) -> int:
    return max((int(number) for number in _PLACEHOLDER.findall(statement)), default=0)


def hash_of_name(slice_: str, *names: str) -> str:
    """Return what ``cell.name_hash`` is for a name: its slice and its columns, as texts."""
    return f"hash_record_extended(ROW ({', '.join((slice_, *names))}), 0)"


async def run(
    connection: "asyncpg.Connection[asyncpg.Record]", statement: str, *arguments: Any
) -> None:
    """Execute ``statement``; arguments beyond its highest placeholder are left out.

    The statements of the fold share one convention ($1 organization, $2 generation, …) and name
    only what they need; PostgreSQL refuses arguments that a statement does not name.
    """
    await connection.execute(statement, *arguments[: _arity(statement)])


async def fetch(
    connection: "asyncpg.Connection[asyncpg.Record]", statement: str, *arguments: Any
) -> list[asyncpg.Record]:
    """As :func:`run`, for the rows of a query."""
    return await connection.fetch(statement, *arguments[: _arity(statement)])
