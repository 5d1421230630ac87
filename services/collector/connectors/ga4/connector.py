"""The declaration of Google Analytics 4 (Data API v1beta, ``runReport``)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from pydantic import Field

from services.collector.connectors.declaration import (
    Connector,
    ConnectorConfig,
    Frame,
    Item,
    Page,
    Record,
    Replacement,
    Stream,
    Window,
)
from services.collector.connectors.ga4 import mapping
from services.collector.connectors.walks import DayWindows
from services.collector.http.auth import ServiceAccountKey, StaticToken
from services.collector.http.message import Answer, JsonObject, Request
from services.collector.http.paginators import OffsetLimit
from services.collector.http.rules import AnswerRules

__all__ = ["GA4", "Ga4Config"]

_ROWS_PER_PAGE: Final = 10_000
_INTERVAL: Final = timedelta(hours=2)
# Google corrects the last 48 hours; a day of the property may begin before or after the UTC day.
_DAILY: Final = DayWindows(days=92, reread_days=4, default_days=365)
_SCOPE: Final = "https://www.googleapis.com/auth/analytics.readonly"
_QUOTAS: Final = ("tokensPerDay", "tokensPerHour", "tokensPerProjectPerHour")


class Ga4Config(ConnectorConfig):
    """A property of Google Analytics."""

    base_url: str = "https://analyticsdata.googleapis.com"
    property_id: str = Field(pattern=r"^[0-9]{1,20}$", description="Number of the property.")
    careers_prefix: str | None = Field(
        default=None,
        pattern=r"^/[!-~]{0,199}$",
        description="Landing pages that begin like this are career pages, counted apart.",
    )
    advocacy_medium: str = Field(
        default="advocacy", description="The utm_medium of employees' tracked links."
    )


def _report(frame: Frame[Ga4Config], window: Window, *, landing: mapping.Landing) -> Request:
    body: JsonObject = {
        "dateRanges": [
            {
                "startDate": window.first_day.isoformat(),
                # Google's end is part of the range.
                "endDate": (window.end_day - timedelta(days=1)).isoformat(),
            }
        ],
        "dimensions": [{"name": name} for name in mapping.DIMENSIONS],
        "metrics": [{"name": name} for name in mapping.METRICS],
        # Without an order, pages may overlap.
        "orderBys": [{"dimension": {"dimensionName": name}} for name in mapping.DIMENSIONS],
        "offset": "0",
        "limit": str(_ROWS_PER_PAGE),
        "keepEmptyRows": False,
        "returnPropertyQuota": True,
    }
    if frame.config.careers_prefix is not None:
        body["dimensionFilter"] = _landing_filter(frame.config.careers_prefix, landing)
    path = f"/v1beta/properties/{frame.config.property_id}:runReport"
    return Request("POST", f"{frame.config.base_url}{path}", json=body)


def _landing_filter(prefix: str, landing: mapping.Landing) -> JsonObject:
    """Return the filter of one report. Together the two reports count every session once."""
    is_careers: JsonObject = {
        "filter": {
            "fieldName": "landingPage",
            "stringFilter": {"matchType": "BEGINS_WITH", "value": prefix, "caseSensitive": False},
        }
    }
    return is_careers if landing == "careers" else {"notExpression": is_careers}


def _facts_of(
    landing: mapping.Landing,
) -> Callable[[Record, mapping.Ga4Context], Sequence[Item]]:
    return partial(mapping.session_facts, landing=landing)


def _replacement(landing: mapping.Landing) -> Replacement:
    def prefix(config: Ga4Config) -> str:
        # Where careers pages are told apart no more, the one report speaks for all that there is.
        return f"{landing}:" if _has_careers(config) else ""

    return Replacement(kind="session.recorded", prefix=prefix, is_complete=_is_complete_report)


def _is_complete_report(page: Page) -> bool:
    return not mapping.is_partial_report(page)


def _context(frame: Frame[Ga4Config], prepared: Mapping[str, JsonObject]) -> mapping.Ga4Context:
    return mapping.Ga4Context(
        source=frame.source, links=frame.links, advocacy_medium=frame.config.advocacy_medium
    )


def _has_careers(config: Ga4Config) -> bool:
    return config.careers_prefix is not None


def _quota_left(answer: Answer) -> float | None:
    quota: Any = (answer.document or {}).get("propertyQuota")
    shares = [_share_left(quota.get(name)) for name in _QUOTAS] if isinstance(quota, dict) else []
    return min((share for share in shares if share is not None), default=None)


def _share_left(status: Any) -> float | None:
    """Return what is left of one quota; ``consumed`` is of one call, so the total is a guess.

    Google names the remaining tokens and not the limit. Below ten times the cost of the last call
    the quota is treated as used up.
    """
    if not isinstance(status, dict):
        return None
    consumed, remaining = status.get("consumed", 0), status.get("remaining", 0)
    if not isinstance(consumed, int) or not isinstance(remaining, int) or remaining < 0:
        return None
    return remaining / (remaining + 100 * max(consumed, 1))


GA4: Final[Connector[Ga4Config, mapping.Ga4Context]] = Connector(
    provider="ga4",
    config=Ga4Config,
    credentials=(ServiceAccountKey, StaticToken),
    streams=(
        Stream(
            name="sessions",
            interval=_INTERVAL,
            walk=_DAILY,
            request=partial(_report, landing="site"),
            records=mapping.session_records,
            to_facts=_facts_of("site"),
            replaces=_replacement("site"),
            paginator=OffsetLimit(),
            needs_links=True,
        ),
        Stream(
            name="careers_sessions",
            interval=_INTERVAL,
            walk=_DAILY,
            request=partial(_report, landing="careers"),
            records=mapping.session_records,
            to_facts=_facts_of("careers"),
            replaces=_replacement("careers"),
            paginator=OffsetLimit(),
            applies=_has_careers,
            needs_links=True,
        ),
    ),
    context=_context,
    rules=AnswerRules(refusals={403: "access_denied"}, quota_left=_quota_left),
    scope=_SCOPE,
)
