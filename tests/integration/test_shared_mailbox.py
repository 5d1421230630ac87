"""A person who stands for many, with as many leads as touches, is credited a portion at a time.

A mailbox that a whole department reads, or the contact of a CRM for everybody unknown: n leads
after n touches share them n² times. Counted is what each statement of a fold moves, never time.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.metrics.fold import fold_batch
from shared.db import Database
from shared.facts import Fact, Retraction, parse_fact
from shared.ledger import append
from shared.orgs import Org
from tests.property.engine import credited_at_once

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


_TOUCHES_READ = """
SELECT idx_tup_fetch::integer FROM pg_stat_xact_user_tables
 WHERE schemaname = 'public' AND relname = 'touch'
"""


class _Counting:
    """A connection that remembers how many rows its statements moved at most.

    Also how many touches were read until a cursor yielded its first rows.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.most = 0
        self.read_before = 0
        self.read_first: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def note(self, rows: int) -> None:
        self.most = max(self.most, rows)

    def _note_status(self, status: str) -> str:
        rows = status.rpartition(" ")[2]
        self.note(int(rows) if rows.isdigit() else 0)
        return status

    async def execute(self, *arguments: Any) -> str:
        return self._note_status(await self._connection.execute(*arguments))

    async def copy_records_to_table(self, *arguments: Any, **named: Any) -> str:
        return self._note_status(await self._connection.copy_records_to_table(*arguments, **named))

    async def cursor(self, *arguments: Any) -> "_Cursor":
        self.read_before = await self._connection.fetchval(_TOUCHES_READ)
        return _Cursor(await self._connection.cursor(*arguments), self)


class _Cursor:
    def __init__(self, cursor: Any, counting: _Counting) -> None:
        self._cursor, self._counting = cursor, counting

    async def fetch(self, count: int) -> Any:
        rows = await self._cursor.fetch(count)
        self._counting.note(len(rows))
        if self._counting.read_first is None:
            read = await self._counting.fetchval(_TOUCHES_READ)
            self._counting.read_first = read - self._counting.read_before
        return rows


async def tell(database: Database, org: Org, items: Iterable[Any]) -> _Counting:
    """Append and fold as one batch; return what was counted."""
    async with database.transaction(org.id) as connection:
        await append(connection, org, list(items))
        counting = _Counting(connection)
        folded: Any = counting
        await fold_batch(folded, org.id, 1)
        counting.note(await connection.fetchval("SELECT count(*) FROM fold_row"))
    return counting


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
        with credited_at_once(_AT_ONCE):
            counting = await tell(database, org, items)

        assert counting.most <= _MOST < _N * _N, chapter
        assert await leads_credited(database, org) == leads, chapter


async def test_a_portion_is_read_by_itself(database: Database, org: Org) -> None:
    with credited_at_once(_AT_ONCE):
        counting = await tell(database, org, [*TOUCHES, *LEADS, MEETS])

    # Not all of them, to be put in order: some more than are wanted.
    assert counting.read_first is not None
    assert _AT_ONCE <= counting.read_first < _N * _N


async def test_what_is_few_is_credited_at_once(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.metrics.journeys._NEXT_PORTION", "there is no other")

    await tell(database, org, [*TOUCHES, *LEADS, MEETS])
    await tell(database, org, [touch(_N, -60)])

    assert await leads_credited(database, org) == _N
