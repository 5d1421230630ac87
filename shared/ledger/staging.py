"""From facts to rows: one per identity, ready to be judged and copied."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from shared.facts import Fact, Retraction
from shared.facts.envelope import composed_and_hashed, identity_key

__all__ = ["MixedRevisions", "Said", "said"]

_MICROSECOND = timedelta(microseconds=1)
#: Where a source gives no revision the time at which it spoke orders its versions, far below the 0
#: at which revisions begin: so the one is told from the other, and they are never compared.
_FIRST_INSTANT = -(2**62)
_AT_A_TIME = 250


class MixedRevisions(ValueError):
    """Of two versions of an identity one has a revision and the other has none: which is newer?

    ``revision`` is that of the version that came first; below 0 if it has none.
    """

    def __init__(self, fact_key: bytes, revision: int) -> None:
        super().__init__("some versions have a revision and some have none")
        self.fact_key = fact_key
        self.revision = revision


class Said(NamedTuple):
    """What a batch says of one identity. ``columns`` are those of a ledger entry after its key.

    ``revision`` is the source's, or, below 0, the time at which it spoke.
    """

    fact_key: bytes
    revision: int
    is_retraction: bool
    content_hash: bytes
    columns: tuple[Any, ...]


async def said(items: Sequence[Fact | Retraction], zone: ZoneInfo, said_at: datetime) -> list[Said]:
    """Return one row per identity, in the order of their first mention.

    Where a batch holds several versions of one identity the winner alone is kept: the highest
    revision, or the last one said where the source gives none.

    A large batch lets others have the event loop from time to time: whoever holds the ledger's head
    must not wait for this one's hashing.

    Raises:
        MixedRevisions: versions with and without a revision of one identity.
    """
    since_epoch = said_at - datetime.fromtimestamp(0, tz=said_at.tzinfo)
    said_now = _FIRST_INSTANT + since_epoch // _MICROSECOND
    winners: dict[bytes, Said] = {}
    for start in range(0, len(items), _AT_A_TIME):
        if start:
            await asyncio.sleep(0)
        for item in items[start : start + _AT_A_TIME]:
            row = (
                _withdrawn(item, said_now)
                if isinstance(item, Retraction)
                else _stated(item, zone, said_now)
            )
            earlier = winners.setdefault(row[0], row)
            if earlier is not row and _wins(row, earlier, said_now):
                winners[row[0]] = row
    return list(winners.values())


def _wins(row: Said, earlier: Said, said_now: int) -> bool:
    if (row.revision < 0) != (earlier.revision < 0):
        raise MixedRevisions(row.fact_key, earlier.revision)
    if row.revision == earlier.revision == said_now:
        return True  # neither gave a revision: the last one said counts
    return row[1:4] >= earlier[1:4]


def _stated(fact: Fact, zone: ZoneInfo, said_now: int) -> Said:
    columns, hashed = composed_and_hashed(fact.entry_columns(zone))
    revision = fact.revision
    return Said(
        identity_key(columns[3], columns[2], columns[4]),
        said_now if revision is None else revision,
        False,
        hashed,
        columns,
    )


def _withdrawn(item: Retraction, said_now: int) -> Said:
    revision = said_now if item.revision is None else item.revision
    return Said(item.identity.key, revision, True, b"", ())
