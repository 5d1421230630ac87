"""What waits in the inbox, to facts.

A webhook names what changed: what was deleted is withdrawn, the rest is read again. A polled record
that was put aside is mapped again, by the mapping as it is now.
"""

from collections.abc import Sequence
from uuid import UUID

from pydantic import ValidationError

from services.collector.connections import load_connection
from services.collector.connectors.declaration import Item, Record, Window
from services.collector.connectors.errors import Unreadable
from services.collector.connectors.webhooks import WebhookPlan
from services.collector.digest import digest, first_rule
from services.collector.session import VendorAccess

__all__ = ["VendorReader"]

_OBJECTS_PER_READ = 100


class VendorReader:
    """Reads what deliveries are about, through the vendor's batch reads and the polls' mapping."""

    def __init__(self, access: VendorAccess) -> None:
        self._access = access

    async def read(
        self, org_id: UUID, connection_id: UUID, bodies: Sequence[bytes]
    ) -> Sequence[Item]:
        """Return what the deliveries are about; each object is read once.

        An object that the vendor no longer has brings nothing: its deletion is an event too.

        Raises:
            Unreadable: a delivery or an object in it cannot be understood.
            UpstreamError: the vendor did not bring a usable answer.
        """
        plan = await self._plan(org_id, connection_id, bodies)
        items: list[Item] = list(plan.retractions)
        for stream_name, ids in plan.reads.items():
            items += await self._read(org_id, connection_id, stream_name, ids)
        return items

    async def _plan(
        self, org_id: UUID, connection_id: UUID, bodies: Sequence[bytes]
    ) -> WebhookPlan:
        async with self._access.database.transaction(org_id) as connection:
            stored = await load_connection(connection, self._access.ring, org_id, connection_id)
        webhooks = stored.connector.webhooks
        if webhooks is None:
            raise Unreadable("this vendor sends no webhooks")
        return webhooks.plan(
            [event for body in bodies for event in webhooks.events(body)], stored.source
        )

    async def _read(
        self, org_id: UUID, connection_id: UUID, stream_name: str, ids: Sequence[str]
    ) -> list[Item]:
        session = await self._access.open(org_id, connection_id, stream_name)
        assert session.stream.read_objects is not None, "webhooks name readable streams only"
        context = await session.context()
        now = Window(session.frame.now, session.frame.now)
        items: list[Item] = []
        for first in range(0, len(ids), _OBJECTS_PER_READ):
            request = session.stream.read_objects(
                session.frame, ids[first : first + _OBJECTS_PER_READ]
            )
            page, _ = await session.page(request, now)
            found = digest(session.stream, page, context)
            if found.rejected:
                raise Unreadable(found.rejected[0].reason)
            items += found.items
        return items

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
