"""A KPI's explanation as text: what the API lists page by page, in one list, of one moment."""

from datetime import date
from typing import Any

import pytest

from cli.client import Client, RefusedError
from cli.explanation import explain

_LARGEST_PAGE = 200
_UNITS = {"shares": "posts", "clicks": "clicks", "weeks": "weeks"}


class _Api(Client):
    """An API with one KPI of some shares and two clicks a week; it refuses larger pages.

    A cursor names its moment, the input and the place; each new explanation is of a later moment,
    when there is a share more. Of ``outdated`` moments no further page is told.
    """

    def __init__(
        self,
        shares: int,
        *,
        outdated: int = 0,
        is_counted: bool = True,
        complete_until: str | None = "2025-02-01T06:00:00Z",
    ) -> None:
        self._complete_until = complete_until
        self._shares = shares
        self._outdated = outdated
        self._is_counted = is_counted
        self.begun = 0

    def get(self, path: str, **query: Any) -> Any:
        assert 1 <= query["limit"] <= _LARGEST_PAGE
        if "cursor" not in query:
            self.begun += 1
        moment, measure, place = query.get("cursor", f"{self.begun} shares 0").split()
        if "cursor" in query and int(moment) <= self._outdated:
            raise RefusedError(409, "list_outdated", "begin the list again")
        counts = {"shares": self._shares + int(moment) - 1, "clicks": 2}
        start, total = int(place), counts[measure]
        end = min(start + query["limit"], total)
        following = f"{moment} {measure} {end}" if end < total else None
        if following is None and measure == "shares":
            following = f"{moment} clicks 0"
        return {
            "kpi": "shares",
            "formula": "(shares + clicks) / weeks",
            "arithmetic": f"({counts['shares']} + 2) / 1",
            "currency": None,
            "value": {"null_reason": None},
            "complete_until": self._complete_until,
            "is_partial": self._complete_until is None,
            "inputs": [
                {
                    "measure": name,
                    "description": name,
                    "unit": unit,
                    "value": str(counts.get(name, 1)),
                    "cursor": f"{moment} {name} 0" if name in counts else None,
                }
                for name, unit in _UNITS.items()
            ],
            "assumptions": [],
            "facts": {
                "measure": measure,
                "lines_total": total if self._is_counted else None,
                "lines": [_line(measure, number) for number in range(start, end)],
                "next_cursor": following,
            },
        }


def _line(measure: str, number: int) -> dict[str, Any]:
    return {
        "day": "2025-01-01",
        "quantity": "1",
        "kind": measure,
        "source": "test",
        "external_id": f"fact-{number}",
        "position": number,
        "employee": None,
        "network": None,
        "note": None,
    }


def explained(api: _Api, most_lines: int) -> str:
    days = {"first_day": date(2025, 1, 1), "end_day": date(2025, 2, 1)}
    return explain(api, "shares", most_lines=most_lines, **days)


@pytest.mark.parametrize(
    ("wanted", "listed", "clicks", "left"),
    [(0, 0, 0, None), (1, 1, 1, 499), (10, 10, 2, 490), (450, 450, 2, 50), (1000, 500, 2, None)],
)
def test_more_facts_than_a_page_holds_are_listed(
    wanted: int, listed: int, clicks: int, left: int | None
) -> None:
    text = explained(_Api(500), wanted)

    assert text.count("shares test/fact-") == listed
    assert text.count("clicks test/fact-") == clicks
    assert (f"… {left} more" in text) is (left is not None)


@pytest.mark.parametrize("shares", [1, 199, 200, 400])
def test_facts_that_nobody_counts_are_listed_as_far_as_they_are_of_their_input(
    shares: int,
) -> None:
    text = explained(_Api(shares, is_counted=False), 1000)

    assert text.count("shares test/fact-") == shares
    assert text.count("clicks test/fact-") == 2


def test_all_inputs_are_read_as_of_the_moment_of_the_figure() -> None:
    api = _Api(500)
    text = explained(api, 1000)

    assert api.begun == 1
    assert "(500 + 2) / 1" in text
    assert "  weeks: 1 weeks" in text.splitlines()


def test_an_explanation_is_begun_anew_when_the_figures_were() -> None:
    api = _Api(500, outdated=2)
    text = explained(api, 1000)

    assert api.begun == 3
    assert "(502 + 2) / 1" in text
    assert text.count("shares test/fact-") == 502
    with pytest.raises(RefusedError, match="begin the list again"):
        explained(_Api(500, outdated=3), 1000)


def test_a_figure_of_which_not_all_is_known_says_so() -> None:
    whole, partial = explained(_Api(1), 0), explained(_Api(1, complete_until=None), 0)

    assert "may still change" not in whole
    assert "  may still change: known until nobody knows when" in partial.splitlines()
