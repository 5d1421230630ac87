"""The golden test: Golden Ratio's published figures through ledger, fold, readers and formulas.

The numbered lines are those of the golden dataset's description; k-anonymity, Markov, Shapley and
answers as known on a past day are tested where they live.
"""

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from sandbox.golden.program import Q1_END, Q1_START
from services.metrics.fold import fold_batch
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, parse_fact
from shared.kpis.cohort import cohort_curve, payback
from shared.kpis.compose import KpiValue, combine, evaluate
from shared.kpis.definitions import catalogue
from shared.kpis.emv import EmvMethod, media_value
from shared.kpis.esn import esn_roi
from shared.kpis.recruiting import ReferralHires, recruiting_lines
from shared.kpis.roi import ModelComparison, RoiForm, compare_models, roi_media, roi_on_margin
from shared.kpis.vocabulary import AttributionModel, Axis, Grade
from shared.ledger import append
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, Period, read_measures
from tests.integration.golden_year import deal_fact, found_golden, golden_facts, journey_facts

ADVOCACY = "employee_advocacy"
MARGIN = Decimal("0.80")
COST = Decimal("22500.00")
Q1 = Period(Q1_START, Q1_END)
Q2 = Period(Q1_END, date(2025, 7, 1))
HALF_YEAR = Period(Q1.start, Q2.end)

_CREDIT = """
SELECT model, channel, sum(amount) AS amount, sum(share) AS wins
  FROM credit
 WHERE org_id = $1 AND touch_day >= $2 AND touch_day < $3
 GROUP BY model, channel
"""
_COHORT = """
SELECT closed_day, sum(amount) AS amount
  FROM credit
 WHERE org_id = $1 AND touch_day >= $2 AND touch_day < $3
   AND model = 'linear' AND channel = 'employee_advocacy'
 GROUP BY closed_day
"""


@pytest.fixture(scope="module")
def golden(database_url: str) -> Org:
    """Return the organization with the whole year folded; tests only read it."""

    async def load() -> Org:
        database = Database(database_url, application_name="golden")
        org = await found_golden(database, golden_facts())
        await catch_up(database, org.id)
        await database.close()
        return org

    return asyncio.run(load())


async def measures_of(
    database: Database,
    org: Org,
    names: set[str],
    period: Period = Q1,
    **filters: str,
) -> Mapping[str, Any]:
    query = MeasureQuery(
        buckets=(period,), filters={name: frozenset({value}) for name, value in filters.items()}
    )
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, names, query)
    return table[0, ""]


async def kpi(
    database: Database,
    org: Org,
    name: str,
    period: Period = Q1,
    assumptions: Mapping[str, Decimal | None] | None = None,
) -> KpiValue:
    definition = catalogue().kpis[name]
    wanted = {measure.id for measure in catalogue().measures_of(name)}
    measures = await measures_of(database, org, wanted, period)
    return evaluate(definition, measures, assumptions, money_digits=2)


async def credit_by_channel(database: Database, org: Org) -> dict[tuple[str, str], Decimal]:
    """Return (model, channel) → revenue of the touches made in the first quarter."""
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(_CREDIT, org.id, Q1.start, Q1.end)
    return {(row["model"], row["channel"]): row["amount"] for row in rows}


async def linear_advocacy(database: Database, org: Org) -> Decimal:
    measure = "revenue_advocacy.linear"
    value = (await measures_of(database, org, {measure}, HALF_YEAR))[measure]
    assert isinstance(value, Decimal)
    return value


async def tell(database: Database, org: Org, *facts: Fact) -> None:
    async with database.transaction(org.id) as connection:
        await append(connection, org, facts)
    await catch_up(database, org.id)


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
        ("click_to_session_loss", "3.85"),
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
    ],
)
async def test_lines_1_to_5_figures_of_the_quarter(
    database: Database, golden: Org, name: str, expected: str
) -> None:
    value = (await kpi(database, golden, name)).value

    assert value is not None
    assert value == Decimal(expected)


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
    measures = await measures_of(database, golden, {"clicks", "cost"})
    priced = media_value(EmvMethod.CPC, measures, (), Q1.start).value.value

    assert priced == Decimal("3120.00")
    assert roi_media(priced, measures["cost"]).percent == Decimal("-86.13")


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


CREDIT = {
    # model: (EA, BR, AD), return of EA on revenue, on margin, on margin + R2
    "first": (("33000.00", "17000.00", "10000.00"), ("46.67", "17.33", "43.11")),
    "last": (("37000.00", "15000.00", "8000.00"), ("64.44", "31.56", "57.33")),
    "linear": (("28500.00", "15250.00", "16250.00"), ("26.67", "1.33", "27.11")),
    "position": (("31100.00", "16000.00", "12900.00"), ("38.22", "10.58", "36.36")),
    "time_decay": (("34447.97", "14950.75", "10601.28"), ("53.10", "22.48", "48.26")),
}


async def comparison(database: Database, org: Org) -> ModelComparison:
    """Return the quarter's cohort statement: credit of its touches against its cost."""
    credit = await credit_by_channel(database, org)
    cost = (await measures_of(database, org, {"cost"}))["cost"]
    hires = (await measures_of(database, org, {"hires_advocacy"}, Q2))["hires_advocacy"]
    saved = recruiting_lines(ReferralHires(int(hires)), {"cost_per_hire.referral": Decimal(1500)})
    return compare_models(
        {model: credit[model, ADVOCACY] for model in AttributionModel},
        total_revenue=Decimal(60_000),
        gross_margin=MARGIN,
        recruiting=saved,
        cost=cost,
    )


@pytest.mark.parametrize("model", AttributionModel)
async def test_line_7_credit_and_return_of_every_model(
    database: Database, golden: Org, model: str
) -> None:
    credit = await credit_by_channel(database, golden)
    amounts, returns = CREDIT[model]
    by_channel = [credit[model, channel] for channel in (ADVOCACY, "brand", "paid")]
    assert [str(amount) for amount in by_channel] == list(amounts)
    assert sum(by_channel) == 60_000

    statement = await comparison(database, golden)
    (row,) = (row for row in statement.models if row.model == model)
    percents = (row.on_revenue.percent, row.on_margin.percent, row.cash.percent)
    assert [str(percent) for percent in percents] == list(returns)


async def test_line_7_the_sign_depends_on_the_model_and_breaks_even_at_28125(
    database: Database, golden: Org
) -> None:
    statement = await comparison(database, golden)
    needed = statement.break_evens[RoiForm.MARGIN]
    assert needed is not None
    assert (needed.revenue, needed.share_percent) == (28_125, Fraction("46.875"))

    # The five heuristics all lie above it: the models below it come with Markov and Shapley.
    assert not statement.sign_depends_on_model


async def test_line_7_linear_wins_weigh_three(database: Database, golden: Org) -> None:
    name = "wins_advocacy.linear"
    wins = (await measures_of(database, golden, {name}, Q2))[name]
    cost = (await measures_of(database, golden, {"cost"}))["cost"]

    assert wins == 3
    per_win = evaluate(catalogue().kpis["cost_per_win"], {name: wins, "cost": cost}).value
    assert per_win == 7_500


@pytest.mark.parametrize(
    ("half_life_days", "expected"),
    [
        (7, ("34447.97", "14950.75", "10601.28")),
        (30, ("28520.74", "15466.80", "16012.46")),
    ],
)
async def test_line_7_decay_depends_on_the_half_life(
    database: Database, half_life_days: int, expected: tuple[str, ...]
) -> None:
    org = await found_golden(database, journey_facts(), half_life_days=half_life_days)
    await catch_up(database, org.id)

    credit = await credit_by_channel(database, org)
    channels = (ADVOCACY, "brand", "paid")
    assert tuple(str(credit["time_decay", channel]) for channel in channels) == expected


async def test_line_8_nothing_closes_in_the_quarter(database: Database, golden: Org) -> None:
    name = "revenue_advocacy.linear"
    in_period = await measures_of(database, golden, {name, "cost"})

    assert in_period[name] == 0
    assert roi_on_margin(in_period[name], MARGIN, in_period["cost"]).percent == -100


async def test_line_8_the_cohort_pays_back_on_20_april(database: Database, golden: Org) -> None:
    async with database.transaction(golden.id) as connection:
        rows = await connection.fetch(_COHORT, golden.id, Q1.start, Q1.end)
    values = [(row["closed_day"], row["amount"] * MARGIN) for row in rows]
    # J4 closes on the third without a touch of an advocate: the curve stays level that day.
    curve = {
        point.day: point.cumulative
        for point in cohort_curve(
            [*values, (date(2025, 4, 3), Decimal(0))], cost=COST, starts_on=Q1.start
        )
    }
    assert curve == {
        date(2025, 4, 2): 4_000,
        date(2025, 4, 3): 4_000,
        date(2025, 4, 5): 7_600,
        date(2025, 4, 10): 14_000,
        date(2025, 4, 15): 18_000,
        date(2025, 4, 20): 22_800,
    }
    paid = payback(values, cost=COST, starts_on=Q1.start)
    assert paid is not None
    assert (paid.day, paid.age_days) == (date(2025, 4, 20), 109)


@pytest.mark.parametrize(
    ("window_days", "expected"), [(90, 28_500), (89, 23_500), (60, 23_000), (30, 32_500)]
)
async def test_line_9_the_window_includes_its_last_day(
    database: Database, window_days: int, expected: int
) -> None:
    # Whole days: leaving out the ninetieth is the same as a window of 89.
    org = await found_golden(database, journey_facts(), window_days=window_days)
    await catch_up(database, org.id)

    assert await linear_advocacy(database, org) == expected


async def test_line_10_amendments_restate_the_credit(database: Database) -> None:
    org = await found_golden(database, journey_facts())
    await catch_up(database, org.id)
    assert await linear_advocacy(database, org) == 28_500

    await tell(database, org, deal_fact("J5", 2, amount="12000.00"))
    assert await linear_advocacy(database, org) == 27_500

    await tell(database, org, deal_fact("J3", 2, state="lost"))
    assert await linear_advocacy(database, org) == 22_500


@pytest.mark.parametrize("seed", range(5))
async def test_line_10_replays_in_any_order_change_nothing(database: Database, seed: int) -> None:
    amended = [
        *journey_facts(),
        deal_fact("J5", 2, amount="12000.00"),
        deal_fact("J3", 2, state="lost"),
    ]
    order = Random(seed)
    twice = order.sample(amended * 2, 2 * len(amended))
    org = await found_golden(database, twice[:40])
    await fold_some(database, org, order.randint(1, 40))
    await tell(database, org, *twice[40:])
    await tell(database, org, *order.sample(amended, len(amended)))

    assert await linear_advocacy(database, org) == 22_500


async def fold_some(database: Database, org: Org, limit: int) -> None:
    async with database.transaction(org.id) as connection:
        await fold_batch(connection, org.id, 1, limit=limit)


@pytest.mark.parametrize(("time_zone", "expected"), [("Europe/Warsaw", Q2), ("UTC", Q1)])
async def test_line_11_the_organizations_zone_cuts_the_quarters(
    database: Database, time_zone: str, expected: Period
) -> None:
    at = "2025-03-31T22:30:00Z"
    click = {"kind": "link.clicked", "source": "t", "external_id": "c", "link": "x"}
    facts = [*journey_facts(), parse_fact({**click, "occurred_at": at, "employee": "E001"})]
    org = await found_golden(database, facts, time_zone=time_zone)
    await catch_up(database, org.id)

    seen = [p for p in (Q1, Q2) if (await measures_of(database, org, {"clicks"}, p))["clicks"]]
    assert seen == [expected]
    # The touch J5 began with lies 90 local days before the close, and 91 days of UTC before it.
    assert await linear_advocacy(database, org) == (28_500 if time_zone != "UTC" else 23_500)


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
    assert result.grade is Grade.CLAIMED
