"""Referrals: what counts as brought by employees, and that nothing told twice is counted twice."""

from datetime import date, datetime
from typing import Any

import httpx
import pytest_asyncio

from shared.orgs import Org
from tests.api.asking import assume, get, values
from tests.api.conftest import Deliver, Fold
from tests.api.golden import fact, local

MARCH = {"from": "2025-03-01", "to": "2025-04-01"}
ADVOCATE = {"channel": "employee_advocacy", "employee": "E1"}


def at(day: int, hour: int = 12) -> datetime:
    return local(date(2025, 3, day), hour)


def applied(name: str, day: int, source: str = "ats", **who: str) -> dict[str, Any]:
    told = fact("application.submitted", name, at(day), application=name, **who)
    return {**told, "source": source}


def hired(name: str, day: int, source: str = "ats", **who: str) -> dict[str, Any]:
    told = fact("hire.accepted", name, at(day), application=name, **who)
    return {**told, "source": source}


def touched(person: str, day: int, hour: int = 12) -> dict[str, Any]:
    return fact("touch.recorded", f"{person}-{day}", at(day, hour), person=person, **ADVOCATE)


@pytest_asyncio.fixture
async def recruiting(client: httpx.AsyncClient) -> httpx.AsyncClient:
    await assume(client, "cost_per_hire.referral", "1500")
    return client


async def told(client: httpx.AsyncClient, kpi: str, **query: str) -> dict[str, str]:
    found = await values(client, kpi, **{**MARCH, **query})
    return {group or "": value for group, value in found.items()}


async def listed(client: httpx.AsyncClient, kpi: str) -> set[tuple[str, str]]:
    facts = (await get(client, f"kpis/{kpi}/explain", **MARCH))["facts"]
    assert facts["total"] == str(len(facts["lines"]))
    return {(line["external_id"], line["note"]) for line in facts["lines"]}


async def test_who_was_brought_by_an_employee(
    recruiting: httpx.AsyncClient, deliver: Deliver
) -> None:
    await deliver(
        [
            applied("named", 10, employee="E2"),
            applied("channel", 10, channel="employee_advocacy"),
            touched("ann", 10, 12),
            applied("met", 10, person="ann"),
            touched("ben", 10, 13),
            applied("met-after", 10, person="ben"),
            applied("alone", 10, person="cid"),
            *(hired(name, 20) for name in ("named", "channel", "met", "met-after", "alone")),
            # Of an application nobody told of.
            touched("dan", 19),
            hired("unheard", 20, person="dan"),
            hired("named-at-last", 20, employee="E3"),
        ]
    )

    assert await told(recruiting, "referrals") == {"": "3"}
    assert await told(recruiting, "referral_hires") == {"": "5"}
    assert await told(recruiting, "referral_savings") == {"": "14500.00"}
    by_employee = await told(recruiting, "referral_hires", group_by="employee")
    assert by_employee == {"E1": "2", "E2": "1", "E3": "1"}
    assert await listed(recruiting, "referrals") == {
        ("named", "referred"),
        ("channel", "referred"),
        ("met", "touched by advocacy"),
    }
    assert ("named", "its application was referred") in await listed(recruiting, "referral_hires")


async def test_a_touch_outside_the_window_brought_nobody(
    recruiting: httpx.AsyncClient, deliver: Deliver
) -> None:
    early = [
        fact("touch.recorded", name, local(date(2024, 12, day), 0), person=name, **ADVOCATE)
        for name, day in (("inside", 10), ("outside", 9))
    ]
    await deliver([*early, *(applied(n, 10, person=n) for n in ("inside", "outside"))])

    assert await listed(recruiting, "referrals") == {("inside", "touched by advocacy")}


async def test_what_two_sources_tell_is_counted_once(
    recruiting: httpx.AsyncClient, deliver: Deliver
) -> None:
    cost = fact(
        "figure.recorded",
        "cost",
        at(1),
        figure="recruiting_cost",
        day="2025-03-01",
        value="3000",
        currency="USD",
    )
    first_contact = {"first_contact_at": "2025-03-01T12:00:00Z"}
    await deliver(
        [
            *(applied("a", 10, source, employee="E1") for source in ("ats", "intranet")),
            *(hired("a", 20, source, employee="E1", **first_contact) for source in ("ats", "hr")),
            hired("b", 22, **first_contact),
            cost,
        ]
    )

    assert await told(recruiting, "referrals") == {"": "1"}
    assert await told(recruiting, "referral_hires") == {"": "1"}
    assert await told(recruiting, "cost_per_hire") == {"": "1500.00"}
    assert await told(recruiting, "time_to_hire") == {"": "20.00"}
    params = {**MARCH, "recruiting_method": "R2+R3"}
    statement = (await recruiting.get("/v1/roi", params=params)).json()
    assert statement["hires"] == 1
    assert statement["value_lines"][1]["arithmetic"] == "1 * (4400 - 1500) = 2900"


async def test_who_is_withdrawn_or_known_late_is_counted_anew(
    recruiting: httpx.AsyncClient, org: Org, fold: Fold, deliver: Deliver
) -> None:
    await deliver([applied("a", 10, person="ann"), hired("a", 20), touched("visitor", 5)])
    before = await told(recruiting, "referral_hires")
    same = fact("person.identified", "same", at(25), person="ann", same_as=["visitor"])
    await deliver([same])
    merged = await told(recruiting, "referral_hires")
    identity = {key: same[key] for key in ("source", "kind", "external_id")}
    await recruiting.post("/v1/facts/retract", json={"identities": [identity]})
    await fold(org)

    assert (before, merged) == ({"": "0"}, {"": "1"})
    assert await told(recruiting, "referral_hires") == {"": "0"}
