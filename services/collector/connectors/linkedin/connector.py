"""The declaration of LinkedIn: one connection per company page, and one per consenting member."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final, Literal, Self
from urllib.parse import quote

from pydantic import Field, model_validator

from services.collector.connectors.declaration import (
    Connector,
    ConnectorConfig,
    Frame,
    Page,
    PostScope,
    Replacement,
    Stream,
    Window,
)
from services.collector.connectors.linkedin import mapping
from services.collector.connectors.reading import milliseconds
from services.collector.connectors.walks import DayWindows, EachPost, Snapshot
from services.collector.http.auth import OAuthGrant, StaticToken
from services.collector.http.message import Answer, JsonObject, Request
from services.collector.http.paginators import LinkedPages
from services.collector.http.rules import AnswerRules
from services.collector.http.waiting import until_utc_midnight
from shared.facts.fields import EmployeeRef, Ref

__all__ = ["LINKEDIN", "LinkedInConfig"]

_HALF_DAY: Final = timedelta(hours=12)
_DAY: Final = timedelta(days=1)
# Statistics reach back twelve months. LinkedIn restates days for about a week.
_DAILY: Final = DayWindows(days=366, reread_days=7, default_days=365)
_REMEMBERED: Final = timedelta(days=330)
_POST: Final = "^urn:li:(share|ugcPost):[0-9]{1,20}$"


class LinkedInConfig(ConnectorConfig):
    """A company page (``organization``) or one member (``employee``)."""

    base_url: str = "https://api.linkedin.com/rest"
    version: str = Field(
        default="202608",
        pattern=r"^20[0-9]{4}$",
        description="API version (YYYYMM). LinkedIn retires versions after about a year.",
    )
    organization: str | None = Field(
        default=None,
        pattern=r"^urn:li:organization(Brand)?:[0-9]{1,20}$",
        description="The company page.",
    )
    account: Ref | None = Field(
        default=None, description="Name of the page in facts; its URN unless given."
    )
    employee: EmployeeRef | None = Field(
        default=None, description="The member who consented, by the company's opaque reference."
    )
    member_detail: Literal["daily", "posts"] = Field(
        default="daily",
        description=(
            "Read a member's daily sums or the counters of each post. One of the two: together "
            "they would count the same views twice."
        ),
    )
    post_age_days: int = Field(
        default=30, ge=1, le=365, description="How long a post's counters are read after it."
    )

    @model_validator(mode="after")
    def _has_one_owner(self) -> Self:
        if (self.organization is None) == (self.employee is None):
            raise ValueError("either organization or employee")
        if self.account is not None and self.organization is None:
            raise ValueError("account goes with organization")
        return self


def _is_page(config: LinkedInConfig) -> bool:
    return config.organization is not None


def _is_member(config: LinkedInConfig) -> bool:
    return config.employee is not None


def _reads_days(config: LinkedInConfig) -> bool:
    return _is_member(config) and config.member_detail == "daily"


def _reads_posts(config: LinkedInConfig) -> bool:
    return _is_member(config) and config.member_detail == "posts"


def _post_scope(config: LinkedInConfig) -> PostScope:
    age = timedelta(days=config.post_age_days)
    return PostScope(config.employee or "", mapping.NETWORK, age, _POST)


# The query strings are built by hand: LinkedIn wants the names inside encoded, and the parentheses,
# commas and colons around them not.
def _get(frame: Frame[LinkedInConfig], path: str) -> Request:
    return Request("GET", f"{frame.config.base_url}/{path}")


def _encoded(urn: str) -> str:
    return quote(urn, safe="")


def _share_days(frame: Frame[LinkedInConfig], window: Window) -> Request:
    start, end = milliseconds(window.start), milliseconds(window.end)
    return _get(
        frame,
        "organizationalEntityShareStatistics?q=organizationalEntity"
        f"&organizationalEntity={_encoded(frame.config.organization or '')}"
        f"&timeIntervals=(timeRange:(start:{start},end:{end}),timeGranularityType:DAY)",
    )


def _followers(frame: Frame[LinkedInConfig], window: Window) -> Request:
    urn = _encoded(frame.config.organization or "")
    return _get(frame, f"networkSizes/{urn}?edgeType=COMPANY_FOLLOWED_BY_MEMBER")


def _member_audience(frame: Frame[LinkedInConfig], window: Window) -> Request:
    return _get(frame, "memberFollowersCount?q=me")


def _member_days(frame: Frame[LinkedInConfig], window: Window) -> Request:
    return _member_metric(frame, window, mapping.MAIN_METRIC)


def _member_metric(frame: Frame[LinkedInConfig], window: Window, metric: str) -> Request:
    days = f"(start:{_tuple(window.first_day)},end:{_tuple(window.end_day)})"
    return _get(
        frame,
        f"memberCreatorPostAnalytics?q=me&queryType={metric}&aggregation=DAILY&dateRange={days}",
    )


def _tuple(day: date) -> str:
    return f"(day:{day.day},month:{day.month},year:{day.year})"


def _other_member_metrics(frame: Frame[LinkedInConfig], page: Page) -> Mapping[str, Request]:
    return {metric: _member_metric(frame, page.window, metric) for metric in _others()}


def _post(frame: Frame[LinkedInConfig], window: Window) -> Request:
    return _post_metric(frame, window, mapping.MAIN_METRIC)


def _post_metric(frame: Frame[LinkedInConfig], window: Window, metric: str) -> Request:
    assert window.post is not None
    kind = "ugcPost" if window.post.post.startswith("urn:li:ugcPost:") else "share"
    return _get(
        frame,
        f"memberCreatorPostAnalytics?q=entity&entity=({kind}:{_encoded(window.post.post)})"
        f"&queryType={metric}&aggregation=TOTAL",
    )


def _other_post_metrics(frame: Frame[LinkedInConfig], page: Page) -> Mapping[str, Request]:
    return {metric: _post_metric(frame, page.window, metric) for metric in _others()}


def _is_remembered(page: Page) -> bool:
    """Tell whether LinkedIn is silent of a day because nothing happened on it.

    It is also silent of what it has forgotten. Only the last window, which ends today, is short.
    """
    return page.window.end - page.window.start < _REMEMBERED


def _others() -> tuple[str, ...]:
    return tuple(metric for metric in mapping.METRICS if metric != mapping.MAIN_METRIC)


def _context(
    frame: Frame[LinkedInConfig], prepared: Mapping[str, JsonObject]
) -> mapping.LinkedInContext:
    config = frame.config
    return mapping.LinkedInContext(
        source=frame.source,
        account=config.account or config.organization,
        employee=config.employee,
    )


def _headers(config: LinkedInConfig) -> Mapping[str, str]:
    return {"LinkedIn-Version": config.version, "X-Restli-Protocol-Version": "2.0.0"}


def _rate_limit_wait(answer: Answer, now: datetime) -> timedelta:
    # All limits are daily, end at midnight UTC and come without Retry-After.
    return until_utc_midnight(now)


# All days of a connection are those of its page or its member: also under another name than now.
_DAYS: Final = Replacement(kind="engagement.daily", prefix=lambda _: "", is_complete=_is_remembered)

LINKEDIN: Final[Connector[LinkedInConfig, mapping.LinkedInContext]] = Connector(
    provider="linkedin",
    config=LinkedInConfig,
    credentials=(StaticToken, OAuthGrant),
    streams=(
        Stream(
            name="page_days",
            interval=_HALF_DAY,
            walk=_DAILY,
            request=_share_days,
            records=mapping.share_day_records,
            to_facts=mapping.share_day_facts,
            paginator=LinkedPages(),
            replaces=_DAYS,
            applies=_is_page,
        ),
        Stream(
            name="page_followers",
            interval=_DAY,
            walk=Snapshot(),
            request=_followers,
            records=mapping.follower_records,
            to_facts=mapping.follower_facts,
            applies=_is_page,
        ),
        Stream(
            name="member_days",
            interval=_HALF_DAY,
            walk=_DAILY,
            request=_member_days,
            companions=_other_member_metrics,
            records=mapping.member_day_records,
            to_facts=mapping.member_day_facts,
            replaces=_DAYS,
            applies=_reads_days,
        ),
        Stream(
            name="member_posts",
            interval=_DAY,
            walk=EachPost(),
            request=_post,
            companions=_other_post_metrics,
            records=mapping.post_records,
            to_facts=mapping.post_facts,
            applies=_reads_posts,
            posts=_post_scope,
            skips_missing=True,
        ),
        Stream(
            name="member_audience",
            interval=_DAY,
            walk=Snapshot(),
            request=_member_audience,
            records=mapping.member_audience_records,
            to_facts=mapping.member_audience_facts,
            applies=_is_member,
        ),
    ),
    context=_context,
    headers=_headers,
    rules=AnswerRules(
        rate_limit_wait=_rate_limit_wait,
        refusals={403: "access_denied", 426: "api_version_retired"},
    ),
    token_url="https://www.linkedin.com/oauth/v2/accessToken",  # noqa: S106 -- an address
)
