"""The ledger is verified too: positions nobody used, a head that is elsewhere, time that runs back.

None of it comes of the product. It must not stop it either: what is there is folded.
"""

from random import Random

import pytest

from services.metrics.rebuild import continue_rebuild
from services.metrics.verify import Check, Look, Report, repair, verify, verify_sample
from services.metrics.verify.ledger import Stretch, compare_ledger
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.ledger import head_position
from shared.orgs import Org
from tests.integration.falsifying import by_hand
from tests.integration.test_known import DAYS, fact, tell
from tests.integration.test_rebuild import begin, live

pytestmark = pytest.mark.timeout(60)


def click(number: int) -> list[Fact]:
    return [fact("link.clicked", f"c{number}", link="x")]


async def found(database: Database, org: Org) -> None:
    """Tell four clicks on three days."""
    for number, day in enumerate((DAYS[0], DAYS[1], DAYS[1], DAYS[2])):
        await tell(database, org, day, click(number))
    await catch_up(database, org.id)


async def told(database: Database, org: Org) -> list[tuple[str, str | None, str | None]]:
    report = await verify(database, org.id)
    assert set(report.counts) <= {Check.LEDGER}
    return [(m.name, m.stored, m.recomputed) for m in report.listed]


async def head(database: Database, org: Org) -> int:
    async with database.transaction(org.id) as connection:
        return await head_position(connection, org.id)


async def head_ahead(database_url: str, org: Org) -> None:
    await by_hand(
        database_url, "UPDATE ledger_head SET position = position + 3 WHERE org_id = $1", org.id
    )


async def test_a_head_ahead_of_the_ledger_is_told_and_set_back(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await head_ahead(database_url, org)
    assert await told(database, org) == [("ledger_head", "position 7", "position 4")]

    done = await repair(database, org.id)
    assert (done.after.mismatches, done.is_rebuilt) == (0, False)
    await tell(database, org, DAYS[2], click(9))
    assert await head(database, org) == 5


async def test_a_head_of_another_time_is_told_and_set_to_that_of_the_last_entry(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    for hours in (-1, 1):
        await by_hand(
            database_url,
            "UPDATE ledger_head SET recorded_at = recorded_at + $2 * interval '1 hour'"
            " WHERE org_id = $1",
            *(org.id, hours),
        )
        stored, due = (f"recorded at 2025-04-05 {12 + by}:00:00+00:00" for by in (hours, 0))
        assert await told(database, org) == [("ledger_head", stored, due)]

        done = await repair(database, org.id)
        assert (done.after.mismatches, done.is_rebuilt) == (0, False)


async def test_a_head_behind_the_ledger_is_told_where_that_ends(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(database_url, "UPDATE ledger_head SET position = 2 WHERE org_id = $1", org.id)

    behind = ("ledger_head", "position 2", "position 4")
    for stretch, expected in ((Stretch(3, 4), [behind]), (Stretch(1, 3), [])):
        report = Report(org.id, 1, 4)
        async with database.transaction(org.id) as connection:
            await compare_ledger(connection, org.id, report, stretch)
        assert [(m.name, m.stored, m.recomputed) for m in report.listed] == expected
    report = await verify(database, org.id)
    assert report.counts[Check.LEDGER] == 1


async def test_a_rebuild_ends_where_the_ledger_does_whatever_its_head_says(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await head_ahead(database_url, org)
    await begin(database, org)

    assert await continue_rebuild(database, org.id)
    assert await live(database, org) == 2


async def test_positions_that_nobody_used_are_told_and_folded_across(
    database: Database, org: Org, database_url: str
) -> None:
    await head_ahead(database_url, org)
    await found(database, org)
    await head_ahead(database_url, org)
    await tell(database, org, DAYS[2], click(8))
    assert await catch_up(database, org.id)
    missing = [("ledger_entry", None, f"entries {place}") for place in ("1 to 3", "8 to 10")]
    assert await told(database, org) == missing
    for look in Look:
        report = await verify_sample(database, org.id, look, Random(1))
        assert report.mismatches == (2 if look is Look.LEDGER else 0)

    await begin(database, org)
    assert await continue_rebuild(database, org.id, batch=1)
    assert await told(database, org) == missing
    async with database.transaction(org.id) as connection:
        clicks = await connection.fetchval(
            "SELECT sum(value) FROM cell_value WHERE org_id = $1 AND generation = 2"
            " AND slice = 'total' AND measure = 'clicks'",
            org.id,
        )
    assert clicks == 5


async def test_a_head_of_which_more_was_heard_stays_ahead(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(
        database_url, "DELETE FROM ledger_entry WHERE org_id = $1 AND position = 4", org.id
    )
    report = await verify(database, org.id)
    assert report.counts[Check.LEDGER] == 1

    await repair(database, org.id)
    assert await head(database, org) == 4


_PUBLISHED = """
INSERT INTO publication
SELECT $1, gen_random_uuid(), '2025-03-01', '2025-04-01', {position}, '2025-04-05', recorded_at,
       recorded_at, 'key', ''
  FROM ledger_head WHERE org_id = $1
"""


@pytest.mark.parametrize(
    "heard",
    [
        "UPDATE fold_cursor SET position = 5 WHERE org_id = $1",
        "UPDATE fact_head SET position = 5 WHERE org_id = $1 AND position = 4",
        "INSERT INTO fact_past"
        " SELECT org_id, fact_key, 4, 5 FROM fact_head WHERE org_id = $1 AND position = 4",
        _PUBLISHED.format(position=5),
    ],
)
async def test_whoever_has_heard_of_more_keeps_the_head_ahead(
    database: Database, org: Org, database_url: str, heard: str
) -> None:
    await found(database, org)
    await head_ahead(database_url, org)
    await by_hand(database_url, heard, org.id)

    assert (await repair(database, org.id)).before.counts[Check.LEDGER] == 1
    assert await head(database, org) == 7


async def test_what_was_heard_of_the_last_entry_keeps_no_head_ahead(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    for item in click(9):
        await tell(database, org, DAYS[2], [item, Retraction(item.identity)])
    await catch_up(database, org.id)
    await by_hand(database_url, _PUBLISHED.format(position=6), org.id)
    await head_ahead(database_url, org)

    assert (await repair(database, org.id)).after.mismatches == 0
    assert await head(database, org) == 6


async def test_a_head_ahead_of_nothing_is_told_and_set_back(
    database: Database, org: Org, database_url: str
) -> None:
    await head_ahead(database_url, org)
    assert await told(database, org) == [("ledger_head", "position 3", "position 0")]
    assert (await repair(database, org.id)).after.mismatches == 0
    await tell(database, org, DAYS[0], click(1))
    assert await head(database, org) == 1


async def test_time_that_runs_backwards_is_told(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(
        database_url,
        "UPDATE ledger_entry SET recorded_at = recorded_at - interval '1 minute'"
        " WHERE org_id = $1 AND position = 3",
        org.id,
    )
    ((name, _, _),) = await told(database, org)
    assert name == "ledger_entry 3"
