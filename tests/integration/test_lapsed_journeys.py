"""Journeys that led nowhere are found of all people at once, whatever is known of the tables.

What is counted is rows read: some times those there are, with statistics and without; of names that
are linked to one another, too, which could be followed from each of them to each.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from services.api.dependencies import Access
from services.api.roi.markov import explain_removals
from services.api.roi.markov_schemas import RemovalEffects
from services.api.roi.queries import MarkovQuery
from services.metrics.worker import catch_up
from shared.db import Database, plan_for_any_organization
from shared.facts import Fact
from shared.orgs import Org
from shared.security.keys import SCOPES, Caller
from tests.integration.believing import database, url
from tests.integration.catalogue_facts import fact
from tests.integration.planning import execute, found, rows_read, tell

__all__ = ["database", "url"]

_PEOPLE = 300
_TABLES = ("touch", "person_link", "lead", "application")
_KINDS = ("lead", "application", "hire")


def _met(number: int) -> Iterator[Fact]:
    """Yield who was met twice; every tenth of them came to something, every third has two names."""
    name = f"visitor{number}"
    for day in ("2025-03-01", "2025-03-09"):
        yield fact("touch.recorded", f"t{number}@{day}", day, person=name, channel="paid")
    if number % 10 == 0:
        yield fact("lead.created", f"l{number}", "2025-03-10", lead=f"l{number}", person=name)
        yield fact(
            *("application.submitted", f"a{number}", "2025-03-11"),
            application=f"a{number}",
            person=name,
        )
        yield fact("hire.accepted", f"h{number}", "2025-03-20", application=f"a{number}")
    if number % 3 == 0:
        yield _same(name, f"cookie{number}")


def _same(person: str, other: str) -> Fact:
    return fact(
        "person.identified", f"{person}={other}", "2025-03-12", person=person, same_as=[other]
    )


async def _journeys(database: Database, org: Org, **asked: Any) -> tuple[RemovalEffects, int]:
    """Return the journeys of March, and how many rows were read for them."""
    period: dict[str, Any] = {"from": "2025-03-01", "to": "2025-04-01"}
    async with database.transaction(org.id) as connection:
        await plan_for_any_organization(connection)
        access = Access(Caller(org, "tests", frozenset(SCOPES)), connection)
        told = await explain_removals(access, MarkovQuery(**period, **asked))
        return told, sum((await rows_read(connection, _TABLES)).values())


@pytest.mark.parametrize("is_analyzed", [False, True])
async def test_of_all_people_some_times_their_rows_are_read(
    database: Database, url: str, is_analyzed: bool
) -> None:
    org = await found(database)
    await tell(database, org, (told for n in range(_PEOPLE) for told in _met(n)))
    await catch_up(database, org.id)
    if is_analyzed:
        await execute(url, "ANALYZE")

    for kind in _KINDS:
        told, rows = await _journeys(database, org, conversion=kind)
        assert (told.journeys, told.converted) == (30 if kind == "hire" else _PEOPLE, 30)
        assert rows < 25 * _PEOPLE, kind


@pytest.mark.parametrize("is_analyzed", [False, True])
@pytest.mark.parametrize("hub", ["all", "zoo"])
async def test_names_of_one_person_are_not_each_followed_to_each(
    database: Database, url: str, hub: str, is_analyzed: bool
) -> None:
    org = await found(database)
    names = [f"name{number}" for number in range(_PEOPLE)]
    days = [f"2025-03-{1 + number % 20:02}" for number in range(_PEOPLE)]
    met = [
        fact("touch.recorded", name, day, person=name, channel="paid")
        for name, day in zip(names, days, strict=True)
    ]
    await tell(database, org, [*met, *(_same(hub, name) for name in names)])
    await catch_up(database, org.id)
    if is_analyzed:
        await execute(url, "ANALYZE")

    told, rows = await _journeys(database, org, conversion="lead")

    assert (told.journeys, told.converted) == (1, 0)
    assert rows < 25 * _PEOPLE


async def test_a_person_of_many_names_is_one_whichever_is_linked_to_which(
    database: Database,
) -> None:
    org = await found(database)
    chain = [f"n{place * 7 % 20:02}" for place in range(20)]
    met = [
        fact("touch.recorded", name, "2025-03-05", person=name, channel="paid") for name in chain
    ]
    alone = fact("touch.recorded", "alone", "2025-03-05", person="n99", channel="paid")
    links = [_same(*pair) for pair in pairwise(chain)]
    await tell(database, org, [*met, alone, *links])
    await catch_up(database, org.id)

    told, _ = await _journeys(database, org, conversion="lead")
    assert (told.journeys, told.converted) == (2, 0)

    converted = fact("lead.created", "l", "2025-03-06", lead="l", person=chain[-1])
    await tell(database, org, [converted])
    await catch_up(database, org.id)

    told, _ = await _journeys(database, org, conversion="lead")
    assert (told.journeys, told.converted) == (2, 1)
