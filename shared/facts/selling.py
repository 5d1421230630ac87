"""Facts about people outside the company: touches, leads, deals, applications, hires."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from shared.facts.envelope import Channel, Fact
from shared.facts.fields import Amount, Count, Currency, Flag, Instant, Ref, in_minor_units

__all__ = [
    "ApplicationSubmitted",
    "DealChanged",
    "HireAccepted",
    "LeadCreated",
    "PersonIdentified",
    "TouchRecorded",
]

_PERSON = "Keyed hash of the person's address, or an opaque id."
_PERSON_EXAMPLES = ["p_5f2c9e0d1b7a4c3e8f60a1b2c3d4e5f6"]
_APPLICATION = Field(
    description="The applicant tracking system's id of the application.", examples=["app-77"]
)
# In one order: a set said twice in another order is the same fact.
_People = Annotated[tuple[Ref, ...], AfterValidator(lambda people: tuple(sorted(set(people))))]
_APPLICANT = Field(
    default=None,
    description=f"The applicant. {_PERSON} Of a hire without one, its application's counts.",
    examples=_PERSON_EXAMPLES,
)
_JOB = Field(
    default=None,
    description="The opening applied for. Of a hire that names none, its application's counts.",
    examples=["job-12"],
)
_HIRING_DEPARTMENT = Field(
    default=None,
    description="The department that hires, not the referrer's. Of a hire that names none, its"
    " application's counts.",
    examples=["Commercial"],
)


class TouchRecorded(Fact):
    """A person outside the company met the company through a channel."""

    subject_field = "person"
    kind: Literal["touch.recorded"] = Field(
        default="touch.recorded", description="Kind of fact.", examples=["touch.recorded"]
    )
    person: Ref = Field(description=_PERSON, examples=_PERSON_EXAMPLES)
    channel: Channel = Field(description="Channel of the touch.", examples=["employee_advocacy"])


class PersonIdentified(Fact):
    """Several identifiers turned out to be one person: a visitor became known, records merged.

    The touches of all of them are one journey then, those of the past included. Links chain:
    whoever is the same as one of them belongs to them. Withdrawing the fact, or saying it again
    with fewer identifiers, parts them.
    """

    subject_field = "person"
    kind: Literal["person.identified"] = Field(
        default="person.identified", description="Kind of fact.", examples=["person.identified"]
    )
    person: Ref = Field(description=_PERSON, examples=_PERSON_EXAMPLES)
    same_as: _People = Field(
        min_length=1,
        max_length=50,
        description="Other identifiers of the same person, in any order.",
        examples=[["visitor-81c4", "p_0a1b2c3d4e5f60718293a4b5c6d7e8f9"]],
    )


class LeadCreated(Fact):
    """A lead appeared in the CRM."""

    subject_field = "lead"
    kind: Literal["lead.created"] = Field(
        default="lead.created", description="Kind of fact.", examples=["lead.created"]
    )
    lead: Ref = Field(description="The CRM's id of the lead.", examples=["hubspot:1001"])
    person: Ref | None = Field(default=None, description=_PERSON, examples=_PERSON_EXAMPLES)


class DealChanged(Fact):
    """The present state of a deal; ``employee`` is the salesperson it belongs to."""

    subject_field = "deal"
    kind: Literal["deal.changed"] = Field(
        default="deal.changed", description="Kind of fact.", examples=["deal.changed"]
    )
    deal: Ref = Field(description="The CRM's id of the deal.", examples=["hubspot:9001"])
    lead: Ref | None = Field(
        default=None, description="The lead it came from.", examples=["hubspot:1001"]
    )
    state: Literal["open", "won", "lost"] = Field(description="Its state.", examples=["won"])
    # Before the amount: it says to which digit that is told.
    currency: Currency | None = Field(
        default=None, description="Currency of the amount (ISO 4217).", examples=["USD"]
    )
    amount: Amount | None = Field(
        default=None,
        description="Its amount; required once won. What is finer than the currency's smallest"
        " unit is rounded to it, halves away from zero.",
        examples=["12000.00"],
    )
    opened_at: Instant = Field(description="When it was opened.", examples=["2025-02-01T09:00:00Z"])
    closed_at: Instant | None = Field(
        default=None,
        description="When it was won or lost; required then. Of an open deal it says nothing.",
        examples=["2025-04-10T09:00:00Z"],
    )

    customer: Ref | None = Field(
        default=None, description="The CRM's id of the customer's account.", examples=["acc-71"]
    )
    units: Count | None = Field(default=None, description="Units sold.", examples=[40])
    is_new_market: Flag | None = Field(
        default=None,
        description="Whether the customer is in a market the company wants to enter.",
        examples=[False],
    )

    @field_validator("amount")
    @classmethod
    def _in_minor_units(cls, amount: Decimal | None, info: ValidationInfo) -> Decimal | None:
        """Round once, where it comes in: what is summed and divided later adds up to the cent."""
        currency: str | None = info.data.get("currency")
        return amount if amount is None or currency is None else in_minor_units(amount, currency)

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
    kind: Literal["application.submitted"] = Field(
        default="application.submitted",
        description="Kind of fact.",
        examples=["application.submitted"],
    )
    application: Ref = _APPLICATION
    job: Ref | None = _JOB
    department: Ref | None = _HIRING_DEPARTMENT
    person: Ref | None = _APPLICANT


class HireAccepted(Fact):
    """An applicant accepted an offer; ``employee`` is who referred them."""

    subject_field = "application"
    kind: Literal["hire.accepted"] = Field(
        default="hire.accepted", description="Kind of fact.", examples=["hire.accepted"]
    )
    application: Ref = _APPLICATION
    job: Ref | None = _JOB
    department: Ref | None = _HIRING_DEPARTMENT
    person: Ref | None = _APPLICANT
    first_contact_at: Instant | None = Field(
        default=None,
        description="When the applicant was first in contact, not after accepting.",
        examples=["2025-03-01T09:00:00Z"],
    )

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.first_contact_at is not None and self.first_contact_at > self.occurred_at:
            raise ValueError("an offer is accepted after the first contact")
        return self
