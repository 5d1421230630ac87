"""Wherever a generation keeps its measures, as families were declared once, the figures are right.

What is held stays where it is when a family is declared anew: see ``shared.rollups.layout``.
"""

from collections.abc import Callable, Iterator, Mapping

import pytest

from shared.db import Database
from shared.facts import Fact, Retraction
from shared.orgs import Org
from shared.rollups.layout import FAMILIES, WIDTH, Place, assign
from tests.integration.test_fold_edges import CHAPTERS
from tests.property.comparing import assert_equals_oracle
from tests.property.engine import deliver, fold, found_org, history_of
from tests.property.worlds import Setting

_HOLD = """
INSERT INTO rollup_slot (org_id, generation, measure, family, slot)
SELECT $1, 1, * FROM unnest($2::text[], $3::smallint[], $4::smallint[])
"""
_HELD = "SELECT measure, family, slot FROM rollup_slot WHERE org_id = $1 AND generation = 1"


def _declared_otherwise(place: Callable[[int, int], Place]) -> dict[str, Place]:
    """Return where measures are kept by the numbers, from 0, of their family and their place."""
    return {
        measure: place(family, member)
        for family, measures in enumerate(FAMILIES.values())
        for member, measure in enumerate(measures[:WIDTH])
    }


#: Each measure in another column than it is told in; of each family, some in the next row.
_LAYOUTS = {
    "moved on": _declared_otherwise(lambda f, m: Place(f + 1, (m + 1) % WIDTH + 1)),
    "in two rows": _declared_otherwise(lambda f, m: Place(2 * f + 1 + m % 2, m + 1)),
}


@pytest.mark.parametrize("layout", _LAYOUTS)
async def test_what_is_kept_in_another_order_adds_up_to_the_same(
    database: Database, layout: str
) -> None:
    org = await found_org(database, Setting("Europe/Warsaw", 9, 2))
    await _hold(database, org, _LAYOUTS[layout])

    await _tell_and_compare(database, org)

    assert (await _held(database, org)).items() >= _LAYOUTS[layout].items()


@pytest.mark.parametrize("missing", ["advocacy", "revenue"])
async def test_a_family_that_is_told_after_all_others_finds_its_place(
    database: Database, missing: str
) -> None:
    org = await found_org(database, Setting("Europe/Warsaw", 9, 2))
    others = {name: measures for name, measures in FAMILIES.items() if name != missing}
    await _hold(database, org, assign({}, (m for measures in others.values() for m in measures)))

    await _tell_and_compare(database, org)

    assert (await _held(database, org)).keys() & set(FAMILIES[missing])


async def _tell_and_compare(database: Database, org: Org) -> None:
    deliveries: list[Fact | Retraction] = []
    for told in CHAPTERS:
        deliveries += told
        await deliver(database, org, told)
        await fold(database, org, 1000)

        await assert_equals_oracle(database, org, history_of(org, deliveries))


def _columns(places: Mapping[str, Place]) -> Iterator[list[object]]:
    yield list(places)
    yield [place.family for place in places.values()]
    yield [place.slot for place in places.values()]


async def _hold(database: Database, org: Org, places: Mapping[str, Place]) -> None:
    async with database.transaction(org.id) as connection:
        await connection.execute(_HOLD, org.id, *_columns(places))


async def _held(database: Database, org: Org) -> dict[str, Place]:
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(_HELD, org.id)
    return {row["measure"]: Place(row["family"], row["slot"]) for row in rows}
