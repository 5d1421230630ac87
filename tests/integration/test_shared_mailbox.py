"""A person who stands for many, with as many leads as touches, is credited a portion at a time.

A mailbox that a whole department reads, or the contact of a CRM for everybody unknown: n leads
after n touches share them n² times. Counted is what each statement of a fold moves, never time.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.metrics.fold import fold_batch
from shared.db import Database
from shared.facts import Fact, Retraction, parse_fact
from shared.ledger import append
from shared.orgs import Org

pytestmark = pytest.mark.asyncio

_N = 12
_AT_ONCE = 24
#: What may be held goes to the end of its journey; that much is told once more as it is given anew.
_MOST = 2 * _AT_ONCE + _N + 2
_BEGINS = datetime(2025, 3, 3, 12, tzinfo=UTC)


def told(kind: str, external_id: str, minutes: int, **fields: Any) -> Fact:
    at = (_BEGINS + timedelta(minutes=minutes)).isoformat()
    return parse_fact(
        {
            "kind": kind,
            "source": "crm",
            "external_id": external_id,
            "occurred_at": at,
            **fields,
        }
    )


def touch(number: int, minutes: int = 0, channel: str = "paid") -> Fact:
    return told("touch.recorded", f"t{number}", minutes + number, person="unknown", channel=channel)


def lead(number: int) -> Fact:
    return told("lead.created", f"l{number}", 100 + number, lead=f"l{number}", person="mailbox")


TOUCHES = [touch(number) for number in range(_N)]
LEADS = [lead(number) for number in range(_N)]
MEETS = told("person.identified", "i", 90, person="mailbox", same_as=["unknown"])


class _Cursor:
    def __init__(self, cursor: Any, note: Callable[[int], None]) -> None:
        self._cursor, self._note = cursor, note

    async def fetch(self, count: int) -> Any:
        rows = await self._cursor.fetch(count)
        self._note(len(rows))
        return rows


class _Counting:
    """A connection that remembers how many rows its statements moved at most."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.most = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def _note(self, rows: int) -> None:
        self.most = max(self.most, rows)

    def _note_status(self, status: str) -> str:
        rows = status.rpartition(" ")[2]
        self._note(int(rows) if rows.isdigit() else 0)
        return status

    async def execute(self, *arguments: Any) -> str:
        return self._note_status(await self._connection.execute(*arguments))

    async def copy_records_to_table(self, *arguments: Any, **named: Any) -> str:
        return self._note_status(await self._connection.copy_records_to_table(*arguments, **named))

    async def cursor(self, *arguments: Any) -> _Cursor:
        return _Cursor(await self._connection.cursor(*arguments), self._note)


async def tell(database: Database, org: Org, items: Iterable[Any]) -> int:
    """Append and fold as one batch; return how many rows a statement moved at most, or left."""
    async with database.transaction(org.id) as connection:
        await append(connection, org, list(items))
        counting: Any = _Counting(connection)
        await fold_batch(counting, org.id, 1)
        left: int = await connection.fetchval("SELECT count(*) FROM fold_row")
    return max(int(counting.most), left)


async def leads_credited(database: Database, org: Org) -> int:
    """Return how many leads have credit: all of it, and so they are counted."""
    async with database.transaction(org.id) as connection:
        row = await connection.fetchrow(
            "SELECT count(DISTINCT conversion) AS leads, coalesce(sum(share), 0) AS share"
            "  FROM credit WHERE org_id = $1 AND model = 'linear'",
            org.id,
        )
        value = await connection.fetchval(
            "SELECT coalesce(sum(value), 0) FROM cell_value"
            " WHERE org_id = $1 AND slice = 'total' AND measure = 'leads.linear'",
            org.id,
        )
    assert row is not None
    assert row["share"] == value == row["leads"]
    return int(row["leads"])


@pytest.fixture
def in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_TOUCHES_AT_ONCE", "_ROWS_AT_ONCE"):
        monkeypatch.setattr(f"services.metrics.journeys.{name}", _AT_ONCE)


@pytest.mark.usefixtures("in_portions")
async def test_no_statement_moves_every_touch_of_every_lead(database: Database, org: Org) -> None:
    chapters: list[tuple[str, list[Fact | Retraction], int]] = [
        ("all of them told at once", [*TOUCHES, *LEADS, MEETS], _N),
        ("a late touch, of which all of them get something", [touch(_N, -60)], _N),
        ("a touch corrected", [touch(3, channel="brand")], _N),
        ("they turn out to be somebody else's", [Retraction(MEETS.identity)], 0),
        ("and theirs again", [MEETS], _N),
        ("none of them was a lead", [Retraction(one.identity) for one in LEADS], 0),
    ]
    for chapter, items, leads in chapters:
        moved = await tell(database, org, items)

        assert moved <= _MOST < _N * _N, chapter
        assert await leads_credited(database, org) == leads, chapter


async def test_what_is_few_is_credited_at_once(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.metrics.journeys._NEXT_PORTION", "there is no other")

    await tell(database, org, [*TOUCHES, *LEADS, MEETS])
    await tell(database, org, [touch(_N, -60)])

    assert await leads_credited(database, org) == _N
