"""Rebuilds that are killed, wherever they are: whoever goes on ends as if nobody had been."""

import asyncio
import signal
from base64 import b64encode
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from cli.embedded.valkey import EmbeddedValkey
from services.metrics.retired import GENERATION_TABLES
from services.metrics.verify import verify
from services.metrics.worker import catch_up
from shared.db import Database
from shared.orgs import Org
from shared.queue import Queue
from tests.integration.falsifying import by_hand
from tests.integration.killing import AFTER, begin, ended
from tests.integration.test_generations_meet import until_they_wait
from tests.integration.test_known import DAYS, TOLD, Item, fact, new_org, tell
from tests.integration.test_rebuild import _FIGURES, _HISTORY, held, live
from tests.integration.test_rebuild import begin as start

pytestmark = pytest.mark.timeout(300)

#: Where a batch ended is nothing that was told: at which entry a credit was given or taken back.
_CREDIT = " - 'position' - 'until'"
_STATE = {
    table: "SELECT (to_jsonb(s) - 'org_id' - 'generation'"
    f" {_CREDIT if table.startswith('credit') else ''})::text"
    f"  FROM {table} s WHERE org_id = $1 AND generation = $2"
    for table in GENERATION_TABLES
    if not table.startswith(("rollup", "cell"))
}
_AGE = "UPDATE generation SET retired_at = retired_at - interval '1 hour' WHERE org_id = $1"
_GENERATIONS = "SELECT generation, state FROM generation WHERE org_id = $1"
_CURSORS = """
SELECT f.generation, h.position - f.position AS behind
  FROM fold_cursor f JOIN ledger_head h USING (org_id) WHERE f.org_id = $1
"""


class Twins:
    """Two organizations that are told the same: one is rebuilt and killed, the other is not."""

    def __init__(self, database: Database, url: str, one: Org, other: Org) -> None:
        self.database, self.url, self.one, self.other = database, url, one, other
        self._numbers = count()

    async def tell(self, day: date, items: Sequence[Item], *, is_folded: bool = True) -> None:
        """Tell both the same; the one's is left to others to fold unless it ``is_folded``."""
        for org in (self.one, self.other):
            await tell(self.database, org, day, items)
            if is_folded or org is self.other:
                await catch_up(self.database, org.id)

    async def tell_more(self, *, is_folded: bool = True) -> None:
        """Tell a fact more and a move to another team: what arrives while one is rebuilt."""
        number = next(self._numbers)
        click = fact("link.clicked", f"c{number}", link="x", employee="E1")
        # Each move is a fact of its own: of what is put right in a day, a rebuild keeps the last.
        team = fact(
            "employee.recorded",
            f"E1-{number}",
            employee="E1",
            effective_on=str(date(2025, 1, 1) + timedelta(days=number)),
            team=f"T{number}",
        )
        await self.tell(DAYS[-1], [click, team], is_folded=is_folded)

    async def age(self) -> None:
        """Let the readers of what is retired be gone."""
        await by_hand(self.url, _AGE, self.one.id)

    async def is_settled(self) -> bool:
        """Tell whether the one has one generation left, and all is folded."""
        async with self.database.transaction(self.one.id) as connection:
            generations = await connection.fetch(_GENERATIONS, self.one.id)
            cursors = await connection.fetch(_CURSORS, self.one.id)
        return len(generations) == 1 and [row["behind"] for row in cursors] == [0]

    async def assert_alike(self) -> None:
        """Both say the same, of now and of any day; of the one nothing else is left."""
        number = await live(self.database, self.one)
        for query in (_FIGURES, _HISTORY, *_STATE.values()):
            rows = await held(self.database, self.one, query, number)
            assert rows == await held(self.database, self.other, query, 1)
        async with self.database.transaction(self.one.id) as connection:
            generations = await connection.fetch(_GENERATIONS, self.one.id)
            cursors = await connection.fetch(_CURSORS, self.one.id)
            for table in GENERATION_TABLES:
                found = f"SELECT DISTINCT generation FROM {table} WHERE org_id = $1"
                assert {row[0] for row in await connection.fetch(found, self.one.id)} <= {number}
        assert [tuple(row) for row in generations] == [(number, "live")]
        assert [tuple(row) for row in cursors] == [(number, 0)]
        report = await verify(self.database, self.one.id)
        assert not report.listed


@pytest_asyncio.fixture
async def twins(database: Database, database_url: str, org: Org) -> Twins:
    """Return two organizations with a history of several days, all kinds of state in it."""
    twins = Twins(database, database_url, org, await new_org(database))
    for day, items in zip(DAYS, TOLD, strict=True):
        await twins.tell(day, items)
    return twins


#: Before the generation is there, before and after its first commit, while it is folded, before and
#: after the end of a batch, and before, in and after the flip.
_BUILDING = (
    "INSERT INTO generation",
    "COMMIT of INSERT INTO fold_cursor",
    f"{AFTER}COMMIT of INSERT INTO fold_cursor",
    "INSERT INTO roster",
    "DELETE FROM credit_row",
    "INSERT INTO rollup_change",
    "MERGE INTO rollup",
    "COMMIT of UPDATE fold_cursor",
    f"{AFTER}COMMIT of UPDATE fold_cursor",
    "UPDATE generation",
    "UPDATE organization",
    "COMMIT of UPDATE organization",
    f"{AFTER}COMMIT of UPDATE organization",
)
_DROPPING = (
    "DELETE FROM credit_row_past",
    f"{AFTER}COMMIT of DELETE FROM credit_row",
    "DELETE FROM rollup_change",
    "COMMIT of UPDATE fold_cursor",
    f"{AFTER}COMMIT of UPDATE fold_cursor",
    "DELETE FROM cell",
    "DELETE FROM fold_cursor",
    "COMMIT of DELETE FROM generation",
    f"{AFTER}COMMIT of DELETE FROM generation",
)


#: As a worker meets them, one after another: it builds, flips and deletes.
_WORKING = (
    "INSERT INTO rollup_change",
    f"{AFTER}COMMIT of UPDATE fold_cursor",
    "UPDATE organization",
    f"{AFTER}COMMIT of UPDATE organization",
    "DELETE FROM rollup_change",
    "DELETE FROM generation",
)


async def test_killed_wherever_it_is_the_command_ends_as_if_it_never_had_been(
    twins: Twins,
) -> None:
    rebuild = ("rebuild", "--organization", str(twins.one.id), "--database-url", twins.url)
    drop = (*rebuild, "--drop-retired")
    for number, point in enumerate(_BUILDING):
        assert ended(begin(*rebuild, kill_at=point)) == -signal.SIGKILL, point
        if number % 5 == 3:
            await twins.tell_more()
    assert await live(twins.database, twins.one) == 2
    await twins.tell_more()
    await twins.age()
    for point in _DROPPING:
        assert ended(begin(*drop, kill_at=point)) == -signal.SIGKILL, point
    await twins.assert_alike()
    assert ended(begin(*rebuild)) == 0
    assert await live(twins.database, twins.one) == 3


async def test_killed_wherever_they_are_workers_go_on_with_what_another_one_left(
    twins: Twins, tmp_path: Path
) -> None:
    await start(twins.database, twins.one)
    with EmbeddedValkey(tmp_path / "valkey") as valkey:
        environment = {
            "EARNED_DATABASE_URL": twins.url,
            "EARNED_REDIS_URL": valkey.url,
            "EARNED_SECRET_KEY": b64encode(bytes(32)).decode(),
            "EARNED_METRICS_PORT": "0",
            "EARNED_SWEEP_EVERY": "0.1",
        }
        queue = Queue.connect(valkey.url)
        for point in _WORKING:
            if point.startswith("DELETE"):
                await twins.age()
            await twins.tell_more(is_folded=False)
            assert await queue.wake("fold", twins.one.id)
            worker = begin("work", "metrics", environment=environment, kill_at=point)
            assert ended(worker) == -signal.SIGKILL, point
        worker = begin("work", "metrics", environment=environment)
        async with asyncio.timeout(60):
            while not await twins.is_settled():
                await asyncio.sleep(0.1)
        worker.terminate()
        assert ended(worker) == 0
        await queue.close()
    await twins.assert_alike()


_TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_locks
 WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())
"""


@pytest.mark.parametrize("is_process", [True, False], ids=["process", "connection"])
async def test_struck_while_the_flip_is_under_way_nothing_has_changed(
    twins: Twins, *, is_process: bool
) -> None:
    rebuild = ("rebuild", "--organization", str(twins.one.id), "--database-url", twins.url)
    async with twins.database.transaction(twins.one.id) as connection:
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await connection.execute("SELECT FROM organization WHERE id = $1 FOR UPDATE", twins.one.id)
        process = begin(*rebuild)
        await until_they_wait(twins.database, 1)
        if is_process:
            process.kill()
        else:
            await by_hand(twins.url, _TERMINATE)
        assert ended(process) == (-signal.SIGKILL if is_process else 1)
    assert await live(twins.database, twins.one) == 1

    await twins.tell_more()
    assert ended(begin(*rebuild)) == 0
    await twins.age()
    assert ended(begin(*rebuild, "--drop-retired")) == 0
    assert await live(twins.database, twins.one) == 2
    await twins.assert_alike()
