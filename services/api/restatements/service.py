"""How a figure moved: evaluated as known on each day on which it may have, and compared.

The moves telescope: whatever the days, they add up to the value now minus the value first
published, exactly.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from services.api.dependencies import Access
from services.api.evaluation import Slice, evaluate_kpis, refused_slice
from services.api.kpis.moves import difference
from services.api.kpis.service import kpi_named
from services.api.lookback import known_at_end_of
from services.api.privacy import may_see_people, refuse_small_groups, require_people
from services.api.publications.repository import covering, publication_named
from services.api.restatements.schemas import (
    Baseline,
    MovingFact,
    MovingFacts,
    MovingFactsQuery,
    MovingRepair,
    Restatement,
    Restatements,
    RestatementsQuery,
)
from shared import clock
from shared.errors import Invalid, InvalidCursor
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.measures import Kept, Measure
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Axis, Unit
from shared.rollups.explain import IS_PERSONAL
from shared.rollups.known import Knowledge, look_at_present, look_back
from shared.rollups.moved import (
    days_around_nothing,
    days_of_change,
    days_of_recording,
    entries_behind,
    repairs_of_values,
    repairs_on,
)
from shared.rollups.query import ForbiddenSlice, MeasureQuery, Slicing, slicing
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = ["moving_facts", "restatements"]

# A page evaluates this many days at most, and goes on with its cursor.
_MOST_DAYS: Final = 40
_MOST_REPAIRS: Final = 100
_RATES: Final = """
SELECT DISTINCT (recorded_at AT TIME ZONE $3)::date AS known_on
  FROM public.assumption
 WHERE org_id = $1 AND key = ANY ($2::text[]) AND recorded_at >= $4
 ORDER BY known_on
"""
_ENTRIES: Final = f"""
SELECT e.position, e.weight, e.kind, e.source, e.occurred_at, e.recorded_at,
       CASE WHEN $3 OR NOT {IS_PERSONAL} THEN e.external_id END AS external_id
  FROM public.ledger_entry e
 WHERE e.org_id = $1 AND e.position = ANY ($2::bigint[])
 ORDER BY e.position
"""


@dataclass(frozen=True, slots=True)
class _Figure:
    """What was asked about: a KPI of a period, and of which part."""

    kpi: Kpi
    period: Period
    filters: Mapping[str, frozenset[str]]


def _asked(access: Access, query: RestatementsQuery | MovingFactsQuery) -> _Figure:
    require_people(access, query.filters, None)
    kpi = kpi_named(query.kpi)
    if kpi.statement is not None:
        message = f"{kpi.id} is answered by the {kpi.statement} statement."
        raise Invalid(message, code="answered_by_statement")
    return _Figure(kpi, query.period, query.filters)


async def restatements(access: Access, keyring: KeyRing, query: RestatementsQuery) -> Restatements:
    """Return what was first published of a figure, and a page of its moves since.

    Raises:
        NotFound: no such KPI.
        Invalid: the period is not over (``period_not_over``), the KPI has no single number or does
            not carry a filter, or a team is too small to be shown (``small_group``).
        InsufficientScope: it is filtered by employee, and the caller may not see people.
        InvalidCursor: the cursor belongs to another list.
    """
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


async def _repaired_values(access: Access, figure: _Figure, first: Knowledge) -> list[MovingRepair]:
    """Return the values that were wrong alone when the figure was published, and were repaired."""
    if figure.filters:
        return []
    since = first.until
    if first.publication is not None:
        publication = await publication_named(access.connection, access.org.id, first.publication)
        assert publication is not None, "publications are never deleted"
        since = publication.published_at
    found = await repairs_of_values(
        access.connection,
        access.org.id,
        _stored_measures(figure),
        figure.period,
        since=since,
        limit=_MOST_REPAIRS,
    )
    return [MovingRepair(**row) for row in found]


async def _value(access: Access, figure: _Figure, knowledge: Knowledge | None) -> Decimal | None:
    """Return the figure as known, or the present one, and leave the transaction in the present."""
    if knowledge is not None:
        await look_back(access.connection, knowledge)
    kpi, asked = figure.kpi, Slice(None, figure.filters)
    # A list has no null that would say that there is a value: it is refused as a whole.
    await refuse_small_groups(access, figure.period, figure.filters, kpi)
    found = await evaluate_kpis(access, [kpi], (figure.period,), asked)
    await look_at_present(access.connection)
    return found[kpi.id][0].value.value


async def _days(access: Access, figure: _Figure, since: Knowledge) -> list[date]:
    """Return the days after ``since`` on which the figure may have moved; one more than a page."""
    connection, org, limit = access.connection, access.org, _MOST_DAYS + 1
    kpi = figure.kpi
    inputs = [plan for plan in _inputs(figure) if plan.measure.kept is not Kept.CALENDAR]
    if all(_is_kept(plan.measure) for plan in inputs):
        days: list[date] = []
        told_of: set[str] = set()
        for filters, measures in _by_filters(inputs):
            stored = {measure.stored_as for measure in measures}
            days += await days_of_change(
                connection,
                org.id,
                stored,
                figure.period,
                filters=filters,
                since=since,
                limit=limit,
            )
            told_of |= stored.union(*((*m.known_by, *m.known_with) for m in measures))
        days += await days_around_nothing(connection, org.id, told_of, since)
    else:
        days = await days_of_recording(connection, org, since=since, limit=limit)
    keys = [*catalogue().assumptions_of(kpi.id), *catalogue().counted_by(kpi.id)]
    rates = await connection.fetch(_RATES, org.id, keys, org.zone.key, since.until)
    return sorted({*days, *(row["known_on"] for row in rates)})[:limit]


def _inputs(figure: _Figure) -> list[Slicing]:
    """Return what is read for a figure: a part may have other measures than the whole."""
    query = MeasureQuery((figure.period,), None, figure.filters)
    return [slicing(one.id, query) for one in catalogue().measures_of(figure.kpi.id)]


def _is_kept(measure: Measure) -> bool:
    return measure.adds_up_over(Axis.TIME) and measure.kept in {Kept.STORED, Kept.VIEW}


def _by_filters(
    inputs: Iterable[Slicing],
) -> Iterator[tuple[Mapping[str, frozenset[str]], list[Measure]]]:
    """Yield the inputs by what they are filtered by: some are of one channel whatever is asked."""
    alike: dict[frozenset[tuple[str, frozenset[str]]], list[Measure]] = defaultdict(list)
    for plan in inputs:
        alike[frozenset(plan.filters.items())].append(plan.measure)
    for filters, measures in alike.items():
        yield dict(filters), measures


async def _moves(
    access: Access, figure: _Figure, since: Knowledge, days: list[date], limit: int
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
    figure, org = _asked(access, query), access.org
    asked = query.model_dump(mode="json", exclude={"cursor", "limit"})
    codec = CursorCodec(keyring, org.id, {"moving": figure.kpi.id, **asked})
    first = await _first_known(access, figure.period)
    then = await _known(access, query.day)
    earlier = await _known(access, query.day - timedelta(days=1))
    before = max(first, earlier, key=lambda knowledge: knowledge.position)
    since = max(first.until, earlier.until)
    after = before.position if query.cursor is None else _position(codec, query.cursor)
    positions: set[int] = set()
    await refuse_small_groups(access, figure.period, figure.filters, figure.kpi)
    for knowledge in (before, then):
        await look_back(access.connection, knowledge)
        await refuse_small_groups(access, figure.period, figure.filters, figure.kpi)
        positions |= await _positions(
            access, figure, after=after, until=then.position, limit=query.limit + 1
        )
    page = sorted(positions)[: query.limit]
    rows = await access.connection.fetch(_ENTRIES, org.id, page, may_see_people(access))
    has_more = len(positions) > len(page)
    return MovingFacts(
        kpi=figure.kpi.id,
        day=query.day,
        facts=[MovingFact(**row) for row in rows],
        repairs=[] if query.cursor else await _repairs(access, figure, query.day, since),
        next_cursor=codec.encode([page[-1]]) if has_more else None,
    )


async def _positions(
    access: Access, figure: _Figure, *, after: int, until: int, limit: int
) -> set[int]:
    """Return the positions of the first entries about the facts behind any input of a figure."""
    measures = catalogue().measures_of(figure.kpi.id)
    found: set[int] = set()
    for measure in (one for one in measures if one.kept is not Kept.CALENDAR):
        try:
            found |= set(
                await entries_behind(
                    access.connection,
                    access.org,
                    measure.id,
                    figure.period,
                    filters=figure.filters,
                    after=after,
                    until=until,
                    limit=limit,
                )
            )
        except ForbiddenSlice as error:
            raise refused_slice(error) from None
    return found


async def _repairs(
    access: Access, figure: _Figure, day: date, since: datetime
) -> list[MovingRepair]:
    """Return the repairs of a whole figure; those of its parts are in the whole."""
    if figure.filters:
        return []
    found = await repairs_on(
        access.connection,
        access.org.id,
        _stored_measures(figure),
        figure.period,
        day=day,
        since=since,
        limit=_MOST_REPAIRS,
    )
    return [MovingRepair(**row) for row in found]


def _stored_measures(figure: _Figure) -> set[str]:
    return {measure.stored_as for measure in catalogue().measures_of(figure.kpi.id)}


def _position(codec: CursorCodec, cursor: str) -> int:
    match codec.decode(cursor):
        case [int(position)]:
            return position
    raise InvalidCursor
