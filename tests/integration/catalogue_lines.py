"""The facts behind a measure of `catalogue_facts`, and what they make."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from shared.db import Database
from shared.kpis.periods import Period
from shared.kpis.quantiles import MEDIAN, P90, quantile
from shared.kpis.scores import cross_pairs, evenness, theil_sen_slope
from shared.orgs import Org
from shared.rollups.explain import ContributionLine, explain_measure

__all__ = ["assert_explained", "exact", "made_of"]

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))


async def assert_explained(
    database: Database, org: Org, measure: str, filters: dict[str, frozenset[str]]
) -> None:
    """Assert that the lines behind a measure of February, page by page, make its value."""
    lines: list[ContributionLine] = []
    after: str | None = None
    while True:
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection, org, measure, FEBRUARY, filters=filters, after=after, limit=2
            )
        lines += page.lines
        if page.next is None:
            break
        after = page.next

    assert len(lines) == page.lines_total, measure
    if not lines:
        assert not page.total, (measure, filters)
        return
    assert made_of(lines, page.combined) == exact(page.total), (measure, filters, lines)


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
        return theil_sen_slope(weeks)
    sums: dict[str, Fraction] = {}
    for line in lines:
        # As the API promises: a team's pairs by team, what people did by name, all else by fact.
        by = {"cross_pairs": line.note} | dict.fromkeys(_BY_EMPLOYEE, line.employee)
        key = by.get(combined, f"{line.kind} {line.external_id}")
        sums[key] = sums.get(key, Fraction(0)) + Fraction(line.quantity)
    values = list(sums.values())
    make: dict[str, Callable[[], Fraction | None]] = {
        "mean": lambda: sum(values, Fraction(0)) / len(values),
        "median": lambda: quantile(values, MEDIAN),
        "median_by_employee": lambda: quantile(values, MEDIAN),
        "p90": lambda: quantile(values, P90),
        "evenness": lambda: evenness(values),
        "cross_pairs": lambda: cross_pairs(values),
    }
    return make[combined]()
