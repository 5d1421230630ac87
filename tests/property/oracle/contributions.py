"""What each standing fact adds to which measure, on which day, for whom and where."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

from shared.facts import (
    ActivityLogged,
    ApplicationSubmitted,
    CostBooked,
    DemographicsRecorded,
    EngagementDaily,
    Fact,
    HireAccepted,
    IncidentRecorded,
    InternalDaily,
    LeadCreated,
    LinkClicked,
    MemberInvited,
    MemberJoined,
    MemberLeft,
    PointsAwarded,
    PostMetrics,
    PostPublished,
    SessionRecorded,
    TouchRecorded,
)
from tests.property.oracle.attribution import MODELS, credits
from tests.property.oracle.booked import booked
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.posted import posted
from tests.property.oracle.sales import (
    converted,
    deals,
    first_row,
    journey_of,
    leads,
    same_person,
)
from tests.property.oracle.spending import spread

__all__ = ["NOWHERE", "Contribution", "Where", "contributions", "where_of"]

ADVOCACY = "employee_advocacy"
COUNTERS = {
    "impressions": "impressions",
    "reactions": "reactions",
    "comments": "comments",
    "reshares": "reshares",
    "clicks": "network_clicks",
}


CREDITED = {"lead": "leads", "deal": "wins", "application": "applications", "hire": "hires"}


class Where(NamedTuple):
    """Who and where; ``""`` where a contribution has none."""

    employee: str = ""
    account: str = ""
    network: str = ""
    campaign: str = ""
    content: str = ""
    channel: str = ""


class Contribution(NamedTuple):
    """A part of one measure on one day."""

    measure: str
    day: date
    where: Where
    quantity: Fraction


NOWHERE = Where()


def contributions(history: History) -> list[Contribution]:
    """Return everything the standing facts contribute; quantities are never 0."""
    told = (
        *_publications(history),
        *_daily_totals(history),
        *_counters(history),
        *_traffic(history),
        *_program(history),
        *_costs(history),
        *_sales(history),
        *_credit(history),
        *_facts_told(history),
        *((m, day, where_of(fact), quantity) for m, day, fact, quantity in booked(history)),
    )
    return [Contribution(m, d, w, Fraction(q)) for m, d, w, q in told if q]


_Told = Iterator[tuple[str, date, Where, int | Fraction]]


def where_of(fact: Fact) -> Where:
    """Return who and where a fact says it was."""
    return Where(*(getattr(fact, name) or "" for name in Where._fields))


def _side(where: Where) -> str:
    return "advocacy" if where.employee else "brand"


#: Kinds whose facts may say that there is nothing: that any was told is kept, day by day.
_SAYING_NOTHING = (
    ActivityLogged,
    ApplicationSubmitted,
    CostBooked,
    DemographicsRecorded,
    HireAccepted,
    IncidentRecorded,
    InternalDaily,
    LinkClicked,
    PointsAwarded,
    SessionRecorded,
    TouchRecorded,
)


def _facts_told(history: History) -> _Told:
    for kind in _SAYING_NOTHING:
        for fact in history.of(kind):
            name = f"told.{fact.kind}"
            if isinstance(fact, SessionRecorded):
                name += f".{fact.landing}"
            elif isinstance(fact, DemographicsRecorded):
                name += f".{fact.facet}"
            elif isinstance(fact, CostBooked):
                name += ".brand" if fact.channel == "brand" else ".program"
            yield name, fact.day_in(history.zone), NOWHERE, 1
    for total in history.of(EngagementDaily):
        for counter in _counters_told(total):
            yield f"told.engagement.daily.{_side_of_day(total)}{counter}", total.day, NOWHERE, 1


def _counters_told(fact: EngagementDaily | PostMetrics) -> Iterator[str]:
    """Yield "" for any counters, and those that a source need not count, if it does."""
    yield ""
    if fact.impressions is not None:
        yield ".impressions"
    if fact.clicks is not None:
        yield ".network_clicks"


def _publications(history: History) -> _Told:
    for post in posted(history):
        day, where = history.day(post.occurred_at), where_of(post)
        if where.employee:
            yield "shares", day, where, 1
            if post.origin == "own":
                yield "shares_own", day, where, 1
        else:
            yield "posts_brand", day, where, 1


def _daily_totals(history: History) -> _Told:
    for total in history.of(EngagementDaily):
        for field, name in COUNTERS.items():
            counted = getattr(total, field) or 0
            yield f"{name}_{_side_of_day(total)}", total.day, where_of(total), counted


def _side_of_day(total: EngagementDaily) -> str:
    # What ads bought for an employee's post is kept apart from what was earned.
    where = where_of(total)
    return "boosted" if where.employee and total.is_paid else _side(where)


def _counters(history: History) -> _Told:
    """Yield what each counter of a post grew by since it was last told, on the day of telling."""
    readings: dict[str, list[PostMetrics]] = defaultdict(list)
    for reading in history.of(PostMetrics):
        readings[reading.post].append(reading)
    for post, of_post in readings.items():
        published = [p for p in history.of(PostPublished) if p.post == post]
        first = min(published, key=lambda p: (p.occurred_at, key_of(p)), default=None)
        last_told: dict[str, int] = {}
        begun: set[str] = set()
        for reading in sorted(of_post, key=lambda r: (r.occurred_at, key_of(r))):
            where = where_of(first or reading)._replace(channel="")
            day = history.day(reading.occurred_at)
            for field, name in COUNTERS.items():
                count = getattr(reading, field)
                if count is not None:
                    yield f"{name}_{_side(where)}", day, where, count - last_told.get(field, 0)
                    last_told[field] = count
            for counter in _counters_told(reading):
                if counter not in begun:
                    yield f"readings.{_side(where)}{counter}", day, NOWHERE, 1
                    begun.add(counter)


def _traffic(history: History) -> _Told:
    for click in history.of(LinkClicked):
        if click.is_human:
            yield "clicks", history.day(click.occurred_at), where_of(click), 1
    for visit in history.of(SessionRecorded):
        where = where_of(visit)
        if visit.landing == "site":
            yield "sessions", visit.day, where, visit.sessions
            yield "engaged_sessions", visit.day, where, visit.engaged_sessions
            yield "key_events", visit.day, where, visit.key_events
        if where.channel == ADVOCACY:
            name = "sessions" if visit.landing == "site" else "careers_sessions"
            yield f"{name}_advocacy", visit.day, where, visit.sessions


def _program(history: History) -> _Told:
    for event in history.of(MemberInvited):
        yield "invites", history.day(event.occurred_at), where_of(event), 1
    moves: list[MemberJoined | MemberLeft] = [*history.of(MemberJoined), *history.of(MemberLeft)]
    inside: dict[str, bool] = {}
    for move in sorted(moves, key=lambda m: (m.occurred_at, key_of(m))):
        day, where = history.day(move.occurred_at), NOWHERE._replace(employee=move.employee)
        is_join, has_joined = isinstance(move, MemberJoined), move.employee in inside
        # Whoever is in joins no more, and who is out, or was never in, does not leave.
        if is_join != inside.get(move.employee, False):
            inside[move.employee] = is_join
            yield "joins" if is_join else "leaves", day, where, 1
            if is_join and has_joined:
                yield "rejoins", day, where, 1


def _costs(history: History) -> _Told:
    for cost in history.of(CostBooked):
        amount = Fraction(cost.amount)
        for day, part in spread(history, amount, cost.starts_on, cost.ends_on):
            if cost.channel == "brand":
                yield "cost_brand", day, where_of(cost), part
                continue
            for measure in ("cost", f"cost.{cost.category}"):
                yield measure, day, where_of(cost), part


def _sales(history: History) -> _Told:
    won_leads = {deal.lead for deal in deals(history).values() if deal.state == "won"}
    for name, lead in leads(history).items():
        day = history.day(lead.occurred_at)
        yield "leads", day, NOWHERE, 1
        if name in won_leads:
            yield "leads_won", day, NOWHERE, 1
        touch = _advocacy_touch(history, lead)
        if touch is not None:
            yield "leads_advocacy", day, where_of(touch), 1
    for deal in deals(history).values():
        yield "opportunities", history.day(deal.opened_at), NOWHERE, 1
        if deal.closed_at is not None and deal.state != "open":
            day = history.day(deal.closed_at)
            yield f"deals_{deal.state}", day, NOWHERE, 1
            if deal.state == "won":
                yield "revenue_won", day, NOWHERE, Fraction(deal.amount or 0)


def _advocacy_touch(history: History, lead: LeadCreated) -> TouchRecorded | None:
    """Return the first advocacy touch of a lead's person inside the window before the lead."""
    oldest = history.day(lead.occurred_at) - timedelta(days=history.window_days)
    person = same_person(history, lead.person) if lead.person else set()
    return first_row(
        touch
        for touch in history.of(TouchRecorded)
        if touch.person in person
        and touch.channel == ADVOCACY
        and touch.occurred_at <= lead.occurred_at
        and history.day(touch.occurred_at) >= oldest
    )


def _credit(history: History) -> _Told:
    for conversion in converted(history):
        day = history.day(conversion.at)
        path = journey_of(history, conversion)
        for model in MODELS:
            for touch, share, amount in credits(history, model, path, conversion):
                yield f"{CREDITED[conversion.kind]}.{model}", day, where_of(touch), share
                if amount is not None:
                    yield f"revenue.{model}", day, where_of(touch), amount
