"""fold.vs_duckdb: a refresh by 10,000 facts against recomputing the KPIs in DuckDB from Parquet.

DuckDB gets every advantage: a columnar file with the payloads' numbers already in typed columns,
all cores, no transaction, and less to do, for it neither divides credit among touches nor counts of
which kinds anything was told. Writing the file is not counted.
"""

import time
from decimal import Decimal
from pathlib import Path

import asyncpg

from bench.context import Context
from bench.duckdb_sql import CELLS, EXPORT, TO_PARQUET, TOTALS
from bench.history import Past
from bench.recomputing import refresh_seconds
from bench.result import Result, from_times
from bench.server import scratch_directory
from bench.tenant import GENERATION

__all__ = ["run"]

_LEFT_OUT = r"^(revenue|wins|leads|applications|hires|told|readings)\."
_HELD = """
SELECT r.measure, sum(r.value)
  FROM rollup_value r JOIN cell c USING (org_id, generation, cell)
 WHERE r.org_id = $1 AND r.generation = $2 AND c.slice = 'total' AND r.measure !~ $3
 GROUP BY r.measure HAVING sum(r.value) <> 0
"""


async def run(context: Context) -> Result:
    """Measure seconds until 10,000 more facts are in the figures, both ways."""
    ours, anchors = [], []
    scale = context.scale
    async with (
        context.histories.copy(scale.large, "vs_duckdb") as past,
        context.server.owner(past.database) as owner,
    ):
        await refresh_seconds(past)
        for _ in range(scale.recomputations):
            ours.append(await refresh_seconds(past))
            with scratch_directory() as directory:
                parquet = await _export(owner, past, directory)
                seconds, totals = _recompute(parquet)
                anchors.append(seconds)
        held = await owner.fetch(_HELD, past.tenant.org.id, GENERATION, _LEFT_OUT)
        assert dict(map(tuple, held)) == totals, "DuckDB computes something else"
    return from_times("s", ours, anchors)


async def _export(owner: "asyncpg.Connection[asyncpg.Record]", past: Past, directory: Path) -> Path:
    import duckdb  # heavy, and no other benchmark needs it

    csv, parquet = directory / "facts.csv", directory / "facts.parquet"
    await owner.copy_from_query(EXPORT, past.tenant.org.id, output=csv, format="csv", header=True)
    with duckdb.connect() as connection:
        connection.execute(TO_PARQUET.format(csv=csv, parquet=parquet))
    csv.unlink()
    return parquet


def _recompute(parquet: Path) -> tuple[float, dict[str, Decimal]]:
    import duckdb

    with duckdb.connect() as connection:
        started = time.perf_counter()
        connection.execute(CELLS.format(parquet=parquet))
        seconds = time.perf_counter() - started
        totals = connection.execute(TOTALS).fetchall()
    return seconds, {name: Decimal(total) for name, total in totals}
