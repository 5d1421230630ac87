"""The facts behind a measure of `catalogue_facts`, and what they make.

How lines make a value is written out by its definition: nothing of it is the product's.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations
from statistics import median
from typing import Any

from shared.db import Database
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.explain import ContributionLine, explain_measure

__all__ = ["assert_explained", "exact", "made_of"]

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))


async def assert_explained(
    database: Database,
    org: Org,
    measure: str,
    filters: dict[str, frozenset[str]],
    period: Period = FEBRUARY,
    limit: int = 2,
) -> None:
    """Assert that the lines behind a measure of a period, page by page, make its value."""
    lines: list[ContributionLine] = []
    after: str | None = None
    while True:
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection, org, measure, period, filters=filters, after=after, limit=limit
            )
        lines += page.lines
        if page.next is None:
            break
        after = page.next

    assert len(lines) == page.lines_total, measure
    if not lines:
        assert not page.total, (measure, period, filters)
        return
    told = (measure, period, filters, lines)
    assert made_of(lines, page.combined) == exact(page.total), told


def exact(value: Any) -> Fraction | None:
    """Return a value as a fraction."""
    return None if value is None else Fraction(value)


_BY_EMPLOYEE = ("evenness", "median_by_employee")


def made_of(lines: Sequence[Any], combined: str) -> Fraction | None:
    """Make the value of lines again, as ``combined`` says: of February, if it goes by weeks."""
    if combined == "sum":
        return sum((Fraction(line.quantity) for line in lines), Fraction(0))
    if combined == "count":
        return Fraction(len(lines))
    if combined == "most":
        return max(Fraction(line.quantity) for line in lines)
    if combined == "slope":
        mondays = [FEBRUARY.start + timedelta(days=2 + 7 * n) for n in range(3)]
        weeks = [sum(q.quantity for q in lines if m <= q.day < m + timedelta(7)) for m in mondays]
        return _slope(weeks)
    sums: dict[str, Fraction] = {}
    for line in lines:
        # As the API promises: a team's pairs by team, what people did by name, all else by fact.
        by = {"cross_pairs": line.note} | dict.fromkeys(_BY_EMPLOYEE, line.employee)
        key = by.get(combined, f"{line.kind} {line.external_id}")
        sums[key] = sums.get(key, Fraction(0)) + Fraction(line.quantity)
    values = list(sums.values())
    make: dict[str, Callable[[], Fraction | None]] = {
        "mean": lambda: sum(values, Fraction(0)) / len(values),
        "median": lambda: median(values),
        "median_by_employee": lambda: median(values),
        "p90": lambda: _ninth_decile(values),
        "evenness": lambda: _evenness(values),
        "cross_pairs": lambda: _cross_pairs(values),
    }
    return make[combined]()


def _slope(weeks: Sequence[Fraction | int]) -> Fraction:
    """Return the median of the slopes of the lines through any two weeks (Theil and Sen)."""
    pairs = combinations(enumerate(map(Fraction, weeks)), 2)
    return median((later - earlier) / (j - i) for (i, earlier), (j, later) in pairs)


def _ninth_decile(values: Sequence[Fraction]) -> Fraction:
    """Return what lies nine tenths of the way from the least value to the greatest, by rank."""
    ordered = sorted(values)
    place, tenths = divmod(9 * (len(ordered) - 1), 10)
    above = ordered[place + 1 :][:1] or ordered[-1:]
    return ordered[place] * Fraction(10 - tenths, 10) + above[0] * Fraction(tenths, 10)


def _evenness(values: Sequence[Fraction]) -> Fraction | None:
    """Return 1 less Gini's coefficient: half the mean difference of two, in terms of the mean."""
    if not any(values):
        return None
    differences = sum((abs(one - other) for one in values for other in values), Fraction(0))
    return 1 - differences / (2 * len(values) * sum(values, Fraction(0)))


def _cross_pairs(sizes: Sequence[Fraction]) -> Fraction:
    """Return how many pairs there are of people of two groups."""
    return sum((one * other for one, other in combinations(sizes, 2)), Fraction(0))
