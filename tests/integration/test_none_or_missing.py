"""None and missing: what facts say to be none is 0, what nobody told anything of is null.

By the catalogue's rule: null with a reason where an input is missing, never 0 for it.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pytest

from services.metrics.verify import verify
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.catalogue_facts import fact
from tests.integration.telling import tell
from tests.integration.test_fold import FEBRUARY, measure, place, share

_DAY = "2025-02-05"
_BOOKED = {"category": "platform", "currency": "USD", "starts_on": _DAY, "ends_on": "2025-02-06"}
_VISITS = {"day": _DAY, "sessions": 7, "channel": "organic"}
_READ = {"day": _DAY, "account": "brand", "segment": "x", "impressions": 0}
_HIRE = fact("hire.accepted", "h", _DAY, application="a")
_LEAD = fact("lead.created", "l", _DAY, lead="l", person="q")
_ASKED = {"topic": "engagement", "respondents": 10}

#: What is told, and what of it is none, or missing all the same.
TOLD: Mapping[str, tuple[list[Fact], Mapping[str, int | None]]] = {
    "hires without a referral": (
        [_HIRE],
        {"hires_advocacy": 0, "hires.linear": 0, "applications_advocacy": None},
    ),
    "applications of nobody's": (
        [fact("application.submitted", "a", _DAY, application="a")],
        {"applications_advocacy": 0, "applications.last": 0, "hires_advocacy": None},
    ),
    "visits of the site": (
        [fact("session.recorded", "s", _DAY, **_VISITS)],
        {"sessions_advocacy": 0, "key_events": 0, "careers_sessions_advocacy": None},
    ),
    "visits of the careers pages": (
        [fact("session.recorded", "s", _DAY, **_VISITS, landing="careers")],
        {"careers_sessions_advocacy": 0, "sessions": None, "sessions_brand": None},
    ),
    "clicks of machines": (
        [fact("link.clicked", "c", _DAY, link="k", is_human=False)],
        {"clicks": 0},
    ),
    "leads, and touches of others": (
        [_LEAD, fact("touch.recorded", "t", _DAY, person="x", channel="employee_advocacy")],
        {"leads_advocacy": 0, "leads.linear": 0, "leads_won": None},
    ),
    "leads alone": ([_LEAD], {"leads_advocacy": None, "leads.first": 0}),
    "touches alone": (
        [fact("touch.recorded", "t", _DAY, person="x", channel="employee_advocacy")],
        {"leads_advocacy": None, "leads.first": None},
    ),
    "a cost of 0": (
        [fact("cost.booked", "c", _DAY, **_BOOKED, amount="0.00")],
        {"cost": 0, "cost.rewards": 0, "cost_brand": None},
    ),
    "a cost of the brand": (
        [fact("cost.booked", "c", _DAY, **_BOOKED, amount="5.00", channel="brand")],
        {"cost": None, "cost.rewards": None, "cost_brand": 5},
    ),
    "a cost that was credited back": (
        [fact("cost.booked", n, _DAY, **_BOOKED, amount=n) for n in ("5.00", "-5.00")],
        {"cost": 0},
    ),
    "an idle day": (
        [fact("internal.daily", "i", _DAY, employee="E1", day=_DAY)],
        {"esn_posts": 0, "esn_suggestions": 0, "knowledge_reads": 0},
    ),
    "hours of the program": (
        [fact("activity.logged", "a", _DAY, activity="program", hours="2")],
        {"offline_activities": 0, "contest_entries": 0},
    ),
    "no incident": ([fact("incident.recorded", "i", _DAY, count=0)], {"off_channel_incidents": 0}),
    "views of nobody wanted": (
        [fact("demographics.recorded", "d", _DAY, **_READ, facet="title")],
        {"impressions_profiled.title": 0, "impressions_target.title": 0}
        | {"impressions_target.city": None, "impressions_generation.gen_x": None},
    ),
    "posts of the brand": (
        [fact("post.published", "p", _DAY, post="p", account="brand")],
        {"posts_brand": 1, "shares": None, "sharers": None, "engaged_users": None},
    ),
    "a reading of 0 views": (
        [fact("post.metrics", "r", _DAY, post="p", employee="E1", impressions=0)],
        {"impressions_advocacy": 0, "reactions_advocacy": 0, "network_clicks_advocacy": None}
        | {"impressions_brand": None, "impressions_boosted": None, "reactions_brand": None},
    ),
    "a reading of a source that counts no views": (
        [fact("post.metrics", "r", _DAY, post="p", account="brand", reactions=3, clicks=0)],
        {"impressions_brand": None, "reactions_brand": 3, "network_clicks_brand": 0},
    ),
    "readings of a post that its publication names": (
        [
            *(
                fact("post.metrics", n, f"2025-02-{n}", post="p", impressions=0)
                for n in ("07", "08")
            ),
            fact("post.published", "p", _DAY, post="p", employee="E1"),
        ],
        {"impressions_advocacy": 0, "comments_advocacy": 0, "impressions_brand": None},
    ),
    "a day without views": (
        [fact("engagement.daily", "d", _DAY, day=_DAY, account="brand", impressions=0)],
        {"impressions_brand": 0, "reshares_brand": 0, "network_clicks_brand": None}
        | {"impressions_advocacy": None, "reactions_advocacy": None},
    ),
    "a day of ads without clicks": (
        [
            fact("engagement.daily", "d", _DAY, day=_DAY, employee="E1", is_paid=True, clicks=0),
        ],
        {"network_clicks_boosted": 0, "reactions_boosted": 0, "impressions_boosted": None}
        | {"network_clicks_advocacy": None},
    ),
    "reports of listening": (
        [fact("login.recorded", "l", _DAY, employee="E1", system="listening")],
        {"engaged_users": None, "leaders_listening": 0},
    ),
    "a survey of scores": (
        [fact("survey.recorded", "s", _DAY, **_ASKED, score_sum="30")],
        {"survey.engagement.score": 30, "survey.engagement.positive": None},
    ),
    "a survey of promoters": (
        [fact("survey.recorded", "s", _DAY, **_ASKED, positive=4)],
        {"survey.engagement.positive": 4, "survey.engagement.answers": None},
    ),
    "connections of who may post": (
        [fact("audience.recorded", "c", _DAY, metric="connections", count=5, employee="E1")],
        {"potential_reach": None},
    ),
}


async def _read(
    database: Database, org: Org, names: Iterable[str], period: Period
) -> dict[str, Any]:
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, list(names), MeasureQuery((period,)))
    return dict(table[0, ""])


@pytest.mark.parametrize("told", TOLD)
async def test_none_is_0_and_missing_is_null(database: Database, org: Org, told: str) -> None:
    facts, expected = TOLD[told]
    await tell(database, org, *facts)

    assert await _read(database, org, expected, FEBRUARY) == expected
    # Of what anything was told, there was nothing on other days.
    before = {name: None if value is None else 0 for name, value in expected.items()}
    november = Period(date(2024, 11, 1), date(2024, 12, 1))
    assert await _read(database, org, expected, november) == before
    report = await verify(database, org.id)
    assert not report.unverified
    assert not report.listed

    await tell(database, org, *(Retraction(one.identity) for one in facts))
    assert await _read(database, org, expected, FEBRUARY) == dict.fromkeys(expected)


@pytest.mark.parametrize(
    ("first_day", "known"),
    [
        (1, {}),
        (9, {}),
        (10, {"headcount": 1, "linkedin_accounts": 0, "person_days": 1}),
        (11, {"headcount": 1, "linkedin_accounts": 0, "person_days": 1, "headcount_at_start": 1}),
    ],
)
async def test_who_was_there_before_the_roster_began_is_unknown(
    database: Database, org: Org, first_day: int, known: dict[str, int]
) -> None:
    await tell(database, org, place("E1", "Sales", "2025-02-10"), share("E2", "2025-02-03"))
    period = Period(date(2025, 2, first_day), date(2025, 2, max(10, first_day + 1)))
    names = ("headcount", "linkedin_accounts", "person_days", "headcount_at_start")

    assert await _read(database, org, names, period) == dict.fromkeys(names) | known
    by_team = await measure(database, org, "headcount", period, group_by="team")
    assert by_team == ({"Sales": 1} if known else {})
