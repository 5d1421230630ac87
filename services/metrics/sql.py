"""Run a statement with as many arguments as it names."""

import re
from functools import lru_cache
from typing import Any

import asyncpg

__all__ = ["run"]

_PLACEHOLDER = re.compile(r"\$(\d+)")


@lru_cache(maxsize=256)
def _arity(statement: str) -> int:
    return max((int(number) for number in _PLACEHOLDER.findall(statement)), default=0)


async def run(
    connection: "asyncpg.Connection[asyncpg.Record]", statement: str, *arguments: Any
) -> None:
    """Execute ``statement``; arguments beyond its highest placeholder are left out.

    The statements of the fold share one convention ($1 organization, $2 generation, …) and name
    only what they need; PostgreSQL refuses arguments that a statement does not name.
    """
    await connection.execute(statement, *arguments[: _arity(statement)])
