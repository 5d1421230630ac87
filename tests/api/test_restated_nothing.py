"""Figures that go from nothing known to none, and back: the days of both are restatements.

Nothing of it happens in the period asked about: the only facts lie in the month before it.
"""

from typing import Any

import httpx
import pytest

from shared.orgs import Org
from tests.api.asking import pages
from tests.api.conftest import At, Fold

FEBRUARY = {"from": "2025-02-01", "to": "2025-03-01"}


def _fact(kind: str, name: str) -> dict[str, Any]:
    told = {"kind": kind, "source": "s", "external_id": name, "employee": "E1"}
    at = {"occurred_at": "2025-01-10T10:00:00Z"}
    return told | at | ({"post": name} if kind == "post.published" else {})


async def _tell(client: httpx.AsyncClient, kind: str, told: str) -> None:
    """Post the fact of a name, or withdraw it where the name follows a minus."""
    fact = _fact(kind, told.removeprefix("-"))
    if told.startswith("-"):
        identity = {name: fact[name] for name in ("source", "kind", "external_id")}
        response = await client.post("/v1/facts/retract", json={"identities": [identity]})
    else:
        response = await client.post("/v1/facts", json=[fact])
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("limit", [1, 20])
@pytest.mark.parametrize(
    ("kpi", "kind"),
    # Where somebody joined, nobody having left is 0: known by facts that are not its own.
    [("shares", "post.published"), ("left_program", "member.joined")],
)
@pytest.mark.parametrize(
    ("told", "moves"),
    [
        (
            {"02-20": "a", "03-05": "-a", "03-10": "b"},
            [("03-05", "0", None), ("03-10", None, "0")],
        ),
        (
            {"03-05": "a", "03-06": "-a", "03-07": "b", "03-08": "c", "03-09": "-b", "03-10": "-c"},
            [
                ("03-05", None, "0"),
                ("03-06", "0", None),
                ("03-07", None, "0"),
                ("03-10", "0", None),
            ],
        ),
        ({"02-20": "a", "03-05": "b", "03-06": "-a", "03-07": "-b"}, [("03-07", "0", None)]),
    ],
)
async def test_moves_between_nothing_and_none_are_listed(
    client: httpx.AsyncClient,
    org: Org,
    fold: Fold,
    at: At,
    kpi: str,
    kind: str,
    told: dict[str, str],
    moves: list[tuple[str, str | None, str | None]],
    limit: int,
) -> None:
    for day, fact in told.items():
        at(f"2025-{day}T12:00")
        await _tell(client, kind, fact)
        await fold(org)
    at("2025-04-01T12:00")

    answers = await pages(client, "restatements", **FEBRUARY, kpi=kpi, limit=limit)
    listed = [one for answer in answers for one in answer["restatements"]]
    assert [(one["day"][5:], one["before"], one["after"]) for one in listed] == moves
