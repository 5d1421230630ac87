"""The ledger: exactly once per identity and content, gapless, in any order."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from shared.db import Database
from shared.facts import Fact, Retraction, parse_fact
from shared.ledger import AppendResult, FactRejected, append, read_entries
from shared.orgs import Org, create_org


def click(number: int, **changes: Any) -> Fact:
    return parse_fact(
        {
            "kind": "link.clicked",
            "source": "test",
            "external_id": f"click-{number}",
            "occurred_at": "2025-03-31T22:30:00Z",
            "link": "abc",
            **changes,
        }
    )


async def say(database: Database, org: Org, *items: Fact | Retraction) -> AppendResult:
    async with database.transaction(org.id) as connection:
        return await append(connection, org, items)


async def told(database: Database, org: Org) -> list[tuple[int, int, str]]:
    async with database.transaction(org.id) as connection:
        entries = await read_entries(connection, org.id, after=0, limit=1000)
    return [(entry.position, entry.weight, entry.external_id) for entry in entries]


async def heads(database: Database, org: Org) -> dict[str, tuple[int, int | None, bool]]:
    """Return external id → position, revision if the source gives one, is retracted."""
    named = {click(number).identity.key: f"click-{number}" for number in range(10)}
    async with database.transaction(org.id) as connection:
        found = await connection.fetch(
            "SELECT fact_key, position, revision, is_retracted FROM fact_head WHERE org_id = $1",
            org.id,
        )
    return {
        named[key]: (position, revision if revision >= 0 else None, is_retracted)
        for key, position, revision, is_retracted in found
    }


async def test_saying_the_same_again_changes_nothing(database: Database, org: Org) -> None:
    first = await say(database, org, click(1), click(2))
    again = await say(database, org, click(2), click(1))

    assert (first.inserted, first.position) == (2, 2)
    assert (again.changed, again.unchanged, again.position) == (0, 2, 2)


async def test_a_correction_retracts_the_old_and_states_the_new(
    database: Database, org: Org
) -> None:
    await say(database, org, click(1))

    result = await say(database, org, click(1, link="other"))

    assert result.corrected == 1
    assert await told(database, org) == [(1, 1, "click-1"), (2, -1, "click-1"), (3, 1, "click-1")]


async def test_a_deletion_is_a_retraction_alone_and_remembers_its_revision(
    database: Database, org: Org
) -> None:
    await say(database, org, click(1, revision=5))

    deleted = await say(database, org, Retraction(click(1).identity, revision=9))
    late = await say(database, org, click(1, revision=7, link="late"))
    undeleted = await say(database, org, click(1, revision=10))

    assert (deleted.retracted, late.stale, undeleted.inserted) == (1, 1, 1)
    assert [weight for _, weight, _ in await told(database, org)] == [1, -1, 1]


async def test_the_highest_revision_wins_in_any_order(database: Database, org: Org) -> None:
    versions = [click(1, revision=n, link=f"v{n}") for n in (1, 2, 3)]

    for version in (versions[1], versions[2], versions[0], versions[2]):
        await say(database, org, version)

    async with database.transaction(org.id) as connection:
        entries = await read_entries(connection, org.id, after=0, limit=10)
    standing = sum(entry.weight for entry in entries if entry.payload["link"] == "v3")
    assert sum(entry.weight for entry in entries) == standing == 1


async def test_an_unchanged_newer_version_still_outranks_an_older_different_one(
    database: Database, org: Org
) -> None:
    await say(database, org, click(1, revision=5))
    await say(database, org, click(1, revision=7))

    late = await say(database, org, click(1, revision=6, link="between"))

    assert late.stale == 1


async def test_deletions_may_come_before_what_they_delete(database: Database, org: Org) -> None:
    early = await say(database, org, Retraction(click(1).identity, revision=9))
    late = await say(database, org, click(1, revision=8))

    assert (early.changed, late.stale) == (0, 1)
    assert await told(database, org) == []


async def test_of_several_versions_in_one_batch_the_winner_is_kept(
    database: Database, org: Org
) -> None:
    batch = [click(1, revision=2, link="b"), click(1, revision=3, link="c"), click(1, revision=1)]

    result = await say(database, org, *batch)

    assert (result.inserted, result.position) == (1, 1)


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (click(1, revision=0), click(1, link="other"), "revision_missing"),
        (click(1, revision=0), Retraction(click(1).identity), "revision_missing"),
        (Retraction(click(1).identity, 7), click(1), "revision_missing"),
        (click(1), click(1, revision=2**62 - 1), "revision_unexpected"),
        (click(1), Retraction(click(1).identity, 0), "revision_unexpected"),
        (Retraction(click(1).identity), click(1, revision=0), "revision_unexpected"),
    ],
)
async def test_a_version_is_not_compared_with_one_that_has_no_revision(
    database: Database,
    org: Org,
    first: Fact | Retraction,
    second: Fact | Retraction,
    code: str,
) -> None:
    head = (await say(database, org, first)).position

    with pytest.raises(FactRejected) as apart:
        await say(database, org, click(2), second)
    with pytest.raises(FactRejected) as together:
        await say(database, org, click(2), first, click(3), second)

    assert (apart.value.index, apart.value.code) == (1, code)
    assert (together.value.index, together.value.code) == (3, code)
    assert len(await told(database, org)) == head


async def test_what_is_left_of_a_refused_batch_is_taken_in_the_same_transaction(
    database: Database, org: Org
) -> None:
    await say(database, org, click(1, revision=1))

    async with database.transaction(org.id) as connection:
        with pytest.raises(FactRejected):
            await append(connection, org, [click(1, link="other"), click(2)])
        result = await append(connection, org, [click(2)])

    assert (result.inserted, result.position) == (1, 2)


async def test_a_foreign_currency_is_refused_and_nothing_is_written(
    database: Database, org: Org
) -> None:
    cost = parse_fact(
        {
            "kind": "cost.booked",
            "source": "test",
            "external_id": "c1",
            "occurred_at": "2025-01-01T00:00:00Z",
            "category": "platform",
            "amount": "10.00",
            "currency": "EUR",
            "starts_on": "2025-01-01",
            "ends_on": "2025-02-01",
        }
    )

    with pytest.raises(FactRejected) as refusal:
        await say(database, org, click(1), cost)

    assert (refusal.value.index, refusal.value.code) == (1, "currency_mismatch")
    assert await told(database, org) == []


async def test_concurrent_writers_leave_no_gap_and_no_double(database: Database, org: Org) -> None:
    batches = [[click(n) for n in range(start, start + 30)] for start in range(0, 100, 10)]

    await asyncio.gather(*[say(database, org, *batch) for batch in batches])

    positions = [position for position, _, _ in await told(database, org)]
    assert positions == list(range(1, 121))


async def test_a_batch_of_all_that_can_become_of_a_fact_is_told_in_its_order(
    database: Database, org: Org
) -> None:
    same, corrected, deleted, moved = (click(n, revision=1) for n in range(1, 5))
    await say(database, org, same, corrected, deleted, moved)

    result = await say(
        database,
        org,
        click(9, revision=1),
        click(2, revision=2, link="other"),
        same,
        Retraction(deleted.identity, revision=2),
        Retraction(click(8).identity, revision=5),
        click(4, revision=7),
        click(7, revision=1, link="early"),
        click(7, revision=2),
        click(8, revision=4),
        click(6),
    )

    assert result == AppendResult(
        inserted=3, unchanged=3, corrected=1, retracted=1, stale=0, position=10
    )
    assert await told(database, org) == [
        *((number, 1, f"click-{number}") for number in range(1, 5)),
        (5, 1, "click-9"),
        (6, -1, "click-2"),
        (7, 1, "click-2"),
        (8, -1, "click-3"),
        (9, 1, "click-7"),
        (10, 1, "click-6"),
    ]
    assert await heads(database, org) == {
        "click-1": (1, 1, False),
        "click-2": (7, 2, False),
        "click-3": (8, 2, True),
        "click-4": (4, 7, False),
        "click-6": (10, None, False),
        "click-7": (9, 2, False),
        "click-8": (0, 5, True),
        "click-9": (5, 1, False),
    }


async def test_a_transaction_may_append_more_than_once(database: Database, org: Org) -> None:
    async with database.transaction(org.id) as connection:
        await append(connection, org, [click(1), click(2), click(3)])
        result = await append(connection, org, [click(2, link="other"), click(4)])

    assert (result.inserted, result.corrected, result.position) == (1, 1, 6)
    assert await told(database, org) == [
        *((number, 1, f"click-{number}") for number in range(1, 4)),
        (4, -1, "click-2"),
        (5, 1, "click-2"),
        (6, 1, "click-4"),
    ]


async def test_writers_of_the_same_news_at_once_state_it_once(database: Database, org: Org) -> None:
    await say(database, org, *(click(n, revision=1) for n in range(20)))
    news = [click(n, revision=2, link="other" if n < 10 else "abc") for n in range(40)]

    results = await asyncio.gather(*(say(database, org, *news) for _ in range(4)))

    became = [(result.inserted, result.corrected, result.unchanged) for result in results]
    assert sorted(became) == [(0, 0, 40)] * 3 + [(20, 10, 10)]
    positions = [position for position, _, _ in await told(database, org)]
    assert positions == list(range(1, 20 + 2 * 10 + 20 + 1))


async def test_a_rollback_leaves_no_trace(database: Database, org: Org) -> None:
    async def append_and_fail() -> None:
        async with database.transaction(org.id) as connection:
            await append(connection, org, [click(1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await append_and_fail()

    assert await told(database, org) == []


async def test_time_in_the_ledger_never_runs_backwards(database: Database, org: Org) -> None:
    noon = datetime(2025, 6, 1, 12, tzinfo=UTC)
    async with database.transaction(org.id) as connection:
        await append(connection, org, [click(1)], received_at=noon)
    async with database.transaction(org.id) as connection:
        await append(connection, org, [click(2)], received_at=noon - timedelta(hours=2))

    async with database.transaction(org.id) as connection:
        entries = await read_entries(connection, org.id, after=0, limit=10)
    assert [entry.recorded_at for entry in entries] == [noon, noon]


async def test_the_last_delivery_wins_whatever_the_clock_of_who_took_it(
    database: Database, org: Org
) -> None:
    noon = datetime(2025, 5, 1, 12, tzinfo=UTC)

    async def taken(item: Fact | Retraction, seconds_behind: int) -> AppendResult:
        async with database.transaction(org.id) as connection:
            at = noon - timedelta(seconds=seconds_behind)
            return await append(connection, org, [item], received_at=at)

    assert (await taken(click(1, employee="E1"), 0)).inserted == 1
    # By clocks that are behind the one before, and twice at the same instant.
    for seconds_behind, employee in ((2, "E2"), (2, "E3"), (2, "E4"), (1, "E1"), (0, "E5")):
        assert (await taken(click(1, employee=employee), seconds_behind)).corrected == 1, employee
    assert (await taken(Retraction(click(1).identity), 3)).retracted == 1
    assert (await taken(click(1, employee="E6"), 3)).inserted == 1


async def test_what_was_kept_for_a_while_does_not_displace_a_newer_word(
    database: Database, org: Org
) -> None:
    noon = datetime(2025, 5, 1, 12, tzinfo=UTC)
    async with database.transaction(org.id) as connection:
        await append(connection, org, [click(1, employee="E1")], received_at=noon)
        earlier = noon - timedelta(seconds=1)
        kept = await append(
            connection, org, [click(1, employee="E2")], received_at=noon, said_at=earlier
        )

    assert (kept.stale, kept.changed) == (1, 0)


async def test_another_organization_sees_nothing(database: Database, org: Org) -> None:
    await say(database, org, click(1))
    async with database.transaction() as connection:
        other = await create_org(connection, name="Other", time_zone="UTC", currency="USD")

    async with database.transaction(other.id) as connection:
        seen = await connection.fetchval("SELECT count(*) FROM ledger_entry")
    assert seen == 0


async def test_the_ledger_cannot_be_rewritten(database: Database, org: Org) -> None:
    await say(database, org, click(1))

    async def rewrite() -> None:
        async with database.transaction(org.id) as connection:
            await connection.execute("UPDATE ledger_entry SET weight = -1")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rewrite()
