"""The working tables of a fold: cheap to empty, and wide enough for the longest names."""

import asyncpg

from services.metrics.fold import fold_batch
from shared.db import Database
from shared.facts import Fact
from shared.ledger import append
from shared.orgs import Org
from tests.integration.telling import tell
from tests.integration.test_fold import fact, measure

# As many characters as a name may have, of as many bytes as a character may have.
LONGEST = "\U0001f4c8" * 128
WHO_AND_WHERE = {
    "employee": LONGEST[:64],
    "account": LONGEST,
    "network": "linkedin",
    "campaign": LONGEST,
    "content": LONGEST,
}


def deal_of_a_touched_lead() -> list[Fact]:
    noon = "2025-02-{:02}T12:00:00Z".format
    return [
        fact(
            "touch.recorded",
            "t",
            noon(1),
            person=LONGEST,
            channel="employee_advocacy",
            **WHO_AND_WHERE,
        ),
        fact("lead.created", "l", noon(2), lead=LONGEST, person=LONGEST),
        fact(
            "deal.changed",
            "d",
            noon(4),
            deal=LONGEST,
            lead=LONGEST,
            state="won",
            amount="100.00",
            currency="USD",
            opened_at=noon(3),
            closed_at=noon(4),
        ),
    ]


async def after_a_fold(database: Database, org: Org, query: str) -> list[asyncpg.Record]:
    """Return what a query finds in the transaction of a fold, before its commit."""
    async with database.transaction(org.id) as connection:
        await append(connection, org, deal_of_a_touched_lead())
        await fold_batch(connection, org.id, 1)
        return await connection.fetch(query)


async def test_only_tables_of_whole_facts_can_put_values_aside(
    database: Database, org: Org
) -> None:
    able = await after_a_fold(
        database,
        org,
        "SELECT relname FROM pg_class"
        " WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r' AND reltoastrelid <> 0",
    )

    # Each such table has an index that is built anew whenever a fold is committed.
    holders = {"ledger_staging", "fold_entry", "fold_place", "fold_retracted"}
    assert {row["relname"] for row in able} == holders


async def test_no_working_table_of_a_fold_has_an_index_of_its_own(
    database: Database, org: Org
) -> None:
    indexed = await after_a_fold(
        database,
        org,
        "SELECT indrelid::regclass::text AS name FROM pg_index"
        " JOIN pg_class ON pg_class.oid = indexrelid"
        " WHERE relnamespace = pg_my_temp_schema()",
    )

    # Emptied at each commit, it would be built anew, and with it each plan that reads its table.
    assert not [row["name"] for row in indexed if not row["name"].startswith("ledger_")]


async def test_the_longest_names_are_folded(database: Database, org: Org) -> None:
    posts = [
        fact("post.published", "p", "2025-02-01T10:00:00Z", post=LONGEST, **WHO_AND_WHERE),
        fact(
            "post.metrics",
            "m",
            "2025-02-01T11:00:00Z",
            post=LONGEST,
            impressions=7,
            **WHO_AND_WHERE,
        ),
    ]
    await tell(database, org, *posts, *deal_of_a_touched_lead())

    views = await measure(database, org, "impressions_advocacy", group_by="employee")
    revenue = await measure(database, org, "revenue.linear", group_by="content")
    assert views == {LONGEST[:64]: 7}
    assert revenue == {LONGEST: 100}
