"""``POST /v1/imports/{kind}`` over a socket: who may, what is read, what is answered."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import pytest_asyncio

from shared.db import Database
from shared.orgs import Org, create_org
from shared.security.keys import create_key
from tests.integration.collector_server import (
    RunningCollector,
    keyring,
    running_collector,
    status_of_announced,
)

MEMBERSHIP = b"employee,event,occurred_at\nE1,invited,2025-01-01T07:00:00Z\n"
COSTS = (
    b"cost_id,category,amount,currency,starts_on,ends_on,evidence\n"
    b"C-1,content,10.00,USD,2025-01-01,2025-01-02,invoice\n"
)
CSV = {"Content-Type": "text/csv; charset=utf-8"}


@pytest_asyncio.fixture
async def collector(database_url: str) -> AsyncIterator[RunningCollector]:
    async with running_collector(database_url) as running:
        yield running


@pytest.fixture
def client(collector: RunningCollector) -> httpx.AsyncClient:
    return collector.client


async def key_headers(database: Database, org: Org, *scopes: str) -> dict[str, str]:
    async with database.transaction(org.id) as connection:
        key = await create_key(connection, keyring(), org_id=org.id, name="Test", scopes=scopes)
    return {"Authorization": f"Bearer {key.plaintext}"}


@pytest_asyncio.fixture
async def key(database: Database, org: Org) -> dict[str, str]:
    return await key_headers(database, org, "imports:write")


async def entries(database: Database, org: Org) -> int:
    async with database.transaction(org.id) as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM ledger_entry")
    return count


async def test_a_file_is_imported_once_and_answered_with_counts(
    client: httpx.AsyncClient, database: Database, org: Org, key: dict[str, str]
) -> None:
    first, again = [
        await client.post("/v1/imports/membership", content=MEMBERSHIP, headers=CSV | key)
        for _ in range(2)
    ]

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == {
        "import_id": first.json()["import_id"],
        "kind": "membership",
        "rows": 1,
        "inserted": 1,
        "unchanged": 0,
        "corrected": 0,
    }
    assert (again.json()["inserted"], again.json()["unchanged"]) == (0, 1)
    assert await entries(database, org) == 1


async def test_a_dry_run_writes_nothing(
    client: httpx.AsyncClient, database: Database, org: Org, key: dict[str, str]
) -> None:
    answer = await client.post(
        "/v1/imports/membership?dry_run=true", content=MEMBERSHIP, headers=CSV | key
    )

    assert (answer.status_code, answer.json()["inserted"]) == (200, 1)
    assert answer.json()["import_id"] is None
    assert await entries(database, org) == 0


Headers = Callable[[dict[str, str]], dict[str, str]]
REFUSED: dict[str, tuple[str, bytes, Headers, int, str]] = {
    "no key": ("membership", MEMBERSHIP, lambda _: CSV, 401, "unauthenticated"),
    "unknown kind": ("salaries", MEMBERSHIP, lambda key: CSV | key, 422, "invalid"),
    "not CSV": (
        "membership",
        MEMBERSHIP,
        lambda key: {"Content-Type": "application/json"} | key,
        415,
        "unsupported_media_type",
    ),
    "empty": ("membership", b"", lambda key: CSV | key, 422, "invalid_file"),
    "another kind's": ("roster", MEMBERSHIP, lambda key: CSV | key, 422, "invalid_file"),
    # Read as if it were not there, the first two would import what was only to be looked at.
    "a parameter that is none": (
        "membership?dryrun=true",
        MEMBERSHIP,
        lambda key: CSV | key,
        422,
        "invalid",
    ),
    "a parameter said twice": (
        "membership?dry_run=true&dry_run=false",
        MEMBERSHIP,
        lambda key: CSV | key,
        422,
        "invalid",
    ),
    "packed": (
        "membership",
        MEMBERSHIP,
        lambda key: CSV | key | {"Content-Encoding": "gzip"},
        415,
        "unsupported_media_type",
    ),
    # In a zone ahead of UTC its midnight is in no calendar.
    "the first day of the calendar": (
        "costs",
        COSTS.replace(b"2025-01-01", b"0001-01-01"),
        lambda key: CSV | key,
        422,
        "invalid_file",
    ),
    "the last day of the calendar": (
        "costs",
        COSTS.replace(b"2025-01-02", b"9999-12-31"),
        lambda key: CSV | key,
        422,
        "invalid_file",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_wrong_is_refused_and_nothing_is_written(
    client: httpx.AsyncClient, database: Database, org: Org, key: dict[str, str], case: str
) -> None:
    kind, content, headers, status, code = REFUSED[case]

    answer = await client.post(f"/v1/imports/{kind}", content=content, headers=headers(key))

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await entries(database, org) == 0


async def test_a_file_beyond_the_limit_is_refused_before_it_is_read(
    collector: RunningCollector,
) -> None:
    largest = 16 * 1024 * 1024

    assert await status_of_announced(collector.port, "/v1/imports/roster", largest + 1) == 413


async def test_errors_name_line_and_column_and_never_the_value(
    client: httpx.AsyncClient, key: dict[str, str]
) -> None:
    answer = await client.post(
        "/v1/imports/membership",
        content=MEMBERSHIP + b"mallory@example.com,joined,2025-01-01T07:00:00Z\n",
        headers=CSV | key,
    )

    assert answer.status_code == 422
    assert [(error["field"], error["rule"]) for error in answer.json()["errors"]] == [
        ("lines.3.employee", "characters")
    ]
    assert "mallory" not in answer.text


async def test_a_key_without_the_scope_imports_nothing(
    client: httpx.AsyncClient, database: Database, org: Org
) -> None:
    headers = CSV | await key_headers(database, org, "facts:write", "kpis:read")

    answer = await client.post("/v1/imports/membership", content=MEMBERSHIP, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert await entries(database, org) == 0


async def test_a_file_goes_to_the_organization_of_its_key(
    client: httpx.AsyncClient, database: Database, org: Org
) -> None:
    async with database.transaction() as connection:
        other = await create_org(connection, name="Other", time_zone="UTC", currency="EUR")
    headers = CSV | await key_headers(database, other, "imports:write")

    await client.post("/v1/imports/membership", content=MEMBERSHIP, headers=headers)

    assert (await entries(database, org), await entries(database, other)) == (0, 1)
