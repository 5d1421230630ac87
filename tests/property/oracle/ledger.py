"""What stands after any deliveries: of each identity, the version that won."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import TypeVar
from zoneinfo import ZoneInfo

from shared.facts import Fact, Identity, Retraction
from shared.facts.envelope import content_hash
from tests.property.oracle.rates import Stated

__all__ = ["History", "key_of", "standing"]

Delivery = Fact | Retraction
FactT = TypeVar("FactT", bound=Fact)


def standing(deliveries: Iterable[Delivery], zone: ZoneInfo) -> list[Fact]:
    """Return the facts that hold after ``deliveries``, in no particular order.

    The highest revision of an identity wins. Of one revision a deletion beats content, and of two
    contents the one with the larger hash wins: arbitrary, but the same in every order. Where a
    source gives no revisions, what it said last is the highest.
    """
    winners: dict[Identity, tuple[tuple[int, int, bool, bytes], Delivery]] = {}
    for order, item in enumerate(deliveries):
        rank = _rank(order, item, zone)
        if item.identity not in winners or rank >= winners[item.identity][0]:
            winners[item.identity] = (rank, item)
    return [item for _, item in winners.values() if isinstance(item, Fact)]


def _rank(order: int, item: Delivery, zone: ZoneInfo) -> tuple[int, int, bool, bytes]:
    is_deletion = isinstance(item, Retraction)
    content = content_hash(item.entry_columns(zone)) if isinstance(item, Fact) else b""
    if item.revision is None:
        return 1, order, is_deletion, content
    return 0, item.revision, is_deletion, content


def key_of(fact: Fact) -> bytes:
    """Return the key that decides between facts of the same instant."""
    return fact.identity.key


@dataclass(frozen=True)
class History:
    """The standing facts of one organization and the settings its figures depend on.

    ``minor_digits`` is how many fraction digits its currency has. ``stated`` says who is counted,
    in the order in which it was said. ``known_on`` is the day on which the last of it was recorded.
    """

    facts: list[Fact]
    zone: ZoneInfo
    window_days: int
    half_life_days: int | Fraction
    minor_digits: int = 2
    stated: Sequence[Stated] = ()
    known_on: date = date.max

    def of(self, kind: type[FactT]) -> list[FactT]:
        """Return the standing facts of one kind."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def day(self, instant: datetime) -> date:
        """Return the organization's day of an instant."""
        return instant.astimezone(self.zone).date()
