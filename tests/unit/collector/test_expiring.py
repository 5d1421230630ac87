"""A memory that forgets in time and never grows beyond its size."""

from services.collector.expiring import ExpiringCache


def test_values_are_remembered_for_their_time_and_no_longer() -> None:
    now = 0.0
    cache: ExpiringCache[str, int] = ExpiringCache(seconds=2, size=10, time=lambda: now)
    cache.put("a", 1)

    now = 1.9
    assert cache.get("a") == 1
    now = 2.0
    assert cache.get("a") is None


def test_the_longest_remembered_goes_first() -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(seconds=10, size=2)
    for key in ("a", "b", "a", "c"):
        cache.put(key, 1)

    assert [key for key in "abc" if cache.get(key)] == ["a", "c"]
