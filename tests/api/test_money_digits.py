"""One rule for the digits of money: the currency's, in every answer, and parts still add up."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.db import Database
from shared.orgs import create_org
from tests.api.asking import assume, over, post
from tests.api.conftest import Deliver, Fold, MakeClient
from tests.api.golden import ACTIVE, CHANNELS, fact, local

MARCH = {"from": "2025-03-01", "to": "2025-04-01"}
get = over(MARCH)
#: More digits than money has: 100.01, 33.34 and 0.01 once rounded.
TOLD = ("100.0050", "33.3375", "0.0099")


def sold() -> Iterator[dict[str, Any]]:
    """Yield won deals, each after a touch through every channel."""
    for number, amount in enumerate(TOLD):
        close = date(2025, 3, 20 + number)
        for place, (channel, name) in enumerate(CHANNELS.items()):
            employee = {"employee": ACTIVE[number]} if channel == "EA" else {}
            at = local(close - timedelta(days=10 - place))
            touch = {"person": f"P{number}", "channel": name, **employee}
            yield fact("touch.recorded", f"{number}-{place}", at, **touch)
        lead = {"lead": f"L{number}", "person": f"P{number}"}
        yield fact("lead.created", f"L{number}", local(close - timedelta(days=5)), **lead)
        yield fact(
            "deal.changed",
            f"D{number}",
            local(close),
            deal=f"D{number}",
            lead=f"L{number}",
            state="won",
            amount=amount,
            currency="USD",
            opened_at=local(close - timedelta(days=4)).isoformat(),
            closed_at=local(close).isoformat(),
        )
    yield fact(
        "cost.booked",
        "cost",
        local(date(2025, 3, 1)),
        category="content",
        amount="9.9999",
        currency="USD",
        starts_on="2025-03-01",
        ends_on="2025-04-01",
    )


@pytest_asyncio.fixture
async def told(client: httpx.AsyncClient, deliver: Deliver) -> httpx.AsyncClient:
    await deliver(sold())
    return client


async def test_the_statement_the_comparison_and_the_kpis_say_the_same_money(
    told: httpx.AsyncClient,
) -> None:
    won = await get(told, "kpis/revenue_won/explain")
    statement = await get(told, "roi", basis="period")
    models = await get(told, "roi/models", basis="period", group_by="channel")

    assert won["value"]["value"] == statement["total_revenue"] == models["total_revenue"]
    assert won["value"]["value"] == "133.36"
    # The facts that a figure is explained with are told as they count.
    assert {line["quantity"] for line in won["facts"]["lines"]} == {"100.01", "33.34", "0.01"}
    for model in models["models"]:
        assert model["total"] == "133.36"
        parts = [channel["amount"] for channel in model["channels"]]
        assert sum(map(Decimal, parts)) == Decimal("133.36")
        assert {len(part.partition(".")[2]) for part in parts} == {2}
        assert sum(Decimal(group["amount"]) for group in model["groups"]) == Decimal("133.36")


@pytest.mark.parametrize(
    ("currency", "digits", "won", "spent", "even"),
    [("JPY", 0, "133", "10", "34"), ("KWD", 3, "133.353", "10.000", "33.334")],
)
async def test_every_statement_has_the_digits_of_the_currency(
    database: Database,
    client_of: MakeClient,
    fold: Fold,
    currency: str,
    digits: int,
    won: str,
    spent: str,
    even: str,
) -> None:
    async with database.transaction() as connection:
        org = await create_org(
            connection, name="Elsewhere", time_zone="Europe/Warsaw", currency=currency
        )
    client = await client_of(org)
    told = ({**one, **({"currency": currency} if "currency" in one else {})} for one in sold())
    await post(client, told)
    await fold(org)
    await assume(client, "gross_margin", "0.3")

    statement = await get(client, "roi", basis="period")
    models = await get(client, "roi/models", basis="period")
    costs = await get(client, "roi/costs", amortize_months=7)
    proof = await get(client, "roi/explain", basis="period")

    assert (statement["total_revenue"], models["total_revenue"]) == (won, won)
    assert (statement["cost"]["total"], costs["lines"][0]["in_period"]) == (spent, spent)
    assert [one["revenue"] for one in statement["break_even"]] == [spent, even, even]
    for model in models["models"]:
        parts = [channel["amount"] for channel in model["channels"]]
        assert sum(map(Decimal, parts)) == Decimal(won)
        assert {len(part.partition(".")[2]) for part in parts} == {digits}
    amounts = [line["amount"] for line in proof["credits"]]
    assert {len(amount.partition(".")[2]) for amount in amounts} == {digits}
    assert sum(map(Decimal, amounts)) == Decimal(statement["credited_revenue"])


async def test_credit_is_explained_to_the_cent(told: httpx.AsyncClient) -> None:
    statement = await get(told, "roi", model="linear", basis="period")
    proof = await get(told, "roi/explain", model="linear", basis="period")
    credited = await get(told, "kpis/attributed_revenue_linear/series", channel="employee_advocacy")

    amounts = [line["amount"] for line in proof["credits"]]
    assert {len(amount.partition(".")[2]) for amount in amounts} == {2}
    assert sum(map(Decimal, amounts)) == Decimal(statement["credited_revenue"])
    assert proof["credited_revenue"] == statement["credited_revenue"] == "44.47"
    assert credited["points"][0]["value"] == "44.47"


async def test_a_cost_is_shown_as_it_is_charged(told: httpx.AsyncClient) -> None:
    costs = await get(told, "roi/costs")

    (line,) = costs["lines"]
    assert (line["amount"], line["in_period"], costs["cost"]["total"]) == ("10.00",) * 3


async def test_a_return_on_media_is_of_the_price_itself_and_not_of_its_cents(
    told: httpx.AsyncClient, deliver: Deliver
) -> None:
    where = {"employee": ACTIVE[0], "network": "linkedin", "channel": CHANNELS["EA"]}
    clicks = (
        fact("link.clicked", f"{n}", local(date(2025, 3, 5)), link="x", **where) for n in "ab"
    )
    await deliver(clicks)
    await assume(told, "emv.cpc", "0.0022")
    await assume(told, "gross_margin", "0.5")

    statement = await get(told, "roi", include_blended="true")
    added = await get(told, "roi/value", lines="media_value")

    # 0.0044 of 10.00 spent: in cents it would be nothing, and all of the cost lost.
    media = statement["media"][0]
    assert (media["amount"], media["roi_media"]["value"]) == ("0.00", "0.00")
    assert media["roi_media"]["percent"] == added["roi"]["percent"] == "-99.96"
    assert added["roi"]["arithmetic"] == "(0.0044 - 10) / 10 ≈ -99.96 %"
    # Half of 44.47, of which 10.00 was spent, and the same clicks once more.
    assert statement["roi_cash"]["percent"] == "122.35"
    assert statement["roi_blended"]["percent"] == "122.39"


async def test_a_break_even_is_the_least_revenue_that_is_no_loss(
    told: httpx.AsyncClient,
) -> None:
    await assume(told, "gross_margin", "0.3")
    compared = await get(told, "roi/models")
    statement = await get(told, "roi")

    # 10.00 / 0.3 = 33.333…, and 33.33 would leave a tenth of a cent unpaid.
    points = [(one["form"], one["revenue"]) for one in statement["break_even"]]
    assert points == [("revenue", "10.00"), ("margin", "33.34"), ("cash", "33.34")]
    assert compared["break_even"] == statement["break_even"]


async def test_savings_that_pay_the_cost_break_even_without_any_margin(
    told: httpx.AsyncClient, deliver: Deliver
) -> None:
    hired = {"application": "A", "employee": ACTIVE[0]}
    await deliver([fact("hire.accepted", "A", local(date(2025, 3, 5)), **hired)])
    await assume(told, "gross_margin", "0")

    statement = await get(told, "roi", recruiting_method="R1")

    assert statement["roi_cash"]["percent"] == "74900.00"
    points = {one["form"]: one["revenue"] for one in statement["break_even"]}
    assert points == {"revenue": "10.00", "cash": "0.00"}


async def test_a_return_is_of_the_value_itself_and_not_of_its_cents(
    told: httpx.AsyncClient,
) -> None:
    await assume(told, "gross_margin", "0.5")
    cohort = await get(told, "roi/cohort")
    expected = cohort["expected"]

    # Half of 33.34, 11.12 and 0.01 is 22.235, of which 10.00 was spent.
    assert (cohort["realized"], expected["value"]) == ("22.24", "22.24")
    statement, compared = await get(told, "roi"), await get(told, "roi/models")
    assert statement["roi_on_margin"]["percent"] == "122.35"
    (row,) = (row for row in compared["models"] if row["model"] == statement["model"])
    forms = ("roi_on_revenue", "roi_on_margin", "roi_cash")
    assert [row[form] for form in forms] == [statement[form] for form in forms]
    assert cohort["curve"][-1]["roi_percent"] == "122.35"
    ends = (expected[f"roi_{end}percent"] for end in ("", "low_", "high_"))
    assert tuple(ends) == ("122.35",) * 3
