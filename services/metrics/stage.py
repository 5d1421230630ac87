"""The working tables of one fold: temporary, emptied at commit, private to the connection."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg

from services.metrics.working import working_table
from shared.ledger.positions import last_position
from shared.rollups.layout import each_slot

__all__ = ["Batch", "create_working_tables", "stage_batch"]

_WHERE = """
    employee text, account text, network text, campaign text, content text, channel text
"""
_QUANTITIES = each_slot("q{slot} numeric")
_ENTRY = f"""
    position bigint, weight smallint, fact_key bytea, occurred_at timestamptz, day date, {_WHERE},
    subject text, body jsonb, stands boolean
"""
_NAMES = ", ".join(column.split()[0] for column in _ENTRY.split(","))
# Some sixty statements of a fold want the entries of one kind or a few: where these lie is noted of
# each kind. An index would be a quarter of what staging costs and, as it is built anew whenever the
# table is emptied, would have every plan that reads the table made anew for each fold.
#
# Whole facts may be long, and these lists are: no other table puts values aside.
_ENTRIES = f"""
CREATE TEMPORARY TABLE fold_entry (kind text, {_ENTRY}) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE fold_place (kind text, places tid[]) ON COMMIT DELETE ROWS;
ALTER TABLE fold_place ALTER COLUMN places SET STORAGE EXTERNAL;
CREATE TEMPORARY VIEW fold_batch AS
SELECT p.kind, e.*
  FROM fold_place p
 CROSS JOIN LATERAL (SELECT {_NAMES} FROM fold_entry WHERE ctid = ANY (p.places) OFFSET 0) e;
-- The entries of the batch that still stand at its end: what state is brought up to date with.
CREATE TEMPORARY VIEW fold_standing AS SELECT * FROM fold_batch WHERE stands;
CREATE TEMPORARY TABLE fold_retracted (LIKE fold_entry) ON COMMIT DELETE ROWS
"""
_OTHERS = {
    "fold_delta": f"measure text, day date, {_WHERE}, quantity numeric",
    "fold_row": f"family text, day date, {_WHERE}, {_QUANTITIES}",
    "fold_sum": f"{_WHERE}, family smallint, day date, {_QUANTITIES}",
    "fold_team": "employee text, day date, team text",
    "fold_move": f"team text, family smallint, day date, {_QUANTITIES}",
    "fold_cell": """
        slice text, employee text, account text, team text, network text, campaign text,
        content text, channel text, cell integer, is_new boolean
    """,
    "fold_change": f"family smallint, cell integer, day date, {_QUANTITIES}",
    "touched_post": "post text, after timestamptz, until timestamptz, has_steps boolean",
    "touched_publication": "post text, is_told_again boolean",
    "touched_member": "employee text",
    "mentioned_person": "person text, since timestamptz",
    "touched_person": "person text, since timestamptz",
    "touched_lead": "lead text",
    "touched_deal": "deal text",
    "touched_application": "application text",
    "team_span": "is_new boolean, employee text, first_day date, last_day date, team text",
}
_WORKING_TABLES = "; ".join((_ENTRIES, *(working_table(*table) for table in _OTHERS.items())))

# An entry stands unless the batch itself takes it back further on.
_STAGE = """
INSERT INTO fold_entry
SELECT kind, e.position, weight, fact_key, occurred_at, day, coalesce(employee, ''),
       coalesce(account, ''), coalesce(network, ''), coalesce(campaign, ''),
       coalesce(content, ''), coalesce(channel, ''), subject, payload::jsonb,
       weight = 1 AND e.position > coalesce(withdrawn.position, 0)
  FROM ledger_entry e
  LEFT JOIN (
    SELECT fact_key, max(position) AS position
      FROM ledger_entry
     WHERE org_id = $1 AND position > $2 AND position <= $3 AND weight = -1
     GROUP BY fact_key
  ) withdrawn USING (fact_key)
 WHERE org_id = $1 AND e.position > $2 AND e.position <= $3
"""

# The entries that take back what stood before the batch: of each fact the first retraction, as a
# later one takes back a version of the batch itself. Such a version never enters the state, nor the
# state's past: a batch holds entries of one recorded day and never crosses a published position, so
# nothing can be asked "as known" between two entries of a batch.
_RETRACT = """
INSERT INTO fold_retracted
SELECT DISTINCT ON (fact_key) * FROM fold_entry WHERE weight = -1 ORDER BY fact_key, position
"""

# The batch ends where the organization's day of recording changes, and at published positions:
# every change in the log then has one such day, and an answer "as known on" a day, or as published,
# cuts between batches, never through one. A day may be one in a hundred of the entries that a batch
# could hold.
_WITHIN = """
    SELECT first.position, least(first.position - 1 + $3::bigint, h.position, (
            SELECT min(p.position) FROM publication p WHERE p.org_id = $1 AND p.position > $2))
      FROM ledger_head h
     WHERE h.org_id = $1
"""
# A position that lost its entry is passed by: appends of an organization come one after another, so
# nothing can come before what is there. No batch ends at such a one.
#
# Nor does a batch end inside a correction, between what it takes back and what it says instead: an
# answer, or a publication, would tell what nobody ever told. Both were recorded at one moment.
_EXTENT = f"""
SELECT whole.until, first.known_on, whole.until - first.position + 1 AS entries
  FROM (
    SELECT position, (recorded_at AT TIME ZONE $4)::date AS known_on
      FROM ledger_entry WHERE org_id = $1 AND position > $2::bigint
     ORDER BY position
     LIMIT 1
  ) first
 CROSS JOIN LATERAL ({last_position(_WITHIN, zone="$4", day="first.known_on")}) last
 CROSS JOIN LATERAL (
    SELECT position, weight, fact_key, recorded_at FROM ledger_entry
     WHERE org_id = $1 AND position <= last.position
     ORDER BY position DESC
     LIMIT 1
 ) ended
 CROSS JOIN LATERAL (
    SELECT coalesce((
        SELECT said.position FROM ledger_entry said
         WHERE said.org_id = $1 AND said.position = ended.position + 1 AND ended.weight = -1
           AND said.fact_key = ended.fact_key AND said.recorded_at = ended.recorded_at
           AND NOT EXISTS (
                SELECT FROM publication p WHERE p.org_id = $1 AND p.position = ended.position)
    ), ended.position) AS until
 ) whole
"""
# Which kinds there are, and where the entries of each lie, in the order of their places.
_KINDS = """
INSERT INTO fold_place SELECT kind, array_agg(ctid) FROM fold_entry GROUP BY kind RETURNING kind
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """The entries of one fold: positions in (after, until], all recorded on ``known_on``."""

    after: int
    until: int
    known_on: date
    entries: int
    kinds: frozenset[str]


async def create_working_tables(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Create the working tables, once per connection."""
    if await connection.fetchval("SELECT to_regclass('pg_temp.fold_entry')") is None:
        await connection.execute(_WORKING_TABLES)


async def stage_batch(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    *,
    after: int,
    limit: int,
    time_zone: str,
) -> Batch | None:
    """Copy the next entries after ``after`` to where ``fold_batch`` reads; None if none are."""
    extent = await connection.fetchrow(_EXTENT, org_id, after, limit, time_zone)
    if extent is None:
        return None
    await connection.execute(_STAGE, org_id, after, extent["until"])
    await connection.execute(_RETRACT)
    kinds = await connection.fetch(_KINDS)
    return Batch(
        after=after,
        until=extent["until"],
        known_on=extent["known_on"],
        entries=extent["entries"],
        kinds=frozenset(row["kind"] for row in kinds),
    )
