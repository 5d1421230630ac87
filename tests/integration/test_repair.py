"""Repair: what differs is mended in the open, by deltas or by a rebuild; nothing else changes."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.metrics.rebuild import continue_rebuild, start_rebuild
from services.metrics.slices import apply_corrections
from services.metrics.stage import create_working_tables
from services.metrics.verify import Check, repair, verify
from services.metrics.verify.recompute import NO_NESTED_LOOPS
from services.metrics.worker import catch_up
from shared.db import Database
from shared.orgs import Org
from tests.integration.falsifying import by_hand, falsify
from tests.integration.planning import rows_read
from tests.integration.test_rebuild import fact, found, live, state_of, tell


async def test_a_repair_adds_what_is_missing_and_says_so(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    logged = await _logged(database, org)
    place = await falsify(database, database_url, org, "shares", 2)

    done = await repair(database, org.id)
    assert done.before.counts[Check.CELLS] == 1
    assert done.after.mismatches == 0
    assert not done.is_rebuilt
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch("SELECT * FROM rollup_repair WHERE org_id = $1", org.id)
    (told,) = rows
    assert (told["measure"], told["day"], told["cell"]) == ("shares", place["day"], place["cell"])
    assert (told["stored"], told["recomputed"]) == (place["value"] + 2, place["value"])
    assert told["position"] == done.before.position
    # The log was right: there is nothing to add to it.
    assert await _logged(database, org) == logged

    assert (await repair(database, org.id)).before.mismatches == 0
    async with database.transaction(org.id) as connection:
        told_again = await connection.fetch(
            "SELECT id FROM rollup_repair WHERE org_id = $1", org.id
        )
    assert [row["id"] for row in told_again] == [told["id"]]


async def test_a_repair_beside_another_generation_adds_what_is_missing_once(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(
        database_url,
        "INSERT INTO generation SELECT (g).* FROM ("
        ' SELECT jsonb_populate_record(g, \'{"generation": 2, "state": "building"}\') AS g'
        " FROM generation g WHERE org_id = $1) g",
        org.id,
    )
    await by_hand(
        database_url,
        "INSERT INTO rollup_slot (org_id, generation, measure, family, slot)"
        " SELECT org_id, 2, measure, family, slot FROM rollup_slot WHERE org_id = $1",
        org.id,
    )
    await falsify(database, database_url, org, "shares", 2)

    done = await repair(database, org.id)
    assert done.before.counts[Check.CELLS] == 1
    assert (done.after.mismatches, done.is_rebuilt) == (0, False)


async def _logged(database: Database, org: Org) -> int:
    async with database.transaction(org.id) as connection:
        logged: int = await connection.fetchval(
            "SELECT count(*) FROM rollup_change WHERE org_id = $1", org.id
        )
    return logged


async def miscount(database: Database, database_url: str, org: Org) -> Any:
    """Add 2 to a value, and to the log alike; return where."""
    place = await falsify(database, database_url, org, "shares", 2)
    miscounted = (
        "INSERT INTO rollup_change (org_id, generation, position, known_on, cell, day, family,"
        f" d{place['slot']}) SELECT $1, 1, position, known_on, $2, $3, $4, 2"
        " FROM rollup_change WHERE org_id = $1 LIMIT 1"
    )
    where = (place["cell"], place["day"], place["family"])
    await by_hand(database_url, miscounted, org.id, *where)
    return place


async def test_what_was_miscounted_is_mended_in_the_log_as_well(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    place = await miscount(database, database_url, org)
    assert set((await verify(database, org.id)).counts) == {Check.CELLS}

    done = await repair(database, org.id)
    assert (done.after.mismatches, done.is_rebuilt) == (0, False)
    async with database.transaction(org.id) as connection:
        (told,) = await connection.fetch("SELECT * FROM rollup_repair WHERE org_id = $1", org.id)
        (logged,) = await connection.fetch(
            "SELECT * FROM rollup_delta WHERE org_id = $1 AND repaired_at IS NOT NULL", org.id
        )
    where = (place["cell"], place["day"])
    assert (logged["measure"], logged["cell"], logged["day"]) == ("shares", *where)
    assert (logged["delta"], logged["repaired_at"]) == (-2, told["repaired_at"])
    assert (logged["position"], logged["known_on"]) == (told["position"], told["known_on"])


@pytest.mark.parametrize(
    ("statement", "stored", "recomputed"),
    [
        ("UPDATE rollup_repair SET recomputed = recomputed + 1", "-2", "-1"),
        ("UPDATE rollup_repair SET known_on = known_on + 1", "-2", None),
        ("DELETE FROM rollup_repair", "-2", None),
        ("DELETE FROM rollup_change", None, "-2"),
    ],
)
async def test_what_a_repair_tells_and_what_it_logged_are_laid_side_by_side(
    database: Database,
    org: Org,
    database_url: str,
    statement: str,
    stored: str | None,
    recomputed: str | None,
) -> None:
    await found(database, org)
    await miscount(database, database_url, org)
    assert not (await repair(database, org.id)).after.listed
    await by_hand(
        database_url, f"{statement} WHERE org_id = $1 AND repaired_at IS NOT NULL", org.id
    )

    told = [m for m in (await verify(database, org.id)).listed if m.name == "rollup_change"]
    assert {m.check for m in told} == {Check.PAST}
    for said, due in ((told[0].stored, stored), (told[0].recomputed, recomputed)):
        assert said is due or f"shares by {due}, repaired at " in str(said)


async def test_a_repair_looks_up_the_cells_that_it_mends(database: Database, org: Org) -> None:
    await found(database, org)
    wrong = "SELECT 'shares', min(cell), date '2031-01-01', 7::numeric FROM cell WHERE org_id = $1"
    async with database.transaction(org.id) as connection:
        held = await connection.fetchval("SELECT count(*) FROM rollup WHERE org_id = $1", org.id)
        # As after everything was compared.
        await connection.execute(NO_NESTED_LOOPS)
        await create_working_tables(connection)
        await connection.execute(f"CREATE TEMPORARY TABLE wrong ON COMMIT DROP AS {wrong}", org.id)
        before = await rows_read(connection)
        await apply_corrections(
            connection,
            *(org.id, 1),
            position=1,
            known_on=date(2031, 1, 1),
            repaired_at=datetime(2031, 1, 1, tzinfo=UTC),
            of_values="TABLE wrong",
            of_log="TABLE wrong",
        )
        after = await rows_read(connection)
    assert after["rollup"] - before["rollup"] <= 1 < held


async def test_a_delta_that_the_log_lost_is_logged_again(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(
        database_url,
        "DELETE FROM rollup_change WHERE org_id = $1 AND position = ("
        " SELECT max(position) FROM rollup_change WHERE org_id = $1)",
        org.id,
    )
    before = await verify(database, org.id)
    assert set(before.counts) == {Check.LOG}

    # By a rebuild: logged today it would be no part of what was known until then.
    done = await repair(database, org.id)
    assert done.after.mismatches == 0
    assert done.is_rebuilt


async def test_a_value_the_fold_never_wrote_is_taken_away_again(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    place = await falsify(database, database_url, org, "shares", 0)
    await by_hand(
        database_url,
        f"INSERT INTO rollup (org_id, generation, cell, day, family, v{place['slot']})"
        " VALUES ($1, 1, $2, '2031-01-01', $3, 7)",
        *(org.id, place["cell"], place["family"]),
    )
    report = await verify(database, org.id)
    assert [(m.name, m.stored, m.facts) for m in report.listed if m.check is Check.CELLS] == [
        ("shares", "7", 0)
    ]
    assert (await repair(database, org.id)).after.mismatches == 0


@pytest.mark.parametrize(
    ("statement", "check", "name"),
    [
        ("UPDATE roster SET team = 'Z' WHERE org_id = $1", Check.STATE, "roster"),
        ("DELETE FROM post_snapshot WHERE org_id = $1", Check.STATE, "post_snapshot"),
        ("UPDATE deal SET amount = 1 WHERE org_id = $1", Check.STATE, "deal"),
        (
            "UPDATE credit_row SET amounts[4] = amounts[4] + 0.01 WHERE org_id = $1",
            Check.CREDIT,
            " linear ",
        ),
        ("DELETE FROM cell WHERE org_id = $1 AND slice = 'total'", Check.CELLS, "shares"),
        (
            "INSERT INTO cell (org_id, generation, cell, slice)"
            " SELECT $1, 1, 999, 'total' FROM cell WHERE org_id = $1 LIMIT 1",
            Check.STATE,
            "cell",
        ),
        (
            "INSERT INTO cell (org_id, generation, cell, slice, employee) SELECT $1, 1, cell,"
            " 'employee', 'E9' FROM cell WHERE org_id = $1 AND slice = 'total'",
            Check.STATE,
            "cell",
        ),
        (
            "UPDATE fold_cursor SET position = position + 3 WHERE org_id = $1",
            Check.STATE,
            "fold_cursor",
        ),
        (
            "UPDATE fold_cursor SET next_cell = 2 WHERE org_id = $1",
            Check.STATE,
            "fold_cursor",
        ),
    ],
)
async def test_what_deltas_cannot_mend_is_rebuilt(
    database: Database, org: Org, database_url: str, statement: str, check: Check, name: str
) -> None:
    await found(database, org)
    await by_hand(database_url, statement, org.id)
    report = await verify(database, org.id)
    assert report.counts[check]
    assert any(m.check is check and name in m.name for m in report.listed)

    done = await repair(database, org.id)
    assert done.is_rebuilt
    assert done.after.mismatches == 0
    assert await state_of(database, org) == {1: "retired", 2: "live"}


async def test_a_lost_cell_takes_a_rebuild_though_another_cell_lacks_the_same_value(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    alone = {"employee": "E9", "occurred_at": "2025-01-15T10:00:00Z"}
    await tell(database, org, fact("post.published", 900, post="p900", **alone))
    await catch_up(database, org.id)
    for table in ("rollup", "cell"):
        await by_hand(
            database_url,
            f"DELETE FROM {table} WHERE org_id = $1 AND cell = ("
            " SELECT max(cell) FROM cell WHERE org_id = $1 AND slice = 'employee')",
            org.id,
        )
    assert (await falsify(database, database_url, org, "shares", 1))["value"] == 1

    done = await repair(database, org.id)
    assert done.before.counts[Check.CELLS] == 2
    assert done.is_rebuilt
    assert done.after.mismatches == 0


async def test_a_repair_that_takes_a_rebuild_waits_for_the_one_under_way(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(database_url, "DELETE FROM touch WHERE org_id = $1", org.id)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    await by_hand(database_url, "UPDATE fact_head SET content_hash = 'x' WHERE org_id = $1", org.id)

    waiting = await repair(database, org.id)
    assert (waiting.is_rebuilt, waiting.is_waiting) == (False, True)
    assert {*waiting.before.counts} - {*waiting.after.counts} == {Check.HEADS}
    assert await live(database, org) == 1

    assert await continue_rebuild(database, org.id)
    done = await repair(database, org.id)
    assert (done.before.mismatches, done.is_rebuilt, done.is_waiting) == (0, False, False)
