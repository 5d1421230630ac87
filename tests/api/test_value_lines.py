"""Lines of value: recruiting by each method, and the guard against counting twice."""

from datetime import UTC, date, timedelta
from decimal import Decimal

import httpx
import pytest
import pytest_asyncio

from services.metrics.rebuild import continue_rebuild, start_rebuild
from shared.db import Database
from shared.orgs import Org
from tests.api.asking import assume, post, refusal
from tests.api.conftest import Deliver, Fold
from tests.api.golden import ACTIVE, Q1, fact, local
from tests.api.test_golden import get, golden

__all__ = ["golden"]


@pytest_asyncio.fixture
async def hired(golden: httpx.AsyncClient, org: Org, fold: Fold) -> httpx.AsyncClient:
    """Say when the two hires of the golden quarter were first in contact: 30 and 40 days before."""
    days = ((date(2025, 4, 28), 30), (date(2025, 5, 19), 40))
    again = []
    for number, (day, taken) in enumerate(days):
        contact = local(day - timedelta(days=taken)).astimezone(UTC).isoformat()
        again.append(
            fact(
                "hire.accepted",
                f"hire-{number}",
                local(day),
                application=f"A-{number}",
                employee=ACTIVE[number],
                first_contact_at=contact,
            )
        )
    await post(golden, again)
    await assume(golden, "vacancy.daily_cost", "100")
    await fold(org)
    return golden


@pytest.mark.parametrize(
    ("method", "amounts", "grade", "percent"),
    [
        ("R1", ["15000.00"], "claimed", "68.00"),
        ("R2", ["5800.00"], "modelled", "27.11"),
        # (2 * 42 - 70) days * 100
        ("R3", ["1400.00"], "modelled", "7.56"),
        ("R2+R3", ["5800.00", "1400.00"], "modelled", "33.33"),
    ],
)
async def test_recruiting_by_each_method(
    hired: httpx.AsyncClient, method: str, amounts: list[str], grade: str, percent: str
) -> None:
    statement = await get(hired, "roi", recruiting_method=method)

    lines = [line for line in statement["value_lines"] if line["kind"] != "margin"]
    assert [line["amount"] for line in lines] == amounts
    assert {line["grade"] for line in lines} == {grade}
    assert statement["roi_cash"]["percent"] == percent


async def test_a_hire_that_is_not_folded_yet_has_no_vacancy_either(
    hired: httpx.AsyncClient,
) -> None:
    before = await get(hired, "roi", recruiting_method="R3")
    day = date(2025, 5, 20)
    contact = local(day - timedelta(days=5)).astimezone(UTC).isoformat()
    who = {"application": "A-9", "employee": ACTIVE[3], "first_contact_at": contact}
    await post(hired, [fact("hire.accepted", "hire-9", local(day), **who)])
    after = await get(hired, "roi", recruiting_method="R3")

    assert after["hires"] == before["hires"] == 2
    assert after["value_lines"] == before["value_lines"]


async def test_a_rebuild_changes_no_line_of_value(
    hired: httpx.AsyncClient, database: Database, org: Org
) -> None:
    before = await get(hired, "roi", recruiting_method="R2+R3")
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    assert await continue_rebuild(database, org.id)
    after = await get(hired, "roi", recruiting_method="R2+R3")

    assert after["value_lines"] == before["value_lines"]


async def test_an_applicant_who_accepted_before_the_first_contact_is_refused(
    hired: httpx.AsyncClient,
) -> None:
    accepted = local(date(2025, 5, 20)).astimezone(UTC)
    same, later = accepted.isoformat(), (accepted + timedelta(seconds=1)).isoformat()
    who = {"application": "A-9", "employee": ACTIVE[3]}
    told = [
        {"facts": [fact("hire.accepted", "hire-9", accepted, first_contact_at=contact, **who)]}
        for contact in (later, same)
    ]

    refused = await hired.post("/v1/facts", json=told[0])
    taken = await hired.post("/v1/facts", json=told[1])

    assert refusal(refused) == (422, "invalid_facts")
    assert "accepted after the first contact" in refused.json()["errors"][0]["message"]
    assert taken.status_code == 200, taken.text


async def test_vacancies_nobody_told_are_unknown_and_not_free(golden: httpx.AsyncClient) -> None:
    statement = await get(golden, "roi", recruiting_method="R3")

    assert statement["roi_cash"]["percent"] is None
    assert statement["roi_cash"]["null_reason"] == "missing:vacancies"


@pytest.mark.parametrize(
    ("lines", "pairs"),
    [
        (["margin", "media_value"], ["margin, media_value"]),
        (["revenue", "margin"], ["margin, revenue"]),
        (
            ["recruiting_flat", "recruiting_cost_per_hire", "recruiting_vacancy"],
            [
                "recruiting_cost_per_hire, recruiting_flat",
                "recruiting_flat, recruiting_vacancy",
            ],
        ),
    ],
)
async def test_overlapping_lines_are_refused_by_name_and_flagged_if_wanted(
    hired: httpx.AsyncClient, lines: list[str], pairs: list[str]
) -> None:
    refused = await hired.get("/v1/roi/value", params={**Q1, "lines": lines})
    given = await get(hired, "roi/value", lines=lines, accept_overlaps="true")

    assert refusal(refused) == (422, "overlapping_value")
    named = [error["message"].split(":")[0] for error in refused.json()["errors"]]
    assert named == pairs
    twice = [f"{pair['one']}, {pair['other']}" for pair in given["roi"]["counted_twice"]]
    assert twice == pairs


async def test_lines_that_do_not_overlap_add_up(hired: httpx.AsyncClient) -> None:
    lines = ["margin", "recruiting_cost_per_hire", "recruiting_vacancy"]

    added = await get(hired, "roi/value", lines=lines)

    assert [Decimal(line["amount"]) for line in added["lines"]] == [22800, 5800, 1400]
    assert [line["value_class"] for line in added["lines"]] == [
        "cash",
        "avoided_cost",
        "avoided_cost",
    ]
    assert added["roi"]["percent"] == "33.33"
    assert {used["key"] for used in added["assumptions"]} == {
        "gross_margin",
        "cost_per_hire.baseline",
        "cost_per_hire.referral",
        "vacancy.days_baseline",
        "vacancy.daily_cost",
    }


async def test_only_rates_that_applied_are_listed(hired: httpx.AsyncClient) -> None:
    added = await get(hired, "roi/value", lines=["revenue", "recruiting_flat"])

    assert [used["key"] for used in added["assumptions"]] == ["recruiting.flat"]


@pytest.mark.parametrize(
    ("method", "formula", "arithmetic", "rates"),
    [
        ("cpc", "clicks * emv.cpc", "624 * 5 = 3120", ["emv.cpc"]),
        (
            "cpm",
            "impressions_advocacy / 1000 * emv.cpm",
            "124800 / 1000 * 30 = 3744",
            ["emv.cpm"],
        ),
    ],
)
async def test_media_value_says_by_which_method_it_is_priced(
    golden: httpx.AsyncClient, method: str, formula: str, arithmetic: str, rates: list[str]
) -> None:
    added = await get(golden, "roi/value", lines="media_value", emv_method=method)

    (line,) = added["lines"]
    assert (line["formula"], line["arithmetic"]) == (formula, arithmetic)
    assert [used["key"] for used in added["assumptions"]] == rates


async def test_media_value_that_nobody_can_price_says_why(client: httpx.AsyncClient) -> None:
    reasons = {}
    for channel in ("employee_advocacy", "paid"):
        added = await get(client, "roi/value", lines="media_value", channel=channel)
        reasons[channel] = [one["null_reason"] for one in (*added["lines"], added["roi"])]

    assert reasons == {
        "employee_advocacy": ["missing:clicks"] * 2,
        "paid": ["missing:media_value"] * 2,
    }


async def test_lines_say_the_method_and_nothing_else_does(hired: httpx.AsyncClient) -> None:
    asked = {**Q1, "lines": ["recruiting_flat"], "recruiting_method": "R2"}
    refused = await hired.get("/v1/roi/value", params=asked)

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["rule"] == "extra_forbidden"


async def test_another_channel_hires_nobody(hired: httpx.AsyncClient) -> None:
    paid = await get(hired, "roi", channel="paid")

    assert (paid["hires"], [line["kind"] for line in paid["value_lines"]]) == (None, ["margin"])
    assert [used["key"] for used in paid["assumptions"]] == ["gross_margin"]


async def test_views_that_ads_bought_are_not_earned(
    golden: httpx.AsyncClient, deliver: Deliver
) -> None:
    boosted = fact(
        "engagement.daily",
        "boost",
        local(date(2025, 2, 3)),
        day="2025-02-03",
        employee="E001",
        network="linkedin",
        is_paid=True,
        impressions=9000,
        reactions=1,
        comments=1,
        reshares=1,
        clicks=1,
    )
    await deliver([boosted])

    values = await get(golden, "kpis/values", ids=["impressions_advocacy", "impressions_boosted"])

    found = {kpi["kpi"]: kpi["values"][0]["value"] for kpi in values["kpis"]}
    assert found == {"impressions_advocacy": "124800", "impressions_boosted": "9000"}
