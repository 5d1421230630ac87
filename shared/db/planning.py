"""How the statements of an answer are planned: for any organization, not for the one that asks.

Statistics tell little of an organization among many, and nothing of one that is younger than they
are, or of a generation that was rebuilt since. Planned for its own id, a statement seems to find
one row of it in each table, so it seems to cost nothing to read all of them again for each row of
another table. Planned for any id, it is planned for as many rows as organizations have.
"""

import asyncpg

__all__ = ["plan_for_any_organization"]

# A table is never read from end to end: most of its rows are others', however small it was when
# the statistics were taken, or when a plan was made that the connection has kept. Nor are all rows
# of an organization read for one, because the pages of a small table come one after another.
_SETTINGS = """
SELECT set_config('plan_cache_mode', 'force_generic_plan', true),
       set_config('enable_seqscan', 'off', true),
       set_config('random_page_cost', '1.1', true)
"""


async def plan_for_any_organization(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Make the rest of the caller's transaction plan for any organization."""
    await connection.execute(_SETTINGS)
