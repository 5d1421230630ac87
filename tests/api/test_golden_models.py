"""The golden test, lines 7 and 9, through the public door: every model, every parameter."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.api.roi import comparison as comparing
from shared.db import Database
from shared.orgs import Org, create_org
from tests.api.asking import refusal
from tests.api.conftest import Deliver
from tests.api.golden import Q1, sales
from tests.api.test_golden import get, golden

__all__ = ["golden"]

CHANNELS = ("employee_advocacy", "brand", "paid")
# model: (EA, BR, AD), part of EA, return of EA on revenue, on margin, on margin + R2
TABLE = {
    "first": (("33000.00", "17000.00", "10000.00"), "55.00", ("46.67", "17.33", "43.11")),
    "last": (("37000.00", "15000.00", "8000.00"), "61.67", ("64.44", "31.56", "57.33")),
    "linear": (("28500.00", "15250.00", "16250.00"), "47.50", ("26.67", "1.33", "27.11")),
    "position": (("31100.00", "16000.00", "12900.00"), "51.83", ("38.22", "10.58", "36.36")),
    "time_decay": (("34447.97", "14950.75", "10601.28"), "57.41", ("53.10", "22.48", "48.26")),
    "markov": (("27030.60", "16762.37", "16207.03"), "45.05", ("20.14", "-3.89", "21.89")),
    "shapley": (("25000.00", "18000.00", "17000.00"), "41.67", ("11.11", "-11.11", "14.67")),
    # No touch is direct. A lead comes five days after the first touch, its deal two days later.
    "last_non_direct": (("37000.00", "15000.00", "8000.00"), "61.67", ("64.44", "31.56", "57.33")),
    "w_shaped": (("32500.00", "16650.00", "10850.00"), "54.17", ("44.44", "15.56", "41.33")),
}


@pytest_asyncio.fixture
async def org(database: Database) -> Org:
    """Return an organization that chose the half-life of the table."""
    async with database.transaction() as connection:
        return await create_org(
            connection,
            name="Golden Ratio",
            time_zone="Europe/Warsaw",
            currency="USD",
            half_life_days=7,
        )


def row_of(comparison: dict[str, Any], model: str) -> dict[str, Any]:
    (row,) = (row for row in comparison["models"] if row["model"] == model)
    return dict(row)


def told(row: dict[str, Any]) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Return a row of the answer as the table writes it."""
    amounts = {credit["channel"]: credit["amount"] for credit in row["channels"]}
    returns = (row["roi_on_revenue"], row["roi_on_margin"], row["roi_cash"])
    assert row["credited_revenue"] == amounts["employee_advocacy"]
    return (
        tuple(amounts[channel] for channel in CHANNELS),
        row["share_percent"],
        tuple(one["percent"] for one in returns),
    )


async def test_credit_is_not_divided_into_more_groups_than_an_answer_holds(
    golden: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_employee = {**Q1, "group_by": "employee"}
    # Four employees and the touches of nobody, under nine models; three times one earned nothing.
    monkeypatch.setattr(comparing, "MOST_POINTS", 42)
    divided = await golden.get("/v1/roi/models", params=by_employee)
    monkeypatch.setattr(comparing, "MOST_POINTS", 41)
    whole = await golden.get("/v1/roi/models", params=Q1)
    refused = await golden.get("/v1/roi/models", params=by_employee)

    assert (whole.status_code, divided.status_code) == (200, 200)
    assert refusal(refused) == (422, "cost_limit")


async def test_line_7_the_whole_table(golden: httpx.AsyncClient) -> None:
    comparison = await get(golden, "roi/models")

    assert {row["model"]: told(row) for row in comparison["models"]} == TABLE
    assert {row["total"] for row in comparison["models"]} == {"60000.00"}
    assert row_of(comparison, "shapley")["parameters"]["game"] == "sum"
    assert row_of(comparison, "markov")["parameters"]["order"] == 1
    decay = row_of(comparison, "time_decay")["parameters"]
    assert (decay["half_life_days"], decay["half_life_source"]) == ("7", "stated")
    assert comparison["sign_depends_on_model"] is True
    assert comparison["ranking_depends_on_model"] is True
    spread = {line["form"]: line for line in comparison["spread"]}
    assert (spread["margin"]["lowest"], spread["margin"]["highest"]) == ("-11.11", "31.56")


async def test_where_nothing_is_credited_all_models_rank_alike(golden: httpx.AsyncClient) -> None:
    before = await get(golden, "roi/models", **{"from": "2024-01-01", "to": "2024-04-01"})

    assert before["ranking_depends_on_model"] is False


async def test_line_7_decay_with_a_half_life_of_30_days(golden: httpx.AsyncClient) -> None:
    usual = await get(golden, "roi/models")
    slower = await get(golden, "roi/models", half_life_days=30)

    # Published rounded once, as 15,466.80 and 16,012.46: here each deal is divided in cents.
    amounts = ("28520.74", "15466.79", "16012.47")
    decay = row_of(slower, "time_decay")
    assert told(decay) == (amounts, "47.53", ("26.76", "1.41", "27.18"))
    assert decay["parameters"]["half_life_days"] == "30"
    assert decay["parameters"]["half_life_source"] == "asked"
    for model in TABLE.keys() - {"time_decay"}:
        assert row_of(slower, model) == row_of(usual, model)


async def test_half_life_is_measured_from_the_sales_cycle(golden: httpx.AsyncClient) -> None:
    year = {"from": "2025-01-01", "to": "2025-05-01"}
    measured = await get(golden, "roi/models", **{**year, "half_life_days": "measured"})
    unmeasured = await get(golden, "roi/models", half_life_days="measured")

    # Median time to close: 60 days.
    parameters = row_of(measured, "time_decay")["parameters"]
    assert (parameters["half_life_days"], parameters["half_life_source"]) == ("30", "measured")
    assert parameters["half_life_deals"] == 6
    assert row_of(measured, "time_decay")["credited_revenue"] == "28520.74"
    assert row_of(unmeasured, "time_decay")["credited_revenue"] == "34447.97"
    codes = [notice["code"] for notice in unmeasured["notices"]]
    assert codes == ["half_life_not_measured"]


@pytest.mark.parametrize(
    ("window_days", "expected"),
    [(90, "28500.00"), (89, "23500.00"), (60, "23000.00"), (30, "32500.00")],
)
async def test_line_9_another_window_is_computed_while_reading(
    golden: httpx.AsyncClient, window_days: int, expected: str
) -> None:
    # Whole days: leaving out the ninetieth is the same as a window of 89.
    comparison = await get(golden, "roi/models", window_days=window_days)

    assert comparison["window_days"] == window_days
    assert row_of(comparison, "linear")["credited_revenue"] == expected
    totals = {row["total"] for row in comparison["models"]}
    assert len(totals) == 1
    assert totals == {comparison["total_revenue"]}


async def test_markov_explains_itself(golden: httpx.AsyncClient) -> None:
    effects = await get(golden, "roi/models/markov")

    assert (effects["journeys"], effects["converted"]) == (10, 6)
    assert (effects["probability"], effects["error"]) == ("3/5", "0")
    counts = {
        ("/".join(move["state"]), move["to"]): (move["count"], move["of"])
        for move in effects["transitions"]
    }
    assert counts["", "employee_advocacy"] == (4, 10)
    assert counts["employee_advocacy", "brand"] == (1, 9)
    assert counts["employee_advocacy", "(converted)"] == (4, 9)
    assert counts["brand", "employee_advocacy"] == (3, 6)
    assert counts["paid", "(lost)"] == (1, 6)
    assert [
        (line["channel"], line["arithmetic"], line["amount"]) for line in effects["channels"]
    ] == [
        ("employee_advocacy", "1 - (9/68) / (3/5) = 53/68", "27030.60"),
        ("brand", "1 - (31/100) / (3/5) = 29/60", "16762.37"),
        ("paid", "1 - (163/510) / (3/5) = 143/306", "16207.03"),
    ]
    assert effects["channels"][0]["removal_effect"] == "0.779411764706"


async def test_higher_orders_remember_more(golden: httpx.AsyncClient) -> None:
    effects = await get(golden, "roi/models/markov", order=3)
    comparison = await get(golden, "roi/models", order=3)

    # Three channels back these paths do not mix: without EA only J4 is won, without BR J2 and J3,
    # without AD J1 and J2.
    without = {line["channel"]: line["without"] for line in effects["channels"]}
    assert without == {"employee_advocacy": "1/10", "brand": "1/5", "paid": "1/5"}
    amounts = ("23076.92", "18461.54", "18461.54")
    row = row_of(comparison, "markov")
    assert tuple(sorted((c["amount"] for c in row["channels"]), reverse=True)) == amounts
    assert row["parameters"]["order"] == 3


@pytest.mark.parametrize("group_by", ["employee", "team", "network", "campaign", "channel"])
@pytest.mark.parametrize("window_days", [90, 60])
async def test_grouping_never_changes_totals(
    golden: httpx.AsyncClient, group_by: str, window_days: int
) -> None:
    plain = await get(golden, "roi/models", window_days=window_days)
    grouped = await get(golden, "roi/models", window_days=window_days, group_by=group_by)

    assert plain["models"][0]["groups"] is None
    for row in grouped["models"]:
        amounts = [Decimal(group["amount"]) for group in row["groups"]]
        assert sum(amounts) == Decimal(row["total"])
        assert {**row, "groups": None} == row_of(plain, row["model"])


async def test_groups_are_those_of_the_touches(golden: httpx.AsyncClient) -> None:
    grouped = await get(golden, "roi/models", group_by="team")

    def amounts(model: str) -> Iterator[tuple[str | None, str]]:
        for group in row_of(grouped, model)["groups"]:
            yield group["group"], group["amount"]

    # E001 and E003 are in sales, E002 and E004 in marketing; each journey's nth touch is the nth's.
    assert list(amounts("linear")) == [
        ("sales", "19000.00"),
        ("marketing", "9500.00"),
        (None, "31500.00"),
    ]
    # Two thirds of what the removal of advocacy costs.
    assert list(amounts("markov")) == [
        ("sales", "18020.40"),
        ("marketing", "9010.20"),
        (None, "32969.40"),
    ]


async def test_without_wins_there_is_no_markov_credit(
    client: httpx.AsyncClient, deliver: Deliver
) -> None:
    lost = [fact for fact in sales() if fact["external_id"].startswith("L")]
    await deliver(lost)

    comparison = await get(client, "roi/models")
    effects = await get(client, "roi/models/markov")

    assert row_of(comparison, "markov")["total"] == "0.00"
    assert effects["probability"] is None
    assert effects["channels"] == []


@pytest.mark.parametrize(
    "wrong",
    [{"order": 4}, {"half_life_days": "0"}, {"half_life_days": "soon"}, {"window_days": -1}],
)
async def test_impossible_parameters_are_refused(
    client: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    response = await client.get("/v1/roi/models", params={**Q1, **wrong})

    assert response.status_code == 422
