"""Resolve a code and book the click before the visitor is sent on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast
from uuid import UUID

from services.collector.expiring import ExpiringCache
from services.collector.group_commit import GroupCommit
from shared import clock
from shared.db import Database
from shared.facts import LinkClicked
from shared.facts.envelope import Channel
from shared.ids import new_id
from shared.ledger import AppendResult, append
from shared.links import CODE_PATTERN
from shared.orgs import load_org
from shared.queue import Queue

__all__ = ["CLICK_SOURCE", "LinkService", "TrackedLink"]

#: The source under which clicks are booked: our own redirect.
CLICK_SOURCE = "link"

# No link has this code: a malformed code costs the same look-up as an unknown one.
_NOBODYS_CODE = "-"
_REMEMBER_SECONDS = 30.0
_REMEMBER_LINKS = 10_000

_ENTER = "SELECT set_config('app.org_id', coalesce(org_of_link($1)::text, ''), true)"
_FIND = """
SELECT org_id, code, tagged_url, employee, account, network, campaign, content, channel
  FROM link WHERE code = $1
"""


@dataclass(frozen=True, slots=True)
class TrackedLink:
    """Where a link leads and whose it is; both were settled when it was created."""

    org_id: UUID
    code: str
    tagged_url: str
    employee: str | None
    account: str | None
    network: str | None
    campaign: str | None
    content: str | None
    channel: str


class LinkService:
    """Finds links and books clicks, many clicks of an organization in one transaction."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self._database = database
        self._known: ExpiringCache[str, TrackedLink] = ExpiringCache(
            seconds=_REMEMBER_SECONDS, size=_REMEMBER_LINKS
        )
        self._clicks: GroupCommit[LinkClicked, AppendResult] = GroupCommit(
            self._append, announce=partial(queue.wake, "fold")
        )

    async def find(self, code: str) -> TrackedLink | None:
        """Return the link behind ``code``, or None. Links never change, so they are remembered."""
        known = self._known.get(code)
        if known is not None:
            return known
        if not CODE_PATTERN.fullmatch(code):
            code = _NOBODYS_CODE
        async with self._database.transaction() as connection:
            # Rows are visible only from within their organization: enter it first.
            await connection.execute(_ENTER, code)
            row = await connection.fetchrow(_FIND, code)
        if row is None:
            return None
        link = TrackedLink(**row)
        self._known.put(code, link)
        return link

    async def book_click(self, link: TrackedLink, *, is_human: bool) -> AppendResult:
        """Append one ``link.clicked`` to the ledger; return, after the commit, what became of it
        and of those it was written with.

        A click has no id of its own at any vendor, so each request is a click of its own.

        Raises:
            Overloaded: too many clicks wait; nothing was booked.
        """
        click = LinkClicked(
            source=CLICK_SOURCE,
            external_id=str(new_id()),
            occurred_at=clock.now(),
            employee=link.employee,
            account=link.account,
            network=link.network,
            campaign=link.campaign,
            content=link.content,
            channel=cast("Channel", link.channel),
            link=link.code,
            is_human=is_human,
        )
        return await self._clicks.submit(link.org_id, click)

    async def close(self) -> None:
        """Wait for the clicks that are being booked."""
        await self._clicks.close()

    async def _append(self, org_id: UUID, clicks: Sequence[LinkClicked]) -> Sequence[AppendResult]:
        async with self._database.transaction(org_id) as connection:
            result = await append(connection, await load_org(connection, org_id), clicks)
        return [result] * len(clicks)
