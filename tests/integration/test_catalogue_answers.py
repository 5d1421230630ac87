"""Every measure and KPI on a small company: by hand, by brute-force roll-up, and by its facts."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import pytest

from services.metrics.verify import verify
from shared import clock
from shared.db import Database
from shared.facts import parse_facts
from shared.kpis.assumptions import ASSUMPTIONS
from shared.kpis.compose import ForbiddenRollup, KpiValue, additive_over, combine, evaluate
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.measures import MEASURES, Kept
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Axis, Dimension
from shared.orgs import Org
from shared.rollups.known import known_on, look_back
from shared.rollups.query import ForbiddenSlice
from shared.rollups.read import MeasureQuery, MeasureTable, read_measures
from tests.integration.catalogue_facts import everything, fact
from tests.integration.catalogue_lines import assert_explained, exact
from tests.integration.telling import tell

JANUARY = Period(date(2025, 1, 1), date(2025, 2, 1))
FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))
WHOLE = Period(JANUARY.start, FEBRUARY.end)
#: Measures of February, counted by hand from `catalogue_facts`.
BY_HAND = """
shares_scheduled 1; mentions_advocacy 2; engagements_paid 7; engagements_organic 11
reach.most 70; reach.sum 110; reach.followed 110; reach.followers 200; potential_reach 800
followers 180; followers_at_start 100; followers_gained 30; competitor_followers 900; market 5000
impressions_profiled.title 120; impressions_target.title 30
impressions_profiled.generation 100; impressions_generation.gen_x 25
impressions_generation.boomers 0; mentions_own 3; mentions_competitor 1; mentions_positive 2
mentions_negative 1; mentions_neutral 0; reply_hours.median 4; recognized_experts 2
leads_sourced 1; leads_advocacy 2; leads_advocacy_won 2; customers 3; customers_returning 1
customers_advocacy 2; customers_new_market 1; pipeline 800; units_sold 10; revenue_owned 2000
pipeline.linear 800; pipeline.shapley 800; opportunities.linear 5; opportunities.first 5
units.linear 10; units.first 10; wins_owned 4; wins_owned_touched 4
quota 2000; time_to_close_advocacy.median 10; time_to_close_other.median 25; revenue_brand 350
engaged_users 2; enrolled_at_start 1; headcount_at_start 4; trained 1; connected 1; connectable 2
leaders 1; leaders_sharing 1; leaders_listening 1; evenness 1/2; ssi_change 3; invitees 3
invitees_activated 1; invited_enrolled 3; first_share_hours.median 24; cohort.w1 2
cohort_active.w1 1
cohort_active.w4 0; stories_submitted 2; stories_published 1; content_released 2
content_offered 2; content_used 1; points 6; hours_logged 3/2; offline_activities 1
contest_entries 1; training_hours.median 9/2; esn_posts 8; esn_comments 0; esn_suggestions 1
knowledge_items 6; knowledge_reads 9; knowledge_base 6; esn_registered 1; esn_active 2
esn_slope 3/2; ties 1; ties_possible 2; mail.messages 40; mail.person_days 4
process.approval.median 4; off_channel_incidents 2; survey.engagement.positive 15
survey.engagement.negative 5; survey.engagement.score 2200; survey.engagement.answers 40
survey.enps.answers 10; survey.brand_trust.positive 20; leavers 1; adaptation_quits 1
person_days 98; hires 2; time_to_hire.median 30; figure.market_sales 20000
figure.recruiting_cost 5000; figure.output 150; figure.output_hours 120
"""
KPIS_BY_HAND = """
invite_activation_rate 100/3; program_churn_rate 100; cohort_retention_week_1 50
participation_evenness 1/2; connected_accounts_rate 50; leadership_participation_rate 100
training_coverage 50; mood_barometer 125/3; story_approval_rate 50; content_use_rate 50
auto_share_ratio 100/3; audience_growth_rate 30; organic_reach_rate 55
audience_match_rate_title 25; generation_mix_gen_x 25; share_of_voice 75; sentiment_index 1/3
lead_conversion_lift 0; time_to_close_delta_measured 15; quota_attainment 100
market_share 10; customer_loyalty 100/3; cost_per_hire 2500; cross_unit_ties 50
kb_reuse 3/2; turnover_rate 200/7; engaged_ratio 3; engagement_index 55; enps 30; brand_trust 40
productivity_index 5/4
"""


def _expected(text: str) -> dict[str, Fraction]:
    pairs = [entry.split() for line in text.strip().splitlines() for entry in line.split(";")]
    return {name: Fraction(value) for name, value in pairs}


@pytest.fixture
async def company(database: Database, org: Org) -> Org:
    await tell(database, org, *everything())
    return org


async def _read(
    database: Database,
    org: Org,
    measures: list[str],
    *buckets: Period,
    by: str | None = None,
    filters: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> MeasureTable:
    async with database.transaction(org.id) as connection:
        return await read_measures(connection, org, measures, MeasureQuery(buckets, by, filters))


async def test_an_open_deal_is_in_the_pipeline_whenever_it_was_hoped_to_close(
    database: Database, org: Org
) -> None:
    hoped_for, decided = (
        {
            "kind": "deal.changed",
            "source": "crm",
            "external_id": deal,
            "occurred_at": "2025-01-10T09:00:00Z",
            "deal": deal,
            "state": state,
            "amount": "800.00",
            "currency": "USD",
            "opened_at": "2025-01-10T09:00:00Z",
            "closed_at": "2025-01-20T09:00:00Z",
        }
        for deal, state in (("d1", "open"), ("d2", "lost"))
    )
    await tell(database, org, *parse_facts([hoped_for, decided]))

    table = await _read(database, org, ["pipeline"], JANUARY, FEBRUARY)
    assert [table[bucket, ""]["pipeline"] for bucket in (0, 1)] == [800, 800]


async def test_measures_by_hand(database: Database, company: Org) -> None:
    expected = _expected(BY_HAND)
    table = await _read(database, company, list(expected), FEBRUARY)

    assert {name: exact(value) for name, value in table[0, ""].items()} == expected


async def test_kpis_by_hand(database: Database, company: Org) -> None:
    expected = _expected(KPIS_BY_HAND)
    kpis = [catalogue().kpis[name] for name in expected]
    measures = [m.id for kpi in kpis for m in catalogue().measures_of(kpi.id)]
    table = await _read(database, company, measures, FEBRUARY)

    assert {kpi.id: evaluate(kpi, table[0, ""]).exact for kpi in kpis} == expected


async def test_an_independent_recomputation_agrees(database: Database, company: Org) -> None:
    report = await verify(database, company.id)

    assert not report.listed


async def test_what_is_known_today_is_what_there_is(database: Database, company: Org) -> None:
    counted = list(MEASURES)
    counted.remove("engagements_tagged")
    now = await _read(database, company, counted, FEBRUARY)
    async with database.transaction(company.id) as connection:
        today = clock.local_day(clock.now(), company.zone)
        await look_back(connection, await known_on(connection, company, today))
        then = await read_measures(connection, company, counted, MeasureQuery((FEBRUARY,)))

    assert then == now


async def test_what_nobody_told_is_missing_and_not_zero(database: Database, company: Org) -> None:
    silent = ["survey.stress.score", "search.hours", "process.onboarding.median", "cost"]
    table = await _read(database, company, [*silent, "reach.sum", "esn_slope"], JANUARY)

    assert {name: table[0, ""][name] for name in silent} == dict.fromkeys(silent)
    # Facts there are, but none of these days: no reach was read, and nothing can grow.
    assert table[0, ""]["reach.sum"] is None
    assert table[0, ""]["esn_slope"] is None


async def test_hashtags_have_no_total(database: Database, company: Org) -> None:
    by_tag = await _read(database, company, ["engagements_tagged"], FEBRUARY, by="hashtag")
    assert {group: row["engagements_tagged"] for (_, group), row in by_tag.items()} == {
        "hiring": 5,
        "life": 5,
    }

    with pytest.raises(ForbiddenSlice) as refused:
        await _read(database, company, ["engagements_tagged"], FEBRUARY)
    assert refused.value.code == "parts_overlap"
    one = frozenset({"hiring"})
    table = await _read(
        database, company, ["engagements_tagged"], FEBRUARY, filters={"hashtag": one}
    )
    assert table[0, ""]["engagements_tagged"] == 5
    # The reading names no network; where the post went out does.
    by_network = await _read(
        database,
        company,
        ["engagements_tagged"],
        FEBRUARY,
        by="network",
        filters={"hashtag": one},
    )
    assert by_network == {(0, "linkedin"): {"engagements_tagged": 5}}


async def test_units_are_where_touches_were(database: Database, company: Org) -> None:
    names = ["units.linear", "units.first"]
    by_channel = await _read(database, company, names, FEBRUARY, by="channel")
    by_account = await _read(database, company, names, FEBRUARY, by="account")

    # Of the bolt deal's three units a half each; its first touch was the brand's.
    assert by_channel == {
        (0, "brand"): {"units.linear": Decimal("5.5"), "units.first": 7},
        (0, "employee_advocacy"): {"units.linear": Decimal("4.5"), "units.first": 3},
    }
    assert by_account == {(0, "brand"): by_channel[0, "brand"]}


async def test_opportunities_are_where_the_touches_of_their_leads_were(
    database: Database, company: Org
) -> None:
    names = ["opportunities.linear", "opportunities.first"]
    by_channel = await _read(database, company, names, FEBRUARY, by="channel")
    by_team = await _read(database, company, names, FEBRUARY, by="team")

    # Two deals of the first lead, which an advocate led to, and two of the last, the brand's; of
    # the one between them both have a half each, and the brand was first.
    assert by_channel == {
        (0, "brand"): dict(zip(names, (Decimal("2.5"), 3), strict=True)),
        (0, "employee_advocacy"): dict(zip(names, (Decimal("2.5"), 2), strict=True)),
    }
    assert by_team == {(0, "Sales"): by_channel[0, "employee_advocacy"]}


async def test_a_deal_is_covered_in_its_owners_team(database: Database, company: Org) -> None:
    days = {"opened_at": "2025-02-02T09:00:00Z", "closed_at": "2025-02-12T09:00:00Z"}
    won = {"state": "won", "amount": "1.00", "currency": "USD", **days}
    cold = fact("deal.changed", "cold", "2025-02-12", deal="cold", employee="E3", **won)
    await tell(database, company, cold)

    names = ["wins_owned", "wins_owned_touched"]
    assert await _read(database, company, names, FEBRUARY, by="team") == {
        (0, "IT"): {"wins_owned": 1, "wins_owned_touched": 0},
        (0, "Sales"): {"wins_owned": 4, "wins_owned_touched": 4},
    }


async def test_who_joins_without_an_invitation_accepts_none(
    database: Database, company: Org
) -> None:
    asked = fact("member.invited", "E4", "2025-02-03", employee="E4")
    uninvited = fact("member.joined", "E5", "2025-02-03", employee="E5")
    await tell(database, company, asked, uninvited)

    # Three of four accepted. Were E5 counted, all four had.
    (accepted,) = await _values(
        database, company, catalogue().kpis["invite_acceptance_rate"], FEBRUARY
    )
    assert accepted.exact == 75


async def test_a_quota_is_of_the_team_of_each_day(database: Database, company: Org) -> None:
    place = {"employee": "E1", "team": "IT", "effective_on": "2025-02-15"}
    moved = fact("employee.recorded", "move", "2025-02-15", **place)
    await tell(database, company, moved)

    # 2000 over the 28 days of February, of which E1 is in Sales for 14: whole, and in its halves.
    middle = date(2025, 2, 15)
    halves = Period(FEBRUARY.start, middle), Period(middle, FEBRUARY.end)
    assert await _read(database, company, ["quota"], FEBRUARY, by="team") == {
        (0, "IT"): {"quota": 1000},
        (0, "Sales"): {"quota": 1000},
    }
    assert await _read(database, company, ["quota"], *halves, by="team") == {
        (0, "IT"): {"quota": 0},
        (0, "Sales"): {"quota": 1000},
        (1, "IT"): {"quota": 1000},
        (1, "Sales"): {"quota": 0},
    }
    await assert_explained(database, company, "quota", {"team": frozenset({"IT"})})


async def test_changes_of_the_index_are_told_day_by_day(database: Database, org: Org) -> None:
    first = date(2025, 1, 1)
    pillars = {"people": "20", "insights": "20", "relationships": "20"}
    readings = [
        fact("ssi.recorded", f"{who}@{day}", str(day), employee=who, brand=str(month), **pillars)
        for month in range(4)
        for day in [first + timedelta(days=30 * month)]
        for who in (f"E{number}" for number in range(60))
    ]
    await tell(database, org, *readings)

    days = [
        Period(day, day + timedelta(days=1)) for day in (first + timedelta(n) for n in range(180))
    ]
    table = await _read(database, org, ["ssi_change"], *days)

    # Everybody's index grows by a point on the day of each later reading, and on no other.
    moved = {day for (day, _), row in table.items() if row["ssi_change"]}
    assert moved == {30, 60, 90}
    assert table[0, ""]["ssi_change"] is None
    assert table[1, ""]["ssi_change"] == 0
    assert table[60, ""]["ssi_change"] == 1


async def test_where_deals_are_told_none_lost_is_zero(database: Database, org: Org) -> None:
    won = {"deal": "D1", "state": "won", "amount": "10.00", "currency": "USD"}
    won |= {"opened_at": "2025-01-02T09:00:00Z", "closed_at": "2025-01-05T09:00:00Z"}
    await tell(database, org, fact("deal.changed", "D1", "2025-01-05", **won))

    table = await _read(database, org, ["deals_won", "deals_lost"], JANUARY)
    assert dict(table[0, ""]) == {"deals_won": 1, "deals_lost": 0}


async def test_cover_by_account(database: Database, company: Org) -> None:
    days = {"starts_on": "2025-02-01", "ends_on": "2025-03-01"}
    cost = {"category": "content", "amount": "70.00", "currency": "USD", **days}
    spent = fact("cost.booked", "1", "2025-02-01", account="brand", channel="brand", **cost)
    await tell(database, company, spent)

    names = ["cost_brand", "revenue_brand"]
    assert await _read(database, company, names, FEBRUARY, by="account") == {
        (0, "brand"): {"cost_brand": 70, "revenue_brand": 350},
    }


async def test_every_kpi_rolls_up_as_its_class_says(database: Database, company: Org) -> None:
    for kpi in (k for k in catalogue().kpis.values() if k.formula):
        if Dimension.HASHTAG not in kpi.dimensions:
            parts = await _values(database, company, kpi, JANUARY, FEBRUARY)
            (whole,) = await _values(database, company, kpi, WHOLE)
            _assert_rolls_up(kpi, parts, whole, Axis.TIME)
        for dimension in kpi.dimensions:
            await _assert_rolls_up_over(database, company, kpi, dimension)


async def _assert_rolls_up_over(
    database: Database, org: Org, kpi: Kpi, dimension: Dimension
) -> None:
    measures = catalogue().measures_of(kpi.id)
    only: dict[str, frozenset[str]] = {}
    if Dimension.HASHTAG in kpi.dimensions and dimension is not Dimension.HASHTAG:
        only = {"hashtag": frozenset({"hiring"})}
    ids = [m.id for m in measures]
    groups = await _read(database, org, ids, FEBRUARY, by=dimension, filters=only)
    if not groups:
        return
    parts = [_valued(kpi, row) for row in groups.values()]
    if dimension is Dimension.HASHTAG:
        _assert_refused(kpi, parts, dimension)
        return
    named = frozenset(group for _, group in groups)
    (whole,) = await _values(database, org, kpi, FEBRUARY, filters={dimension: named, **only})
    _assert_rolls_up(kpi, parts, whole, dimension)


def _assert_rolls_up(
    kpi: Kpi, parts: list[KpiValue], whole: KpiValue, over: Axis | Dimension
) -> None:
    """Assert that the combination of the parts is the whole, or that it is refused."""
    if over not in additive_over(kpi):
        _assert_refused(kpi, parts, over)
        return
    together = combine(kpi, parts, over=over)
    if together.exact is not None or whole.exact is None:
        assert together.exact == whole.exact, (kpi.id, over)
    else:
        # One part without a value leaves the combination without one, whatever the whole has.
        assert any(part.exact is None for part in parts), (kpi.id, over)


def _assert_refused(kpi: Kpi, parts: list[KpiValue], over: Axis | Dimension) -> None:
    with pytest.raises(ForbiddenRollup):
        combine(kpi, parts, over=over)


async def _values(
    database: Database,
    org: Org,
    kpi: Kpi,
    *buckets: Period,
    filters: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> list[KpiValue]:
    measures = [m.id for m in catalogue().measures_of(kpi.id)]
    table = await _read(database, org, measures, *buckets, filters=filters)
    return [_valued(kpi, table[index, ""]) for index in range(len(buckets))]


def _valued(kpi: Kpi, row: Any) -> KpiValue:
    return evaluate(kpi, row, dict.fromkeys(ASSUMPTIONS, Decimal(2)))


async def test_the_facts_behind_every_measure_make_its_value(
    database: Database, company: Org
) -> None:
    for measure in MEASURES.values():
        if measure.kept is Kept.CALENDAR:
            continue
        filters: list[dict[str, frozenset[str]]] = [{}]
        if Dimension.HASHTAG in measure.dimensions:
            filters = [{"hashtag": frozenset({"hiring"})}]
        if Dimension.TEAM in measure.dimensions:
            filters.append({"team": frozenset({"IT"})})
        for asked in filters:
            await assert_explained(database, company, measure.id, asked)
