"""The temporary table a batch is copied into before it is judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.facts import Fact, Retraction

__all__ = ["STAGED_COLUMNS", "STAGING_TABLE", "stage_rows"]

STAGING_TABLE = "ledger_staging"

_EPOCH_DAY = date(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Columns:
    definition: str

    @property
    def create_statement(self) -> str:
        return (
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {STAGING_TABLE} ({self.definition}) "
            "ON COMMIT DELETE ROWS"
        )


STAGED_COLUMNS = _Columns(
    "ord integer, fact_key bytea, content_hash bytea, revision bigint, is_retraction boolean, "
    "occurred_at timestamptz, day date, kind text, source text, external_id text, employee text, "
    "account text, network text, campaign text, content text, channel text, subject text, "
    "payload text"
)


def stage_rows(
    items: Sequence[Fact | Retraction], zone: ZoneInfo, received_at: datetime
) -> list[tuple[Any, ...]]:
    """Return one row per identity, in order, ready to be copied.

    Where a batch holds several versions of one identity the winner alone is kept: the highest
    revision, or the last one said where the source gives none.
    """
    said_now = (received_at - datetime.fromtimestamp(0, tz=received_at.tzinfo)) // _MICROSECOND
    winners: dict[bytes, tuple[Any, ...]] = {}
    for order, item in enumerate(items):
        row = (
            _fact_row(order, item, zone, said_now)
            if isinstance(item, Fact)
            else _retraction_row(order, item, said_now)
        )
        earlier = winners.get(row[1])
        if earlier is None or _precedence(row) >= _precedence(earlier):
            winners[row[1]] = row
    if len(winners) == len(items):
        return list(winners.values())
    return sorted(winners.values())


def _precedence(row: tuple[Any, ...]) -> tuple[int, bool, bytes]:
    # The same order as the statement that judges: revision, then deletion, then content.
    return row[3], row[4], row[2]


def _fact_row(order: int, fact: Fact, zone: ZoneInfo, said_now: int) -> tuple[Any, ...]:
    payload = fact.payload()
    return (
        order,
        fact.identity.key,
        fact.content_hash(payload),
        said_now if fact.revision is None else fact.revision,
        False,
        fact.occurred_at,
        fact.day_in(zone),
        fact.kind,
        fact.source,
        fact.external_id,
        fact.employee,
        fact.account,
        fact.network,
        fact.campaign,
        fact.content,
        fact.channel,
        fact.subject,
        payload.decode(),
    )


def _retraction_row(order: int, item: Retraction, said_now: int) -> tuple[Any, ...]:
    identity = item.identity
    revision = said_now if item.revision is None else item.revision
    absent = (None,) * 8
    return (
        order,
        identity.key,
        b"",
        revision,
        True,
        None,
        _EPOCH_DAY,
        identity.kind,
        identity.source,
        identity.external_id,
        *absent,
    )
