"""The facts of a figure, page by page: they add up to it, however they are cut and counted."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from asyncpg.connection import LoggedQuery

from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, parse_fact
from shared.kpis.periods import Period
from shared.ledger import append
from shared.orgs import Org
from shared.rollups import explain
from shared.rollups.explain import ContributionLine, ExplainPage, explain_measure
from shared.rollups.known import known_on, look_back
from tests.integration.planning import rows_read

FIRST = date(2025, 1, 1)
YEAR = Period(FIRST, date(2026, 1, 1))
RECORDED = date(2025, 12, 1)
CASES: tuple[tuple[str, Mapping[str, frozenset[str]]], ...] = (
    ("clicks", {}),
    ("clicks", {"employee": frozenset({"E1"})}),
    ("impressions_advocacy", {}),
    ("impressions_advocacy", {"team": frozenset({"Sales"}), "network": frozenset({"x"})}),
    ("leads", {}),
    ("revenue_won", {}),
    ("deals_lost", {}),
    ("revenue.linear", {}),
    ("cost", {}),
    ("rejoins", {}),
)


def on(day: int) -> str:
    return (FIRST + timedelta(days=day)).isoformat()


def fact(kind: str, number: int, day: int, /, **body: Any) -> Fact:
    record = {"kind": kind, "source": "s", "external_id": f"{kind}-{number}-{day}"}
    return parse_fact({**record, "occurred_at": f"{on(day)}T10:00:00Z", **body})


def year() -> list[Fact]:
    """Return facts on few days of the year: some days alone, a stretch, and a gap of months."""
    facts = [
        fact("employee.recorded", n, 0, employee=f"E{n}", effective_on="2025-01-01", team=team)
        for n, team in ((1, "Sales"), (2, "IT"))
    ]
    for day in (3, 4, 5, *range(150, 175), 200):
        who: dict[str, Any] = {"employee": f"E{1 + day % 2}", "network": "x"}
        facts += [fact("link.clicked", n, day, link="k", **who) for n in range(4)]
        facts.append(fact("post.metrics", 1, day, post=f"p{day % 2}", impressions=3 * day, **who))
        facts.append(fact("engagement.daily", 1, day, day=on(day), impressions=day, **who))
        facts.append(fact("member.joined" if day % 2 else "member.left", 1, day, employee="E1"))
        facts.append(fact("touch.recorded", 1, day, person=f"q{day}", channel="paid"))
        facts.append(fact("lead.created", 1, day, lead=f"l{day}", person=f"q{day}"))
        closing = {"closed_at": f"2025-08-{1 + day % 28:02}T10:00:00Z", "currency": "USD"}
        facts.append(
            fact(
                *("deal.changed", 1, day),
                **{"deal": f"d{day}", "lead": f"l{day}", "amount": f"{day}.10", **closing},
                state="won" if day % 3 else "lost",
                opened_at=f"{on(day)}T11:00:00Z",
            )
        )
    dates = {"starts_on": "2025-03-01", "ends_on": "2025-09-01"}
    facts.append(
        fact("cost.booked", 1, 60, category="platform", amount="100.00", currency="USD", **dates)
    )
    return facts


async def record(database: Database, org: Org, day: date, facts: list[Fact]) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    async with database.transaction(org.id) as connection:
        await append(connection, org, facts, received_at=noon)
    await catch_up(database, org.id)


async def all_lines(
    database: Database,
    org: Org,
    measure: str,
    filters: Mapping[str, frozenset[str]],
    as_of: date | None,
) -> tuple[list[ContributionLine], ExplainPage]:
    """Return the lines of all pages, each read in a transaction of its own, and the last page."""
    lines: list[ContributionLine] = []
    after = None
    while True:
        async with database.transaction(org.id) as connection:
            if as_of is not None:
                await look_back(connection, await known_on(connection, org, as_of))
            page = await explain_measure(
                connection, org, measure, YEAR, filters=filters, after=after, limit=9
            )
        lines += page.lines
        after = page.next
        if after is None:
            return lines, page


@pytest.mark.parametrize("most_counted", [10, 20_000])
async def test_all_pages_together_add_up_to_the_figure(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch, most_counted: int
) -> None:
    monkeypatch.setattr(explain, "_MOST_COUNTED", most_counted)
    await record(database, org, RECORDED, year())
    await record(database, org, RECORDED + timedelta(days=1), [*_late(), *_corrected()])

    counted = set()
    for as_of in (None, RECORDED):
        for measure, filters in CASES:
            lines, page = await all_lines(database, org, measure, filters, as_of)
            told = (measure, filters, as_of)
            assert lines, told
            assert sum(Fraction(line.quantity) for line in lines) == page.total, told
            places = {(line.day, line.source, line.kind, line.external_id) for line in lines}
            assert len(places) == len(lines), told
            assert page.lines_total in {None, len(lines)}, told
            counted.add(page.lines_total is not None)
    assert counted == ({True} if most_counted > 10 else {True, False})


@pytest.mark.parametrize("most_counted", [1, 20_000])
async def test_after_a_page_that_the_last_line_fills_there_is_none(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch, most_counted: int
) -> None:
    monkeypatch.setattr(explain, "_MOST_COUNTED", most_counted)
    await record(database, org, RECORDED, [fact("link.clicked", n, n, link="k") for n in range(6)])

    async with database.transaction(org.id) as connection:
        asked = connection, org, "clicks", YEAR
        first = await explain_measure(*asked, filters={}, after=None, limit=3)
        second = await explain_measure(*asked, filters={}, after=first.next, limit=3)

    assert [len(page.lines) for page in (first, second)] == [3, 3]
    assert first.next is not None
    assert second.next is None


async def test_an_active_advocate_is_told_with_the_first_share_by_day_and_key(
    database: Database, org: Org
) -> None:
    facts = [
        fact("post.published", n, day, post=f"p{n}-{day}", employee=f"E{n % 4}", origin="own")
        for day in (342, 349, 356)
        for n in range(24)
    ]
    await record(database, org, RECORDED, facts)

    lines, _ = await all_lines(database, org, "active_advocates", {}, None)

    first: dict[str, Fact] = {}
    for told in sorted(facts, key=lambda told: (told.occurred_at, told.identity.key)):
        first.setdefault(told.employee or "", told)
    assert {line.employee: line.external_id for line in lines} == {
        employee: told.external_id for employee, told in first.items()
    }


async def test_a_corrected_fact_is_told_as_it_stands(database: Database, org: Org) -> None:
    number, day = 1, {"day": on(3)}
    first, second = (
        {"employee": "E1", "network": "a", "campaign": "k1", "impressions": 5, **day},
        {"employee": "E2", "network": "x", "campaign": "k2", "impressions": 7, **day},
    )
    await record(database, org, RECORDED, [fact("engagement.daily", number, 3, **first)])
    await record(
        database, org, RECORDED + timedelta(days=1), [fact("engagement.daily", number, 3, **second)]
    )

    for as_of, told in ((None, second), (RECORDED, first)):
        lines, page = await all_lines(database, org, "impressions_advocacy", {}, as_of)
        assert [(line.employee, line.network, line.campaign, line.quantity) for line in lines] == [
            (told["employee"], told["network"], told["campaign"], told["impressions"])
        ]
        assert page.lines_total == 1


async def test_a_member_is_told_with_the_join_that_stands(database: Database, org: Org) -> None:
    joined = fact("member.joined", 1, 20, employee="E1")
    await record(database, org, RECORDED, [joined])
    sooner = joined.model_copy(update={"occurred_at": joined.occurred_at - timedelta(days=10)})
    await record(database, org, RECORDED + timedelta(days=1), [sooner])

    for as_of, day in ((None, 10), (RECORDED, 20)):
        lines, _ = await all_lines(database, org, "enrolled", {}, as_of)
        assert [(line.employee, line.day) for line in lines] == [
            ("E1", FIRST + timedelta(days=day))
        ]


@pytest.mark.parametrize(
    ("measure", "filters"),
    [("reactions_advocacy", {}), ("engagements_tagged", {"hashtag": frozenset({"h"})})],
)
async def test_responses_are_told_with_whom_and_where_the_post_went_out(
    database: Database, org: Org, measure: str, filters: Mapping[str, frozenset[str]]
) -> None:
    published = {"employee": "E1", "network": "x", "campaign": "k1", "content": "c1"}
    read = {"employee": "E2", "network": "y", "campaign": "k2", "content": "c2"}
    told = [
        fact("post.published", 1, 3, post="p", origin="own", hashtags=["h"], **published),
        fact("post.metrics", 1, 4, post="p", reactions=5, **read),
    ]
    await record(database, org, RECORDED, told)

    (line,), _ = await all_lines(database, org, measure, filters, None)
    assert {name: getattr(line, name) for name in published} == published


async def test_of_a_long_history_of_counters_the_days_that_are_asked_about_are_read(
    database: Database, org: Org
) -> None:
    posts, days = range(3), 300
    told = [
        fact("post.metrics", n, day, post=f"p{n}", employee="E1", impressions=day)
        for n in posts
        for day in range(days)
    ]
    await record(database, org, RECORDED, told)
    week = Period(FIRST + timedelta(days=200), FIRST + timedelta(days=207))

    async with database.transaction(org.id) as connection:
        before = await rows_read(connection, ["post_snapshot", "ledger_entry"])
        page = await explain_measure(
            *(connection, org, "impressions_advocacy", week), filters={}, after=None, limit=50
        )
        after = await rows_read(connection, ["post_snapshot", "ledger_entry"])
    read = {table: rows - before[table] for table, rows in after.items()}
    assert page.total == sum(line.quantity for line in page.lines) == 7 * len(posts)
    # The week in three parts, to count lines and again to find them: of each part its days, those
    # around them, and twice the last reading before.
    assert read["post_snapshot"] <= 2 * (7 + 3 * 4) * len(posts)
    # All was told on one day, so nothing leads to the entries of a part of it: each statement reads
    # them once. Lines are shown with theirs.
    assert read["ledger_entry"] <= 6 * len(told) + 3 * len(page.lines)


def _late() -> list[Fact]:
    return [fact("link.clicked", 9, day, link="k", employee="E1") for day in (1, 160, 300)]


def _corrected() -> list[Fact]:
    who = {"employee": "E1", "network": "x"}
    return [fact("post.metrics", 1, 160, post="p0", impressions=7, **who)]


@pytest.mark.parametrize("as_of", [None, RECORDED])
async def test_the_last_page_ends_with_the_last_line_and_not_with_the_period(
    database: Database, org: Org, as_of: date | None
) -> None:
    await record(database, org, RECORDED, year())

    async def page(period: Period, limit: int, after: str | None) -> tuple[ExplainPage, int]:
        async with database.transaction(org.id) as connection:
            if as_of is not None:
                await look_back(connection, await known_on(connection, org, as_of))
            asked: list[LoggedQuery] = []
            with connection.query_logger(asked.append):
                told = await explain_measure(
                    *(connection, org, "impressions_advocacy", period),
                    filters={},
                    after=after,
                    limit=limit,
                )
            return told, len(asked)

    total = (await page(YEAR, 1, None))[0].lines_total
    assert total is not None
    asked = {}
    for period in (YEAR, Period(FIRST, FIRST + timedelta(days=201))):
        first, _ = await page(period, total - 1, None)
        last, asked[period] = await page(period, total - 1, first.next)
        assert (len(last.lines), last.next) == (1, None)

    # A statement for each stretch of days in which lines are looked for.
    whole, until_last_line = asked.values()
    assert whole == until_last_line


@pytest.mark.parametrize("measure", ["clicks", "impressions_advocacy", "cost"])
async def test_the_last_page_of_the_past_looks_once_for_what_was_known_of_later_days(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch, measure: str
) -> None:
    monkeypatch.setattr(explain, "_MOST_COUNTED", 10)
    known = FIRST + timedelta(days=175)
    ahead = fact("link.clicked", 7, 330, link="k", employee="E1")
    told = [told for told in year() if told.occurred_at.date() <= known]
    later = [fact("link.clicked", n, 230 + 7 * n, link="k", employee="E1") for n in range(9)]
    await record(database, org, known, [*told, ahead])
    await record(database, org, RECORDED, later)

    async def last_page(period: Period) -> tuple[list[ContributionLine], int]:
        asked: list[LoggedQuery] = []
        lines: list[ContributionLine] = []
        after = None
        while True:
            asked.clear()
            async with database.transaction(org.id) as connection:
                await look_back(connection, await known_on(connection, org, known))
                with connection.query_logger(asked.append):
                    page = await explain_measure(
                        *(connection, org, measure, period), filters={}, after=after, limit=9
                    )
            assert page.lines_total is None
            lines += page.lines
            if page.next is None:
                assert sum(Fraction(line.quantity) for line in lines) == page.total
                return lines, len(asked)
            after = page.next

    lines, whole = await last_page(YEAR)
    end = max(line.day for line in lines) + timedelta(days=1)

    ends_there, until_last_line = await last_page(Period(FIRST, end))
    assert (measure == "clicks") is (ahead.external_id in {line.external_id for line in lines})
    assert lines == ends_there
    assert whole <= until_last_line + 1
