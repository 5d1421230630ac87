"""How a figure moved: evaluated as known on each day on which it may have, and compared.

The moves telescope: whatever the days, they add up to the value now minus the value first
published, exactly.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

import asyncpg

from services.api.dependencies import Access
from services.api.facts.lines import is_of_its_day
from services.api.kpis.moves import difference
from services.api.kpis.service import kpi_named
from services.api.lookback import known_at_end_of
from services.api.privacy import (
    connections_of_people,
    may_see_people,
    require_people,
    require_people_of_list,
)
from services.api.publications.repository import covering, publication_named
from services.api.restatements.figures import Figure, KpiFigure
from services.api.restatements.rates import days_of_rates, rates_of_entries, rates_stated
from services.api.restatements.returns import RETURN, return_figure
from services.api.restatements.schemas import (
    Baseline,
    FigureQuery,
    MovingFact,
    MovingFacts,
    MovingFactsQuery,
    MovingRate,
    MovingRepair,
    Restatement,
    Restatements,
    RestatementsQuery,
)
from shared import clock
from shared.errors import Invalid, InvalidCursor
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Unit
from shared.rollups.explain import CONVERTED, IS_PERSONAL
from shared.rollups.known import Knowledge, look_at_present, look_back
from shared.rollups.moved import repairs_of_values, repairs_on
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = ["moving_facts", "restatements"]

# A page evaluates this many days at most, and goes on with its cursor.
_MOST_DAYS: Final = 40
_MOST_REPAIRS: Final = 100
_ENTRIES: Final = f"""
SELECT e.position, e.weight, e.kind, e.source, e.occurred_at, e.recorded_at,
       e.external_id, {CONVERTED} AS note, {IS_PERSONAL} AS is_personal
  FROM public.ledger_entry e
 WHERE e.org_id = $1 AND e.position = ANY ($2::bigint[])
 ORDER BY e.position
"""


def _asked(access: Access, query: FigureQuery) -> Figure:
    """Return the figure that is asked about.

    Raises:
        NotFound: no such KPI.
        Invalid: it has no single number, or is no return and is asked about like one
            (``not_a_return``).
        InsufficientScope: it is a return, and the caller may not see any.
    """
    kpi = kpi_named(query.kpi, "query.kpi")
    if kpi.id == RETURN:
        return return_figure(access, kpi, query)
    if kpi.statement is not None:
        message = f"{kpi.id} is answered by the {kpi.statement} statement, and is no single number."
        raise Invalid(message, code="answered_by_statement")
    if query.of_statement:
        message = f"{kpi.id} is no return: it takes no {' and no '.join(query.of_statement)}."
        raise Invalid(message, code="not_a_return")
    return KpiFigure(kpi, query.period, query.filters)


async def restatements(access: Access, keyring: KeyRing, query: RestatementsQuery) -> Restatements:
    """Return what was first published of a figure, and a page of its moves since.

    Raises:
        NotFound: no such KPI.
        Invalid: the period is not over (``period_not_over``), the KPI has no single number or does
            not carry a filter, or a team is too small to be shown (``small_group``).
        InsufficientScope: it is filtered by employee, and the caller may not see people.
        InvalidCursor: the cursor belongs to another list.
    """
    require_people(access, query.filters, None)
    figure, org = _asked(access, query), access.org
    kpi = figure.kpi
    asked = query.model_dump(mode="json", exclude={"cursor", "limit"})
    codec = CursorCodec(keyring, org.id, {"restatements": kpi.id, **asked})
    first = await _first_known(access, figure.period)
    was = await _value(access, figure, first)
    now = await _value(access, figure, None)
    since = first if query.cursor is None else await _known(access, _day(codec, query.cursor))
    days = await _days(access, figure, since)
    found, last = await _moves(access, figure, since, days[:_MOST_DAYS], query.limit)
    is_last = not days or last == days[-1]
    moved = difference(now, was) or Decimal(0)
    return Restatements(
        kpi=kpi.id,
        version=kpi.version,
        unit=kpi.unit,
        currency=org.currency if kpi.unit is Unit.MONEY else None,
        from_=query.from_,
        to=query.to,
        time_zone=org.zone.key,
        first=_baseline(first, was),
        now=now,
        moved=moved,
        restated_amount=abs(moved),
        restatements=found,
        repairs=[] if query.cursor else await _repaired_values(access, figure, first),
        next_cursor=None if is_last or last is None else codec.encode([last.isoformat()]),
    )


def _baseline(first: Knowledge, was: Decimal | None) -> Baseline:
    return Baseline(
        value=was,
        as_of=None if first.publication else first.day,
        publication_id=first.publication,
        known_position=first.position,
    )


async def _first_known(access: Access, period: Period) -> Knowledge:
    """Return what a period was first published from: its publication, or its last day."""
    if period.end > clock.local_day(clock.now(), access.org.zone):
        raise Invalid("Only a period that is over can be restated.", code="period_not_over")
    publication = await covering(access.connection, access.org.id, period)
    if publication is not None:
        return publication.knowledge
    return await _known(access, period.last_day)


async def _known(access: Access, day: date) -> Knowledge:
    return await known_at_end_of(access, day)


async def _repaired_values(access: Access, figure: Figure, first: Knowledge) -> list[MovingRepair]:
    """Return the values that were wrong alone when the figure was published, and were repaired."""
    if not figure.is_whole:
        return []
    since = first.until
    if first.publication is not None:
        publication = await publication_named(access.connection, access.org.id, first.publication)
        assert publication is not None, "publications are never deleted"
        since = publication.published_at
    found = await repairs_of_values(
        access.connection,
        access.org.id,
        figure.stored_measures,
        figure.period,
        since=since,
        limit=_MOST_REPAIRS,
    )
    return [MovingRepair(**row) for row in found]


async def _value(access: Access, figure: Figure, knowledge: Knowledge | None) -> Decimal | None:
    """Return the figure as known, or the present one, and leave the transaction in the present."""
    if knowledge is not None:
        await look_back(access.connection, knowledge)
    await figure.refuse_small_groups(access)
    value = await figure.value(access)
    await look_at_present(access.connection)
    return value


async def _days(access: Access, figure: Figure, since: Knowledge) -> list[date]:
    """Return the days after ``since`` on which the figure may have moved; one more than a page."""
    limit = _MOST_DAYS + 1
    days = await figure.days(access, since, limit)
    days |= await days_of_rates(access.connection, access.org, figure.rate_keys, since.until)
    return sorted(days)[:limit]


async def _moves(
    access: Access, figure: Figure, since: Knowledge, days: list[date], limit: int
) -> tuple[list[Restatement], date | None]:
    """Return the moves on ``days``, up to ``limit``, and the last day that was looked at."""
    before = await _value(access, figure, since)
    found: list[Restatement] = []
    last = None
    for last in days:
        knowledge = await _known(access, last)
        after = await _value(access, figure, knowledge)
        if after != before:
            found.append(
                Restatement(
                    day=last,
                    known_position=knowledge.position,
                    before=before,
                    after=after,
                    moved=difference(after, before) or Decimal(0),
                )
            )
            before = after
        if len(found) == limit:
            break
    return found, last


def _day(codec: CursorCodec, cursor: str) -> date:
    match codec.decode(cursor):
        case [str(day)]:
            return date.fromisoformat(day)
    raise InvalidCursor


async def moving_facts(access: Access, keyring: KeyRing, query: MovingFactsQuery) -> MovingFacts:
    """Return a page of the entries recorded on a day about the facts behind a figure, and repairs.

    Raises:
        NotFound: no such KPI.
        Invalid: the period is not over, the day has not begun, or as :func:`restatements`.
        InsufficientScope: it is filtered by employee, and the caller may not see people.
        InvalidCursor: the cursor belongs to another list.
    """
    require_people_of_list(access, query.filters)
    figure, org = _asked(access, query), access.org
    asked = query.model_dump(mode="json", exclude={"cursor", "limit"})
    codec = CursorCodec(keyring, org.id, {"moving": figure.kpi.id, **asked})
    first = await _first_known(access, figure.period)
    then = await _known(access, query.day)
    earlier = await _known(access, query.day - timedelta(days=1))
    before = max(first, earlier, key=lambda knowledge: knowledge.position)
    since = max(first.until, earlier.until)
    after = before.position if query.cursor is None else _position(codec, query.cursor)
    positions: dict[int, set[str]] = defaultdict(set)
    await figure.refuse_small_groups(access)
    for knowledge in (before, then):
        await look_back(access.connection, knowledge)
        await figure.refuse_small_groups(access)
        for measure, position in await figure.positions(
            access, after=after, until=then.position, limit=query.limit + 1
        ):
            positions[position].add(measure)
    await look_at_present(access.connection)
    page = sorted(positions)[: query.limit]
    rows = await access.connection.fetch(_ENTRIES, org.id, page)
    with_people = may_see_people(access)
    vendors = await connections_of_people(access, (row["source"] for row in rows))
    rates = await rates_of_entries(access.connection, org.id, page)
    if query.cursor is None:
        span = since, then.until
        rates += await rates_stated(access.connection, org.id, figure.rate_keys, *span)
    has_more = len(positions) > len(page)
    return MovingFacts(
        kpi=figure.kpi.id,
        day=query.day,
        facts=[
            _moving_fact(
                row,
                positions[row["position"]],
                vendors.get(row["source"], row["source"]),
                with_people=with_people,
            )
            for row in rows
        ],
        rates=[MovingRate(**rate) for rate in rates],
        repairs=[] if query.cursor else await _repairs(access, figure, query.day, since),
        next_cursor=codec.encode([page[-1]]) if has_more else None,
    )


def _moving_fact(
    row: asyncpg.Record, measures: Collection[str], source: str, *, with_people: bool
) -> MovingFact:
    """Return an entry behind ``measures`` as answers show it: as explanations list its fact."""
    is_named = with_people or not row["is_personal"]
    is_known_again = is_named or is_of_its_day(row["kind"], measures)
    return MovingFact(
        position=row["position"] if is_known_again else None,
        weight=row["weight"],
        kind=row["kind"],
        source=source,
        external_id=row["external_id"] if is_named else None,
        occurred_at=row["occurred_at"] if is_known_again else None,
        recorded_at=row["recorded_at"] if is_known_again else None,
        note=row["note"],
    )


async def _repairs(
    access: Access, figure: Figure, day: date, since: datetime
) -> list[MovingRepair]:
    """Return the repairs of a whole figure; those of its parts are in the whole."""
    if not figure.is_whole:
        return []
    found = await repairs_on(
        access.connection,
        access.org.id,
        figure.stored_measures,
        figure.period,
        day=day,
        since=since,
        limit=_MOST_REPAIRS,
    )
    return [MovingRepair(**row) for row in found]


def _position(codec: CursorCodec, cursor: str) -> int:
    match codec.decode(cursor):
        case [int(position)]:
            return position
    raise InvalidCursor
