"""-100 % by construction is said where no deal has closed, and nowhere else."""

from typing import Any

import httpx
import pytest

from shared.orgs import Org
from tests.api.conftest import At, Fold

_Q1 = {"from": "2025-01-01", "to": "2025-04-01"}


def _fact(kind: str, external_id: str, at: str, **body: Any) -> dict[str, Any]:
    said = {"kind": kind, "source": "test", "external_id": external_id}
    return {**said, "occurred_at": f"{at}T12:00:00Z", **body}


def _deal(name: str, state: str, closed_on: str, amount: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"deal": name, "lead": "l", "opened_at": "2025-02-05T12:00:00Z"}
    if state != "open":
        told["closed_at"] = f"{closed_on}T12:00:00Z"
    if amount is not None:
        told |= {"amount": amount, "currency": "USD"}
    return _fact("deal.changed", name, "2025-02-05", state=state, **told)


_COST = _fact(
    "cost.booked",
    "c",
    "2025-01-01",
    category="content",
    amount="100.00",
    currency="USD",
    starts_on="2025-01-01",
    ends_on="2025-04-01",
)
_TOUCHED = [
    _fact("touch.recorded", "t", "2025-02-01", person="p", channel="employee_advocacy"),
    _fact("lead.created", "l", "2025-02-02", lead="l", person="p"),
]
_UNTOUCHED = [_fact("lead.created", "l", "2025-02-02", lead="l", person="p")]
_LOST = _deal("d1", "lost", "2025-03-01")
_WON = _deal("d1", "won", "2025-03-01", "500.00")
_REFUND = _deal("d2", "won", "2025-03-01", "-500.00")
_LATER = _deal("d1", "won", "2025-04-02", "500.00")
_OPEN = _deal("d1", "open", "", "500.00")


async def _told(client: httpx.AsyncClient, path: str, **query: str) -> Any:
    answer = await client.get(f"/v1/{path}", params={**_Q1, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("facts", "in_period", "in_cohort"),
    [
        pytest.param([*_TOUCHED, _LOST], False, False, id="lost"),
        pytest.param([*_UNTOUCHED, _WON], False, True, id="won, and not by the program"),
        pytest.param([*_TOUCHED, _WON, _REFUND], False, False, id="won and refunded"),
        pytest.param([*_TOUCHED, _LATER], True, False, id="won later"),
        pytest.param([*_TOUCHED, _OPEN], True, True, id="open"),
        pytest.param([*_TOUCHED], False, False, id="no deal told"),
    ],
)
async def test_minus_100_percent_is_by_construction_only_where_nothing_has_closed(
    client: httpx.AsyncClient,
    org: Org,
    fold: Fold,
    at: At,
    facts: list[dict[str, Any]],
    in_period: bool,
    in_cohort: bool,
) -> None:
    at("2025-05-01T12:00")
    margin = {"effective_from": "2025-01-01", "value": "0.5", "source": "finance"}
    assert (await client.put("/v1/assumptions/gross_margin", json=margin)).is_success
    assert (await client.post("/v1/facts", json=[_COST, *facts])).is_success
    await fold(org)

    answers = [await _told(client, path, basis="period") for path in ("roi", "roi/models")]
    cohort = await _told(client, "roi/cohort")

    for answer in answers:
        codes = {notice["code"] for notice in answer["notices"]}
        assert ("no_close_in_period" in codes) is in_period
    assert ([notice["code"] for notice in cohort["notices"]] == ["no_close_yet"]) is in_cohort


async def test_without_a_cost_there_is_no_return_that_could_be_minus_100_percent(
    client: httpx.AsyncClient, org: Org, fold: Fold, at: At
) -> None:
    at("2025-05-01T12:00")
    margin = {"effective_from": "2025-01-01", "value": "0.5", "source": "finance"}
    assert (await client.put("/v1/assumptions/gross_margin", json=margin)).is_success
    assert (await client.post("/v1/facts", json=[*_TOUCHED, _OPEN])).is_success
    await fold(org)

    answers = [await _told(client, path, basis="period") for path in ("roi", "roi/models")]
    cohort = await _told(client, "roi/cohort")

    assert answers[0]["roi_on_margin"]["null_reason"] == "missing:cost"
    told = {notice["code"] for one in (*answers, cohort) for notice in one["notices"]}
    assert told <= {"hires_not_reported"}


async def test_savings_of_hires_are_no_part_of_what_is_minus_100_percent(
    client: httpx.AsyncClient, org: Org, fold: Fold, at: At
) -> None:
    at("2025-05-01T12:00")
    for key, value in (("gross_margin", "0.5"), ("cost_per_hire.referral", "1500")):
        stated = {"effective_from": "2025-01-01", "value": value, "source": "finance"}
        assert (await client.put(f"/v1/assumptions/{key}", json=stated)).is_success
    hire = _fact("hire.accepted", "h", "2025-02-10", application="a", employee="E1")
    assert (await client.post("/v1/facts", json=[_COST, *_TOUCHED, _OPEN, hire])).is_success
    await fold(org)

    statement = await _told(client, "roi", basis="period")

    (notice,) = (one for one in statement["notices"] if one["code"] == "no_close_in_period")
    assert "the return on margin is -100 %" in notice["message"]
    assert statement["roi_on_margin"]["percent"] == "-100.00"
    assert float(statement["headline"]["percent"]) > 0
