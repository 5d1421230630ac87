"""Verify looks back: what was known is recomputed from the ledger of that time."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest

from services.metrics.verify import Check, repair, verify
from services.metrics.verify.past import MOST_POSITIONS
from services.metrics.worker import catch_up
from shared.db import Database
from shared.ledger import append
from shared.orgs import Org, create_org
from tests.integration.falsifying import by_hand
from tests.integration.test_known import DAYS, TOLD, fact, tell, won


async def found(database: Database, org: Org) -> None:
    """Tell the history in which every kind of state is corrected: a deal won, amended and lost."""
    for day, items in zip(DAYS, TOLD, strict=True):
        await tell(database, org, day, items)
    await catch_up(database, org.id)


async def test_credit_of_the_past_is_what_the_ledger_of_that_time_says(
    database: Database, org: Org
) -> None:
    await found(database, org)
    async with database.transaction(org.id) as connection:
        held = await connection.fetchval("SELECT count(*) FROM credit_row_past")
    report = await verify(database, org.id)

    assert held > 0
    assert (report.mismatches, report.unverified) == (0, ())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE credit_row_past SET amounts[4] = amounts[4] + 0.01",
        "UPDATE credit_row_past SET employee = 'E9'",
        "UPDATE credit_row_past SET until = until + 1",
        "DELETE FROM credit_row_past",
    ],
)
async def test_a_changed_past_is_found_and_rebuilt(
    database: Database, org: Org, database_url: str, statement: str
) -> None:
    await found(database, org)
    await by_hand(database_url, f"{statement} WHERE org_id = $1 AND kind = 'deal'", org.id)

    report = await verify(database, org.id)
    assert set(report.counts) == {Check.CREDIT}
    assert all(" as of entry " in mismatch.name for mismatch in report.listed)
    assert any(mismatch.name.startswith("deal d1 linear ") for mismatch in report.listed)

    done = await repair(database, org.id)
    assert done.is_rebuilt
    assert done.after.mismatches == 0


_ONE = "ctid = (SELECT ctid FROM rollup_change WHERE org_id = $1 AND {which} LIMIT 1)"
_LAST_ENTRY = "SELECT max(position) FROM rollup_change WHERE org_id = $1"
_LAST_DAY = "SELECT max(known_on) FROM rollup_change WHERE org_id = $1"
_FIRST_ENTRY, _FIRST_DAY = (text.replace("max(", "min(") for text in (_LAST_ENTRY, _LAST_DAY))
_PLACE = "org_id, generation, cell, day, family"


@pytest.mark.parametrize(
    "statements",
    [
        # A day on which its entry was not recorded; one on which something else was.
        [f"UPDATE rollup_change SET known_on = known_on + 9 WHERE {_ONE.format(which=True)}"],
        [
            f"UPDATE rollup_change SET position = ({_LAST_ENTRY}),"
            f" known_on = ({_LAST_DAY})"
            f" WHERE {_ONE.format(which=f'known_on < ({_LAST_DAY})')}"
        ],
        # What was recorded on a later day, as if it had been known from the first.
        [
            f"UPDATE rollup_change SET position = ({_FIRST_ENTRY}),"
            f" known_on = ({_FIRST_DAY})"
            f" WHERE {_ONE.format(which=f'known_on > ({_FIRST_DAY})')}"
        ],
        # A repair that nobody made.
        [f"UPDATE rollup_change SET repaired_at = now() WHERE {_ONE.format(which=True)}"],
        # What came and went, as far as the log says.
        [
            f"INSERT INTO rollup_change ({_PLACE}, position, known_on, d1)"
            f" SELECT {_PLACE}, {edge}(position), {edge}(known_on), {delta} FROM rollup_change"
            f" WHERE org_id = $1 AND d1 IS NOT NULL GROUP BY {_PLACE} ORDER BY {_PLACE} LIMIT 1"
            for edge, delta in (("min", 7), ("max", -7))
        ],
    ],
)
async def test_a_log_that_tells_another_past_is_found_and_rebuilt(
    database: Database, org: Org, database_url: str, statements: list[str]
) -> None:
    await found(database, org)
    for statement in statements:
        await by_hand(database_url, statement, org.id)

    report = await verify(database, org.id)
    assert set(report.counts) == {Check.PAST}
    # A cell that one side has not at all is 0 there.
    cells = [one for one in report.listed if one.day]
    assert all(Decimal(one.stored or "") != Decimal(one.recomputed or "") for one in cells)

    done = await repair(database, org.id)
    assert done.is_rebuilt
    assert done.after.mismatches == 0


async def test_what_nothing_recomputes_is_no_difference_of_the_past(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    rename = "UPDATE rollup_slot SET measure = 'unheard_of' WHERE org_id = $1 AND measure = $2"
    await by_hand(database_url, rename, org.id, "shares")

    report = await verify(database, org.id)
    assert report.unverified == ("unheard_of",)
    assert {one.name.partition(" ")[0] for one in report.listed} == {"shares"}


async def test_nobody_looks_back_after_a_verification_on_the_same_connection(
    database: Database, org: Org
) -> None:
    await found(database, org)
    single = Database(
        database.engine.url.render_as_string(hide_password=False),
        application_name="tests",
        pool_size=1,
        max_overflow=0,
    )
    assert (await verify(single, org.id)).mismatches == 0
    async with single.transaction(org.id) as connection:
        left = [
            await connection.fetchval(f"SELECT current_setting('{name}', true)")
            for name in ("app.as_of", "app.as_of_day", "app.as_of_repaired", "app.as_of_from")
        ]
    await single.close()

    assert not any(left)


@pytest.mark.parametrize(
    ("cuts", "unverified"),
    [
        (MOST_POSITIONS, ()),
        (MOST_POSITIONS + 1, (f"what was known at 1 of {MOST_POSITIONS + 1} past positions",)),
    ],
)
async def test_of_a_long_past_some_positions_are_looked_at_and_the_others_counted(
    database: Database, org: Org, cuts: int, unverified: tuple[str, ...]
) -> None:
    await tell(database, org, DAYS[0], TOLD[0])
    # The last of these days ends at the present.
    for number in range(1, cuts + 1):
        day = date(2025, 5, 1) + timedelta(days=number)
        await tell(
            database,
            org,
            day,
            [won(f"{number}000.00"), fact("link.clicked", f"c{number}", link="x")],
        )
    await catch_up(database, org.id)

    report = await verify(database, org.id)
    assert report.mismatches == 0
    assert report.unverified == unverified


async def test_days_end_where_they_do_for_the_organization_itself(
    database: Database, org: Org
) -> None:
    async with database.transaction() as connection:
        far = await create_org(
            connection, name="Far", time_zone="Pacific/Auckland", currency=org.currency
        )
    # On either side of its midnight, which is the noon of others.
    for day, hour in product((1, 3, 5), (10, 13)):
        instant = datetime(2025, 4, day, hour, tzinfo=UTC)
        async with database.transaction(far.id) as connection:
            clicked = fact("link.clicked", f"{instant}", link="x")
            await append(connection, far, [clicked], received_at=instant)
    await catch_up(database, far.id)

    report = await verify(database, far.id)
    assert report.mismatches == 0
    left_out = 5 - MOST_POSITIONS
    assert report.unverified == (f"what was known at {left_out} of 5 past positions",)
