"""Everything the fold has made that can be read, in a form that two organizations can share."""

from collections import Counter
from typing import Any

import asyncpg

from shared.orgs import Org

__all__ = ["TABLES", "seen"]

TABLES = (
    *("roster", "membership", "post", "post_snapshot", "gauge"),
    *("touch", "person_link", "lead", "deal", "application", "standing"),
)
_ROLLUPS = """
SELECT measure, day, slice, team, employee, account, network, campaign, content, channel, value
  FROM rollup_value JOIN cell USING (org_id, generation, cell)
 WHERE org_id = $1 AND value <> 0
"""
_HEADS = """
SELECT fact_key, position FROM fact_head WHERE org_id = $1 AND NOT is_retracted AND position > 0
"""
_ENTRIES = "SELECT position, weight, payload FROM ledger_entry WHERE org_id = $1"
# Where batches end decides at which position a credit is given, and nothing else.
_CREDITS = "SELECT (to_jsonb(c) - 'org_id' - 'position')::text FROM credit c WHERE org_id = $1"
_QUERIES = {"rollups": _ROLLUPS, "heads": _HEADS, "entries": _ENTRIES, "credits": _CREDITS}


async def seen(connection: "asyncpg.Connection[asyncpg.Record]", org: Org) -> dict[str, Any]:
    """Return everything that can be read, without what names the organization."""
    found: dict[str, Any] = {}
    for name in TABLES:
        rows = await connection.fetch(
            f"SELECT (to_jsonb(s) - 'org_id')::text AS state FROM {name} s WHERE org_id = $1",
            org.id,
        )
        found[name] = Counter(row["state"] for row in rows)
    for name, query in _QUERIES.items():
        found[name] = Counter(map(tuple, await connection.fetch(query, org.id)))
    return found
