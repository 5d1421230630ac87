"""Goals as of a day: the version that counted then, standing as it was known then."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from shared.db import Database
from shared.facts import EngagementDaily, Fact, Retraction
from shared.ledger import append
from shared.orgs import Org
from tests.api.asking import refusal
from tests.api.conftest import At, Fold, MakeClient, Tell
from tests.api.goals import of, stated
from tests.api.test_goals_by_hand import followers, posts, views

WARSAW = ZoneInfo("Europe/Warsaw")
#: What only one of two organizations can say alike, and what says that it was asked about the past.
_OWN = {"id", "recorded_by", "as_of", "is_final"}


def noon(month: int, day: int) -> datetime:
    return datetime(2025, month, day, 12, tzinfo=WARSAW)


def last_minute(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 59, tzinfo=WARSAW)


class _Company:
    """An organization to which the same happens, day by day."""

    def __init__(self, client: httpx.AsyncClient, tell: Tell) -> None:
        self.client = client
        self.tell = tell
        self.goals: list[str] = []

    async def state(self, **goal: Any) -> None:
        self.goals.append((await stated(self.client, goal))["id"])

    async def change(self, goal: int, **changed: Any) -> None:
        answer = await self.client.patch(f"/v1/goals/{self.goals[goal]}", json=changed)
        assert answer.status_code == 200, answer.text

    async def archive(self, goal: int) -> None:
        assert (await self.client.delete(f"/v1/goals/{self.goals[goal]}")).status_code == 204

    async def answers(self, **asked: Any) -> list[Any]:
        """Return what is said of goals in use, of archived ones, and of each by itself."""
        urls = ["/v1/goals", "/v1/goals?archived=true"]
        urls += [f"/v1/goals/{goal}" for goal in self.goals]
        answers = []
        for url in urls:
            found = await self.client.get(url, params=httpx.URL(url).params.merge(asked))
            answers.append(_comparable(found.json()) if found.status_code == 200 else None)
        return answers


def _comparable(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: _comparable(value) for name, value in answer.items() if name not in _OWN}
    return [_comparable(one) for one in answer] if isinstance(answer, list) else answer


def _moved(fact: Fact, **changed: Any) -> Fact:
    return fact.model_copy(update=changed)


async def _found(company: _Company) -> None:
    await company.tell([*views(), *posts(), *followers()])
    await company.state(**of("impressions_advocacy", "views", "2400"))
    await company.state(**of("engagement_rate", "percent", "2"))


async def _correct(company: _Company) -> None:
    # The network takes views back, and somebody's post of June is deleted.
    first, *_, last = [one for one in views() if isinstance(one, EngagementDaily)]
    deleted = list(posts())[-1]
    await company.tell([_moved(first, impressions=900), _moved(last, impressions=1)])
    await company.tell([Retraction(deleted.identity)])
    await company.state(**of("sharers_any", "people", "14", due_on="2025-07-03"))


async def _aim_higher(company: _Company) -> None:
    await company.change(0, target="3000", owner="head of sales")
    await company.change(0, target="3100")


async def _archive(company: _Company) -> None:
    await company.archive(1)
    await company.state(**of("followers", "people", "1300", baseline_on="2025-07-21"))


#: What happens on which day; on the others nothing does.
_HAPPENS: dict[date, Callable[[_Company], Awaitable[None]]] = {
    date(2025, 6, 30): _found,
    date(2025, 7, 2): _correct,
    date(2025, 7, 4): _aim_higher,
    date(2025, 7, 7): _archive,
}
_DAYS = [date(2025, 6, 29), *(date(2025, 6, 30), date(2025, 7, 1))]
_DAYS += [date(2025, 7, day) for day in range(2, 9)]


async def test_as_of_is_what_an_organization_says_that_was_told_no_more(
    client: httpx.AsyncClient,
    client_of: MakeClient,
    tell: Tell,
    database: Database,
    other_org: Org,
    fold: Fold,
    at: At,
) -> None:
    async def tell_twin(facts: Any) -> None:
        async with database.transaction(other_org.id) as connection:
            await append(connection, other_org, facts)
        await fold(other_org)

    company, twin = _Company(client, tell), _Company(await client_of(other_org), tell_twin)
    for day, happens in _HAPPENS.items():
        at(noon(day.month, day.day))
        await happens(company)
    at(noon(7, 20))

    looked_back = {day: await company.answers(as_of=str(day)) for day in _DAYS}

    for day in _DAYS:
        at(noon(day.month, day.day))
        if day in _HAPPENS:
            await _HAPPENS[day](twin)
        at(last_minute(day))
        said = await twin.answers()
        assert looked_back[day][: len(said)] == said, day
        # Goals that had not been stated yet are not there.
        assert set(map(type, looked_back[day][len(said) :])) <= {type(None)}
    whole = looked_back[_DAYS[-1]]
    assert [goal["version"] for goal in whole[0]["goals"]] == [1, 1, 3]
    assert [goal["kpi"] for goal in whole[1]["goals"]] == ["engagement_rate"]
    assert whole[4]["standing"]["verdict"] == "missed"


async def test_an_answer_says_as_of_when_it_is(
    client: httpx.AsyncClient, tell: Tell, at: At
) -> None:
    at(noon(6, 30))
    company = _Company(client, tell)
    await _found(company)
    url = f"/v1/goals/{company.goals[0]}"
    at(noon(7, 20))

    for path in (url, "/v1/goals"):
        now = (await client.get(path)).json()
        then = (await client.get(path, params={"as_of": "2025-07-05"})).json()
        before = await client.get(path, params={"as_of": "2025-06-29"})

        assert (now["as_of"], now["is_final"], now["frozen"]) == (None, False, False)
        assert (then["as_of"], then["is_final"], then["frozen"]) == ("2025-07-05", True, False)
        assert now["known_position"] == then["known_position"] > 100
        # The goal had not been stated.
        assert before.status_code == (200 if path == "/v1/goals" else 404)
    assert before.json()["goals"] == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"as_of": "2025-07-01"}, "as_of_in_future"),
        ({"as_of": "yesterday"}, "invalid"),
        ({"as_of": "1751328000"}, "invalid"),
        ({"as_of": "2025-06-30", "live": "true"}, "invalid"),
    ],
)
async def test_days_that_cannot_be_looked_back_to_are_refused(
    client: httpx.AsyncClient, at: At, asked: dict[str, str], code: str
) -> None:
    at(noon(6, 30))

    answers = [await client.get(f"/v1/goals{one}", params=asked) for one in ("", f"/{uuid4()}")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(422, code)] * 2


async def test_a_day_that_is_not_folded_yet_has_no_standing(
    client: httpx.AsyncClient, database: Database, org: Org, fold: Fold, tell: Tell, at: At
) -> None:
    at(noon(6, 30))
    company = _Company(client, tell)
    await _found(company)
    at(last_minute(date(2025, 6, 30)))
    async with database.transaction(org.id) as connection:
        await append(connection, org, [_moved(next(views()), reactions=77)])
    at(noon(7, 1))
    urls = ("/v1/goals", f"/v1/goals/{company.goals[0]}")

    early = [await client.get(url, params={"as_of": "2025-06-30"}) for url in urls]
    await fold(org)
    folded = [await client.get(url, params={"as_of": "2025-06-30"}) for url in urls]

    assert [answer.status_code for answer in early + folded] == [503, 503, 200, 200]
    assert all("Retry-After" in answer.headers for answer in early)


async def test_a_page_of_goals_goes_on_as_of_the_same_day(
    client: httpx.AsyncClient, tell: Tell, at: At
) -> None:
    at(noon(6, 30))
    company = _Company(client, tell)
    await _found(company)
    asked: dict[str, Any] = {"as_of": "2025-06-30", "limit": 1}
    at(noon(7, 2))
    await company.archive(0)

    first = (await client.get("/v1/goals", params=asked)).json()
    following = {**asked, "cursor": first["next_cursor"]}
    rest = (await client.get("/v1/goals", params=following)).json()
    other = await client.get("/v1/goals", params={**following, "as_of": "2025-07-01"})

    ids = [goal["id"] for goal in first["goals"] + rest["goals"]]
    assert (ids, rest["next_cursor"]) == (company.goals[::-1], None)
    assert refusal(other) == (400, "invalid_cursor")
