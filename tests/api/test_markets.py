"""Figures by market and language: as mentions and surveys name them, now and as it was known."""

from collections.abc import AsyncIterator, Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared import clock
from shared.orgs import Org
from tests.api.conftest import Fold
from tests.api.golden import Q1, fact, local

TOLD, CORRECTED, ASKED = date(2025, 3, 31), date(2025, 4, 20), date(2025, 5, 2)
BEFORE, NOW = {"as_of": "2025-04-10"}, {"as_of": "2025-05-01"}


def mentioned(name: str, **said: str) -> dict[str, Any]:
    return fact("mention.recorded", name, local(date(2025, 2, 5)), mention=name, **said)


def asked(topic: str, market: str, **answers: Any) -> dict[str, Any]:
    said = {"topic": topic, "respondents": 10, **answers}
    said |= {"market": market} if market else {}
    return fact("survey.recorded", f"{topic}@{market}", local(date(2025, 3, 5)), **said)


def quarter() -> Iterator[dict[str, Any]]:
    german: dict[str, str] = {"market": "de", "language": "de"}
    yield mentioned("m1", **german, sentiment="positive", network="linkedin")
    yield mentioned("m2", **german, sentiment="negative", network="x")
    yield mentioned("m3", market="pl", language="en", sentiment="positive", network="x")
    yield mentioned("m4", language="de", sentiment="neutral", network="x")
    yield mentioned("m5", network="x")
    for number in range(3):
        yield mentioned(f"c{number}", **german, brand="competitor", network="x")
    yield mentioned("c9", market="fr", language="fr", brand="competitor", network="linkedin")
    yield asked("customer_nps", "de", positive=6, negative=1)
    yield asked("customer_nps", "pl", positive=2, negative=3)
    yield asked("customer_nps", "", positive=5, negative=1)
    yield asked("brand_trust", "de", positive=7)
    yield asked("employer_brand_awareness", "de", positive=4)
    yield asked("brand_perception", "pl", score_sum="350")


@pytest_asyncio.fixture
async def heard(
    client: httpx.AsyncClient, org: Org, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a quarter in which somebody was later found to be of another market."""
    corrected = [mentioned("m2", market="pl", language="de", sentiment="negative", network="x")]
    for day, facts in ((TOLD, list(quarter())), (CORRECTED, corrected)):
        monkeypatch.setattr(clock, "now", lambda day=day: local(day))
        response = await client.post("/v1/facts", json=facts)
        assert response.status_code == 200, response.text
        await fold(org)
    monkeypatch.setattr(clock, "now", lambda: local(ASKED))
    yield client


async def told(client: httpx.AsyncClient, kpi: str, **query: Any) -> dict[str | None, Any]:
    response = await client.get("/v1/kpis/values", params={**Q1, "ids": kpi, **query})
    assert response.status_code == 200, response.text
    return {one["group"]: one["value"] for one in response.json()["kpis"][0]["values"]}


@pytest.mark.parametrize(
    ("kpi", "known", "dimension", "groups", "whole"),
    [
        # What says no market or no language is in the whole alone.
        ("mention_volume", BEFORE, "market", {"de": "2", "pl": "1"}, "5"),
        ("mention_volume", NOW, "market", {"de": "1", "pl": "2"}, "5"),
        ("mention_volume", NOW, "language", {"de": "3", "en": "1"}, "5"),
        (
            "share_of_voice",
            BEFORE,
            "market",
            {"de": "40.00", "pl": "100.00", "fr": "0.00"},
            "55.56",
        ),
        ("share_of_voice", NOW, "market", {"de": "25.00", "pl": "100.00", "fr": "0.00"}, "55.56"),
        ("share_of_voice", NOW, "language", {"de": "50.00", "en": "100.00", "fr": "0.00"}, "55.56"),
        ("sentiment_index", BEFORE, "market", {"de": "0.0000", "pl": "1.0000"}, "0.2500"),
        ("sentiment_index", NOW, "market", {"de": "1.0000", "pl": "0.0000"}, "0.2500"),
        ("sentiment_index", NOW, "language", {"de": "0.0000", "en": "1.0000"}, "0.2500"),
        ("customer_satisfaction", NOW, "market", {"de": "50.00", "pl": "-10.00"}, "26.67"),
        ("brand_trust", NOW, "market", {"de": "70.00"}, "70.00"),
        ("employer_brand_awareness", NOW, "market", {"de": "40.00"}, "40.00"),
        ("brand_perception", NOW, "market", {"pl": "35.00"}, "35.00"),
    ],
)
async def test_what_is_said_comes_by_market_and_language(
    heard: httpx.AsyncClient,
    kpi: str,
    known: dict[str, str],
    dimension: str,
    groups: dict[str, str],
    whole: str,
) -> None:
    assert await told(heard, kpi, **known, group_by=dimension) == groups
    for group, value in groups.items():
        assert await told(heard, kpi, **known, **{dimension: group}) == {None: value}
    assert await told(heard, kpi, **known) == {None: whole}


async def test_a_market_is_combined_with_a_network_and_a_language(
    heard: httpx.AsyncClient,
) -> None:
    by_network = await told(heard, "mention_volume", group_by="network", market=["de", "pl"])
    by_market = await told(heard, "mention_volume", group_by="market", network="x")
    by_language = await told(heard, "mention_volume", group_by="language", market="pl")

    assert by_network == {"linkedin": "1", "x": "2"}
    assert by_market == {"pl": "2"}
    assert by_language == {"de": "1", "en": "1"}


async def test_markets_come_by_month(heard: httpx.AsyncClient) -> None:
    query = {**Q1, "interval": "month", "group_by": "market"}
    points = (await heard.get("/v1/kpis/mention_volume/series", params=query)).json()["points"]

    assert [(p["from"], p["group"], p["value"]) for p in points if p["value"] != "0"] == [
        ("2025-02-01", "de", "1"),
        ("2025-02-01", "pl", "2"),
    ]


@pytest.mark.parametrize(
    ("kpi", "only", "lines"),
    [
        ("mention_volume", {"market": "pl"}, 2),
        ("share_of_voice", {"language": "de"}, 6),
        ("sentiment_index", {"market": "pl"}, 2),
        ("sentiment_index", {"market": "pl", "network": "x", "language": "de"}, 1),
        ("customer_satisfaction", {"market": "de"}, 3),
        ("brand_perception", {"market": "pl"}, 2),
    ],
)
async def test_the_facts_of_a_market_make_its_figure(
    heard: httpx.AsyncClient, kpi: str, only: dict[str, str], lines: int
) -> None:
    query: dict[str, Any] = {**Q1, **only, "limit": 1}
    found: list[dict[str, Any]] = []
    while True:
        answer = (await heard.get(f"/v1/kpis/{kpi}/explain", params=query)).json()
        found += answer["facts"]["lines"]
        if answer["facts"]["next_cursor"] is None:
            break
        query["cursor"] = answer["facts"]["next_cursor"]

    for given in answer["inputs"]:
        of_input = [Fraction(o["quantity"]) for o in found if o["measure"] == given["measure"]]
        assert sum(of_input) == Fraction(given["value"]), given
    assert len(found) == lines


async def test_a_mention_of_another_market_moves_both(heard: httpx.AsyncClient) -> None:
    for market, before, after in (("de", "2", "1"), ("pl", "1", "2")):
        query = {**Q1, "kpi": "mention_volume", "market": market}
        moves = (await heard.get("/v1/restatements", params=query)).json()
        assert [(m["day"], m["before"], m["after"]) for m in moves["restatements"]] == [
            ("2025-04-20", before, after)
        ]
        causes = await heard.get("/v1/restatements/facts", params={**query, "day": "2025-04-20"})
        assert [(one["external_id"], one["weight"]) for one in causes.json()["facts"]] == [
            ("m2", -1),
            ("m2", 1),
        ]
    unmoved = (await heard.get("/v1/restatements", params={**Q1, "kpi": "mention_volume"})).json()
    assert unmoved["restatements"] == []


async def test_what_was_never_judged_has_no_mood(
    client: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    mentions = [mentioned("m", market="de"), mentioned("c", market="de", brand="competitor")]
    assert (await client.post("/v1/facts", json=mentions)).status_code == 200
    await fold(org)

    assert await told(client, "mention_volume", market="fr") == {None: "0"}
    assert await told(client, "share_of_voice", market="de") == {None: "50.00"}
    query = {**Q1, "ids": "sentiment_index", "market": "de"}
    (value,) = (await client.get("/v1/kpis/values", params=query)).json()["kpis"][0]["values"]
    assert value["null_reason"] == "missing:mentions_positive"


async def test_a_goal_may_be_a_markets(heard: httpx.AsyncClient) -> None:
    goal = {
        "kpi": "mention_volume",
        "filters": {"market": ["pl"], "language": ["de", "en"]},
        "target": "20",
        "unit": "mentions",
        "direction": "up",
        "stretch": True,
        "owner": "head of marketing",
        "objective": "Be talked about in Poland",
        "baseline_on": "2025-01-01",
        "due_on": "2025-06-30",
    }
    made = await heard.post("/v1/goals", json=goal)

    assert made.status_code == 201, made.text
    assert made.json()["standing"]["actual"] == "2"


@pytest.mark.parametrize(
    ("kpi", "query", "code"),
    [
        ("headcount", {"group_by": "market"}, "dimension_not_carried"),
        ("clients_won", {"market": "de"}, "dimension_not_carried"),
        ("enps", {"group_by": "market"}, "dimension_not_carried"),
        ("customer_satisfaction", {"group_by": "language"}, "dimension_not_carried"),
        ("mention_volume", {"market": "de", "content": "a"}, "combination_not_kept"),
    ],
)
async def test_what_names_no_market_is_refused_by_name(
    client: httpx.AsyncClient, kpi: str, query: dict[str, str], code: str
) -> None:
    refused = await client.get("/v1/kpis/values", params={**Q1, "ids": kpi, **query})

    assert (refused.status_code, refused.json()["code"]) == (422, code)
