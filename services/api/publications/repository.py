"""Publications: appended, never changed; a withdrawal is an act of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Final
from uuid import UUID

import asyncpg

from services.api.assumptions.repository import hold_statements
from shared import clock
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.known import REPAIRED_UNTIL, STATED_UNTIL, Knowledge
from shared.rollups.moved import OF_VALUE_ALONE

__all__ = [
    "PublicationRow",
    "add_publication",
    "add_withdrawal",
    "covering",
    "folded_now",
    "publication_named",
    "publications_after",
    "repaired_at",
]

_SELECT: Final = """
SELECT p.id, p.starts_on, p.ends_on, p.position, p.known_on, p.known_until, p.published_at,
       p.published_by, p.note, w.withdrawn_at, w.withdrawn_by, w.note AS withdrawal_note
  FROM publication p
  LEFT JOIN LATERAL (
    SELECT withdrawn_at, withdrawn_by, note FROM publication_withdrawal
     WHERE org_id = p.org_id AND publication_id = p.id
    OFFSET 0 -- or all withdrawals are read, where statistics know of few
  ) w ON true
 WHERE p.org_id = $1
"""
_LIST: Final = f"""
{_SELECT} AND p.id < $2
 ORDER BY p.id DESC LIMIT $3
"""
# The smallest period that holds all days asked about speaks for them; of equals, the latest.
_COVERING: Final = f"""
{_SELECT} AND p.starts_on <= $2 AND p.ends_on >= $3 AND w.withdrawn_at IS NULL
 ORDER BY p.ends_on - p.starts_on, p.id DESC
 LIMIT 1
"""
# Only values that were wrong alone: what is wrong in the log as well stays as it was published.
_REPAIRED_AT: Final = f"""
SELECT p.id, max(r.repaired_at) AS repaired_at
  FROM publication p
  JOIN rollup_repair r ON r.org_id = p.org_id AND r.day >= p.starts_on AND r.day < p.ends_on
   AND r.repaired_at >= p.published_at
 WHERE p.org_id = $1 AND p.id = ANY ($2::uuid[])
   AND {OF_VALUE_ALONE}
 GROUP BY p.id
"""
_ADD: Final = """
INSERT INTO publication (org_id, id, starts_on, ends_on, position, known_on, known_until,
                         published_at, published_by, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_WITHDRAW: Final = """
INSERT INTO publication_withdrawal (org_id, publication_id, withdrawn_at, withdrawn_by, note)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING
"""
# A generation that is being built may have folded across a position nobody had published yet. So
# all folds are held while one is published; from its commit on, they end a batch there.
_HOLD_FOLDS: Final = """
SELECT f.position, g.state, g.window_days, g.half_life_days, g.catalogue_version
  FROM fold_cursor f
  JOIN generation g USING (org_id, generation)
 WHERE f.org_id = $1 AND g.state <> 'retired'
 ORDER BY f.generation
   FOR UPDATE OF f
"""
# Nobody begins another generation meanwhile: it could be folded across the position, too. Whoever
# changes generations holds a cursor before it comes to this row, and so does a publication.
_HOLD_GENERATIONS: Final = "SELECT FROM organization WHERE id = $1 FOR UPDATE"
#: What decides the figures of a generation, other than the facts.
_rules: Final = itemgetter("window_days", "half_life_days", "catalogue_version")
_RECORDED_ON: Final = """
SELECT (recorded_at AT TIME ZONE $3)::date FROM ledger_entry WHERE org_id = $1 AND position = $2
"""
# Repairs hold the live fold as well, and rates are held besides: the last of both came before this
# moment, whatever clocks say, and what comes later is stamped later.
_AFTER_THE_LAST: Final = f"SELECT greatest($2::timestamptz, {REPAIRED_UNTIL}, {STATED_UNTIL})"


@dataclass(frozen=True, slots=True)
class PublicationRow:
    """A publication as stored, with its withdrawal if there was one."""

    id: UUID
    starts_on: date
    ends_on: date
    position: int
    known_on: date
    known_until: datetime
    published_at: datetime
    published_by: str
    note: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawal_note: str | None

    @property
    def knowledge(self) -> Knowledge:
        """Return what its figures are computed from."""
        return Knowledge(
            self.position, self.known_on, self.known_until, is_final=True, publication=self.id
        )


async def publications_after(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    *,
    after: UUID,
    limit: int,
) -> list[PublicationRow]:
    """Return publications of an organization, the newest first."""
    rows = await connection.fetch(_LIST, org_id, after, limit)
    return [PublicationRow(**row) for row in rows]


async def publication_named(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, publication_id: UUID
) -> PublicationRow | None:
    """Return one publication, if the organization has it."""
    row = await connection.fetchrow(f"{_SELECT} AND p.id = $2", org_id, publication_id)
    return PublicationRow(**row) if row else None


async def covering(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, period: Period
) -> PublicationRow | None:
    """Return the publication that speaks for all days of ``period``, if one holds."""
    row = await connection.fetchrow(_COVERING, org_id, period.start, period.end)
    return PublicationRow(**row) if row else None


async def repaired_at(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, publications: Sequence[UUID]
) -> dict[UUID, datetime]:
    """Return when values were last put right that had been published wrong, by publication."""
    rows = await connection.fetch(_REPAIRED_AT, org_id, publications)
    return {row["id"]: row["repaired_at"] for row in rows}


async def folded_now(
    connection: "asyncpg.Connection[asyncpg.Record]", org: Org
) -> Knowledge | None:
    """Hold the folds until the transaction ends and return what the live one has made known.

    None while a generation is being built that is ahead of the live one, or that will tell by other
    rules, or credit by another window or half-life: what is frozen now would not be what is
    answered then.
    """
    await hold_statements(connection, org.id)
    await connection.execute(_HOLD_FOLDS, org.id)
    await connection.execute(_HOLD_GENERATIONS, org.id)
    rows = await connection.fetch(_HOLD_FOLDS, org.id)
    live = next(row for row in rows if row["state"] == "live")
    position: int = live["position"]
    if any(row["position"] > position or _rules(row) != _rules(live) for row in rows):
        return None
    recorded_on = await connection.fetchval(_RECORDED_ON, org.id, position, org.zone.key)
    now: datetime = await connection.fetchval(_AFTER_THE_LAST, org.id, clock.now())
    # An empty ledger: whatever comes is recorded today or later.
    day = recorded_on or clock.local_day(now, org.zone)
    return Knowledge(position, day, now, is_final=True)


async def add_publication(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    publication_id: UUID,
    period: Period,
    knowledge: Knowledge,
    *,
    published_at: datetime,
    published_by: str,
    note: str,
) -> None:
    """Append a publication."""
    await connection.execute(
        _ADD,
        org_id,
        publication_id,
        period.start,
        period.end,
        knowledge.position,
        knowledge.day,
        knowledge.until,
        published_at,
        published_by,
        note,
    )


async def add_withdrawal(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    publication_id: UUID,
    *,
    withdrawn_at: datetime,
    withdrawn_by: str,
    note: str,
) -> bool:
    """Append the withdrawal of a publication; False if it was withdrawn already."""
    done = await connection.execute(
        _WITHDRAW, org_id, publication_id, withdrawn_at, withdrawn_by, note
    )
    return done != "INSERT 0 0"
