"""As known on a day: the same questions, answered as they would have been answered then.

Everything known is a function of a position of the ledger. A day asked about becomes the last
position recorded on or before it; a transaction that :func:`look_back` has prepared then reads
through the views of the schema ``known``, and no query needs to know. The fold ends its batches
where the recorded day changes and at published positions, so the cut never goes through a batch.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg
import orjson

from shared import clock
from shared.ledger.positions import last_position
from shared.orgs import Org

__all__ = [
    "REPAIRED_UNTIL",
    "STATED_UNTIL",
    "FutureDay",
    "Knowledge",
    "NotFoldedYet",
    "known_on",
    "look_at_present",
    "look_back",
]

#: No write takes longer from stamping what it writes to its commit.
_LONGEST_WRITE = timedelta(minutes=15)

#: Right after the last rate, and the last repair, that a transaction of ``$1`` can see, whatever
#: the clocks say that stamped them: of the present, also where the past is being read.
STATED_UNTIL = """
(SELECT coalesce(max(recorded_at), 'epoch') + interval '1 microsecond'
   FROM public.assumption WHERE org_id = $1)
"""
REPAIRED_UNTIL = """
(SELECT coalesce(max(repaired_at), 'epoch') + interval '1 microsecond'
   FROM public.rollup_repair WHERE org_id = $1)
"""

_WHOLE_LEDGER = "SELECT 0::bigint, position FROM public.ledger_head WHERE org_id = $1"
_POSITION = f"""
SELECT s.position, f.position AS folded
  FROM ({last_position(_WHOLE_LEDGER, zone="$2", day="$3::date")}) s
  JOIN public.generation g ON g.org_id = $1 AND g.state = 'live'
  JOIN public.fold_cursor f ON f.org_id = $1 AND f.generation = g.generation
"""
# A look back reads the changes since, or where those are more, the changes until then: it costs
# what was logged between the position and the nearer end of the log. They are looked for from the
# day of the position on, which may lie before the day asked about: a repair that was stamped in
# between may yet come to light.
_LOOK_BACK = """
SELECT set_config('search_path', 'known, public', true),
       set_config('app.as_of', $1::bigint::text, true),
       set_config('app.as_of_day', least($2::date, e.day)::text, true),
       set_config('app.as_of_time', $3::timestamptz::text, true),
       set_config('app.as_of_stated', $5::timestamptz::text, true),
       set_config('app.as_of_repaired', $6::timestamptz::text, true),
       set_config('app.known', $4, true),
       set_config('app.as_of_from', CASE WHEN $1 * 2 < h.position THEN 'start' ELSE 'now' END, true)
  FROM public.ledger_head h
  LEFT JOIN LATERAL (
    SELECT (e.recorded_at AT TIME ZONE o.time_zone)::date AS day
      FROM public.ledger_entry e
      JOIN public.organization o ON o.id = e.org_id
     WHERE e.org_id = h.org_id AND e.position = $1
    OFFSET 0
  ) e ON true
 WHERE h.org_id = current_setting('app.org_id')::uuid
"""
_LOOK_AT_PRESENT = """
SELECT set_config('search_path', 'public', true), set_config('app.known', '', true)
"""


class FutureDay(ValueError):
    """Nobody knows yet what will be known on that day."""


class NotFoldedYet(Exception):
    """The ledger holds entries of that day which the fold has not reached."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What was known: entries up to ``position``; rates, goals and repairs before ``until``.

    ``day`` is the organization's day of the entry at ``position``, or a later one on which nothing
    else was recorded. ``is_final`` is False while something of that day can still come.
    ``publication`` is set where this is what a published period was computed from, ``is_present``
    where it was the present when a list began that is still being read.

    Stamps are older than their commits: before ``until`` more may be stamped that nobody could see
    yet. Of a list that is still being read, ``stated_until`` and ``repaired_until`` therefore end
    rates and repairs right after those which it began with.
    """

    position: int
    day: date
    until: datetime
    is_final: bool
    publication: UUID | None = None
    is_present: bool = False
    stated_until: datetime | None = None
    repaired_until: datetime | None = None

    @property
    def last_instant(self) -> datetime:
        """Return the last moment at which something could become part of it."""
        return self.until - timedelta.resolution

    def text(self) -> str:
        """Return it as the setting ``app.known`` carries it through a transaction."""
        return orjson.dumps(self, default=str).decode()  # the driver has a UUID of its own

    @staticmethod
    def parse(text: str | None) -> "Knowledge | None":
        """Return what :meth:`text` wrote; None for an empty setting: the present."""
        if not text:
            return None
        said = orjson.loads(text)
        return Knowledge(
            position=said["position"],
            day=date.fromisoformat(said["day"]),
            until=datetime.fromisoformat(said["until"]),
            is_final=said["is_final"],
            publication=UUID(said["publication"]) if said["publication"] else None,
            is_present=said["is_present"],
            stated_until=_instant(said["stated_until"]),
            repaired_until=_instant(said["repaired_until"]),
        )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


async def known_on(
    connection: "asyncpg.Connection[asyncpg.Record]", org: Org, day: date
) -> Knowledge:
    """Return what was known at the end of ``day``; for today, what is known now.

    Raises:
        FutureDay: the day has not begun.
        NotFoldedYet: the rollups are still behind the end of that day; ask again soon.
    """
    now = clock.now()
    today = clock.local_day(now, org.zone)
    if day > today:
        raise FutureDay(day.isoformat())
    row = await connection.fetchrow(_POSITION, org.id, org.zone.key, day)
    assert row is not None, "an organization is created with a ledger head and a live generation"
    position, folded = row["position"], row["folded"]
    if day < today and folded < position:
        raise NotFoldedYet(day.isoformat())
    until = clock.start_of_day(day + timedelta(days=1), org.zone)
    return Knowledge(
        position=min(position, folded),
        day=day,
        until=until,
        # Entries come one after another; rates and goals are stated beside them, at any moment.
        is_final=now >= until + _LONGEST_WRITE,
    )


async def look_back(connection: "asyncpg.Connection[asyncpg.Record]", knowledge: Knowledge) -> None:
    """Make the rest of the caller's transaction read what was known."""
    await connection.execute(
        _LOOK_BACK,
        knowledge.position,
        knowledge.day,
        knowledge.until,
        knowledge.text(),
        knowledge.stated_until or knowledge.until,
        knowledge.repaired_until or knowledge.until,
    )


async def look_at_present(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Make the rest of the caller's transaction read the present again."""
    await connection.execute(_LOOK_AT_PRESENT)
