"""Organizations: the tenant of everything, and what every computation needs to know of it."""

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import asyncpg

from shared import clock
from shared.ids import new_id
from shared.kpis.privacy import FLOOR

__all__ = ["Org", "UnknownOrg", "create_org", "load_org", "person_of"]

CATALOGUE_VERSION = 1


class UnknownOrg(LookupError):
    """No organization has this id."""


@dataclass(frozen=True, slots=True)
class Org:
    """One organization. ``zone`` cuts its days; ``currency`` is what its amounts are in.

    ``smallest_group`` is the fewest people that a figure of a team is shown for.
    """

    id: UUID
    name: str
    zone: ZoneInfo
    currency: str
    person_key: bytes
    window_days: int
    half_life_days: int
    smallest_group: int = FLOOR


async def create_org(
    connection: "asyncpg.Connection[asyncpg.Record]",
    *,
    name: str,
    time_zone: str,
    currency: str,
    window_days: int = 90,
    half_life_days: int = 7,
) -> Org:
    """Create an organization with an empty ledger and a live first generation of rollups.

    Raises:
        ValueError: the time zone is unknown.
    """
    if time_zone not in available_timezones():
        raise ValueError(f"unknown time zone: {time_zone}")
    org = Org(
        id=new_id(),
        name=name,
        zone=ZoneInfo(time_zone),
        currency=currency,
        person_key=secrets.token_bytes(32),
        window_days=window_days,
        half_life_days=half_life_days,
    )
    created_at = clock.now()
    await connection.execute(
        "INSERT INTO organization VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        org.id,
        name,
        time_zone,
        currency,
        window_days,
        half_life_days,
        org.person_key,
        created_at,
    )
    await connection.execute(
        "INSERT INTO ledger_head (org_id, recorded_at) VALUES ($1, 'epoch')", org.id
    )
    await connection.execute(
        "INSERT INTO generation VALUES ($1, 1, 'live', $2, $3, $4, $5)",
        org.id,
        CATALOGUE_VERSION,
        window_days,
        half_life_days,
        created_at,
    )
    await connection.execute(
        "INSERT INTO fold_cursor (org_id, generation, position, folded_at) VALUES ($1, 1, 0, $2)",
        org.id,
        created_at,
    )
    return org


async def load_org(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> Org:
    """Return the organization ``org_id``.

    Raises:
        UnknownOrg: there is none.
    """
    row = await connection.fetchrow(
        "SELECT id, name, time_zone, currency, person_key, attribution_window_days,"
        " attribution_half_life_days, smallest_group FROM organization WHERE id = $1",
        org_id,
    )
    if row is None:
        raise UnknownOrg(str(org_id))
    return Org(
        id=row["id"],
        name=row["name"],
        zone=ZoneInfo(row["time_zone"]),
        currency=row["currency"],
        person_key=row["person_key"],
        window_days=row["attribution_window_days"],
        half_life_days=row["attribution_half_life_days"],
        smallest_group=row["smallest_group"],
    )


def person_of(person_key: bytes, email: str) -> str:
    """Return the opaque reference of the person behind an e-mail address.

    The address is folded (NFKC, case) so that spellings of one mailbox meet, and hashed with the
    organization's own key so that nobody can test addresses against another organization's data.
    """
    folded = unicodedata.normalize("NFKC", email.strip()).casefold()
    digest = hmac.new(person_key, folded.encode(), hashlib.sha256).hexdigest()
    return f"p_{digest[:32]}"
