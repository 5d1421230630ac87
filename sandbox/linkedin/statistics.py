"""The elements of LinkedIn's answers, made of the Golden Ratio year."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sandbox.golden.program import BRAND_ACCOUNT, YEAR_END, YEAR_START
from sandbox.golden.social import (
    FOLLOWERS,
    METRICS,
    BrandPost,
    brand_posts,
    follower_gain,
    member_days,
    share_by_post,
    utc_midnight,
)

__all__ = [
    "NOT_DAILY",
    "QUERY_TYPES",
    "brand_post",
    "daily_member_counts",
    "daily_page_statistics",
    "follower_facets",
    "follower_gains",
    "page_statistics",
    "post_count",
    "post_statistics",
    "total_member_count",
]

NOT_DAILY = frozenset(
    {
        "MEMBERS_REACHED",
        "LINK_CLICKS",
        "FOLLOWER_GAINED_FROM_CONTENT",
        "PROFILE_VIEW_FROM_CONTENT",
    }
)
QUERY_TYPES = NOT_DAILY | {
    "IMPRESSION",
    "RESHARE",
    "REACTION",
    "COMMENT",
    "POST_SAVE",
    "POST_SEND",
    "PREMIUM_CTA_CLICKS",
}
_DAY = timedelta(days=1)


def page_statistics() -> dict[str, Any]:
    """Return the page's totals over the rolling twelve months: here, the whole year."""
    mentions = {"shareMentionsCount": 0, "commentMentionsCount": 0}
    return {
        "totalShareStatistics": _counts(brand_posts()) | mentions,
        "organizationalEntity": BRAND_ACCOUNT,
    }


def daily_page_statistics(start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return one element per UTC day in [start, end) on which something happened."""
    return [
        {
            "totalShareStatistics": _counts([post]),
            "organizationalEntity": BRAND_ACCOUNT,
            "timeRange": _time_range(post.day),
        }
        for post in brand_posts()
        if start <= utc_midnight(post.day) < end
    ]


def post_statistics(urns: Iterable[str]) -> list[dict[str, Any]]:
    """Return one element per post of the page; posts of others have none."""
    by_urn = {post.urn: post for post in brand_posts()}
    return [
        {
            "totalShareStatistics": _counts([by_urn[urn]]),
            "share": urn,
            "organizationalEntity": BRAND_ACCOUNT,
        }
        for urn in urns
        if urn in by_urn
    ]


def _counts(posts: Iterable[BrandPost]) -> dict[str, Any]:
    posts = list(posts)
    impressions = sum(post.impressions for post in posts)
    actions = sum(post.clicks + post.likes + post.comments + post.shares for post in posts)
    return {
        "uniqueImpressionsCount": sum(post.unique_impressions for post in posts),
        "shareCount": sum(post.shares for post in posts),
        "engagement": actions / impressions,
        "clickCount": sum(post.clicks for post in posts),
        "likeCount": sum(post.likes for post in posts),
        "impressionCount": impressions,
        "commentCount": sum(post.comments for post in posts),
    }


def _time_range(day: date) -> dict[str, int]:
    start, end = utc_midnight(day), utc_midnight(day + _DAY)
    return {"start": int(start.timestamp() * 1000), "end": int(end.timestamp() * 1000)}


def follower_gains(start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return the net gain of each UTC day in [start, end) that moved the number of followers."""
    return [
        {
            "timeRange": _time_range(day),
            "followerGains": {"organicFollowerGain": follower_gain(day), "paidFollowerGain": 0},
            "organizationalEntity": BRAND_ACCOUNT,
        }
        for day in _days(YEAR_START, YEAR_END)
        if follower_gain(day) and start <= utc_midnight(day) < end
    ]


def follower_facets() -> dict[str, Any]:
    """Return the lifetime form: facets, which leave out the people LinkedIn knows too little of."""

    def facet(name: str, values: dict[str, int]) -> list[dict[str, Any]]:
        return [
            {
                "followerCounts": {"organicFollowerCount": count, "paidFollowerCount": 0},
                name: value,
            }
            for value, count in values.items()
        ]

    sizes = {"SIZE_2_TO_10": 1_900, "SIZE_51_TO_200": 3_200, "SIZE_10001_OR_MORE": 1_400}
    countries = {"urn:li:geo:105072130": 6_100, "urn:li:geo:101282230": 1_200}
    return {
        "organizationalEntity": BRAND_ACCOUNT,
        "followerCountsByAssociationType": facet("associationType", {"EMPLOYEE": 80}),
        "followerCountsBySeniority": facet("seniority", {"urn:li:seniority:4": FOLLOWERS // 2}),
        "followerCountsByIndustry": facet("industry", {"urn:li:industry:4": 3_900}),
        "followerCountsByFunction": facet("function", {"urn:li:function:15": 2_100}),
        "followerCountsByStaffCountRange": facet("staffCountRange", sizes),
        "followerCountsByGeoCountry": facet("geo", countries),
        "followerCountsByGeo": facet("geo", {"urn:li:geo:90009828": 2_700}),
    }


def daily_member_counts(
    employee: str, query_type: str, start: date, end: date
) -> Iterator[tuple[date, int]]:
    """Yield each day in [start, end) with its count; quiet days count 0."""
    days = member_days(employee, query_type)
    return ((day, days.get(day, 0)) for day in _days(start, end))


def total_member_count(employee: str, query_type: str) -> int:
    """Return the sum over all posts of a member."""
    return sum(member_days(employee, query_type).values())


def post_count(employee: str, post: str, query_type: str) -> int | None:
    """Return one post's total, or None when the post is not the member's own."""
    share = share_by_post().get(post)
    if share is None or share.employee != employee:
        return None
    return METRICS[query_type](share) if query_type in METRICS else 0


def _days(start: date, end: date) -> Iterator[date]:
    return (start + _DAY * number for number in range((end - start).days))


def brand_post(post: BrandPost) -> dict[str, Any]:
    """Return a post of the page as the posts finder shows it."""
    published = int(post.published_at.timestamp() * 1000)
    return {
        "id": post.urn,
        "author": post.author,
        "commentary": f"Golden Ratio, post {post.number + 1}: zażółć gęślą jaźń",
        "visibility": "PUBLIC",
        "lifecycleState": "PUBLISHED",
        "lifecycleStateInfo": {"isEditedByAuthor": False},
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "isReshareDisabledByAuthor": False,
        "createdAt": published,
        "publishedAt": published,
        "lastModifiedAt": published + 1200,
    }
