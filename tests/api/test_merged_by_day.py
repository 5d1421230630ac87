"""Small groups that are others on each day: all are shown as one, and read at once."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from asyncpg.connection import LoggedQuery

from services.api.dependencies import Access
from services.api.kpis.schemas import Series, SeriesQuery
from services.api.kpis.service import series
from shared.db import Database
from shared.orgs import Org
from shared.security.keys import SCOPES, Caller
from tests.api.conftest import Deliver
from tests.api.golden import fact, local

_FIRST = date(2025, 3, 10)
_DAYS = 20
_LARGE, _WANDERERS = 12, 8


def staff() -> Iterator[dict[str, Any]]:
    """Yield a large team, and people who move on every day, to two teams that nobody was in."""
    for number in range(_LARGE + _WANDERERS):
        employee = f"E{number}"
        yield fact("member.joined", employee, local(date(2025, 1, 1)), employee=employee)
        index = {"brand": str(number), "people": "1", "insights": "2", "relationships": "3"}
        yield fact("ssi.recorded", employee, local(date(2025, 1, 2)), employee=employee, **index)
        moves = range(_DAYS) if number < _WANDERERS else range(1)
        for move in moves:
            day = _FIRST + timedelta(days=move)
            half = "a" if number % 2 else "b"
            team = f"{half}{move:02}" if number < _WANDERERS else "Sales"
            yield fact(
                "employee.recorded",
                f"{employee}@{day}",
                local(day),
                employee=employee,
                effective_on=day.isoformat(),
                team=team,
            )


async def _asked(
    database: Database, org: Org, kpi: str, days: int
) -> tuple[Series, list[LoggedQuery]]:
    until = _FIRST + timedelta(days=days)
    period: dict[str, Any] = {"from": _FIRST, "to": until}
    query = SeriesQuery(**period, interval="day", group_by="team")
    asked: list[LoggedQuery] = []
    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "tests", frozenset(SCOPES)), connection)
        with connection.query_logger(asked.append):
            return await series(access, kpi, query), asked


@pytest.mark.parametrize(
    ("kpi", "expected"), [("ssi", "9.50"), ("enrolled_employees", "8"), ("headcount", "8")]
)
async def test_each_day_shows_its_small_teams_as_one(
    database: Database, org: Org, deliver: Deliver, kpi: str, expected: str
) -> None:
    await deliver(staff())

    _, of_one = await _asked(database, org, kpi, 1)
    told, of_all = await _asked(database, org, kpi, _DAYS)

    merged = {point.from_: point for point in told.points if point.merged}
    assert len(merged) == _DAYS
    for day, point in merged.items():
        number = (day - _FIRST).days
        assert point.merged == [f"a{number:02}", f"b{number:02}"]
        assert str(point.value) == expected
    assert len(of_all) <= len(of_one)  # the first one asks for types, too
