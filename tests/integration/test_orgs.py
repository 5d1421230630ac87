"""What an organization can be created with."""

import pytest

from shared.db import Database
from shared.orgs import InvalidOrg, create_org


@pytest.mark.parametrize("currency", ["ZZZ", "XXX", "eur", "EURO"])
async def test_an_organization_has_a_currency_that_deals_are_closed_in(
    database: Database, currency: str
) -> None:
    async with database.transaction() as connection:
        with pytest.raises(InvalidOrg, match=f"{currency} is no currency"):
            await create_org(connection, name="Paid", time_zone="UTC", currency=currency)


@pytest.mark.parametrize("currency", ["EUR", "BGN"])
async def test_a_currency_that_was_withdrawn_is_one(database: Database, currency: str) -> None:
    async with database.transaction() as connection:
        org = await create_org(connection, name="Paid", time_zone="UTC", currency=currency)

    assert org.currency == currency
