"""``as_of``: who takes it, and that the past is answered as somebody who knew no more would be."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
from fastapi import FastAPI

from shared.orgs import Org
from tests.api.asking import assume, get, post
from tests.api.conftest import At, Deliver, Fold, MakeClient
from tests.api.golden import Q1, activity, fact, local, program, sales
from tests.api.test_incrementality import year

#: What answers no figures, or figures whose time is a matter of their own.
_WITHOUT = {
    # The catalogue is the present one: a definition's version is in every answer.
    *("kpis_list_kpis", "kpis_get_kpi"),
    # These tell of all days that anything was known on.
    *("restatements_list_restatements", "restatements_list_facts"),
    *("publications_list_publications", "publications_get_publication"),
    *("assumptions_list_assumptions", "assumptions_list_statements"),
    # A goal's versions each say when they were stated.
    "goals_list_versions",
    # What was told, by whom, and whether it all came through.
    *("facts_list_facts", "facts_list_kinds"),
    *("connections_list_connections", "connections_get_connection", "connections_list_runs"),
    *("deliveries_list_deliveries", "links_list_links", "keys_list_keys"),
    *("organization_get_organization", "organization_get_data_health"),
}
#: A goal has days of its own, and no period that could be published: tests/api/test_goals_known.py.
_GOALS = {"goals_list_goals", "goals_get_goal", "goals_get_explanation"}
_KPIS = ["shares", "enrollment_rate", "revenue_won", "attributed_revenue_linear", "emv_cpm"]
_MORE_KPIS = ["program_cost", "referral_hires", "active_advocates", "gross_margin_attributed"]
_BASELINE = {"baseline_from": "2024-12-01", "baseline_to": "2025-01-01"}
#: What is asked of each operation, if not just the quarter.
_ASKED: dict[str, dict[str, Any]] = {
    "kpis_list_values": {"ids": [*_KPIS, *_MORE_KPIS]},
    # Revenue is of the day on which a deal was closed, and none was before April.
    "kpis_get_series": {"to": "2025-04-16"},
    "kpis_get_explanation": {"to": "2025-04-16"},
    "roi_get_value": {"lines": ["margin", "recruiting_cost_per_hire"]},
    "roi_get_incrementality": {"metric": "shares", "rollout": "sales=2025-02-03"},
    "roi_get_baseline": _BASELINE,
    "roi_get_internal_network": {"on": "2025-01-01"},
    "roi_list_models": {"group_by": "team"},
    # What led to no lead is told by the day on which it is asked.
    "roi_get_removal_effects": {"conversion": "lead"},
    "roi_get_explanation": {"conversion": "lead"},
}
#: What tells how much was known: it moves with every fact that is told, also with one of no effect.
_OF_KNOWING = {"known_position", "complete_until", "sources"}
_RATES = {
    "gross_margin": ("0.8", "0.7"),
    "cost_per_hire.referral": ("1500", "1000"),
    "emv.cpm": ("30", "50"),
    "esn.adaptation_quits": ("4", "2"),
    "esn.people": ("100", "90"),
    "esn.minutes_saved_per_day": ("10", "5"),
    "esn.hourly_rate": ("30", "40"),
    "esn.cost": ("3600", "3900"),
}


def operations(app: FastAPI) -> Iterator[tuple[str, str, set[str]]]:
    """Yield what can be read: the operation, its path, and what it can be asked."""
    for path, methods in app.openapi()["paths"].items():
        if "get" in methods:
            operation = methods["get"]
            yield (
                operation["operationId"],
                path,
                {one["name"] for one in operation.get("parameters", ())},
            )


def test_every_answer_that_holds_figures_can_be_asked_as_of_a_day(app: FastAPI) -> None:
    asked = {name: parameters for name, _, parameters in operations(app)}
    without = {name for name, parameters in asked.items() if "as_of" not in parameters}

    # Whatever is added either takes `as_of`, or is named above with the reason why not.
    assert without == _WITHOUT
    taking = asked.keys() - without
    assert {name for name in taking if "live" not in asked[name]} == _GOALS


def test_every_answer_as_of_a_day_says_what_was_known(app: FastAPI) -> None:
    document = app.openapi()
    for name, path, parameters in operations(app):
        if "as_of" not in parameters:
            continue
        answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        schema = document["components"]["schemas"][answer["schema"]["$ref"].rpartition("/")[2]]
        assert {"as_of", "known_position", "is_final", "frozen"} <= set(schema["required"]), name


def _earned(name: str, day: date, impressions: int, **whose: str) -> dict[str, Any]:
    counted = {"reactions": impressions // 50, "comments": 3, "reshares": 2, "clicks": 5}
    return fact(
        "engagement.daily",
        name,
        local(day),
        day=day.isoformat(),
        network="linkedin",
        impressions=impressions,
        **whose,
        **counted,
    )


def _told_first() -> list[dict[str, Any]]:
    """Return the quarter, what the brand reached in it, what both reached before, and teams.

    The teams start one after the other, so that there is an effect of the start.
    """
    return [
        *year(),
        *sales(),
        *program(),
        *activity(),
        _earned("before-E001", date(2024, 12, 10), 4000, employee="E001"),
        _earned("before-brand", date(2024, 12, 10), 60000, account="golden-ratio"),
        _earned("brand", date(2025, 2, 3), 70000, account="golden-ratio"),
    ]


def _told_later() -> list[dict[str, Any]]:
    """Return corrections that move every kind of figure: sums, states, people, teams, credit."""
    told = {(one["kind"], one["external_id"]): one for one in _told_first()}
    start = local(date(2025, 1, 1))
    return [
        {**told["deal.changed", "J5"], "amount": "12000.00"},
        {**told["deal.changed", "J3"], "state": "lost"},
        {**told["cost.booked", "cost-content"], "amount": "1700.00"},
        {**told["employee.recorded", "E003"], "team": "marketing"},
        {**told["member.joined", "E004"], "occurred_at": "2025-01-20T09:00:00Z"},
        {**told["engagement.daily", "brand"], "impressions": 90000},
        fact("member.left", "E005", local(date(2025, 2, 10)), employee="E005"),
        # The one before the lead, the other one before the deal.
        *(
            fact(
                "touch.recorded",
                f"J4-{day}",
                local(day),
                person_email="J4@client.example",
                channel="employee_advocacy",
                employee="E006",
            )
            for day in (date(2025, 2, 13), date(2025, 3, 20))
        ),
        *(
            fact(
                "post.published",
                f"late-{number}",
                local(date(2025, 2, 20)),
                post=f"late-{number}",
                employee="E001",
                network="linkedin",
                channel="employee_advocacy",
            )
            for number in range(40)
        ),
        fact(
            "hire.accepted",
            "hire-late",
            start,
            application="A-late",
            employee="E007",
            channel="employee_advocacy",
        ),
    ]


async def _state(client: httpx.AsyncClient, place: int) -> None:
    for key, values in _RATES.items():
        await assume(client, key, values[place])


async def _answers(
    client: httpx.AsyncClient, app: FastAPI, **as_of: str
) -> dict[str, dict[str, Any]]:
    """Return what every operation about a period that takes ``as_of`` answers."""
    answers = {}
    for name, path, parameters in operations(app):
        if "as_of" not in parameters or name in _GOALS:
            continue
        asked = {} if "on" in parameters else Q1
        kpi = path.replace("{kpi_id}", "attributed_revenue_linear")
        response = await client.get(kpi, params={**asked, **_ASKED.get(name, {}), **as_of})
        assert response.status_code == 200, f"{name}: {response.text}"
        answers[name] = response.json()
    return answers


def _figures(answers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    # A cursor is its organization's own, and a day is final when it is over.
    left_out = {"cursor", "next_cursor", "is_final", "as_of"}
    return {
        name: _without(answer, left_out)
        | {"facts": _without(answer.get("facts"), left_out)}
        | {"inputs": [_without(one, left_out) for one in answer.get("inputs", [])]}
        for name, answer in answers.items()
    }


def _without(answer: Any, names: set[str]) -> Any:
    if not isinstance(answer, dict):
        return answer
    return {name: value for name, value in answer.items() if name not in names}


async def test_the_past_is_what_a_twin_answers_that_was_told_no_more(
    client_of: MakeClient,
    org: Org,
    other_org: Org,
    fold: Fold,
    deliver: Deliver,
    at: At,
    app: FastAPI,
) -> None:
    client, twin = await client_of(org), await client_of(other_org)
    at(local(date(2025, 4, 28), 15))
    for one in (client, twin):
        await _state(one, 0)
        await post(one, _told_first())
    at(local(date(2025, 4, 30), 15))
    await fold(org)
    await fold(other_org)
    known_then = _figures(await _answers(twin, app, as_of="2025-04-30"))

    at(local(date(2025, 5, 10), 15))
    await _state(client, 1)
    await deliver(_told_later())
    at(local(date(2025, 6, 1), 15))
    then = await _answers(client, app, as_of="2025-04-30")
    now = _figures(await _answers(client, app))

    assert all(answer["is_final"] for answer in then.values())
    assert _figures(then) == known_then
    unmoved = [
        name
        for name, answer in now.items()
        if _without(answer, _OF_KNOWING) == _without(known_then[name], _OF_KNOWING)
    ]
    assert unmoved == []
    assert known_then["roi_get_incrementality"]["effect"] is not None


async def test_a_published_day_of_the_network_keeps_the_rates_it_was_published_with(
    client: httpx.AsyncClient, at: At
) -> None:
    at(local(date(2025, 4, 28), 15))
    await _state(client, 0)
    at(local(date(2025, 4, 29), 15))
    quarter = {**Q1, "note": "As reported"}
    published = await client.post("/v1/publications", json=quarter)
    assert published.status_code == 201, published.text
    at(local(date(2025, 5, 10), 15))
    await _state(client, 1)

    async def told(**asked: str) -> tuple[Any, ...]:
        answer = await get(client, "roi/internal-network", **asked)
        return answer["frozen"], answer["publication_id"], answer["roi"]["percent"]

    publication = published.json()["id"]
    assert await told(on="2025-03-31") == (True, publication, "545.33")
    # Now 616 of leavers and 13,200 of time are saved, at 3,900.
    assert await told(on="2025-03-31", live="true") == (False, None, "254.26")
    # The day after the quarter is in no published period.
    assert await told(on="2025-04-01") == (False, None, "254.26")
