"""Addresses of databases, as people write them and as SQLAlchemy wants them."""

from sqlalchemy import URL, make_url

__all__ = ["sqlalchemy_url"]


def sqlalchemy_url(url: str) -> URL:
    """Return the SQLAlchemy address of a ``postgresql://`` one, driven by asyncpg.

    Raises:
        ValueError: the address is not PostgreSQL's.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise ValueError("the database must be PostgreSQL (postgresql://…)")
    return parsed.set(drivername="postgresql+asyncpg")
