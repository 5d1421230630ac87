"""The comparison: what the database and its readers say against what the oracle computes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple

from shared.db import Database
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures
from tests.property.engine import CreditRow, credit_rows, rollup_cells, summed_changes
from tests.property.oracle.answers import Answer, Span, answers, sharers_by
from tests.property.oracle.attribution import MODELS, credits
from tests.property.oracle.contributions import NOWHERE, Contribution, contributions
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.measured import absent, known, sums
from tests.property.oracle.sales import converted, journey_of
from tests.property.oracle.slices import Cell, cells
from tests.property.worlds import FIRST_DAY, LAST_DAY

__all__ = ["agree", "assert_equals_oracle", "occurring"]

#: Measures read as counts, levels or quantiles; those a person's team applies to come by team too.
COUNTED = (
    "sharers",
    "active_advocates",
    "enrolled",
    "invited_enrolled",
    "invited",
    "headcount",
    "linkedin_accounts",
    "connections",
    "ssi",
    "ssi.brand",
    "time_to_close.median",
    "time_to_close.p90",
)
WITHOUT_TEAMS = ("followers",)
SUMMED = ("shares", "impressions_advocacy", "clicks", "leads_advocacy")
VIEW = "revenue_advocacy.linear"
FILTERED = (*SUMMED, VIEW)
#: Those that are a department's and a role's as well.
_PLACED = ("sharers", "active_advocates", "enrolled", "headcount", "shares")
#: What is asked under each grouping.
_MEASURES: Mapping[str | None, Sequence[str]] = {
    None: (*COUNTED, *WITHOUT_TEAMS, *SUMMED, VIEW, "cost"),
    "team": (*COUNTED, *SUMMED, "joins", "cost"),
    "department": _PLACED,
    "role": _PLACED,
    "network": ("sharers", *SUMMED),
    "content": ("sharers", *SUMMED),
}
_OF_FINEST = frozenset({"total", "employee", "account", "network", "campaign", "channel"})
#: A mean, and hours of seconds, are divisions: PostgreSQL gives them at least sixteen significant
#: digits, not all of them.
DIVISION = Fraction(1, 10**12)

_MIDDLE = FIRST_DAY + timedelta(days=12)
BUCKETS = (Period(FIRST_DAY - timedelta(days=30), _MIDDLE), Period(_MIDDLE, LAST_DAY))


async def assert_equals_oracle(database: Database, org: Org, history: History) -> None:
    """Compare every cell, credit and change, and what the readers make of them."""
    told = contributions(history)
    expected = cells(history, told)
    stored = await rollup_cells(database, org)

    assert not _differences(stored, expected), "cells: (stored, oracle)"
    assert not _differences(_without_teams(stored), _summed_from_finest(stored)), "slices"
    assert not _differences(await summed_changes(database, org), stored), "changes: (sum, stored)"
    assert await credit_rows(database, org) == _credits(history), "credits"
    told_of = _Told(history, told, known(expected))
    for group_by in _MEASURES:
        await _assert_answers(database, org, told_of, group_by)
    await _assert_answers(database, org, told_of, "team", network="linkedin")
    await _assert_answers(database, org, told_of, "network", campaign="c1")
    await _assert_answers(database, org, told_of, "role", network="linkedin")


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


class _Told(NamedTuple):
    """All there is to answer from: facts, what they contribute, and which measures are known."""

    history: History
    parts: Sequence[Contribution]
    held: frozenset[str]


async def _assert_answers(
    database: Database, org: Org, told: _Told, group_by: str | None, **filters: str
) -> None:
    """Compare what the readers answer, for each bucket, measure and group."""
    measures = _MEASURES[group_by] if not filters else FILTERED
    if filters and group_by == "role":
        measures = ("shares",)
    query = MeasureQuery(
        buckets=BUCKETS,
        group_by=group_by,
        filters={name: frozenset({value}) for name, value in filters.items()},
    )
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, measures, query)
    for index, bucket in enumerate(BUCKETS):
        span = Span(bucket.start, bucket.end, group_by)
        expected = _answers(told, span, filters)
        groups = {group for at, group in table if at == index}
        for measure in measures:
            for group in groups | occurring(expected.get(measure, {})):
                got = table[index, group][measure]
                want = _expected(expected, measure, group)
                assert agree(got, want), (measure, bucket, filters, group, got, want)


def _answers(told: _Told, span: Span, filters: Mapping[str, str]) -> dict[str, Answer]:
    found = sums(told.history, told.parts, span, told.held, filters)
    if not filters and span.group_by in {None, "team", "department", "role"}:
        return answers(told.history, told.parts, span) | found
    if "shares" in found and not filters:
        found["sharers"] = sharers_by(told.parts, span)
    return found


def occurring(answer: Answer) -> set[str]:
    """Return the groups an answer must have: what came to nothing need not have been anywhere."""
    return {group for group, value in answer.items() if value}


def _expected(expected: Mapping[str, Answer], measure: str, group: str) -> Fraction | None:
    if measure not in expected:
        return None
    return expected[measure].get(group, absent(measure))


def agree(got: object, want: Fraction | None) -> bool:
    """Tell whether a measure is what it should be: to what a division gives."""
    if got is None or want is None:
        return got is want
    return abs(Fraction(str(got)) - want) <= DIVISION
