"""Contacts that HubSpot merges, moves or restores: deals follow them, and so does the credit."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from services.metrics.worker import catch_up
from shared.db import Database
from shared.orgs import Org
from shared.queue import Task
from tests.integration.fake_hubspot import FakeHubSpot
from tests.integration.hubspot_deliveries import delivery, event
from tests.integration.inbox import connection_id, hubspot, keep, process, rows, tasks

__all__ = ["connection_id", "hubspot", "process", "tasks"]

_STANDING = """
SELECT e.external_id, e.payload::jsonb ->> 'lead' AS lead
  FROM fact_head h JOIN ledger_entry e ON e.org_id = h.org_id AND e.position = h.position
 WHERE e.kind = 'deal.changed' AND NOT h.is_retracted
 ORDER BY e.external_id
"""
#: After the deals were last modified: HubSpot need not touch a deal whose contact it merges.
MERGED_AT = 1741_600_000_000


def merge(into: int, *gone: int) -> dict[str, Any]:
    return event(
        into,
        subscriptionType="contact.merge",
        primaryObjectId=into,
        mergedObjectIds=list(gone),
        occurredAt=MERGED_AT,
    )


def contact(number: int) -> dict[str, Any]:
    return event(number, subscriptionType="contact.creation", occurredAt=MERGED_AT - 10**9)


async def leads_of_deals(database: Database, org: Org) -> Mapping[str, str | None]:
    return {row["external_id"]: row["lead"] for row in await rows(database, org, _STANDING)}


@pytest.mark.parametrize("is_folded", [True, False])
@pytest.mark.parametrize("survivor", [601, 603])
async def test_the_deals_of_a_merged_contact_are_read_again(
    database: Database,
    org: Org,
    connection_id: UUID,
    hubspot: FakeHubSpot,
    process: Task,
    survivor: int,
    *,
    is_folded: bool,
) -> None:
    for deal, of in ((901, 602), (902, 602), (903, 700)):
        hubspot.put_deal(deal)
        hubspot.contacts[str(deal)] = [of]
    told = [event(901), event(902), event(903), *(contact(n) for n in (survivor, 602, 700))]
    await keep(database, org, connection_id, [delivery(*told)])
    await process(org.id)
    if is_folded:
        await catch_up(database, org.id)
    assert await leads_of_deals(database, org) == {
        "901": "hubspot:602",
        "902": "hubspot:602",
        "903": "hubspot:700",
    }

    # HubSpot moves the deals, and says nothing of them.
    hubspot.contacts |= {"901": [survivor], "902": [survivor]}
    await keep(database, org, connection_id, [delivery(merge(survivor, 602))])
    await process(org.id)

    assert await leads_of_deals(database, org) == {
        "901": f"hubspot:{survivor}",
        "902": f"hubspot:{survivor}",
        "903": "hubspot:700",
    }
    assert hubspot.times_read == {"901": 2, "902": 2, "903": 1}
    await catch_up(database, org.id)
    won = await rows(
        database,
        org,
        "SELECT sum(value) AS won FROM cell_value WHERE measure = 'leads_won' AND slice = 'total'",
    )
    assert won[0]["won"] == 2, "the survivor and the third contact"


async def test_a_deal_that_changed_after_the_merge_stays_as_it_changed(
    database: Database,
    org: Org,
    connection_id: UUID,
    hubspot: FakeHubSpot,
    process: Task,
) -> None:
    hubspot.put_deal(901)
    hubspot.contacts["901"] = [602]
    await keep(database, org, connection_id, [delivery(event(901), contact(602))])
    await process(org.id)
    hubspot.contacts["901"] = [601]
    await keep(database, org, connection_id, [delivery(merge(601, 602))])
    await process(org.id)

    hubspot.put_deal(901, amount="7.00", hs_lastmodifieddate="2025-03-20T10:00:00.000Z")
    await keep(database, org, connection_id, [delivery(event(901, eventId=9))])
    await process(org.id)

    (row,) = await rows(
        database,
        org,
        "SELECT payload::jsonb ->> 'amount' AS amount, payload::jsonb ->> 'lead' AS lead"
        " FROM ledger_entry WHERE kind = 'deal.changed' ORDER BY position DESC LIMIT 1",
    )
    assert (row["amount"], row["lead"]) == ("7.00", "hubspot:601")


async def test_a_deal_that_is_given_to_another_contact_follows(
    database: Database,
    org: Org,
    connection_id: UUID,
    hubspot: FakeHubSpot,
    process: Task,
) -> None:
    """At the same time of modification the larger hash wins: it must not decide."""
    deals = [str(number) for number in range(901, 913)]
    for deal in deals:
        hubspot.put_deal(int(deal))
        hubspot.contacts[deal] = [602]
    told = [event(int(deal)) for deal in deals]
    await keep(database, org, connection_id, [delivery(*told, contact(601), contact(602))])
    await process(org.id)

    # HubSpot counts none of it as a change of the deals.
    hubspot.contacts = {deal: [601] for deal in deals}
    given = [
        {
            **{name: value for name, value in event(1).items() if name != "objectId"},
            "eventId": int(deal),
            "subscriptionType": "deal.associationChange",
            "occurredAt": MERGED_AT,
            "associationType": "DEAL_TO_CONTACT",
            "fromObjectId": int(deal),
            "toObjectId": 601,
            "associationRemoved": False,
        }
        for deal in deals
    ]
    await keep(database, org, connection_id, [delivery(*given)])
    await process(org.id)

    assert await leads_of_deals(database, org) == dict.fromkeys(deals, "hubspot:601")


@pytest.mark.parametrize("folded", ["as told", "at once", "later"])
async def test_a_restored_contact_is_a_lead_again_and_has_its_deals(
    database: Database,
    org: Org,
    connection_id: UUID,
    hubspot: FakeHubSpot,
    process: Task,
    folded: str,
) -> None:
    """HubSpot says which deals it has: those that named it for a moment, and those nobody saw."""
    hubspot.put_deal(901)
    hubspot.put_deal(902)
    hubspot.contacts["901"] = [602]
    await keep(database, org, connection_id, [delivery(event(901), contact(602))])
    await process(org.id)
    if folded == "as told":
        await catch_up(database, org.id)
    hubspot.contacts["901"] = []
    deletion = event(602, subscriptionType="contact.deletion", occurredAt=MERGED_AT)
    await keep(database, org, connection_id, [delivery(deletion)])
    await process(org.id)
    if folded != "later":
        await catch_up(database, org.id)
    assert await leads_of_deals(database, org) == {"901": None}

    # It is as old as before it was deleted.
    hubspot.contacts |= {"901": [602], "902": [602]}
    restored = event(602, subscriptionType="contact.restore", occurredAt=MERGED_AT + 3_600_000)
    await keep(database, org, connection_id, [delivery(restored)])
    await process(org.id)

    assert await leads_of_deals(database, org) == dict.fromkeys(("901", "902"), "hubspot:602")
    await catch_up(database, org.id)
    counted = await rows(
        database,
        org,
        "SELECT measure, sum(value) AS value FROM cell_value"
        " WHERE measure IN ('leads', 'leads_won') AND slice = 'total' GROUP BY measure",
    )
    assert {row["measure"]: row["value"] for row in counted} == {"leads": 1, "leads_won": 1}


async def test_a_restored_deal_stands_again(
    database: Database,
    org: Org,
    connection_id: UUID,
    hubspot: FakeHubSpot,
    process: Task,
) -> None:
    hubspot.put_deal(901)
    await keep(database, org, connection_id, [delivery(event(901))])
    await process(org.id)
    deletion = event(901, subscriptionType="deal.deletion", occurredAt=MERGED_AT)
    await keep(database, org, connection_id, [delivery(deletion)])
    await process(org.id)
    assert await leads_of_deals(database, org) == {}

    restored = event(901, subscriptionType="deal.restore", occurredAt=MERGED_AT + 1)
    await keep(database, org, connection_id, [delivery(restored)])
    await process(org.id)

    assert await leads_of_deals(database, org) == {"901": None}


async def test_a_restored_contact_need_not_have_had_a_deal(
    database: Database,
    org: Org,
    connection_id: UUID,
    hubspot: FakeHubSpot,
    process: Task,
) -> None:
    restored = event(602, subscriptionType="contact.restore", occurredAt=MERGED_AT)
    await keep(database, org, connection_id, [delivery(restored)])
    await process(org.id)

    assert await leads_of_deals(database, org) == {}
    assert [row["state"] for row in await rows(database, org, "SELECT state FROM inbox")] == [
        "done"
    ]
