"""A small memory of recent answers, for look-ups on hot paths."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

__all__ = ["ExpiringCache"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ExpiringCache(Generic[Key, Value]):
    """Remembers up to ``size`` values for ``seconds`` each; the longest remembered goes first."""

    def __init__(self, *, seconds: float, size: int, time: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._size = size
        self._time = time
        self._values: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """Return the value remembered for ``key``, or None when there is none or it is too old."""
        entry = self._values.get(key)
        if entry is None:
            return None
        if self._time() - entry[0] >= self._seconds:
            del self._values[key]
            return None
        return entry[1]

    def put(self, key: Key, value: Value) -> None:
        """Remember ``value`` from now on."""
        self._values.pop(key, None)
        while len(self._values) >= self._size:
            self._values.popitem(last=False)
        self._values[key] = (self._time(), value)

    def forget(self, key: Key) -> None:
        """Drop what is remembered for ``key``."""
        self._values.pop(key, None)
