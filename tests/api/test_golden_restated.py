"""Golden number 10: the quarter as it was known, restated by late corrections."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from shared.orgs import Org
from tests.api.asking import assume, over, pages, post, refusal
from tests.api.conftest import At, Fold, MakeClient
from tests.api.golden import Q1, WARSAW, activity, program, sales
from tests.api.test_access import REQUESTS

get = over(Q1)

Told = tuple[datetime, list[dict[str, Any]]]


def _at(month: int, day: int) -> datetime:
    return datetime(2025, month, day, 15, tzinfo=WARSAW)


def _deal(name: str, **changes: Any) -> dict[str, Any]:
    (found,) = [f for f in sales() if f["kind"] == "deal.changed" and f["deal"] == name]
    return {**found, **changes}


def deliveries() -> Iterator[Told]:
    """Yield what arrives and when: the quarter, an amended amount, a deal that was lost after all.

    Each deal's webhook carries a revision, so that the order of arrival decides nothing.
    """
    quarter = [*sales(), *program(), *activity()]
    for deal in quarter:
        if deal["kind"] == "deal.changed":
            deal["revision"] = 1
    yield _at(4, 28), quarter
    yield _at(5, 10), [_deal("J5", amount="12000.00", revision=2)]
    yield _at(5, 20), [_deal("J3", state="lost", revision=2)]


@pytest_asyncio.fixture
async def golden(
    client: httpx.AsyncClient, org: Org, fold: Fold, at: At
) -> AsyncIterator[httpx.AsyncClient]:
    at(_at(4, 28))
    await assume(client, "gross_margin", "0.8")
    for instant, facts in deliveries():
        at(instant)
        await post(client, facts)
    await fold(org)
    at(_at(6, 1))
    yield client


_KNOWN = [
    ("2025-04-30", "28500.00"),
    ("2025-05-09", "28500.00"),
    ("2025-05-10", "27500.00"),
    ("2025-05-11", "27500.00"),
    ("2025-05-20", "22500.00"),
    ("2025-05-31", "22500.00"),
]


@pytest.mark.parametrize(("day", "revenue"), _KNOWN)
async def test_linear_credit_as_it_was_known(
    golden: httpx.AsyncClient, day: str, revenue: str
) -> None:
    statement = await get(golden, "roi", model="linear", as_of=day)
    compared = await get(golden, "roi/models", as_of=day)
    (linear,) = [m for m in compared["models"] if m["model"] == "linear"]

    assert statement["credited_revenue"] == linear["credited_revenue"] == revenue
    assert (statement["as_of"], statement["is_final"], statement["frozen"]) == (day, True, False)
    assert statement["known_position"] == compared["known_position"]


async def test_every_figure_of_a_day_agrees_with_its_proof(golden: httpx.AsyncClient) -> None:
    april = {"from": "2025-04-01", "to": "2025-05-01"}
    for day, revenue in _KNOWN:
        asked = {**april, "as_of": day, "channel": "employee_advocacy"}
        value = await get(golden, "kpis/values", ids="attributed_revenue_linear", **asked)
        places = await get(golden, "leaderboard", **april, by="revenue", as_of=day)
        proof = await get(golden, "kpis/attributed_revenue_linear/explain", limit=200, **asked)
        roi = await get(golden, "roi/explain", model="linear", limit=200, as_of=day)

        assert value["kpis"][0]["values"][0]["value"] == revenue
        assert sum(float(place["value"]) for place in places["places"]) == float(revenue)
        assert sum(float(line["quantity"]) for line in proof["facts"]["lines"]) == float(revenue)
        assert sum(float(line["amount"]) for line in roi["credits"]) == float(revenue)
        # No fact is shown in a version that was not known yet.
        known = roi["known_position"]
        assert all(line["conversion_fact"]["position"] <= known for line in roi["credits"])
        assert all(line["position"] <= known for line in proof["facts"]["lines"])


async def test_a_rate_counts_from_the_day_it_was_stated(golden: httpx.AsyncClient, at: At) -> None:
    at(_at(5, 15))
    await assume(golden, "emv.cpm", "50", source="agency")
    at(_at(6, 1))

    values = [
        (await get(golden, "kpis/emv_cpm/series", as_of=day))["points"][0]["value"]
        for day in ("2025-05-14", "2025-05-15")
    ]
    assert values == ["3744.00", "6240.00"]


async def test_the_present_says_so(golden: httpx.AsyncClient) -> None:
    now = await get(golden, "roi", model="linear")
    today = await get(golden, "roi", model="linear", as_of="2025-06-01")

    assert now["credited_revenue"] == today["credited_revenue"] == "22500.00"
    assert (now["as_of"], now["is_final"]) == (None, False)
    assert (today["as_of"], today["is_final"]) == ("2025-06-01", False)
    assert now["known_position"] == today["known_position"]


async def test_a_day_before_the_first_fact_knows_nothing(golden: httpx.AsyncClient) -> None:
    values = await get(golden, "kpis/values", ids=["shares", "cost_per_lead"], as_of="2025-04-27")
    statement = await get(golden, "roi", as_of="2025-04-27")

    assert values["known_position"] == 0
    for kpi in values["kpis"]:
        (value,) = kpi["values"]
        assert value["value"] is None
        assert value["null_reason"].startswith("missing:")
    assert statement["credited_revenue"] is None
    assert statement["cost"]["total"] is None


async def test_whatever_takes_as_of_heeds_it(golden: httpx.AsyncClient, app: FastAPI) -> None:
    # The refusal of tomorrow shows that the parameter is looked at, wherever it is declared.
    operations = [
        operation["operationId"]
        for methods in app.openapi()["paths"].values()
        if (operation := methods.get("get"))
        and any(p["name"] == "as_of" for p in operation.get("parameters", ()))
    ]
    assert len(operations) >= 10
    for operation in operations:
        # The good requests that access is tested with, each asked about tomorrow.
        _, path, keywords = REQUESTS[operation]
        asked = {**keywords.get("params", {}), "as_of": "2025-06-02"}
        response = await golden.get(path, params=asked)
        assert response.status_code == 422, path
        assert response.json()["code"] == "as_of_in_future", path


async def test_as_of_and_live_exclude_each_other(golden: httpx.AsyncClient) -> None:
    asked = {**Q1, "as_of": "2025-05-01", "live": "true"}
    response = await golden.get("/v1/roi", params=asked)

    assert response.status_code == 422


async def test_a_day_that_is_not_folded_yet_is_not_answered(
    golden: httpx.AsyncClient, org: Org, fold: Fold, at: At
) -> None:
    await post(golden, [_deal("J6", amount="9100.00", revision=2)])
    at(_at(6, 3))

    early = await golden.get("/v1/roi", params={**Q1, "as_of": "2025-06-01"})
    await fold(org)
    folded = await golden.get("/v1/roi", params={**Q1, "as_of": "2025-06-01"})

    assert (early.status_code, folded.status_code) == (503, 200)
    assert "Retry-After" in early.headers


async def test_replaying_any_webhook_in_any_order_changes_nothing(
    golden: httpx.AsyncClient, org: Org, fold: Fold, at: At
) -> None:
    before = [await get(golden, "roi", as_of=day) for day, _ in _KNOWN]
    webhooks = [fact for _, facts in deliveries() for fact in facts if "revision" in fact]
    order = Random(10)
    order.shuffle(webhooks)

    at(_at(6, 2))
    for webhook in [*webhooks, *reversed(webhooks)]:
        counts = (await golden.post("/v1/facts", json=[webhook])).json()
        assert (counts["inserted"], counts["corrected"]) == (0, 0)
    await fold(org)

    after = [await get(golden, "roi", as_of=day) for day, _ in _KNOWN]
    assert after == before
    assert (await get(golden, "roi"))["credited_revenue"] == "22500.00"


async def test_every_restatement_is_listed_with_its_cause(golden: httpx.AsyncClient) -> None:
    asked = {"kpi": "revenue_won", "from": "2025-04-01", "to": "2025-05-01"}
    told = await pages(golden, "restatements", **asked, limit=1)
    moves = [move for page in told for move in page["restatements"]]

    assert told[0]["first"]["as_of"] == "2025-04-30"
    assert told[0]["first"]["value"] == "60000.00"
    assert [(move["day"], move["moved"]) for move in moves] == [
        ("2025-05-10", "-3000.00"),
        ("2025-05-20", "-10000.00"),
    ]
    assert told[0]["now"] == "47000.00"
    assert told[0]["moved"] == "-13000.00"
    assert told[0]["restated_amount"] == "13000.00"
    for day, deal in (("2025-05-10", "J5"), ("2025-05-20", "J3")):
        for kpi in ("revenue_won", "attributed_revenue_linear"):
            facts = [
                fact
                for page in await pages(
                    golden, "restatements/facts", **{**asked, "kpi": kpi}, day=day, limit=1
                )
                for fact in page["facts"]
            ]
            assert [(f["kind"], f["external_id"], f["weight"]) for f in facts] == [
                ("deal.changed", deal, -1),
                ("deal.changed", deal, 1),
            ]
            assert all(f["recorded_at"].startswith(day) for f in facts)


#: What moved of the credited revenue of April: J5 was E001's, of sales; J3 E002's, of marketing.
_PARTS = [
    ({"team": "sales"}, [("2025-05-10", "-1000.00")], "J5"),
    ({"employee": "E002"}, [("2025-05-20", "-5000.00")], "J3"),
    ({"team": "marketing", "channel": "employee_advocacy"}, [("2025-05-20", "-5000.00")], "J3"),
    ({"channel": "brand"}, [("2025-05-10", "-1000.00")], "J5"),
    ({"campaign": "none-of-these"}, [], None),
]


@pytest.mark.parametrize(("part", "expected", "deal"), _PARTS)
async def test_a_part_of_a_figure_is_restated_by_its_own_facts(
    golden: httpx.AsyncClient,
    part: dict[str, str],
    expected: list[tuple[str, str]],
    deal: str | None,
) -> None:
    april = {"from": "2025-04-01", "to": "2025-05-01", "kpi": "attributed_revenue_linear", **part}
    told = await pages(golden, "restatements", **april, limit=1)
    moves = [move for page in told for move in page["restatements"]]
    facts = {
        day: [
            (fact["external_id"], fact["weight"])
            for page in await pages(golden, "restatements/facts", **april, day=day)
            for fact in page["facts"]
        ]
        for day in ("2025-05-10", "2025-05-20")
    }

    assert [(move["day"], move["moved"]) for move in moves] == expected
    days = {day for day, _ in expected}
    assert facts == {
        day: [(deal, -1), (deal, 1)] if day in days else [] for day in ("2025-05-10", "2025-05-20")
    }


@pytest.mark.parametrize("path", ["restatements", "restatements/facts"])
async def test_parts_that_may_not_be_asked_about_are_refused(
    golden: httpx.AsyncClient, org: Org, client_of: MakeClient, path: str
) -> None:
    reader = await client_of(org, ["kpis:read"])
    asked = {"from": "2025-04-01", "to": "2025-05-01", "day": "2025-05-10"}
    if path == "restatements":
        del asked["day"]

    person = {**asked, "kpi": "shares", "employee": "E001"}
    refused = await reader.get(f"/v1/{path}", params=person)
    team = {**asked, "kpi": "leads", "team": "sales"}
    foreign = await golden.get(f"/v1/{path}", params=team)

    assert refused.status_code == 403
    assert refusal(foreign) == (422, "dimension_not_carried")


async def test_a_rate_restates_too(golden: httpx.AsyncClient, at: At) -> None:
    at(_at(5, 15))
    await assume(golden, "emv.cpm", "50", source="agency")
    at(_at(6, 1))

    # The quarter became known on 28 April: from nothing to its value, then to another price.
    (page,) = await pages(golden, "restatements", **Q1, kpi="emv_cpm")

    assert page["first"]["value"] is None
    assert [(m["day"], m["before"], m["after"]) for m in page["restatements"]] == [
        ("2025-04-28", None, "3744.00"),
        ("2025-05-15", "3744.00", "6240.00"),
    ]


async def test_a_month_of_nothing_is_restated_when_there_is_anything(
    golden: httpx.AsyncClient,
) -> None:
    before = {"from": "2024-11-01", "to": "2024-12-01"}
    (page,) = await pages(golden, "restatements", kpi="revenue_won", **before)

    # Nobody knew of any deal; since the first ones, none was won then.
    assert page["first"]["value"] is None
    assert [(m["day"], m["before"], m["after"]) for m in page["restatements"]] == [
        ("2025-04-28", None, "0.00")
    ]
    assert Decimal(page["moved"]) == 0


async def test_a_period_that_is_not_over_has_no_restatements(golden: httpx.AsyncClient) -> None:
    asked = {"kpi": "shares", "from": "2025-05-01", "to": "2025-07-01"}
    response = await golden.get("/v1/restatements", params=asked)

    assert refusal(response) == (422, "period_not_over")


async def test_a_published_statement_tells_how_far_it_moved(golden: httpx.AsyncClient) -> None:
    before = await get(golden, "roi", model="linear")
    body = {"from": "2025-01-01", "to": "2025-04-01", "note": "As reported", "as_of": "2025-04-30"}
    published = await golden.post("/v1/publications", json=body)
    assert published.status_code == 201, published.text

    frozen = await get(golden, "roi", model="linear", form="margin")
    live = await get(golden, "roi", model="linear", form="margin", live="true")
    models = [await get(golden, "roi/models", live=live) for live in ("false", "true")]

    assert before["moved"] is None
    assert (frozen["credited_revenue"], live["credited_revenue"]) == ("28500.00", "22500.00")
    points = Decimal(live["headline"]["percent"]) - Decimal(frozen["headline"]["percent"])
    assert points < 0
    moved = {"credited_revenue": "-6000.00", "cost": "0.00", "percent": str(points)}
    # J3 was half of it advocacy's, and is lost; J5 is still won.
    assert frozen["moved"] == live["moved"] == {**moved, "credited_conversions": "-0.5"}
    for side, other in (models, models[::-1]):
        assert [model["moved"] for model in side["models"]] == [
            model["moved"] for model in other["models"]
        ]
        (linear,) = [model for model in side["models"] if model["model"] == "linear"]
        assert linear["moved"]["credited_revenue"] == "-6000.00"
