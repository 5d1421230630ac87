"""Customers: a deal that names none counts as one of its own, whatever it is called."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from shared.db import Database
from shared.facts import Fact
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.catalogue_facts import fact
from tests.integration.catalogue_lines import assert_explained
from tests.integration.telling import tell

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))
MEASURES = ("customers_advocacy", "customers_new_market")


def _won(deal: str, **said: Any) -> Iterator[Fact]:
    """Yield a won deal of a person of its own, and the touch by an advocate that led to it."""
    touch = {"channel": "employee_advocacy", "employee": "E1"}
    yield fact("touch.recorded", deal, "2025-02-02", person=deal, **touch)
    yield fact("lead.created", deal, "2025-02-03", lead=deal, person=deal)
    closed = {"opened_at": "2025-02-04T09:00:00Z", "closed_at": "2025-02-10T09:00:00Z"}
    worth = {"state": "won", "amount": "100", "currency": "USD", "is_new_market": True}
    yield fact("deal.changed", deal, "2025-02-10", deal=deal, lead=deal, **closed, **worth, **said)


async def test_a_deal_without_a_customer_is_not_the_customer_of_the_same_number(
    database: Database, org: Org
) -> None:
    # Systems count deals and customers each from 1 on.
    await tell(database, org, *_won("1", customer="2"), *_won("2"), *_won("3", customer="2"))

    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, MEASURES, MeasureQuery((FEBRUARY,)))
    assert table[0, ""] == dict.fromkeys(MEASURES, 2)  # customer 2, and whoever deal 2 is of
    for measure in MEASURES:
        await assert_explained(database, org, measure, {})
