"""The Google Analytics look-alike answers as Google's discovery document and samples say."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.credentials import service_account_key
from sandbox.golden.program import default_code
from sandbox.state import Sandbox
from tests.contract.sandbox_contracts import assert_valid, client, contract, sample, shape

REPORT = "/ga4/v1beta/properties/123456789:runReport"
TOKEN_URL = "http://sandbox/ga4/token"
DIMENSIONS = (
    "date",
    "sessionSource",
    "sessionMedium",
    "sessionCampaignName",
    "sessionManualAdContent",
)
METRICS = ("sessions", "engagedSessions", "keyEvents")


def analytics(state: Sandbox | None = None) -> httpx.AsyncClient:
    state = state or Sandbox()
    token = state.tokens["ga4"].issue("service-account")
    return client(state, {"Authorization": f"Bearer {token}"})


def request(
    *,
    dimensions: Sequence[str] = DIMENSIONS,
    start: str = "2025-01-01",
    end: str = "2025-03-31",
    **more: Any,
) -> dict[str, Any]:
    return {
        "dateRanges": [{"startDate": start, "endDate": end}],
        "dimensions": [{"name": name} for name in dimensions],
        "metrics": [{"name": name} for name in METRICS],
        "orderBys": [{"dimension": {"dimensionName": name}} for name in dimensions],
        **more,
    }


def medium(value: str) -> dict[str, Any]:
    rule = {"matchType": "EXACT", "value": value, "caseSensitive": False}
    return {"filter": {"fieldName": "sessionMedium", "stringFilter": rule}}


def exchange(name: str) -> Any:
    return sample(f"ga4/samples/{name}.json")


def assertion(key: rsa.RSAPrivateKey | None = None, **changed: Any) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": "collector@golden-ratio.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/analytics.readonly",
        "aud": TOKEN_URL,
        "iat": now,
        "exp": now + 3600,
    }
    return jwt.encode(claims | changed, key or service_account_key(), algorithm="RS256")


def grant(text: str) -> dict[str, str]:
    return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": text}


async def test_advocacy_report_is_valid_and_shaped_as_the_sample() -> None:
    body = request(dimensionFilter=medium("Advocacy"), returnPropertyQuota=True)
    async with analytics() as api:
        answer = (await api.post(REPORT, json=body)).json()

    assert_valid(answer, contract("ga4/analyticsdata.converted.openapi.json"), "RunReportResponse")
    expected = exchange("run-report-page1.reconstructed.exchange")
    assert shape(answer) == shape(expected)
    assert sum(int(row["metricValues"][0]["value"]) for row in answer["rows"]) == 600
    assert sum(float(row["metricValues"][2]["value"]) for row in answer["rows"]) == 30
    assert answer["metricHeaders"][2] == {"name": "keyEvents", "type": "TYPE_FLOAT"}


@pytest.mark.parametrize("limit", [7, 250, 10_000])
async def test_walking_a_report_delivers_every_row_once(limit: int) -> None:
    seen: list[tuple[str, ...]] = []
    total = 1
    async with analytics() as api:
        while len(seen) < total:
            body = request(end="2025-12-31", offset=str(len(seen)), limit=str(limit))
            if limit == 7:
                body["dateRanges"][0]["endDate"] = "2025-01-31"
            answer = (await api.post(REPORT, json=body)).json()
            total = answer["rowCount"]
            seen += [tuple(v["value"] for v in row["dimensionValues"]) for row in answer["rows"]]

    assert len(seen) == len(set(seen)) == total
    assert seen == sorted(seen)


async def test_links_made_after_the_start_are_seen_at_the_next_report() -> None:
    state = Sandbox()
    body = request(dimensions=["sessionManualAdContent"], dimensionFilter=medium("advocacy"))
    async with analytics(state) as api:
        before = (await api.post(REPORT, json=body)).json()
        state.set_codes({"E001": "kQ7"})
        after = (await api.post(REPORT, json=body)).json()

    def codes(answer: dict[str, Any]) -> set[str]:
        return {row["dimensionValues"][0]["value"] for row in answer["rows"]}

    assert codes(before) - codes(after) == {default_code("E001")}
    assert codes(after) - codes(before) == {"kQ7"}
    assert {row["metricValues"][0]["value"] for row in after["rows"]} == {"25"}


async def test_careers_pages_are_never_reached_through_advocacy() -> None:
    body = request(dimensions=["landingPage", "sessionMedium"])
    async with analytics() as api:
        rows = (await api.post(REPORT, json=body)).json()["rows"]

    pairs = {tuple(value["value"] for value in row["dimensionValues"]) for row in rows}
    assert {medium for page, medium in pairs if page == "/careers"} == {"organic", "social"}


async def test_filters_combine() -> None:
    named = {"filter": {"fieldName": "sessionSource", "inListFilter": {"values": ["Google"]}}}
    keep = {"andGroup": {"expressions": [named, {"notExpression": medium("organic")}]}}
    async with analytics() as api:
        nothing = (await api.post(REPORT, json=request(dimensionFilter=keep))).json()
        either = {"orGroup": {"expressions": [named, medium("advocacy")]}}
        body = request(dimensions=["sessionSource"], dimensionFilter=either)
        both = (await api.post(REPORT, json=body)).json()

    assert nothing.keys() == exchange("run-report-empty.recorded.exchange").keys()
    sources = [row["dimensionValues"][0]["value"] for row in both["rows"]]
    assert sources == ["google", "linkedin"]


async def test_two_ranges_add_a_dimension() -> None:
    body = request(dimensions=["sessionMedium"], dimensionFilter=medium("advocacy"))
    body["dateRanges"] = [
        {"startDate": "2025-01-01", "endDate": "2025-02-14"},
        {"startDate": "2025-02-15", "endDate": "2025-03-31"},
    ]
    body["metrics"] = [{"name": "sessions"}]
    async with analytics() as api:
        answer = (await api.post(REPORT, json=body)).json()

    assert shape(answer) == shape(exchange("run-report-two-ranges.reconstructed")) | {
        "metadata": shape(answer["metadata"])
    }
    assert sum(int(row["metricValues"][0]["value"]) for row in answer["rows"]) == 600


async def test_relative_days_count_from_the_propertys_today() -> None:
    # 23:30 UTC on New Year's Eve: in Warsaw, today is 1 January already.
    state = Sandbox(clock=lambda: datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
    async with analytics(state) as api:
        body = request(dimensions=["date"], start="2daysAgo", end="yesterday")
        rows = (await api.post(REPORT, json=body)).json()["rows"]

    days = [row["dimensionValues"][0]["value"] for row in rows]
    assert days == ["20251230", "20251231"]


@pytest.mark.parametrize(
    "changed",
    [
        {"dimensions": [{"name": "sessionAdContent"}]},
        {"dimensions": [{"name": "date"}] * 10},
        {"metrics": [{"name": "money"}]},
        {"metrics": []},
        {"dateRanges": []},
        {"dateRanges": [{"startDate": "2025-02-30", "endDate": "today"}]},
        {"dateRanges": [{"startDate": "today", "endDate": "2025-01-01"}]},
        {"offset": "-1"},
        {"limit": "many"},
        {"orderBys": [{"dimension": {"dimensionName": "browser"}}]},
        {"dimensionFilter": {"filter": {"fieldName": "browser"}}},
    ],
)
async def test_report_refuses_what_google_refuses(changed: dict[str, Any]) -> None:
    async with analytics() as api:
        answer = await api.post(REPORT, json=request() | changed)

    assert answer.status_code == 400
    assert shape(answer.json()) == shape(exchange("error-invalid-argument-400.reconstructed"))
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


async def test_other_properties_and_unknown_tokens_are_refused() -> None:
    async with analytics() as api:
        other = await api.post(REPORT.replace("123456789", "1"), json=request())
        stranger = await api.post(REPORT, json=request(), headers={"Authorization": "Bearer x"})

    assert other.status_code == 403
    assert shape(other.json()) == shape(exchange("error-permission-403.reconstructed"))
    assert stranger.status_code == 401
    assert shape(stranger.json()) == shape(exchange("error-unauthenticated-401.reconstructed"))


async def test_key_events_are_shaped_as_recorded() -> None:
    async with analytics() as api:
        answer = (await api.get("/ga4/v1beta/properties/123456789/keyEvents")).json()

    recorded = exchange("key-events-list.recorded.exchange")
    assert shape(answer["keyEvents"][0]) == shape(recorded["keyEvents"][0])


async def test_a_signed_assertion_is_exchanged_for_a_token() -> None:
    async with client() as api:
        granted = (await api.post("/ga4/token", data=grant(assertion()))).json()
        token = {"Authorization": f"Bearer {granted['access_token']}"}
        answer = await api.post(REPORT, json=request(), headers=token)

    assert shape(granted) == shape(exchange("service-account-token.reconstructed.exchange"))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1},
        {"iss": "someone@else.example"},
        {"aud": "https://elsewhere.example/token"},
        {"scope": "email"},
        {"iat": 4_000_000_000, "exp": 4_000_003_600},
        {"exp": 4_000_000_000},
    ],
)
async def test_wrong_claims_are_refused(changed: dict[str, Any]) -> None:
    async with client() as api:
        answer = await api.post("/ga4/token", data=grant(assertion(**changed)))

    assert answer.status_code == 400
    expected = exchange("service-account-token-error.reconstructed")
    assert shape(answer.json()) == shape(expected)


async def test_a_foreign_signature_is_refused() -> None:
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    async with client() as api:
        answer = await api.post("/ga4/token", data=grant(assertion(foreign)))

    assert answer.json() == exchange("service-account-token-error.reconstructed")
