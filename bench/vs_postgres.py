"""fold.vs_postgres: a refresh by 10,000 facts against recomputing the same KPIs in PostgreSQL."""

from bench.context import Context
from bench.recomputing import recompute_seconds, refresh_seconds
from bench.result import Result, from_times
from services.metrics.rebuild import TEMP_BUFFERS

__all__ = ["run"]


async def run(context: Context) -> Result:
    """Measure seconds until 10,000 more facts are in the figures, both ways."""
    ours, anchors = [], []
    scale = context.scale
    async with (
        context.histories.copy(scale.large, "vs_postgres") as past,
        context.server.pool(past.database, temp_buffers=TEMP_BUFFERS) as pool,
    ):
        org_id = past.tenant.org.id
        await refresh_seconds(past)  # the first connections, the first plans
        for round_ in range(1, scale.recomputations + 1):
            ours.append(await refresh_seconds(past))
            is_last = round_ == scale.recomputations
            anchors.append(await recompute_seconds(pool, org_id, is_compared=is_last))
    return from_times("s", ours, anchors)
