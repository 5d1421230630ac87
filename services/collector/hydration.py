"""What waits in the inbox, to facts.

A webhook names what changed: what was deleted is withdrawn, the rest is read again. A polled record
that was put aside is mapped again, by the mapping as it is now.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from pydantic import ValidationError

from services.collector.connections import load_connection
from services.collector.connectors.declaration import Item, Record, Window
from services.collector.connectors.errors import Unreadable
from services.collector.connectors.webhooks import WebhookPlan
from services.collector.digest import Digest, digest, first_rule
from services.collector.http.errors import ReauthRequired
from services.collector.inbox import Brought
from services.collector.session import VendorAccess
from shared.facts import Fact
from shared.rollups.naming import deals_naming

__all__ = ["VendorReader"]

_OBJECTS_PER_READ = 100


class VendorReader:
    """Reads what deliveries are about, through the vendor's batch reads and the polls' mapping."""

    def __init__(self, access: VendorAccess) -> None:
        self._access = access

    async def read(self, org_id: UUID, connection_id: UUID, bodies: Sequence[bytes]) -> Brought:
        """Return what the deliveries are about; each object is read once.

        An object that the vendor no longer has brings nothing: its deletion is an event too.

        Raises:
            Unreadable: a delivery cannot be understood.
            UpstreamError: the vendor did not bring a usable answer.
        """
        plan, moved = await self._plan(org_id, connection_id, bodies)
        for stream_name, others in plan.returning.items():
            moved[stream_name] += await self._belonging(org_id, connection_id, stream_name, others)
        read: list[tuple[str, Digest]] = []
        moved_at = _last_change(plan)
        for stream_name in dict.fromkeys((*plan.reads, *moved)):
            named, unnamed = plan.reads.get(stream_name, ()), moved[stream_name]
            ids = list(dict.fromkeys((*named, *unnamed)))
            changed = {**plan.changed_at.get(stream_name, {}), **dict.fromkeys(unnamed, moved_at)}
            for found in await self._read(org_id, connection_id, stream_name, ids):
                items = tuple(_not_older(item, changed) for item in found.items)
                read.append((stream_name, replace(found, items=items)))
        return Brought(read, plan.retractions)

    async def _plan(
        self, org_id: UUID, connection_id: UUID, bodies: Sequence[bytes]
    ) -> tuple[WebhookPlan, defaultdict[str, list[str]]]:
        """Return what deliveries ask for, and per stream the deals whose lead they take away."""
        async with self._access.database.transaction(org_id) as connection:
            stored = await load_connection(connection, self._access.ring, org_id, connection_id)
            if stored.state == "reauth_required":
                raise ReauthRequired("credentials_refused")
            webhooks = stored.connector.webhooks
            if webhooks is None:
                raise Unreadable("this vendor sends no webhooks")
            plan = webhooks.plan(
                [event for body in bodies for event in webhooks.events(body)], stored.source
            )
            orphans: defaultdict[str, list[str]] = defaultdict(list)
            for stream, leads in plan.orphaning.items():
                orphans[stream] += await deals_naming(connection, org_id, leads, stored.source)
            return plan, orphans

    async def _belonging(
        self, org_id: UUID, connection_id: UUID, stream_name: str, others: Sequence[str]
    ) -> list[str]:
        """Return the ids of a stream's objects that belong to ``others``, as the vendor has it."""
        session = await self._access.open(org_id, connection_id, stream_name)
        belonging = session.stream.belonging
        assert belonging is not None, "webhooks name streams of which the vendor tells it"
        ids: list[str] = []
        for part in _parts(others):
            document, _ = await session.ask(belonging.request(session.frame, part))
            ids += belonging.ids(document)
        return ids

    async def _read(
        self, org_id: UUID, connection_id: UUID, stream_name: str, ids: Sequence[str]
    ) -> list[Digest]:
        session = await self._access.open(org_id, connection_id, stream_name)
        assert session.stream.read_objects is not None, "webhooks name readable streams only"
        context = await session.context()
        now = Window(session.frame.now, session.frame.now)
        read: list[Digest] = []
        for part in _parts(ids):
            page, _ = await session.page(session.stream.read_objects(session.frame, part), now)
            read.append(digest(session.stream, page, context))
        return read

    async def read_again(
        self, org_id: UUID, connection_id: UUID, stream: str, record: Record
    ) -> Sequence[Item]:
        """Return the facts of a polled record that was put aside.

        Raises:
            Unreadable: it still cannot be understood.
            UpstreamError: the vendor did not say what the mapping must know.
        """
        session = await self._access.open(org_id, connection_id, stream)
        context = await session.context()
        try:
            return session.stream.to_facts(record, context)
        except ValidationError as error:
            raise Unreadable(first_rule(error)) from None


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    for first in range(0, len(ids), _OBJECTS_PER_READ):
        yield ids[first : first + _OBJECTS_PER_READ]


def _last_change(plan: WebhookPlan) -> int:
    """Return when the last of what deliveries tell happened, as far as they tell it."""
    withdrawn = [gone.revision or 0 for gone in plan.retractions]
    changed = [at for objects in plan.changed_at.values() for at in objects.values()]
    return max((*withdrawn, *changed), default=0)


def _not_older(item: Item, changed: Mapping[str, int]) -> Item:
    """Return a fact about an object that changed as told no earlier than that.

    Its vendor need not count another lead as a change of a deal. What was read after the lead was
    gone would then be as old as what names that lead, and could lose to it; and what was restored
    would be older than its deletion.
    """
    revision = changed.get(item.external_id) if isinstance(item, Fact) else None
    if not isinstance(item, Fact) or item.revision is None or revision is None:
        return item
    return item.model_copy(update={"revision": max(item.revision, revision)})
