"""The explanation of a return says what the statement says, also where there is nothing to say."""

from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from shared.kpis.vocabulary import AttributionModel
from tests.api.asking import pages
from tests.api.conftest import Deliver
from tests.api.golden import Q1, fact, local
from tests.api.test_golden import get, golden

__all__ = ["golden"]

Lines = list[dict[str, Any]]


async def explained(client: httpx.AsyncClient, **asked: Any) -> tuple[dict[str, Any], Lines, Lines]:
    """Return the first page of an explanation, and the credits and the costs of all pages."""
    told = await pages(client, "roi/explain", **{**Q1, **asked})
    credits, costs = ([line for page in told for line in page[of]] for of in ("credits", "costs"))
    return told[0], credits, costs


def total(lines: Lines, name: str) -> Decimal:
    return sum((Decimal(line[name]) for line in lines), Decimal(0))


@pytest.mark.parametrize("basis", ["cohort", "period"])
@pytest.mark.parametrize("channel", ["employee_advocacy", "paid"])
async def test_credits_and_costs_add_up_to_the_statement_under_every_model(
    golden: httpx.AsyncClient, basis: str, channel: str
) -> None:
    days = {"to": "2025-04-16"}  # deals close in April
    for model in AttributionModel:
        asked: dict[str, Any] = {**days, "basis": basis, "channel": channel, "model": model.value}
        statement = await get(golden, "roi", **asked)
        first, credits, costs = await explained(golden, limit=200, **asked)

        assert Decimal(first["credited_revenue"]) == Decimal(statement["credited_revenue"])
        assert total(credits, "amount") == Decimal(statement["credited_revenue"]), asked
        assert Decimal(first["cost"]) == Decimal(statement["cost"]["total"])
        assert total(costs, "quantity") == Decimal(statement["cost"]["total"])
        assert {line["channel"] for line in credits} <= {channel}
        assert total(credits, "share") == Decimal(first["credited_conversions"])
        shares: dict[str, Decimal] = {}
        for line in credits:
            deal = line["conversion"]
            shares[deal] = shares.get(deal, Decimal(0)) + Decimal(line["share"])
        assert all(0 < share <= 1 for share in shares.values()), asked
        if model is AttributionModel.LINEAR:
            assert credits
            _, one_by_one, costs_by_two = await explained(golden, limit=2, **asked)
            assert (one_by_one, costs_by_two) == (credits, costs)


async def test_revenue_nobody_ever_reported_is_null_in_the_explanation_too(
    client: httpx.AsyncClient, deliver: Deliver
) -> None:
    booked = {"category": "content", "amount": "10.00", "currency": "USD"}
    days = {"starts_on": "2025-01-01", "ends_on": "2025-01-02"}
    await deliver([fact("cost.booked", "1", local(date(2025, 1, 1)), **booked, **days)])

    statement = await get(client, "roi")
    explained = await get(client, "roi/explain")

    assert (statement["credited_revenue"], statement["cost"]["total"]) == (None, "10.00")
    assert (explained["credited_revenue"], explained["cost"]) == (None, "10.00")
