"""An answer reads what it is about, whatever PostgreSQL believes of its tables.

What a reader joins is planned by statistics, and those may know nothing of who asks: of an
organization or a generation younger than they are, of tables that were all but empty or never
looked at. One row is then expected of each table, and reading all of it anew for each row of
another one seems to cost nothing. So every reader is asked once of a crowd, in each such state, and
the rows of each table that it reads are counted: some times the table, never the table for each row
of it or of another one.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import date
from itertools import chain
from typing import Any, TypeAlias

import asyncpg
import pytest

from services.api.dependencies import Access
from services.api.leaderboard import service as leaderboard
from services.api.leaderboard.schemas import LeaderboardQuery
from services.api.restatements import service as restatements
from services.api.restatements.schemas import MovingFactsQuery, RestatementsQuery
from services.api.roi import (
    adding,
    causal,
    cohort,
    comparison,
    costs,
    explain,
    markov,
    network,
    service,
)
from services.api.roi.adding_schemas import AddingQuery
from services.api.roi.causal_schemas import BaselineQuery, IncrementalityQuery
from services.api.roi.cohort_schemas import CohortQuery
from services.api.roi.network_schemas import NetworkQuery
from services.api.roi.queries import (
    ComparisonQuery,
    CostQuery,
    ExplainQuery,
    MarkovQuery,
    StatementQuery,
)
from services.metrics.rebuild import continue_rebuild, start_rebuild
from services.metrics.worker import catch_up
from shared import clock
from shared.db import Database, plan_for_any_organization
from shared.kpis.measures import MEASURES, Kept
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Dimension
from shared.orgs import Org
from shared.rollups.explain import explain_measure
from shared.rollups.known import Knowledge, look_back
from shared.rollups.moved import days_around_nothing, days_of_change, entries_behind
from shared.rollups.query import ForbiddenSlice, MeasureQuery
from shared.rollups.read import read_measures
from shared.security.keyring import KeyRing
from shared.security.keys import SCOPES, Caller
from tests.integration.believing import PREPARED, Fill, Prepare, database, url
from tests.integration.crowd import life, news, schooling
from tests.integration.planning import TABLES, execute, found, rows_read, tell

__all__ = ["database", "url"]

_PEOPLE = 150
_PERIOD = Period(date(2025, 1, 1), date(2025, 7, 1))
#: A figure has parts, and each may read a table once, and what is found by days is found among
#: others' rows; an explanation reads a table for each stretch of days that it looks for its lines
#: in. A reader that is wrong reads it ``_PEOPLE`` times, or more.
_TIMES_ANSWERED, _TIMES_EXPLAINED, _FEW_ROWS = 25, 50, 500
#: Who looks back finds the cell of each change in the log among those of its slice, as long as no
#: statistics were ever taken.
_TIMES_LOOKED_BACK = 80
#: What grows with an organization; the slots of measures do not.
_GROWING = tuple(table for table in TABLES if table != "rollup_slot")

#: Cursors are signed with it.
_RING = KeyRing.from_base64("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Ask = Callable[[Connection, Org], Awaitable[object]]


async def _crowd(database: Database, people: int | None = None) -> Org:
    people = people or _PEOPLE
    org = await found(database)
    lives = (chain(life(number), schooling(number)) for number in range(people))
    await tell(database, org, chain.from_iterable(lives))
    await catch_up(database, org.id)
    await tell(database, org, chain.from_iterable(news(number) for number in range(people // 5)))
    await catch_up(database, org.id)
    return org


async def _younger_generation(database: Database, url: str, fill: Fill) -> Org:
    org = await fill(database, None)
    await execute(url, "ANALYZE")
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    assert await continue_rebuild(database, org.id)
    return org


#: A language is looked for where a market is.
_DIVIDED_BY = (
    *(Dimension.TEAM, Dimension.ROLE, Dimension.COHORT, Dimension.EMPLOYEE),
    *(Dimension.JOB, Dimension.MARKET),
)


def _asked_measures() -> Iterator[str]:
    """Yield every measure that is counted when it is asked for, and one of each kind of sum."""
    yield from ("shares", "impressions_advocacy", "revenue.linear", "leads_advocacy", "cost")
    yield from (name for name, measure in MEASURES.items() if measure.kept is Kept.COUNTED)


def _answers() -> Mapping[str, Ask]:
    """Return the calls that answer; the present and the past are asked the same."""
    calls: dict[str, Ask] = {}
    for measure in _asked_measures():
        calls[measure] = _read(measure, None)
        # By department another column of the same row of the roster is read.
        for dimension in _DIVIDED_BY:
            if dimension in MEASURES[measure].dimensions:
                calls[f"{measure} by {dimension}"] = _read(measure, dimension)
    days: Mapping[str, Any] = {"from": _PERIOD.start, "to": _PERIOD.end}
    written = {name: day.isoformat() for name, day in days.items()}
    before = {"baseline_from": "2024-07-01", "baseline_to": "2025-01-01"}
    asked: list[tuple[str, Callable[[Access, Any], Awaitable[object]], Any]] = [
        ("statement", service.statement, StatementQuery(**written)),
        ("models", comparison.compare, ComparisonQuery(**written, group_by="team")),
        (
            "models recomputed",
            comparison.compare,
            ComparisonQuery(**written, half_life_days="measured", window_days=30),
        ),
        ("models of the period", comparison.compare, ComparisonQuery(**written, basis="period")),
        ("markov", markov.explain_removals, MarkovQuery(**written)),
        (
            "models of leads",
            comparison.compare,
            ComparisonQuery(**written, conversion="lead", group_by="team"),
        ),
        (
            "models of hires recomputed",
            comparison.compare,
            ComparisonQuery(**written, conversion="hire", window_days=30),
        ),
        *(
            (
                f"markov of the {kind}s of the period",
                markov.explain_removals,
                MarkovQuery(**written, conversion=kind, basis="period"),
            )
            for kind in ("lead", "application", "hire")
        ),
        ("cohort", cohort.cohort_roi, CohortQuery(**written)),
        ("value", adding.add_lines, AddingQuery(**written, lines=["revenue"])),
        (
            "incrementality",
            causal.incrementality_of,
            IncrementalityQuery(**written, metric="shares"),
        ),
        ("baseline", causal.baseline, BaselineQuery(**written, **before)),
        ("leaderboard", leaderboard.leaderboard, LeaderboardQuery(**written)),
        (
            "leaderboard of money",
            leaderboard.leaderboard,
            LeaderboardQuery(**written, by="revenue"),
        ),
        ("internal network", network.network_statement, NetworkQuery(on=written["from"])),
        ("costs", _with_cursors(costs.cost_statement), CostQuery(**written)),
        ("statement explained", _with_cursors(explain.explain), ExplainQuery(**written)),
    ]
    calls.update({name: _served(serve, query) for name, serve, query in asked})
    return calls


def _read(measure: str, group_by: str | None) -> Ask:
    async def ask(connection: Connection, org: Org) -> object:
        return await read_measures(connection, org, [measure], MeasureQuery((_PERIOD,), group_by))

    return ask


def _served(serve: Callable[[Access, Any], Awaitable[object]], query: Any) -> Ask:
    async def ask(connection: Connection, org: Org) -> object:
        return await serve(Access(Caller(org, "tests", frozenset(SCOPES)), connection), query)

    return ask


def _with_cursors(
    serve: Callable[[Access, KeyRing, Any], Awaitable[object]],
) -> Callable[[Access, Any], Awaitable[object]]:
    return lambda access, query: serve(access, _RING, query)


def _histories(today: date) -> Mapping[str, Ask]:
    """Return the calls that tell how figures moved: they look back by themselves."""
    asked = {"from": _PERIOD.start.isoformat(), "to": _PERIOD.end.isoformat()}
    calls = {}
    for kpi in ("revenue_won", "attributed_revenue_linear", "leads_advocacy", "roi_program"):
        calls[f"{kpi} restated"] = _served(
            _with_cursors(restatements.restatements), RestatementsQuery(**asked, kpi=kpi)
        )
        calls[f"facts that restated {kpi}"] = _served(
            _with_cursors(restatements.moving_facts),
            MovingFactsQuery(**asked, kpi=kpi, day=today.isoformat()),
        )
    return calls


def _explanations() -> Mapping[str, Ask]:
    calls = {f"{measure} explained": _explain(measure) for measure in _asked_measures()}
    for measure in _asked_measures():
        for dimension, value in ((Dimension.ROLE, "leader"), (Dimension.COHORT, "2025-01")):
            if dimension in MEASURES[measure].dimensions:
                only = {dimension.value: frozenset({value})}
                calls[f"{measure} of a {dimension} explained"] = _explain(measure, **only)
    return calls


def _explain(measure: str, **filters: frozenset[str]) -> Ask:
    async def ask(connection: Connection, org: Org) -> object:
        return await explain_measure(
            connection, org, measure, _PERIOD, filters=filters, after=None, limit=20
        )

    return ask


def _moves(since: Knowledge) -> Mapping[str, Ask]:
    """Return the calls that say what moved a figure after ``since``."""

    def of(measure: str, **filters: frozenset[str]) -> Ask:
        async def ask(connection: Connection, org: Org) -> object:
            return await entries_behind(
                connection,
                org,
                measure,
                _PERIOD,
                filters=filters,
                after=since.position,
                until=since.position * 2,
                limit=50,
            )

        return ask

    async def days(connection: Connection, org: Org) -> object:
        measures = ["shares", "revenue_won"]
        return [
            await days_of_change(
                connection, org.id, measures, _PERIOD, filters=filters, since=since, limit=50
            )
            for filters in ({}, {"team": frozenset({"team1"})})
        ], await days_around_nothing(connection, org.id, measures, since)

    of_leaders = of("shares", role=frozenset({"leader"}))
    return {f"{m} moved": of(m) for m in _asked_measures()} | {
        "shares of a role moved": of_leaders,
        "days of change": days,
    }


async def _excesses(
    connection: Connection, org: Org, calls: Mapping[str, Ask], times: int
) -> list[tuple[str, str, int]]:
    """Return which call read more of which table than some times all rows of the organization."""
    sizes = {
        table: await connection.fetchval(
            f"SELECT count(*) FROM public.{table} WHERE org_id = $1", org.id
        )
        for table in _GROWING
    }
    excesses = []
    before = await rows_read(connection, _GROWING)
    for name, ask in calls.items():
        try:
            await ask(connection, org)
        except ForbiddenSlice:
            continue  # of that there is nothing to read
        after = await rows_read(connection, _GROWING)
        read = {table: after[table] - before[table] for table in after}
        excesses += [
            (name, table, rows)
            for table, rows in read.items()
            if rows > times * sizes[table] + _FEW_ROWS
        ]
        before = after
    return excesses


@pytest.mark.parametrize("prepare", [*PREPARED, _younger_generation])
async def test_a_reader_reads_what_it_is_about(
    database: Database, url: str, prepare: Prepare
) -> None:
    org = await prepare(database, url, _crowd)
    async with database.transaction(org.id) as connection:
        await plan_for_any_organization(connection)
        # The lives, and not the news: between two batches, so it can be looked back at.
        lives = await connection.fetchval(
            "SELECT min(until) - 1 FROM fact_past WHERE org_id = $1", org.id
        )
        now = clock.now()
        then = Knowledge(lives, clock.local_day(now, org.zone), now, is_final=False)

        assert not await _excesses(connection, org, _answers(), _TIMES_ANSWERED)
        assert not await _excesses(connection, org, _explanations(), _TIMES_EXPLAINED)
        assert not await _excesses(connection, org, _moves(then), _TIMES_ANSWERED)
        histories = _histories(clock.local_day(now, org.zone))
        assert not await _excesses(connection, org, histories, _TIMES_LOOKED_BACK)

        await look_back(connection, then)

        assert not await _excesses(connection, org, _answers(), _TIMES_LOOKED_BACK)
