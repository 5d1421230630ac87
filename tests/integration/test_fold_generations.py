"""Generations that are folded beside each other: none looks at another, or waits for it."""

from collections import defaultdict

from services.metrics.fold import fold_batch
from shared.db import Database
from shared.orgs import Org, create_org
from tests.integration.catalogue_facts import fact
from tests.integration.telling import tell
from tests.integration.test_fold_edges import CHAPTERS

_SECOND = """
INSERT INTO generation (org_id, generation, state, catalogue_version, window_days, half_life_days,
                        created_at)
SELECT org_id, 2, 'building', catalogue_version, $2, $3, created_at FROM generation
 WHERE org_id = $1
"""
_SECOND_CURSOR = """
INSERT INTO fold_cursor (org_id, generation, position, folded_at)
SELECT org_id, 2, 0, folded_at FROM fold_cursor WHERE org_id = $1
"""
_CELLS = """
SELECT r.generation,
       ((to_jsonb(c) || to_jsonb(r)) - ARRAY['org_id', 'generation', 'cell'])::text AS row
  FROM rollup_value r JOIN cell c USING (org_id, generation, cell)
 WHERE org_id = $1 AND r.value <> 0
"""
_STATE = """
SELECT generation, '{table} ' || (to_jsonb(s) - ARRAY['org_id', 'generation'])::text AS row
  FROM {table} s
 WHERE org_id = $1
"""
_STATES = (
    "roster",
    "membership",
    "post",
    "post_snapshot",
    "gauge",
    "touch",
    "lead",
    "deal",
    "credit",
)


async def _held(database: Database, org: Org) -> dict[int, set[str]]:
    """Return every cell and every row of state by generation, without the organization's id."""
    held: dict[int, set[str]] = defaultdict(set)
    async with database.transaction(org.id) as connection:
        for query in (_CELLS, *(_STATE.format(table=table) for table in _STATES)):
            for row in await connection.fetch(query, org.id):
                held[row["generation"]].add(row["row"])
    return held


async def test_generations_do_not_touch_each_other(database: Database, org: Org) -> None:
    await tell(database, org, *CHAPTERS[0])
    first = (await _held(database, org))[1]
    async with database.transaction(org.id) as connection:
        await connection.execute(_SECOND, org.id, 1, 1)
        await connection.execute(_SECOND_CURSOR, org.id)
    await _fold_second(database, org)
    assert (await _held(database, org))[1] == first
    for told in CHAPTERS[1:]:
        await tell(database, org, *told)
        await _fold_second(database, org)

    both = await _held(database, org)

    assert both[1] == await _alone(database, org, org.window_days, org.half_life_days)
    assert both[2] == await _alone(database, org, 1, 1)
    assert both[1] != both[2], "a window of one day leaves fewer touches"


async def _fold_second(database: Database, org: Org, limit: int = 1000) -> int:
    """Fold up to ``limit`` entries, and return how many there were."""
    async with database.transaction(org.id) as connection:
        folded = await fold_batch(connection, org.id, 2, limit=limit)
    return 0 if folded is None else folded.entries


async def test_a_generation_that_follows_in_small_steps_comes_to_the_same(
    database: Database, org: Org
) -> None:
    for told in CHAPTERS:
        await tell(database, org, *told)
    async with database.transaction(org.id) as connection:
        await connection.execute(_SECOND, org.id, org.window_days, org.half_life_days)
        await connection.execute(_SECOND_CURSOR, org.id)

    # The first holds what the second has not come to yet, and must not be looked at for it.
    while await _fold_second(database, org, limit=4):
        pass

    both = await _held(database, org)
    # Where batches end decides at which position a credit is given.
    first, second = ({row for row in both[n] if not row.startswith("credit ")} for n in (1, 2))
    assert first == second
    assert first


async def test_who_published_a_post_is_not_known_before_it_is_read(
    database: Database, org: Org
) -> None:
    await tell(
        database,
        org,
        fact("post.metrics", "p-1", "2025-02-02", post="p", network="x", impressions=5),
        fact("post.published", "p", "2025-02-01", post="p", network="x", employee="E1"),
    )
    async with database.transaction(org.id) as connection:
        await connection.execute(_SECOND, org.id, org.window_days, org.half_life_days)
        await connection.execute(_SECOND_CURSOR, org.id)

    of_employee = []
    while await _fold_second(database, org, limit=1):
        held = (await _held(database, org))[2]
        of_employee.append(any('"slice": "employee"' in row for row in held))
    assert of_employee == [False, True]


async def _alone(database: Database, org: Org, window: int, half_life: int) -> set[str]:
    """Return what an organization holds that was told the same and has one generation."""
    async with database.transaction() as connection:
        other = await create_org(
            connection,
            name="Alone",
            time_zone=org.zone.key,
            currency=org.currency,
            window_days=window,
            half_life_days=half_life,
        )
    for told in CHAPTERS:
        await tell(database, other, *told)
    return (await _held(database, other))[1]
