"""The golden test: Golden Ratio's published figures through ledger, fold, readers and formulas.

The numbers of the lines are those of the published golden test. What is credited to whom (lines 7
to 11) is in its neighbor; k-anonymity and answers as known on a past day are tested elsewhere.
"""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, parse_fact
from shared.kpis.compose import combine
from shared.kpis.definitions import catalogue
from shared.kpis.esn import esn_roi
from shared.kpis.roi import roi_media
from shared.kpis.vocabulary import AttributionModel, Axis, Grade
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, Period, read_measures
from tests.integration.golden_reading import ADVOCACY, COST, Q1, Q2, kpi, load_year, measures_of
from tests.integration.golden_year import found_golden


@pytest.fixture(scope="module")
def golden(database_url: str) -> Org:
    """Return the organization with the whole year folded; tests only read it."""
    return asyncio.run(load_year(database_url))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # 1: adoption
        ("headcount", "100"),
        ("invited_employees", "100"),
        ("enrolled_employees", "30"),
        ("enrollment_rate", "30.00"),
        ("linkedin_penetration", "80.00"),
        ("invite_acceptance_rate", "30.00"),
        ("active_of_enrolled_rate", "80.00"),
        ("active_participation_rate", "24.00"),
        ("staff_per_active", "4.1667"),
        # 2: activity
        ("shares", "624"),
        ("impressions_advocacy", "124800"),
        ("impressions_brand", "195000"),
        ("amplification_factor", "0.64"),
        # 3: response
        ("reactions", "1872"),
        ("comments", "312"),
        ("reshares", "312"),
        ("engagements", "2496"),
        ("engagement_rate", "2.00"),
        ("engagement_rate_with_clicks", "2.50"),
        ("clicks", "624"),
        ("advocacy_sessions", "600"),
        ("click_to_session_loss", "3.846"),
        ("visitor_to_lead_rate", "5.00"),
        ("lead_conversion_rate", "20.00"),
        # 4: earned media value, four methods
        ("emv_cpc", "3120.00"),
        ("emv_cpm", "3744.00"),
        ("emv_mixed", "8112.00"),
        ("emv_interaction", "5616.00"),
        # 5: cost
        ("program_cost", "22500.00"),
        ("leads", "30"),
        ("opportunities", "12"),
        ("cost_per_lead", "750.00"),
        ("cost_per_opportunity", "1875.00"),
        # Advocates came before five leads, each of which a deal was opened of, and nobody else did.
        ("cost_per_opportunity_first", "4500.00"),
        ("cost_per_opportunity_linear", "4500.00"),
        ("cost_per_lead_linear", "4500.00"),
    ],
)
async def test_lines_1_to_5_figures_of_the_quarter(
    database: Database, golden: Org, name: str, expected: str
) -> None:
    value = (await kpi(database, golden, name)).value

    assert value is not None
    assert value == Decimal(expected)


@pytest.mark.parametrize("model", list(AttributionModel))
async def test_line_5_opportunities_are_of_whoever_came_five_days_before_their_leads(
    database: Database, golden: Org, model: str
) -> None:
    """Nobody else had come by then, so all models agree; none of the twelve closes in Q1."""
    names = {f"opportunities.{model}", f"pipeline.{model}"}
    expected = {ADVOCACY: ("5", "57000"), "brand": ("4", "35000"), "paid": ("3", "18500")}

    for channel, parts in expected.items():
        found = await measures_of(database, golden, names, channel=channel)
        assert [found[name] for name in sorted(names)] == [Decimal(part) for part in parts]


async def test_line_2_a_week_has_48_shares_and_9600_views(database: Database, golden: Org) -> None:
    starts = [Q1.start + timedelta(weeks=week) for week in range(13)]
    query = MeasureQuery(tuple(Period(day, day + timedelta(weeks=1)) for day in starts))
    async with database.transaction(golden.id) as connection:
        names = ["shares", "impressions_advocacy"]
        table = await read_measures(connection, golden, names, query)

    assert [table[week, ""]["shares"] for week in range(13)] == [48] * 13
    assert [table[week, ""]["impressions_advocacy"] for week in range(13)] == [9600] * 13


async def test_line_3_the_loss_between_click_and_session_is_exact(
    database: Database, golden: Org
) -> None:
    assert (await kpi(database, golden, "click_to_session_loss")).exact == Fraction(2400, 624)


async def test_line_4_media_value_has_a_return_of_its_own(database: Database, golden: Org) -> None:
    measures = await measures_of(database, golden, {"cost"})
    priced = await kpi(database, golden, "emv_cpc")

    assert priced.value == Decimal("3120.00")
    assert roi_media(priced.exact, measures["cost"]).percent == Decimal("-86.13")


async def test_line_5_the_cost_is_made_of_seven_categories(database: Database, golden: Org) -> None:
    lines = {
        "infrastructure": 900,
        "expert": 2000,
        "training": 3600,
        "employee_time": 9360,
        "manager_time": 4550,
        "content": 1500,
        "rewards": 590,
    }
    names = {f"cost.{category}" for category in lines}

    booked = await measures_of(database, golden, names)
    assert booked == {f"cost.{category}": amount for category, amount in lines.items()}
    assert sum(booked.values()) == COST


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("time_to_close", 60),
        ("time_to_close_p90", 80),
        ("time_to_close_delta", 30),
        ("deals_won", 6),
        ("revenue_won", 60_000),
        ("win_rate", 60),
        ("referral_hires", 2),
        ("attribution_coverage", 100),
    ],
)
async def test_line_6_deals_decided_in_the_second_quarter(
    database: Database, golden: Org, name: str, expected: int
) -> None:
    assert (await kpi(database, golden, name, Q2)).value == expected


async def test_line_12_counters_become_steps(database: Database) -> None:
    polls = [reading(day, value) for day, value in ((10, 0), (11, 10), (12, 8), (13, 15))]
    org = await found_golden(database, polls)
    await catch_up(database, org.id)

    name = "impressions_advocacy"
    days = [Period(date(2025, 2, d), date(2025, 2, d + 1)) for d in (11, 12, 13)]
    steps = [(await measures_of(database, org, {name}, day))[name] for day in days]
    assert steps == [10, -2, 7]
    assert (await measures_of(database, org, {name}))[name] == 15


def reading(day: int, impressions: int) -> Fact:
    return parse_fact(
        {
            "kind": "post.metrics",
            "source": "linkedin",
            "external_id": f"p@{day}",
            "occurred_at": f"2025-02-{day:02}T10:00:00Z",
            "post": "p",
            "employee": "E001",
            "impressions": impressions,
        }
    )


def share(employee: str, day: date, *, origin: str = "curated", number: int = 1) -> Fact:
    name = f"{employee}-{day}-{number}"
    return parse_fact(
        {
            "kind": "post.published",
            "source": "t",
            "external_id": name,
            "occurred_at": f"{day}T10:00:00Z",
            "post": name,
            "employee": employee,
            "origin": origin,
        }
    )


async def test_line_12_people_are_counted_once_a_week(database: Database) -> None:
    monday, tuesday = date(2025, 2, 3), date(2025, 2, 4)
    who = [(monday, "a"), (monday, "b"), (tuesday, "b"), (tuesday, "c")]
    org = await found_golden(database, [share(employee, day) for day, employee in who])
    await catch_up(database, org.id)

    one = timedelta(days=1)
    periods = (
        Period(monday, tuesday),
        Period(tuesday, tuesday + one),
        Period(monday, monday + 7 * one),
    )
    sharers = [(await measures_of(database, org, {"sharers"}, p))["sharers"] for p in periods]
    assert sharers == [2, 2, 3]


async def test_line_12_a_ratio_is_divided_last(database: Database) -> None:
    monday, tuesday = date(2025, 2, 3), date(2025, 2, 4)
    plan = [(monday, 2, 1), (tuesday, 10, 3)]
    facts = [
        share("a", day, origin="own" if n < own else "curated", number=n)
        for day, total, own in plan
        for n in range(total)
    ]
    org = await found_golden(database, facts)
    await catch_up(database, org.id)

    name = "original_content_ratio"
    days = [Period(day, day + timedelta(days=1)) for day, _, _ in plan]
    parts = [await kpi(database, org, name, day) for day in days]
    whole = await kpi(database, org, name, Period(days[0].start, days[1].end))
    assert [part.value for part in parts] == [50, 30]
    assert whole.exact == Fraction(100, 3)
    assert str(whole.value) == "33.33"
    assert combine(catalogue().kpis[name], parts, over=Axis.TIME).exact == whole.exact


async def test_line_14_the_internal_network_of_everybody_employed(
    database: Database, golden: Org
) -> None:
    headcount = (await measures_of(database, golden, {"headcount"}))["headcount"]
    stated = {
        "esn.adaptation_quits": Decimal(4),
        "esn.people": headcount,
        "esn.minutes_saved_per_day": Decimal(10),
        "esn.hourly_rate": Decimal(30),
        "esn.cost": Decimal(3 * 12) * headcount,
    }

    result = esn_roi(stated)
    assert [line.amount() for line in result.lines] == [1_232, 22_000]
    assert str(result.percent) == "545.33"
    assert result.grade is Grade.MODELLED
