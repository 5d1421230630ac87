"""Figures by market and language: as mentions and surveys name them, now and as it was known."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api.asking import explained, get, groups, quantities, refusal, values
from tests.api.conftest import Deliver, TellAndCorrect
from tests.api.goals import FIRST_HALF, of, stated
from tests.api.golden import Q1, fact, local

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
async def heard(client: httpx.AsyncClient, tell_and_correct: TellAndCorrect) -> httpx.AsyncClient:
    """Return a client of a quarter in which somebody was later found to be of another market."""
    corrected = mentioned("m2", market="pl", language="de", sentiment="negative", network="x")
    await tell_and_correct(quarter(), [corrected])
    return client


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
    assert await values(heard, kpi, **known, group_by=dimension) == groups
    for group, value in groups.items():
        assert await values(heard, kpi, **known, **{dimension: group}) == {None: value}
    assert await values(heard, kpi, **known) == {None: whole}


async def test_a_market_is_combined_with_a_network_and_a_language(
    heard: httpx.AsyncClient,
) -> None:
    by_network = await values(heard, "mention_volume", group_by="network", market=["de", "pl"])
    by_market = await values(heard, "mention_volume", group_by="market", network="x")
    by_language = await values(heard, "mention_volume", group_by="language", market="pl")

    assert by_network == {"linkedin": "1", "x": "2"}
    assert by_market == {"pl": "2"}
    assert by_language == {"de": "1", "en": "1"}


async def test_markets_come_by_month(heard: httpx.AsyncClient) -> None:
    query = {**Q1, "interval": "month", "group_by": "market"}
    series = await get(heard, "kpis/mention_volume/series", **query)

    assert [(p["from"], p["group"], p["value"]) for p in series["points"] if p["value"] != "0"] == [
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
    answer, found = await explained(heard, kpi, **only, limit=1)

    for given in answer["inputs"]:
        assert sum(quantities(found, given["measure"])) == Fraction(given["value"]), given
    assert len(found) == lines


async def test_a_mention_of_another_market_moves_both(heard: httpx.AsyncClient) -> None:
    for market, before, after in (("de", "2", "1"), ("pl", "1", "2")):
        query = {**Q1, "kpi": "mention_volume", "market": market}
        moves = await get(heard, "restatements", **query)
        assert [(m["day"], m["before"], m["after"]) for m in moves["restatements"]] == [
            ("2025-04-20", before, after)
        ]
        causes = await get(heard, "restatements/facts", **query, day="2025-04-20")
        assert [(one["external_id"], one["weight"]) for one in causes["facts"]] == [
            ("m2", -1),
            ("m2", 1),
        ]
    unmoved = await get(heard, "restatements", **Q1, kpi="mention_volume")
    assert unmoved["restatements"] == []


async def test_what_was_never_judged_has_no_mood(
    client: httpx.AsyncClient, deliver: Deliver
) -> None:
    await deliver([mentioned("m", market="de"), mentioned("c", market="de", brand="competitor")])

    assert await values(client, "mention_volume", market="fr") == {None: "0"}
    assert await values(client, "share_of_voice", market="de") == {None: "50.00"}
    mood = await groups(client, "sentiment_index", market="de")
    assert mood[None]["null_reason"] == "missing:mentions_positive"


async def test_a_goal_may_be_a_markets(heard: httpx.AsyncClient) -> None:
    in_poland = {"market": ["pl"], "language": ["de", "en"]}
    of_poland = of("mention_volume", "mentions", "20", filters=in_poland, **FIRST_HALF)
    goal = await stated(heard, of_poland)

    assert goal["standing"]["actual"] == "2"


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

    assert refusal(refused) == (422, code)
