"""A wrong exchange rate: stated anew, and then what was converted at it is restated."""

from datetime import date
from typing import Any

import httpx
import pytest

from services.metrics.verify import verify
from shared.db import Database
from shared.orgs import Org
from tests.api.asking import assume, post, refusal
from tests.api.conftest import At, Deliver, Fold
from tests.api.golden import local
from tests.api.test_golden import get
from tests.api.test_other_currencies import cost, entries, spent


async def convert(client: httpx.AsyncClient, currency: str, **query: Any) -> dict[str, Any]:
    path = f"/v1/assumptions/exchange_rate.{currency}/conversions"
    response = await client.post(path, params=query)
    assert response.status_code == 200, response.text
    done: dict[str, Any] = response.json()
    return done


async def test_a_wrong_rate_is_put_right_and_the_figures_are_restated(
    client: httpx.AsyncClient,
    org: Org,
    database: Database,
    fold: Fold,
    deliver: Deliver,
    at: At,
) -> None:
    at(local(date(2025, 3, 3), 9))
    await assume(client, "exchange_rate.EUR", "1.10")
    await assume(client, "exchange_rate.EUR", "1.20", "2025-02-10")
    invoices = [cost("C-1", "100", "EUR"), cost("C-2", "100", "EUR", "2025-02-10")]
    other = cost("C-3", "7", "USD")
    await deliver([*invoices, other])
    at(local(date(2025, 3, 10), 9))
    stated = await assume(client, "exchange_rate.EUR", "1.00")
    done = await convert(client, "EUR")
    await fold(org)

    # The second invoice's rate was right, and what was told in dollars has none.
    assert (done["examined"], done["converted"], done["next_cursor"]) == (2, 1, None)
    assert await spent(client) == "227.00"
    assert stated["stated"]["version"] == 2
    told = [entry["body"] for entry in await entries(client) if entry["external_id"] == "C-1"]
    assert [body["amount"] for body in told] == ["110.00", "110.00", "100.00"]
    assert told[-1]["told"] == {
        "amount": "100",
        "currency": "EUR",
        "rate": "1",
        "rate_from": "2025-01-01",
    }
    lines = (await get(client, "kpis/program_cost/explain"))["facts"]["lines"]
    notes = {line["external_id"]: line["note"] for line in lines}
    assert notes["C-1"] == "100 EUR at 1, the rate from 2025-01-01"
    before = await get(client, "kpis/values", ids="program_cost", as_of="2025-03-09")
    assert before["kpis"][0]["values"][0]["value"] == "237.00"
    asked = {"kpi": "program_cost", "from": "2025-02-01", "to": "2025-03-01"}
    (move,) = (await get(client, "restatements", **asked))["restatements"][1:]
    assert (move["day"], move["moved"]) == ("2025-03-10", "-10.00")
    because = await get(client, "restatements/facts", **asked, day="2025-03-10")
    assert [(one["external_id"], one["weight"], one["note"]) for one in because["facts"]] == [
        ("C-1", -1, "100 EUR at 1.1, the rate from 2025-01-01"),
        ("C-1", 1, "100 EUR at 1, the rate from 2025-01-01"),
    ]
    assert [(rate["key"], rate["version"], rate["value"]) for rate in because["rates"]] == [
        ("exchange_rate.EUR", 3, "1.00000000")
    ]
    # On the first day the facts themselves were new: no rate is to blame.
    assert (await get(client, "restatements/facts", **asked, day="2025-03-03"))["rates"] == []
    assert (await verify(database, org.id)).mismatches == 0


async def test_what_is_converted_anew_is_told_and_corrected_as_before(
    client: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    await assume(client, "exchange_rate.EUR", "1.10")
    invoice = {**cost("C-1", "100", "EUR"), "revision": 3}
    await post(client, [invoice])
    await assume(client, "exchange_rate.EUR", "1.50")
    first, again = await convert(client, "EUR"), await convert(client, "EUR")
    same = (await client.post("/v1/facts", json=[invoice])).json()
    older = (await client.post("/v1/facts", json=[{**invoice, "revision": 2}])).json()
    newer = {**cost("C-1", "200", "EUR"), "revision": 4}
    corrected = (await client.post("/v1/facts", json=[newer])).json()
    await fold(org)

    assert (first["converted"], again["converted"]) == (1, 0)
    assert (same["unchanged"], older["stale"], corrected["corrected"]) == (1, 1, 1)
    assert await spent(client) == "300.00"


async def test_facts_are_converted_anew_page_by_page_and_only_those_that_stand(
    client: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    await assume(client, "exchange_rate.EUR", "1.10")
    await assume(client, "exchange_rate.PLN", "0.25")
    names = [f"C-{number}" for number in range(5)]
    await post(client, [cost(name, "100", "EUR") for name in names])
    await post(client, [cost("C-1", "100", "USD"), cost("C-2", "100", "PLN")])
    gone = {"identities": [{"kind": "cost.booked", "source": "golden", "external_id": "C-3"}]}
    assert (await client.post("/v1/facts/retract", json=gone)).status_code == 200
    await assume(client, "exchange_rate.EUR", "2")

    pages = [await convert(client, "EUR", limit=2)]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(await convert(client, "EUR", limit=2, cursor=cursor))
    await fold(org)

    assert [page["examined"] for page in pages] == [2, 2, 1]
    assert sum(page["converted"] for page in pages) == 2
    assert await spent(client) == "525.00"


async def test_an_amount_that_would_become_too_large_keeps_its_rate(
    client: httpx.AsyncClient,
) -> None:
    await assume(client, "exchange_rate.KWD", "1")
    await post(client, [cost("C-1", "25000000000000", "KWD")])
    await assume(client, "exchange_rate.KWD", "4")

    refused = await client.post("/v1/assumptions/exchange_rate.KWD/conversions")

    assert refusal(refused) == (422, "amount_too_large")
    assert len(await entries(client)) == 1


@pytest.mark.parametrize("key", ["exchange_rate.USD", "exchange_rate.XXX", "gross_margin"])
async def test_only_other_currencies_are_converted(client: httpx.AsyncClient, key: str) -> None:
    response = await client.post(f"/v1/assumptions/{key}/conversions")

    assert response.status_code == 404
