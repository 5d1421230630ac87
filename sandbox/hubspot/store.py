"""The records of one HubSpot account, how they change, and the events the changes cause."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.golden.crm import CrmObject, contacts, deals, hubspot_time, pipelines

__all__ = [
    "DEFAULT_PROPERTIES",
    "MODIFIED_PROPERTY",
    "OBJECT_TYPES",
    "CrmStore",
    "Event",
    "Record",
    "UnknownObjectError",
    "render",
]

#: Names and type ids under which HubSpot addresses the two object types.
OBJECT_TYPES = {
    "contacts": "contacts",
    "contact": "contacts",
    "0-1": "contacts",
    "deals": "deals",
    "deal": "deals",
    "0-3": "deals",
}
#: What HubSpot shows when no property is asked for.
DEFAULT_PROPERTIES = {
    "contacts": ("email", "firstname", "lastname"),
    "deals": ("amount", "closedate", "dealname", "dealstage", "pipeline"),
}
MODIFIED_PROPERTY = {"contacts": "lastmodifieddate", "deals": "hs_lastmodifieddate"}
_SINGULAR = {"contacts": "contact", "deals": "deal"}
_FIRST_EVENT = 60_775_291
_TICK = timedelta(milliseconds=1)


class UnknownObjectError(LookupError):
    """There is no such record, or it was deleted."""


@dataclass(slots=True)
class Record:
    """One CRM record as it stands."""

    object_id: str
    created_at: datetime
    updated_at: datetime
    properties: dict[str, str | None]
    associated: tuple[str, ...]
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something a webhook subscription tells about: ids and at most one property, no record."""

    event_id: int
    subscription_type: str
    object_id: str
    occurred_at: datetime
    property_name: str | None = None
    property_value: str | None = None


class CrmStore:
    """The account: 30 contacts, 12 deals and every event since its beginning."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._records = {
            "contacts": _records(contacts()),
            "deals": _records(deals()),
        }
        self._known = {
            object_type: {name for record in records.values() for name in record.properties}
            for object_type, records in self._records.items()
        }
        self.pipelines = pipelines()
        self.events: list[Event] = []
        for moment, subscription, object_id, name, value in sorted(self._history()):
            self._note(subscription, object_id, moment, name, value)

    def _history(self) -> Iterator[tuple[datetime, str, str, str, str]]:
        for contact in self._records["contacts"].values():
            yield contact.created_at, "contact.creation", contact.object_id, "", ""
        for deal in self._records["deals"].values():
            opened, closed = deal.created_at, deal.updated_at
            yield opened, "deal.creation", deal.object_id, "", ""
            for moment, name in ((opened + _TICK, "amount"), (closed + _TICK, "dealstage")):
                value = deal.properties[name] or ""
                yield moment, "deal.propertyChange", deal.object_id, name, value

    def known_properties(self, object_type: str) -> set[str]:
        """Return the property names the account defines for a type."""
        return self._known[object_type]

    def records(self, object_type: str, *, archived: bool = False) -> list[Record]:
        """Return the records of a type in order of id, either the living or the deleted."""
        return [
            record
            for _, record in sorted(self._records[object_type].items(), key=lambda r: int(r[0]))
            if (record.archived_at is not None) is archived
        ]

    def get(self, object_type: str, object_id: str, *, archived: bool = False) -> Record:
        """Return a living record, or with ``archived`` a deleted one.

        Raises:
            UnknownObjectError: there is none with this id.
        """
        record = self._records[object_type].get(object_id)
        if record is None or (record.archived_at is not None) is not archived:
            raise UnknownObjectError(object_id)
        return record

    def change(
        self,
        object_type: str,
        object_id: str,
        properties: Mapping[str, str | None],
        *,
        at: datetime | None = None,
    ) -> list[Event]:
        """Set properties, move the modification time forward, and return the events caused.

        ``at`` dates the change; without it the change happens now. It never goes backwards.

        Raises:
            UnknownObjectError: the id is unknown or the record was deleted.
        """
        record = self.get(object_type, object_id)
        record.updated_at = self._moment_after(record.updated_at, at)
        record.properties.update(properties)
        record.properties[MODIFIED_PROPERTY[object_type]] = hubspot_time(record.updated_at)
        self._known[object_type] |= properties.keys()
        subscription = f"{_SINGULAR[object_type]}.propertyChange"
        return [
            self._note(subscription, object_id, record.updated_at, name, value or "")
            for name, value in properties.items()
        ]

    def delete(
        self, object_type: str, object_id: str, *, at: datetime | None = None
    ) -> list[Event]:
        """Move a record to the recycling bin and return the event caused.

        Raises:
            UnknownObjectError: the id is unknown or the record was deleted before.
        """
        record = self.get(object_type, object_id)
        record.archived_at = self._moment_after(record.updated_at, at)
        subscription = f"{_SINGULAR[object_type]}.deletion"
        return [self._note(subscription, object_id, record.archived_at)]

    def _moment_after(self, earlier: datetime, at: datetime | None) -> datetime:
        # Two changes within one clock reading still have an order, as they have in HubSpot.
        return max(at or self._clock(), earlier + _TICK)

    def _note(
        self, subscription: str, object_id: str, at: datetime, name: str = "", value: str = ""
    ) -> Event:
        event_id = _FIRST_EVENT + len(self.events)
        event = Event(event_id, subscription, object_id, at, name or None, value if name else None)
        self.events.append(event)
        return event


def _records(objects: Iterable[CrmObject]) -> dict[str, Record]:
    return {
        found.object_id: Record(
            found.object_id,
            found.created_at,
            found.updated_at,
            dict(found.properties),
            found.associated,
        )
        for found in objects
    }


def render(
    record: Record,
    object_type: str,
    *,
    properties: Iterable[str],
    association: str | None = None,
) -> dict[str, Any]:
    """Return a record as the API shows it; ``association`` names the type to list the ids of."""
    wanted = {"createdate", "hs_object_id", MODIFIED_PROPERTY[object_type], *properties}
    type_id = "0-1" if object_type == "contacts" else "0-3"
    shown: dict[str, Any] = {
        "id": record.object_id,
        "properties": {name: record.properties.get(name) for name in sorted(wanted)},
        "createdAt": hubspot_time(record.created_at),
        "updatedAt": hubspot_time(record.updated_at),
        "archived": record.archived_at is not None,
        "url": f"https://app.hubspot.com/contacts/4899/record/{type_id}/{record.object_id}",
    }
    if record.archived_at is not None:
        shown["archivedAt"] = hubspot_time(record.archived_at)
    if association is not None and record.associated:
        label = f"{_SINGULAR[object_type]}_to_{_SINGULAR[association]}"
        results = [{"id": other, "type": label} for other in record.associated]
        shown["associations"] = {association: {"results": results}}
    return shown
