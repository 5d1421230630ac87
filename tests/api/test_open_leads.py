"""Which open leads a cohort is still credited for, at the edges of its period and of the window."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from tests.api.conftest import At, Deliver
from tests.api.golden import fact, local
from tests.api.test_golden import get


def lead(*touched_on: date) -> Iterator[dict[str, Any]]:
    """Yield a lead that nobody decides, and the days on which it was touched."""
    for day in touched_on:
        touched = {"person": "p1", "channel": "employee_advocacy", "employee": "E001"}
        yield fact("touch.recorded", str(day), local(day), **touched)
    yield fact("lead.created", "l1", local(touched_on[0], 13), lead="l1", person="p1")


@pytest.mark.parametrize(
    ("touched_on", "today", "expected"),
    [
        (date(2024, 12, 31), date(2025, 3, 1), 0),
        (date(2025, 1, 1), date(2025, 3, 1), 1),
        (date(2025, 3, 31), date(2025, 4, 5), 1),
        (date(2025, 4, 1), date(2025, 4, 5), 0),
        # The window has 90 days: as long as one is still to come, it may be won.
        (date(2025, 1, 1), date(2025, 3, 31), 1),
        (date(2025, 1, 1), date(2025, 4, 1), 0),
    ],
)
async def test_it_is_open_from_the_period_that_touched_it_to_the_window_s_end(
    client: httpx.AsyncClient,
    deliver: Deliver,
    at: At,
    touched_on: date,
    today: date,
    expected: int,
) -> None:
    await deliver(lead(touched_on))
    at(local(today))

    cohort = await get(client, "roi/cohort")

    assert cohort["expected"]["open_leads"] == expected
