"""Organizations: the tenant of everything, and what every computation needs to know of it."""

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import asyncpg

from shared import clock
from shared.currencies import is_currency
from shared.ids import new_id
from shared.kpis.privacy import FLOOR
from shared.rollups.rules import CATALOGUE_VERSION
from shared.zones import zones_read_otherwise

__all__ = [
    "DEFAULT_HALF_LIFE_DAYS",
    "HalfLifeSource",
    "InvalidOrg",
    "Org",
    "UnknownOrg",
    "create_org",
    "load_org",
    "person_of",
]

#: The half-life of the time decay while nobody has chosen one and too few deals are won to measure
#: it: that of Google Ads, for parity.
DEFAULT_HALF_LIFE_DAYS = 7
_LONGEST_NAME = 200


class HalfLifeSource(StrEnum):
    """Who chose the half-life that stored credit is computed with."""

    STATED = "stated"
    MEASURED = "measured"
    DEFAULT = "default"


class InvalidOrg(ValueError):
    """An organization cannot be created so; the text says why."""


class UnknownOrg(LookupError):
    """No organization has this id."""


@dataclass(frozen=True, slots=True)
class Org:
    """One organization. ``zone`` cuts its days; ``currency`` is what its amounts are in.

    ``smallest_group`` is the fewest people that a figure of a team is shown for. The half-life is
    the one in force, ``half_life_deals`` the won deals it was measured from, if it was.
    """

    id: UUID
    name: str
    zone: ZoneInfo
    currency: str
    person_key: bytes
    window_days: int
    half_life_days: int
    smallest_group: int = FLOOR
    half_life_source: HalfLifeSource = HalfLifeSource.STATED
    half_life_deals: int | None = None


async def create_org(
    connection: "asyncpg.Connection[asyncpg.Record]",
    *,
    name: str,
    time_zone: str,
    currency: str,
    window_days: int = 90,
    half_life_days: int | None = None,
) -> Org:
    """Create an organization with an empty ledger and a live first generation of rollups.

    Without ``half_life_days`` the half-life will follow the sales cycle, once that can be measured.

    Raises:
        InvalidOrg: the time zone is unknown, or another one to the database, deals are not closed
            in the currency, or the name is empty or too long.
    """
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidOrg(f"an organization's name has 1 to {_LONGEST_NAME} characters")
    if time_zone not in available_timezones():
        raise InvalidOrg(f"unknown time zone: {time_zone}; expected one such as Europe/Warsaw")
    if await zones_read_otherwise(connection, [time_zone]):
        raise InvalidOrg(
            f"the database reads the time zone {time_zone} otherwise; expected one that is named"
            " after a place, such as Europe/Warsaw"
        )
    if not is_currency(currency):
        raise InvalidOrg(
            f"{currency} is no currency that deals are closed in; expected one such as EUR"
        )
    org = Org(
        id=new_id(),
        name=name,
        zone=ZoneInfo(time_zone),
        currency=currency,
        person_key=secrets.token_bytes(32),
        window_days=window_days,
        half_life_days=half_life_days or DEFAULT_HALF_LIFE_DAYS,
        half_life_source=HalfLifeSource.STATED if half_life_days else HalfLifeSource.DEFAULT,
    )
    created_at = clock.now()
    await connection.execute(
        "INSERT INTO organization (id, name, time_zone, currency, attribution_window_days,"
        " attribution_half_life_days, person_key, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        org.id,
        name,
        time_zone,
        currency,
        window_days,
        half_life_days,
        org.person_key,
        created_at,
    )
    await _begin_ledger(connection, org, created_at)
    return org


async def _begin_ledger(
    connection: "asyncpg.Connection[asyncpg.Record]", org: Org, created_at: datetime
) -> None:
    """Begin the ledger before its first entry, and a live generation that has folded none yet."""
    await connection.execute(
        "INSERT INTO ledger_head (org_id, recorded_at) VALUES ($1, 'epoch')", org.id
    )
    await connection.execute(
        "INSERT INTO generation (org_id, generation, state, catalogue_version, window_days,"
        " half_life_days, half_life_source, created_at) VALUES ($1, 1, 'live', $2, $3, $4, $5, $6)",
        org.id,
        CATALOGUE_VERSION,
        org.window_days,
        org.half_life_days,
        org.half_life_source,
        created_at,
    )
    await connection.execute(
        "INSERT INTO fold_cursor (org_id, generation, position, folded_at) VALUES ($1, 1, 0, $2)",
        org.id,
        created_at,
    )


async def load_org(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> Org:
    """Return the organization ``org_id``.

    Raises:
        UnknownOrg: there is none.
    """
    row = await connection.fetchrow(
        "SELECT o.id, o.name, o.time_zone, o.currency, o.person_key, o.attribution_window_days,"
        " o.smallest_group, g.half_life_days, g.half_life_source, g.half_life_deals"
        " FROM organization o JOIN generation g ON g.org_id = o.id AND g.state = 'live'"
        " WHERE o.id = $1",
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
        half_life_days=row["half_life_days"],
        smallest_group=row["smallest_group"],
        half_life_source=HalfLifeSource(row["half_life_source"]),
        half_life_deals=row["half_life_deals"],
    )


def person_of(person_key: bytes, email: str) -> str:
    """Return the opaque reference of the person behind an e-mail address.

    The address is folded (NFKC, case) so that spellings of one mailbox meet, and hashed with the
    organization's own key so that nobody can test addresses against another organization's data.
    """
    folded = unicodedata.normalize("NFKC", email.strip()).casefold()
    digest = hmac.new(person_key, folded.encode(), hashlib.sha256).hexdigest()
    return f"p_{digest[:32]}"
