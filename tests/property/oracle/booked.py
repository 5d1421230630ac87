"""What the facts about the company and its market add to which measure, as they are told."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from shared.facts import (
    ActivityLogged,
    ContentReleased,
    ContentSubmitted,
    DemographicsRecorded,
    EmploymentEnded,
    EngagementDaily,
    Fact,
    IncidentRecorded,
    InternalDaily,
    MentionRecorded,
    PointsAwarded,
    SessionRecorded,
)
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.posted import posted

__all__ = ["booked"]

Booked = Iterator[tuple[str, date, Fact, int | Fraction]]


def booked(history: History) -> Booked:
    """Yield (measure, day, fact, quantity); quantities may be 0."""
    yield from _networks(history)
    yield from _program(history)
    yield from _listening(history)
    yield from _company(history)


def _networks(history: History) -> Booked:
    for post in posted(history):
        if post.employee and post.mode == "scheduled":
            yield "shares_scheduled", history.day(post.occurred_at), post, 1
    for total in history.of(EngagementDaily):
        if total.employee:
            yield "mentions_advocacy", total.day, total, total.mentions or 0
        elif total.is_paid is not None:
            side = "paid" if total.is_paid else "organic"
            responses = total.reactions + total.comments + total.reshares
            yield f"engagements_{side}", total.day, total, responses
    for visit in history.of(SessionRecorded):
        if visit.channel == "brand" and visit.landing == "site":
            yield "sessions_brand", visit.day, visit, visit.sessions


def _program(history: History) -> Booked:
    for story in history.of(ContentSubmitted):
        yield "stories_submitted", history.day(story.occurred_at), story, 1
    for item in history.of(ContentReleased):
        yield "content_released", history.day(item.occurred_at), item, 1
        if item.employee:
            yield "stories_published", history.day(item.occurred_at), item, 1
    for award in history.of(PointsAwarded):
        yield "points", history.day(award.occurred_at), award, Fraction(award.points)
    for activity in history.of(ActivityLogged):
        day = history.day(activity.occurred_at)
        yield "hours_logged", day, activity, Fraction(activity.hours or 0)
        if activity.activity == "contest_entry":
            yield "contest_entries", day, activity, activity.count
        elif activity.activity != "program":
            yield "offline_activities", day, activity, activity.count


def _listening(history: History) -> Booked:
    for mention in history.of(MentionRecorded):
        day = history.day(mention.occurred_at)
        yield f"mentions_{mention.brand}", day, mention, 1
        if mention.brand == "own" and mention.sentiment:
            yield f"mentions_{mention.sentiment}", day, mention, 1
    for part in history.of(DemographicsRecorded):
        yield f"impressions_profiled.{part.facet}", part.day, part, part.impressions
        if part.is_target:
            yield f"impressions_target.{part.facet}", part.day, part, part.impressions
        if part.facet == "generation":
            yield f"impressions_generation.{part.segment}", part.day, part, part.impressions


def _company(history: History) -> Booked:
    for total in history.of(InternalDaily):
        for word in ("posts", "comments", "events", "polls", "suggestions"):
            yield f"esn_{word}", total.day, total, getattr(total, word)
        for name in ("knowledge_items", "knowledge_reads"):
            yield name, total.day, total, getattr(total, name)
    for incident in history.of(IncidentRecorded):
        day = history.day(incident.occurred_at)
        yield "off_channel_incidents", day, incident, incident.count
    for (_, day), leaver in _left(history).items():
        yield "leavers", day, leaver, 1
        if leaver.reason == "adaptation" and leaver.in_probation:
            yield "adaptation_quits", day, leaver, 1


def _left(history: History) -> dict[tuple[str, date], EmploymentEnded]:
    """Return of each employee and day the fact that told first that they left."""
    told = sorted(history.of(EmploymentEnded), key=lambda e: (e.occurred_at, key_of(e)))
    left: dict[tuple[str, date], EmploymentEnded] = {}
    for fact in told:
        left.setdefault((fact.employee, history.day(fact.occurred_at)), fact)
    return left
