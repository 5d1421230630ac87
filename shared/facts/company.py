"""Facts about the company itself: its internal network, its people, its targets and figures."""

from datetime import date
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from shared.facts.envelope import Fact
from shared.facts.fields import Amount, Count, Currency, Day, Flag, Instant, Ref
from shared.facts.shapes import DailyTotal, OfEmployee

__all__ = [
    "EmploymentEnded",
    "FigureRecorded",
    "IncidentRecorded",
    "InternalDaily",
    "MailDaily",
    "ProcessCompleted",
    "QuotaSet",
    "TiesRecorded",
]

_TEAM = Field(default=None, description="The team, if of one.", examples=["IT"])
_DEPARTMENT = Field(default=None, description="The department, if of one.", examples=["Commercial"])
_LONGEST_DAYS = 3660


def _of_the_day(what: str) -> Count:
    count: Count = Field(default=0, description=f"{what} of the day.", examples=[3])
    return count


class InternalDaily(OfEmployee, DailyTotal):
    """How much an employee did on the internal network on one day: counts, never what was said."""

    kind: Literal["internal.daily"] = Field(
        default="internal.daily", description="Kind of fact.", examples=["internal.daily"]
    )
    posts: Count = _of_the_day("Posts")
    comments: Count = _of_the_day("Comments")
    reactions: Count = _of_the_day("Reactions")
    reads: Count = _of_the_day("Posts read")
    events: Count = _of_the_day("Events called")
    polls: Count = _of_the_day("Polls started")
    suggestions: Count = _of_the_day("Ideas submitted")
    knowledge_items: Count = _of_the_day("Items added to the knowledge base")
    knowledge_reads: Count = _of_the_day("Items of the knowledge base read")


class MailDaily(DailyTotal):
    """Internal e-mails of a group on one day, added up by the source."""

    kind: Literal["mail.daily"] = Field(
        default="mail.daily", description="Kind of fact.", examples=["mail.daily"]
    )
    messages: Count = Field(description="Internal e-mails sent.", examples=[410])
    people: Count = Field(description="Mailboxes counted.", examples=[40])
    team: Ref | None = _TEAM
    department: Ref | None = _DEPARTMENT


class TiesRecorded(Fact):
    """How many pairs of people of two teams are in contact, as it stood at ``occurred_at``.

    Counted by the source: who is in contact with whom never gets here.
    """

    kind: Literal["ties.recorded"] = Field(
        default="ties.recorded", description="Kind of fact.", examples=["ties.recorded"]
    )
    team: Ref = Field(description="One team.", examples=["IT"])
    other_team: Ref = Field(description="The other team.", examples=["Sales"])
    pairs: Count = Field(description="Distinct pairs in contact.", examples=[17])

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        # One spelling of a pair of teams: a second one would be counted beside it.
        if not self.team < self.other_team:
            raise ValueError("team comes before other_team in the order of their characters")
        return self


class ProcessCompleted(Fact):
    """Something that takes days came to its end at ``occurred_at``."""

    kind: Literal["process.completed"] = Field(
        default="process.completed", description="Kind of fact.", examples=["process.completed"]
    )
    process: Literal["approval", "onboarding"] = Field(
        description="approval: of a project; onboarding: a newcomer became productive.",
        examples=["approval"],
    )
    started_at: Instant = Field(description="When it began.", examples=["2025-02-01T09:00:00Z"])
    team: Ref | None = _TEAM
    department: Ref | None = _DEPARTMENT

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.started_at > self.occurred_at:
            raise ValueError("a process ends after it began")
        return self


class IncidentRecorded(Fact):
    """Company matters were discussed in a public messenger, or leaked through one."""

    kind: Literal["incident.recorded"] = Field(
        default="incident.recorded", description="Kind of fact.", examples=["incident.recorded"]
    )
    count: Count = Field(default=1, description="How many.", examples=[1])


class EmploymentEnded(OfEmployee):
    """An employee left the company; ``occurred_at`` is in the last day."""

    kind: Literal["employment.ended"] = Field(
        default="employment.ended", description="Kind of fact.", examples=["employment.ended"]
    )
    reason: Literal["own_wish", "adaptation", "dismissal", "retirement", "other"] = Field(
        default="other", description="Why; adaptation: never settled in.", examples=["own_wish"]
    )
    in_probation: Flag = Field(
        default=False, description="Whether probation was not over.", examples=[False]
    )
    tenure_days: Count | None = Field(
        default=None, description="Days of employment.", examples=[412]
    )


class QuotaSet(OfEmployee):
    """What an employee is to sell in the days of [``starts_on``, ``ends_on``)."""

    kind: Literal["quota.set"] = Field(
        default="quota.set", description="Kind of fact.", examples=["quota.set"]
    )
    amount: Amount = Field(description="The whole amount.", examples=["90000.00"])
    currency: Currency = Field(description="Its currency (ISO 4217).", examples=["USD"])
    starts_on: Day = Field(description="First day it covers.", examples=["2025-01-01"])
    ends_on: Day = Field(description="First day it no longer covers.", examples=["2025-04-01"])

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if not self.starts_on < self.ends_on:
            raise ValueError("ends_on is the first day after the quota and lies after starts_on")
        if (self.ends_on - self.starts_on).days > _LONGEST_DAYS:
            raise ValueError("a quota covers at most ten years")
        return self

    def day_in(self, zone: ZoneInfo) -> date:
        return self.starts_on


class FigureRecorded(Fact):
    """A figure that no system tells, entered by hand for a day, with who says so as its source."""

    kind: Literal["figure.recorded"] = Field(
        default="figure.recorded", description="Kind of fact.", examples=["figure.recorded"]
    )
    figure: Literal[
        "market_sales",
        "recruiting_cost",
        "process_cost",
        "output",
        "search_hours",
    ] = Field(
        description="market_sales, recruiting_cost, process_cost: amounts, summed over a period; "
        "output: what was produced in hours, both summed, in one unit for all teams; search_hours "
        "(a person and week): a level, the last of each team counts.",
        examples=["market_sales"],
    )
    day: Day = Field(description="The day it is booked on.", examples=["2025-03-31"])
    value: Amount = Field(description="The figure.", examples=["250000.00"])
    currency: Currency | None = Field(
        default=None, description="Currency of an amount (ISO 4217).", examples=["USD"]
    )
    hours: Amount | None = Field(
        default=None, description="Working hours that an output took.", examples=["160.00"]
    )
    team: Ref | None = _TEAM
    department: Ref | None = _DEPARTMENT
    job: Ref | None = Field(
        default=None,
        description="The opening that a recruiting cost was spent on, if on one.",
        examples=["job-12"],
    )

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.department is not None and self.figure == "search_hours":
            raise ValueError("search hours are of a team or of the company, not of a department")
        if self.job is not None and self.figure != "recruiting_cost":
            raise ValueError("a recruiting cost, and only a recruiting cost, names a job")
        if (self.figure == "output") != (self.hours is not None):
            raise ValueError("an output, and only an output, has hours")
        if self.hours is not None and self.hours <= 0:
            raise ValueError("an output takes hours")
        is_amount = self.figure in {"market_sales", "recruiting_cost", "process_cost"}
        if is_amount != (self.currency is not None):
            raise ValueError("an amount, and only an amount, has a currency")
        return self

    def day_in(self, zone: ZoneInfo) -> date:
        return self.day
