"""Statements of ROI: what facts say to be none is 0, what nobody told anything of is null."""

from typing import Any

import httpx
import pytest

from tests.api.asking import assume, over
from tests.api.conftest import Deliver

FEBRUARY = {"from": "2025-02-01", "to": "2025-03-01"}
_get = over(FEBRUARY)
_NOON = "2025-02-05T12:00:00Z"


def _fact(kind: str, **body: Any) -> dict[str, Any]:
    return {"kind": kind, "source": "s", "external_id": "1", "occurred_at": _NOON, **body}


_HIRE = _fact("hire.accepted", application="a")
_LOST = _fact(
    "deal.changed", deal="d", state="lost", opened_at="2025-02-01T12:00:00Z", closed_at=_NOON
)
_COST = _fact(
    "cost.booked",
    category="platform",
    amount="10.00",
    currency="USD",
    starts_on="2025-02-01",
    ends_on="2025-03-01",
)


@pytest.fixture
def tell(client: httpx.AsyncClient, deliver: Deliver) -> Any:
    """Return what states the margin and delivers facts."""

    async def told(*facts: dict[str, Any]) -> None:
        await assume(client, "gross_margin", "0.8")
        await deliver(facts)

    return told


def _notices(answer: dict[str, Any]) -> set[str]:
    return {notice["code"] for notice in answer["notices"]}


@pytest.mark.parametrize(
    ("method", "kinds"),
    [
        ("R1", ["recruiting_flat"]),
        ("R2", ["recruiting_cost_per_hire"]),
        ("R2+R3", ["recruiting_cost_per_hire", "recruiting_vacancy"]),
    ],
)
async def test_hires_without_a_referral_saved_nothing_at_whatever_rate(
    client: httpx.AsyncClient, tell: Any, method: str, kinds: list[str]
) -> None:
    await tell(_HIRE, _LOST, _COST)

    statement = await _get(client, "roi", recruiting_method=method)

    assert statement["hires"] == 0
    assert "hires_not_reported" not in _notices(statement)
    lines = {line["kind"]: line for line in statement["value_lines"]}
    assert list(lines) == ["margin", *kinds]
    assert {(line["amount"], line["null_reason"]) for line in lines.values()} == {("0.00", None)}
    assert all(line["arithmetic"].endswith(" = 0") for line in lines.values())
    assert statement["roi_cash"]["percent"] == "-100.00"
    added = await _get(client, "roi/value", lines=kinds[0])
    assert added["lines"][0]["amount"] == "0.00"


async def test_without_any_hire_told_savings_are_left_out(
    client: httpx.AsyncClient, tell: Any
) -> None:
    await tell(_LOST)

    statement = await _get(client, "roi")

    assert statement["hires"] is None
    assert "hires_not_reported" in _notices(statement)
    assert [line["kind"] for line in statement["value_lines"]] == ["margin"]


@pytest.mark.parametrize("path", ["roi", "roi/cohort"])
async def test_without_any_deal_told_nothing_is_known_to_be_decided(
    client: httpx.AsyncClient, tell: Any, path: str
) -> None:
    await tell(_HIRE)
    unknown = await _get(client, path)
    await tell(_LOST)
    known = await _get(client, path)

    assert unknown["maturity"] == {"opened": None, "closed": None, "percent": None}
    assert known["maturity"] == {"opened": 0, "closed": 0, "percent": None}


async def test_a_cohort_of_no_deals_told_has_realized_nothing_that_is_known(
    client: httpx.AsyncClient, tell: Any
) -> None:
    await tell(_HIRE, _COST)
    unknown = await _get(client, "roi/cohort")
    await tell(_LOST)
    known = await _get(client, "roi/cohort")

    assert (unknown["realized"], unknown["curve"]) == (None, [])
    assert unknown["expected"]["null_reason"] == "missing:revenue"
    assert not _notices(unknown)
    assert (known["realized"], known["expected"]["value"]) == ("0.00", "0.00")
    assert {point["cumulative"] for point in known["curve"]} == {"0.00"}
    assert _notices(known) == {"no_close_yet"}


async def test_a_pipeline_of_untold_amounts_is_missing_and_its_explanation_says_so(
    client: httpx.AsyncClient, tell: Any
) -> None:
    kpis = {"pipeline_value": "pipeline", "attributed_pipeline_linear": "pipeline.linear"}
    touch = _fact("touch.recorded", person="q", channel="brand")
    lead = _fact("lead.created", lead="l", person="q")
    deal = {"deal": "d", "lead": "l", "state": "open", "opened_at": "2025-02-06T12:00:00Z"}
    await tell(touch, lead, _fact("deal.changed", **deal))

    for kpi, measure in kpis.items():
        untold = await _get(client, f"kpis/{kpi}/explain")
        value, (one,) = untold["value"], untold["inputs"]
        assert (value["value"], value["null_reason"]) == (None, f"missing:{measure}")
        assert untold["arithmetic"] == f"[{measure}] = null (missing:{measure})"
        assert (one["value"], untold["facts"]["total"], untold["facts"]["lines"]) == (
            None,
            None,
            [],
        )

    await tell(_fact("deal.changed", **deal, amount="0.00", currency="USD"))
    for kpi in kpis:
        assert (await _get(client, f"kpis/{kpi}/explain"))["value"]["value"] == "0.00"


@pytest.mark.parametrize(
    ("kind", "body", "kpi", "reason"),
    [
        (
            "survey.recorded",
            {"topic": "engagement", "respondents": 10, "score_sum": "30"},
            "engaged_ratio",
            "missing:survey.engagement.positive",
        ),
        (
            "employee.recorded",
            {"employee": "E1", "effective_on": "2025-05-01"},
            "linkedin_penetration",
            "missing:linkedin_accounts",
        ),
        (
            "login.recorded",
            {"employee": "E1", "system": "listening"},
            "engaged_users",
            "missing:engaged_users",
        ),
    ],
)
async def test_a_reason_names_what_is_missing(
    client: httpx.AsyncClient, tell: Any, kind: str, body: dict[str, Any], kpi: str, reason: str
) -> None:
    await tell(_fact(kind, **body))

    answer = await _get(client, "kpis/values", ids=kpi)

    value = answer["kpis"][0]["values"][0]
    assert (value["value"], value["null_reason"]) == (None, reason)
