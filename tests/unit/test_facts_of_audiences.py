"""What facts say of who an audience is: generations have their names, other parts have any."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.facts import DemographicsRecorded, parse_fact

VIEWS: dict[str, Any] = {
    "kind": "demographics.recorded",
    "source": "linkedin",
    "external_id": "1",
    "occurred_at": "2025-03-20T10:00:00Z",
    "day": "2025-03-20",
    "impressions": 7,
    "account": "A",
}


@pytest.mark.parametrize("segment", ["gen_z", "silent"])
def test_views_of_a_generation_are_taken_by_its_name(segment: str) -> None:
    views = parse_fact({**VIEWS, "facet": "generation", "segment": segment})

    assert isinstance(views, DemographicsRecorded)
    assert views.segment == segment


@pytest.mark.parametrize("segment", ["Gen Z", "gen-z", "1999", "GEN_Z"])
def test_views_of_a_generation_that_nobody_asks_for_are_refused(segment: str) -> None:
    with pytest.raises(ValidationError, match="one of silent, boomers, gen_x, millennials, gen_z"):
        parse_fact({**VIEWS, "facet": "generation", "segment": segment})


@pytest.mark.parametrize("facet", ["company", "title", "city"])
def test_other_parts_of_an_audience_have_any_name(facet: str) -> None:
    assert parse_fact({**VIEWS, "facet": facet, "segment": "Gen Z"})
