"""What another generation holds is nobody's answer: no figure, none of its facts, no size."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from shared.db import Database
from shared.facts import Fact, Retraction, parse_fact
from shared.kpis.measures import MEASURES, Kept
from shared.kpis.vocabulary import PLACES, Dimension
from shared.orgs import Org, create_org
from shared.rollups.explain import explain_measure
from shared.rollups.populations import read_placements, read_populations
from shared.rollups.query import ForbiddenSlice, MeasureQuery
from shared.rollups.read import live_generation, read_measures
from tests.integration.catalogue_facts import everything, fact
from tests.integration.catalogue_lines import FEBRUARY
from tests.integration.telling import rebuild, tell

_HIRING = {"hashtag": frozenset({"hiring"})}
_SLICES = {Dimension.TEAM, Dimension.COHORT, Dimension.NETWORK, Dimension.CONTENT}
_SWAPPED = (
    *(("E1", "E2"), ("E2", "E3"), ("E3", "E4"), ("E4", "E1"), ("Sales", "Support")),
    *(("leader", "staff"), ("staff", "leader"), ("linkedin", "x")),
)
_OTHERS = {f'"{one}"': f'"{other}"' for one, other in _SWAPPED}


async def test_a_generation_that_is_retired_says_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        alone, beside = [
            await create_org(connection, name=name, time_zone="Europe/Warsaw", currency="USD")
            for name in ("alone", "beside")
        ]
    # Of counters it matters how they stood before.
    sooner = (told for told in _moved(-20, {}) if told.kind == "post.metrics")
    true = [*_company(), *sooner]
    untrue = [*_moved(-30, _OTHERS), *_moved(-9, {}), *_moved(3, _OTHERS)]
    for org in (alone, beside):
        await tell(database, org, *true, *untrue)
    await rebuild(database, beside)
    # The generation that was live until now still holds what is taken back here, as if it stood.
    for org in (alone, beside):
        await tell(database, org, *(Retraction(told.identity) for told in untrue))

    expected, told = [await _answers(database, org) for org in (alone, beside)]

    assert told.keys() == expected.keys()
    for name, answer in expected.items():
        assert told[name] == answer, name


def _company() -> Iterator[Fact]:
    """Yield what happens, and of one who was hired how they applied."""
    yield from everything()
    applied = {"application": "app1", "employee": "E3", "network": "linkedin", "job": "j1"}
    yield fact("application.submitted", "app1", "2025-02-12", **applied)


def _moved(days: int, others: Mapping[str, str]) -> Iterator[Fact]:
    """Yield what happens in the company once more: so many days later, and to others."""

    def later(told: re.Match[str]) -> str:
        return (date.fromisoformat(told[0]) + timedelta(days=days)).isoformat()

    def other(told: re.Match[str]) -> str:
        return others.get(told[0], told[0])

    for told in _company():
        text = re.sub(r"\d{4}-\d\d-\d\d", later, told.model_dump_json(exclude_none=True))
        body = json.loads(re.sub(r'"\w+"', other, text))
        yield parse_fact({**body, "external_id": f"{told.external_id} {days:+}"})


async def _answers(database: Database, org: Org) -> dict[Any, Any]:
    """Return every figure, whole and by slices, the facts behind it, and who is where."""
    found: dict[Any, Any] = {}
    async with database.transaction(org.id) as connection:
        for measure in MEASURES.values():
            tag = _HIRING if Dimension.HASHTAG in measure.dimensions else {}
            for by in _SLICES & measure.dimensions:
                query = MeasureQuery((FEBRUARY,), by, tag)
                with suppress(ForbiddenSlice):
                    table = await read_measures(connection, org, [measure.id], query)
                    found[measure.id, by] = dict(table)
            if measure.kept is not Kept.CALENDAR:
                asked = connection, org, measure.id, FEBRUARY
                page = await explain_measure(*asked, filters=tag, after=None, limit=1000)
                found[measure.id, "facts"] = page.total, page.lines
        generation = await live_generation(connection, org.id)
        for place in map(Dimension, PLACES):
            sizes = await read_populations(connection, org.id, generation, FEBRUARY, place)
            placements = await read_placements(connection, org.id, generation, place)
            found["people", place] = sizes, placements
    return found
