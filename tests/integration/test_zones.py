"""Time zones: an organization's days are cut in Python and in SQL, and have to be the same."""

import zoneinfo
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def invented_zone(tmp_path: Path) -> Iterator[str]:
    """Let Python know a zone that no database can: one without any change of its clocks."""
    zone = "Earned/Invented"
    (tmp_path / "Earned").mkdir()
    block = b"TZif2" + bytes(15) + b"".join(n.to_bytes(4) for n in (0, 0, 0, 0, 1, 4))
    times = block + bytes(6) + b"UTC\0"
    (tmp_path / zone).write_bytes(times * 2 + b"\nUTC0\n")
    zoneinfo.reset_tzpath([str(tmp_path), *zoneinfo.TZPATH])
    yield zone
    zoneinfo.reset_tzpath()


async def test_a_zone_that_the_database_does_not_know_is_refused(
    database: Database, invented_zone: str
) -> None:
    async with database.transaction() as connection:
        with pytest.raises(InvalidOrg, match=f"{invented_zone} otherwise"):
            await create_org(connection, name="Zoned", time_zone=invented_zone, currency="EUR")
        assert await zones_read_otherwise(connection, ["UTC"]) == []
