"""The cost of a period: as booked or amortized, with or without working time, line by line."""

from datetime import date
from decimal import Decimal
from typing import Any

import httpx

from shared.orgs import Org
from tests.api.conftest import Deliver, MakeClient
from tests.api.golden import fact, local
from tests.api.test_golden import get, golden

__all__ = ["golden"]


def cost(name: str, category: str, amount: str, **said: Any) -> dict[str, Any]:
    """Return a cost of New Year's Day, unless more days are said."""
    booked = {"category": category, "amount": amount, "currency": "USD"}
    days = {"starts_on": "2025-01-01", "ends_on": "2025-01-02"}
    return fact("cost.booked", name, local(date(2025, 1, 1)), **{**booked, **days, **said})


async def test_one_off_costs_are_amortized_if_asked(
    golden: httpx.AsyncClient, deliver: Deliver
) -> None:
    invoiced = {"is_one_off": True, "owner": "marketing", "evidence": "invoice"}
    await deliver([cost("setup", "platform", "1200.01", **invoiced)])

    expensed = await get(golden, "roi/costs")
    spread = await get(golden, "roi/costs", amortize_months=12, limit=3)
    rest = await get(
        golden, "roi/costs", amortize_months=12, limit=200, cursor=spread["next_cursor"]
    )
    cash = await get(golden, "roi", cost_basis="cash", amortize_months=12)

    assert expensed["cost"]["total"] == "23700.01"
    (line,) = [line for line in expensed["lines"] if line["is_one_off"]]
    assert (line["in_period"], line["owner"], line["evidence"]) == (
        "1200.01",
        "marketing",
        "invoice",
    )
    lines = [*spread["lines"], *rest["lines"]]
    # 90 of 365 days: 1200.01 * 90 / 365 = 295.89 to the cent.
    assert spread["cost"]["total"] == "22795.89"
    assert spread["cost"]["amortize_months"] == 12
    assert sum(Decimal(line["in_period"]) for line in lines) == Decimal("22795.89")
    assert (len(lines), spread["lines_total"], rest["next_cursor"]) == (8, 8, None)
    (line,) = [line for line in lines if line["is_one_off"]]
    assert (line["charged_from"], line["charged_to"]) == ("2025-01-01", "2026-01-01")
    # Without 9360 of employees' and 4550 of the manager's time.
    assert cash["cost"]["total"] == "8885.89"
    assert cash["cost"]["basis"] == "cash"


async def test_a_page_that_ends_with_the_last_line_is_the_last(golden: httpx.AsyncClient) -> None:
    costs = await get(golden, "roi/costs", limit=200)
    filled = await get(golden, "roi/costs", limit=costs["lines_total"])

    assert (filled["lines"], filled["next_cursor"]) == (costs["lines"], None)


async def test_lines_of_other_quarters_and_other_bases_are_left_out(
    golden: httpx.AsyncClient, deliver: Deliver
) -> None:
    await deliver(
        [cost("spring", "platform", "10.00", starts_on="2025-04-01", ends_on="2025-05-01")]
    )

    costs = await get(golden, "roi/costs", cost_basis="cash", limit=200)

    lines = costs["lines"]
    assert "spring" not in {line["external_id"] for line in lines}
    assert "employee_time" not in {line["category"] for line in lines}
    assert sum(Decimal(line["in_period"]) for line in lines) == Decimal(costs["cost"]["total"]) > 0


async def test_what_the_brands_own_social_media_cost_is_no_cost_of_the_program(
    golden: httpx.AsyncClient, deliver: Deliver
) -> None:
    brand = {"is_one_off": True, "channel": "brand", "account": "golden-ratio"}
    await deliver([cost("community", "content", "1200.00", ends_on="2025-04-01", **brand)])

    for charging in ({}, {"amortize_months": 12}):
        costs = await get(golden, "roi/costs", **charging)
        roi = await get(golden, "roi", **charging)
        explained = await get(golden, "roi/explain", limit=200)

        assert (costs["cost"]["total"], costs["lines_total"]) == ("22500.00", 7)
        assert "community" not in {line["external_id"] for line in costs["lines"]}
        assert roi["roi_on_margin"]["percent"] == "1.33"
        assert Decimal(explained["cost"]) == 22500
    asked = {"ids": ["program_cost", "social_profit"], "to": "2025-07-01"}
    kpis = (await get(golden, "kpis/values", **asked))["kpis"]
    # 15,250 of revenue credited to the brand's touches, at a margin of 80 %, less 1,200.
    assert [kpi["values"][0]["value"] for kpi in kpis] == ["22500.00", "11000.00"]


async def test_the_id_of_a_cost_of_one_person_is_for_who_may_see_people(
    golden: httpx.AsyncClient, org: Org, deliver: Deliver, client_of: MakeClient
) -> None:
    """As where the same facts are listed behind the figure."""
    await deliver([cost("salary-of-E007", "employee_time", "100.00", employee="E007")])
    reader = await client_of(org, ["roi:read", "kpis:read"])

    for client, shown in ((golden, ["salary-of-E007"]), (reader, [None])):
        costs = await get(client, "roi/costs", limit=200)
        explained = await get(client, "roi/explain", limit=200)
        for lines, amount in ((costs["lines"], "in_period"), (explained["costs"], "quantity")):
            own_lines = [line for line in lines if Decimal(line[amount]) == 100]
            assert [line["external_id"] for line in own_lines] == shown
