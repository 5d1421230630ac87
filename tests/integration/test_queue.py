"""Wake-ups through a real Valkey that is stopped, wiped and replaced while they travel."""

import asyncio
import json
import pickle
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from cli.embedded.valkey import EmbeddedValkey
from shared.queue import Due, Queue, Task, run_worker

pytestmark = pytest.mark.timeout(60)

PATIENCE = timedelta(seconds=20)
NEVER = timedelta(hours=1)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


class Recorder:
    """A task that notes each run and can be held in the middle of one."""

    def __init__(self) -> None:
        self.runs: list[UUID] = []
        self.changed = asyncio.Condition()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, org_id: UUID) -> None:
        async with self.changed:
            self.runs.append(org_id)
            self.changed.notify_all()
        await self.gate.wait()

    async def until(self, count: int) -> None:
        """Wait until there were ``count`` runs."""
        async with asyncio.timeout(PATIENCE.total_seconds()), self.changed:
            await self.changed.wait_for(lambda: len(self.runs) >= count)


async def nothing_due() -> None:
    """A sweep that finds nothing."""


@asynccontextmanager
async def worker(
    redis_url: str,
    tasks: dict[str, Task],
    *,
    sweep: Callable[[], Awaitable[list[Due] | None]] = nothing_due,
    sweep_every: timedelta = NEVER,
    run_timeout: timedelta = PATIENCE,
    grace: timedelta = timedelta(0),
) -> AsyncIterator[asyncio.Event]:
    """Run a worker beside the test; stop it, and raise what it raised, at the end."""
    stop = asyncio.Event()
    running = asyncio.create_task(
        run_worker(
            name="metrics-worker",
            redis_url=redis_url,
            tasks=tasks,
            sweep=sweep,
            sweep_every=sweep_every,
            run_timeout=run_timeout,
            grace=grace,
            stop=stop,
        )
    )
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await running


async def wake_until_known(queue: Queue, org_id: UUID) -> None:
    """Wake until Redis has taken it: after a restart the sender, too, leaves it alone a while."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while not await queue.wake("fold", org_id):
            await asyncio.sleep(0.05)


async def test_a_wake_up_leads_to_a_run(valkey: EmbeddedValkey) -> None:
    task, queue, org_id = Recorder(), Queue.connect(valkey.url), uuid4()

    async with worker(valkey.url, {"fold": task}):
        assert await queue.wake("fold", org_id)
        await task.until(1)

    assert task.runs == [org_id]
    await queue.close()


async def test_wake_ups_that_wait_coalesce(valkey: EmbeddedValkey) -> None:
    task, queue, org_id, last = Recorder(), Queue.connect(valkey.url), uuid4(), uuid4()

    for _ in range(5):
        await queue.wake("fold", org_id)
    await queue.wake("fold", last)
    async with worker(valkey.url, {"fold": task}):
        await task.until(2)

    assert sorted(task.runs) == sorted([org_id, last])
    await queue.close()


async def test_a_wake_up_during_a_run_leads_to_another_run(valkey: EmbeddedValkey) -> None:
    task, queue, org_id = Recorder(), Queue.connect(valkey.url), uuid4()
    task.gate.clear()

    async with worker(valkey.url, {"fold": task}):
        await queue.wake("fold", org_id)
        await task.until(1)
        assert await queue.wake("fold", org_id)
        await until_taken(valkey.url)
        assert len(task.runs) == 1, "two runs of one organization at once"
        task.gate.set()
        await task.until(2)

    assert task.runs == [org_id, org_id]
    await queue.close()


async def until_taken(redis_url: str) -> None:
    """Wait until no wake-up waits in Redis any more."""
    redis = Redis.from_url(redis_url)
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while await redis.keys("arq:job:*"):
            await asyncio.sleep(0.02)
    await redis.aclose()


async def test_no_wake_up_is_lost_however_they_fall(valkey: EmbeddedValkey) -> None:
    """A run reads a counter that stands for the database: at the end it has seen the last value."""
    queue, org_id = Queue.connect(valkey.url), uuid4()
    committed = seen = 0
    caught_up = asyncio.Event()

    async def read(_: UUID) -> None:
        nonlocal seen
        value = committed
        await asyncio.sleep(0)
        seen = value
        if seen == 300:
            caught_up.set()

    async with worker(valkey.url, {"fold": read}):
        for number in range(300):
            committed += 1
            assert await queue.wake("fold", org_id)
            await asyncio.sleep((number % 7) * 0.002)
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await caught_up.wait()

    await queue.close()


async def test_the_worker_outlives_redis(valkey: EmbeddedValkey) -> None:
    task, queue = Recorder(), Queue.connect(valkey.url)
    before, after = uuid4(), uuid4()

    async with worker(valkey.url, {"fold": task}):
        await queue.wake("fold", before)
        await task.until(1)
        valkey.kill()
        while valkey.poll() is None:
            await asyncio.sleep(0.01)
        valkey.start()
        await wake_until_known(queue, after)
        await task.until(2)

    assert task.runs == [before, after]
    await queue.close()


async def test_the_worker_starts_without_redis_and_finds_it_later(valkey: EmbeddedValkey) -> None:
    task, url, org_id, swept = Recorder(), valkey.url, uuid4(), asyncio.Event()
    queue = Queue.connect(url)
    valkey.stop()

    async def sweep() -> None:
        swept.set()

    async with worker(url, {"fold": task}, sweep=sweep):
        await asyncio.wait_for(swept.wait(), PATIENCE.total_seconds())
        valkey.start()
        await wake_until_known(queue, org_id)
        await task.until(1)

    await queue.close()


async def test_the_sweep_works_while_redis_is_away(valkey: EmbeddedValkey) -> None:
    task, url, org_id = Recorder(), valkey.url, uuid4()
    valkey.stop()

    async def sweep() -> list[Due]:
        return [("fold", org_id)]

    async with worker(url, {"fold": task}, sweep=sweep, sweep_every=timedelta(milliseconds=20)):
        await task.until(3)

    assert set(task.runs) == {org_id}


async def test_flushing_redis_loses_nothing(valkey: EmbeddedValkey) -> None:
    task, queue = Recorder(), Queue.connect(valkey.url)
    orgs = [uuid4() for _ in range(20)]
    due = set(orgs)  # stands for the tables that say what is due

    async def run(org_id: UUID) -> None:
        due.discard(org_id)
        await task(org_id)

    async def sweep() -> list[Due]:
        return [("fold", org_id) for org_id in due]

    for org_id in orgs:
        await queue.wake("fold", org_id)
    redis = Redis.from_url(valkey.url)
    await redis.flushall()
    await redis.aclose()
    async with worker(
        valkey.url, {"fold": run}, sweep=sweep, sweep_every=timedelta(milliseconds=20)
    ):
        await task.until(20)

    assert sorted(task.runs) == sorted(orgs)
    await queue.close()


async def test_flushing_redis_does_not_disturb_later_wake_ups(valkey: EmbeddedValkey) -> None:
    task, queue = Recorder(), Queue.connect(valkey.url)
    redis = Redis.from_url(valkey.url)

    async with worker(valkey.url, {"fold": task}):
        await queue.wake("fold", uuid4())
        await task.until(1)
        await redis.flushall()
        await wake_until_known(queue, uuid4())
        await task.until(2)

    await redis.aclose()
    await queue.close()


async def test_a_failing_task_stops_neither_the_others_nor_itself(valkey: EmbeddedValkey) -> None:
    good, queue, bad_org = Recorder(), Queue.connect(valkey.url), uuid4()

    async def run(org_id: UUID) -> None:
        await good(org_id)
        if org_id == bad_org:
            raise RuntimeError("broken")

    async with worker(valkey.url, {"fold": run}):
        await queue.wake("fold", bad_org)
        await good.until(1)
        await queue.wake("fold", uuid4())
        await good.until(2)
        await wake_until_known(queue, bad_org)
        await good.until(3)

    await queue.close()


async def test_a_failing_sweep_comes_round_again(valkey: EmbeddedValkey) -> None:
    sweeps, often = 0, asyncio.Event()

    async def sweep() -> None:
        nonlocal sweeps
        sweeps += 1
        if sweeps >= 3:
            often.set()
        raise ConnectionError("the database is away")

    async with worker(
        valkey.url, {"fold": Recorder()}, sweep=sweep, sweep_every=timedelta(milliseconds=10)
    ):
        await asyncio.wait_for(often.wait(), PATIENCE.total_seconds())


async def test_a_run_that_hangs_is_given_up(valkey: EmbeddedValkey) -> None:
    task, queue, org_id = Recorder(), Queue.connect(valkey.url), uuid4()
    task.gate.clear()

    async with worker(valkey.url, {"fold": task}, run_timeout=timedelta(milliseconds=50)):
        await queue.wake("fold", org_id)
        await task.until(1)
        await wake_until_known(queue, org_id)
        await task.until(2)

    await queue.close()


async def test_work_in_hand_is_finished_before_the_worker_ends(valkey: EmbeddedValkey) -> None:
    queue, begun, finished = Queue.connect(valkey.url), asyncio.Event(), asyncio.Event()
    gate = asyncio.Event()

    async def run(_: UUID) -> None:
        begun.set()
        await gate.wait()
        finished.set()

    async with worker(valkey.url, {"fold": run}, grace=PATIENCE) as stop:
        await queue.wake("fold", uuid4())
        await asyncio.wait_for(begun.wait(), PATIENCE.total_seconds())
        stop.set()
        gate.set()

    assert finished.is_set()
    await queue.close()


async def test_work_that_outlasts_the_grace_is_cancelled(valkey: EmbeddedValkey) -> None:
    task, queue = Recorder(), Queue.connect(valkey.url)
    task.gate.clear()

    async with worker(valkey.url, {"fold": task}):
        await queue.wake("fold", uuid4())
        await task.until(1)

    await queue.close()


async def test_the_worker_ends_at_whatever_moment_it_is_stopped(valkey: EmbeddedValkey) -> None:
    """A cancellation can meet redis-py while it connects, which then loses it."""
    for step in range(40):
        async with worker(valkey.url, {"fold": Recorder()}):
            await asyncio.sleep(step * 0.0002)


async def test_whatever_else_stands_in_redis_is_not_executed(valkey: EmbeddedValkey) -> None:
    task, queue = Recorder(), Queue.connect(valkey.url)
    redis, org_id = Redis.from_url(valkey.url), uuid4()
    now = int(time.time() * 1000)
    forged = {
        "pickled": pickle.dumps({"f": "fold", "a": (str(org_id),), "k": {}, "t": None, "et": now}),
        "unknown": b'{"f":"drop_tables","a":[],"k":{},"t":null,"et":1}',
        "not-an-id": b'{"f":"fold","a":["x"],"k":{},"t":null,"et":1}',
        "too-many": b'{"f":"fold","a":[1,2,3],"k":{"a":1},"t":null,"et":1}',
        "large": b"[" + b"1," * 10_000 + b"1]",
        "missing": b"{}",
    }
    for job, body in forged.items():
        await redis.set(f"arq:job:{job}", body)
        await redis.zadd("earned:queue:fold", {job: now})

    async with worker(valkey.url, {"fold": task}):
        await wake_until_known(queue, org_id)
        await task.until(1)
        await until_taken(valkey.url)

    assert task.runs == [org_id]
    await redis.aclose()
    await queue.close()


async def test_what_is_sent_is_json(valkey: EmbeddedValkey) -> None:
    queue, redis, org_id = Queue.connect(valkey.url), Redis.from_url(valkey.url), uuid4()

    await queue.wake("inbox", org_id)

    (key,) = await redis.keys("arq:job:*")
    assert json.loads(await redis.get(key))["a"] == [str(org_id)]
    await redis.aclose()
    await queue.close()


async def test_waking_never_raises(tmp_path: Path) -> None:
    queue = Queue.connect(f"unix://{tmp_path}/nobody.sock")

    assert not await queue.wake("fold", uuid4())
    assert not await queue.ping()
    await queue.close()
