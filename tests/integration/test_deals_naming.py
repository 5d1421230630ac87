"""Which deals name a lead: as the fold has it, and as the ledger goes on where it has not come."""

from typing import Any

from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact
from shared.orgs import Org
from shared.rollups.naming import deals_naming
from tests.integration.catalogue_facts import fact
from tests.integration.telling import rebuild
from tests.integration.test_rebuild import tell


def deal(name: str, lead: str | None, source: str = "test", **said: Any) -> Fact:
    told = fact(
        "deal.changed",
        name,
        "2025-03-10",
        deal=name,
        state="open",
        opened_at="2025-03-01T12:00:00Z",
        **({"lead": lead} if lead else {}),
        **said,
    )
    return told.model_copy(update={"source": source})


def lead(name: str) -> Fact:
    return fact("lead.created", name, "2025-03-01", lead=name, person=f"q-{name}")


async def naming(database: Database, org: Org, *leads: str) -> list[str]:
    async with database.transaction(org.id) as connection:
        return await deals_naming(connection, org.id, leads, "test")


async def test_each_is_named_once_of_its_source_whether_it_is_folded_or_not(
    database: Database, org: Org
) -> None:
    await tell(database, org, lead("l1"), deal("d1", "l1"), deal("d2", "l2"), deal("d3", None))
    await tell(database, org, deal("d9", "l1", source="another"))
    assert await naming(database, org, "l1") == ["d1"]

    await catch_up(database, org.id)
    assert await naming(database, org, "l1") == ["d1"]
    assert await naming(database, org, "l1", "l2") == ["d1", "d2"]
    assert await naming(database, org, "l3") == []

    # Known from both: the fold has the deal as it was, the ledger as it is.
    await tell(database, org, deal("d1", "l1", amount="5.00", currency="USD"), lead("l1-again"))
    assert await naming(database, org, "l1") == ["d1"]


async def test_what_has_named_another_lead_since_is_named_until_the_fold_knows(
    database: Database, org: Org
) -> None:
    await tell(database, org, deal("d1", "l1"))
    await catch_up(database, org.id)
    await tell(database, org, deal("d1", "l2"))
    assert await naming(database, org, "l2") == ["d1"]

    await catch_up(database, org.id)
    assert (await naming(database, org, "l1"), await naming(database, org, "l2")) == ([], ["d1"])


async def test_the_live_generation_is_asked_and_no_retired_one(
    database: Database, org: Org
) -> None:
    await tell(database, org, deal("d1", "l1"))
    await catch_up(database, org.id)
    await rebuild(database, org)
    await tell(database, org, deal("d1", "l2"))
    await catch_up(database, org.id)

    assert (await naming(database, org, "l1"), await naming(database, org, "l2")) == ([], ["d1"])
