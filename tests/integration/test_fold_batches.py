"""What one call of the fold takes: up to a limit, one day of recording, one published position."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.metrics import rebuild, worker
from services.metrics.batches import BatchSizes
from services.metrics.fold import FoldResult, fold_batch
from services.metrics.rebuild import start_rebuild
from services.metrics.turn import Turn
from services.metrics.worker import catch_up, tend_generations
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.ledger import append
from shared.orgs import Org
from shared.rollups.read import live_generation
from tests.integration.catalogue_facts import fact
from tests.property.comparing import assert_equals_oracle
from tests.property.engine import history_of

_PUBLISH = """
INSERT INTO publication (org_id, id, starts_on, ends_on, position, known_on, known_until,
                         published_at, published_by, note)
VALUES ($1, $2, '2025-01-01', '2025-02-01', $3, '2025-02-10', $4, $4, 'tests', '')
"""
_LOGGED = """
SELECT position, known_on::text AS day, count(*) > 0 AS has_changes
  FROM rollup_change WHERE org_id = $1 GROUP BY position, known_on ORDER BY position
"""
#: Just before midnight in Warsaw: an hour on, it is the next day there and not in Greenwich.
LATE = datetime(2025, 2, 10, 22, 30, tzinfo=UTC)


async def click(database: Database, org: Org, number: int, received_at: datetime = LATE) -> None:
    told = fact("link.clicked", f"c{number}", "2025-02-09", link="abc", is_human=True)
    async with database.transaction(org.id) as connection:
        await append(connection, org, [told], received_at=received_at)


def reading(hour: int, impressions: int) -> Fact:
    at = f"2025-02-09T{hour:02}:00:00Z"
    return fact("post.metrics", "r1", at, post="p1", employee="E1", impressions=impressions)


async def fold(
    database: Database,
    org: Org,
    limit: int = 1000,
    generation: int = 1,
    folded_at: datetime | None = None,
) -> FoldResult | None:
    async with database.transaction(org.id) as connection:
        return await fold_batch(connection, org.id, generation, limit=limit, folded_at=folded_at)


async def publish(database: Database, org: Org, *positions: int) -> None:
    async with database.transaction(org.id) as connection:
        for position in positions:
            await connection.execute(_PUBLISH, org.id, uuid4(), position, LATE)


async def test_a_batch_takes_what_is_left_up_to_its_limit(database: Database, org: Org) -> None:
    for number in range(5):
        await click(database, org, number)

    results = [await fold(database, org, 2) for _ in range(4)]

    assert results == [FoldResult(2, 2), FoldResult(2, 4), FoldResult(1, 5), FoldResult(0, 5)]


async def test_a_batch_ends_where_the_day_of_recording_changes(
    database: Database, org: Org
) -> None:
    for number, hours in enumerate((0, 0, 1, 1, 30)):
        await click(database, org, number, LATE + timedelta(hours=hours))

    results = [await fold(database, org) for _ in range(4)]

    assert results == [FoldResult(2, 2), FoldResult(2, 4), FoldResult(1, 5), FoldResult(0, 5)]
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(_LOGGED, org.id)
    days = [(2, "2025-02-10"), (4, "2025-02-11"), (5, "2025-02-12")]
    assert [tuple(row) for row in rows] == [(*day, True) for day in days]


async def test_a_batch_ends_at_each_published_position(database: Database, org: Org) -> None:
    for number in range(8):
        await click(database, org, number)
    await publish(database, org, 6, 3, 4)

    results = [await fold(database, org, 5) for _ in range(5)]

    assert results == [
        *(FoldResult(3, 3), FoldResult(1, 4), FoldResult(2, 6), FoldResult(2, 8)),
        FoldResult(0, 8),
    ]


async def test_a_batch_takes_a_correction_whole(database: Database, org: Org) -> None:
    words: list[Fact | Retraction] = [reading(hour, hour) for hour in (9, 10, 11)]
    # The first three came at one moment, what follows a second later each.
    told = [*words, Retraction(words[0].identity), words[0]]
    for item, seconds in zip(told, (0, 0, 0, 1, 2), strict=True):
        received_at = LATE + timedelta(seconds=seconds)
        async with database.transaction(org.id) as connection:
            await append(connection, org, [item], received_at=received_at)

    # What is taken back and what is said instead are one word; a deletion is one by itself.
    assert [await fold(database, org, 1) for _ in range(5)] == [
        *(FoldResult(1, 1), FoldResult(2, 3), FoldResult(2, 5)),
        *(FoldResult(1, 6), FoldResult(1, 7)),
    ]


async def test_what_comes_with_a_deletion_is_no_correction(database: Database, org: Org) -> None:
    gone, other = reading(9, 4), fact("member.joined", "m1", "2025-02-03", employee="E1")
    words: list[list[Fact | Retraction]] = [[gone], [Retraction(gone.identity), other]]
    for items in words:
        async with database.transaction(org.id) as connection:
            await append(connection, org, items, received_at=LATE)

    assert [await fold(database, org, 2) for _ in range(2)] == [FoldResult(2, 2), FoldResult(1, 3)]


async def test_what_was_published_inside_a_correction_stays_so(
    database: Database, org: Org
) -> None:
    for hour in (9, 10, 11):
        async with database.transaction(org.id) as connection:
            await append(connection, org, [reading(hour, hour)], received_at=LATE)
    await publish(database, org, 2)

    assert [await fold(database, org, 2) for _ in range(3)] == [
        *(FoldResult(2, 2), FoldResult(3, 5), FoldResult(0, 5))
    ]


async def test_a_retired_generation_is_left_alone(database: Database, org: Org) -> None:
    await click(database, org, 1)
    async with database.transaction(org.id) as connection:
        await connection.execute(
            "UPDATE generation SET state = 'retired', retired_at = $2 WHERE org_id = $1",
            org.id,
            LATE,
        )

    assert await fold(database, org) is None


async def test_a_generation_that_is_not_there_is_not_folded(database: Database, org: Org) -> None:
    await click(database, org, 1)

    assert await fold(database, org, generation=2) is None
    assert await fold(database, org) == FoldResult(1, 1)


async def test_the_cursor_says_when_it_was_folded(database: Database, org: Org) -> None:
    await click(database, org, 1)
    await fold(database, org, folded_at=LATE)

    async with database.transaction(org.id) as connection:
        row = await connection.fetchrow(
            "SELECT position, folded_at FROM fold_cursor WHERE org_id = $1", org.id
        )
    assert row is not None
    assert tuple(row) == (1, LATE)


async def test_what_a_later_batch_takes_back_stands_until_then(
    database: Database, org: Org
) -> None:
    lead = fact("lead.created", "l1", "2025-02-05", lead="l1", person="ann")
    told: list[Fact | Retraction] = [
        fact("touch.recorded", "t1", "2025-02-03", person="ann", channel="brand"),
        lead,
        Retraction(lead.identity),
    ]
    for item in told:
        async with database.transaction(org.id) as connection:
            await append(connection, org, [item], received_at=LATE)

    for entries in (1, 2, 3):
        assert await fold(database, org, 1) == FoldResult(1, entries)
        await assert_equals_oracle(database, org, history_of(org, told[:entries]))


async def test_what_one_batch_tells_and_takes_back_leaves_nothing(
    database: Database, org: Org
) -> None:
    leads = [
        fact("lead.created", "l1", f"2025-02-{day:02}", lead="l1", person="ann") for day in (5, 7)
    ]
    told: list[Fact | Retraction] = [
        fact("touch.recorded", "t1", "2025-02-03", person="ann", channel="brand"),
        *leads,
        Retraction(leads[0].identity),
        leads[1],
        leads[0],
        fact("member.joined", "m1", "2025-02-03", employee="E1"),
        Retraction(fact("member.joined", "m1", "2025-02-03", employee="E1").identity),
    ]
    for number, item in enumerate(told):
        async with database.transaction(org.id) as connection:
            received_at = LATE - timedelta(minutes=60 - number)
            await append(connection, org, [item], received_at=received_at)
    # The version that stood before the batch is the one that its first retraction takes back.
    for limit in (2, 1000):
        await fold(database, org, limit)

    await assert_equals_oracle(database, org, history_of(org, told))


async def test_of_many_words_in_one_batch_the_first_takes_back_what_stood(
    database: Database, org: Org
) -> None:
    told: list[Fact | Retraction] = [
        fact(
            "touch.recorded", f"t{n}", f"2025-02-03T{hour:02}:00:00Z", person="ann", channel="brand"
        )
        for hour in range(9)
        for n in range(7)
    ]
    told.insert(0, fact("lead.created", "l1", "2025-02-05", lead="l1", person="ann"))
    for start in range(0, len(told), 8):
        received_at = LATE - timedelta(minutes=60 - start)
        async with database.transaction(org.id) as connection:
            await append(connection, org, told[start : start + 8], received_at=received_at)
        if not start:
            await fold(database, org)
    await fold(database, org)

    await assert_equals_oracle(database, org, history_of(org, told))


async def test_what_one_batch_tells_again_counts_once(database: Database, org: Org) -> None:
    counted: list[Fact] = [
        fact("engagement.daily", "e1", "2025-02-06", day="2025-02-06", employee="E1", reactions=7),
        fact(
            "session.recorded",
            "s1",
            "2025-02-06",
            day="2025-02-06",
            landing="site",
            channel="brand",
            sessions=3,
        ),
    ]
    told: list[Fact | Retraction] = [
        *counted,
        *(Retraction(item.identity) for item in counted),
        *counted,
    ]
    for number, item in enumerate(told):
        async with database.transaction(org.id) as connection:
            received_at = LATE - timedelta(minutes=60 - number)
            await append(connection, org, [item], received_at=received_at)
    await fold(database, org)

    await assert_equals_oracle(database, org, history_of(org, told))


async def test_what_is_0_in_one_fact_counts_in_another(database: Database, org: Org) -> None:
    told: list[Fact | Retraction] = [
        fact(
            "engagement.daily",
            f"e{reactions}",
            "2025-02-06",
            day="2025-02-06",
            employee="E1",
            reactions=reactions,
            comments=comments,
        )
        for reactions, comments in ((7, 0), (0, 3))
    ]
    async with database.transaction(org.id) as connection:
        await append(connection, org, told)
    await fold(database, org)

    await assert_equals_oracle(database, org, history_of(org, told))


async def test_what_comes_to_nothing_is_not_logged(database: Database, org: Org) -> None:
    async def tell(*items: Fact | Retraction) -> list[int]:
        async with database.transaction(org.id) as connection:
            await append(connection, org, items)
        await fold(database, org)
        async with database.transaction(org.id) as connection:
            return [
                await connection.fetchval(f"SELECT count(*) FROM {table} WHERE org_id = $1", org.id)
                for table in ("rollup_change", "rollup", "cell")
            ]

    shared = fact("post.published", "p1", "2025-02-03", post="p1", employee="E1")
    read = fact("post.metrics", "r1", "2025-02-04", post="p1", employee="E1", impressions=7)
    first = await tell(shared, read)

    # Told again with a word that no measure asks for; and with other figures, and back again.
    again = await tell(shared.model_copy(update={"hashtags": ("hiring",)}))
    back = await tell(read.model_copy(update={"impressions": 9}), read)

    assert first == again == back
    assert all(first)


class _Slow:
    """The fold on a database that can do no more than so many entries before it is stopped.

    If not by the database, then by the worker, for whom it takes too long as a whole.
    """

    def __init__(self, most: int, *, stopped_by: BaseException | None = None) -> None:
        self._most = most
        self._stopped_by = stopped_by or asyncpg.QueryCanceledError("statement timeout")
        self.limits: list[int] = []

    async def __call__(self, *arguments: Any, limit: int) -> FoldResult | None:
        self.limits.append(limit)
        if limit > self._most:
            raise self._stopped_by
        return await fold_batch(*arguments, limit=limit)


async def test_what_is_too_much_at_once_is_folded_in_parts(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await click(database, org, number)
    slow = _Slow(most=100)
    monkeypatch.setattr(worker, "fold_batch", slow)

    assert await catch_up(database, org.id) == 5
    assert slow.limits == [50_000, 1562, 48, 48]


async def test_a_worker_remembers_what_was_too_much_at_once(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, sizes = _Slow(most=3), BatchSizes(128)
    monkeypatch.setattr(worker, "fold_batch", slow)
    for number in range(7):
        await click(database, org, number)

    over = Turn(timedelta(0))
    folded = [await catch_up(database, org.id, turn=over, sizes=sizes) for _ in range(4)]

    # Each turn begins where the last one ended, and goes up slowly.
    assert slow.limits == [128, 4, 1, 2, 3, 4, 1]
    assert folded == [1, 2, 3, 1]


async def test_what_takes_too_long_as_a_whole_is_less_in_the_next_run(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, sizes = _Slow(most=40, stopped_by=asyncio.CancelledError()), BatchSizes(2048)
    for module in (worker, rebuild):
        monkeypatch.setattr(module, "fold_batch", slow)
    for number in range(3):
        await click(database, org, number)

    for _ in range(2):
        with pytest.raises(asyncio.CancelledError):
            await catch_up(database, org.id, sizes=sizes)
    assert await catch_up(database, org.id, sizes=sizes) == 3
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    with pytest.raises(asyncio.CancelledError):
        await tend_generations(database, org.id, sizes=(rebuilds := BatchSizes(320)))
    await tend_generations(database, org.id, sizes=rebuilds)

    assert slow.limits[:7] == [2048, 64, 2, 3, 3, 320, 10]


async def test_one_entry_that_is_too_much_is_told(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    await click(database, org, 1)
    monkeypatch.setattr(worker, "fold_batch", _Slow(most=0))

    with pytest.raises(asyncpg.QueryCanceledError):
        await catch_up(database, org.id)


async def test_what_is_too_much_at_once_is_rebuilt_in_parts(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await click(database, org, number)
    await catch_up(database, org.id)
    async with database.transaction(org.id) as connection:
        number = await start_rebuild(connection, org.id)
    slow = _Slow(most=100)
    monkeypatch.setattr(rebuild, "fold_batch", slow)

    await tend_generations(database, org.id)
    async with database.transaction(org.id) as connection:
        assert await live_generation(connection, org.id) == number
    assert slow.limits[:3] == [50_000, 1562, 48]
