"""Amounts in other currencies: worth what the rate of their day makes of them, once and for all."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from services.metrics.verify import verify
from shared.db import Database
from shared.facts import Retraction, parse_fact
from shared.ledger import append
from shared.orgs import Org
from tests.api.asking import assume, post
from tests.api.conftest import Deliver, Fold
from tests.api.golden import activity, fact, local, program, sales
from tests.api.test_golden import RATES, get
from tests.integration.falsifying import by_hand

EUROS = (("2024-12-01", "1.6"), ("2025-04-05", "1.25"), ("2025-04-11", "2"))
"""What one euro is worth in dollars, from a day on."""


def cost(name: str, amount: str, currency: str, day: str = "2025-02-01") -> dict[str, Any]:
    return fact(
        "cost.booked",
        name,
        local(date(2025, 2, 1)),
        amount=amount,
        currency=currency,
        category="content",
        starts_on=day,
        ends_on="2025-03-01",
    )


async def spent(client: httpx.AsyncClient) -> str:
    kpis = (await get(client, "kpis/values", ids="program_cost"))["kpis"]
    value: str = kpis[0]["values"][0]["value"]
    return value


async def entries(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    response = await client.get("/v1/facts", params={"limit": 200})
    assert response.status_code == 200, response.text
    told: list[dict[str, Any]] = response.json()["entries"]
    return told


def in_euros(told: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the facts with the amounts that the invoices in euros would have had."""
    for one in told:
        if "currency" not in one:
            yield one
            continue
        day = one.get("starts_on") or one["closed_at"][:10]
        rate = Decimal([value for since, value in EUROS if since <= day][-1])
        amount = Decimal(one["amount"]) / rate
        yield {**one, "amount": f"{amount.quantize(Decimal('0.01'))}", "currency": "EUR"}


async def test_the_golden_quarter_told_in_euros_earns_the_same_dollars(
    client: httpx.AsyncClient, org: Org, database: Database, fold: Fold
) -> None:
    for since, value in EUROS:
        await assume(client, "exchange_rate.EUR", value, since)
    for key, value in RATES.items():
        await assume(client, key, value)
    for told in (in_euros(sales()), in_euros(program()), activity()):
        await post(client, told)
    await fold(org)

    models = await get(client, "roi/models")
    statement = await get(client, "roi", model="linear")

    credited = {one["model"]: one["credited_revenue"] for one in models["models"]}
    assert (credited["first"], credited["linear"]) == ("33000.00", "28500.00")
    assert (statement["currency"], statement["cost"]["total"]) == ("USD", "22500.00")
    assert statement["roi_on_margin"]["percent"] == "1.33"
    assert statement["payback"]["day"] == "2025-04-20"
    assert (await verify(database, org.id)).mismatches == 0


async def test_the_ledger_keeps_what_was_told_and_explanations_say_it(
    client: httpx.AsyncClient, deliver: Deliver
) -> None:
    await assume(client, "exchange_rate.EUR", "1.08345")
    invoice = {**cost("C-1", "1000.10", "EUR"), "quantity": "10", "unit_rate": "100.01"}
    await deliver([invoice, cost("C-2", "5.00", "USD")])

    (entry,) = [one for one in await entries(client) if one["external_id"] == "C-1"]
    assert (entry["body"]["amount"], entry["body"]["currency"]) == ("1083.56", "USD")
    assert entry["body"]["unit_rate"] == "108.3558345"
    assert entry["body"]["told"] == {
        "amount": "1000.10",
        "currency": "EUR",
        "rate": "1.08345",
        "rate_from": "2025-01-01",
        "unit_rate": "100.01",
    }
    lines = (await get(client, "kpis/program_cost/explain", limit=200))["facts"]["lines"]
    assert sum(Decimal(line["quantity"]) for line in lines) == Decimal("1088.56")
    assert {(line["external_id"], line["note"]) for line in lines} == {
        ("C-1", "1000.10 EUR at 1.08345, the rate from 2025-01-01"),
        ("C-2", None),
    }


_PERIOD = {"starts_on": "2025-02-01", "ends_on": "2025-03-01"}


@pytest.mark.parametrize(
    ("kpi", "measure", "kind", "body"),
    [
        (
            "quota_attainment",
            "quota",
            "quota.set",
            {"employee": "E1", "amount": "70.50", **_PERIOD},
        ),
        (
            "market_share",
            "figure.market_sales",
            "figure.recorded",
            {"figure": "market_sales", "day": "2025-02-01", "value": "70.50"},
        ),
        (
            "revenue_won",
            "revenue_won",
            "deal.changed",
            {
                "deal": "D-1",
                "state": "won",
                "amount": "70.50",
                "opened_at": "2025-01-10T10:00:00Z",
                "closed_at": "2025-02-01T10:00:00Z",
            },
        ),
    ],
)
async def test_whatever_has_an_amount_is_explained_with_what_was_told(
    client: httpx.AsyncClient,
    deliver: Deliver,
    kpi: str,
    measure: str,
    kind: str,
    body: dict[str, str],
) -> None:
    await assume(client, "exchange_rate.EUR", "2")
    await deliver([fact(kind, "1", local(date(2025, 2, 1)), currency="EUR", **body)])

    facts = (await get(client, f"kpis/{kpi}/explain", measure=measure))["facts"]
    assert Decimal(facts["total"]) == 141
    (line,) = facts["lines"]
    assert line["note"].endswith("70.50 EUR at 2, the rate from 2025-01-01")


async def test_the_rate_is_that_of_the_day_and_a_later_one_changes_no_entry(
    client: httpx.AsyncClient, org: Org, fold: Fold, deliver: Deliver
) -> None:
    await assume(client, "exchange_rate.EUR", "1.10")
    await assume(client, "exchange_rate.EUR", "1.20", "2025-02-10")
    invoices = [cost("C-1", "100", "EUR"), cost("C-2", "100", "EUR", "2025-02-10")]
    await deliver(invoices)
    assert await spent(client) == "230.00"

    await assume(client, "exchange_rate.EUR", "9.99")
    again = (await client.post("/v1/facts", json=invoices)).json()
    await fold(org)
    assert (again["unchanged"], await spent(client)) == (2, "230.00")

    corrected = (await client.post("/v1/facts", json=[cost("C-1", "200", "EUR")])).json()
    await fold(org)
    assert (corrected["corrected"], await spent(client)) == (1, "2118.00")


@pytest.mark.parametrize(
    ("status", "kpi", "value"),
    # Of an open deal the day of its close is a hope: it counts on the day that it is told of.
    [("won", "revenue_won", "250.00"), ("open", "pipeline_value", "500.00")],
)
async def test_a_deal_counts_at_the_rate_of_its_close_whenever_it_is_told(
    client: httpx.AsyncClient, deliver: Deliver, status: str, kpi: str, value: str
) -> None:
    await assume(client, "exchange_rate.PLN", "0.25")
    await assume(client, "exchange_rate.PLN", "0.50", "2025-03-01")
    deal = fact(
        "deal.changed",
        "D-1",
        local(date(2025, 3, 20)),
        deal="D-1",
        state=status,
        amount="1000.00",
        currency="PLN",
        opened_at="2025-01-10T10:00:00Z",
        # The last of February in Warsaw.
        closed_at="2025-02-28T22:30:00Z",
    )
    await deliver([deal])

    kpis = (await get(client, "kpis/values", ids=kpi))["kpis"]
    assert kpis[0]["values"][0]["value"] == value


@pytest.mark.parametrize("last", [{"currency": "USD", "amount": "70.00"}, {}], ids=["own", "none"])
async def test_of_versions_told_at_once_the_last_decides_what_is_converted(
    client: httpx.AsyncClient, last: dict[str, str]
) -> None:
    deal = fact(
        "deal.changed",
        "D-1",
        local(date(2025, 3, 20)),
        deal="D-1",
        state="open",
        opened_at="2025-01-10T10:00:00Z",
    )
    versions = [
        {**deal, "amount": "10.00", "currency": "EUR", "revision": 1},
        {**deal, **last, "revision": 2},
    ]

    await post(client, versions)

    (entry,) = await entries(client)
    assert entry["body"].get("amount") == last.get("amount")
    assert "told" not in entry["body"]


@pytest.mark.parametrize(
    ("since", "currency"), [("2025-02-02", "EUR"), ("2025-01-01", "GBP")], ids=["later", "another"]
)
async def test_without_a_rate_of_the_day_it_is_refused_and_nothing_is_written(
    client: httpx.AsyncClient, since: str, currency: str
) -> None:
    await assume(client, f"exchange_rate.{currency}", "1.1", since)

    refused = await client.post(
        "/v1/facts", json=[cost("C-1", "10.00", "USD"), cost("C-2", "10.00", "EUR")]
    )

    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["field"], error["rule"]) == ("facts.1.currency", "currency_mismatch")
    assert "exchange_rate.EUR is stated for 2025-02-01" in error["message"]
    assert await entries(client) == []


@pytest.mark.parametrize("amount", ["50000000000000", "25000000000000"], ids=["over", "at"])
async def test_an_amount_that_becomes_too_large_is_refused(
    client: httpx.AsyncClient, amount: str
) -> None:
    await assume(client, "exchange_rate.KWD", "4")

    refused = await client.post("/v1/facts", json=[cost("C-1", amount, "KWD")])

    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["field"]) == (422, "facts.0.amount")
    assert error["rule"] == "amount_too_large"


async def test_the_largest_amount_is_taken(client: httpx.AsyncClient) -> None:
    await assume(client, "exchange_rate.KWD", "4")

    await post(client, [cost("C-1", "24999999999999.997", "KWD")])

    (entry,) = await entries(client)
    assert entry["body"]["amount"] == "99999999999999.99"


async def test_what_is_told_and_taken_back_at_once_needs_no_rate(
    database: Database, org: Org
) -> None:
    told = parse_fact(cost("C-1", "10.00", "EUR"))
    async with database.transaction(org.id) as connection:
        await append(connection, org, [told, Retraction(told.identity)])
        count = await connection.fetchval("SELECT count(*) FROM ledger_entry")

    assert count == 0


async def test_of_statements_for_one_day_the_last_counts_however_they_are_found(
    client: httpx.AsyncClient, database: Database, org: Org
) -> None:
    for value in ("1.5", "2", "1.25"):
        await assume(client, "exchange_rate.EUR", value)

    async with database.transaction(org.id) as connection:
        # An index would give them in the order wanted, asked for it or not.
        for way in ("indexscan", "bitmapscan"):
            await connection.execute(f"SET LOCAL enable_{way} = off")
        await append(connection, org, [parse_fact(cost("C-1", "10.00", "EUR"))])
        amount = await connection.fetchval("SELECT payload::jsonb ->> 'amount' FROM ledger_entry")

    assert amount == "12.50"


async def test_what_holds_for_one_network_alone_is_no_rate(
    client: httpx.AsyncClient, database_url: str, org: Org
) -> None:
    await assume(client, "exchange_rate.EUR", "1.25")
    await by_hand(
        database_url,
        "INSERT INTO assumption (org_id, key, network, effective_from, version, value, source,"
        " grade, recorded_at) SELECT org_id, key, 'linkedin', '2025-01-15', 1, 9, source, grade,"
        " recorded_at FROM assumption WHERE org_id = $1 AND key = 'exchange_rate.EUR'",
        org.id,
    )

    await post(client, [cost("C-1", "10.00", "EUR")])

    (entry,) = await entries(client)
    assert entry["body"]["amount"] == "12.50"


async def test_rates_are_listed_with_the_assumptions(client: httpx.AsyncClient) -> None:
    stated = await assume(client, "exchange_rate.EUR", "1.08345")

    listed = (await client.get("/v1/assumptions")).json()["assumptions"]
    history = (await client.get("/v1/assumptions/exchange_rate.EUR/statements")).json()

    assert listed[-1] == stated
    assert (stated["in_force"], stated["default"], stated["is_fixed"]) == ("1.08345", None, False)
    assert [one["value"] for one in history["statements"]] == ["1.08345000"]


@pytest.mark.parametrize("currency", ["USD", "XXX", "ZZZ", "eur", "EURO", ""])
async def test_only_other_currencies_have_a_rate(client: httpx.AsyncClient, currency: str) -> None:
    statement = {"effective_from": "2025-01-01", "value": "1", "source": "bank"}
    response = await client.put(f"/v1/assumptions/exchange_rate.{currency}", json=statement)

    assert response.status_code == 404


async def test_a_code_that_is_no_currency_gets_no_rate_and_no_fact(
    client: httpx.AsyncClient,
) -> None:
    statement = {"effective_from": "2025-01-01", "value": "1", "source": "bank"}
    rate = await client.put("/v1/assumptions/exchange_rate.UDS", json=statement)
    told = await client.post("/v1/facts", json=[cost("C-1", "10.00", "UDS")])

    assert "ISO 4217" in rate.json()["detail"]
    assert [(error["field"], error["rule"]) for error in told.json()["errors"]] == [
        ("facts.0.currency", "unknown_currency")
    ]
    assert await entries(client) == []


async def test_a_rate_that_was_taken_before_currencies_were_checked_is_still_listed(
    client: httpx.AsyncClient, org: Org, database_url: str
) -> None:
    await assume(client, "exchange_rate.EUR", "1.1")
    await by_hand(
        database_url,
        "INSERT INTO assumption SELECT (jsonb_populate_record(a,"
        ' \'{"key": "exchange_rate.ZZZ"}\')).* FROM assumption a WHERE a.org_id = $1',
        org.id,
    )

    listed = (await client.get("/v1/assumptions")).json()["assumptions"]
    history = (await client.get("/v1/assumptions/exchange_rate.ZZZ/statements")).json()
    done = await client.post("/v1/assumptions/exchange_rate.ZZZ/conversions")

    assert (listed[-1]["key"], listed[-1]["in_force"]) == ("exchange_rate.ZZZ", "1.1")
    assert len(history["statements"]) == 1
    assert (done.status_code, done.json()["examined"]) == (200, 0)


@pytest.mark.parametrize("value", ["0", "-1"])
async def test_a_rate_is_more_than_nothing(client: httpx.AsyncClient, value: str) -> None:
    statement = {"effective_from": "2025-01-01", "value": value, "source": "bank"}
    response = await client.put("/v1/assumptions/exchange_rate.EUR", json=statement)

    assert (response.status_code, response.json()["errors"][0]["rule"]) == (422, "out_of_bounds")
