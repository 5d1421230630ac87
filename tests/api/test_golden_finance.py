"""Golden numbers 8 and 14 through the public door: lag, and the internal network."""

from datetime import date
from decimal import Decimal

import httpx
import pytest

from tests.api.asking import assume, refusal
from tests.api.conftest import At, Deliver
from tests.api.golden import fact, local
from tests.api.test_golden import get, golden

__all__ = ["golden"]


@pytest.fixture
def on_20_april(at: At) -> None:
    """Let the API live on 20 April 2025, three weeks after the quarter."""
    at(local(date(2025, 4, 20)))


async def test_cohort_by_day_pays_back_on_day_109(
    golden: httpx.AsyncClient, on_20_april: None
) -> None:
    cohort = await get(golden, "roi/cohort", age_unit="day")

    by_day = {point["day"]: point for point in cohort["curve"]}
    assert list(by_day)[-1] == cohort["today"] == "2025-04-20"
    margins = {
        "2025-04-01": "0.00",
        "2025-04-02": "4000.00",
        "2025-04-03": "4000.00",
        "2025-04-05": "7600.00",
        "2025-04-10": "14000.00",
        "2025-04-15": "18000.00",
        "2025-04-19": "18000.00",
        "2025-04-20": "22800.00",
    }
    assert {day: by_day[day]["cumulative"] for day in margins} == margins
    assert by_day["2025-04-01"]["roi_percent"] == "-100.00"
    assert by_day["2025-04-20"]["age"] == 109
    assert by_day["2025-04-20"]["roi_percent"] == "1.33"
    assert cohort["payback"] == {"day": "2025-04-20", "age_days": 109}
    assert cohort["maturity"] == {"opened": 7, "closed": 7, "percent": "100.00"}
    # Little is known of how long leads take, but none of these is open.
    assert cohort["notices"] == []


async def test_period_roi_is_minus_100_percent_and_the_cohort_by_month_says_when_it_turns(
    golden: httpx.AsyncClient,
) -> None:
    period = await get(golden, "roi", basis="period")
    cohort = await get(golden, "roi/cohort", age_unit="month")

    assert period["roi_on_margin"]["percent"] == "-100.00"
    assert [notice["code"] for notice in period["notices"]] == ["no_close_in_period"]
    returns = [point["roi_percent"] for point in cohort["curve"][:5]]
    assert returns == ["-100.00", "-100.00", "-100.00", "-100.00", "1.33"]


async def test_a_period_that_has_not_begun_has_not_paid_back(golden: httpx.AsyncClient) -> None:
    later = {"from": "2090-01-01", "to": "2090-04-01"}

    for path in ("roi", "roi/cohort"):
        told = await get(golden, path, **later)

        assert (told["cost"]["total"], told["payback"], told["curve"]) == ("0.00", None, [])


async def test_a_period_that_begins_today_can_have_paid_back(
    golden: httpx.AsyncClient, deliver: Deliver, on_20_april: None
) -> None:
    today = date(2025, 4, 20)
    person = {"person_email": "swift@client.example"}
    touched = {"channel": "employee_advocacy", "employee": "E001"}
    at = {"opened_at": local(today, 3).isoformat(), "closed_at": local(today, 4).isoformat()}
    money = {"amount": "1000.00", "currency": "USD"}
    days = {"starts_on": "2025-04-20", "ends_on": "2025-04-21"}
    await deliver(
        [
            fact("touch.recorded", "swift", local(today, 1), **person, **touched),
            fact("lead.created", "swift", local(today, 2), lead="swift", **person),
            fact(
                "deal.changed",
                "swift",
                local(today, 4),
                **{"deal": "swift", "lead": "swift", "state": "won", **at, **money},
            ),
            fact("cost.booked", "ad", local(today, 1), category="content", **days, **money)
            | {"amount": "10.00"},
        ]
    )

    cohort = await get(golden, "roi/cohort", **{"from": "2025-04-20", "to": "2025-04-21"})

    assert cohort["payback"] == {"day": "2025-04-20", "age_days": 0}


async def test_a_cohort_that_is_decided_expects_what_it_has(golden: httpx.AsyncClient) -> None:
    expected = (await get(golden, "roi/cohort"))["expected"]

    assert (expected["value"], expected["low"], expected["high"]) == ("22800.00",) * 3
    assert expected["roi_percent"] == "1.33"
    assert expected["open_leads"] == 0
    assert expected["history"] == {
        "won": 6,
        "lost": 4,
        "open": 0,
        "wins": 5,
        "longest_win_days": 85,
    }
    assert expected["payback"] is None


async def test_open_leads_are_expected_to_end_as_others_did(
    golden: httpx.AsyncClient, deliver: Deliver, on_20_april: None
) -> None:
    day = local(date(2025, 3, 28))
    young = []
    for name in (f"young-{number}" for number in range(8)):
        person = {"person_email": f"{name}@client.example"}
        touched = {"channel": "employee_advocacy", "employee": "E001"}
        young.append(fact("touch.recorded", name, day, **person, **touched))
        young.append(fact("lead.created", name, day, lead=name, **person))
    await deliver(young)

    cohort = await get(golden, "roi/cohort")

    expected = cohort["expected"]
    assert cohort["today"] == "2025-04-20"
    assert expected["open_leads"] == 8
    assert expected["history"]["open"] == 8
    assert Decimal(cohort["realized"]) == 22800
    assert Decimal(expected["low"]) < Decimal(expected["value"]) < Decimal(expected["high"])
    assert 0 < Decimal(expected["further_wins"]) < 8
    # The first lead came in January; in the median, one is won after 60 days.
    assert [notice["code"] for notice in cohort["notices"]] == ["history_short"]
    again = await get(golden, "roi/cohort")
    assert again["expected"] == expected


async def test_without_a_margin_nothing_is_made_up(client: httpx.AsyncClient) -> None:
    cohort = await get(client, "roi/cohort")

    assert cohort["realized"] is None
    assert cohort["curve"] == []
    assert cohort["expected"]["null_reason"] == "missing:gross_margin"


NETWORK = {
    "esn.adaptation_quits": "4",
    "esn.people": "100",
    "esn.minutes_saved_per_day": "10",
    "esn.hourly_rate": "30",
    "esn.cost": "3600",
}


async def test_internal_network_returns_545_percent(client: httpx.AsyncClient) -> None:
    for key, value in NETWORK.items():
        await assume(client, key, value, source="works council")

    response = await client.get("/v1/roi/internal-network", params={"on": "2025-01-01"})

    assert response.status_code == 200, response.text
    statement = response.json()
    lines = {line["kind"]: line for line in statement["lines"]}
    assert {kind: line["amount"] for kind, line in lines.items()} == {
        "leavers_avoided": "1232.00",
        "time_saved": "22000.00",
    }
    assert {line["grade"] for line in lines.values()} == {"modelled"}
    assert (statement["roi"]["percent"], statement["roi"]["grade"]) == ("545.33", "modelled")
    (claim,) = statement["claims"]
    assert (claim["amount"], claim["grade"]) == ("1320000.00", "claimed")
    assert (statement["roi"]["value"], statement["cost"]) == ("23232.00", "3600.00")


async def test_ideas_count_where_the_company_says_what_they_were_worth(
    client: httpx.AsyncClient,
) -> None:
    for key, value in {**NETWORK, "esn.ideas_value": "768", "esn.mails_avoided": "1000"}.items():
        await assume(client, key, value, source="works council")

    response = await client.get("/v1/roi/internal-network", params={"on": "2025-01-01"})

    statement = response.json()
    assert [(line["kind"], line["amount"]) for line in statement["lines"]] == [
        ("leavers_avoided", "1232.00"),
        ("time_saved", "22000.00"),
        ("ideas", "768.00"),
    ]
    assert statement["roi"]["percent"] == "566.67"  # (24,000 - 3,600) / 3,600


async def test_overlapping_lines_are_refused_by_name(client: httpx.AsyncClient) -> None:
    asked = {"on": "2025-01-01", "lines": ["time_saved", "mail_avoided"]}

    refused = await client.get("/v1/roi/internal-network", params=asked)
    given = await client.get(
        "/v1/roi/internal-network", params={**asked, "accept_overlaps": "true"}
    )

    assert refusal(refused) == (422, "overlapping_value")
    assert "mail_avoided, time_saved" in refused.json()["errors"][0]["message"]
    (pair,) = given.json()["roi"]["counted_twice"]
    assert (pair["one"], pair["other"]) == ("mail_avoided", "time_saved")
    assert given.json()["roi"]["percent"] is None


async def test_cohort_as_it_was_known_before_anything_was(golden: httpx.AsyncClient) -> None:
    cohort = await get(golden, "roi/cohort", as_of="2025-05-01")
    costs = await get(golden, "roi/costs", as_of="2025-05-01")

    assert cohort["today"] == "2025-05-01"
    assert cohort["expected"]["null_reason"] == "missing:gross_margin"
    assert cohort["cost"]["total"] is None
    assert (costs["lines"], costs["cost"]["total"]) == ([], None)
