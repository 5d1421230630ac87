"""Lists that stay what they were when they began, however many requests they take.

A figure of a million facts is explained in thousands of pages, and facts, corrections and rates
arrive meanwhile. So a cursor names the moment of the first page, and each further one is read as of
that moment: the pages of a list are of one state, whoever reads them and how long ever it takes.
Until when the figures were complete then, the cursor says as well: sources go on being read, and do
not remember how far they had been. Which sources these were, the first page alone can tell.

The moment lies between two batches of the fold that made the figures. Another generation is folded
in other batches: where one has taken over, the list is refused (``list_outdated``), to be begun
again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self
from zoneinfo import ZoneInfo

from services.api.answers import TrustOfList, known_fields, sources_of
from services.api.dependencies import Access
from services.api.freshness import SourceFreshness, freshness_of
from services.api.lookback import look
from services.api.periods import KnownQuery
from shared import clock
from shared.errors import Conflict, InvalidCursor
from shared.rollups.known import REPAIRED_UNTIL, STATED_UNTIL, Knowledge, look_back
from shared.web.cursor import CursorCodec

__all__ = ["Moment", "moment_of"]

# Of the present, whatever the transaction looks at. Between the stamp of a rate or a repair and its
# commit, minutes may lie, and other hosts have clocks of their own: a list holds those that its
# first page could see, however the time of day compares with them.
_PRESENT: Final = f"""
SELECT g.generation, f.position, current_setting('app.known', true) AS known,
       (SELECT e.recorded_at FROM public.ledger_entry e
         WHERE e.org_id = $1 AND e.position = f.position) AS recorded_at,
       {STATED_UNTIL} AS stated_until, {REPAIRED_UNTIL} AS repaired_until
  FROM public.generation g
  JOIN public.fold_cursor f ON f.org_id = g.org_id AND f.generation = g.generation
 WHERE g.org_id = $1 AND g.state = 'live'
"""
_OUTDATED: Final = "The figures were computed anew meanwhile: begin the list again."


@dataclass(frozen=True, slots=True)
class Moment:
    """What the pages of a list tell of: the generation they are read from, and what was known.

    ``sources`` is None on all pages but the first.
    """

    generation: int
    knowledge: Knowledge
    complete_until: datetime | None
    sources: tuple[SourceFreshness, ...] | None

    def trust(self, zone: ZoneInfo) -> TrustOfList:
        """Return what an answer says of itself, on every page the same."""
        position = self.knowledge.position
        known = known_fields(self.knowledge, position, self.complete_until, zone)
        sources = None if self.sources is None else sources_of(self.sources)
        return TrustOfList(**known, sources=sources)

    def cursor(self, codec: CursorCodec, place: Sequence[str | int]) -> str:
        """Return the cursor of the page that begins at ``place``."""
        until = "" if self.complete_until is None else self.complete_until.isoformat()
        return codec.encode([self.generation, self.knowledge.text(), until, *place])

    @classmethod
    def read(cls, codec: CursorCodec, cursor: str) -> tuple[Self, list[str | int]]:
        """Return the moment and the place that a cursor names.

        Raises:
            InvalidCursor: it belongs to another list.
        """
        match codec.decode(cursor):
            case [int(generation), str(text), str(until), *place]:
                knowledge = Knowledge.parse(text)
                assert knowledge is not None, "sealed: it is what `cursor` wrote"
                complete_until = datetime.fromisoformat(until) if until else None
                return cls(generation, knowledge, complete_until, sources=None), place
        raise InvalidCursor


async def moment_of(access: Access, query: KnownQuery, begun: Moment | None) -> Moment:
    """Make the rest of the transaction read the moment of a list; return it.

    ``begun`` is what the cursor names; a first page has none, and is answered as
    :func:`services.api.lookback.look` answers ``query``.

    Raises:
        Conflict: the list was begun in another generation (``list_outdated``).
        Invalid, Unavailable: as :func:`look`.
    """
    if begun is None:
        await look(access, query)
    connection, org = access.connection, access.org
    row = await connection.fetchrow(_PRESENT, org.id)
    assert row is not None, "an organization is created with a live generation and its cursor"
    if begun is not None:
        if begun.generation != row["generation"]:
            raise Conflict(_OUTDATED, code="list_outdated")
        await look_back(connection, begun.knowledge)
        return begun
    told = Knowledge.parse(row["known"])
    now, stated_until, repaired_until = clock.now(), row["stated_until"], row["repaired_until"]
    if told is None:
        day = clock.local_day(row["recorded_at"] or now, org.zone)
        told = Knowledge(
            row["position"],
            day,
            now,
            is_final=False,
            is_present=True,
            stated_until=stated_until,
            repaired_until=repaired_until,
        )
    elif not told.is_final:
        # A day of which more can come: what is stated or repaired of it later is none of this list.
        told = replace(
            told,
            until=min(told.until, now),
            stated_until=min(told.until, stated_until),
            repaired_until=min(told.until, repaired_until),
        )
    freshness = await freshness_of(connection, org.id)
    return Moment(row["generation"], told, freshness.complete_until, freshness.sources)
