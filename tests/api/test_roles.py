"""Figures of roles and departments: as the roster tells each day, where they tell of nobody."""

from collections.abc import AsyncIterator, Iterator
from datetime import date
from threading import get_ident
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared import clock
from shared.kpis.cuts import Drawing
from shared.orgs import Org
from tests.api.conftest import Fold, MakeClient
from tests.api.golden import Q1, fact, local

START, LATER = date(2025, 1, 1), date(2025, 2, 10)
TOLD, CORRECTED, ASKED = date(2025, 3, 31), date(2025, 4, 20), date(2025, 5, 2)
TEAMS = ("Sales", "IT", "HR")
DEPARTMENTS = {"Sales": "Commercial", "IT": "Products", "HR": "Products"}
#: role → how many of each team have it; who has none is of no role.
ROLES = {"leader": 2, "expert": 5, "": 3}
KPIS = {
    "headcount": "30",
    "enrolled_employees": "30",
    "sharers_any": "30",
    "shares": "60",
    "active_participation_rate": "100.00",
    "enrollment_rate": "100.00",
}


def people() -> Iterator[tuple[str, str, str]]:
    """Yield (employee, team, role) of everybody at the start."""
    for team in TEAMS:
        for role, count in ROLES.items():
            for number in range(count):
                yield f"{team}-{role or 'other'}-{number}", team, role


def recorded(employee: str, team: str, role: str, since: date) -> dict[str, Any]:
    """Return a row of the roster; of all, leaders alone are on LinkedIn."""
    where: dict[str, Any] = {"team": team, "effective_on": since.isoformat()}
    where["linkedin_account"] = role == "leader"
    where |= {"role": role} if role else {}
    where |= {"department": DEPARTMENTS[team]} if team in DEPARTMENTS else {}
    name = f"{employee}@{since}"
    return fact("employee.recorded", name, local(since), employee=employee, **where)


def posted(employee: str, day: date, origin: str = "curated") -> dict[str, Any]:
    post = {"post": f"{employee}-{day}", "employee": employee, "network": "linkedin"}
    return fact("post.published", post["post"], local(day), origin=origin, **post)


def quarter() -> Iterator[dict[str, Any]]:
    """Yield a staff of which everybody posts in January and in March; one is promoted between."""
    for employee, team, role in people():
        yield recorded(employee, team, role, START)
        yield fact("member.joined", employee, local(START), employee=employee)
        for day in (date(2025, 1, 15), date(2025, 3, 12)):
            # Sales wrote all of January's posts on their own, and of the others only leaders did.
            is_own = day.month == 1 and (team == "Sales" or role == "leader")
            yield posted(employee, day, "own" if is_own else "curated")
    yield recorded("Sales-expert-0", "Sales", "leader", LATER)
    survey = {"topic": "competence", "respondents": 10, "score_sum": "700", "role": "leader"}
    yield fact("survey.recorded", "competence", local(LATER), **survey)
    yield fact("employment.ended", "gone", local(date(2025, 3, 20)), employee="HR-leader-1")
    mails = {"day": LATER.isoformat(), "messages": 30, "people": 10, "department": "Products"}
    yield fact("mail.daily", "mails", local(LATER), **mails)


def correction() -> dict[str, Any]:
    """Return what is told later: one of the experts had been a leader all the time."""
    return recorded("IT-expert-0", "IT", "leader", START)


@pytest_asyncio.fixture
async def staff(
    client: httpx.AsyncClient, org: Org, fold: Fold, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a staff whose roster was corrected after its quarter."""
    for day, facts in ((TOLD, list(quarter())), (CORRECTED, [correction()])):
        monkeypatch.setattr(clock, "now", lambda day=day: local(day))
        response = await client.post("/v1/facts", json=facts)
        assert response.status_code == 200, response.text
        await fold(org)
    monkeypatch.setattr(clock, "now", lambda: local(ASKED))
    yield client


async def by_role(client: httpx.AsyncClient, kpi: str, **query: Any) -> dict[str, Any]:
    asked = {**Q1, "group_by": "role", "ids": [kpi], **query}
    response = await client.get("/v1/kpis/values", params=asked)
    assert response.status_code == 200, response.text
    return {one["group"]: one for one in response.json()["kpis"][0]["values"]}


async def test_roles_and_who_has_none_add_up_to_the_whole(staff: httpx.AsyncClient) -> None:
    for kpi, whole in KPIS.items():
        response = await staff.get("/v1/kpis/values", params={**Q1, "ids": [kpi]})
        assert response.json()["kpis"][0]["values"][0]["value"] == whole, kpi

    shares = await by_role(staff, "shares")
    # The promoted and the corrected were leaders for one and for two of their posts.
    assert {role: one["value"] for role, one in shares.items()} == {
        "": "18",
        "expert": "27",
        "leader": "15",
    }
    for kpi in ("headcount", "enrolled_employees", "sharers_any"):
        found = await by_role(staff, kpi)
        assert {role: one["value"] for role, one in found.items()} == {
            "": "9",
            "expert": "13",
            "leader": "8",
        }, kpi


@pytest.mark.parametrize(
    ("kpi", "values"),
    [
        ("leadership_participation_rate", {"leader": "100.00"}),
        ("social_competency_score", {"leader": "70.00"}),
        ("active_participation_rate", {"": "100.00", "expert": "100.00", "leader": "100.00"}),
    ],
)
async def test_rates_and_scores_come_by_role(
    staff: httpx.AsyncClient, kpi: str, values: dict[str, str]
) -> None:
    found = await by_role(staff, kpi)

    shown = {role: one["value"] for role, one in found.items() if one["value"] not in {None, "0"}}
    assert shown == values


async def test_advocates_count_in_the_role_that_they_have(
    staff: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    # Everybody posted in one of the last four weeks of March; these did so in three.
    days = (date(2025, 3, 5), date(2025, 3, 19))
    more = [posted(who, day) for who, _, _ in people() for day in days if int(who[-1]) % 2 == 0]
    response = await staff.post("/v1/facts", json=more)
    assert response.status_code == 200, response.text
    await fold(org)

    found = await by_role(staff, "active_advocates")

    # Nine experts and three leaders were such, less and plus the promoted and the corrected.
    values = {role: one["value"] for role, one in found.items()}
    assert values == {"": "6", "expert": "7", "leader": "5"}


async def test_departments_and_who_is_in_none_add_up_to_the_whole(
    staff: httpx.AsyncClient,
) -> None:
    for kpi, values in {
        "shares": ("20", "40"),
        "headcount": ("10", "20"),
        "enrolled_employees": ("10", "20"),
        "original_content_ratio": ("50.00", "10.00"),
        # Three of ten, and five of twenty: the promoted and the corrected are leaders.
        "linkedin_penetration": ("30.00", "25.00"),
        "turnover_rate": ("0.00", "5.00"),
    }.items():
        found = await by_role(staff, kpi, group_by="department")
        shown = tuple(found[name]["value"] for name in ("Commercial", "Products"))
        assert shown == values, kpi
        only = await staff.get(
            "/v1/kpis/values", params={**Q1, "ids": kpi, "department": "Products"}
        )
        assert only.json()["kpis"][0]["values"][0]["value"] == values[1], kpi


async def test_who_left_counts_in_the_role_of_their_last_day(staff: httpx.AsyncClient) -> None:
    rate = await by_role(staff, "turnover_rate")

    # Six leaders from the start, one of them corrected, one more from 10 February on.
    assert rate["leader"]["numerator"] == "1"
    assert rate["leader"]["denominator"] == "7.555555555556"
    assert rate["expert"]["value"] == rate[""]["value"] == "0.00"


async def test_a_role_is_filtered_by_and_combined_with_a_network(
    staff: httpx.AsyncClient,
) -> None:
    query = {**Q1, "ids": ["shares", "sharers_any"]}
    for filters in ({"role": "leader"}, {"role": "leader", "network": "linkedin"}):
        response = await staff.get("/v1/kpis/values", params={**query, **filters})
        found = {one["kpi"]: one["values"][0]["value"] for one in response.json()["kpis"]}
        assert found == {"shares": "15", "sharers_any": "8"}, filters

    networks = await by_role(staff, "shares", group_by="network", role=["leader", "expert"])
    assert networks["linkedin"]["value"] == "42"


async def test_a_correction_moves_history_and_what_was_known_stays(
    staff: httpx.AsyncClient,
) -> None:
    then = await by_role(staff, "shares", as_of="2025-04-10")
    now = await by_role(staff, "shares")

    assert (then["leader"]["value"], then["expert"]["value"]) == ("13", "29")
    assert (now["leader"]["value"], now["expert"]["value"]) == ("15", "27")
    moves = await staff.get("/v1/restatements", params={**Q1, "kpi": "shares", "role": "leader"})
    assert moves.status_code == 200, moves.text
    assert [(one["day"], one["before"], one["after"]) for one in moves.json()["restatements"]] == [
        ("2025-04-20", "13", "15")
    ]
    causes = await staff.get(
        "/v1/restatements/facts",
        params={**Q1, "kpi": "shares", "role": "leader", "day": "2025-04-20"},
    )
    assert [(one["kind"], one["weight"]) for one in causes.json()["facts"]] == [
        ("employee.recorded", -1),
        ("employee.recorded", 1),
    ]


@pytest.mark.parametrize("kpi", ["shares", "headcount", "sharers_any", "turnover_rate"])
async def test_the_facts_of_a_role_add_up_to_its_figure(staff: httpx.AsyncClient, kpi: str) -> None:
    query: dict[str, Any] = {**Q1, "role": "leader", "limit": 100}
    lines: list[dict[str, Any]] = []
    while True:
        answer = (await staff.get(f"/v1/kpis/{kpi}/explain", params=query)).json()
        lines += answer["facts"]["lines"]
        if answer["facts"]["next_cursor"] is None:
            break
        query["cursor"] = answer["facts"]["next_cursor"]

    for given in answer["inputs"]:
        if given["measure"] == "weeks":
            continue
        listed = [float(one["quantity"]) for one in lines if one["measure"] == given["measure"]]
        assert sum(listed) == float(given["value"]), given


async def test_a_role_that_one_team_holds_but_for_few_is_not_shown(
    staff: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    told = [recorded(f"Board-{n}", "Board", "director", START) for n in range(6)]
    told.append(recorded("Board-6", "Board", "expert", START))
    response = await staff.post("/v1/facts", json=told)
    assert response.status_code == 200, response.text
    await fold(org)

    teams = await by_role(staff, "headcount", group_by="team")
    found = await by_role(staff, "headcount")

    # Seven people of the board less six directors would be one.
    assert teams["Board"]["value"] == "7"
    assert {role for role, one in found.items() if one["suppressed"]} == {"director", "leader"}
    assert found["director + leader"]["value"] == "14"
    only = await staff.get("/v1/kpis/values", params={**Q1, "ids": "headcount", "role": "director"})
    assert only.json()["kpis"][0]["values"][0]["null_reason"] == "suppressed:small_group"


async def test_a_department_that_one_team_holds_but_for_few_is_not_shown(
    staff: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    # Two of Sales belong to the products: Sales less the Commercial are these.
    moved = [
        {**recorded(f"Sales-other-{n}", "Sales", "", date(2025, 3, 1)), "department": "Products"}
        for n in range(2)
    ]
    response = await staff.post("/v1/facts", json=moved)
    assert response.status_code == 200, response.text
    await fold(org)

    january = {"from": "2025-01-01", "to": "2025-02-01"}
    before = await by_role(staff, "shares", group_by="department", **january)
    assert before["Commercial"]["value"] == "10"
    found = await by_role(staff, "shares", group_by="department")
    assert {name for name, one in found.items() if one["suppressed"]} == {"Commercial", "Products"}
    assert found["Commercial + Products"]["value"] == "60"


async def test_what_tells_of_single_people_needs_the_scope(
    staff: httpx.AsyncClient, client_of: MakeClient, org: Org
) -> None:
    reader = await client_of(org, ["kpis:read"])
    of_people: list[tuple[str, dict[str, Any]]] = [
        ("kpis/values", {"ids": "shares", "team": "Sales", "role": "leader"}),
        ("kpis/values", {"ids": "shares", "team": "Sales", "group_by": "role"}),
        ("kpis/shares/series", {"group_by": "team", "role": "leader"}),
        ("kpis/shares/explain", {"role": "leader"}),
        ("kpis/shares/explain", {"department": "Products"}),
        ("kpis/shares/series", {"group_by": "department", "team": "IT"}),
        ("restatements/facts", {"kpi": "shares", "role": "leader", "day": "2025-04-20"}),
    ]
    for path, query in of_people:
        refused = await reader.get(f"/v1/{path}", params={**Q1, **query})
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope"), path
        allowed = await staff.get(f"/v1/{path}", params={**Q1, **query})
        assert allowed.status_code == 200, allowed.text

    shown = await by_role(reader, "shares")
    assert shown["leader"]["value"] == "15"


async def test_of_parts_of_teams_those_are_hidden_that_are_small(staff: httpx.AsyncClient) -> None:
    parts = await by_role(staff, "shares", team="Sales")

    assert {role: one["value"] for role, one in parts.items()} == {
        "": "6",
        "expert": "9",
        "leader": "5",
    }


@pytest.mark.parametrize(
    ("kpi", "query", "code"),
    [
        ("shares", {"group_by": "role", "content": "x"}, "combination_not_kept"),
        ("shares", {"department": "Products", "content": "x"}, "combination_not_kept"),
        ("impressions_advocacy", {"group_by": "role"}, "dimension_not_carried"),
        ("service_cost_delta", {"group_by": "department"}, "dimension_not_carried"),
        ("audience_match_rate_title", {"role": "leader"}, "dimension_not_carried"),
        ("headcount", {"group_by": "role", "network": "x"}, "dimension_not_carried"),
    ],
)
async def test_what_cannot_be_divided_by_role_is_refused_by_name(
    client: httpx.AsyncClient, kpi: str, query: dict[str, str], code: str
) -> None:
    refused = await client.get("/v1/kpis/values", params={**Q1, "ids": kpi, **query})

    assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_a_goal_may_be_a_roles(
    staff: httpx.AsyncClient, client_of: MakeClient, org: Org
) -> None:
    goal = {
        "kpi": "shares",
        "target": "20",
        "unit": "posts",
        "direction": "up",
        "stretch": True,
        "owner": "head of sales",
        "objective": "Leaders post where people see them",
        "baseline_on": "2025-01-01",
        "due_on": "2025-06-30",
    }
    reader = await client_of(org, ["goals:read"])
    made = await staff.post("/v1/goals", json={**goal, "filters": {"role": ["leader"]}})
    assert made.status_code == 201, made.text
    seen = await reader.get(f"/v1/goals/{made.json()['id']}")
    assert seen.json()["standing"]["actual"] == "15", seen.text

    # Leaders of one team are for those to see who may see people, and a goal is for everybody.
    of_team = {"role": ["leader"], "team": ["Sales"]}
    refused = await staff.post("/v1/goals", json={**goal, "filters": of_team})
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["rule"]) == (422, "of_single_people")


async def test_a_year_by_day_is_decided_as_often_as_the_roster_changed(
    staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts: list[int] = []
    closed = Drawing.closed

    def counted(*asked: Any) -> Any:
        cuts.append(get_ident())
        return closed(*asked)

    monkeypatch.setattr(Drawing, "closed", counted)
    year = {"from": "2024-05-01", "to": "2025-05-01", "group_by": "role", "role": "leader"}
    for kpi in ("shares", "headcount"):
        taken = {}
        for interval in ("total", "day"):
            cuts.clear()
            response = await staff.get(
                f"/v1/kpis/{kpi}/series", params={**year, "interval": interval}
            )
            assert response.status_code == 200, response.text
            taken[interval] = len(cuts)
            # Other requests are answered while it is decided.
            assert get_ident() not in cuts
        assert 0 < taken["day"] == taken["total"], kpi
