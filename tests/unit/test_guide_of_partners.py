"""What the partner quickstart enumerates is what there is: dimensions, who carries them, scopes."""

import re
from pathlib import Path
from typing import get_args

import pytest

from shared.kpis.definitions import catalogue
from shared.kpis.vocabulary import Dimension
from shared.security.keys import Scope

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "partner-quickstart.md").read_text("utf-8")
TEXT = " ".join(GUIDE.split())


def carrying(dimension: Dimension) -> set[str]:
    return {kpi.id for kpi in catalogue().kpis.values() if dimension in kpi.dimensions}


def named_after(words: str) -> set[str]:
    """Return what the rest of a sentence, or of its part before a colon, names as code."""
    (rest,) = re.findall(rf"{re.escape(words)}([^.:]*)[.:]", TEXT)
    return set(rest.split("`")[1::2])


@pytest.mark.parametrize(
    ("dimension", "words"),
    [
        (Dimension.ROLE, "By role come"),
        (Dimension.COHORT, "By cohort come"),
        (Dimension.JOB, "By job come"),
        (Dimension.MARKET, "By market come"),
    ],
)
def test_the_kpis_of_a_dimension_are_those_that_carry_it(dimension: Dimension, words: str) -> None:
    assert named_after(words) == carrying(dimension)


def test_what_has_a_language_is_the_first_of_what_has_a_market() -> None:
    (listed,) = re.findall(r"By market come ([^.]*), by language the first three\.", TEXT)

    assert set(listed.split("`")[1:6:2]) == carrying(Dimension.LANGUAGE)


def test_every_dimension_is_named_where_groups_are_asked_for() -> None:
    (listed,) = re.findall(r"`group_by` takes ([^;]*);", TEXT)
    words = re.sub(r"\([^)]*\)", "", listed).replace(" and ", ", ").split(",")

    assert {word.strip() for word in words} == {str(dimension) for dimension in Dimension}


def test_the_scopes_are_those_a_key_can_have() -> None:
    _, _, rest = GUIDE.partition("\n| scope | allows |\n")
    rows = rest.partition("\n\n")[0].splitlines()[1:]

    assert {scope for row in rows for scope in row.split("|")[1].split("`")[1::2]} == {
        *get_args(Scope)
    }
