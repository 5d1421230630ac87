"""Which half-life the time decay has, and who chose it, is said where it is used."""

from collections.abc import Mapping

import httpx
import pytest

from shared.db import Database
from shared.orgs import Org
from tests.api.asking import get

QUARTER = {"from": "2025-01-01", "to": "2025-04-01"}
MEASURED = """
UPDATE generation SET half_life_days = 30, half_life_source = 'measured', half_life_deals = 42
 WHERE org_id = $1
"""


async def notices(client: httpx.AsyncClient, model: str) -> Mapping[str, str]:
    statement = await get(client, "roi", model=model, **QUARTER)
    return {
        notice["code"]: notice["message"]
        for notice in statement["notices"]
        if notice["code"].startswith("half_life")
    }


@pytest.mark.parametrize("is_measured", [False, True])
async def test_a_half_life_nobody_chose_is_told_with_where_it_comes_from(
    client: httpx.AsyncClient, database: Database, org: Org, is_measured: bool
) -> None:
    if is_measured:
        async with database.transaction(org.id) as connection:
            await connection.execute(MEASURED, org.id)

    held = await get(client, "organization")
    told = await notices(client, "time_decay")

    names = ("half_life_days", "half_life_source", "half_life_deals")
    values = tuple(held[f"attribution_{name}"] for name in names)
    if is_measured:
        assert values == (30, "measured", 42)
        assert "30 days" in told["half_life_measured"]
        assert "42 won deals" in told["half_life_measured"]
    else:
        assert values == (7, "default", None)
        assert "7 days" in told["half_life_default"]
    assert len(told) == 1
    assert not await notices(client, "linear")
