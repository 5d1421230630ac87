"""How goals stand, by hand: the numbers were computed from the guide's words, not by the product.

Fourteen weeks of a program before a Monday. The forecasts' ends were computed in floating point,
with Student's t from its distribution: the product's table of it has three digits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from shared.facts import Fact, parse_fact
from tests.api.asking import assume, refusal
from tests.api.conftest import Tell
from tests.api.goals import of

pytestmark = pytest.mark.usefixtures("today")

_DAY = timedelta(days=1)
#: A Monday; everything before it is known.
TODAY = date(2025, 6, 30)
MONDAYS = [TODAY - week * timedelta(weeks=1) for week in range(14, 0, -1)]
VIEWS = (120, 100, 140, 90, 160, 130, 110, 150, 170, 120, 180, 140, 160, 200)
REACTIONS = (3, 2, 4, 2, 5, 3, 2, 4, 4, 3, 5, 3, 4, 6)
SHARERS = (3, 4, 5, 4, 6, 5, 6, 7, 6, 7, 8, 7, 8, 9)
FOLLOWERS = (1000, 1010, 1025, 1030, 1050, 1065, 1075, 1080, 1100, 1115, 1120, 1140, 1150, 1170)


def told(kind: str, name: str, on: date, **body: Any) -> Fact:
    at = datetime(on.year, on.month, on.day, 9, 30, tzinfo=UTC)
    return parse_fact(
        {"kind": kind, "source": "test", "external_id": name, "occurred_at": at, **body}
    )


def views() -> Iterator[Fact]:
    """Yield the views of Wednesdays on one network, and half of them on Fridays on the other."""
    for monday, count, reactions in zip(MONDAYS, VIEWS, REACTIONS, strict=True):
        for after, network, part in ((2, "linkedin", 1), (4, "x", 2)):
            day = monday + after * _DAY
            yield told(
                "engagement.daily",
                f"e{day}",
                day,
                day=day,
                employee="E1",
                network=network,
                impressions=count // part,
                reactions=reactions if part == 1 else 0,
            )


def posts() -> Iterator[Fact]:
    """Yield posts of Tuesdays, each by somebody else."""
    for week, (monday, people) in enumerate(zip(MONDAYS, SHARERS, strict=True)):
        for person in range(people):
            name = f"p{week}-{person}"
            by = {"employee": f"E{person}", "network": "linkedin"}
            yield told("post.published", name, monday + _DAY, post=name, **by)


def followers() -> Iterator[Fact]:
    """Yield what an account's followers were on Sundays."""
    for monday, count in zip(MONDAYS, FOLLOWERS, strict=True):
        day = monday + 6 * _DAY
        where = {"metric": "followers", "account": "A", "network": "linkedin"}
        yield told("audience.recorded", f"f{day}", day, count=count, **where)


def costs() -> Iterator[Fact]:
    """Yield what was spent in euros on Mondays."""
    for monday in MONDAYS:
        booked = {"category": "platform", "amount": "100.00", "currency": "EUR"}
        on = {"starts_on": monday, "ends_on": monday + _DAY}
        yield told("cost.booked", f"k{monday}", monday, **booked, **on)


def sessions() -> Iterator[Fact]:
    """Yield a click of each Wednesday, and the visit that it became."""
    for monday in MONDAYS:
        day = monday + 2 * _DAY
        who = {"employee": "E1", "network": "linkedin"}
        yield told("link.clicked", f"c{day}", day, link="abc", **who)
        visit = {"day": day, "sessions": 1, "channel": "employee_advocacy"}
        yield told("session.recorded", f"s{day}", day, **visit, **who)


@dataclass(frozen=True)
class Case:
    """A goal, the facts it is set over, and what it is to answer: exactly, but for the ends."""

    facts: Callable[[], Iterator[Fact]]
    goal: dict[str, Any]
    stands: dict[str, Any]
    expected: str | None = None
    ends: tuple[float, float] | None = None
    rates: Sequence[tuple[str, str, str]] = field(default=())


_LATER = {"baseline_on": "2025-07-09", "due_on": "2025-09-02"}
_VIEWS = ("impressions_advocacy", "views")
CASES = {
    "a sum that rises": Case(
        views,
        of(*_VIEWS, "2400"),
        {"actual": "1020", "baseline": "0", "progress": "42.5", "expected_by_now": "800"},
        "3420",
        (3039.357, 3800.643),
    ),
    "a sum of a slice": Case(
        views,
        of(*_VIEWS, "900", filters={"network": ["x"]}),
        {"actual": "340", "progress": "37.777777777778", "expected_by_now": "300"},
        "1140",
        (1013.119, 1266.881),
    ),
    "a sum that is there already": Case(
        views,
        of(*_VIEWS, "900"),
        {"actual": "1020", "progress": "113.333333333333", "verdict": "on_track"},
        "3420",
        (3039.357, 3800.643),
    ),
    "a sum that begins later": Case(
        views,
        of(*_VIEWS, "2000", **_LATER),
        {"actual": None, "null_reason": "not_started", "progress": None, "expected_by_now": None},
        "2485",
        (2069.429, 2900.116),
    ),
    "a sum in another currency": Case(
        costs,
        of("program_cost", "money", "1900", direction="down"),
        # 4 × 100 € at 1.50, where weeks before June were at 1.25; the whole of each on a Monday.
        {"actual": "600.00", "progress": "31.578947368421", "expected_by_now": "633.33"},
        "1850.55",
        (1691.475, 2009.624),
        rates=(
            ("exchange_rate.EUR", "2025-01-01", "1.25"),
            ("exchange_rate.EUR", "2025-06-01", "1.5"),
        ),
    ),
    "a rate": Case(
        views,
        of("engagement_rate", "percent", "2"),
        {
            "actual": "1.76",
            "baseline": "1.58",
            "progress": "44.53781512605",
            "expected_by_now": "1.72",
        },
        "1.78",
        (1.61643, 1.93732),
    ),
    "a rate that begins later": Case(
        views,
        of("engagement_rate", "percent", "2", **_LATER),
        # Its baseline is that of the last four weeks that are over.
        {"actual": None, "null_reason": "not_started", "baseline": "1.76", "progress": None},
        "1.79",
        (1.55009, 2.02888),
    ),
    "a count of people": Case(
        posts,
        of("sharers_any", "people", "14"),
        {"actual": "9", "baseline": "7", "progress": "28.571428571429", "expected_by_now": "9"},
        "13",
        (10.681351, 14.703265),
    ),
    "a count of people that begins later": Case(
        posts,
        of("sharers_any", "people", "14", **_LATER),
        {"actual": "9", "baseline": "9", "progress": "0", "expected_by_now": None},
        "13",
        (11.161754, 15.409675),
    ),
    "a level": Case(
        followers,
        of("followers", "people", "1300"),
        {
            "actual": "1170",
            "baseline": "1115",
            "progress": "29.72972972973",
            "expected_by_now": "1177",
        },
        "1275",
        (1263.192256, 1286.038514),
    ),
    "a level that begins later": Case(
        followers,
        of("followers", "people", "1300", **_LATER),
        {"actual": "1170", "baseline": "1170", "progress": "0", "expected_by_now": None},
        "1291",
        (1279.363533, 1303.493609),
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_goal_stands_as_computed_by_hand(
    client: httpx.AsyncClient, tell: Tell, name: str
) -> None:
    case = CASES[name]
    for key, since, value in case.rates:
        await assume(client, key, value, since, source="bank")
    await tell(list(case.facts()))

    made = await client.post("/v1/goals", json=case.goal)

    assert made.status_code == 201, made.text
    standing = made.json()["standing"]
    assert {name: standing[name] for name in case.stands} == case.stands
    forecast = standing["forecast"]
    assert forecast["expected"] == case.expected
    stated = made.json()
    assert case.ends is not None
    width = case.ends[1] - case.ends[0]
    for shown, kept, end in zip(
        ("low", "high"), ("forecast_low", "forecast_high"), case.ends, strict=True
    ):
        assert float(stated[kept]) == pytest.approx(end, abs=width / 1000)
        assert Decimal(forecast[shown]) == pytest.approx(Decimal(stated[kept]), abs=Decimal("0.51"))
    is_held = case.ends[0] <= float(case.goal["target"]) <= case.ends[1]
    assert stated["attainable"] == standing["attainable"] == ("yes" if is_held else "no")


async def test_a_part_of_a_whole_ends_at_all_of_it(client: httpx.AsyncClient, tell: Tell) -> None:
    facts = []
    for week, monday in enumerate(MONDAYS):
        # Five posts a week, all but one in seven weeks somebody's own; one more member a week.
        for number in range(5):
            own = "curated" if week % 7 == 3 and not number else "own"
            post = {"post": f"p{week}-{number}", "employee": "E0", "network": "linkedin"}
            facts.append(told("post.published", post["post"], monday, origin=own, **post))
        who = {"employee": f"E{week}"}
        facts.append(told("member.joined", f"j{week}", monday, **who))
        placed = {"effective_on": MONDAYS[0], "team": "sales"}
        facts.append(told("employee.recorded", f"r{week}", MONDAYS[0], **who, **placed))
    facts.append(
        told(
            "employee.recorded",
            "r-other",
            MONDAYS[0],
            employee="other",
            effective_on=MONDAYS[0],
            team="sales",
        )
    )
    await tell(facts)

    made = {
        kpi: (await client.post("/v1/goals", json=of(kpi, "percent", "100.5"))).json()
        for kpi in ("original_content_ratio", "enrollment_rate")
    }

    forecasts = {kpi: answer["standing"]["forecast"] for kpi, answer in made.items()}
    # 19 of 20 so far and 8 × 68 / 14 of 40; and 14 of 15, one more every week.
    assert forecasts["original_content_ratio"]["expected"] == "96.43"
    assert {forecast["high"] for forecast in forecasts.values()} == {"100.00"}
    assert forecasts["enrollment_rate"]["expected"] == "100.00"
    assert {answer["attainable"] for answer in made.values()} == {"no"}


async def test_what_is_unknown_so_far_leaves_nothing_to_forecast(
    client: httpx.AsyncClient, tell: Tell
) -> None:
    # Thirteen weeks are known, and the first week of the goal lies before them.
    await assume(client, "advocacy.minutes_per_share", "30", str(MONDAYS[1]), source="survey")
    await tell(list(posts()))
    hours = of("advocacy_hours_modelled", "hours", "100")

    known = await client.post("/v1/goals", json={**hours, "baseline_on": str(MONDAYS[1])})
    unknown = await client.post("/v1/goals", json={**hours, "baseline_on": str(MONDAYS[0])})

    # 82 posts of half an hour each.
    assert known.json()["standing"]["actual"] == "41.00"
    assert known.json()["standing"]["forecast"] is not None
    standing = unknown.json()["standing"]
    assert standing["null_reason"] == "missing:advocacy.minutes_per_share"
    assert standing["forecast"] is None
    assert (standing["verdict"], unknown.json()["attainable"]) == ("unknown", "unknown")


async def test_weeks_before_the_first_fact_are_left_out_of_a_rate_per_week(
    client: httpx.AsyncClient, tell: Tell
) -> None:
    brand = {"account": "A", "network": "linkedin"}
    await tell(
        [
            told(
                "post.published",
                f"b{monday}-{post}",
                monday + _DAY,
                post=f"{monday}-{post}",
                **brand,
            )
            for monday in MONDAYS
            for post in range(2)
        ]
    )

    made = await client.post("/v1/goals", json=of("brand_post_cadence", "posts_per_week", "2.5"))

    forecast = made.json()["standing"]["forecast"]
    assert (forecast["expected"], forecast["weeks"]) == ("2.00", 13)


async def test_a_rate_that_is_low_enough_already_is_no_goal(
    client: httpx.AsyncClient, tell: Tell
) -> None:
    # Every click became a visit: nothing is lost, and at most 5 % is no way to go.
    await tell(list(sessions()))
    loss = of("click_to_session_loss", "percent", "5", direction="down")

    refused = await client.post("/v1/goals", json=loss)

    assert refused.status_code == 422, refused.text
    assert refused.json()["code"] == "goal_not_attainable"
    assert [error["rule"] for error in refused.json()["errors"]] == ["already_reached"]


async def test_a_goal_of_a_hashtag(client: httpx.AsyncClient, tell: Tell) -> None:
    first = told(
        "post.published", "p", MONDAYS[0], post="p", employee="E1", network="x", hashtags=["hiring"]
    )
    counters = [
        told("post.metrics", f"m{monday}", monday, post="p", network="x", reactions=10 * (week + 1))
        for week, monday in enumerate(MONDAYS)
    ]
    await tell([first, *counters])
    tagged = of("hashtag_engagement", "events", "120")

    made = await client.post("/v1/goals", json={**tagged, "filters": {"hashtag": ["hiring"]}})
    whole = await client.post("/v1/goals", json=tagged)

    # Ten more every Monday, four of them in June.
    assert made.status_code == 201, made.text
    assert made.json()["standing"]["actual"] == "40"
    # Posts have several hashtags, so that there is no total.
    assert refusal(whole) == (422, "parts_overlap")
