"""What another generation holds is in no return: not in its credit, its forecast or its proof."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx

from services.metrics.worker import catch_up
from shared.db import Database
from shared.orgs import Org
from tests.api.asking import assume, post
from tests.api.conftest import At, Fold
from tests.api.golden import fact, local, program, sales
from tests.api.test_golden import RATES, get
from tests.integration.telling import rebuild

_TODAY = date(2025, 5, 2)
_OTHERS = {"employee_advocacy": "brand", "paid": "employee_advocacy", "J1": "J2", "L1": "L2"}
#: What tells how far the ledger has been read, and that the rebuild was given its half-life.
_ELSE = (
    *("position", "known_position", "freshness", "complete_until", "next_cursor"),
    *("notices", "half_life_source"),
)
_ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("roi", {"model": "linear"}),
    ("roi", {"model": "time_decay"}),
    ("roi/models", {"group_by": "team"}),
    ("roi/models", {"window_days": 60, "group_by": "employee"}),
    ("roi/models", {"conversion": "lead"}),
    ("roi/models", {"conversion": "hire"}),
    ("roi/models/markov", {"conversion": "deal"}),
    ("roi/models/markov", {"conversion": "lead"}),
    ("roi/models/markov", {"conversion": "application"}),
    ("roi/explain", {"model": "linear", "limit": 200}),
    ("roi/explain", {"model": "first", "limit": 200}),
    ("roi/value", {"lines": ["revenue", "recruiting_vacancy"]}),
    ("roi/cohort", {}),
    ("roi/costs", {}),
)


async def test_a_generation_that_is_retired_earns_nothing(
    client: httpx.AsyncClient, org: Org, database: Database, fold: Fold, at: At
) -> None:
    at(local(_TODAY))
    true = [*sales(), *_open(), *program()]
    untrue = [*_moved(true, -8), *_moved(true, 5)]
    for key, value in RATES.items():
        await assume(client, key, value)
    await post(client, true)
    await fold(org)
    expected = await _answers(client)

    await post(client, untrue)
    await fold(org)
    await rebuild(database, org, half_life_days=org.half_life_days)
    # The generation that was live until now still holds what is taken back here, as if it stood.
    gone = [{name: one[name] for name in ("source", "kind", "external_id")} for one in untrue]
    response = await client.post("/v1/facts/retract", json={"identities": gone})
    assert response.json()["retracted"] == len(gone)
    await catch_up(database, org.id)

    for told, answer in zip(await _answers(client), expected, strict=True):
        assert told == answer


def _open() -> Iterator[dict[str, Any]]:
    """Yield leads that nobody has decided about, and applicants with a first contact."""
    for number in range(3):
        person, day = f"o{number}", date(2025, 2, 10 + number)
        touched = {"channel": "employee_advocacy", "employee": "E001", "person": person}
        yield fact("touch.recorded", f"t-{person}", local(day), **touched)
        yield fact("lead.created", person, local(day, 20), lead=person, person=person)
        applied = {"application": f"a-{person}", "person": person}
        yield fact("application.submitted", f"a-{person}", local(day, 21), **applied)
    contact = {"first_contact_at": "2025-02-01T10:00:00Z"}
    yield fact("hire.accepted", "a-o0", local(date(2025, 3, 1)), application="a-o0", **contact)


def _moved(facts: list[dict[str, Any]], days: int) -> Iterator[dict[str, Any]]:
    """Yield facts once more, so many days later and of others, for twice the money."""

    def later(told: re.Match[str]) -> str:
        return (date.fromisoformat(told[0]) + timedelta(days=days)).isoformat()

    for one in facts:
        if one["kind"] in {"employee.recorded", "member.invited"}:
            continue
        text = re.sub(r"\d{4}-\d\d-\d\d", later, json.dumps(one))
        moved = json.loads(re.sub(r"\w+", lambda told: _OTHERS.get(told[0], told[0]), text))
        if "amount" in moved:
            moved["amount"] = f"{2 * float(moved['amount']):.2f}"
        yield {**moved, "external_id": f"{one['external_id']} {days:+}"}


async def _answers(client: httpx.AsyncClient) -> list[Any]:
    """Return what is said of a quarter's touches, and of what came to its end in four months."""
    bases: tuple[dict[str, Any], ...] = ({}, {"basis": "period", "to": "2025-05-01"})
    return [
        (path, asked, basis, _figures(await get(client, path, **asked, **basis)))
        for path, asked in _ASKED
        for basis in (bases if path not in {"roi/cohort", "roi/costs"} else bases[:1])
    ]


def _figures(answer: Any) -> Any:
    """Return what an answer says of the return."""
    if isinstance(answer, dict):
        return {name: _figures(value) for name, value in answer.items() if name not in _ELSE}
    return [_figures(one) for one in answer] if isinstance(answer, list) else answer
