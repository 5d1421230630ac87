"""Runs of a stream: one at a time, put off or stopped where the vendor says so."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import structlog
from starlette.responses import JSONResponse, Response

from services.collector.connections import update_connection
from services.collector.leases import Lease, acquire, settle
from services.collector.outcomes import Totals, record_run
from shared import clock
from shared.connections import ConnectionChange
from shared.db import Database
from shared.orgs import Org
from tests.integration.sync.hubspot import FakeHubSpot, connected, contact
from tests.integration.vendor_support import RING


async def test_of_two_runners_one_writes(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    """The first is overtaken while it waits for its page, as if it had been stopped."""
    overtaking = asyncio.Event()
    vendor.contacts = [contact(1)]
    async with connected(database, org, url) as hubspot:
        client = hubspot.access.client
        original = client.call

        async def slow_call(*args: Any, **kwargs: Any) -> Any:
            answer = await original(*args, **kwargs)
            if not overtaking.is_set():
                overtaking.set()
                await hubspot.one(
                    "UPDATE sync_state SET lease_until = clock_timestamp() - interval '1 s' "
                    "WHERE connection_id = $1 AND stream = 'contacts' RETURNING 1"
                )
                second = await hubspot.sync.run(org.id, hubspot.connection_id, "contacts")
                assert second is not None
                assert (second.outcome, second.totals.inserted) == ("succeeded", 1)
            return answer

        client.call = slow_call  # type: ignore[method-assign]
        first = await hubspot.run("contacts")
        entries = await hubspot.entries()
        runs = await hubspot.one("SELECT count(*) FROM sync_run WHERE connection_id = $1")

    assert (first.outcome, first.totals.inserted) == ("fenced", 0)
    assert len(entries) == 1
    assert runs[0] == 1


async def test_a_leased_or_early_stream_is_left_alone(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.contacts = [contact(1)]
    async with connected(database, org, url) as hubspot:
        await hubspot.run("contacts")
        early = await hubspot.sync.run(org.id, hubspot.connection_id, "contacts")

    assert early is None


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "600"}, 600, 630),
        ({"Retry-After": "1000000000"}, 3600, 3780),
        ({}, 3600, 3780),
    ],
)
async def test_a_rate_limit_puts_the_stream_off(
    database: Database,
    org: Org,
    vendor: FakeHubSpot,
    url: str,
    headers: dict[str, str],
    least: int,
    most: int,
) -> None:
    limited = {"status": "error", "policyName": "DAILY"}
    vendor.answer = lambda _: JSONResponse(limited, 429, headers=headers)
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("contacts")
        wait = await hubspot.one(
            "SELECT next_due_at - clock_timestamp() FROM sync_state "
            "WHERE connection_id = $1 AND stream = 'contacts'"
        )
        state = await hubspot.one("SELECT state FROM connection WHERE id = $1")

    assert (report.outcome, vendor.searches) == ("rate_limited", 1)
    assert timedelta(seconds=least - 60) < wait[0] < timedelta(seconds=most + 1)
    assert state["state"] == "active"


async def test_a_vendor_in_trouble_is_asked_three_times_and_then_left_alone(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.answer = lambda _: JSONResponse({}, 503)
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("contacts")

    assert (report.outcome, report.reason, vendor.searches) == ("transient", "http_503", 3)


async def test_a_revoked_token_asks_for_a_person_and_stops_polling(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.answer = lambda _: JSONResponse({}, 401)
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("contacts")
        state = await hubspot.one("SELECT state FROM connection WHERE id = $1")
        await hubspot.make_due("contacts")
        again = await hubspot.sync.run(org.id, hubspot.connection_id, "contacts")

    assert (report.outcome, vendor.searches) == ("reauth_required", 1)
    assert state["state"] == "reauth_required"
    assert again is None


async def test_credentials_that_cannot_be_read_are_told_and_tried_again_soon(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    """With the wrong secret key nobody is asked; with the right one it goes on soon."""
    vendor.contacts = [contact(1)]
    async with connected(database, org, url) as hubspot:
        spoil = (
            "UPDATE connection SET credentials = credentials || '\\x00' WHERE id = $1 RETURNING 1"
        )
        await hubspot.one(spoil)
        with structlog.testing.capture_logs() as logs:
            report = await hubspot.run("contacts")
        wait = await hubspot.one(
            "SELECT next_due_at - clock_timestamp() FROM sync_state "
            "WHERE connection_id = $1 AND stream = 'contacts'"
        )
        state = await hubspot.one("SELECT state_reason FROM connection WHERE id = $1")

    assert (report.outcome, report.reason, vendor.searches) == ("refused", "secret_unreadable", 0)
    assert wait[0] < timedelta(minutes=1)
    assert state["state_reason"] == "secret_unreadable"
    [told] = [line for line in logs if line["event"] == "sync.run_failed"]
    assert (told["reason"], told["connection_id"]) == (
        "secret_unreadable",
        str(hubspot.connection_id),
    )


async def test_streams_that_recover_at_the_same_time_see_each_other(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    """Neither has committed when the other one looks whether an error is left."""
    async with connected(database, org, url) as hubspot:
        await hubspot.one(
            "UPDATE sync_state SET last_error = 'http_503' WHERE connection_id = $1 RETURNING 1"
        )
        await hubspot.one("UPDATE connection SET state = 'degraded' WHERE id = $1 RETURNING 1")
        contacts, deals = [
            await acquire(database, org.id, hubspot.connection_id, stream, owner="test")
            for stream in ("contacts", "deals")
        ]

        async def conclude(lease: Lease | None, done: asyncio.Event) -> None:
            assert lease is not None
            async with database.transaction(org.id) as connection:
                await settle(connection, lease, due_in=timedelta(hours=1), error=None)
                if lease is deals:
                    done.set()
                await record_run(
                    connection,
                    lease,
                    Totals(),
                    outcome="succeeded",
                    reason=None,
                    started_at=clock.now(),
                )
                if lease is contacts:
                    # Time enough for the other one to look, unless it waits for this one's commit.
                    second = asyncio.create_task(conclude(deals, done))
                    await done.wait()
                    await asyncio.wait([second], timeout=1)
            if lease is contacts:
                await second

        await conclude(contacts, asyncio.Event())
        state = await hubspot.one("SELECT state, state_reason FROM connection WHERE id = $1")

    assert tuple(state) == ("active", None)


async def test_a_stream_recovers_while_the_run_of_another_is_being_written(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    """A row that refers to the connection holds its key: two that waited for it would deadlock."""
    async with connected(database, org, url) as hubspot:
        await hubspot.one("UPDATE connection SET state = 'degraded' WHERE id = $1 RETURNING 1")
        contacts, deals = [
            await acquire(database, org.id, hubspot.connection_id, stream, owner="test")
            for stream in ("contacts", "deals")
        ]
        assert contacts is not None
        assert deals is not None

        async def record(connection: Any, lease: Lease, reason: str | None = None) -> None:
            await record_run(
                connection,
                lease,
                Totals(),
                outcome="succeeded" if reason is None else "rate_limited",
                reason=reason,
                started_at=clock.now(),
            )

        async with (
            database.transaction(org.id) as first,
            database.transaction(org.id) as second,
        ):
            await record(first, contacts, "http_429")  # leaves the connection as it is
            await asyncio.wait_for(record(second, deals), 20)
        state = await hubspot.one("SELECT state FROM connection WHERE id = $1")

    assert tuple(state) == ("active",)


@pytest.mark.parametrize("status", [200, 401])
async def test_a_change_of_the_connection_ends_the_run_that_goes_by_the_old_one(
    database: Database, org: Org, vendor: FakeHubSpot, url: str, status: int
) -> None:
    """New credentials come while the vendor refuses the old ones: they are what counts."""
    vendor.contacts = [contact(1)]
    async with connected(database, org, url) as hubspot:
        client = hubspot.access.client
        original = client.call
        change = ConnectionChange(
            credentials={"auth": {"type": "token", "access_token": "a-new-token"}}
        )

        async def overtaken_call(*args: Any, **kwargs: Any) -> Any:
            client.call = original  # type: ignore[method-assign]
            async with database.transaction(org.id) as connection:
                await update_connection(
                    connection, RING, org.id, hubspot.connection_id, change, allow_private=True
                )
            return await original(*args, **kwargs)

        client.call = overtaken_call  # type: ignore[method-assign]
        vendor.answer = None if status == 200 else lambda _: JSONResponse({}, status)
        overtaken = await hubspot.run("contacts")
        entries = await hubspot.entries()
        vendor.answer = None
        state = await hubspot.one("SELECT state FROM connection WHERE id = $1")
        # Due at once, and free.
        report = await hubspot.sync.run(org.id, hubspot.connection_id, "contacts")

    assert (overtaken.outcome, entries) == ("fenced", [])
    assert state["state"] == "active"
    assert report is not None
    assert report.outcome == "succeeded"


async def test_a_redirect_is_not_followed(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.answer = lambda _: Response(status_code=302, headers={"Location": f"{url}/elsewhere"})
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("contacts")

    assert (report.outcome, report.reason, vendor.searches) == ("blocked", "redirected", 1)


async def test_a_stopped_run_gives_its_lease_back(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    async with connected(database, org, url) as hubspot:
        started = asyncio.Event()

        async def hanging(*_: Any, **__: Any) -> Any:
            started.set()
            await asyncio.Event().wait()

        hubspot.access.client.call = hanging  # type: ignore[method-assign]
        run = asyncio.create_task(hubspot.run("contacts"))
        await started.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        stream = await hubspot.state("contacts")

    assert stream["lease_until"] is None
    assert stream["last_error"] is None
