"""Deals by whose they are: in the owner's team of the day, down to the facts, and as known.

February of a company with two teams large enough to be shown and two that are not. On the 15th one
person goes from Sales to Field. Some deals are nobody's, one is of somebody the roster does not
know.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.metrics.verify import verify
from shared.db import Database
from shared.orgs import Org
from tests.api.asking import get, refusal
from tests.api.conftest import At, Deliver, MakeClient
from tests.api.golden import fact, local

TEAMS = {"Sales": 6, "Field": 5, "Board": 3, "Legal": 2}
FEBRUARY = {"from": "2025-02-01", "to": "2025-03-01"}
TOLD, CORRECTED = date(2025, 3, 5), date(2025, 3, 10)
DealRow = tuple[str, str | None, str, str, int | None, int | None]
#: Deal, owner, state, amount, day of February on which it closed, and days since its lead.
DEALS: tuple[DealRow, ...] = (
    ("d1", "Sales-0", "won", "1000.00", 10, 10),
    ("d2", "Sales-0", "lost", "70.00", 20, None),
    ("d3", "Sales-1", "won", "500.00", 12, 30),
    ("d4", "Field-0", "won", "300.00", 25, 20),
    ("d5", "Field-0", "open", "700.00", None, None),
    ("d6", "Board-0", "won", "50.00", 11, 3),
    ("d7", None, "won", "9000.00", 14, 12),
    ("d8", None, "lost", "80.00", 16, None),
    ("d9", "Sales-2", "open", "400.00", None, None),
    ("d10", "stranger", "won", "20.00", 20, None),
    ("d11", "Sales-1", "lost", "90.00", 18, None),
    ("d12", "Sales-2", "won", "100.00", 26, 20),
    ("d13", "Sales-0", "open", "900.00", None, None),
    ("d14", None, "open", "60.00", None, None),
)
OF_DEALS = ["opportunities", "deals_won", "revenue_won", "win_rate", "avg_deal_size"]
OF_DEALS += ["time_to_close", "time_to_close_p90", "pipeline_value", "orders_units"]
STAFF = ("team", "department", "employee")


def staff() -> Iterator[dict[str, Any]]:
    start = date(2025, 1, 1)
    moved = ("Sales-0", "Field", date(2025, 2, 15))
    placed = [(f"{team}-{n}", team, start) for team, size in TEAMS.items() for n in range(size)]
    for employee, team, since in (*placed, moved):
        row = {"employee": employee, "team": team, "effective_on": since.isoformat()}
        yield fact("employee.recorded", f"{employee}@{since}", local(since), **row)
        yield fact("member.joined", employee, local(start), employee=employee)


def deal(name: str, owner: str | None, revision: int = 1) -> dict[str, Any]:
    """Return a deal as it was told, but for its owner."""
    _, _, state, amount, closed, days = next(row for row in DEALS if row[0] == name)
    opened = local(date(2025, 2, 3))
    told: dict[str, Any] = {"deal": name, "state": state, "amount": amount, "currency": "USD"}
    told |= {"opened_at": opened.isoformat(), "units": 2, "revision": revision}
    told |= {"employee": owner} if owner else {}
    told |= {"lead": name} if days is not None else {}
    told |= {"closed_at": local(date(2025, 2, closed)).isoformat()} if closed else {}
    return fact("deal.changed", name, opened, **told)


def sales() -> Iterator[dict[str, Any]]:
    for name, owner, _, _, closed, days in DEALS:
        if days is not None and closed is not None:
            created = local(date(2025, 2, closed) - timedelta(days=days))
            yield fact("lead.created", name, created, lead=name)
        yield deal(name, owner)


def costs() -> Iterator[dict[str, Any]]:
    """Yield the costs of February, a dollar a day: of one who changed teams, and of nobody."""
    month = {"starts_on": "2025-02-01", "ends_on": "2025-03-01"}
    for owner in ("Sales-0", None):
        spent = {"category": "rewards", "amount": "28.00", "currency": "USD", **month}
        who = {"employee": owner} if owner else {}
        yield fact("cost.booked", f"cost-{owner}", local(date(2025, 2, 1)), **spent, **who)


@pytest_asyncio.fixture
async def sellers(client: httpx.AsyncClient, deliver: Deliver, at: At) -> httpx.AsyncClient:
    at(local(TOLD))
    await deliver([*staff(), *sales(), *costs()])
    return client


async def _values(client: httpx.AsyncClient, **query: Any) -> dict[str, dict[str | None, Any]]:
    """Return KPI → group → answer, for all KPIs of deals unless ``ids`` says others."""
    answer = await get(client, "kpis/values", **{**FEBRUARY, "ids": OF_DEALS, **query})
    return {
        kpi["kpi"]: {value["group"]: value for value in kpi["values"]} for kpi in answer["kpis"]
    }


def _shown(found: dict[str | None, Any]) -> dict[str | None, str | None]:
    return {group: one["value"] for group, one in found.items() if not one["suppressed"]}


async def test_a_definition_says_what_of_its_parts_adds_up(client: httpx.AsyncClient) -> None:
    by_id = {kpi["id"]: kpi for kpi in (await client.get("/v1/kpis")).json()["kpis"]}

    for kpi in OF_DEALS:
        assert {"team", "employee"} <= set(by_id[kpi]["dimensions"]) <= set(STAFF)
        assert "a deal without an owner is in the total alone" in by_id[kpi]["description"]
    added = {kpi: by_id[kpi]["additive_over"] for kpi in OF_DEALS}
    assert added.pop("pipeline_value") == ["team", "employee"]
    assert (added.pop("time_to_close"), added.pop("time_to_close_p90")) == ([], [])
    assert set(map(tuple, added.values())) == {("time", "team", "employee")}
    assert by_id["program_cost"]["additive_over"][:2] == ["time", "team"]


async def test_deals_are_in_the_team_their_owner_was_in(sellers: httpx.AsyncClient) -> None:
    found = await _values(sellers, group_by="team")
    shown = {kpi: _shown(values) for kpi, values in found.items()}

    small = "Board + Legal"
    assert shown["opportunities"] == {"Sales": "7", "Field": "2", "": "1", small: "1"}
    assert shown["deals_won"] == {"Sales": "3", "Field": "1", "": "1", small: "1"}
    assert shown["revenue_won"] == {
        "Sales": "1600.00",
        "Field": "300.00",
        "": "20.00",
        small: "50.00",
    }
    # The deal that was lost on the 20th had gone to Field with its owner.
    rates = {group: (v["numerator"], v["denominator"]) for group, v in found["win_rate"].items()}
    assert (rates["Sales"], rates["Field"], rates[small]) == (("3", "4"), ("1", "2"), ("1", "1"))
    assert shown["avg_deal_size"]["Sales"] == "533.33"
    assert shown["time_to_close"] == {"Sales": "20.00", "Field": "20.00", "": None, small: "3.00"}
    assert shown["time_to_close_p90"]["Sales"] == "28.00"
    assert shown["pipeline_value"] == {
        "Sales": "400.00",
        "Field": "1600.00",
        "": "0.00",
        small: "0.00",
    }
    assert shown["orders_units"]["Sales"] == "6"


async def test_what_has_no_owner_is_in_the_total_alone(sellers: httpx.AsyncClient) -> None:
    by_team = await _values(sellers, group_by="team")
    total = {kpi: values[None] for kpi, values in (await _values(sellers)).items()}

    assert total["revenue_won"]["value"] == "10970.00"
    assert (total["win_rate"]["numerator"], total["win_rate"]["denominator"]) == ("7", "10")
    assert (total["opportunities"]["value"], total["pipeline_value"]["value"]) == ("14", "2060.00")
    assert (total["time_to_close"]["value"], total["orders_units"]["value"]) == ("16.00", "14")
    owned = {
        kpi: sum(Decimal(value or 0) for value in _shown(by_team[kpi]).values())
        for kpi in ("revenue_won", "opportunities", "deals_won", "pipeline_value")
    }
    # d7, d8 and d14 belong to nobody.
    assert owned == {
        "revenue_won": 1970,
        "opportunities": 11,
        "deals_won": 6,
        "pipeline_value": 2000,
    }


async def test_a_cost_is_of_its_persons_team(sellers: httpx.AsyncClient) -> None:
    found = await _values(sellers, ids=["program_cost", "rewards_cost"], group_by="team")
    total = await _values(sellers, ids=["program_cost"])

    # Fourteen days in each team; what was booked on nobody is in no team.
    for values in found.values():
        assert _shown(values) == {"Sales": "14.00", "Field": "14.00", "Board + Legal": "0.00"}
    assert total["program_cost"][None]["value"] == "56.00"


async def test_a_small_team_is_shown_only_merged(
    sellers: httpx.AsyncClient, org: Org, client_of: MakeClient
) -> None:
    reader = await client_of(org, ["kpis:read"])
    for client in (sellers, reader):
        found = await _values(client, group_by="team")
        for values in found.values():
            assert (values["Board"]["value"], values["Board"]["numerator"]) == (None, None)
            assert values["Board"]["null_reason"] == "suppressed:small_group"
            assert values["Board + Legal"]["merged"] == ["Board", "Legal"]
        alone = await _values(client, team="Board")
        assert all(values[None]["suppressed"] for values in alone.values())
        for kpi in OF_DEALS:
            asked = {**FEBRUARY, "team": "Board"}
            refused = await client.get(f"/v1/kpis/{kpi}/explain", params=asked)
            assert refusal(refused) == (422, "small_group")


async def test_a_persons_figures_need_the_scope(
    sellers: httpx.AsyncClient, org: Org, client_of: MakeClient
) -> None:
    reader = await client_of(org, ["kpis:read"])
    for query in ({"group_by": "employee"}, {"employee": "Sales-0"}):
        refused = await reader.get("/v1/kpis/time_to_close/series", params={**FEBRUARY, **query})
        assert refusal(refused) == (403, "insufficient_scope")
    found = await _values(sellers, group_by="employee")

    assert found["revenue_won"]["Sales-0"]["value"] == "1000.00"
    assert found["win_rate"]["Sales-0"]["value"] == "50.00"
    assert found["time_to_close"]["Sales-1"]["value"] == "30.00"
    assert found["pipeline_value"]["Sales-0"]["value"] == "900.00"
    assert "" not in found["revenue_won"]


@pytest.mark.parametrize(
    ("kpi", "measure", "combined", "lines"),
    [
        ("revenue_won", "revenue_won", "sum", {"d1": "1000", "d3": "500", "d12": "100"}),
        ("win_rate", "deals_lost", "sum", {"d11": "1"}),
        ("time_to_close", "time_to_close.median", "median", {"d1": "10", "d3": "30", "d12": "20"}),
        ("pipeline_value", "pipeline", "sum", {"d9": "400"}),
        ("orders_units", "units_sold", "sum", {"d1": "2", "d3": "2", "d12": "2"}),
    ],
)
async def test_the_facts_of_a_team_make_its_figure(
    sellers: httpx.AsyncClient,
    org: Org,
    client_of: MakeClient,
    kpi: str,
    measure: str,
    combined: str,
    lines: dict[str, str],
) -> None:
    asked = {**FEBRUARY, "team": "Sales", "measure": measure}
    explained = (await sellers.get(f"/v1/kpis/{kpi}/explain", params=asked)).json()
    reader = await client_of(org, ["kpis:read"])
    for_all = (await reader.get(f"/v1/kpis/{kpi}/explain", params=asked)).json()

    facts = explained["facts"]
    assert (facts["measure"], facts["combined"]) == (measure, combined)
    found = {one["external_id"]: Decimal(one["quantity"]) for one in facts["lines"]}
    assert found == {name: Decimal(quantity) for name, quantity in lines.items()}
    assert all(one["employee"].startswith("Sales-") for one in facts["lines"])
    if combined == "sum":
        assert Decimal(facts["total"]) == sum(found.values())
    assert {one["employee"] for one in for_all["facts"]["lines"]} == {None}
    # A deal is about a client, whoever made it.
    assert {one["external_id"] for one in for_all["facts"]["lines"]} == lines.keys()


async def test_a_deal_given_to_another_team_restates_both(
    sellers: httpx.AsyncClient, deliver: Deliver, at: At
) -> None:
    at(local(CORRECTED))
    await deliver([deal("d3", "Field-1", revision=2)])

    then = await _values(sellers, group_by="team", as_of="2025-03-06")
    now = await _values(sellers, group_by="team")
    for found, sales, field in ((then, "1600.00", "300.00"), (now, "1100.00", "800.00")):
        shown = _shown(found["revenue_won"])
        assert (shown["Sales"], shown["Field"]) == (sales, field)
    assert then["time_to_close"]["Sales"]["value"] == "20.00"
    assert (now["time_to_close"]["Sales"]["value"], now["time_to_close"]["Field"]["value"]) == (
        "15.00",
        "25.00",
    )

    asked = {**FEBRUARY, "kpi": "revenue_won", "team": "Sales"}
    moved = await get(sellers, "restatements", **asked)
    whole = await get(sellers, "restatements", **FEBRUARY, kpi="revenue_won")
    facts = await get(sellers, "restatements/facts", **asked, day="2025-03-10")

    last = moved["restatements"][-1]
    assert (last["day"], last["before"], last["after"]) == ("2025-03-10", "1600.00", "1100.00")
    assert [one["day"] for one in whole["restatements"]] == ["2025-03-05"]
    assert [(one["external_id"], one["weight"]) for one in facts["facts"]] == [
        ("d3", -1),
        ("d3", 1),
    ]


@pytest.mark.usefixtures("sellers")
async def test_an_independent_recomputation_agrees(database: Database, org: Org) -> None:
    assert not (await verify(database, org.id)).listed
