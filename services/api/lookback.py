"""Which time an answer is about: the present, a past day, or what was published for its period."""

from datetime import date
from typing import Protocol

from services.api.dependencies import Access
from services.api.publications.repository import PublicationRow, covering
from shared.errors import Invalid, Unavailable
from shared.kpis.periods import Period
from shared.rollups.known import (
    FutureDay,
    Knowledge,
    NotFoldedYet,
    known_on,
    look_at_present,
    look_back,
)

__all__ = ["Looking", "known_at_end_of", "look", "look_at_day", "look_at_other_side"]


class Looking(Protocol):
    """A question about days, as of when: :class:`services.api.periods.Known` and a period."""

    @property
    def period(self) -> Period:
        """The days whose publication speaks, if they have one."""
        ...

    @property
    def as_of(self) -> date | None:
        """The day at whose end the answer was known."""
        ...

    @property
    def live(self) -> bool:
        """Whether the present is asked about although the days are published."""
        ...


async def look(access: Access, query: Looking) -> PublicationRow | None:
    """Make the rest of the transaction read what ``query`` asks for.

    Call it before anything else is read. Returns the publication that speaks for the period, if
    one does, whether its figures are answered or, with ``live``, the present ones.

    Raises:
        Invalid: ``as_of`` lies in the future (``as_of_in_future``).
        Unavailable: the rollups have not come to the end of that day yet.
    """
    if query.as_of is not None:
        await look_at_day(access, query.as_of)
        return None
    publication = await covering(access.connection, access.org.id, query.period)
    if publication is not None and not query.live:
        await look_back(access.connection, publication.knowledge)
    return publication


async def look_at_day(access: Access, day: date) -> None:
    """Make the rest of the transaction read what was known at the end of a day.

    Call it before anything else is read; raises as :func:`look`.
    """
    await look_back(access.connection, await known_at_end_of(access, day))


async def look_at_other_side(access: Access, query: Looking, publication: PublicationRow) -> None:
    """Make the rest of the transaction read the live figures after the published, or vice versa."""
    if query.live:
        await look_back(access.connection, publication.knowledge)
    else:
        await look_at_present(access.connection)


async def known_at_end_of(access: Access, day: date) -> Knowledge:
    """Return what was known at the end of a day; raises as :func:`look`."""
    try:
        return await known_on(access.connection, access.org, day)
    except FutureDay:
        raise Invalid("`as_of` lies in the future.", code="as_of_in_future") from None
    except NotFoldedYet:
        raise Unavailable("The figures of that day are still being computed.") from None
