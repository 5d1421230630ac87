"""A goal as its owner states it."""

from typing import Any

import httpx

GOAL: dict[str, Any] = {
    "kpi": "clicks",
    "target": "1200",
    "unit": "clicks",
    "direction": "up",
    "owner": "head of marketing",
    "objective": "Enter the Polish market with ten pilot customers",
    "baseline_on": "2025-06-02",
    "due_on": "2025-08-24",
}
FIRST_HALF = {"baseline_on": "2025-01-01", "due_on": "2025-06-30"}


def of(kpi: str, unit: str, target: str, **changed: Any) -> dict[str, Any]:
    """Return a goal of twelve weeks, four of which are over on 30 June; it may be out of reach."""
    return {**GOAL, "kpi": kpi, "unit": unit, "target": target, "stretch": True, **changed}


async def stated(client: httpx.AsyncClient, goal: dict[str, Any]) -> dict[str, Any]:
    made = await client.post("/v1/goals", json=goal)
    assert made.status_code == 201, made.text
    answer: dict[str, Any] = made.json()
    return answer
