"""Golden number 13 through the public door: small teams are seen only together."""

from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared import clock
from shared.facts import parse_fact
from shared.orgs import Org
from tests.api.asking import get, refusal
from tests.api.conftest import At, Deliver, MakeClient, Tell
from tests.api.golden import Q1, fact, local

#: team → (enrolled, active)
TEAMS = {"Sales": (12, 10), "Marketing": (6, 5), "HR": (5, 4), "IT": (4, 3), "Mgmt": (3, 2)}
# The ISO weeks that count for who is active at the end of the quarter.
MONDAYS = [date(2025, 3, 3) + timedelta(days=7 * week) for week in range(4)]


def quarter() -> Iterator[dict[str, Any]]:
    """Yield the roster, the members and the posts of those who are active."""
    start = date(2025, 1, 1)
    for team, (enrolled, active) in TEAMS.items():
        for number in range(enrolled):
            employee = f"{team}-{number}"
            yield fact(
                "employee.recorded",
                employee,
                local(start),
                employee=employee,
                effective_on="2025-01-01",
                team=team,
            )
            yield fact("member.joined", employee, local(start), employee=employee)
            if number < active:
                for monday in MONDAYS:
                    name = f"{employee}-{monday}"
                    yield fact(
                        "post.published",
                        name,
                        local(monday, 9),
                        post=name,
                        employee=employee,
                        network="linkedin",
                    )


def quota() -> dict[str, Any]:
    """Return what somebody of HR is to sell in four months."""
    target = {"amount": "10.00", "currency": "USD", "employee": "HR-0"}
    days = {"starts_on": "2025-02-01", "ends_on": "2025-06-01"}
    return fact("quota.set", "q", local(date(2025, 2, 1)), **target, **days)


@pytest_asyncio.fixture
async def teams(client: httpx.AsyncClient, deliver: Deliver) -> AsyncIterator[httpx.AsyncClient]:
    await deliver(quarter())
    yield client


async def groups(client: httpx.AsyncClient, kpi: str, **query: Any) -> dict[str | None, Any]:
    answer = await get(client, f"kpis/{kpi}/series", **{**Q1, **query})
    return {point["group"]: point for point in answer["points"]}


async def test_small_teams_are_shown_only_merged(teams: httpx.AsyncClient) -> None:
    rate = await groups(teams, "active_of_enrolled_rate", group_by="team")
    total = (await groups(teams, "active_of_enrolled_rate"))[None]

    shown = {
        team: (point["numerator"], point["denominator"])
        for team, point in rate.items()
        if not point["suppressed"]
    }
    assert shown == {
        "Sales": ("10", "12"),
        "Marketing": ("5", "6"),
        "HR": ("4", "5"),
        "IT + Mgmt": ("5", "7"),
    }
    assert rate["IT + Mgmt"]["merged"] == ["IT", "Mgmt"]
    assert (total["numerator"], total["denominator"]) == ("24", "30")
    for team in ("IT", "Mgmt"):
        hidden = rate[team]
        assert (hidden["value"], hidden["numerator"], hidden["denominator"]) == (None, None, None)
        assert (hidden["suppressed"], hidden["null_reason"]) == (True, "suppressed:small_group")


async def test_a_team_whose_members_left_is_as_large_as_its_staff(
    teams: httpx.AsyncClient, deliver: Deliver
) -> None:
    start, later = local(date(2025, 1, 1)), local(date(2025, 3, 10), 9)
    told = [fact("member.joined", "b", start, employee="Board-0")]
    told.append(fact("member.left", "b", local(date(2025, 2, 1)), employee="Board-0"))
    for number in range(3):
        who = {"employee": f"Board-{number}"}
        row = {"effective_on": "2025-01-01", "team": "Board"}
        told.append(fact("employee.recorded", f"b{number}", start, **who, **row))
        told.append(fact("post.published", f"b{number}", later, post=f"b{number}", **who))
    await deliver(told)

    shares = await groups(teams, "shares", group_by="team", **{"from": "2025-03-01"})

    assert shares["Board"]["suppressed"]
    assert shares["Board + IT + Mgmt"]["value"] == "23"


async def test_values_of_many_kpis_hide_the_same_teams(teams: httpx.AsyncClient) -> None:
    both = {"ids": ["shares", "active_advocates"]}
    answer = await get(teams, "kpis/values", **Q1, **both, group_by="team")

    for kpi in answer["kpis"]:
        found = {value["group"]: value for value in kpi["values"]}
        assert [team for team, value in found.items() if value["suppressed"]] == ["IT", "Mgmt"]
        assert found["IT + Mgmt"]["value"] == {"shares": "20", "active_advocates": "5"}[kpi["kpi"]]


@pytest.mark.parametrize(
    ("only", "value"),
    [
        (["Mgmt"], None),
        (["Sales", "Mgmt"], None),
        (["Sales", "Marketing", "HR", "IT"], None),
        (["IT", "Mgmt"], "20"),
        (["Sales", "Marketing", "HR"], "76"),
    ],
)
async def test_filters_on_teams_cannot_be_subtracted(
    teams: httpx.AsyncClient, only: list[str], value: str | None
) -> None:
    point = (await groups(teams, "shares", team=only))[None]

    assert point["value"] == value
    assert point["suppressed"] is (value is None)


async def test_another_dimension_does_not_open_a_small_team(teams: httpx.AsyncClient) -> None:
    by_network = await groups(teams, "shares", team="Mgmt", group_by="network")
    filtered = await groups(teams, "shares", network="linkedin", group_by="team")

    assert [point["suppressed"] for point in by_network.values()] == [True]
    assert filtered["Mgmt"]["suppressed"] is True
    assert filtered["IT + Mgmt"]["value"] == "20"


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("leaderboard", {}),
        ("kpis/shares/explain", {}),
        ("restatements", {"kpi": "shares"}),
        ("restatements/facts", {"kpi": "shares", "day": "2025-04-10"}),
    ],
)
async def test_lists_of_small_teams_are_refused(
    teams: httpx.AsyncClient, path: str, needed: dict[str, str]
) -> None:
    refused = await teams.get(f"/v1/{path}", params={**Q1, **needed, "team": "Mgmt"})
    given = await teams.get(f"/v1/{path}", params={**Q1, **needed, "team": "Sales"})

    assert refusal(refused) == (422, "small_group")
    assert given.status_code == 200


async def test_an_agreement_with_the_works_council_hides_more(
    teams: httpx.AsyncClient, org: Org, client_of: MakeClient
) -> None:
    too_low = await teams.put("/v1/organization/privacy", json={"smallest_group": 4})
    stated = await teams.put("/v1/organization/privacy", json={"smallest_group": 10})
    later = await client_of(org)
    rate = await groups(later, "active_of_enrolled_rate", group_by="team")

    assert too_low.status_code == 422
    assert stated.json()["smallest_group"] == 10
    visible = {team for team, point in rate.items() if not point["suppressed"]}
    assert visible == {"Sales", "HR + IT + Marketing + Mgmt"}
    assert rate["HR + IT + Marketing + Mgmt"]["denominator"] == "18"


async def test_a_team_that_was_small_for_a_day_is_hidden_in_every_period_with_that_day(
    teams: httpx.AsyncClient, deliver: Deliver
) -> None:
    leaves = fact("member.left", "HR-0", local(date(2025, 3, 20)), employee="HR-0")
    await deliver([leaves])

    series = await get(teams, "kpis/shares/series", **Q1, group_by="team", interval="month")

    hidden: dict[str, set[str]] = {}
    for point in series["points"]:
        if point["suppressed"]:
            hidden.setdefault(point["from"], set()).add(point["group"])
    assert hidden == {
        "2025-01-01": {"IT", "Mgmt"},
        "2025-02-01": {"IT", "Mgmt"},
        "2025-03-01": {"HR", "IT", "Mgmt"},
    }


async def one_line(client: httpx.AsyncClient, kpi: str, **query: Any) -> tuple[Any, str]:
    """Return the first line of an explanation, and where it goes on."""
    facts = (await get(client, f"kpis/{kpi}/explain", **Q1, limit=1, **query))["facts"]
    return facts["lines"][0], facts["next_cursor"]


async def test_explanations_do_not_tell_who_in_other_words(
    teams: httpx.AsyncClient, org: Org, client_of: MakeClient
) -> None:
    reader = await client_of(org, ["kpis:read"])
    roster = {"headcount": "headcount", "cross_unit_ties": "ties_possible"}
    people = {"enrolled_employees": "enrolled", "shares": "shares", "sharers_any": "sharers"}

    for kpi, measure in (roster | people).items():
        line, following = await one_line(reader, kpi, measure=measure)
        whole, _ = await one_line(teams, kpi, measure=measure)

        assert (line["employee"], line["external_id"]) == (None, None)
        assert line["position"] == (whole["position"] if measure == "shares" else None)
        assert whole["external_id"] is not None
        if kpi in roster:
            assert (line["note"], whole["note"] in TEAMS) == (None, True)
        sealed = urlsafe_b64decode(following + "==")
        # Two letters are found in what is sealed by chance.
        assert not any(team.encode() in sealed for team in TEAMS if len(team) > 3)


async def test_what_an_employees_own_connection_told_does_not_name_it(
    client: httpx.AsyncClient, org: Org, client_of: MakeClient, tell: Tell, at: At
) -> None:
    reader = await client_of(org, ["kpis:read"])
    own = {
        "provider": "linkedin",
        "source": "linkedin-e007",
        "name": "Maria",
        "config": {"employee": "E007"},
        "credentials": {"auth": {"type": "token", "access_token": "a-token"}},
    }
    assert (await client.post("/v1/connections", json=own)).status_code == 201
    told = fact("engagement.daily", "1", local(date(2025, 3, 3)), employee="E007", reactions=3)
    read = parse_fact({**told, "source": own["source"], "day": "2025-03-03", "network": "linkedin"})
    at(local(date(2025, 4, 10)))
    await tell([read])
    at(local(date(2025, 4, 11)))

    for one, source in ((client, "linkedin-e007"), (reader, "linkedin")):
        explained = await get(one, "kpis/reactions/explain", **Q1)
        moved = await get(one, "restatements/facts", kpi="reactions", day="2025-04-10", **Q1)

        assert [line["source"] for line in explained["facts"]["lines"]] == [source]
        assert [line["source"] for line in moved["facts"]] == [source]
        assert [one["furthest_behind"] for one in explained["sources"]] == ["linkedin"]
        assert ("e007" in f"{explained} {moved}".lower()) == (one is client)


async def test_what_stands_for_months_is_not_known_again_by_its_fact(
    teams: httpx.AsyncClient, org: Org, client_of: MakeClient, deliver: Deliver
) -> None:
    await deliver([quota()])
    reader = await client_of(org, ["kpis:read"])
    names = ("day", "occurred_at", "position")
    standing = {
        "enrolled_employees": ("enrolled", ()),
        "headcount": ("headcount", ()),
        "turnover_rate": ("person_days", ("day",)),
        "quota_attainment": ("quota", ("day",)),
        "shares": ("shares", names),
    }

    for kpi, (measure, shown) in standing.items():
        line, _ = await one_line(reader, kpi, measure=measure, team="HR")
        whole, _ = await one_line(teams, kpi, measure=measure, team="HR")

        assert {name: line[name] for name in names} == {
            name: whole[name] if name in shown else None for name in names
        }, kpi
        assert None not in {whole[name] for name in names}


async def test_what_moved_a_level_is_not_known_again_by_its_entry(
    teams: httpx.AsyncClient, org: Org, client_of: MakeClient, deliver: Deliver
) -> None:
    await deliver([quota()])
    reader = await client_of(org, ["kpis:read"])
    today = clock.local_day(clock.now(), org.zone)
    names = ("position", "occurred_at", "recorded_at")
    moved = {
        "enrolled_employees": {"member.joined": False},
        "quota_attainment": {"quota.set": False},
        "shares": {"post.published": True},
        # Whose posts are divided by who is active: the same posts.
        "shares_per_advocate_week": {"post.published": False},
    }

    for kpi, kinds in moved.items():
        asked = {**Q1, "kpi": kpi, "day": f"{today}", "limit": "200"}
        answer, whole = [
            (await client.get("/v1/restatements/facts", params=asked)).json()["facts"]
            for client in (reader, teams)
        ]

        assert {line["kind"] for line in whole} >= kinds.keys(), kpi
        for line, entry in zip(answer, whole, strict=True):
            is_shown = kinds.get(line["kind"], False)
            assert {name: line[name] for name in names} == {
                name: entry[name] if is_shown else None for name in names
            }, (kpi, line["kind"])
            assert None not in {entry[name] for name in (*names, "external_id")}
            assert line["external_id"] is None


async def test_a_fact_of_one_team_is_listed_without_the_team(
    teams: httpx.AsyncClient, org: Org, client_of: MakeClient, deliver: Deliver
) -> None:
    day = {"day": "2025-03-03"}
    at = local(date(2025, 3, 3))
    answers: dict[str, Any] = {"respondents": 5, "positive": 1, "negative": 1}
    told = [
        fact("figure.recorded", "s-IT", at, figure="search_hours", value="3", team="IT", **day),
        fact("figure.recorded", "s", at, figure="search_hours", value="4", **day),
        fact("ties.recorded", "HR-IT", at, team="HR", other_team="IT", pairs=2),
        fact("mail.daily", "m-IT", at, team="IT", messages=9, people=3, **day),
        fact("survey.recorded", "e-IT", at, topic="enps", team="IT", **answers),
        fact("survey.recorded", "e-Lab", at, topic="enps", department="Lab", **answers),
        fact("survey.recorded", "e-head", at, topic="enps", role="head", **answers),
    ]
    await deliver(told)
    reader = await client_of(org, ["kpis:read"])
    listed = {
        "cross_unit_ties": "ties",
        "internal_email_delta": "mail.person_days",
        "enps": "survey.enps.positive",
        "info_search_time_saved": "search.hours",
    }

    for kpi, measure in listed.items():
        asked = {**Q1, "measure": measure}
        answer = (await reader.get(f"/v1/kpis/{kpi}/explain", params=asked)).json()["facts"]
        whole = (await teams.get(f"/v1/kpis/{kpi}/explain", params=asked)).json()["facts"]

        assert [line["quantity"] for line in answer["lines"]] == [
            line["quantity"] for line in whole["lines"]
        ]
        named = {line["external_id"] for line in whole["lines"]} - {"s"}
        assert named, kpi
        assert not named & {line["external_id"] for line in answer["lines"]}
        notes = " ".join(line["note"] or "" for line in answer["lines"])
        assert not any(team in notes for team in TEAMS), kpi
        assert "each of 4 people" not in notes


async def test_figures_of_single_people_need_the_scope(
    teams: httpx.AsyncClient, org: Org, client_of: MakeClient
) -> None:
    reader = await client_of(org, ["kpis:read"])

    refused = [
        await reader.get("/v1/kpis/shares/series", params={**Q1, "group_by": "employee"}),
        await reader.get("/v1/kpis/shares/series", params={**Q1, "employee": "HR-0"}),
        await reader.get("/v1/kpis/shares/explain", params={**Q1, "employee": "HR-0"}),
        await reader.get("/v1/leaderboard", params=Q1),
    ]
    explained = (await reader.get("/v1/kpis/shares/explain", params=Q1)).json()
    allowed = await groups(teams, "shares", group_by="employee")

    assert {response.status_code for response in refused} == {403}
    assert {line["employee"] for line in explained["facts"]["lines"]} == {None}
    assert allowed["HR-0"]["value"] == "4"
