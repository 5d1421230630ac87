"""Journeys that led nowhere, at the edges: of the period, of the window, and of who was met."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from services.metrics.fold import fold_batch
from services.metrics.rebuild import continue_rebuild, start_rebuild
from shared.db import Database
from shared.orgs import Org
from tests.api.golden import fact, local
from tests.api.test_golden import get
from tests.api.test_models_of_conversions import JANUARY, converts, tell_all, touches

__all__ = ["tell_all"]

TellAll = Callable[..., Awaitable[None]]
WINDOW = 30


def later(days: int) -> date:
    return JANUARY + timedelta(days=days)


async def effects_of(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    return await get(
        client, "roi/models/markov", **{"conversion": "lead", "window_days": WINDOW} | asked
    )


def moves(effects: dict[str, Any]) -> dict[tuple[str, str], int]:
    """Return how often one came from which channel to what."""
    return {("/".join(m["state"]), m["to"]): m["count"] for m in effects["transitions"]}


@pytest.mark.parametrize(
    ("first", "last", "journeys"), [(0, 1, 1), (-1, 0, 0), (1, 2, 0), (-1, 1, 1), (0, 9, 1)]
)
@pytest.mark.parametrize("basis", ["cohort", "period"])
async def test_it_belongs_to_the_period_that_met_it_or_that_its_window_ended_in(
    client: httpx.AsyncClient, tell_all: TellAll, basis: str, first: int, last: int, journeys: int
) -> None:
    await tell_all(touches("p1", "EA"))

    shift = WINDOW if basis == "period" else 0
    period = {"from": str(later(first + shift)), "to": str(later(last + shift))}
    effects = await effects_of(client, basis=basis, **period)

    assert (effects["journeys"], effects["converted"]) == (journeys, 0)


@pytest.mark.parametrize(
    ("converted_after", "journeys"), [(WINDOW - 1, (1, 1)), (WINDOW, (1, 1)), (WINDOW + 1, (1, 0))]
)
async def test_who_converts_on_the_last_day_of_the_window_was_led_there(
    client: httpx.AsyncClient,
    tell_all: TellAll,
    converted_after: int,
    journeys: tuple[int, int],
) -> None:
    await tell_all(touches("p1", "EA"), converts("lead", "p1", later(converted_after)))

    effects = await effects_of(client)

    assert (effects["journeys"], effects["converted"]) == journeys


@pytest.mark.parametrize(("applied_after", "journeys"), [(WINDOW, 1), (WINDOW + 1, 0)])
async def test_who_applies_on_the_last_day_of_the_window_could_have_been_hired(
    client: httpx.AsyncClient, tell_all: TellAll, applied_after: int, journeys: int
) -> None:
    await tell_all(touches("p1", "EA"), converts("application", "p1", later(applied_after)))

    effects = await effects_of(client, conversion="hire")

    assert (effects["journeys"], effects["converted"]) == (journeys, 0)


async def test_its_path_reaches_back_for_the_window_behind_its_last_touch(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    # No pause is as long as the window. The first touch is 45 days before the last, the next 30.
    await tell_all(touches("p1", "EA BR AD BR", apart=15))

    effects = await effects_of(client)

    assert effects["journeys"] == 1
    assert moves(effects) == {
        ("", "brand"): 1,
        ("brand", "paid"): 1,
        ("paid", "brand"): 1,
        ("brand", "(lost)"): 1,
    }


@pytest.mark.parametrize("basis", ["cohort", "period"])
async def test_one_touch_that_the_period_asks_about_is_enough_for_the_whole_path(
    client: httpx.AsyncClient, tell_all: TellAll, basis: str
) -> None:
    await tell_all(touches("p1", "EA BR", apart=10))

    shift = WINDOW if basis == "period" else 0
    period = {"from": str(later(5 + shift)), "to": str(later(15 + shift))}
    effects = await effects_of(client, basis=basis, **period)

    assert moves(effects) == {
        ("", "employee_advocacy"): 1,
        ("employee_advocacy", "brand"): 1,
        ("brand", "(lost)"): 1,
    }


async def test_people_who_are_linked_over_many_names_are_each_met_once(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    # From both its ends the longer chain looks as if it began there: a - x - y - z - b.
    links = {"x": ["a"], "y": ["x"], "z": ["y", "b"], "d": ["c"]}
    same = (
        fact("person.identified", name, local(JANUARY), person=name, same_as=others)
        for name, others in links.items()
    )
    await tell_all(touches("a", "EA"), touches("b", "BR", later(1)), same)
    await tell_all(touches("c", "AD", later(2)), touches("d", "EA", later(3)))

    effects = await effects_of(client)

    assert moves(effects) == {
        ("", "employee_advocacy"): 1,
        ("employee_advocacy", "brand"): 1,
        ("brand", "(lost)"): 1,
        ("", "paid"): 1,
        ("paid", "employee_advocacy"): 1,
        ("employee_advocacy", "(lost)"): 1,
    }


async def test_a_link_that_another_generation_holds_still_makes_nobody_the_same(
    client: httpx.AsyncClient, database: Database, org: Org, tell_all: TellAll
) -> None:
    def same_as(*others: str) -> dict[str, Any]:
        return fact("person.identified", "1", local(JANUARY), person="q", same_as=[*others])

    await tell_all(*(touches(person, "EA") for person in "apqz"), iter([same_as("a", "z")]))
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
        await fold_batch(connection, org.id, 2)
    assert (await effects_of(client))["journeys"] == 2

    await tell_all(iter([same_as("p")]))

    assert (await effects_of(client))["journeys"] == 3


async def test_who_is_met_under_two_names_is_met_once_and_in_one_generation(
    client: httpx.AsyncClient, database: Database, org: Org, tell_all: TellAll
) -> None:
    same = fact("person.identified", "1", local(JANUARY), person="p1", same_as=["visitor"])
    await tell_all(touches("visitor", "EA"), touches("p1", "BR", later(1)), iter([same]))
    told = {
        ("", "employee_advocacy"): 1,
        ("employee_advocacy", "brand"): 1,
        ("brand", "(lost)"): 1,
    }
    assert moves(await effects_of(client)) == told

    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    assert await continue_rebuild(database, org.id)
    assert moves(await effects_of(client)) == told


async def test_the_first_of_several_conversions_decides(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    again = fact("lead.created", "again", local(later(60), 20), lead="again", person="p1")
    await tell_all(touches("p1", "EA"), converts("lead", "p1", later(5)), iter([again]))

    effects = await effects_of(client)

    assert (effects["journeys"], effects["converted"]) == (1, 1)


async def test_who_applied_in_time_could_have_been_hired_though_they_apply_again(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    at = local(later(60), 20)
    again = fact("application.submitted", "again", at, application="again", person="p1")
    await tell_all(touches("p1", "EA"), converts("application", "p1", later(5)), iter([again]))

    effects = await effects_of(client, conversion="hire")

    assert (effects["journeys"], effects["converted"]) == (1, 0)


async def test_a_lead_that_is_somebody_elses_by_now_is_no_conversion(
    client: httpx.AsyncClient, tell_all: TellAll
) -> None:
    def told(name: str, person: str, hour: int) -> dict[str, Any]:
        return fact("lead.created", name, local(later(2), hour), lead="l1", person=person)

    await tell_all(touches("p1", "EA"), touches("p2", "BR"), iter([told("crm", "p1", 12)]))
    before = await effects_of(client)
    await tell_all(iter([told("web", "p2", 11)]))  # the first to have told it speaks
    after = await effects_of(client)

    for effects, lost in ((before, "brand"), (after, "employee_advocacy")):
        assert (effects["journeys"], effects["converted"]) == (2, 1)
        assert moves(effects)[lost, "(lost)"] == 1
