"""The golden quarter through the public door: facts in, figures and their proof out."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest_asyncio

from shared.orgs import Org
from tests.api.asking import assume, explained, over, pages, post, quantities, refusal
from tests.api.conftest import Fold
from tests.api.golden import Q1, activity, program, sales

get = over(Q1)

HEURISTIC = ("first", "last", "linear", "position", "time_decay")
RATES = {
    "gross_margin": "0.8",
    "cost_per_hire.referral": "1500",
}


@pytest_asyncio.fixture
async def golden(
    client: httpx.AsyncClient, org: Org, fold: Fold
) -> AsyncIterator[httpx.AsyncClient]:
    for source in (sales(), program(), activity()):
        await post(client, source)
    for key, value in RATES.items():
        await assume(client, key, value)
    await fold(org)
    yield client


async def test_all_models_side_by_side(golden: httpx.AsyncClient) -> None:
    models = await get(golden, "roi/models")

    heuristic = [m for m in models["models"] if m["model"] in HEURISTIC]
    credited = {m["model"]: m["credited_revenue"] for m in heuristic}
    assert credited == {
        "first": "33000.00",
        "last": "37000.00",
        "linear": "28500.00",
        "position": "31100.00",
        "time_decay": "34447.97",
    }
    assert {m["total"] for m in models["models"]} == {"60000.00"}
    on_margin = {m["model"]: m["roi_on_margin"]["percent"] for m in heuristic}
    assert on_margin == {
        "first": "17.33",
        "last": "31.56",
        "linear": "1.33",
        "position": "10.58",
        "time_decay": "22.48",
    }
    cash = {m["model"]: m["roi_cash"]["percent"] for m in heuristic}
    assert cash["linear"] == "27.11"
    assert cash["last"] == "57.33"
    break_even = {b["form"]: b for b in models["break_even"]}
    assert break_even["margin"]["revenue"] == "28125.00"
    assert break_even["margin"]["share_percent"] == "46.875"
    assert models["ranking_depends_on_model"] is True


async def test_statement_and_its_proof(golden: httpx.AsyncClient) -> None:
    statement = await get(golden, "roi", model="linear")

    assert statement["cost"]["total"] == "22500.00"
    assert len(statement["cost"]["by_category"]) == 7
    assert statement["credited_revenue"] == "28500.00"
    assert Decimal(statement["credited_wins"]) == 3
    assert statement["hires"] == 2
    assert statement["roi_on_revenue"]["percent"] == "26.67"
    assert statement["roi_on_margin"]["percent"] == "1.33"
    assert statement["roi_cash"]["percent"] == "27.11"
    assert statement["headline"] == statement["roi_cash"]
    media = {m["method"]: m["amount"] for m in statement["media"]}
    assert media == {
        "cpc": "3120.00",
        "cpm": "3744.00",
        "mixed": "8112.00",
        "interaction": "5616.00",
    }
    assert statement["payback"] == {"day": "2025-04-20", "age_days": 109}
    curve = [(point["day"], point["cumulative"]) for point in statement["curve"]]
    assert curve == [
        ("2025-04-02", "4000.00"),
        ("2025-04-05", "7600.00"),
        ("2025-04-10", "14000.00"),
        ("2025-04-15", "18000.00"),
        ("2025-04-20", "22800.00"),
    ]
    assert statement["maturity"] == {"opened": 7, "closed": 7, "percent": "100.00"}
    assert statement["roi_blended"] is None

    await _proof_adds_up(golden, statement)


async def _proof_adds_up(client: httpx.AsyncClient, statement: dict[str, Any]) -> None:
    proof = await pages(client, "roi/explain", **Q1, model="linear", limit=50)
    credited = [line for page in proof for line in page["credits"]]
    revenue = sum(Decimal(line["amount"]) for line in credited)
    cost = sum(Decimal(line["quantity"]) for page in proof for line in page["costs"])

    assert revenue == Decimal(statement["credited_revenue"])
    assert revenue == Decimal(proof[0]["credited_revenue"])
    assert cost == Decimal(statement["cost"]["total"]) == Decimal(proof[0]["cost"])
    assert {line["touch_fact"]["external_id"] for line in credited} == {
        "J1-0",
        "J1-2",
        "J2-0",
        "J3-1",
        "J5-0",
        "J6-1",
        "J6-3",
    }


async def test_period_basis_is_minus_100_percent_and_says_why(golden: httpx.AsyncClient) -> None:
    statement = await get(golden, "roi", basis="period")

    assert statement["roi_on_margin"]["percent"] == "-100.00"
    assert [notice["code"] for notice in statement["notices"]] == ["no_close_in_period"]
    assert statement["payback"] is None


async def test_blended_is_refused_until_asked_for(golden: httpx.AsyncClient) -> None:
    refused = await golden.get("/v1/roi", params={**Q1, "form": "blended"})
    given = await get(golden, "roi", form="blended", include_blended="true")

    assert refused.status_code == 422
    assert refused.json()["code"] == "overlapping_value"
    pairs = given["roi_blended"]["counted_twice"]
    assert [(pair["one"], pair["other"]) for pair in pairs] == [("margin", "media_value")]
    # With the value of media it is another return than that in cash, which else comes first.
    assert given["headline"]["percent"] == given["roi_blended"]["percent"]
    assert given["headline"]["percent"] != given["roi_cash"]["percent"]


async def test_adoption_and_activity(golden: httpx.AsyncClient) -> None:
    ids = ["invite_acceptance_rate", "enrollment_rate", "active_of_enrolled_rate", "shares"]
    values = await get(golden, "kpis/values", ids=[*ids, "staff_per_active", "time_to_close"])

    found = {kpi["kpi"]: kpi["values"][0] for kpi in values["kpis"]}
    assert found["enrollment_rate"] == {
        "group": None,
        "value": "30.00",
        "numerator": "30",
        "denominator": "100",
        "null_reason": None,
        "interval": None,
        "moved": None,
        "suppressed": False,
        "merged": [],
    }
    assert found["invite_acceptance_rate"]["value"] == "30.00"
    assert found["active_of_enrolled_rate"]["value"] == "80.00"
    assert found["shares"]["value"] == "624"
    assert found["time_to_close"]["value"] is None

    closed = await golden.get(
        "/v1/kpis/time_to_close/series", params={"from": "2025-04-01", "to": "2025-05-01"}
    )
    assert closed.json()["points"][0]["value"] == "60.00"


async def test_series_by_month_and_team_adds_up(golden: httpx.AsyncClient) -> None:
    whole = await get(golden, "kpis/shares/series", interval="month")
    teams = await get(golden, "kpis/shares/series", interval="month", group_by="team")
    only = await get(golden, "kpis/shares/series", interval="month", team="sales")

    assert [point["from"] for point in whole["points"]] == [
        "2025-01-01",
        "2025-02-01",
        "2025-03-01",
    ]
    months = [int(point["value"]) for point in whole["points"]]
    assert sum(months) == 624
    assert whole["time_zone"] == "Europe/Warsaw"
    assert whole["formula"] == "shares"
    assert whole["unit"] == "posts"
    assert whole["currency"] is None
    for month, point in zip(months, whole["points"], strict=True):
        parts = {p["group"]: int(p["value"]) for p in teams["points"] if p["from"] == point["from"]}
        assert sum(parts.values()) == month
        assert set(parts) == {"sales", "marketing"}
    sales_only = [p["value"] for p in teams["points"] if p["group"] == "sales"]
    assert [p["value"] for p in only["points"]] == sales_only


async def test_explanation_lists_facts_that_add_up(golden: httpx.AsyncClient) -> None:
    answer, lines = await explained(golden, "emv_cpm", limit=20)

    assert {line["measure"] for line in lines} == {"impressions_advocacy"}
    assert sum(quantities(lines, "impressions_advocacy")) == 124800
    assert answer["inputs"][0]["value"] == "124800"
    assert answer["value"]["value"] == "3744.00"
    assert answer["arithmetic"] == "124800 / 1000 * 30 = 3744"
    assert [used["key"] for used in answer["assumptions"]] == ["emv.cpm"]
    assert answer["assumptions"][0]["version"] == 0


async def test_rate_change_prices_each_day_at_its_own_rate(golden: httpx.AsyncClient) -> None:
    # Views are all of 3 February: a rate from 1 March prices none of them, one from 1 February all.
    before = await get(golden, "kpis/emv_cpm/series")
    await assume(golden, "emv.cpm", "50", "2025-03-01", source="agency")
    later = await get(golden, "kpis/emv_cpm/series")
    await assume(golden, "emv.cpm", "50", "2025-02-01", source="agency")
    earlier = await get(golden, "kpis/emv_cpm/series")
    told = (await golden.get("/v1/assumptions/emv.cpm/statements")).json()["statements"]

    values = [answer["points"][0]["value"] for answer in (before, later, earlier)]
    assert values == ["3744.00", "3744.00", "6240.00"]
    assert [statement["version"] for statement in told] == [1, 2]


async def test_leaderboard_needs_the_scope_to_see_people(
    golden: httpx.AsyncClient, org: Org, client_of: Any, database: Any
) -> None:
    async with database.transaction(org.id) as connection:
        await connection.execute(
            "INSERT INTO employee VALUES ($1, 'E001', 'Maria', 'maria@example.com', now())", org.id
        )
    reader = await client_of(org, ["kpis:read"])

    # Revenue is booked on the day of close.
    asked = {"by": "revenue", "from": "2025-04-01", "to": "2025-07-01"}
    refused = await reader.get("/v1/leaderboard", params=asked)
    named = await get(golden, "leaderboard", **asked)
    sharers = await get(golden, "leaderboard", by="shares", limit=3)

    assert refusal(refused) == (403, "insufficient_scope")
    assert sum(Decimal(place["value"]) for place in named["places"]) == 28500
    assert {place["employee"]: place["name"] for place in named["places"]}["E001"] == "Maria"
    assert sharers["people"] == 24
    assert [place["rank"] for place in sharers["places"]] == [1, 1, 1]


async def test_correction_restates_the_statement(
    golden: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    (deal,) = [f for f in sales() if f["kind"] == "deal.changed" and f["deal"] == "J5"]
    answer = await golden.post("/v1/facts", json=[{**deal, "amount": "12000.00"}])
    await fold(org)
    amended = await get(golden, "roi")
    await golden.post(
        "/v1/facts/retract",
        json={"identities": [{"source": "golden", "kind": "deal.changed", "external_id": "J3"}]},
    )
    await fold(org)
    withdrawn = await get(golden, "roi")

    assert answer.json()["corrected"] == 1
    assert amended["credited_revenue"] == "27500.00"
    assert withdrawn["credited_revenue"] == "22500.00"
