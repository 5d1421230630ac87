"""HubSpot records to facts. Pure: everything it needs to know is in the record or the context."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from services.collector.connectors.declaration import Item, Page, Record
from services.collector.connectors.errors import Unreadable
from services.collector.connectors.reading import (
    milliseconds,
    read_instant,
    read_object,
    read_text,
)
from services.collector.http.errors import BadPayload
from services.collector.http.message import JsonObject
from shared.facts import DealChanged, Identity, LeadCreated, PersonIdentified, Retraction
from shared.facts.envelope import Channel

__all__ = [
    "ASSOCIATIONS",
    "CONTACT_PROPERTIES",
    "DEAL_PROPERTIES",
    "DealState",
    "HubSpotContext",
    "associated_ids",
    "contact_facts",
    "contact_modified_at",
    "contact_records",
    "deal_facts",
    "deal_modified_at",
    "deal_records",
    "stage_states",
]

DealState = Literal["open", "won", "lost"]

ASSOCIATIONS = "associations"
CONTACT_PROPERTIES = (
    "createdate",
    "email",
    "hs_additional_emails",
    "hs_analytics_source",
    "hs_analytics_source_data_1",
    "hs_analytics_source_data_2",
    "lastmodifieddate",
)
DEAL_PROPERTIES = (
    "amount",
    "closedate",
    "createdate",
    "deal_currency_code",
    "dealstage",
    "hs_lastmodifieddate",
    "pipeline",
)

# HubSpot's original source, as far as it says which channel brought the person. An untagged visit
# from a social network counts as the company page's: employees' shares carry tags.
_CHANNELS: Mapping[str, Channel] = {
    "PAID_SEARCH": "paid",
    "PAID_SOCIAL": "paid",
    "ORGANIC_SEARCH": "organic",
    "SOCIAL_MEDIA": "brand",
    "DIRECT_TRAFFIC": "direct",
    "EMAIL_MARKETING": "other",
    "REFERRALS": "other",
    "AI_REFERRALS": "other",
    "OFFLINE": "other",
}
_TAGGED = "OTHER_CAMPAIGNS"


@dataclass(frozen=True, slots=True)
class HubSpotContext:
    """What the mapping must know beside the record.

    ``stages`` maps (pipeline, stage) to what the stage means; ``currency`` is the account's, for
    deals that do not name their own; ``advocacy_medium`` is the ``utm_medium`` of employees' links.
    """

    source: str
    currency: str
    person_of: Callable[[str], str]
    stages: Mapping[tuple[str, str], DealState]
    advocacy_medium: str = "advocacy"


def stage_states(document: JsonObject) -> dict[tuple[str, str], DealState]:
    """Return what each stage of each pipeline means, from the pipelines' metadata.

    Raises:
        BadPayload: the document is not a list of pipelines.
    """
    states: dict[tuple[str, str], DealState] = {}
    try:
        for pipeline in document["results"]:
            for stage in pipeline["stages"]:
                states[str(pipeline["id"]), str(stage["id"])] = _state(stage["metadata"])
    except (KeyError, TypeError, InvalidOperation):
        raise BadPayload("bad_pipelines") from None
    return states


def _state(metadata: Mapping[str, Any]) -> DealState:
    # Both are texts; of any other value nobody knows what it means. A closed stage is won with
    # certainty or it is lost.
    if not {"true": True, "false": False}[metadata["isClosed"]]:
        return "open"
    return "won" if Decimal(metadata["probability"]) == 1 else "lost"


def contact_records(page: Page) -> list[Record]:
    """Split a page of contacts."""
    return [Record(_id(found), found) for found in _results(page.main)]


def deal_records(page: Page) -> list[Record]:
    """Split a page of deals and give each the contacts it is associated with, lowest id first."""
    contacts = _associated(page.companions.get(ASSOCIATIONS))
    return [
        Record(_id(found), {"deal": found, "contacts": contacts.get(_id(found), [])})
        for found in _results(page.main)
    ]


def contact_modified_at(record: Record) -> datetime | None:
    """Return when a contact was last modified, or None if that cannot be read."""
    return _modified_at(record.content, "lastmodifieddate")


def deal_modified_at(record: Record) -> datetime | None:
    """Return when a deal was last modified, or None if that cannot be read."""
    return _modified_at(record.content["deal"], "hs_lastmodifieddate")


def contact_facts(record: Record, context: HubSpotContext) -> Sequence[Item]:
    """Return the lead that a contact is and who it is, or their retraction if it was deleted.

    Raises:
        Unreadable: a property that a lead needs is missing or of another type.
    """
    contact_id, revision = _identity(record, "lastmodifieddate")
    if record.content.get("archived") is True:
        return [
            Retraction(Identity(context.source, kind, contact_id), revision)
            for kind in ("lead.created", "person.identified")
        ]
    properties = read_object(record.content, "properties")
    email = read_text(properties, "email")
    return [
        LeadCreated(
            source=context.source,
            external_id=contact_id,
            occurred_at=_required_instant(properties, "createdate"),
            revision=revision,
            channel=_channel(properties, context.advocacy_medium),
            lead=f"{context.source}:{contact_id}",
            person=context.person_of(email) if email else None,
        ),
        *_addresses(contact_id, revision, properties, context),
    ]


def _addresses(
    contact_id: str, revision: int, properties: Mapping[str, Any], context: HubSpotContext
) -> Sequence[Item]:
    """Return that all addresses of a contact are one person: merged contacts keep each other's."""
    if "hs_additional_emails" not in properties:
        return []
    further = (read_text(properties, "hs_additional_emails") or "").split(";")
    email = read_text(properties, "email")
    others = {context.person_of(address) for address in further if address.strip()}
    if not email or not others:
        identity = Identity(context.source, "person.identified", contact_id)
        return [Retraction(identity, revision)]
    return [
        PersonIdentified(
            source=context.source,
            external_id=contact_id,
            occurred_at=_required_instant(properties, "createdate"),
            revision=revision,
            person=context.person_of(email),
            same_as=tuple(others),
        )
    ]


def deal_facts(record: Record, context: HubSpotContext) -> Sequence[Item]:
    """Return the state of a deal, or its retraction if the deal was deleted.

    Raises:
        Unreadable: a property that the state needs is missing or of another type, or the stage is
            in no known pipeline.
    """
    deal = record.content["deal"]
    deal_id, revision = _identity(Record(record.key, deal), "hs_lastmodifieddate")
    if deal.get("archived") is True:
        return [Retraction(Identity(context.source, "deal.changed", deal_id), revision)]
    properties = read_object(deal, "properties")
    state = _deal_state(properties, context)
    opened_at = _required_instant(properties, "createdate")
    # Of an open deal HubSpot's closedate is a hope, not an event.
    closed_at = None if state == "open" else _required_instant(properties, "closedate")
    amount = read_text(properties, "amount")
    currency = read_text(properties, "deal_currency_code") or context.currency
    contacts: list[str] = record.content["contacts"]
    return [
        DealChanged.model_validate(
            {
                "source": context.source,
                "external_id": deal_id,
                "occurred_at": closed_at or opened_at,
                "revision": revision,
                "deal": f"{context.source}:{deal_id}",
                "lead": f"{context.source}:{contacts[0]}" if contacts else None,
                "state": state,
                "amount": amount,
                "currency": None if amount is None else currency,
                "opened_at": opened_at,
                "closed_at": closed_at,
            }
        )
    ]


def _deal_state(properties: Mapping[str, Any], context: HubSpotContext) -> DealState:
    pipeline, stage = read_text(properties, "pipeline"), read_text(properties, "dealstage")
    state = context.stages.get((pipeline or "", stage or ""))
    if state is None:
        raise Unreadable("dealstage: no known stage")
    return state


def _channel(properties: Mapping[str, Any], advocacy_medium: str) -> Channel | None:
    source = read_text(properties, "hs_analytics_source")
    if source != _TAGGED:
        return _CHANNELS.get(source or "")
    # For tagged links the second drill-down is "source / medium".
    drill_down = read_text(properties, "hs_analytics_source_data_2") or ""
    medium = drill_down.rpartition("/")[2].strip().lower()
    return "employee_advocacy" if medium == advocacy_medium.lower() else "other"


def _identity(record: Record, modified_name: str) -> tuple[str, int]:
    object_id = read_text(record.content, "id")
    if object_id is None or not (object_id.isascii() and object_id.isdigit()):
        raise Unreadable("id: expected digits")
    modified_at = _required_instant(read_object(record.content, "properties"), modified_name)
    return object_id, milliseconds(modified_at)


def _required_instant(properties: Mapping[str, Any], name: str) -> datetime:
    instant = read_instant(properties, name)
    if instant is None:
        raise Unreadable(f"{name}: missing")
    return instant


def _modified_at(content: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return read_instant(read_object(content, "properties"), name)
    except Unreadable:
        return None


def _results(document: JsonObject) -> list[JsonObject]:
    results = document.get("results")
    if not isinstance(results, list) or not all(isinstance(found, dict) for found in results):
        raise BadPayload("bad_results")
    return results


def _id(found: JsonObject) -> str:
    return str(found.get("id", ""))[:64]


def associated_ids(document: JsonObject) -> list[str]:
    """Return the ids of all that the objects asked for are associated with.

    Raises:
        BadPayload: the answer is incomplete, or of another shape.
    """
    return list(dict.fromkeys(other for ids in _associated(document).values() for other in ids))


def _associated(document: JsonObject | None) -> dict[str, list[str]]:
    """Return object id → ids it is associated with, lowest first: of a deal its contacts.

    A deal without contacts is answered as an error of its own kind and simply has none. Any other
    error means that the answer is incomplete, and a deal must not lose its lead over that.
    """
    if document is None:
        return {}
    try:
        for error in document.get("errors", []):
            if error.get("subCategory") != "crm.associations.NO_ASSOCIATIONS_FOUND":
                raise BadPayload("associations_incomplete")
        return {
            str(found["from"]["id"]): sorted(
                (str(int(target["toObjectId"])) for target in found["to"]), key=int
            )
            for found in document["results"]
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadPayload("bad_associations") from None
