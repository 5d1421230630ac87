"""Every connector reads its look-alike over real HTTP; reading it twice changes nothing."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import stamina

from sandbox.app import create_app
from shared.db import Database
from shared.orgs import Org
from tests.integration.vendor_support import polling, served


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    with served(create_app()) as url:
        yield url


@pytest.fixture
def credentials(sandbox_url: str) -> Any:
    return httpx.get(f"{sandbox_url}/_sandbox/credentials", trust_env=False).json()


def _grant(vendor: dict[str, Any], holder: dict[str, Any] | None = None) -> dict[str, Any]:
    tokens = holder or vendor
    return {
        "type": "oauth2",
        "client_id": vendor["client_id"],
        "client_secret": vendor["client_secret"],
        "refresh_token": tokens["refresh_token"],
    }


async def test_hubspot_brings_leads_and_deals(
    database: Database, org: Org, credentials: Any
) -> None:
    vendor = credentials["hubspot"]
    config = {"base_url": vendor["base_url"], "token_url": vendor["token_url"]}

    async with polling(
        database, org, provider="hubspot", config=config, auth=_grant(vendor)
    ) as hubspot:
        for _ in range(2):
            for stream in ("contacts", "deals"):
                report = await hubspot.run(stream)
                assert (report.outcome, report.totals.quarantined) == ("succeeded", 0)
        entries = await hubspot.entries()

    assert Counter(entry.kind for entry in entries) == {"lead.created": 30, "deal.changed": 12}
    deals = [entry.payload for entry in entries if entry.kind == "deal.changed"]
    assert Counter(deal["state"] for deal in deals) == {"won": 6, "lost": 4, "open": 2}
    won = [Decimal(deal["amount"]) for deal in deals if deal["state"] == "won"]
    assert sum(won) == Decimal("60000.00")
    assert {deal["lead"] for deal in deals} <= {
        entry.subject for entry in entries if entry.kind == "lead.created"
    }


async def test_linkedin_brings_the_page_and_each_member(
    database: Database, org: Org, credentials: Any
) -> None:
    vendor = credentials["linkedin"]
    base = {
        "base_url": vendor["base_url"],
        "token_url": vendor["token_url"],
        "start_on": "2025-01-01",
    }
    page = {**base, "organization": vendor["organization"]}
    async with polling(
        database, org, provider="linkedin", config=page, auth=_grant(vendor)
    ) as linkedin:
        for _ in range(2):
            for stream in ("page_days", "page_followers"):
                assert (await linkedin.run(stream)).outcome == "succeeded"
        entries = await linkedin.entries()

    assert Counter(entry.kind for entry in entries) == {
        "engagement.daily": 156,
        "audience.recorded": 1,
    }


async def test_a_member_brings_daily_sums(database: Database, org: Org, credentials: Any) -> None:
    vendor = credentials["linkedin"]
    member = vendor["members"][0]
    config = {
        "base_url": vendor["base_url"],
        "token_url": vendor["token_url"],
        "start_on": "2025-01-01",
        "employee": member["employee"],
    }
    async with polling(
        database, org, provider="linkedin", config=config, auth=_grant(vendor, member)
    ) as linkedin:
        for _ in range(2):
            for stream in ("member_days", "member_audience"):
                assert (await linkedin.run(stream)).outcome == "succeeded"
        entries = await linkedin.entries()

    days = [entry.payload for entry in entries if entry.kind == "engagement.daily"]
    assert {entry.employee for entry in entries} == {member["employee"]}
    assert all(entry.weight == 1 for entry in entries)
    assert sum(day["impressions"] for day in days) > 0


async def test_ga4_brings_sessions_of_site_and_careers(
    database: Database, org: Org, credentials: Any
) -> None:
    vendor = credentials["ga4"]
    account = vendor["service_account"]
    config = {
        "base_url": vendor["base_url"],
        "property_id": vendor["property_id"],
        "careers_prefix": "/careers",
        "start_on": "2025-01-01",
    }
    auth = {"type": "service_account"} | {
        name: account[name]
        for name in ("client_email", "private_key_id", "private_key", "token_uri")
    }
    async with polling(database, org, provider="ga4", config=config, auth=auth) as ga4:
        for _ in range(2):
            for stream in ("sessions", "careers_sessions"):
                report = await ga4.run(stream)
                assert (report.outcome, report.totals.quarantined) == ("succeeded", 0)
        entries = await ga4.entries()

    assert all(entry.weight == 1 for entry in entries)
    advocacy = [entry.payload for entry in entries if entry.channel == "employee_advocacy"]
    assert sum(visit["sessions"] for visit in advocacy) == 600
    assert {entry.payload["landing"] for entry in entries} == {"site", "careers"}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "half_body", "times": 3}, "transient"),
        ({"kind": "server_error", "times": 3, "status": 502}, "transient"),
        ({"kind": "html"}, "bad_payload"),
        ({"kind": "empty"}, "bad_payload"),
        ({"kind": "wrong_json"}, "bad_payload"),
        ({"kind": "drop_field", "field": "createdate"}, "bad_payload"),
        ({"kind": "rate_limit", "policy": "DAILY"}, "rate_limited"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else value,
)
async def test_a_fault_books_nothing_and_the_next_run_brings_everything(
    database: Database,
    org: Org,
    credentials: Any,
    sandbox_url: str,
    fault: dict[str, Any],
    outcome: str,
) -> None:
    queued = {"vendor": "hubspot", "path": "contacts/search", **fault}
    httpx.post(f"{sandbox_url}/_sandbox/faults", json=queued, trust_env=False).raise_for_status()
    vendor = credentials["hubspot"]
    config = {"base_url": vendor["base_url"], "token_url": vendor["token_url"]}
    with stamina.set_testing(True, attempts=3, cap=True):
        async with polling(
            database, org, provider="hubspot", config=config, auth=_grant(vendor)
        ) as hubspot:
            failed = await hubspot.run("contacts")
            stream, nothing = await hubspot.state("contacts"), await hubspot.entries()
            recovered = await hubspot.run("contacts")

    assert (failed.outcome, nothing, stream["cursor"]) == (outcome, [], None)
    assert recovered.totals.inserted == 30
