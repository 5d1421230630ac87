"""Two people state a rate at one moment: the later version is of the later time."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from services.api.assumptions.repository import Statement, add_statement
from shared import clock
from shared.db import Database
from shared.kpis.vocabulary import Grade
from shared.orgs import Org
from tests.integration.test_generations_meet import until_they_wait

NOON = datetime(2025, 4, 10, 12, tzinfo=UTC)


async def _state(
    connection: "asyncpg.Connection[asyncpg.Record]", org: Org, value: int
) -> Statement:
    return await add_statement(
        connection,
        org.id,
        key="emv.cpc",
        effective_from=date(2025, 1, 1),
        value=Decimal(value),
        source="finance",
        grade=Grade.MEASURED,
    )


async def _state_alone(database: Database, org: Org, value: int) -> Statement:
    async with database.transaction(org.id) as connection:
        return await _state(connection, org, value)


async def test_who_waits_to_state_is_stamped_after_the_one_waited_for(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    async with database.transaction(org.id) as connection:
        first = await _state(connection, org, 1)
        stating = asyncio.create_task(_state_alone(database, org, 2))
        await until_they_wait(database, 1)
        # What it took until the first one commits.
        monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(minutes=1))
    second = await stating

    assert (first.version, first.recorded_at) == (1, NOON)
    assert (second.version, second.recorded_at) == (2, NOON + timedelta(minutes=1))
