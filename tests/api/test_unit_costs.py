"""What a lead, an opportunity and a win cost by campaign and model, and how many leads were won."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.kpis.vocabulary import AttributionModel
from tests.api.asking import explained, get, groups, quantities, values
from tests.api.conftest import TellAndCorrect
from tests.api.golden import Q1, fact, local

BEFORE, NOW = {"as_of": "2025-04-10"}, {"as_of": "2025-05-01"}
SPRING, HIRING = "spring", "hiring"


def spent(name: str, amount: str, **on: str) -> dict[str, Any]:
    days = {"starts_on": "2025-01-01", "ends_on": "2025-04-01"}
    cost = {"category": "content", "amount": amount, "currency": "USD", **days}
    return fact("cost.booked", name, local(date(2025, 1, 1)), **cost, **on)


def touched(name: str, day: int, person: str, campaign: str, who: str | None) -> dict[str, Any]:
    by = {"channel": "employee_advocacy", "employee": who} if who else {"channel": "paid"}
    where = {"campaign": campaign, "network": "linkedin", **by}
    return fact("touch.recorded", name, local(date(2025, 1, day)), person=person, **where)


def opened(name: str, **closed: str) -> dict[str, Any]:
    state = {"state": "won", "amount": "10.00", "currency": "USD"} if closed else {"state": "open"}
    day = local(date(2025, 2, 20))
    told = {"deal": name, "lead": name, "opened_at": "2025-02-10T12:00:00Z", **state, **closed}
    return fact("deal.changed", name, day, **told)


def quarter() -> Iterator[dict[str, Any]]:
    """Yield four leads, two deals and three costs, one of which is no campaign's."""
    yield spent("of-spring", "900.00", campaign=SPRING)
    yield spent("of-hiring", "600.00", campaign=HIRING)
    yield spent("of-all", "300.00")
    yield touched("a1", 10, "a", SPRING, "E1")
    yield touched("b1", 10, "b", SPRING, None)
    yield touched("b2", 11, "b", HIRING, "E2")
    yield touched("c1", 10, "c", SPRING, "E1")
    yield touched("c2", 11, "c", HIRING, "E2")
    yield touched("d1", 10, "d", SPRING, None)
    for name in "abcd":
        yield fact("lead.created", name, local(date(2025, 2, 1)), lead=name, person=name)
    yield opened("a", closed_at="2025-02-20T12:00:00Z")
    yield opened("b")


@pytest_asyncio.fixture
async def selling(client: httpx.AsyncClient, tell_and_correct: TellAndCorrect) -> httpx.AsyncClient:
    """Return a client of a quarter's leads; that an ad led to one turned out to be wrong."""
    await tell_and_correct(quarter(), [touched("b1", 10, "b", SPRING, "E1")])
    return client


@pytest.mark.parametrize(
    ("kpi", "known", "campaigns", "whole"),
    [
        # To advocates go a, a half of b, and c: in spring one and a half, by the first touch two.
        ("cost_per_lead_linear", BEFORE, {SPRING: "600.00", HIRING: "600.00"}, "720.00"),
        ("cost_per_lead_linear", NOW, {SPRING: "450.00", HIRING: "600.00"}, "600.00"),
        ("cost_per_lead_first", BEFORE, {SPRING: "450.00", HIRING: None}, "900.00"),
        ("cost_per_lead_first", NOW, {SPRING: "300.00", HIRING: None}, "600.00"),
        # Deals were opened of a and b.
        ("cost_per_opportunity_linear", BEFORE, {SPRING: "900.00", HIRING: "1200.00"}, "1200.00"),
        ("cost_per_opportunity_linear", NOW, {SPRING: "600.00", HIRING: "1200.00"}, "900.00"),
        ("cost_per_opportunity_last", BEFORE, {SPRING: "900.00", HIRING: "600.00"}, "900.00"),
        ("cost_per_win_linear", NOW, {SPRING: "900.00", HIRING: None}, "1800.00"),
        ("cost_per_win", NOW, {SPRING: "900.00", HIRING: None}, "1800.00"),
        # A lead is where an advocate first met it.
        ("lead_conversion_rate_advocacy", BEFORE, {SPRING: "50.00", HIRING: "0.00"}, "33.33"),
        ("lead_conversion_rate_advocacy", NOW, {SPRING: "33.33"}, "33.33"),
    ],
)
async def test_unit_costs_and_conversion_come_by_campaign(
    selling: httpx.AsyncClient,
    kpi: str,
    known: dict[str, str],
    campaigns: dict[str, str | None],
    whole: str,
) -> None:
    assert await values(selling, kpi, **known, group_by="campaign") == campaigns
    for campaign, value in campaigns.items():
        assert await values(selling, kpi, **known, campaign=campaign) == {None: value}
    assert await values(selling, kpi, **known) == {None: whole}


@pytest.mark.parametrize("what", ["lead", "opportunity", "win"])
async def test_every_model_divides_the_cost_by_what_it_credits_to_advocates(
    selling: httpx.AsyncClient, what: str
) -> None:
    credited = {"lead": "leads", "opportunity": "opportunities", "win": "wins"}[what]
    for model in AttributionModel:
        whole = (await groups(selling, f"cost_per_{what}_{model}"))[None]
        asked = {"channel": "employee_advocacy"}
        ((_, counted),) = (await values(selling, f"attributed_{credited}_{model}", **asked)).items()
        assert whole["numerator"] == "1800"
        assert round(Fraction(whole["denominator"]), 2) == Fraction(counted), model


async def test_where_nothing_was_credited_a_unit_has_no_cost(selling: httpx.AsyncClient) -> None:
    hiring = (await groups(selling, "cost_per_lead_first", campaign=HIRING))[None]

    assert (hiring["value"], hiring["null_reason"]) == (None, "zero_denominator")
    assert (hiring["numerator"], hiring["denominator"]) == ("600", "0")


@pytest.mark.parametrize(
    "kpi",
    ["cost_per_lead_linear", "cost_per_opportunity_linear", "lead_conversion_rate_advocacy"],
)
async def test_the_facts_of_a_campaign_make_its_figure(
    selling: httpx.AsyncClient, kpi: str
) -> None:
    answer, lines = await explained(selling, kpi, campaign=SPRING, limit=1)

    assert len(answer["inputs"]) == 2
    for given in answer["inputs"]:
        told = quantities(lines, given["measure"])
        assert told
        assert sum(told) == Fraction(given["value"]), given


async def test_a_corrected_touch_moves_what_an_opportunity_costs(
    selling: httpx.AsyncClient,
) -> None:
    asked = {**Q1, "kpi": "cost_per_opportunity_linear", "campaign": SPRING}
    moves = await get(selling, "restatements", **asked)
    assert [(m["day"], m["before"], m["after"]) for m in moves["restatements"]] == [
        ("2025-04-20", "900.00", "600.00")
    ]
    causes = await get(selling, "restatements/facts", **asked, day="2025-04-20")
    assert [(one["external_id"], one["weight"]) for one in causes["facts"]] == [
        ("b1", -1),
        ("b1", 1),
    ]
