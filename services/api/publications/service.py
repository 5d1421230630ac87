"""Publish periods and withdraw what was published. Both are acts that stay on record."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.api.dependencies import Access
from services.api.lookback import known_at_end_of
from services.api.model import PageQuery
from services.api.paging import id_after, page_of
from services.api.publications import repository
from services.api.publications.repository import PublicationRow
from services.api.publications.schemas import (
    NewPublication,
    Publication,
    Publications,
    Withdrawal,
)
from shared import clock
from shared.errors import Conflict, Invalid, NotFound, Unavailable
from shared.ids import new_id
from shared.kpis.periods import Period
from shared.rollups.known import Knowledge
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = ["get_publication", "list_publications", "publish", "withdraw"]


async def list_publications(access: Access, keyring: KeyRing, query: PageQuery) -> Publications:
    """Return a page of publications, the newest first."""
    codec = CursorCodec(keyring, access.org.id, {"list": "publications"})
    rows = await repository.publications_after(
        access.connection,
        access.org.id,
        after=id_after(codec, query.cursor),
        limit=query.limit + 1,
    )
    page, following = page_of(rows, query.limit, codec, lambda row: [str(row.id)])
    return Publications(publications=await _shown(access, page), next_cursor=following)


async def get_publication(access: Access, publication_id: UUID) -> Publication:
    """Return one publication; raises :class:`NotFound`."""
    (shown,) = await _shown(access, [await _named(access, publication_id)])
    return shown


async def publish(access: Access, new: NewPublication) -> Publication:
    """Freeze the figures of a period.

    Raises:
        Invalid: the period is not over, or ``as_of`` is a day that is not over.
        Conflict: the very same period is published already.
        Unavailable: the rollups are about to change over; again in a moment.
    """
    if new.to > clock.local_day(clock.now(), access.org.zone):
        raise Invalid("A period is published when it is over.", code="period_not_over")
    present = await repository.folded_now(access.connection, access.org)
    if present is None:
        raise Unavailable("The figures are being rebuilt.", code="rebuild_under_way")
    period = Period(new.from_, new.to)
    # Nobody else publishes meanwhile: the folds of this organization are held by this transaction.
    spoken_for = await repository.covering(access.connection, access.org.id, period)
    if spoken_for and (spoken_for.starts_on, spoken_for.ends_on) == (period.start, period.end):
        raise Conflict("The period is published already.", code="already_published")
    knowledge = present if new.as_of is None else await _known_on_past_day(access, new)
    publication_id = new_id()
    await repository.add_publication(
        access.connection,
        access.org.id,
        publication_id,
        period,
        knowledge,
        published_at=present.until,
        published_by=access.caller.key_id,
        note=new.note,
    )
    return await get_publication(access, publication_id)


async def _known_on_past_day(access: Access, new: NewPublication) -> Knowledge:
    assert new.as_of is not None
    knowledge = await known_at_end_of(access, new.as_of)
    if not knowledge.is_final:
        raise Invalid("What is frozen was known on a day that is over.", code="day_not_over")
    return knowledge


async def withdraw(access: Access, publication_id: UUID, withdrawal: Withdrawal) -> Publication:
    """Let a period live again.

    Raises:
        NotFound: there is no such publication.
        Conflict: it was withdrawn already.
    """
    await _named(access, publication_id)
    is_done = await repository.add_withdrawal(
        access.connection,
        access.org.id,
        publication_id,
        withdrawn_at=clock.now(),
        withdrawn_by=access.caller.key_id,
        note=withdrawal.note,
    )
    if not is_done:
        raise Conflict("The publication was withdrawn already.", code="already_withdrawn")
    return await get_publication(access, publication_id)


async def _named(access: Access, publication_id: UUID) -> PublicationRow:
    row = await repository.publication_named(access.connection, access.org.id, publication_id)
    if row is None:
        raise NotFound
    return row


async def _shown(access: Access, rows: Sequence[PublicationRow]) -> list[Publication]:
    ids = [row.id for row in rows]
    repaired = await repository.repaired_at(access.connection, access.org.id, ids)
    return [_publication(row, repaired.get(row.id)) for row in rows]


def _publication(row: PublicationRow, repaired_at: datetime | None) -> Publication:
    return Publication(
        id=row.id,
        from_=row.starts_on,
        to=row.ends_on,
        position=row.position,
        known_until=row.known_until,
        published_at=row.published_at,
        published_by=row.published_by,
        note=row.note,
        is_active=row.withdrawn_at is None,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by,
        withdrawal_note=row.withdrawal_note,
        repaired_at=repaired_at,
    )
