"""Journeys come in portions: whole, in order, and no more touches at once than are wanted."""

import asyncio
from itertools import groupby, pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.metrics.portions import START, THE_END, Conversion, Portions
from shared.rollups.converting import conversion_of

_KINDS = ("application", "deal", "hire", "lead")
#: Of each conversion, how many touches came before it.
_lengths = st.dictionaries(
    st.tuples(st.sampled_from(_KINDS), st.text("aZ~é\U0001f600", min_size=1, max_size=2)),
    st.integers(1, 9),
    max_size=12,
)


class _Cursor:
    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    async def fetch(self, count: int) -> list[dict[str, Any]]:
        fetched, self._rows = self._rows[:count], self._rows[count:]
        return fetched


def _rows(lengths: dict[Conversion, int]) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "conversion": conversion, "touch": number}
        for kind, conversion in sorted(lengths)
        for number in range(lengths[kind, conversion])
    ]


async def _portions(
    rows: list[dict[str, Any]], at_once: int
) -> list[tuple[Conversion, list[dict[str, Any]]]]:
    portions = Portions(_Cursor(rows), at_once)
    found: list[tuple[Conversion, list[dict[str, Any]]]] = []
    while not found or found[-1][0] != THE_END:
        until = await portions.reach()
        found.append((until, portions.take(until)))
    return found


@given(_lengths, st.integers(1, 12))
def test_portions_are_whole_journeys_and_small(
    lengths: dict[Conversion, int], at_once: int
) -> None:
    rows = _rows(lengths)

    found = asyncio.run(_portions(rows, at_once))

    assert [row for _, portion in found for row in portion] == rows
    assert all(one < other for (one, _), (other, _) in pairwise(found))
    for _, portion in found:
        journeys = [len(list(path)) for _, path in groupby(portion, key=conversion_of)]
        assert journeys == [lengths[key] for key in dict.fromkeys(map(conversion_of, portion))]
        assert len(portion) <= at_once or len(journeys) == 1


@given(_lengths)
def test_what_is_few_is_one_portion(lengths: dict[Conversion, int]) -> None:
    rows = _rows(lengths)

    assert asyncio.run(_portions(rows, len(rows) + 1)) == [(THE_END, rows)]


def test_less_may_be_taken_than_is_there() -> None:
    rows = _rows({("deal", "d"): 2, ("lead", "a"): 1, ("lead", "c"): 3})
    portions = Portions(_Cursor(rows), 5)

    async def take() -> list[Any]:
        reached = await portions.reach()
        # No journey of it is there, and what comes before it is: so far, and no further.
        few = portions.take(("lead", "b"))
        return [reached, few, await portions.reach(), portions.take(THE_END)]

    assert START < ("deal", "d")
    assert asyncio.run(take()) == [("lead", "a"), rows[:3], THE_END, rows[3:]]
