"""The explanation of a return says what the statement says, also where there is nothing to say."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from shared.db import Database
from shared.kpis.vocabulary import AttributionModel
from shared.orgs import create_org
from tests.api.asking import pages, post
from tests.api.conftest import Deliver, Fold, MakeClient
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


async def test_an_amount_that_is_no_share_to_twelve_digits_is_explained_all_the_same(
    database: Database, client_of: MakeClient, fold: Fold
) -> None:
    # 300 days are 43 half-lives: no share of a deal to twelve digits, and of 50 billion a cent.
    async with database.transaction() as connection:
        org = await create_org(
            connection,
            name="Long cycles",
            time_zone="Europe/Warsaw",
            currency="IDR",
            window_days=365,
            half_life_days=7,
        )
    client, close = await client_of(org), date(2025, 3, 20)
    for days in (300, 0):
        day = local(close - timedelta(days=days), 9)
        touched = {"person": "p1", "channel": "employee_advocacy"}
        await post(client, [fact("touch.recorded", f"t{days}", day, **touched)])
    await post(client, [fact("lead.created", "l1", local(close, 10), lead="l1", person="p1")])
    won = {"lead": "l1", "state": "won", "amount": "50000000000.00", "currency": "IDR"}
    at = {"opened_at": local(close, 11).isoformat(), "closed_at": local(close).isoformat()}
    await post(client, [fact("deal.changed", "d1", local(close), deal="d1", **won, **at)])
    await fold(org)

    asked = {"basis": "period", "model": "time_decay"}
    first, credits, _ = await explained(client, **asked)

    assert first["credited_revenue"] == "50000000000.00"
    assert sorted(line["amount"] for line in credits) == ["0.01", "49999999999.99"]
    # Nothing was paid: a page that ends with the last credit is the last.
    filled = await get(client, "roi/explain", limit=2, **asked)
    assert (filled["credits"], filled["next_cursor"]) == (credits, None)
    assert total(credits, "share") == 1
    credited = await get(client, "kpis/attributed_revenue_time_decay/explain")
    assert sorted(line["quantity"] for line in credited["facts"]["lines"]) == [
        "0.01",
        "49999999999.99",
    ]


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
