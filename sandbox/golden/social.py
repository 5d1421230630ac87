"""What LinkedIn knows of Golden Ratio: the page's statistics and each member's own."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from sandbox.golden.activity import Share, shares
from sandbox.golden.program import (
    BRAND_ACCOUNT,
    WEEKS_IN_YEAR,
    at_local,
    day_of_week_number,
)

__all__ = [
    "CONNECTIONS",
    "FOLLOWERS",
    "METRICS",
    "BrandPost",
    "brand_posts",
    "follower_gain",
    "member_days",
    "share_by_post",
    "utc_midnight",
]

FOLLOWERS = 10_000
CONNECTIONS = 1_000
_FIRST_BRAND_POST = 7_270_000_000_000_000_000
_POST_DAYS = (0, 1, 2)  # Wednesday, Thursday, Friday
_WEDNESDAY, _SUNDAY = 2, 6


@dataclass(frozen=True, slots=True)
class BrandPost:
    """One post of the page and what it earned on its day: 5,000 views, half of the followers."""

    number: int
    published_at: datetime
    day: date
    impressions: int = 5_000
    unique_impressions: int = 4_500
    clicks: int = 40
    likes: int = 100
    comments: int = 5
    shares: int = 10

    @property
    def urn(self) -> str:
        """The network's id of the post."""
        return f"urn:li:share:{_FIRST_BRAND_POST + self.number}"

    @property
    def author(self) -> str:
        """The page that posted it."""
        return BRAND_ACCOUNT


def utc_midnight(day: date) -> datetime:
    """Return the start of a UTC day: LinkedIn cuts days there."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@cache
def brand_posts() -> tuple[BrandPost, ...]:
    """Return the page's 156 posts: three a week for 52 weeks, oldest first."""
    days = (
        day_of_week_number(week, offset) for week in range(WEEKS_IN_YEAR) for offset in _POST_DAYS
    )
    return tuple(BrandPost(n, at_local(day, 12), day) for n, day in enumerate(days))


def follower_gain(day: date) -> int:
    """Return the net gain of a UTC day: three come on Wednesdays, three leave on Sundays."""
    return {_WEDNESDAY: 3, _SUNDAY: -3}.get(day.weekday(), 0)


#: LinkedIn's ``queryType`` → what a share contributes to it.
METRICS = {
    "IMPRESSION": lambda share: share.views,
    "REACTION": lambda share: share.reactions,
    "COMMENT": lambda share: share.comments,
    "RESHARE": lambda share: share.reshares,
    "LINK_CLICKS": lambda share: share.clicks,
    "MEMBERS_REACHED": lambda share: share.views * 9 // 10,
}


@cache
def member_days(employee: str, metric: str) -> dict[date, int]:
    """Return UTC day → value of one metric over all posts of one member; quiet days are absent."""
    days: Counter[date] = Counter()
    for share in _shares_of(employee):
        days[share.day] += METRICS[metric](share) if metric in METRICS else 0
    return dict(days)


def _shares_of(employee: str) -> Iterator[Share]:
    return (share for share in shares() if share.employee == employee)


@cache
def share_by_post() -> dict[str, Share]:
    """Return the network's id → share."""
    return {share.post: share for share in shares()}
