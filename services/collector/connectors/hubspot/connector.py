"""The declaration of HubSpot."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import Field

from services.collector.connectors.declaration import (
    Belonging,
    Connector,
    ConnectorConfig,
    Frame,
    Page,
    Stream,
    Window,
)
from services.collector.connectors.hubspot import mapping, webhook
from services.collector.connectors.reading import milliseconds
from services.collector.connectors.walks import ModifiedSince
from services.collector.connectors.webhooks import Webhooks
from services.collector.http.auth import OAuthGrant, StaticToken
from services.collector.http.message import Answer, JsonObject, Request
from services.collector.http.paginators import AfterCursor
from services.collector.http.rules import AnswerRules

__all__ = ["HUBSPOT", "HubSpotConfig"]

_PAGE_SIZE: Final = 200
_SEARCH_LIMIT: Final = 10_000
# New records need seconds to be found, and the vendor's clock is not ours.
_LAG: Final = timedelta(minutes=10)
_INTERVAL: Final = timedelta(minutes=5)
_PIPELINES: Final = "pipelines"
_COUNT: Final = re.compile(r"[0-9]{1,18}")
_POLICY_WAITS: Final = {
    "SECONDLY": timedelta(seconds=1),
    "TEN_SECONDLY_ROLLING": timedelta(seconds=10),
}


class HubSpotConfig(ConnectorConfig):
    """A HubSpot account."""

    base_url: str = "https://api.hubapi.com"
    objects_path: str = Field(
        default="/crm/v3/objects",
        pattern=r"^(/[A-Za-z0-9_.-]+){1,6}$",
        description="The generation of the object API, which HubSpot dates and retires.",
    )
    account_currency: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{3}$",
        description="Currency of deals that name none; the organization's unless given.",
    )
    advocacy_medium: str = Field(
        default="advocacy", description="The utm_medium of employees' tracked links."
    )


def _search(
    frame: Frame[HubSpotConfig], window: Window, *, kind: str, modified: str, names: Sequence[str]
) -> Request:
    since = {
        "propertyName": modified,
        "operator": "GTE",
        "value": str(milliseconds(window.start)),
    }
    body = {
        "filterGroups": [{"filters": [since]}],
        "sorts": [{"propertyName": modified, "direction": "ASCENDING"}],
        "properties": list(names),
        "limit": _PAGE_SIZE,
    }
    return Request("POST", f"{_objects(frame)}/{kind}/search", json=body)


def _contacts(frame: Frame[HubSpotConfig], window: Window) -> Request:
    return _search(
        frame,
        window,
        kind="contacts",
        modified="lastmodifieddate",
        names=mapping.CONTACT_PROPERTIES,
    )


def _deals(frame: Frame[HubSpotConfig], window: Window) -> Request:
    return _search(
        frame, window, kind="deals", modified="hs_lastmodifieddate", names=mapping.DEAL_PROPERTIES
    )


def _read_contacts(frame: Frame[HubSpotConfig], ids: Sequence[str]) -> Request:
    return _batch_read(frame, "contacts", ids, mapping.CONTACT_PROPERTIES)


def _read_deals(frame: Frame[HubSpotConfig], ids: Sequence[str]) -> Request:
    return _batch_read(frame, "deals", ids, mapping.DEAL_PROPERTIES)


def _batch_read(
    frame: Frame[HubSpotConfig], kind: str, ids: Sequence[str], names: Sequence[str]
) -> Request:
    body = {"properties": list(names), "inputs": [{"id": object_id} for object_id in ids]}
    return Request("POST", f"{_objects(frame)}/{kind}/batch/read", json=body)


def _associations(frame: Frame[HubSpotConfig], page: Page) -> Mapping[str, Request]:
    deals = [record.key for record in mapping.deal_records(page) if record.key]
    if not deals:
        return {}
    return {mapping.ASSOCIATIONS: _associated(frame, deals, "deals/contacts")}


def _deals_of(frame: Frame[HubSpotConfig], contacts: Sequence[str]) -> Request:
    return _associated(frame, contacts, "contacts/deals")


def _associated(frame: Frame[HubSpotConfig], ids: Sequence[str], types: str) -> Request:
    url = f"{frame.config.base_url}/crm/v4/associations/{types}/batch/read"
    return Request("POST", url, json={"inputs": [{"id": object_id} for object_id in ids]})


def _pipelines(frame: Frame[HubSpotConfig]) -> Mapping[str, Request]:
    return {_PIPELINES: Request("GET", f"{frame.config.base_url}/crm/v3/pipelines/deals")}


def _objects(frame: Frame[HubSpotConfig]) -> str:
    return f"{frame.config.base_url}{frame.config.objects_path}"


def _context(
    frame: Frame[HubSpotConfig], prepared: Mapping[str, JsonObject]
) -> mapping.HubSpotContext:
    pipelines = prepared.get(_PIPELINES)
    return mapping.HubSpotContext(
        source=frame.source,
        currency=frame.config.account_currency or frame.currency,
        person_of=frame.person_of,
        stages={} if pipelines is None else mapping.stage_states(pipelines),
        advocacy_medium=frame.config.advocacy_medium,
    )


def _rate_limit_wait(answer: Answer, now: datetime) -> timedelta:
    policy: Any = (answer.document or {}).get("policyName")
    # The daily limit ends at midnight of the account's zone, which is not known here: ask hourly.
    return _POLICY_WAITS.get(policy, timedelta(hours=1))


def _quota_left(answer: Answer) -> float | None:
    limit = answer.header("x-hubspot-ratelimit-daily")
    remaining = answer.header("x-hubspot-ratelimit-daily-remaining")
    if limit is None or remaining is None:
        return None
    if not (_COUNT.fullmatch(limit) and _COUNT.fullmatch(remaining)):
        return None
    return int(remaining) / int(limit) if int(limit) else None


HUBSPOT: Final[Connector[HubSpotConfig, mapping.HubSpotContext]] = Connector(
    provider="hubspot",
    config=HubSpotConfig,
    credentials=(StaticToken, OAuthGrant),
    streams=(
        Stream(
            name="contacts",
            interval=_INTERVAL,
            walk=ModifiedSince(_LAG),
            request=_contacts,
            records=mapping.contact_records,
            to_facts=mapping.contact_facts,
            paginator=AfterCursor(_SEARCH_LIMIT),
            modified_at=mapping.contact_modified_at,
            read_objects=_read_contacts,
        ),
        Stream(
            name="deals",
            interval=_INTERVAL,
            walk=ModifiedSince(_LAG),
            request=_deals,
            records=mapping.deal_records,
            to_facts=mapping.deal_facts,
            paginator=AfterCursor(_SEARCH_LIMIT),
            companions=_associations,
            preparations=_pipelines,
            modified_at=mapping.deal_modified_at,
            read_objects=_read_deals,
            belonging=Belonging(_deals_of, mapping.associated_ids),
        ),
    ),
    context=_context,
    rules=AnswerRules(
        # 207: a batch of which some inputs have no answer; the mapping looks at why.
        accepted=frozenset({200, 207}),
        rate_limit_wait=_rate_limit_wait,
        refusals={403: "scopes_missing"},
        quota_left=_quota_left,
    ),
    token_url="https://api.hubapi.com/oauth/2026-03/token",  # noqa: S106 -- an address
    webhooks=Webhooks(
        verify=webhook.verify,
        events=webhook.events,
        plan=webhook.plan,
        of_the_attempt={"attemptNumber"},
    ),
)
