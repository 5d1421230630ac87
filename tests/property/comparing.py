"""The comparison: what the database and its readers say against what the oracle computes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction

from shared.db import Database
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures
from tests.property.engine import CreditRow, credit_rows, rollup_cells, summed_changes
from tests.property.oracle.answers import Span, answers, sharers_by
from tests.property.oracle.attribution import MODELS, credits
from tests.property.oracle.contributions import NOWHERE, Contribution, contributions
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.sales import converted, journey_of
from tests.property.oracle.slices import Cell, cells, team_of
from tests.property.worlds import FIRST_DAY, LAST_DAY

__all__ = ["assert_equals_oracle"]

#: Measures read as counts, levels or quantiles; those a person's team applies to come by team too.
COUNTED = (
    "sharers",
    "active_advocates",
    "enrolled",
    "enrolled_ever",
    "invited",
    "headcount",
    "linkedin_accounts",
    "connections",
    "ssi",
    "ssi.brand",
)
WITHOUT_TEAMS = ("followers", "time_to_close.median", "time_to_close.p90")
SUMMED = ("shares", "impressions_advocacy", "clicks", "leads_advocacy")
VIEW = "revenue_advocacy.linear"
FILTERED = (*SUMMED, VIEW)
#: What is asked under each grouping.
_MEASURES: Mapping[str | None, Sequence[str]] = {
    None: (*COUNTED, *WITHOUT_TEAMS, *SUMMED, VIEW, "cost"),
    "team": (*COUNTED, *SUMMED, "joins"),
    "network": ("sharers", *SUMMED),
    "content": ("sharers", *SUMMED),
}
_OF_FINEST = frozenset({"total", "employee", "account", "network", "campaign", "channel"})
_NULL_WHEN_EMPTY = ("ssi", "time_to_close")
#: A mean is a division: PostgreSQL gives it at least sixteen significant digits, not all of them.
_DIVISION = Fraction(1, 10**12)

_MIDDLE = FIRST_DAY + timedelta(days=12)
BUCKETS = (Period(FIRST_DAY - timedelta(days=30), _MIDDLE), Period(_MIDDLE, LAST_DAY))


async def assert_equals_oracle(database: Database, org: Org, history: History) -> None:
    """Compare every cell, credit and change, and what the readers make of them."""
    told = contributions(history)
    stored = await rollup_cells(database, org)

    assert not _differences(stored, cells(history, told)), "cells: (stored, oracle)"
    assert not _differences(_without_teams(stored), _summed_from_finest(stored)), "slices"
    assert not _differences(await summed_changes(database, org), stored), "changes: (sum, stored)"
    assert await credit_rows(database, org) == _credits(history), "credits"
    for group_by in _MEASURES:
        await _assert_answers(database, org, history, told, group_by)
    await _assert_answers(database, org, history, told, "team", network="linkedin")
    await _assert_answers(database, org, history, told, "network", campaign="c1")


def _differences(
    got: Mapping[Cell, Fraction], want: Mapping[Cell, Fraction]
) -> dict[Cell, tuple[Fraction | None, Fraction | None]]:
    return {
        cell: (got.get(cell), want.get(cell))
        for cell in got.keys() | want.keys()
        if got.get(cell) != want.get(cell)
    }


def _without_teams(stored: Mapping[Cell, Fraction]) -> dict[Cell, Fraction]:
    return {cell: value for cell, value in stored.items() if cell.slice in _OF_FINEST}


def _summed_from_finest(stored: Mapping[Cell, Fraction]) -> dict[Cell, Fraction]:
    """Return the slices that the finest cells alone say: all but those of team and content."""
    sums: dict[Cell, Fraction] = defaultdict(Fraction)
    for cell, value in stored.items():
        if cell.slice == "finest":
            sums[cell._replace(slice="total", where=NOWHERE)] += value
            for dimension in _OF_FINEST - {"total"}:
                part = getattr(cell.where, dimension)
                if part:
                    where = NOWHERE._replace(**{dimension: part})
                    sums[cell._replace(slice=dimension, where=where)] += value
    return {cell: value for cell, value in sums.items() if value}


def _credits(history: History) -> set[CreditRow]:
    return {
        (told.kind, told.id, model, key_of(touch), share, amount)
        for told in converted(history)
        for model in MODELS
        for touch, share, amount in credits(history, model, journey_of(history, told), told)
    }


async def _assert_answers(
    database: Database,
    org: Org,
    history: History,
    told: Sequence[Contribution],
    group_by: str | None,
    **filters: str,
) -> None:
    """Compare what the readers answer, for each bucket, measure and group."""
    measures = _MEASURES[group_by] if not filters else FILTERED
    query = MeasureQuery(
        buckets=BUCKETS,
        group_by=group_by,
        filters={name: frozenset({value}) for name, value in filters.items()},
    )
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, measures, query)
    for index, bucket in enumerate(BUCKETS):
        span = Span(bucket.start, bucket.end, group_by)
        expected = _answers(history, told, span, filters)
        groups = {group for at, group in table if at == index}
        for measure in measures:
            for group in groups | set(expected.get(measure, {})):
                got = table[index, group][measure]
                want = _expected(expected, measure, group)
                assert _agree(got, want), (measure, bucket, filters, group, got, want)


def _answers(
    history: History, told: Sequence[Contribution], span: Span, filters: Mapping[str, str]
) -> dict[str, dict[str, Fraction]]:
    if not filters and span.group_by in {None, "team"}:
        return answers(history, told, span) | _sums(history, told, span, filters)
    sums = _sums(history, told, span, filters)
    return sums | ({"sharers": sharers_by(told, span)} if "shares" in sums and not filters else {})


def _sums(
    history: History, told: Sequence[Contribution], span: Span, filters: Mapping[str, str]
) -> dict[str, dict[str, Fraction]]:
    """Return the sums of the span, with an entry for every measure that has a cell anywhere."""
    found: dict[str, dict[str, Fraction]] = {c.measure: {} for c in cells(history, told)}
    if "revenue.linear" in found:
        found[VIEW] = {}
    for part in [*told, *_viewed(told)]:
        is_here = span.start <= part.day < span.end and part.measure in found
        if not is_here or any(getattr(part.where, n) != v for n, v in filters.items()):
            continue
        for group in _groups_of(history, part, span):
            sums = found[part.measure]
            sums[group] = sums.get(group, Fraction(0)) + part.quantity
    return found


def _viewed(told: Sequence[Contribution]) -> Iterator[Contribution]:
    """Yield what a measure contributes that is another one's part of one channel."""
    for part in told:
        if part.measure == "revenue.linear" and part.where.channel == "employee_advocacy":
            yield part._replace(measure=VIEW)


def _groups_of(history: History, part: Contribution, span: Span) -> list[str]:
    """Return the group a contribution counts in, if it has one."""
    if span.group_by is None:
        return [""]
    if span.by_team:
        employee = part.where.employee
        return [team_of(history, employee, part.day)] if employee else []
    value = getattr(part.where, span.group_by)
    return [value] if value else []


def _expected(
    expected: Mapping[str, Mapping[str, Fraction]], measure: str, group: str
) -> Fraction | None:
    if measure not in expected:
        return None
    absent = None if measure.startswith(_NULL_WHEN_EMPTY) else Fraction(0)
    return expected[measure].get(group, absent)


def _agree(got: object, want: Fraction | None) -> bool:
    if got is None or want is None:
        return got is want
    return abs(Fraction(str(got)) - want) <= _DIVISION
