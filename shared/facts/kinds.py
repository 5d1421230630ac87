"""Every kind of fact, one frozen model each. The vocabulary is public: partners post these."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import orjson
from pydantic import Field, TypeAdapter, model_validator

from shared.facts.envelope import Fact
from shared.facts.fields import Amount, Count, Currency, Day, EmployeeRef, Instant, Ref, Score

__all__ = ["FACT_KINDS", "AnyFact", "parse_fact", "parse_facts"]

CostCategory = Literal[
    "platform",
    "infrastructure",
    "training",
    "employee_time",
    "manager_time",
    "content",
    "rewards",
    "agency",
    "expert",
    "paid_boost",
    "other",
]
Evidence = Literal["invoice", "payroll", "timesheet", "estimate", "claimed"]
Delta = Annotated[int, Field(strict=True, ge=-(10**12), le=10**12)]


class _DailyTotal(Fact):
    """A fact that is a total of one day, as cut by its source."""

    day: Day = Field(description="The day of the total, in the source's zone.")

    def day_in(self, zone: ZoneInfo) -> date:
        return self.day


class EmployeeRecorded(Fact):
    """An employee's place in the company from a day on. A later row ends the earlier one."""

    subject_field = "employee"
    kind: Literal["employee.recorded"] = "employee.recorded"
    employee: EmployeeRef
    effective_on: Day
    employed: bool = True
    team: Ref | None = None
    role: Ref | None = None
    linkedin_account: bool = False

    def day_in(self, zone: ZoneInfo) -> date:
        return self.effective_on


class MemberInvited(Fact):
    """An employee was invited to the program."""

    subject_field = "employee"
    kind: Literal["member.invited"] = "member.invited"
    employee: EmployeeRef


class MemberJoined(Fact):
    """An employee joined (or returned to) the program."""

    subject_field = "employee"
    kind: Literal["member.joined"] = "member.joined"
    employee: EmployeeRef


class MemberLeft(Fact):
    """An employee left the program."""

    subject_field = "employee"
    kind: Literal["member.left"] = "member.left"
    employee: EmployeeRef


class PostPublished(Fact):
    """A post went out: an employee's share, or a brand account's post."""

    subject_field = "post"
    kind: Literal["post.published"] = "post.published"
    post: Ref = Field(description="The network's id of the post.", examples=["urn:li:share:7001"])
    origin: Literal["own", "curated"] = "curated"
    mode: Literal["manual", "scheduled"] = "manual"


class PostMetrics(Fact):
    """Counters of one post as they stood at ``occurred_at``; cumulative, and allowed to fall."""

    subject_field = "post"
    kind: Literal["post.metrics"] = "post.metrics"
    post: Ref
    impressions: Count = 0
    reactions: Count = 0
    comments: Count = 0
    reshares: Count = 0
    clicks: Count = 0


class EngagementDaily(_DailyTotal):
    """What one employee's or account's posts earned on one day, as the network sums it.

    Networks restate these for days, and may take more back than a day earned: negative is legal.
    """

    kind: Literal["engagement.daily"] = "engagement.daily"
    impressions: Delta = 0
    reactions: Delta = 0
    comments: Delta = 0
    reshares: Delta = 0
    clicks: Delta = 0


class AudienceRecorded(Fact):
    """Size of an audience at an instant: a gauge, never summed over time."""

    kind: Literal["audience.recorded"] = "audience.recorded"
    metric: Literal["followers", "connections"]
    count: Count


class LinkClicked(Fact):
    """One click on a tracked link."""

    subject_field = "link"
    kind: Literal["link.clicked"] = "link.clicked"
    link: Ref
    is_human: bool = True


class SessionRecorded(_DailyTotal):
    """Visits of one day from one source, as web analytics counts them."""

    kind: Literal["session.recorded"] = "session.recorded"
    sessions: Count
    engaged_sessions: Count = 0
    key_events: Count = 0
    landing: Literal["site", "careers"] = "site"
    link: Ref | None = None
    is_partial: bool = Field(
        default=False,
        description="The source says the number is sampled, thresholded or not final.",
    )


class TouchRecorded(Fact):
    """A person outside the company met the company through a channel."""

    subject_field = "person"
    kind: Literal["touch.recorded"] = "touch.recorded"
    person: Ref = Field(description="Keyed hash of the person's address, or an opaque id.")
    channel: Literal["employee_advocacy", "brand", "paid", "organic", "other"]


class LeadCreated(Fact):
    """A lead appeared in the CRM."""

    subject_field = "lead"
    kind: Literal["lead.created"] = "lead.created"
    lead: Ref
    person: Ref | None = None


class DealChanged(Fact):
    """The present state of a deal."""

    subject_field = "deal"
    kind: Literal["deal.changed"] = "deal.changed"
    deal: Ref
    lead: Ref | None = None
    state: Literal["open", "won", "lost"]
    amount: Amount | None = None
    currency: Currency | None = None
    opened_at: Instant
    closed_at: Instant | None = None

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if (self.amount is None) != (self.currency is None):
            raise ValueError("amount and currency go together")
        if self.state == "won" and (self.closed_at is None or self.amount is None):
            raise ValueError("a won deal has closed_at, amount and currency")
        if self.state == "lost" and self.closed_at is None:
            raise ValueError("a lost deal has closed_at")
        return self


class ApplicationSubmitted(Fact):
    """Someone applied for a job; ``employee`` is who referred them."""

    subject_field = "application"
    kind: Literal["application.submitted"] = "application.submitted"
    application: Ref
    job: Ref | None = None


class HireAccepted(Fact):
    """An applicant accepted an offer."""

    subject_field = "application"
    kind: Literal["hire.accepted"] = "hire.accepted"
    application: Ref
    job: Ref | None = None
    first_contact_at: Instant | None = None


class CostBooked(Fact):
    """A cost of the program, spread evenly over the days of [``starts_on``, ``ends_on``)."""

    kind: Literal["cost.booked"] = "cost.booked"
    category: CostCategory
    amount: Amount
    currency: Currency
    starts_on: Day
    ends_on: Day
    evidence: Evidence = "estimate"
    quantity: Amount | None = None
    unit_rate: Amount | None = None

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if not self.starts_on < self.ends_on:
            raise ValueError("ends_on is the first day after the cost and lies after starts_on")
        if (self.ends_on - self.starts_on).days > 3660:
            raise ValueError("a cost covers at most ten years")
        if (self.quantity is None) != (self.unit_rate is None):
            raise ValueError("quantity and unit_rate go together")
        if self.quantity is not None and self.unit_rate is not None:
            difference = abs(self.quantity * self.unit_rate - self.amount)
            if difference >= Decimal("0.01"):
                raise ValueError("amount is not quantity × unit_rate")
        return self

    def day_in(self, zone: ZoneInfo) -> date:
        return self.starts_on


class SsiRecorded(Fact):
    """An employee's Social Selling Index: four pillars of 0 to 25 points each."""

    subject_field = "employee"
    kind: Literal["ssi.recorded"] = "ssi.recorded"
    employee: EmployeeRef
    brand: Score
    people: Score
    insights: Score
    relationships: Score


AnyFact = Annotated[
    EmployeeRecorded
    | MemberInvited
    | MemberJoined
    | MemberLeft
    | PostPublished
    | PostMetrics
    | EngagementDaily
    | AudienceRecorded
    | LinkClicked
    | SessionRecorded
    | TouchRecorded
    | LeadCreated
    | DealChanged
    | ApplicationSubmitted
    | HireAccepted
    | CostBooked
    | SsiRecorded,
    Field(discriminator="kind"),
]

_ONE: TypeAdapter[Fact] = TypeAdapter(AnyFact)
_MANY: TypeAdapter[Sequence[Fact]] = TypeAdapter(list[AnyFact])

#: kind → model, for documentation and the typed reader.
FACT_KINDS: dict[str, type[Fact]] = {
    model.model_fields["kind"].default: model
    for model in (
        EmployeeRecorded,
        MemberInvited,
        MemberJoined,
        MemberLeft,
        PostPublished,
        PostMetrics,
        EngagementDaily,
        AudienceRecorded,
        LinkClicked,
        SessionRecorded,
        TouchRecorded,
        LeadCreated,
        DealChanged,
        ApplicationSubmitted,
        HireAccepted,
        CostBooked,
        SsiRecorded,
    )
}


def parse_fact(data: bytes | str | Any) -> Fact:
    """Return the typed fact of a JSON document, or of plain Python data of the same shape.

    Raises:
        pydantic.ValidationError: the kind is unknown or a field is wrong.
    """
    return _ONE.validate_json(_as_json(data))


def parse_facts(data: bytes | str | Any) -> list[Fact]:
    """Return the typed facts of a JSON array; as :func:`parse_fact`, all or none."""
    return list(_MANY.validate_json(_as_json(data)))


def _as_json(data: Any) -> bytes | str:
    # One parser for everything from outside: JSON in, straight into the compiled validator.
    return data if isinstance(data, bytes | str) else orjson.dumps(data)
