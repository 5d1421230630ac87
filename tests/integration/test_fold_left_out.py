"""Counters that a reading leaves out: it says nothing of them, and the next one goes on from where
they were last told."""

from datetime import date
from typing import Any

import pytest

from services.metrics.fold import fold_batch
from services.metrics.rebuild import continue_rebuild, start_rebuild
from services.metrics.verify import verify
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.explain import explain_measure
from tests.integration.catalogue_facts import fact
from tests.integration.fold_chapters import assert_right_at_each_step
from tests.integration.planning import rows_read, tell

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))
_DAILY = """
SELECT r.measure, r.day, r.value
  FROM rollup_value r JOIN cell c USING (org_id, generation, cell)
 WHERE r.org_id = $1 AND c.slice = 'total' AND r.value <> 0
   AND (r.measure LIKE 'impressions%' OR r.measure LIKE 'network_clicks%')
 ORDER BY r.measure, r.day
"""


def read(day: int, *, post: str = "p", source: str = "test", **told: int) -> Fact:
    """Return a reading of a day that tells the counters given, and always the responses."""
    reading = fact(
        "post.metrics", f"{post}-{day}", f"2025-02-{day:02}", post=post, employee="E1", **told
    )
    return reading.model_copy(update={"source": source})


async def test_a_counter_left_out_neither_falls_nor_rises_again(
    database: Database, org: Org
) -> None:
    await tell(
        database,
        org,
        [
            *(read(3, impressions=100, reactions=7), read(4, clicks=9), read(5, impressions=120)),
            *(read(6, impressions=0, clicks=4), read(7), read(8, impressions=50)),
        ],
    )
    await catch_up(database, org.id)

    async with database.transaction(org.id) as connection:
        steps = [(m, d.day, v) for m, d, v in await connection.fetch(_DAILY, org.id)]
        page = await explain_measure(
            connection,
            org,
            "impressions_advocacy",
            FEBRUARY,
            filters={},
            after=None,
            limit=50,
        )
    viewed = {3: 100, 5: 20, 6: -120, 8: 50}
    assert steps == [
        *(("impressions_advocacy", day, by) for day, by in viewed.items()),
        *(("network_clicks_advocacy", day, by) for day, by in ((4, 9), (6, -5))),
    ]
    # A reading that says nothing of views is none of their lines.
    assert {line.day.day: line.quantity for line in page.lines} == viewed
    assert page.lines_total == len(viewed)
    assert page.total == 50
    assert not (await verify(database, org.id)).listed


@pytest.mark.parametrize("counter", ["impressions", "clicks"])
async def test_whatever_comes_between_two_that_tell_a_counter_both_stay_right(
    database: Database, counter: str
) -> None:
    def told(day: int, count: int | None = None, source: str = "test", post: str = "p") -> Fact:
        counts: dict[str, Any] = {} if count is None else {counter: count}
        return read(day, source=source, post=post, **counts)

    def gone(day: int, source: str = "test") -> Retraction:
        return Retraction(told(day, source=source).identity)

    await assert_right_at_each_step(
        database,
        # Another post tells it every day, which says nothing of this one.
        [told(10), *(told(day, day, post="q") for day in range(3, 29))],
        [told(4, 40)],
        [told(20, 200)],
        [told(12), told(14), told(16)],
        # Between the two that tell: without the counter, and with it.
        [told(15)],
        [told(13, 130)],
        # In the middle the counter is added, changed and taken away again.
        [told(15, 150)],
        [told(15, 155), told(11)],
        [told(15)],
        # What others start from is deleted, and the first that told.
        [gone(13)],
        [gone(4)],
        [told(2, 20), told(28)],
        # The latest that told is corrected, with others after it that do not.
        [told(20, 210)],
        [told(20)],
        [told(20, 190), told(27)],
        # Two sources at one instant, of which one tells it.
        [told(14, 140, "other"), told(2, source="another")],
        [told(2, 25, "another"), told(20, source="other")],
        [gone(14, "other"), gone(20), told(24, 240)],
        [fact("post.published", "p", "2025-02-01", post="p", account="acme", network="x")],
        [told(26, 260), gone(12)],
        [gone(day) for day in (2, 10, 11, 14, 15, 16, 24, 26, 27, 28)],
    )


async def test_a_generation_that_is_behind_goes_on_in_its_own_readings(
    database: Database, org: Org
) -> None:
    first, corrected = read(4, impressions=40), read(4, impressions=50)
    # The live one holds the last of them when the other one folds the correction.
    for item in (first, read(12), read(20, impressions=200), corrected, read(15, impressions=150)):
        await tell(database, org, [item])
    await catch_up(database, org.id)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    assert await continue_rebuild(database, org.id, batch=1)

    assert not (await verify(database, org.id)).listed


async def _rows_of_readings(database: Database, org: Org, *items: Fact | Retraction) -> int:
    """Fold the items as one batch; return how many readings that are held it read."""
    until = await tell(database, org, items)
    async with database.transaction(org.id) as connection:
        before = await rows_read(connection, ["post_snapshot"])
        result = await fold_batch(connection, org.id, 1)
        assert result is not None
        assert result.position == until
        after = await rows_read(connection, ["post_snapshot"])
    return after["post_snapshot"] - before["post_snapshot"]


async def test_what_a_reading_leaves_out_is_looked_for_nowhere(
    database: Database, org: Org
) -> None:
    read_of: dict[int, list[int]] = {}
    for length in (3, 24):
        post = f"p{length}"
        await tell(
            database, org, [read(n, post=post, impressions=n, clicks=n) for n in range(1, 3)]
        )
        await tell(database, org, [read(n, post=post, impressions=n) for n in range(3, length)])
        await catch_up(database, org.id)
        read_of[length] = [
            # The latest of its post, one before it, and corrections of both: none tells clicks.
            await _rows_of_readings(database, org, read(28, post=post, impressions=99)),
            await _rows_of_readings(database, org, read(26, post=post, impressions=98)),
            await _rows_of_readings(database, org, read(28, post=post, impressions=97)),
            await _rows_of_readings(database, org, read(26, post=post, impressions=96)),
            await _rows_of_readings(
                database, org, Retraction(read(26, post=post).identity), read(27, post=post)
            ),
            # One that tells them goes back over the others once, and saves the next one the way.
            await _rows_of_readings(database, org, read(27, post=post, clicks=30)),
            await _rows_of_readings(database, org, read(28, post=post, clicks=40)),
        ]
    *short, over_few, after_few = read_of[3]
    *long, over_many, after_many = read_of[24]
    assert short == long
    assert after_few == after_many
    assert over_few < over_many


async def test_a_correction_looks_no_further_than_the_readings_beside_it(
    database: Database, org: Org
) -> None:
    read_of = []
    for length in (4, 24):
        post = f"p{length}"
        readings = [read(n, post=post, impressions=n, clicks=n) for n in range(1, length + 1)]
        await tell(database, org, readings)
        await catch_up(database, org.id)
        early, late = (read(n, post=post, impressions=n + 1, clicks=n) for n in (2, length - 1))
        read_of.append(
            [
                await _rows_of_readings(database, org, early),
                await _rows_of_readings(database, org, late),
            ]
        )
    of_few, of_many = read_of
    assert of_few == of_many
