"""Visitors that become known, records that are merged and parted: whose touches count for whom."""

from datetime import date
from decimal import Decimal
from typing import Any

from services.metrics.fold import fold_batch
from services.metrics.verify import verify
from shared.db import Database
from shared.facts import Fact, Identity, Retraction
from shared.kpis.periods import Period
from shared.ledger import append
from shared.orgs import Org
from tests.integration.telling import tell
from tests.integration.test_fold import fact, measure

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))


def touch(person: str, day: int, channel: str = "employee_advocacy", **who: Any) -> Fact:
    who = who or ({"employee": "E1"} if channel == "employee_advocacy" else {})
    name = f"{person}-{day}"
    at = f"2025-02-{day:02}T10:00:00Z"
    return fact("touch.recorded", name, at, person=person, channel=channel, **who)


def same(name: str, person: str, *others: str) -> Fact:
    at = "2025-02-20T10:00:00Z"
    return fact("person.identified", name, at, person=person, same_as=list(others))


def lead_with_deal(person: str) -> tuple[Fact, Fact]:
    return (
        fact("lead.created", "l1", "2025-02-15T10:00:00Z", lead="l1", person=person),
        fact(
            "deal.changed",
            "d1",
            "2025-02-25T10:00:00Z",
            deal="d1",
            lead="l1",
            state="won",
            amount="100.00",
            currency="USD",
            opened_at="2025-02-16T10:00:00Z",
            closed_at="2025-02-25T10:00:00Z",
        ),
    )


async def linear(database: Database, org: Org) -> dict[str, Decimal]:
    found: dict[str, Decimal] = await measure(database, org, "revenue.linear", group_by="channel")
    return {channel: value for channel, value in found.items() if value}


async def test_a_visitor_who_becomes_known_brings_the_past(database: Database, org: Org) -> None:
    await tell(database, org, *lead_with_deal("known"), touch("known", 18, "brand"))
    await tell(database, org, touch("visitor", 3))
    assert await linear(database, org) == {"brand": Decimal(100)}
    assert await measure(database, org, "leads_advocacy") == 0

    await tell(database, org, same("m1", "known", "visitor"))

    assert await linear(database, org) == {"brand": Decimal(50), "employee_advocacy": Decimal(50)}
    assert await measure(database, org, "leads_advocacy") == 1


async def test_a_touch_under_another_name_counts_though_it_is_all_that_is_new(
    database: Database, org: Org
) -> None:
    await tell(database, org, *lead_with_deal("known"), touch("known", 18, "brand"))
    await tell(database, org, same("m1", "known", "visitor"))

    await tell(database, org, touch("visitor", 3))

    assert await linear(database, org) == {"brand": Decimal(50), "employee_advocacy": Decimal(50)}
    assert await measure(database, org, "leads_advocacy") == 1


async def test_links_chain_and_a_link_taken_back_parts_again(database: Database, org: Org) -> None:
    await tell(database, org, *lead_with_deal("a"), touch("a", 18, "brand"), touch("c", 3))
    await tell(database, org, same("m1", "b", "c"))
    await tell(database, org, same("m2", "a", "b"))
    assert await linear(database, org) == {"brand": Decimal(50), "employee_advocacy": Decimal(50)}

    await tell(database, org, Retraction(Identity("test", "person.identified", "m1")))
    assert await linear(database, org) == {"brand": Decimal(100)}

    await tell(database, org, same("m1", "b", "c"))
    await tell(database, org, touch("c", 4))
    assert (await linear(database, org))["employee_advocacy"] == Decimal("66.67")


async def test_a_link_told_by_two_outlives_the_end_of_one(database: Database, org: Org) -> None:
    await tell(database, org, *lead_with_deal("a"), touch("b", 3))
    await tell(database, org, same("m1", "a", "b"), same("m2", "b", "a"))
    await tell(database, org, Retraction(Identity("test", "person.identified", "m1")))

    assert await linear(database, org) == {"employee_advocacy": Decimal(100)}


async def test_who_leaves_a_group_takes_only_their_touches(database: Database, org: Org) -> None:
    await tell(database, org, *lead_with_deal("a"), touch("b", 3), touch("c", 4, "brand"))
    await tell(database, org, same("m1", "a", "b", "c"))
    assert await linear(database, org) == {"brand": Decimal(50), "employee_advocacy": Decimal(50)}

    await tell(database, org, same("m1", "a", "c"))

    assert await linear(database, org) == {"brand": Decimal(100)}


async def test_thousands_of_visitors_who_are_one_person_are_followed_together(
    database: Database, org: Org
) -> None:
    # Told of all at once: followed from each of them, this takes longer than a statement may.
    visitors = [f"v{number}" for number in range(2_000)]
    groups = [visitors[start : start + 50] for start in range(0, len(visitors), 50)]
    links = [same(f"m{number}", "desk", *group) for number, group in enumerate(groups)]
    await tell(database, org, *lead_with_deal("desk"), *links)
    async with database.transaction(org.id) as connection:
        await append(connection, org, [touch(visitor, 3) for visitor in visitors])
    async with database.transaction(org.id) as connection:
        assert await fold_batch(connection, org.id, 1, limit=10_000) is not None

    assert await linear(database, org) == {"employee_advocacy": Decimal(100)}
    assert await measure(database, org, "leads_advocacy") == 1
    assert (await verify(database, org.id)).mismatches == 0


async def test_a_long_chain_of_links_is_one_person(database: Database, org: Org) -> None:
    # Names in no order along the chain: no end of it is found by them.
    chain = [f"p{number * 37 % 200}" for number in range(200)]
    links = [same(f"m{n}", chain[n], chain[n + 1]) for n in range(len(chain) - 1)]
    await tell(database, org, *lead_with_deal(chain[0]), touch(chain[-1], 3), *links)

    assert await linear(database, org) == {"employee_advocacy": Decimal(100)}
    assert (await verify(database, org.id)).mismatches == 0

    await tell(database, org, Retraction(links[100].identity))
    assert await linear(database, org) == {}
    assert (await verify(database, org.id)).mismatches == 0
