"""The whole catalogue over REST: what is answered, what is refused, and why there is no number."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from shared.facts import parse_fact
from tests.api.asking import assume, explained, get, problem, quantities, refusal
from tests.api.conftest import Deliver, Tell
from tests.api.golden import fact, local
from tests.integration.catalogue_facts import everything

FEBRUARY = {"from": "2025-02-01", "to": "2025-03-01"}


@pytest.fixture
async def company(tell: Tell) -> None:
    await tell(list(everything()))


async def _points(client: httpx.AsyncClient, kpi: str, **query: str) -> Any:
    return (await get(client, f"kpis/{kpi}/series", **FEBRUARY, **query))["points"]


async def test_a_definition_says_what_it_needs_and_what_may_be_summed(
    client: httpx.AsyncClient,
) -> None:
    by_id = {kpi["id"]: kpi for kpi in (await client.get("/v1/kpis")).json()["kpis"]}

    turnover = by_id["turnover_rate"]
    assert turnover["facts"] == ["employee.recorded", "employment.ended"]
    assert turnover["additive_over"] == ["team", "department", "role", "cohort"]
    assert by_id["clients_won"]["additive_over"] == []
    assert by_id["points"]["additive_over"] == ["time", "team", "employee"]
    assert by_id["reach_unique"]["unavailable"] == "only_bounds_known"
    assert by_id["reach_unique"]["formula"] is None
    assert by_id["goal_progress"]["statement"] == "goals"


@pytest.mark.usefixtures("company")
async def test_what_is_counted_is_answered(client: httpx.AsyncClient) -> None:
    assert [p["value"] for p in await _points(client, "clients_won")] == ["2"]
    assert [p["value"] for p in await _points(client, "participation_evenness")] == ["0.5000"]
    (total,) = await _points(client, "engagement_index")
    assert (total["value"], total["numerator"], total["denominator"]) == ("55.00", "2200", "40")


@pytest.mark.usefixtures("company")
async def test_what_has_no_number_says_why(client: httpx.AsyncClient) -> None:
    (reach,) = await _points(client, "reach_unique")
    assert (reach["value"], reach["null_reason"]) == (None, "only_bounds_known")
    bounds = [(await _points(client, f"reach_unique_{b}"))[0]["value"] for b in ("least", "most")]
    assert bounds == ["70", "110"]
    explained = (await client.get("/v1/kpis/reach_unique/explain", params=FEBRUARY)).json()
    assert explained["facts"]["lines"] == []
    (stress,) = await _points(client, "stress_index")
    assert stress["null_reason"] == "missing:survey.stress.score"


def _leads(total: int, touched: int, won: set[int]) -> Iterator[dict[str, Any]]:
    """Yield leads of February: the first ``touched`` by an advocate, those numbered ``won`` won."""
    for number in range(total):
        who = {"person_email": f"{number}@client.example"}
        if number < touched:
            by = {"channel": "employee_advocacy", "employee": "E001"}
            at = local(date(2025, 2, 3), 9)
            yield fact("touch.recorded", f"t{number}", at, **who, **by)
        at = local(date(2025, 2, 3), 10)
        yield fact("lead.created", f"l{number}", at, lead=f"l{number}", **who)
        if number in won:
            deal = {"deal": f"d{number}", "lead": f"l{number}", "state": "won"}
            times = {"opened_at": "2025-02-04T10:00:00Z", "closed_at": "2025-02-20T10:00:00Z"}
            money = {"amount": "100.00", "currency": "USD"}
            yield fact(
                "deal.changed", f"d{number}", local(date(2025, 2, 20)), **deal, **times, **money
            )


async def test_a_lift_says_how_sure_it_is(client: httpx.AsyncClient, deliver: Deliver) -> None:
    definition = (await client.get("/v1/kpis/lead_conversion_lift")).json()
    await deliver(_leads(13, 9, {0, 1, 2, 3, 4, 5, 6, 7, 9}))
    (unsure,) = await _points(client, "lead_conversion_lift")
    await deliver(_leads(20, 10, {0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 12}))
    (lift,) = await _points(client, "lead_conversion_lift")
    (rate,) = await _points(client, "lead_conversion_rate")

    assert definition["interval"] == "newcombe"
    assert (unsure["value"], unsure["interval"]) == (
        "63.89",
        {
            "method": "newcombe",
            "level_percent": "95",
            "low": None,
            "high": None,
            "null_reason": "too_few:leads - leads_advocacy",
        },
    )
    # 9 of 10 against 2 of 10.
    assert lift["value"] == "70.00"
    assert (lift["interval"]["low"], lift["interval"]["high"]) == ("26.58", "86.52")
    assert rate["interval"] is None


@pytest.mark.parametrize("dimension", ["model", "source"])
async def test_what_figures_are_not_divided_by_is_refused_as_such(
    client: httpx.AsyncClient, dimension: str
) -> None:
    asked = {**FEBRUARY, "group_by": dimension}
    refused = await client.get("/v1/kpis/headcount/series", params=asked)
    many = await client.get("/v1/kpis/values", params={**asked, "ids": "headcount"})

    for answer in (refused, many):
        (error,) = problem(answer)["errors"]
        assert (answer.status_code, error["field"]) == (422, "query.group_by")
        assert error["rule"] == "dimension_not_kept"
        assert error["message"].startswith("Figures are not divided by this")


@pytest.mark.usefixtures("company")
async def test_parts_that_overlap_have_no_total(client: httpx.AsyncClient) -> None:
    tags = await _points(client, "hashtag_engagement", group_by="hashtag")
    assert {p["group"]: p["value"] for p in tags} == {"hiring": "5", "life": "5"}
    (one,) = await _points(client, "hashtag_engagement", hashtag="hiring")
    assert one["value"] == "5"

    path = "/v1/kpis/hashtag_engagement/series"
    refused = await client.get(path, params=FEBRUARY)
    assert refusal(refused) == (422, "parts_overlap")


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("kpi", ["esn_posts", "esn_active_users", "enps", "turnover_rate"])
async def test_nobody_is_singled_out(kpi: str, client: httpx.AsyncClient) -> None:
    for query in ({"group_by": "employee"}, {"employee": "E3"}):
        refused = await client.get(f"/v1/kpis/{kpi}/series", params={**FEBRUARY, **query})
        assert refusal(refused) == (422, "dimension_not_carried")


@pytest.mark.parametrize(
    ("kpi", "dimension", "detail"),
    [
        (
            "job_click_to_apply",
            "job",
            "job_click_to_apply cannot be sliced by job: careers_sessions_advocacy cannot. It comes"
            " by team, employee.",
        ),
        (
            "lead_conversion_rate",
            "network",
            "lead_conversion_rate cannot be sliced by network: leads_won, leads cannot. It comes by"
            " no dimension.",
        ),
        (
            "shares_per_advocate_week",
            "campaign",
            "shares_per_advocate_week cannot be sliced by campaign: active_advocates cannot. It"
            " comes by team, department, role, network.",
        ),
        (
            "original_posts",
            "department",
            "original_posts cannot be sliced by department. It comes by team, employee, network,"
            " campaign, content.",
        ),
    ],
)
async def test_a_refused_dimension_says_which_input_lacks_it_and_what_there_is(
    client: httpx.AsyncClient, kpi: str, dimension: str, detail: str
) -> None:
    for asked in ({"group_by": dimension}, {dimension: "x"}):
        refused = await client.get(f"/v1/kpis/{kpi}/series", params={**FEBRUARY, **asked})
        assert refusal(refused) == (422, "dimension_not_carried")
        assert problem(refused)["detail"] == detail


async def test_a_slope_of_more_than_ten_years_is_refused(client: httpx.AsyncClient) -> None:
    ten_years = {"from": "2015-01-01", "to": "2025-01-01"}
    for path in ("kpis/esn_trend/series", "kpis/esn_trend/explain"):
        await get(client, path, **ten_years)
        refused = await client.get(f"/v1/{path}", params={**ten_years, "to": "2025-01-02"})
        assert refusal(refused) == (422, "cost_limit")
    by_year = {**ten_years, "from": "2000-01-01", "interval": "year"}
    assert len((await get(client, "kpis/esn_trend/series", **by_year))["points"]) == 25


@pytest.mark.parametrize(
    ("kpi", "query"),
    [
        ("top_sharers", {}),
        ("top_sharers", {"group_by": "team"}),
        ("roi_program", {"group_by": "campaign"}),
        ("roi_program", {"group_by": "team"}),
        ("roi_program", {"campaign": "spring"}),
    ],
)
async def test_what_a_statement_answers_is_refused_however_it_is_divided(
    client: httpx.AsyncClient, kpi: str, query: dict[str, str]
) -> None:
    """Also of nobody: without any group there is no value that could be asked for."""
    for path, asked in (
        (f"/v1/kpis/{kpi}/series", query),
        ("/v1/kpis/values", {"ids": kpi, **query}),
    ):
        refused = await client.get(path, params={**FEBRUARY, **asked})
        assert refusal(refused) == (422, "answered_by_statement"), refused.text


async def test_a_rate_may_change_where_another_kpi_has_more_groups(
    client: httpx.AsyncClient, tell: Tell
) -> None:
    at = {"source": "test", "occurred_at": "2025-02-10T12:00:00Z"}
    click = {"kind": "link.clicked", "link": "abc", "employee": "E1", "network": "linkedin"}
    post = {"kind": "post.published", "post": "p1", "account": "brand", "network": "x"}
    await tell([parse_fact({**body, **at, "external_id": "1"}) for body in (click, post)])
    for day, price in ("2025-01-01", "2"), ("2025-02-15", "3"):
        await assume(client, "emv.cpc", price, day, source="agency")

    asked = {**FEBRUARY, "ids": ["emv_cpc", "brand_post_cadence"], "group_by": "network"}
    answer = await get(client, "kpis/values", **asked)
    values = {
        kpi["kpi"]: {one["group"]: one["value"] for one in kpi["values"]} for kpi in answer["kpis"]
    }
    assert values == {
        "emv_cpc": {"linkedin": "2.00", "x": "0.00"},
        "brand_post_cadence": {"linkedin": "0.00", "x": "0.25"},
    }


async def test_groups_that_are_counted_are_limited_too(
    client: httpx.AsyncClient, tell: Tell
) -> None:
    reading = {"kind": "audience.recorded", "metric": "competitor_followers", "count": 1}
    at = {"source": "test", "occurred_at": "2025-02-10T12:00:00Z", "network": "x"}
    rivals = [{"external_id": f"{n}", "account": f"rival-{n}"} for n in range(21)]
    await tell([parse_fact({**reading, **at, **who}) for who in rivals])

    asked = {"from": "2023-01-01", "to": "2025-09-27", "group_by": "account"}
    path = "/v1/kpis/competitor_benchmark/series"
    refused = await client.get(path, params={**asked, "interval": "day"})
    taken = await client.get(path, params={**asked, "interval": "month"})

    assert refusal(refused) == (422, "cost_limit")
    assert len(taken.json()["points"]) == 33 * 21


async def test_a_survey_of_a_few_is_refused(client: httpx.AsyncClient) -> None:
    survey = {
        "kind": "survey.recorded",
        "source": "hr",
        "external_id": "1",
        "occurred_at": "2025-02-12T12:00:00Z",
        "topic": "enps",
        "respondents": 4,
        "positive": 1,
        "negative": 1,
    }
    refused = await client.post("/v1/facts", json=[survey])
    assert refused.status_code == 422
    assert problem(refused)["errors"][0]["field"] == "facts.0.respondents"

    taken = await client.post("/v1/facts", json=[survey | {"respondents": 5}])
    assert taken.status_code == 200


@pytest.mark.usefixtures("company")
async def test_explanations_go_from_page_to_page(client: httpx.AsyncClient) -> None:
    _, lines = await explained(client, "engaged_ratio", **FEBRUARY, limit=1)

    told = {line["measure"]: sum(quantities(lines, line["measure"])) for line in lines}
    assert told == {"survey.engagement.positive": 15, "survey.engagement.negative": 5}
