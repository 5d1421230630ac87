"""The heads of facts: verified against the ledger's entries, and mended from them."""

from datetime import timedelta
from typing import Any

import pytest

from services.metrics.verify import Check, repair, verify
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact
from shared.kpis.assumptions import exchange_rate_key
from shared.ledger import append
from shared.orgs import Org
from tests.integration import catalogue_facts
from tests.integration.falsifying import by_hand
from tests.integration.test_known import DAYS, fact, tell

_A_EURO = """
INSERT INTO assumption
       (org_id, key, effective_from, version, value, source, grade, recorded_at)
VALUES ($1, $2, '2024-12-01', 1, 1.6, 'European Central Bank', 'measured', now())
"""
_HEAD = "org_id = $1 AND position = (SELECT max(position) FROM fact_head WHERE org_id = $1)"


def post(number: int, **fields: Any) -> Fact:
    return fact("post.published", f"p{number}", post=f"p{number}", employee="E1", **fields)


async def found(database: Database, org: Org) -> None:
    """Tell two posts; the second one is corrected twice, and says itself which version is newer."""
    await tell(database, org, DAYS[0], [post(1), post(2)])
    await tell(database, org, DAYS[1], [post(2, network="x")])
    await tell(database, org, DAYS[2], [post(2, network="linkedin")])
    await catch_up(database, org.id)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (f"UPDATE fact_head SET position = 1 WHERE {_HEAD}", "fact_head"),
        (f"UPDATE fact_head SET is_retracted = true WHERE {_HEAD}", "fact_head"),
        (f"DELETE FROM fact_head WHERE {_HEAD}", "fact_head"),
        (f"UPDATE fact_head SET content_hash = 'x' WHERE {_HEAD}", "fact_head"),
        ("DELETE FROM fact_past WHERE org_id = $1 AND position = 2", "fact_past"),
    ],
)
async def test_a_wrong_head_is_found_and_mended(
    database: Database, org: Org, database_url: str, statement: str, name: str
) -> None:
    await found(database, org)
    await by_hand(database_url, statement, org.id)

    report = await verify(database, org.id)
    assert set(report.counts) == {Check.HEADS}
    (mismatch,) = report.listed
    assert mismatch.name.startswith(name)

    done = await repair(database, org.id)
    assert (done.after.mismatches, done.is_rebuilt) == (0, False)
    # The next version takes back the one that stands, and none is counted twice.
    async with database.transaction(org.id) as connection:
        result = await append(connection, org, [post(2, network="instagram")])
        assert (result.inserted, result.corrected) == (0, 1)
    await catch_up(database, org.id)
    assert (await verify(database, org.id)).mismatches == 0
    async with database.transaction(org.id) as connection:
        shares = await connection.fetchval(
            "SELECT sum(value) FROM cell_value"
            " WHERE org_id = $1 AND slice = 'total' AND measure = 'shares'",
            org.id,
        )
    assert shares == 2


async def test_a_version_that_the_fold_has_not_come_to_is_no_difference(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await tell(database, org, DAYS[2] + timedelta(days=1), [post(2, network="instagram")])
    async with database.transaction(org.id) as connection:
        last = await connection.fetchval(
            "SELECT max(until) FROM fact_past WHERE org_id = $1", org.id
        )
        assert last > await connection.fetchval(
            "SELECT position FROM fold_cursor WHERE org_id = $1", org.id
        )

    assert (await verify(database, org.id)).mismatches == 0


def click(number: int, link: str, **fields: Any) -> Fact:
    return fact("link.clicked", f"c{number}", link=link, **fields)


@pytest.mark.parametrize("posts_first", [True, False])
async def test_whatever_comes_after_a_lost_head_counts_as_others_of_its_kind_do(
    database: Database, org: Org, database_url: str, *, posts_first: bool
) -> None:
    # The source counts the versions of posts, from 0 on, and of clicks says nothing.
    posts, clicks = [post(1, revision=0), post(2, revision=0)], [click(1, "x"), click(2, "x")]
    await tell(database, org, DAYS[0], posts + clicks if posts_first else clicks + posts)
    await catch_up(database, org.id)
    lost = [post(2).identity.key, click(2, "x").identity.key]
    forget = "DELETE FROM fact_head WHERE org_id = $1 AND fact_key = ANY($2)"
    await by_hand(database_url, forget, org.id, lost)
    await repair(database, org.id)

    said = [post(2, network="xing", revision=0), click(2, "y")]
    async with database.transaction(org.id) as connection:
        assert (await append(connection, org, said)).corrected == 2


async def test_after_the_only_head_was_lost_whatever_comes_counts(
    database: Database, org: Org, database_url: str
) -> None:
    await tell(database, org, DAYS[0], [post(1)])
    await catch_up(database, org.id)
    await by_hand(database_url, "DELETE FROM fact_head WHERE org_id = $1", org.id)
    await repair(database, org.id)

    async with database.transaction(org.id) as connection:
        assert (await append(connection, org, [post(1, network="xing")])).corrected == 1


async def test_what_is_told_again_after_its_head_was_lost_is_a_correction_once(
    database: Database, org: Org, database_url: str
) -> None:
    await tell(database, org, DAYS[0], [post(1, revision=0), post(2, revision=0)])
    await catch_up(database, org.id)
    await by_hand(database_url, f"DELETE FROM fact_head WHERE {_HEAD}", org.id)
    await repair(database, org.id)

    results = []
    for _ in range(2):
        async with database.transaction(org.id) as connection:
            told = await append(connection, org, [post(2, revision=0)])
            results.append((told.corrected, told.unchanged))
    # No content is known of it, so that at the same revision any other wins, whichever it is.
    assert results == [(1, 0), (0, 1)]
    await catch_up(database, org.id)
    assert not (await verify(database, org.id)).listed


async def test_a_version_that_never_was_is_told(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(
        database_url,
        "INSERT INTO fact_past SELECT org_id, fact_key, 1, 2 FROM fact_head WHERE org_id = $1",
        org.id,
    )
    report = await verify(database, org.id)
    assert [(m.stored, m.recomputed) for m in report.listed] == [("entries 1 to 2", None)] * 2


async def test_an_entry_that_was_changed_is_told_whatever_its_kind(
    database: Database, org: Org, database_url: str
) -> None:
    async with database.transaction(org.id) as connection:
        await connection.execute(_A_EURO, org.id, exchange_rate_key("EUR"))
    invoice = {"category": "content", "currency": "EUR", "amount": "100.00"}
    days = {"starts_on": "2025-02-01", "ends_on": "2025-03-01"}
    booked = catalogue_facts.fact(
        "cost.booked", "in-euros", "2025-02-01T10:00:00+01:00", **invoice, **days
    )
    async with database.transaction(org.id) as connection:
        await append(connection, org, [*catalogue_facts.everything(), booked])
    await catch_up(database, org.id)
    assert not (await verify(database, org.id)).listed

    changed = (
        "UPDATE ledger_entry SET payload = replace(payload, '100.00', '900.00')"
        " WHERE org_id = $1 AND external_id = 'in-euros'"
    )
    await by_hand(database_url, changed, org.id)
    assert (await verify(database, org.id)).counts[Check.HEADS] == 1


async def test_what_is_told_again_is_nothing_new_after_a_wrong_content_was_mended(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(database_url, f"UPDATE fact_head SET content_hash = 'x' WHERE {_HEAD}", org.id)
    await repair(database, org.id)
    async with database.transaction(org.id) as connection:
        again = await append(connection, org, [post(2, network="linkedin")])
        assert (again.unchanged, again.corrected) == (1, 0)
