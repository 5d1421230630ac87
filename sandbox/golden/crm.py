"""Golden Ratio's HubSpot account: 30 contacts, 12 deals and the deal pipeline."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.golden.journeys import Journey, journeys, leads_without_deal
from sandbox.golden.program import CAMPAIGN, CURRENCY

__all__ = ["CrmObject", "contacts", "deals", "hubspot_time", "pipelines"]

_FIRST_CONTACT, _FIRST_DEAL = 508_369_434_000, 332_507_367_000
_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "false", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "false", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "false", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "false", "0.8"),
    ("contractsent", "Contract Sent", "false", "0.9"),
    ("closedwon", "Closed Won", "true", "1.0"),
    ("closedlost", "Closed Lost", "true", "0.0"),
)
_STAGE_OF = {"won": "closedwon", "lost": "closedlost", "open": "contractsent"}
# How HubSpot books a first visit: source, drill-down 1, drill-down 2.
_SOURCE_OF = {
    "employee_advocacy": ("OTHER_CAMPAIGNS", CAMPAIGN, "linkedin / advocacy"),
    "brand": ("SOCIAL_MEDIA", "LinkedIn", "company page"),
    "paid": ("PAID_SOCIAL", "LinkedIn", "lead-generation"),
}


@dataclass(frozen=True, slots=True)
class CrmObject:
    """A HubSpot record: properties as HubSpot stores them (strings or null) and associations."""

    object_id: str
    created_at: datetime
    updated_at: datetime
    properties: dict[str, str | None]
    associated: tuple[str, ...]


def hubspot_time(at: datetime) -> str:
    """Return an instant as HubSpot prints it: milliseconds and ``Z``."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def contacts() -> tuple[CrmObject, ...]:
    """Return the 30 leads: the twelve with a deal first, then the eighteen without."""
    with_deal = [
        (journey.email, journey.lead_at, journey.touches[0].channel) for journey in journeys()
    ]
    without = [(email, at, "employee_advocacy") for email, at in leads_without_deal()]
    return tuple(_contact(number, *lead) for number, lead in enumerate(with_deal + without))


def _contact(number: int, email: str, created_at: datetime, channel: str) -> CrmObject:
    source, drill_down_1, drill_down_2 = _SOURCE_OF[channel]
    has_deal = number < len(journeys())
    return CrmObject(
        object_id=str(_FIRST_CONTACT + number),
        created_at=created_at,
        updated_at=created_at,
        properties={
            "createdate": hubspot_time(created_at),
            "email": email,
            "firstname": f"Buyer {number + 1}" if has_deal else None,
            "hs_analytics_source": source,
            "hs_analytics_source_data_1": drill_down_1,
            "hs_analytics_source_data_2": drill_down_2,
            "hs_object_id": str(_FIRST_CONTACT + number),
            "lastmodifieddate": hubspot_time(created_at),
            "lastname": None,
            "lifecyclestage": "opportunity" if has_deal else "lead",
        },
        associated=(str(_FIRST_DEAL + number),) if has_deal else (),
    )


def deals() -> tuple[CrmObject, ...]:
    """Return the twelve deals, each associated with its contact."""
    return tuple(_deal(number, journey) for number, journey in enumerate(journeys()))


def _deal(number: int, journey: Journey) -> CrmObject:
    closed_at = journey.closed_at
    updated_at = closed_at or journey.opened_at
    source, drill_down_1, drill_down_2 = _SOURCE_OF[journey.touches[0].channel]
    return CrmObject(
        object_id=str(_FIRST_DEAL + number),
        created_at=journey.opened_at,
        updated_at=updated_at,
        properties={
            "amount": str(journey.amount),
            "closedate": None if closed_at is None else hubspot_time(closed_at),
            "createdate": hubspot_time(journey.opened_at),
            "deal_currency_code": CURRENCY,
            "dealname": f"Golden Ratio {journey.name}",
            "dealstage": _STAGE_OF[journey.outcome],
            "hs_analytics_source": source,
            "hs_analytics_source_data_1": drill_down_1,
            "hs_analytics_source_data_2": drill_down_2,
            "hs_is_closed": "true" if closed_at else "false",
            "hs_is_closed_won": "true" if journey.outcome == "won" else "false",
            "hs_lastmodifieddate": hubspot_time(updated_at),
            "hs_object_id": str(_FIRST_DEAL + number),
            "hubspot_owner_id": None,
            "pipeline": "default",
        },
        associated=(str(_FIRST_CONTACT + number),),
    )


def pipelines() -> list[dict[str, Any]]:
    """Return the deal pipeline; ``isClosed`` and ``probability`` are strings, as HubSpot has it."""
    epoch = {"createdAt": "1970-01-01T00:00:00Z", "updatedAt": "1970-01-01T00:00:00Z"}
    stages = [
        {
            "label": label,
            "displayOrder": place,
            "metadata": {"isClosed": is_closed, "probability": probability},
            "id": stage,
            **epoch,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            "archived": False,
        }
        for place, (stage, label, is_closed, probability) in enumerate(_STAGES)
    ]
    pipeline = {
        "label": "Sales Pipeline",
        "displayOrder": 0,
        "id": "default",
        "stages": stages,
    }
    return [{**pipeline, **epoch, "archived": False}]
