"""Long work in turns: each ends cleanly after a step, and the turns together do all of it."""

from datetime import timedelta
from itertools import pairwise

import pytest

from services.metrics import retired, worker
from services.metrics.rebuild import Progress, continue_rebuild
from services.metrics.retired import drop_retired
from services.metrics.turn import Turn
from services.metrics.worker import RUN_TIMEOUT, TURN, catch_up, tend_generations
from shared.db import Database
from shared.orgs import Org
from tests.integration.test_rebuild import NOW, begin, found, held, past, state_of, tell

_VALUES = """
SELECT measure, day, slice, employee, team, value
  FROM rollup_value JOIN cell USING (org_id, generation, cell)
 WHERE org_id = $1 AND generation = $2 AND value <> 0
"""


def over() -> Turn:
    """Return a turn that lasts for one step."""
    return Turn(NOW)


def test_a_turn_ends_long_before_a_run_is_cancelled() -> None:
    assert RUN_TIMEOUT > 2 * TURN
    assert not Turn(timedelta(hours=1)).is_over
    assert over().is_over


async def test_a_rebuild_ends_its_turn_after_a_batch(database: Database, org: Org) -> None:
    await found(database, org)
    figures = await held(database, org, _VALUES, 1)
    await begin(database, org)

    positions: list[int] = []

    def note(progress: Progress) -> None:
        positions.append(progress.position)

    turns = 1
    while not await continue_rebuild(database, org.id, batch=50, on_progress=note, turn=over()):
        assert len(positions) == turns
        turns += 1
    assert turns > 2
    assert positions == sorted(set(positions))
    assert await held(database, org, _VALUES, 2) == figures


async def test_a_fold_ends_its_turn_after_a_batch(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tell(database, org, *past())
    monkeypatch.setattr(worker, "BATCH", 30)

    folded = [await catch_up(database, org.id, turn=over())]
    while folded[-1]:
        folded.append(await catch_up(database, org.id, turn=over()))
    assert len(folded) > 3
    assert max(folded) <= 30
    assert sum(folded) == len(past())


async def test_deleting_ends_its_turn_after_a_step(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    await found(database, org)
    await begin(database, org)
    await tend_generations(database, org.id)
    monkeypatch.setattr(retired, "_ROWS_A_STEP", 100)

    turns = 1
    while not await drop_retired(database, org.id, retired_for=NOW, turn=over()):
        assert await state_of(database, org) == {1: "retired", 2: "live"}
        turns += 1
    assert turns > 2
    assert await state_of(database, org) == {2: "live"}


_WALKED = "SELECT walked_to, walked_file FROM fold_cursor WHERE org_id = $1 AND generation = 1"


async def _walked(database: Database, org: Org) -> int | None:
    """Return how far the log was walked through for the retired generation; None if it is gone."""
    async with database.transaction(org.id) as connection:
        row = await connection.fetchrow(_WALKED, org.id)
    return row["walked_to"] if row else None


async def test_a_walk_through_the_log_goes_on_where_the_turn_before_ended(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    await found(database, org)
    await begin(database, org)
    await tend_generations(database, org.id)
    monkeypatch.setattr(retired, "_PAGES_A_STEP", 3)

    places: list[int] = []
    while (place := await _walked(database, org)) is not None:
        places.append(place)
        await drop_retired(database, org.id, retired_for=NOW, turn=over())
    steps = [after - before for before, after in pairwise(places)]
    walked = [step for step in steps if step]
    assert len(walked) > 1, "there was nothing to walk through"
    # Once the walk has begun each turn is a step of it: none walks where another one did.
    assert min(walked) > 0
    assert steps[steps.index(walked[0]) :][: len(walked)] == walked
    async with database.transaction(org.id) as connection:
        left = await connection.fetch(
            "SELECT DISTINCT generation FROM rollup_change WHERE org_id = $1", org.id
        )
    assert [row["generation"] for row in left] == [2]


async def test_a_log_that_was_rewritten_is_walked_through_from_its_start(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await begin(database, org)
    await tend_generations(database, org.id)
    async with database.transaction(org.id) as connection:
        await connection.execute(
            "UPDATE fold_cursor SET walked_to = 1000000, walked_file = 1"
            " WHERE org_id = $1 AND generation = 1",
            org.id,
        )

    assert await drop_retired(database, org.id, retired_for=NOW) == 1
    async with database.transaction(org.id) as connection:
        left = await connection.fetch(
            "SELECT DISTINCT generation FROM rollup_change WHERE org_id = $1", org.id
        )
    assert [row["generation"] for row in left] == [2]
