"""The explanation of a return says what the statement says, also where there is nothing to say."""

from datetime import date

import httpx

from shared.orgs import Org
from tests.api.conftest import Fold
from tests.api.golden import fact, local
from tests.api.test_golden import get, post


async def test_revenue_nobody_ever_reported_is_null_in_the_explanation_too(
    client: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    booked = {"category": "content", "amount": "10.00", "currency": "USD"}
    days = {"starts_on": "2025-01-01", "ends_on": "2025-01-02"}
    await post(client, [fact("cost.booked", "1", local(date(2025, 1, 1)), **booked, **days)])
    await fold(org)

    statement = await get(client, "roi")
    explained = await get(client, "roi/explain")

    assert (statement["credited_revenue"], statement["cost"]["total"]) == (None, "10.00")
    assert (explained["credited_revenue"], explained["cost"]) == (None, "10.00")
