"""A KPI's explanation as text: what the API lists page by page, in one list."""

from datetime import date
from typing import Any

import pytest

from cli.client import Client
from cli.explanation import explain

_LARGEST_PAGE = 200


class _Api(Client):
    """An API with one KPI of some shares; like the real one it refuses larger pages."""

    def __init__(self, shares: int) -> None:
        self._shares = shares

    def get(self, path: str, **query: Any) -> Any:
        assert 1 <= query["limit"] <= _LARGEST_PAGE
        start = int(query.get("cursor", "0"))
        end = min(start + query["limit"], self._shares)
        return {
            "kpi": "shares",
            "formula": "shares",
            "arithmetic": f"{self._shares} = {self._shares}",
            "currency": None,
            "value": {"null_reason": None},
            "inputs": [
                {
                    "measure": "shares",
                    "description": "posts",
                    "unit": "posts",
                    "value": str(self._shares),
                }
            ],
            "assumptions": [],
            "facts": {
                "lines_total": self._shares,
                "lines": [_line(number) for number in range(start, end)],
                "next_cursor": str(end) if end < self._shares else None,
            },
        }


def _line(number: int) -> dict[str, Any]:
    return {
        "day": "2025-01-01",
        "quantity": "1",
        "kind": "post.published",
        "source": "test",
        "external_id": f"post-{number}",
        "position": number,
        "employee": None,
        "network": None,
        "note": None,
    }


@pytest.mark.parametrize(
    ("wanted", "listed", "left"), [(0, 0, None), (10, 10, 490), (450, 450, 50), (1000, 500, None)]
)
def test_more_facts_than_a_page_holds_are_listed(
    wanted: int, listed: int, left: int | None
) -> None:
    text = explain(
        _Api(500),
        "shares",
        first_day=date(2025, 1, 1),
        end_day=date(2025, 2, 1),
        most_lines=wanted,
    )

    assert text.count("post.published test/post-") == listed
    assert (f"… {left} more" in text) is (left is not None)
