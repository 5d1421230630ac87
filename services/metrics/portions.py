"""Journeys in portions: so many touches at once, and no conversion in two of them.

One person's n conversions after n touches are n² touches to credit. A mailbox that many share, or
the contact of a CRM that stands for everybody unknown, is such a person.
"""

from bisect import bisect_left, bisect_right
from typing import Any, Final

from shared.rollups.converting import conversion_of

__all__ = ["ORDER", "START", "THE_END", "Conversion", "Portions"]

#: Kind and id. In the order of code points, which Python and the collation "C" have in common.
Conversion = tuple[str, str]
ORDER: Final = ('{0}kind COLLATE "C"', '{0}conversion COLLATE "C"')
START: Final[Conversion] = ("", "")
#: After every conversion: no kind begins like this.
THE_END: Final[Conversion] = ("~", "")


class Portions:
    """What a cursor over journeys yields, in the order of conversions, a portion after the other.

    ``cursor`` is asyncpg's, open in the caller's transaction; its rows are those of
    `converting.journeys`, ordered by `ORDER` before anything else. Only a journey that is longer
    than ``at_once`` makes a portion of more touches.
    """

    def __init__(self, cursor: Any, at_once: int) -> None:
        self._cursor = cursor
        self._at_once = at_once
        self._rows: list[Any] = []
        self._is_read = False

    async def reach(self) -> Conversion:
        """Return the last conversion of the next portion; ``THE_END`` if nothing comes after it."""
        while True:
            if not self._is_read and len(self._rows) <= self._at_once:
                await self._read()
            elif len(self._rows) <= self._at_once:
                return THE_END
            elif (end := self._end()) < len(self._rows):
                last = self._rows[end - 1]
                return last["kind"], last["conversion"]
            elif self._is_read:
                return THE_END
            else:
                await self._read()

    def take(self, until: Conversion) -> list[Any]:
        """Return the touches of the conversions up to ``until``, which are not kept any longer."""
        end = bisect_right(self._rows, until, key=conversion_of)
        taken, self._rows = self._rows[:end], self._rows[end:]
        return taken

    async def _read(self) -> None:
        rows = await self._cursor.fetch(self._at_once)
        self._is_read = len(rows) < self._at_once
        self._rows += rows

    def _end(self) -> int:
        """Return where the journey begins that is too many, or where the first one ends."""
        crossing = conversion_of(self._rows[self._at_once])
        begins = bisect_left(self._rows, crossing, key=conversion_of)
        return begins or bisect_right(self._rows, crossing, key=conversion_of)
