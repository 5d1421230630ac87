"""Addresses of databases, as people write them and as SQLAlchemy wants them."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

__all__ = ["sqlalchemy_url"]

_EXPECTED = "must be the address of a PostgreSQL, such as postgresql://user@host/database"


def sqlalchemy_url(url: str) -> URL:
    """Return the SQLAlchemy address of a ``postgresql://`` one, driven by asyncpg.

    Raises:
        ValueError: the address is not PostgreSQL's, or none; what it is, is not said.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(_EXPECTED) from None
    if parsed.get_backend_name() != "postgresql":
        raise ValueError(_EXPECTED)
    return parsed.set(drivername="postgresql+asyncpg")
