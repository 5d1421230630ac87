"""The same asked in two ways is answered the same, in any history, now and as known on a past day.

What no oracle has to know: a group's figure is the figure of who asks for that group alone,
whatever else is filtered; two stretches of days make the whole wherever figures add up over time;
the facts listed for any measure and any part of it make its value in the way that the list says.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from random import Random
from typing import NamedTuple

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.evaluation import Slice, evaluate_unshielded
from services.metrics.worker import catch_up
from shared.db import Database
from shared.errors import Invalid
from shared.kpis.compose import KpiValue, additive_over
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.measures import MEASURES, Kept
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Aggregation, Axis, Dimension
from shared.ledger import append
from shared.orgs import Org
from shared.rollups.explain import ContributionLine, ExplainPage, explain_measure
from shared.rollups.known import known_on, look_back
from shared.rollups.query import ForbiddenSlice
from tests.property.comparing import DIVISION
from tests.property.drawing import one_in
from tests.property.engine import found_org, state
from tests.property.oracle.rates import Stated
from tests.property.recording import recorded
from tests.property.worlds import (
    FIRST_DAY,
    LAST_DAY,
    Delivery,
    Setting,
    histories,
    rates,
    settings,
    value_histories,
)

pytestmark = pytest.mark.timeout(7200)

_PERIOD = Period(FIRST_DAY - timedelta(days=9), LAST_DAY)
_TOLD_ON = date(2025, 4, 20)
_KPIS_AT_ONCE, _EXPLAINED_AT_ONCE = 24, 16
_NUMBERS = [
    kpi for kpi in catalogue().kpis.values() if kpi.statement is None and kpi.unavailable is None
]
#: Hashtags overlap: of these there is no whole.
_WHOLE = [kpi for kpi in _NUMBERS if Dimension.HASHTAG not in kpi.dimensions]
_EXPLAINED = sorted(
    name
    for name, measure in MEASURES.items()
    if measure.kept is not Kept.CALENDAR and Dimension.HASHTAG not in measure.dimensions
)

Filters = Mapping[str, frozenset[str]]
#: They are no arithmetic of their lines.
_SCORES = frozenset({"evenness", "slope", "cross_pairs"})
_NOTHING: Filters = {}


@one_in(8)
@given(
    settings,
    histories() | value_histories(),
    rates,
    st.integers(0, 40),
    st.booleans(),
    st.randoms(use_true_random=False),
)
async def test_the_same_asked_in_two_ways_is_answered_the_same(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    stated: list[Stated],
    first: int,
    is_past: bool,
    chosen: Random,
) -> None:
    org = await found_org(database, setting)
    await state(database, org, stated)
    for number, items in enumerate((deliveries[:first], deliveries[first:])):
        at = recorded(_TOLD_ON, number, org.zone).at
        async with database.transaction(org.id) as connection:
            await append(connection, org, items, received_at=at)
    await catch_up(database, org.id)
    async with database.transaction(org.id) as connection:
        if is_past:
            await look_back(connection, await known_on(connection, org, _TOLD_ON))
        asking = _Asking(connection, org, chosen)
        groups = await _assert_groups_are_parts(asking)
        await _assert_days_add_up(asking, groups)
        await _assert_lines_make_values(asking, groups)


class _Asking(NamedTuple):
    """Who asks: about which organization, and what is left to chance."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    org: Org
    chosen: Random

    def some(self, kpis: Collection[Kpi]) -> list[Kpi]:
        """Return a few KPIs."""
        return self.chosen.sample(list(kpis), min(len(kpis), _KPIS_AT_ONCE))

    async def values(
        self, kpis: Sequence[Kpi], parts: tuple[Period, ...], asked: Slice
    ) -> dict[str, dict[tuple[int, str], KpiValue]]:
        """Return KPI → bucket and group → value; KPIs that are not kept so are left out."""
        try:
            told = await evaluate_unshielded(self.connection, self.org, kpis, parts, asked)
        except Invalid as refusal:
            if refusal.code != "combination_not_kept":
                raise
            alone = [await self.values([kpi], parts, asked) for kpi in kpis if len(kpis) > 1]
            return {kpi_id: values for one in alone for kpi_id, values in one.items()}
        return {
            kpi.id: {(one.bucket, one.group): one.value for one in told[kpi.id]} for kpi in kpis
        }


async def _assert_groups_are_parts(asking: _Asking) -> dict[str, list[str]]:
    """Compare groups with filters; return the groups that there are, by dimension."""
    groups: dict[str, list[str]] = {}
    for dimension in asking.chosen.sample(list(Dimension), len(Dimension)):
        # Of what comes by hashtag there is nothing else.
        possible = _NUMBERS if dimension is Dimension.HASHTAG else _WHOLE
        kpis = asking.some([kpi for kpi in possible if dimension in kpi.dimensions])
        named = await _assert_filtered(asking, kpis, dimension, _NOTHING)
        if not named or dimension is Dimension.HASHTAG:
            continue
        for other in asking.chosen.sample(sorted(groups), min(len(groups), 2)):
            both = [kpi for kpi in possible if {dimension, other} <= {*kpi.dimensions}]
            filters = {other: frozenset({asking.chosen.choice(groups[other])})}
            if both:
                await _assert_filtered(asking, asking.some(both), dimension, filters)
        groups[dimension] = named
    return groups


async def _assert_filtered(
    asking: _Asking, kpis: list[Kpi], dimension: Dimension, filters: Filters
) -> list[str]:
    grouped = await asking.values(kpis, (_PERIOD,), Slice(dimension, filters))
    named = sorted({group for values in grouped.values() for _, group in values} - {""})
    for group in asking.chosen.sample(named, min(len(named), 2)):
        only = Slice(None, {**filters, dimension: frozenset({group})})
        alone = await asking.values(kpis, (_PERIOD,), only)
        assert alone.keys() == grouped.keys()
        for kpi, values in grouped.items():
            if (0, group) in values:
                told = (kpi, dimension, group, filters)
                assert _said(values[0, group]) == _said(alone[kpi][0, ""]), told
    return named


def _said(value: KpiValue) -> tuple[object, ...]:
    return value.exact, value.numerator, value.denominator, value.null_reason


async def _assert_days_add_up(asking: _Asking, groups: Mapping[str, Sequence[str]]) -> None:
    """Cut the period in two: what adds up over time is the sum of both."""
    day = _PERIOD.start + timedelta(days=asking.chosen.randrange(1, _PERIOD.days))
    cut = (Period(_PERIOD.start, day), Period(day, _PERIOD.end))
    for kpi in asking.some([kpi for kpi in _WHOLE if Axis.TIME in additive_over(kpi)]):
        filters = _any_part(asking, kpi.dimensions, groups)
        whole = await asking.values([kpi], (_PERIOD,), Slice(None, filters))
        parts = await asking.values([kpi], cut, Slice(None, filters))
        if not whole:
            continue
        one = whole[kpi.id][0, ""]
        both = [parts[kpi.id][bucket, ""] for bucket in (0, 1)]
        told = (kpi.id, day, filters, one, both)
        if kpi.aggregation is Aggregation.RATIO:
            assert one.numerator == _sum([part.numerator for part in both]), told
            assert one.denominator == _sum([part.denominator for part in both]), told
        else:
            assert one.exact == _sum([part.exact for part in both]), told


def _sum(parts: Sequence[Fraction | None]) -> Fraction | None:
    known = [part for part in parts if part is not None]
    return sum(known, Fraction(0)) if len(known) == len(parts) else None


def _any_part(
    asking: _Asking, dimensions: Collection[Dimension], groups: Mapping[str, Sequence[str]]
) -> Filters:
    """Return what filters by one of some dimensions, or nothing."""
    possible = sorted({*groups} & {*dimensions} - {Dimension.HASHTAG})
    dimension = asking.chosen.choice([*possible, None])
    if dimension is None:
        return _NOTHING
    named = groups[dimension]
    count = asking.chosen.randint(1, min(2, len(named)))
    return {dimension: frozenset(asking.chosen.sample(named, count))}


async def _assert_lines_make_values(asking: _Asking, groups: Mapping[str, Sequence[str]]) -> None:
    for measure in asking.chosen.sample(_EXPLAINED, _EXPLAINED_AT_ONCE):
        filters = _any_part(asking, MEASURES[measure].dimensions, groups)
        try:
            lines, page = await _all_lines(asking, measure, filters)
        except ForbiddenSlice as refusal:
            if refusal.code != "combination_not_kept":
                raise
            continue
        told = (measure, filters, page)
        assert len(lines) == page.lines_total, told
        if page.combined in _SCORES:
            continue
        made = _made(page.combined, lines)
        if page.total is None or made is None:
            assert not page.total, told
            assert not made, (*told, made)
        else:
            total = Fraction(str(page.total))
            assert abs(made - total) <= DIVISION * (1 + abs(total)), (*told, made)


async def _all_lines(
    asking: _Asking, measure: str, filters: Filters
) -> tuple[list[ContributionLine], ExplainPage]:
    lines: list[ContributionLine] = []
    after: str | None = None
    while True:
        page = await explain_measure(
            *(asking.connection, asking.org, measure, _PERIOD),
            filters=filters,
            after=after,
            limit=5,
        )
        lines += page.lines
        after = page.next
        if after is None:
            return lines, page


def _made(combined: str, lines: Sequence[ContributionLine]) -> Fraction | None:
    """Return what lines make, as a reader of the list would compute it; None of nothing."""
    match combined:
        case "sum":
            return sum((Fraction(line.quantity) for line in lines), Fraction(0))
        case "count":
            return Fraction(len(lines))
        case "most":
            return max((Fraction(line.quantity) for line in lines), default=None)
        case "median_by_employee":
            return _quantile(_added((line.employee, line) for line in lines), Fraction(1, 2))
    facts = _added((line.position, line) for line in lines)
    if combined == "mean":
        return sum(facts, Fraction(0)) / len(facts) if facts else None
    return _quantile(facts, {"median": Fraction(1, 2), "p90": Fraction(9, 10)}[combined])


def _added(lines: Iterator[tuple[object, ContributionLine]]) -> list[Fraction]:
    """Add up the lines of one key; return the sums, the smallest first."""
    sums: dict[object, Fraction] = defaultdict(Fraction)
    for key, line in lines:
        sums[key] += Fraction(line.quantity)
    return sorted(sums.values())


def _quantile(values: Sequence[Fraction], part: Fraction) -> Fraction | None:
    """Return the value below which a part lies: on the line between the two that are next to it."""
    if not values:
        return None
    place = part * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])
