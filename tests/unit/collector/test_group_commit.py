"""Group commit: joined, isolated, bounded, and never answered early."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.collector.group_commit import GroupCommit, Overloaded

ORG = uuid4()


class Store:
    """Writes batches when it is allowed to, and remembers them."""

    def __init__(self) -> None:
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.batches: list[tuple[UUID, list[int]]] = []
        self.announced: list[UUID] = []

    async def write(self, org_id: UUID, items: Sequence[int]) -> Sequence[int]:
        await self.may_write.wait()
        if 13 in items:
            raise asyncpg.NotNullViolationError("13")
        if -1 in items:
            raise ConnectionError
        self.batches.append((org_id, list(items)))
        return [item * 2 for item in items]

    async def announce(self, org_id: UUID) -> None:
        self.announced.append(org_id)


@pytest.fixture
def store() -> Store:
    return Store()


async def submit_all(group: GroupCommit[int, int], items: Sequence[int]) -> list[object]:
    waiting = [asyncio.create_task(group.submit(ORG, item)) for item in items]
    return list(await asyncio.gather(*waiting, return_exceptions=True))


async def test_what_gathers_during_a_write_is_the_next_batch(store: Store) -> None:
    group = GroupCommit(store.write, announce=store.announce, batch_size=4)
    store.may_write.clear()
    first = asyncio.create_task(group.submit(ORG, 0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = asyncio.create_task(submit_all(group, [1, 2, 3, 4, 5]))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not first.done()

    store.may_write.set()

    assert await first == 0
    assert await others == [2, 4, 6, 8, 10]
    assert [items for _, items in store.batches] == [[0], [1, 2, 3, 4], [5]]
    assert store.announced == [ORG] * 3


async def test_one_bad_item_does_not_fail_its_batch(store: Store) -> None:
    group = GroupCommit(store.write, announce=store.announce)

    results = await submit_all(group, [1, 13, 2])

    assert (results[0], results[2]) == (2, 4)
    assert isinstance(results[1], asyncpg.NotNullViolationError)


async def test_a_lost_database_fails_the_batch_and_not_the_next(store: Store) -> None:
    group = GroupCommit(store.write, announce=store.announce)

    results = await submit_all(group, [1, -1])

    assert [type(result) for result in results] == [ConnectionError, ConnectionError]
    assert await group.submit(ORG, 3) == 6


async def test_organizations_do_not_share_batches(store: Store) -> None:
    group = GroupCommit(store.write, announce=store.announce)
    other = uuid4()

    await asyncio.gather(group.submit(ORG, 1), group.submit(other, 2))

    assert sorted(store.batches) == sorted([(ORG, [1]), (other, [2])])


async def test_more_than_may_wait_are_refused(store: Store) -> None:
    group = GroupCommit(store.write, announce=store.announce, most_waiting=2, batch_size=1)
    store.may_write.clear()
    taken = [asyncio.create_task(group.submit(ORG, item)) for item in (1, 2)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await asyncio.gather(*(group.submit(ORG, item) for item in (3, 4)))

    store.may_write.set()
    assert await asyncio.gather(*taken) == [2, 4]


async def test_a_request_that_is_given_up_does_not_stop_the_others(store: Store) -> None:
    group = GroupCommit(store.write, announce=store.announce)
    store.may_write.clear()
    first, second = (asyncio.create_task(group.submit(ORG, item)) for item in (1, 2))
    await asyncio.sleep(0)

    first.cancel()
    store.may_write.set()

    assert await second == 4
    await group.close()
