"""Facts about posts, audiences and the visits they bring."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shared.facts.envelope import Fact
from shared.facts.fields import Count, Flag, Ref, Slug
from shared.facts.shapes import DailyTotal

__all__ = [
    "AudienceRecorded",
    "EngagementDaily",
    "LinkClicked",
    "PostMetrics",
    "PostPublished",
    "SessionRecorded",
]

Delta = Annotated[int, Field(strict=True, ge=-(10**12), le=10**12)]

# In one order: the same set said in another order is the same fact.
_Hashtags = Annotated[tuple[Slug, ...], AfterValidator(lambda tags: tuple(sorted(set(tags))))]
_POST = Field(description="The network's id of the post.", examples=["urn:li:share:7001"])


_UNLESS_TOLD = " Leave it out if the source does not count them: then they are unknown, not 0."
_GOES_ON = " The next reading that tells them goes on from the last one that did."


def _counter(what: str) -> Count:
    counter: Count = Field(default=0, description=f"{what} so far.", examples=[128])
    return counter


def _told_counter(what: str) -> Count | None:
    counter: Count | None = Field(
        default=None, description=f"{what} so far.{_UNLESS_TOLD}{_GOES_ON}", examples=[128]
    )
    return counter


def _of_the_day(what: str) -> Delta:
    delta: Delta = Field(default=0, description=f"{what} of the day.", examples=[42])
    return delta


def _told_of_the_day(what: str) -> Delta | None:
    delta: Delta | None = Field(
        default=None, description=f"{what} of the day.{_UNLESS_TOLD}", examples=[42]
    )
    return delta


class PostPublished(Fact):
    """A post went out: an employee's share, or a brand account's post."""

    subject_field = "post"
    kind: Literal["post.published"] = Field(
        default="post.published", description="Kind of fact.", examples=["post.published"]
    )
    post: Ref = _POST
    origin: Literal["own", "curated"] = Field(
        default="curated",
        description="own: written by the employee; curated: taken from the company's content.",
        examples=["own"],
    )
    mode: Literal["manual", "scheduled"] = Field(
        default="manual", description="How it was sent.", examples=["manual"]
    )
    hashtags: _Hashtags | None = Field(
        default=None,
        min_length=1,
        max_length=30,
        description="Its hashtags, in lower case, without the sign.",
        examples=[["advocacy", "hiring"]],
    )


class PostMetrics(Fact):
    """Counters of one post as they stood at ``occurred_at``; cumulative, and allowed to fall."""

    subject_field = "post"
    kind: Literal["post.metrics"] = Field(
        default="post.metrics", description="Kind of fact.", examples=["post.metrics"]
    )
    post: Ref = _POST
    impressions: Count | None = _told_counter("Views")
    reactions: Count = _counter("Reactions")
    comments: Count = _counter("Comments")
    reshares: Count = _counter("Reshares")
    clicks: Count | None = _told_counter("Clicks, as the network counts them,")
    reach: Count | None = Field(
        default=None,
        description="Different people who saw it so far, if the network says so.",
        examples=[97],
    )


class EngagementDaily(DailyTotal):
    """What one employee's or account's posts earned on one day, as the network sums it.

    Networks restate these for days, and may take more back than a day earned: negative is legal.
    """

    kind: Literal["engagement.daily"] = Field(
        default="engagement.daily", description="Kind of fact.", examples=["engagement.daily"]
    )
    impressions: Delta | None = _told_of_the_day("Views")
    reactions: Delta = _of_the_day("Reactions")
    comments: Delta = _of_the_day("Comments")
    reshares: Delta = _of_the_day("Reshares")
    clicks: Delta | None = _told_of_the_day("Clicks, as the network counts them,")
    mentions: Delta | None = Field(
        default=None, description="Mentions in responses, of the day.", examples=[2]
    )
    is_paid: Flag | None = Field(
        default=None,
        description="Whether this is what was paid for; absent if the source cannot tell. What ads"
        " bought for an employee's post does not count as earned by advocates.",
        examples=[False],
    )


class AudienceRecorded(Fact):
    """Size of an audience at an instant: a gauge, never summed over time."""

    kind: Literal["audience.recorded"] = Field(
        default="audience.recorded", description="Kind of fact.", examples=["audience.recorded"]
    )
    metric: Literal["followers", "connections", "competitor_followers", "market"] = Field(
        description="followers of an account or of a competitor's, connections of an employee, "
        "or people of the target market, as a saved search counts them.",
        examples=["followers"],
    )
    count: Count = Field(description="People, at that instant.", examples=[10000])


class LinkClicked(Fact):
    """One click on a tracked link."""

    subject_field = "link"
    kind: Literal["link.clicked"] = Field(
        default="link.clicked", description="Kind of fact.", examples=["link.clicked"]
    )
    link: Ref = Field(description="Code of the link.", examples=["4kZr0aVQ81c"])
    is_human: Flag = Field(
        default=True,
        description="False for bots and prefetches: kept, and counted nowhere.",
        examples=[True],
    )


class SessionRecorded(DailyTotal):
    """Visits of one day from one source, as web analytics counts them."""

    kind: Literal["session.recorded"] = Field(
        default="session.recorded", description="Kind of fact.", examples=["session.recorded"]
    )
    sessions: Count = Field(description="Visits.", examples=[17])
    engaged_sessions: Count = Field(
        default=0, description="Visits that stayed or acted.", examples=[9]
    )
    key_events: Count = Field(default=0, description="Key events of the visits.", examples=[2])
    landing: Literal["site", "careers"] = Field(
        default="site",
        description="careers: visits of the careers pages, reported beside those of the site.",
        examples=["site"],
    )
    link: Ref | None = Field(
        default=None, description="Code of the tracked link, if any.", examples=["4kZr0aVQ81c"]
    )
    is_partial: Flag = Field(
        default=False,
        description="The source says the number is sampled, thresholded or not final.",
        examples=[False],
    )
