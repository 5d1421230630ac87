"""Whose accounts work: of the whole program, and of each network, one where none does included."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api.asking import explained, get, groups, quantities, values
from tests.api.conftest import TellAndCorrect
from tests.api.golden import Q1, fact, local

KPI = "connected_accounts_rate"
BEFORE = {"as_of": "2025-04-10"}
LINKEDIN, MASTODON, X = "linkedin", "mastodon", "x"


def account(number: int, network: str, state: str, day: int = 10) -> dict[str, Any]:
    said = {"employee": f"E{number}", "network": network, "system": "network", "state": state}
    at = local(date(2025, 1, day))
    return fact("access.recorded", f"E{number}-{network}-{day}", at, **said)


def quarter() -> Iterator[dict[str, Any]]:
    """Yield ten members, five of a team: six with accounts that work, of two networks of three."""
    for number in range(11):
        who = {"employee": f"E{number}"}
        team = {"team": "Sales" if number < 5 else "IT", "effective_on": "2025-01-01"}
        yield fact("employee.recorded", f"E{number}", local(date(2025, 1, 1)), **team, **who)
        if number < 10:
            yield fact("member.joined", f"E{number}", local(date(2025, 1, 1)), **who)
    yield from (account(number, LINKEDIN, "live") for number in range(5))
    yield from (account(number, MASTODON, "live") for number in (3, 4, 5))
    # Of another one all have expired; and who is no member has an account, too.
    for number, state in ((0, "live"), (0, "expired"), (6, "expired")):
        yield account(number, X, state, 10 if state == "live" else 20)
    yield account(10, LINKEDIN, "live")


@pytest_asyncio.fixture
async def program(client: httpx.AsyncClient, tell_and_correct: TellAndCorrect) -> httpx.AsyncClient:
    """Return a client of a program in which one account turned out to have expired before."""
    await tell_and_correct(quarter(), [account(4, LINKEDIN, "expired", 15)])
    return client


async def test_networks_are_of_all_members_each(program: httpx.AsyncClient) -> None:
    expected = {LINKEDIN: ("5", "50.00"), MASTODON: ("3", "30.00"), X: ("0", "0.00")}
    found = await groups(program, KPI, group_by="network", **BEFORE)

    assert {g: (one["numerator"], one["value"]) for g, one in found.items()} == expected
    for network, (_, value) in expected.items():
        assert await values(program, KPI, network=network, **BEFORE) == {None: value}
    # Three and four have accounts of both.
    assert await values(program, KPI, **BEFORE) == {None: "60.00"}
    both = {"network": [LINKEDIN, MASTODON]}
    assert await values(program, KPI, **both, **BEFORE) == {None: "60.00"}
    of_none = (await groups(program, KPI, network="bluesky"))[None]
    assert (of_none["value"], of_none["null_reason"]) == (None, "zero_denominator")


async def test_networks_of_a_team_are_of_its_members(program: httpx.AsyncClient) -> None:
    sales = await values(program, KPI, group_by="network", team="Sales")
    teams = await values(program, KPI, group_by="team", network=MASTODON)

    assert sales == {LINKEDIN: "80.00", MASTODON: "40.00", X: "0.00"}
    assert teams == {"Sales": "40.00", "IT": "20.00"}


@pytest.mark.parametrize("asked", [{}, {"network": LINKEDIN}, {"network": X}])
async def test_the_facts_of_a_network_make_its_rate(
    program: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    answer, lines = await explained(program, KPI, **asked, limit=3)

    assert [one["measure"] for one in answer["inputs"]] == ["connected", "connectable"]
    for given in answer["inputs"]:
        assert sum(quantities(lines, given["measure"])) == Fraction(given["value"])
    assert {one["kind"] for one in lines if one["measure"] == "connectable"} == {"member.joined"}


async def test_an_account_that_had_expired_moves_its_network(program: httpx.AsyncClient) -> None:
    for network, moved in ((LINKEDIN, [("50.00", "40.00")]), (MASTODON, [])):
        asked = {**Q1, "kpi": KPI, "network": network}
        moves = await get(program, "restatements", **asked)
        assert [(one["before"], one["after"]) for one in moves["restatements"]] == moved
    of_network = {"kpi": KPI, "network": LINKEDIN, "day": "2025-04-20"}
    causes = await get(program, "restatements/facts", **Q1, **of_network)
    assert [one["external_id"] for one in causes["facts"]] == ["E4-linkedin-15"]
