"""Who waits for whom in a worker: tasks never for each other, organizations in turn."""

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.queue.runner import Runner, Task

_HOUR = timedelta(hours=1)


def _runner(
    tasks: dict[str, Task],
    *,
    concurrency: int,
    background: Collection[str] = (),
    now: Callable[[], float] = lambda: 0.0,
) -> Runner:
    return Runner(
        tasks,
        concurrency=concurrency,
        timeout=_HOUR,
        component="metrics-worker",
        background=background,
        now=now,
    )


async def _settled() -> None:
    """Let everything go on that waits for nothing but its turn."""
    for _ in range(50):
        await asyncio.sleep(0)


class Stuck:
    """A task that lasts until it is let go: it notes who began, and how many were at it at once."""

    def __init__(self) -> None:
        self.begun: list[UUID] = []
        self.now = self.most = 0
        self.gate = asyncio.Event()

    async def __call__(self, org_id: UUID) -> None:
        self.begun.append(org_id)
        self.now += 1
        self.most = max(self.most, self.now)
        await self.gate.wait()
        self.now -= 1


async def test_what_holds_up_one_task_holds_up_no_other() -> None:
    stuck, done = Stuck(), []

    async def inbox(org_id: UUID) -> None:
        done.append(org_id)

    runner = _runner({"sync": stuck, "inbox": inbox}, concurrency=2)
    for _ in range(10):
        runner.request("sync", uuid4())
    org_id = uuid4()
    runner.request("inbox", org_id)
    await _settled()

    assert done == [org_id]
    assert stuck.most == 2
    await runner.drain(timedelta(0))


@pytest.mark.parametrize(("concurrency", "shared"), [(1, 1), (4, 2)])
async def test_what_nobody_waits_for_shares_half_of_the_slots(
    concurrency: int, shared: int
) -> None:
    stuck, done = Stuck(), []

    async def fold(org_id: UUID) -> None:
        done.append(org_id)

    runner = _runner(
        {"fold": fold, "rebuild": stuck, "verify": stuck},
        concurrency=concurrency,
        background=("rebuild", "verify"),
    )
    waiting = [(task, uuid4()) for task in ("rebuild", "verify") for _ in range(5)]
    for task, org_id in waiting:
        runner.request(task, org_id)
    runner.request("fold", uuid4())
    await _settled()
    assert (stuck.most, len(done)) == (shared, 1)

    stuck.gate.set()
    await _settled()
    assert (stuck.most, stuck.begun) == (shared, [org_id for _, org_id in waiting])


async def test_what_a_turn_leaves_waits_behind_who_came_meanwhile() -> None:
    busy, quiet = uuid4(), [uuid4(), uuid4()]
    turns: list[UUID] = []

    async def fold(org_id: UUID) -> bool:
        turns.append(org_id)
        await asyncio.sleep(0)
        return org_id == busy and turns.count(busy) < 3

    runner = _runner({"fold": fold}, concurrency=1)
    for org_id in (busy, *quiet):
        runner.request("fold", org_id)
    await _settled()

    assert turns == [busy, *quiet, busy, busy]


async def test_what_a_turn_leaves_is_not_begun_again_at_the_end() -> None:
    gate, turns = asyncio.Event(), []

    async def fold(org_id: UUID) -> bool:
        turns.append(org_id)
        await gate.wait()
        return True

    runner = _runner({"fold": fold}, concurrency=1)
    runner.request("fold", uuid4())
    await _settled()
    draining = asyncio.create_task(runner.drain(_HOUR))
    await _settled()
    gate.set()
    await draining

    assert len(turns) == 1


async def test_what_keeps_failing_rests_longer_and_longer() -> None:
    clock, tried = 0.0, list[float]()
    broken, sound, folded = uuid4(), uuid4(), 0

    async def fold(org_id: UUID) -> None:
        nonlocal folded
        if org_id == broken:
            tried.append(clock)
            raise ValueError("poison")
        folded += 1

    runner = _runner({"fold": fold}, concurrency=1, now=lambda: clock)
    for second in range(300):
        clock = float(second)
        for org_id in (broken, sound):
            runner.request("fold", org_id)
        await _settled()

    assert folded == 300
    assert tried == [0, 1, 2, 7, 17, 37, 77, 137, 197, 257]


async def test_news_during_a_run_that_fails_does_not_end_its_rest() -> None:
    runs = 0
    org_id = uuid4()

    async def fold(_: UUID) -> None:
        nonlocal runs
        runs += 1
        runner.request("fold", org_id)
        raise ValueError("poison")

    runner = _runner({"fold": fold}, concurrency=1)
    runner.request("fold", org_id)
    await _settled()

    assert runs == 3


async def test_what_succeeds_again_is_as_good_as_new() -> None:
    runs, clock, fails = 0, 0.0, True
    org_id = uuid4()

    async def fold(_: UUID) -> None:
        nonlocal runs
        runs += 1
        if fails:
            raise ValueError("poison")

    runner = _runner({"fold": fold}, concurrency=1, now=lambda: clock)

    async def ask(times: int) -> None:
        for _ in range(times):
            runner.request("fold", org_id)
            await _settled()

    await ask(5)
    clock, fails = 5.0, False
    await ask(1)
    assert runs == 4
    fails = True
    await ask(5)
    assert runs == 7
