"""Evaluate KPIs over buckets of days: read the measures once, apply dated rates, compose.

An assumption holds from a day on. Where one changes inside a bucket, the bucket is cut at that day,
each part is priced at its own rate and the parts are combined; a KPI whose parts cannot be combined
takes the rates in force on the bucket's last day.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final, cast

import asyncpg

from services.api.assumptions.repository import rates_of
from services.api.dependencies import Access
from services.api.privacy import Shield, rests_on_levels, suppressed
from shared.errors import Invalid
from shared.kpis.compose import (
    ForbiddenRollup,
    KpiValue,
    can_be_combined,
    combine,
    evaluate,
)
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.periods import Interval, Period, RangeTooLong, buckets
from shared.kpis.rates import DatedRate, rate_in_force
from shared.kpis.vocabulary import PLACES, Axis, Dimension
from shared.money import exponent
from shared.orgs import Org
from shared.rollups.read import (
    ForbiddenSlice,
    MeasureQuery,
    MeasureTable,
    Merged,
    read_measures,
)
from shared.rollups.sql import cohort_of_day

__all__ = [
    "MOST_POINTS",
    "Slice",
    "Valued",
    "buckets_of",
    "evaluate_kpis",
    "evaluate_unshielded",
    "rates_used",
    "refuse_statement",
    "refused_slice",
    "too_many",
]

MOST_POINTS: Final = 20_000
# Exact arithmetic takes tens of microseconds a point: more would keep other requests waiting.
_MOST_POINTS_IN_LOOP: Final = 1_000
_COUNT_GROUPS = """
SELECT count(*) FROM cell c
  JOIN generation g ON g.org_id = c.org_id AND g.generation = c.generation AND g.state = 'live'
 WHERE c.org_id = $1 AND c.slice = $2
"""
# Of these there are no cells.
_COUNT_PLACES = """
SELECT count(DISTINCT {place}) FROM {table} r
  JOIN generation g ON g.org_id = r.org_id AND g.generation = r.generation AND g.state = 'live'
 WHERE r.org_id = $1
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part is asked about, and by what it is divided.

    ``merged`` are groups that are asked about as one, in each bucket those of the bucket.
    """

    group_by: str | None
    filters: Mapping[str, frozenset[str]]
    merged: Merged | None = None

    def of_cuts(self, parts: Sequence[Period], cuts: Sequence[Period]) -> "Slice":
        """Return the same of cuts of the buckets, each of which lies in one of ``parts``."""
        if self.merged is None:
            return self
        starts = [part.start for part in parts]
        groups = (self.merged.groups[bisect_right(starts, cut.start) - 1] for cut in cuts)
        return replace(self, merged=replace(self.merged, groups=tuple(groups)))


@dataclass(frozen=True, slots=True)
class Valued:
    """The value of a KPI in one bucket and group; the group is "" where nothing is grouped.

    ``merged`` names the groups that are too small to be shown by themselves, in their one value.
    """

    bucket: int
    group: str
    value: KpiValue
    merged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    """Measures over cuts of the buckets, and the rates that price them."""

    org: Org
    table: MeasureTable
    cuts: tuple[Period, ...]
    rates: Sequence[DatedRate]


def buckets_of(period: Period, interval: Interval) -> tuple[Period, ...]:
    """Return the buckets of a period.

    Raises:
        Invalid: there would be more than one answer may hold (``cost_limit``).
    """
    try:
        return tuple(buckets(period, interval))
    except RangeTooLong as error:
        raise too_many(error.count) from None


async def evaluate_kpis(
    access: Access,
    kpis: Sequence[Kpi],
    parts: tuple[Period, ...],
    asked: Slice,
    *,
    most_points: int = MOST_POINTS,
) -> dict[str, list[Valued]]:
    """Return each KPI's values by bucket and group; groups too small to be shown are suppressed.

    The number of statements depends on the measures, never on buckets, groups or KPIs. Small groups
    that are shown as one are read once more, whatever they are in each bucket.

    Raises:
        Invalid: a KPI cannot be sliced so, has no single number, or the answer would be too large.
    """
    connection, org = access.connection, access.org
    for kpi in kpis:
        refuse_statement(kpi)
        _refuse_foreign_dimensions(kpi, asked)
    await _refuse_too_many(connection, org, len(kpis) * len(parts), asked.group_by, most_points)
    found = await evaluate_unshielded(connection, org, kpis, parts, asked, most_points=most_points)
    for of_levels in (False, True):
        alike = [kpi for kpi in kpis if rests_on_levels(kpi) is of_levels]
        if alike:
            found |= await _shown(access, alike, parts, asked, found, of_levels=of_levels)
    return found


async def _shown(
    access: Access,
    kpis: Sequence[Kpi],
    parts: tuple[Period, ...],
    asked: Slice,
    found: Mapping[str, list[Valued]],
    *,
    of_levels: bool,
) -> dict[str, list[Valued]]:
    """Return the values of KPIs for which the same groups are hidden, without what those are."""
    shield = await Shield.of(access, parts, asked.filters, asked.group_by, of_levels=of_levels)
    if shield is None:
        return {}
    shown = {kpi.id: _shielded(found[kpi.id], shield, asked) for kpi in kpis}
    if asked.group_by in PLACES:
        await _add_merged(access, kpis, parts, asked, shield, shown)
    return shown


def _shielded(values: Iterable[Valued], shield: Shield, asked: Slice) -> list[Valued]:
    return [
        replace(one, value=suppressed(one.value))
        if shield.hides(one.bucket, one.group, asked.group_by)
        else one
        for one in values
    ]


async def _add_merged(
    access: Access,
    kpis: Sequence[Kpi],
    parts: tuple[Period, ...],
    asked: Slice,
    shield: Shield,
    shown: dict[str, list[Valued]],
) -> None:
    """Add one value for all small groups of a bucket, where they are enough people together."""
    place = str(asked.group_by)
    groups = tuple(shield.merged(bucket, place) for bucket in range(len(parts)))
    if any(groups):
        together = Slice(None, asked.filters, Merged(place, tuple(map(frozenset, groups))))
        for kpi_id, values in (
            await evaluate_unshielded(access.connection, access.org, kpis, parts, together)
        ).items():
            shown[kpi_id] += [
                replace(one, group=" + ".join(groups[one.bucket]), merged=groups[one.bucket])
                for one in values
                if groups[one.bucket]
            ]
    for values in shown.values():
        values.sort(key=lambda one: (one.bucket, bool(one.merged), one.group))


async def evaluate_unshielded(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    kpis: Sequence[Kpi],
    parts: tuple[Period, ...],
    asked: Slice,
    *,
    most_points: int = MOST_POINTS,
) -> dict[str, list[Valued]]:
    """Return each KPI's values, those of small groups too: for answers that show none of them.

    Each has a number of its own (:func:`refuse_statement`).

    Raises:
        Invalid: a KPI cannot be sliced so, or the answer would be too large.
    """
    rates = await rates_of(connection, org.id)
    cuts = _cut(parts, (day for kpi in kpis for day in _changes(kpi, rates)))
    whole = await _read(connection, org, kpis, parts, asked, rates)
    # Hashtags, or accounts that are only followed, are no cells: now they are known.
    if len(whole.table) * len(kpis) > most_points:
        raise too_many(len(whole.table) * len(kpis))
    fine = whole
    if cuts != parts:
        dated = [kpi for kpi in kpis if any(_changes(kpi, rates))]
        # Others of the KPIs asked for have groups that these have not.
        groups = {group for _, group in whole.table}
        of_cuts = asked.of_cuts(parts, cuts)
        fine = await _read(connection, org, dated, cuts, of_cuts, rates, groups)
    if len(whole.table) * len(kpis) > _MOST_POINTS_IN_LOOP:
        return await asyncio.to_thread(_all_valued, kpis, parts, whole, fine)
    return _all_valued(kpis, parts, whole, fine)


async def _read(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    kpis: Sequence[Kpi],
    parts: tuple[Period, ...],
    asked: Slice,
    rates: Sequence[DatedRate],
    groups: Collection[str] = (),
) -> _Reading:
    measures = {measure.id for kpi in kpis for measure in catalogue().measures_of(kpi.id)}
    query = MeasureQuery(parts, asked.group_by, asked.filters, asked.merged)
    try:
        table = await read_measures(connection, org, measures, query, groups=groups)
    except ForbiddenSlice as error:
        raise refused_slice(error) from None
    return _Reading(org, table, parts, rates)


def _all_valued(
    kpis: Sequence[Kpi], parts: tuple[Period, ...], whole: _Reading, fine: _Reading
) -> dict[str, list[Valued]]:
    return {kpi.id: _valued(kpi, parts, whole, fine) for kpi in kpis}


def _valued(kpi: Kpi, parts: tuple[Period, ...], whole: _Reading, fine: _Reading) -> list[Valued]:
    is_cut = fine is not whole and any(_changes(kpi, fine.rates))
    values = []
    for bucket, group in sorted(whole.table):
        value = _of_bucket(kpi, whole, bucket, group)
        inside = [i for i, cut in enumerate(fine.cuts) if cut.start in parts[bucket]]
        if is_cut and len(inside) > 1:
            value = _combined(kpi, fine, inside, group) or value
        values.append(Valued(bucket, group, value))
    return values


def _combined(kpi: Kpi, fine: _Reading, cuts: Sequence[int], group: str) -> KpiValue | None:
    pieces = [_of_bucket(kpi, fine, cut, group) for cut in cuts]
    digits = exponent(fine.org.currency)
    try:
        return combine(kpi, pieces, over=Axis.TIME, money_digits=digits)
    except ForbiddenRollup:
        return None


def _of_bucket(kpi: Kpi, reading: _Reading, bucket: int, group: str) -> KpiValue:
    # Weeks are fractions: exact, like everything the formula does with them.
    measures = cast("Mapping[str, Decimal | int | None]", reading.table[bucket, group])
    stated = {
        key: rate.value
        for key in catalogue().assumptions_of(kpi.id)
        if (rate := rate_in_force(reading.rates, key, reading.cuts[bucket].last_day))
    }
    digits = exponent(reading.org.currency)
    return evaluate(kpi, measures, stated, money_digits=digits)


def _changes(kpi: Kpi, rates: Sequence[DatedRate]) -> set[date]:
    keys = catalogue().assumptions_of(kpi.id)
    return {rate.effective_on for rate in rates if rate.key in keys}


def _cut(parts: tuple[Period, ...], changes: Iterable[date]) -> tuple[Period, ...]:
    days = sorted(set(changes))
    cuts: list[Period] = []
    for part in parts:
        inner = [day for day in days if part.start < day < part.end]
        cuts += [Period(a, b) for a, b in pairwise([part.start, *inner, part.end])]
    return tuple(cuts)


def rates_used(kpi: Kpi, rates: Sequence[DatedRate], period: Period) -> list[DatedRate]:
    """Return every rate that priced some day of a period, in the order of the formula.

    A KPI whose parts cannot be combined takes those of the last day. After them comes what said
    who is counted: that of the last day alone.
    """
    used: dict[DatedRate, None] = {}
    changes = sorted(day for day in _changes(kpi, rates) if day in period)
    days = [period.start, *changes]
    if changes and not can_be_combined(kpi, over=Axis.TIME):
        days = [period.last_day]
    for key in catalogue().assumptions_of(kpi.id):
        for day in days:
            if rate := rate_in_force(rates, key, day):
                used[rate] = None
    for key in catalogue().counted_by(kpi.id):
        if rate := rate_in_force(rates, key, period.last_day):
            used[rate] = None
    return list(used)


def refused_slice(error: ForbiddenSlice) -> Invalid:
    """Return the answer to a slice that a measure does not carry."""
    return Invalid(error.message, code=error.code)


def refuse_statement(kpi: Kpi) -> None:
    """Refuse a KPI without a number of its own; divided among no groups, it would be empty.

    Raises:
        Invalid: a statement answers it (``answered_by_statement``).
    """
    if kpi.statement is not None:
        raise Invalid(
            f"{kpi.id} is answered by the {kpi.statement} statement.", code="answered_by_statement"
        )


def _refuse_foreign_dimensions(kpi: Kpi, asked: Slice) -> None:
    dimensions = set(asked.filters) | ({asked.group_by} if asked.group_by else set())
    if why := catalogue().why_not_by(kpi.id, dimensions):
        raise Invalid(why, code="dimension_not_carried")


async def _refuse_too_many(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    points: int,
    group_by: str | None,
    most: int,
) -> None:
    if group_by is not None:
        if group_by in PLACES and group_by != Dimension.TEAM:
            place, table = f"r.{group_by}", "roster"
            if group_by == Dimension.COHORT:
                place, table = cohort_of_day("r.day"), "membership"
            statement = _COUNT_PLACES.format(place=place, table=table)
            groups: int = await connection.fetchval(statement, org.id)
        else:
            groups = await connection.fetchval(_COUNT_GROUPS, org.id, group_by)
        points *= max(groups, 1)
    if points > most:
        raise too_many(points)


def too_many(points: int) -> Invalid:
    """Return the refusal of an answer that would hold more points than it may."""
    return Invalid(
        f"The answer would hold {points:,} points; ask for fewer days, a wider interval or"
        " fewer groups.",
        code="cost_limit",
    )
