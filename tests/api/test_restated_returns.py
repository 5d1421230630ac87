"""The return of the ROI statement, restated: as the statement answers it, move by move."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from shared.orgs import Org
from tests.api.asking import assume, pages, refusal
from tests.api.conftest import At, MakeClient
from tests.api.golden import Q1, WARSAW
from tests.api.test_golden_restated import get, golden

__all__ = ["golden"]

RETURN = {"kpi": "roi_program"}


async def moves(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    """Return the whole list, its pages put together."""
    told = await pages(client, "restatements", **{**Q1, **RETURN, **asked})
    return {**told[0], "restatements": [one for page in told for one in page["restatements"]]}


async def headline(client: httpx.AsyncClient, **asked: Any) -> str | None:
    percent: str | None = (await get(client, "roi", **asked))["headline"]["percent"]
    return percent


@pytest.mark.parametrize("form", ["revenue", "margin", "cash", "media"])
@pytest.mark.parametrize("basis", ["cohort", "period"])
async def test_every_move_is_between_two_answers_of_the_statement(
    golden: httpx.AsyncClient, at: At, form: str, basis: str
) -> None:
    # Without it no return is known in which hires count.
    at(datetime(2025, 4, 28, 15, tzinfo=WARSAW))
    await assume(golden, "cost_per_hire.referral", "1500")
    at(datetime(2025, 6, 1, 15, tzinfo=WARSAW))
    asked = {"form": form, "basis": basis, "model": "last"}
    first = "2025-03-31"
    if basis == "period":
        # The costs end with March; what is won until the middle of April returns on them.
        first = "2025-04-15"
        asked |= {"from": "2025-01-01", "to": "2025-04-16"}
    told = await moves(golden, **asked, limit=1)

    assert (told["unit"], told["currency"]) == ("percent", None)
    assert told["restatements"]
    assert told["now"] is not None
    assert told["first"]["as_of"] == first
    assert told["first"]["value"] == await headline(golden, **asked, as_of=first)
    assert told["now"] == await headline(golden, **asked)
    for move in told["restatements"]:
        assert move["after"] == await headline(golden, **asked, as_of=move["day"])
    chain = [told["first"]["value"], *(move["after"] for move in told["restatements"])]
    assert [move["before"] for move in told["restatements"]] == chain[:-1]
    assert chain[-1] == told["now"]
    total = sum(Decimal(move["moved"]) for move in told["restatements"])
    assert total == Decimal(told["moved"]) == Decimal(told["now"] or 0) - Decimal(chain[0] or 0)


async def test_a_return_moves_with_its_deals_its_rates_and_the_day_of_a_hire(
    golden: httpx.AsyncClient, at: At
) -> None:
    for day, key, value in (
        (datetime(2025, 4, 28, 15, tzinfo=WARSAW), "cost_per_hire.referral", "1500"),
        (datetime(2025, 5, 15, 15, tzinfo=WARSAW), "gross_margin", "0.7"),
    ):
        at(day)
        await assume(golden, key, value)
    at(datetime(2025, 6, 1, 15, tzinfo=WARSAW))
    days = ("2025-04-28", "2025-05-10", "2025-05-15", "2025-05-19", "2025-05-20")

    told = await moves(golden)
    because = {
        day: await get(golden, "restatements/facts", **RETURN, day=day, limit=200) for day in days
    }

    # The second hire was told on 28 April, for 19 May: on that day nothing became known.
    assert [move["day"] for move in told["restatements"]] == list(days)
    causes = {
        day: [(fact["external_id"], fact["weight"]) for fact in because[day]["facts"]]
        for day in days[1:]
    }
    assert causes == {
        "2025-05-10": [("J5", -1), ("J5", 1)],
        "2025-05-15": [],
        "2025-05-19": [],
        "2025-05-20": [("J3", -1), ("J3", 1)],
    }
    kinds = {fact["kind"] for fact in because["2025-04-28"]["facts"]}
    assert {"touch.recorded", "deal.changed", "cost.booked", "hire.accepted"} <= kinds
    rates = {day: [rate["key"] for rate in because[day]["rates"]] for day in days}
    assert rates.pop("2025-04-28") == ["cost_per_hire.referral", "gross_margin"]
    assert rates.pop("2025-05-15") == ["gross_margin"]
    assert set(map(tuple, rates.values())) == {()}


async def test_a_return_without_rates_has_none_for_a_cause(golden: httpx.AsyncClient) -> None:
    facts = await get(golden, "restatements/facts", **RETURN, form="revenue", day="2025-04-28")

    assert facts["rates"] == []


async def test_a_published_return_is_restated_from_what_was_published(
    golden: httpx.AsyncClient,
) -> None:
    body = {**Q1, "note": "As reported", "as_of": "2025-05-11"}
    published = await golden.post("/v1/publications", json=body)
    assert published.status_code == 201, published.text

    told = await moves(golden, form="margin")
    statement = await get(golden, "roi", form="margin")

    assert told["first"]["publication_id"] == published.json()["id"]
    assert told["first"]["value"] == statement["headline"]["percent"]
    assert [move["day"] for move in told["restatements"]] == ["2025-05-20"]
    assert told["moved"] == statement["moved"]["percent"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"kpi": "roi_program", "team": "sales"}, "dimension_not_carried"),
        ({"kpi": "roi_program", "channel": ["paid", "brand"]}, "dimension_not_carried"),
        ({"kpi": "shares", "model": "linear"}, "not_a_return"),
        ({"kpi": "shares", "basis": "period", "form": "cash"}, "not_a_return"),
    ],
)
async def test_what_a_figure_does_not_take_is_refused(
    golden: httpx.AsyncClient, asked: dict[str, Any], code: str
) -> None:
    response = await golden.get("/v1/restatements", params={**Q1, **asked})

    assert refusal(response) == (422, code)


async def test_another_channel_has_a_return_of_its_own(golden: httpx.AsyncClient) -> None:
    told = await moves(golden, channel="paid", form="revenue")

    assert told["now"] == await headline(golden, channel="paid", form="revenue")
    assert told["now"] != await headline(golden, form="revenue")


@pytest.mark.parametrize("path", ["restatements", "restatements/facts"])
async def test_a_return_is_for_those_who_may_see_returns(
    golden: httpx.AsyncClient, org: Org, client_of: MakeClient, path: str
) -> None:
    reader = await client_of(org, ["kpis:read"])
    asked = {**Q1, **RETURN} | ({"day": "2025-05-10"} if path.endswith("facts") else {})
    refused = await reader.get(f"/v1/{path}", params=asked)

    assert refused.status_code == 403
