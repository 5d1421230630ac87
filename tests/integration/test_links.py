"""The redirect over a socket: where it leads, what it books, and what it never does."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from asyncpg import Record

from shared.db import Database
from shared.links import create_link
from shared.models import Link
from shared.orgs import Org, create_org
from tests.integration.collector_server import running_collector

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"}


@pytest_asyncio.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running_collector(database_url) as collector:
        yield collector.client


@pytest_asyncio.fixture
async def link(database: Database, org: Org) -> Link:
    async with database.session(org.id) as session:
        return await create_link(
            session,
            org.id,
            target_url="https://www.example.com/insights?a=1#top",
            employee="E1",
            network="linkedin",
            campaign="spring",
            content="article-1",
        )


@pytest_asyncio.fixture
async def other_org(database: Database) -> Org:
    async with database.transaction() as connection:
        return await create_org(connection, name="Other", time_zone="UTC", currency="EUR")


async def clicks(database: Database, org_id: UUID) -> list[Record]:
    async with database.transaction(org_id) as connection:
        return await connection.fetch("SELECT * FROM ledger_entry ORDER BY position")


async def test_a_visitor_is_sent_on_and_the_click_is_in_the_ledger_first(
    client: httpx.AsyncClient, database: Database, org: Org, link: Link
) -> None:
    answer = await client.get(f"/l/{link.code}", headers=BROWSER)
    booked = await clicks(database, org.id)

    assert answer.status_code == 302
    assert answer.headers["location"] == (
        "https://www.example.com/insights?a=1&utm_source=linkedin&utm_medium=advocacy"
        f"&utm_campaign=spring&utm_content={link.code}#top"
    )
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content == b""
    assert [
        (row["kind"], row["subject"], row["employee"], row["network"], row["campaign"],
         row["content"], row["channel"], row["payload"])
        for row in booked
    ] == [
        ("link.clicked", link.code, "E1", "linkedin", "spring", "article-1", "employee_advocacy",
         f'{{"is_human":true,"link":"{link.code}"}}')
    ]  # fmt: skip


async def test_every_click_of_a_crowd_is_booked_once(
    client: httpx.AsyncClient, database: Database, org: Org, link: Link
) -> None:
    answers = await asyncio.gather(
        *(client.get(f"/l/{link.code}", headers=BROWSER) for _ in range(40))
    )

    assert {answer.status_code for answer in answers} == {302}
    assert [row["position"] for row in await clicks(database, org.id)] == list(range(1, 41))


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", BROWSER),
        ("GET", {"User-Agent": "LinkedInBot/1.0"}),
        ("GET", BROWSER | {"Sec-Purpose": "prefetch;prerender"}),
        ("GET", BROWSER | {"Purpose": "prefetch"}),
    ],
)
async def test_programs_are_sent_on_and_not_counted_as_people(
    client: httpx.AsyncClient,
    database: Database,
    org: Org,
    link: Link,
    method: str,
    headers: dict[str, str],
) -> None:
    answer = await client.request(method, f"/l/{link.code}", headers=headers)

    assert answer.status_code == 302
    assert ['"is_human":false' in row["payload"] for row in await clicks(database, org.id)] == [
        True
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/l/0123456789abc",
        "/l/short",
        "/l/" + "a" * 5000,
        "/l/%00",
        "/l/%0d%0aSet-Cookie:%20a=b",
        "/l/https:%5C%5Cevil.example",
        "/l/%2f%2fevil.example",
        "/l//evil.example",
        "//evil.example/l/x",
        "/l/javascript:alert(1)",
        "/l/data:text,x",
        "/l/@evil.example",
        "/l/..%2f..%2fetc",
        "/l/%EF%BD%86%EF%BD%95%EF%BD%8C%EF%BD%8C%EF%BD%97%EF%BD%89%EF%BD%84%EF%BD%94",
        "/l/",
    ],
)
async def test_an_unknown_code_leads_nowhere(
    client: httpx.AsyncClient, database: Database, org: Org, path: str
) -> None:
    answer = await client.get(client.base_url.copy_with(raw_path=path.encode()))

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert "location" not in answer.headers
    assert "evil" not in answer.text


@pytest.mark.parametrize("query", ["?url=//evil.example", "?utm_source=evil", "?next=%0d%0aX:%20y"])
async def test_nothing_of_a_request_gets_into_the_address(
    client: httpx.AsyncClient, link: Link, query: str
) -> None:
    answer = await client.get(
        f"/l/{link.code}{query}",
        headers=BROWSER | {"Host": "evil.example", "X-Forwarded-Host": "evil.example"},
    )

    assert answer.headers["location"] == link.tagged_url


async def test_another_method_is_refused(client: httpx.AsyncClient, link: Link) -> None:
    answer = await client.post(f"/l/{link.code}")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_a_link_of_another_organization_books_there(
    client: httpx.AsyncClient, database: Database, org: Org, link: Link, other_org: Org
) -> None:
    await client.get(f"/l/{link.code}", headers=BROWSER)

    assert len(await clicks(database, org.id)) == 1
    assert await clicks(database, other_org.id) == []
