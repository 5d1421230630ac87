"""How far the figures can be trusted: until when every source was read and folded.

``complete_until`` is the earliest of

- the last success of every stream of every active or degraded connection; a stream that never
  succeeded makes it null, because then nobody knows;
- the moment at which the newest folded entry was recorded, while the fold is behind the ledger.

An organization without polled connections is complete until its ledger's newest entry. Paused
connections and those that need new credentials are left out: they are shown in the list, in red.
An organization may have a connection for each of its people: the list has one entry for each vendor
and state, as short as an answer's list must be. Which connections these are, ``/v1/connections``
tells.
In an answer about the past nothing, no source either, is complete beyond the moment looked back to,
and connections made since are none of its sources: neither must change an answer that is final.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg

from shared import clock
from shared.connections import ConnectionState
from shared.orgs import Org
from shared.rollups.known import Knowledge

__all__ = [
    "MOST_AGES",
    "MOST_SOURCES",
    "Freshness",
    "SourceAge",
    "SourceFreshness",
    "ages_of",
    "answer_day",
    "answer_instant",
    "freshness_of",
]

_POLLED = frozenset({"active", "degraded"})

# The connection that is furthest behind speaks for those of its vendor and state; one of an
# employee's own is not named to everybody. Of few people's own connections the newest event would
# say when somebody was there.
_SOURCES = """
WITH read AS (
    SELECT c.provider, c.state, c.source, max(n.newest_at) AS newest_at, count(s.stream) AS streams,
           c.config::jsonb ->> 'employee' IS NOT NULL AS is_personal,
           CASE WHEN bool_and(s.last_success_at IS NOT NULL) THEN min(s.last_success_at) END
               AS complete_until
      FROM connection c
      LEFT JOIN sync_state s ON s.org_id = c.org_id AND s.connection_id = c.id
      LEFT JOIN LATERAL (
        SELECT newest_at FROM source_newest
         WHERE org_id = $1 AND source = c.source AND ($3::date IS NULL OR known_on <= $3)
         ORDER BY known_on DESC
         LIMIT 1
      ) n ON true
     WHERE c.org_id = $1 AND ($2::timestamptz IS NULL OR c.created_at < $2)
     GROUP BY c.id, c.provider, c.state, c.source, c.config
)
SELECT provider, state, count(*) AS connections,
       count(*) FILTER (WHERE streams > 0) AS polled,
       count(*) FILTER (WHERE streams > 0 AND complete_until IS NULL) AS never_read,
       (array_agg(CASE WHEN is_personal THEN provider ELSE source END
                  ORDER BY streams = 0, complete_until NULLS FIRST, source))[1] AS furthest_behind,
       CASE WHEN bool_and(complete_until IS NOT NULL) FILTER (WHERE streams > 0)
            THEN min(complete_until) END AS complete_until,
       max(newest_at) FILTER (WHERE NOT is_personal OR personal >= smallest_group) AS newest_at
  FROM (
    SELECT read.*, count(*) FILTER (WHERE is_personal) OVER (PARTITION BY provider, state)
               AS personal
      FROM read
  ) r
 CROSS JOIN (SELECT smallest_group FROM organization WHERE id = $1) o
 GROUP BY provider, state
 ORDER BY provider, state
"""
#: How many sources of facts a list of ages holds.
MOST_AGES = 200
#: Among how many they are looked for: whoever may tell facts may name as many sources as they like.
MOST_SOURCES = 2_000
# One look into the index for each source.
_AGES = """
WITH RECURSIVE told (source, number) AS (
    (SELECT source, 1 FROM source_newest WHERE org_id = $1 ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (SELECT source FROM source_newest
             WHERE org_id = $1 AND source > told.source ORDER BY source LIMIT 1), number + 1
      FROM told WHERE told.source IS NOT NULL AND number < $4
)
SELECT told.source, n.newest_at, count(*) OVER () AS sources
  FROM told
 CROSS JOIN LATERAL (
    SELECT newest_at FROM source_newest
     WHERE org_id = $1 AND source = told.source
     ORDER BY known_on DESC
     LIMIT 1
 ) n
 WHERE $3 OR NOT EXISTS (
    SELECT FROM connection c
     WHERE c.org_id = $1 AND c.source = told.source AND c.config::jsonb ->> 'employee' IS NOT NULL)
 ORDER BY n.newest_at, told.source
 LIMIT $2
"""
_POSITIONS = """
SELECT h.position AS ledger_position, h.recorded_at AS ledger_recorded_at,
       f.position AS folded_position, f.folded_at,
       (SELECT e.recorded_at FROM ledger_entry e
         WHERE e.org_id = $1 AND e.position = f.position) AS folded_until,
       current_setting('app.known', true) AS known
  FROM ledger_head h
  JOIN generation g ON g.org_id = h.org_id AND g.state = 'live'
  JOIN fold_cursor f ON f.org_id = g.org_id AND f.generation = g.generation
 WHERE h.org_id = $1
"""


@dataclass(frozen=True, slots=True)
class SourceFreshness:
    """How far the connections of one vendor that are in one state have been read.

    ``polled`` of them have streams, ``never_read`` one that never was; then ``complete_until`` is
    None. ``furthest_behind`` names the one that it is about. ``newest_at`` is the newest event that
    any of them told of, so no later than they were read, but as early as nothing happened since.
    """

    provider: str
    state: ConnectionState
    connections: int
    polled: int
    never_read: int
    furthest_behind: str
    complete_until: datetime | None
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class SourceAge:
    """The newest event a source of facts told of, connected or not; ``sources`` is their number."""

    source: str
    newest_at: datetime
    sources: int


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far everything has been read and folded; ``known`` is None in an answer of the present.

    ``folded_position`` is then the last entry that counts, otherwise the one looked back to.
    """

    complete_until: datetime | None
    sources: tuple[SourceFreshness, ...]
    ledger_position: int
    folded_position: int
    folded_at: datetime
    known: Knowledge | None


async def freshness_of(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> Freshness:
    """Return the freshness of an organization's figures (two statements)."""
    positions = await connection.fetchrow(_POSITIONS, org_id)
    assert positions is not None, "an organization is created together with its ledger head"
    known = Knowledge.parse(positions["known"])
    until, day = (known.until, _last_whole_day(known)) if known else (None, None)
    rows = await connection.fetch(_SOURCES, org_id, until, day)
    sources = tuple(_bounded(SourceFreshness(**row), known) for row in rows)
    return Freshness(
        complete_until=_complete_until(sources, positions, known),
        sources=sources,
        ledger_position=positions["ledger_position"],
        folded_position=positions["folded_position"],
        folded_at=positions["folded_at"],
        known=known,
    )


def _last_whole_day(known: Knowledge) -> date:
    """Return the last day of which nothing can be added to what was known of it.

    A period is published in the middle of a day, whose later facts it must not show.
    """
    return known.day if known.publication is None else known.day - timedelta(days=1)


async def ages_of(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, *, with_people: bool
) -> list[SourceAge]:
    """Return how old the newest fact of each source is: the oldest first, and not endlessly many.

    Beyond the first ``MOST_SOURCES`` by name none are looked at.

    ``with_people`` lets through connections of one employee, of whom they say when they were there.
    """
    rows = await connection.fetch(_AGES, org_id, MOST_AGES, with_people, MOST_SOURCES)
    return [SourceAge(**row) for row in rows]


def _bounded(source: SourceFreshness, known: Knowledge | None) -> SourceFreshness:
    """Return how far a source reaches into an answer: what it brought later is not in one."""
    if known is None or source.complete_until is None:
        return source
    return replace(source, complete_until=min(source.complete_until, known.until))


def answer_day(org: Org, freshness: Freshness) -> date:
    """Return the day that is today in an answer: the one looked back to, or the present one."""
    return clock.local_day(answer_instant(freshness), org.zone)


def answer_instant(freshness: Freshness) -> datetime:
    """Return when an answer is of: the last instant of the day looked back to, or the present."""
    return freshness.known.last_instant if freshness.known else clock.now()


def _complete_until(
    sources: tuple[SourceFreshness, ...], positions: asyncpg.Record, known: Knowledge | None
) -> datetime | None:
    is_behind = positions["folded_position"] < positions["ledger_position"]
    polled = [source for source in sources if source.polled and source.state in _POLLED]
    bounds: list[datetime | None] = [source.complete_until for source in polled]
    if known is not None:
        bounds.append(known.until if polled else positions["folded_until"])
    elif is_behind:
        bounds.append(positions["folded_until"])
    elif not polled and positions["ledger_position"]:
        bounds.append(positions["ledger_recorded_at"])
    present = [bound for bound in bounds if bound is not None]
    return min(present) if present and len(present) == len(bounds) else None
