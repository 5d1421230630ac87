"""Addresses of Redis, as people write them."""

from redis.asyncio.connection import parse_url

__all__ = ["require_redis_url"]


def require_redis_url(url: str) -> None:
    """Refuse what is no address of a Redis.

    Raises:
        ValueError: it is none; what it is, is not said.
    """
    try:
        parse_url(url)
    except ValueError:
        raise ValueError(
            "must be the address of a Redis, such as redis://host:6379/0 or unix:///socket"
        ) from None
