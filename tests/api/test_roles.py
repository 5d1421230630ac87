"""Figures of roles and departments: as the roster tells each day, where they tell of nobody."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from threading import get_ident
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.kpis.cuts import Drawing
from shared.orgs import Org
from tests.api.asking import explained, get, groups, quantities, refusal, values
from tests.api.conftest import Deliver, MakeClient, TellAndCorrect
from tests.api.goals import FIRST_HALF, of, stated
from tests.api.golden import Q1, fact, local

START, LATER = date(2025, 1, 1), date(2025, 2, 10)
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
async def staff(client: httpx.AsyncClient, tell_and_correct: TellAndCorrect) -> httpx.AsyncClient:
    """Return a client of a staff whose roster was corrected after its quarter."""
    await tell_and_correct(quarter(), [correction()])
    return client


async def test_roles_and_who_has_none_add_up_to_the_whole(staff: httpx.AsyncClient) -> None:
    for kpi, whole in KPIS.items():
        assert await values(staff, kpi) == {None: whole}, kpi

    # The promoted and the corrected were leaders for one and for two of their posts.
    shares = await values(staff, "shares", group_by="role")
    assert shares == {"": "18", "expert": "27", "leader": "15"}
    for kpi in ("headcount", "enrolled_employees", "sharers_any"):
        found = await values(staff, kpi, group_by="role")
        assert found == {"": "9", "expert": "13", "leader": "8"}, kpi


@pytest.mark.parametrize(
    ("kpi", "expected"),
    [
        ("leadership_participation_rate", {"leader": "100.00"}),
        ("social_competency_score", {"leader": "70.00"}),
        ("active_participation_rate", {"": "100.00", "expert": "100.00", "leader": "100.00"}),
    ],
)
async def test_rates_and_scores_come_by_role(
    staff: httpx.AsyncClient, kpi: str, expected: dict[str, str]
) -> None:
    found = await values(staff, kpi, group_by="role")

    shown = {role: value for role, value in found.items() if value not in {None, "0"}}
    assert shown == expected


async def test_advocates_count_in_the_role_that_they_have(
    staff: httpx.AsyncClient, deliver: Deliver
) -> None:
    # Everybody posted in one of the last four weeks of March; these did so in three.
    days = (date(2025, 3, 5), date(2025, 3, 19))
    some = [who for who, _, _ in people() if int(who[-1]) % 2 == 0]
    await deliver(posted(who, day) for who in some for day in days)

    found = await values(staff, "active_advocates", group_by="role")

    # Nine experts and three leaders were such, less and plus the promoted and the corrected.
    assert found == {"": "6", "expert": "7", "leader": "5"}


async def test_departments_and_who_is_in_none_add_up_to_the_whole(
    staff: httpx.AsyncClient,
) -> None:
    for kpi, expected in {
        "shares": ("20", "40"),
        "headcount": ("10", "20"),
        "enrolled_employees": ("10", "20"),
        "original_content_ratio": ("50.00", "10.00"),
        # Three of ten, and five of twenty: the promoted and the corrected are leaders.
        "linkedin_penetration": ("30.00", "25.00"),
        "turnover_rate": ("0.00", "5.00"),
    }.items():
        found = await values(staff, kpi, group_by="department")
        assert (found["Commercial"], found["Products"]) == expected, kpi
        assert await values(staff, kpi, department="Products") == {None: expected[1]}, kpi


async def test_who_left_counts_in_the_role_of_their_last_day(staff: httpx.AsyncClient) -> None:
    rate = await groups(staff, "turnover_rate", group_by="role")

    # Six leaders from the start, one of them corrected, one more from 10 February on.
    assert rate["leader"]["numerator"] == "1"
    assert rate["leader"]["denominator"] == "7.555555555556"
    assert rate["expert"]["value"] == rate[""]["value"] == "0.00"


async def test_a_role_is_filtered_by_and_combined_with_a_network(
    staff: httpx.AsyncClient,
) -> None:
    both = {"ids": ["shares", "sharers_any"]}
    for filters in ({"role": "leader"}, {"role": "leader", "network": "linkedin"}):
        answer = await get(staff, "kpis/values", **Q1, **both, **filters)
        found = {one["kpi"]: one["values"][0]["value"] for one in answer["kpis"]}
        assert found == {"shares": "15", "sharers_any": "8"}, filters

    networks = await values(staff, "shares", group_by="network", role=["leader", "expert"])
    assert networks["linkedin"] == "42"


async def test_a_correction_moves_history_and_what_was_known_stays(
    staff: httpx.AsyncClient,
) -> None:
    then = await values(staff, "shares", group_by="role", as_of="2025-04-10")
    now = await values(staff, "shares", group_by="role")

    assert (then["leader"], then["expert"]) == ("13", "29")
    assert (now["leader"], now["expert"]) == ("15", "27")
    asked = {**Q1, "kpi": "shares", "role": "leader"}
    moves = await get(staff, "restatements", **asked)
    assert [(one["day"], one["before"], one["after"]) for one in moves["restatements"]] == [
        ("2025-04-20", "13", "15")
    ]
    causes = await get(staff, "restatements/facts", **asked, day="2025-04-20")
    assert [(one["kind"], one["weight"]) for one in causes["facts"]] == [
        ("employee.recorded", -1),
        ("employee.recorded", 1),
    ]


@pytest.mark.parametrize("kpi", ["shares", "headcount", "sharers_any", "turnover_rate"])
async def test_the_facts_of_a_role_add_up_to_its_figure(staff: httpx.AsyncClient, kpi: str) -> None:
    answer, lines = await explained(staff, kpi, role="leader", limit=100)

    for given in (one for one in answer["inputs"] if one["measure"] != "weeks"):
        assert sum(quantities(lines, given["measure"])) == Fraction(given["value"]), given


async def test_a_role_that_one_team_holds_but_for_few_is_not_shown(
    staff: httpx.AsyncClient, deliver: Deliver
) -> None:
    directors = [recorded(f"Board-{n}", "Board", "director", START) for n in range(6)]
    await deliver([*directors, recorded("Board-6", "Board", "expert", START)])

    teams = await values(staff, "headcount", group_by="team")
    found = await groups(staff, "headcount", group_by="role")

    # Seven people of the board less six directors would be one.
    assert teams["Board"] == "7"
    assert {role for role, one in found.items() if one["suppressed"]} == {"director", "leader"}
    assert found["director + leader"]["value"] == "14"
    only = await groups(staff, "headcount", role="director")
    assert only[None]["null_reason"] == "suppressed:small_group"


async def test_a_department_that_one_team_holds_but_for_few_is_not_shown(
    staff: httpx.AsyncClient, deliver: Deliver
) -> None:
    # Two of Sales belong to the products: Sales less the Commercial are these.
    two = [recorded(f"Sales-other-{n}", "Sales", "", date(2025, 3, 1)) for n in range(2)]
    await deliver({**one, "department": "Products"} for one in two)

    january = {"from": "2025-01-01", "to": "2025-02-01"}
    before = await values(staff, "shares", group_by="department", **january)
    assert before["Commercial"] == "10"
    found = await groups(staff, "shares", group_by="department")
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
        assert refusal(refused) == (403, "insufficient_scope"), path
        await get(staff, path, **Q1, **query)

    shown = await values(reader, "shares", group_by="role")
    assert shown["leader"] == "15"


async def test_of_parts_of_teams_those_are_hidden_that_are_small(staff: httpx.AsyncClient) -> None:
    parts = await values(staff, "shares", group_by="role", team="Sales")

    assert parts == {"": "6", "expert": "9", "leader": "5"}


async def test_incidents_are_of_the_groups_of_whom_they_name(
    staff: httpx.AsyncClient, deliver: Deliver
) -> None:
    # One names who was promoted the day after, and one names nobody.
    who = {"employee": "Sales-expert-0", "count": 2}
    await deliver(
        [
            fact("incident.recorded", "named", local(date(2025, 2, 9)), **who),
            fact("incident.recorded", "unnamed", local(date(2025, 2, 9))),
        ]
    )

    kpi = "off_channel_incidents"
    assert await values(staff, kpi) == {None: "3"}
    assert await values(staff, kpi, group_by="department") == {"Commercial": "2"}
    assert await values(staff, kpi, group_by="team") == {"Sales": "2"}
    for department, lines in (("Commercial", 1), ("Products", 0)):
        answer, listed = await explained(staff, kpi, department=department)
        assert sum(quantities(listed, kpi)) == Fraction(answer["value"]["value"])
        assert len(listed) == lines
    for asked in ({"group_by": "employee"}, {"employee": "Sales-expert-0"}):
        refused = await staff.get("/v1/kpis/values", params={**Q1, "ids": kpi, **asked})
        assert refusal(refused) == (422, "dimension_not_carried")


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

    assert refusal(refused) == (422, code)


async def test_a_goal_may_be_a_roles(
    staff: httpx.AsyncClient, client_of: MakeClient, org: Org
) -> None:
    more = of("shares", "posts", "20", **FIRST_HALF)
    reader = await client_of(org, ["goals:read"])
    goal = await stated(staff, {**more, "filters": {"role": ["leader"]}})
    seen = await get(reader, f"goals/{goal['id']}")
    assert seen["standing"]["actual"] == "15"

    # Leaders of one team are for those to see who may see people, and a goal is for everybody.
    of_team = {"role": ["leader"], "team": ["Sales"]}
    refused = await staff.post("/v1/goals", json={**more, "filters": of_team})
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
            await get(staff, f"kpis/{kpi}/series", **year, interval=interval)
            taken[interval] = len(cuts)
            # Other requests are answered while it is decided.
            assert get_ident() not in cuts
        assert 0 < taken["day"] == taken["total"], kpi
