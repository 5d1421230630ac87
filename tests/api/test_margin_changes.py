"""A gross margin that changes: what statement and KPI each price with, and that they say so."""

from decimal import Decimal

import httpx
import pytest

from shared.orgs import Org
from tests.api.asking import assume
from tests.api.conftest import MakeClient
from tests.api.test_golden import get, golden

__all__ = ["golden"]

APRIL = {"from": "2025-04-01", "to": "2025-05-01"}


async def codes(client: httpx.AsyncClient, path: str, **query: str) -> list[str]:
    answer = await get(client, path, **query)
    return [notice["code"] for notice in answer["notices"]]


async def test_the_statement_takes_the_last_day_s_margin_and_the_kpi_each_day_s(
    golden: httpx.AsyncClient,
) -> None:
    await assume(golden, "gross_margin", "0.5", "2025-04-10")

    statement = await get(golden, "roi", basis="period", **APRIL)
    kpi = await get(golden, "kpis/gross_margin_attributed/explain", **APRIL)

    (line,) = [line for line in statement["value_lines"] if line["kind"] == "margin"]
    # The linear model credits 28,500, of which 9,500 before the tenth of April.
    assert (line["amount"], line["arithmetic"]) == ("14250.00", "28500 * 0.5 = 14250")
    assert kpi["value"]["value"] == "17100.00"
    assert [(Decimal(rate["value"]), rate["effective_from"]) for rate in kpi["assumptions"]] == [
        (Decimal("0.8"), "2025-01-01"),
        (Decimal("0.5"), "2025-04-10"),
    ]
    assert [notice["code"] for notice in statement["notices"]] == ["margin_changed"]
    assert await codes(golden, "roi/models", basis="period", **APRIL) == ["margin_changed"]


async def test_a_cohort_s_deals_may_close_after_the_margin_changed(
    golden: httpx.AsyncClient,
) -> None:
    await assume(golden, "gross_margin", "0.5", "2025-04-10")

    assert "margin_changed" in await codes(golden, "roi", basis="cohort")
    assert "margin_changed" not in await codes(golden, "roi", basis="period")


async def test_the_curve_of_a_cohort_says_at_which_margin_and_that_it_changed(
    golden: httpx.AsyncClient, client_of: MakeClient, other_org: Org
) -> None:
    before = await get(golden, "roi/cohort")
    await assume(golden, "gross_margin", "0.5", "2025-04-10")
    after = await get(golden, "roi/cohort")
    stranger = await get(await client_of(other_org), "roi/cohort")

    (rate,) = after["assumptions"]
    assert (rate["key"], Decimal(rate["value"]), rate["version"]) == (
        "gross_margin",
        Decimal("0.8"),
        1,
    )
    assert (before["assumptions"], before["realized"]) == ([rate], after["realized"])
    assert [notice["code"] for notice in before["notices"]] == []
    assert [notice["code"] for notice in after["notices"]] == ["margin_changed"]
    assert (stranger["assumptions"], stranger["realized"], stranger["notices"]) == ([], None, [])


async def test_a_margin_stated_again_as_it_was_is_no_change(golden: httpx.AsyncClient) -> None:
    await assume(golden, "gross_margin", "0.80", "2025-04-10")

    assert await codes(golden, "roi", basis="period", **APRIL) == []
    statement = await get(golden, "roi", basis="period", **APRIL)
    kpi = await get(golden, "kpis/gross_margin_attributed/explain", **APRIL)
    assert statement["value_lines"][0]["amount"] == kpi["value"]["value"] == "22800.00"


@pytest.mark.parametrize(
    ("first", "until", "changes"),
    [("01", "11", True), ("01", "10", False), ("09", "11", True), ("10", "12", False)],
)
async def test_a_margin_changes_after_the_first_day_up_to_the_last(
    golden: httpx.AsyncClient, first: str, until: str, changes: bool
) -> None:
    await assume(golden, "gross_margin", "0.5", "2025-04-10")

    days = {"from": f"2025-04-{first}", "to": f"2025-04-{until}"}
    said = await codes(golden, "roi", basis="period", **days)
    assert ("margin_changed" in said) is changes
