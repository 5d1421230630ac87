"""Time zones: an organization's days are cut in Python and in SQL, and have to be the same."""

import pytest

from shared.db import Database
from shared.orgs import InvalidOrg, create_org
from shared.zones import zones_read_otherwise


@pytest.mark.parametrize("zone", ["CET", "EET", "MET", "WET"])
async def test_a_zone_without_summer_time_in_the_database_is_refused(
    database: Database, zone: str
) -> None:
    async with database.transaction() as connection:
        with pytest.raises(InvalidOrg, match=f"{zone} otherwise"):
            await create_org(connection, name="Zoned", time_zone=zone, currency="EUR")


async def test_zones_of_places_are_read_alike(database: Database) -> None:
    zones = ["Europe/Warsaw", "Asia/Kathmandu", "Australia/Lord_Howe", "Atlantic/Azores", "UTC"]
    async with database.transaction() as connection:
        assert await zones_read_otherwise(connection, [*zones, "CET", "CET"]) == ["CET"]
        assert await zones_read_otherwise(connection, []) == []
