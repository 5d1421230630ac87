"""An outage in the log of a worker: its beginning, its reason and its end, not each attempt."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import structlog

from cli.embedded.valkey import EmbeddedValkey
from shared.queue import Due, Queue
from tests.integration.test_queue import PATIENCE, Recorder, wake_until_known, worker

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


async def test_a_failing_sweep_is_told_once_and_at_its_end(valkey: EmbeddedValkey) -> None:
    sweeps, often = 0, asyncio.Event()

    async def sweep() -> None:
        nonlocal sweeps
        sweeps += 1
        if sweeps >= 5:
            often.set()
        if sweeps <= 3:
            raise ConnectionError("the database is away")

    with structlog.testing.capture_logs() as logged:
        async with worker(
            valkey.url, {"fold": Recorder()}, sweep=sweep, sweep_every=timedelta(milliseconds=10)
        ):
            await asyncio.wait_for(often.wait(), PATIENCE.total_seconds())

    failed, recovered = (line for line in logged if line["event"].startswith("sweep."))
    assert (failed["event"], failed["reason"]) == ("sweep.failed", "the database is away")
    assert isinstance(failed["exc_info"], ConnectionError)
    assert (recovered["event"], recovered["failures"]) == ("sweep.recovered", 3)


async def test_a_task_that_fails_each_time_it_is_found_is_told_once_and_at_its_end(
    valkey: EmbeddedValkey,
) -> None:
    org_id, well, runs = uuid4(), asyncio.Event(), 0

    async def task(_: UUID) -> None:
        nonlocal runs
        runs += 1
        if runs <= 3:
            raise ValueError("what it folds makes no sense")
        well.set()

    async def sweep() -> list[Due]:
        return [] if well.is_set() else [("fold", org_id)]

    with structlog.testing.capture_logs() as logged:
        async with worker(
            valkey.url,
            {"fold": task},
            sweep=sweep,
            sweep_every=timedelta(milliseconds=10),
            grace=PATIENCE,
        ):
            await asyncio.wait_for(well.wait(), PATIENCE.total_seconds())

    lines = [line for line in logged if line["event"].startswith("task.")]
    assert [line["event"] for line in lines] == ["task.failed", "task.recovered"]
    assert isinstance(lines[0]["exc_info"], ValueError)
    assert lines[1]["failures"] == 3


async def test_an_absent_redis_is_told_by_change_and_not_by_attempt(
    valkey: EmbeddedValkey,
) -> None:
    task, queue = Recorder(), Queue.connect(valkey.url)
    with structlog.testing.capture_logs() as logged:
        async with worker(valkey.url, {"fold": task}):
            await wake_until_known(queue, uuid4())
            await task.until(1)
            valkey.stop()
            for _ in range(5):
                assert not await queue.ping()
            # Until the listener, too, has found that out more than once.
            await asyncio.sleep(1)
            valkey.start()
            await wake_until_known(queue, uuid4())
            await task.until(2)
    await queue.close()

    lines = [line for line in logged if line["event"].startswith(("queue.", "redis."))]
    told = [(line["event"], line.get("error")) for line in lines]
    failed = [one for one in told if one[0].endswith(".failed")]
    assert {event for event, _ in failed} == {"queue.failed", "redis.failed"}
    assert len(failed) == len(set(failed))
    assert [event for event, _ in told].count("redis.recovered") == 1
    assert [event for event, _ in told].count("queue.recovered") == 1
    assert all(line["reason"] and not line["exc_info"] for line in lines if "error" in line)
