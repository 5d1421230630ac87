"""Facts about employees: their place in the company, the program, their selling index."""

from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from shared.facts.fields import Day, Flag, Ref, Score
from shared.facts.shapes import OfEmployee

__all__ = ["EmployeeRecorded", "MemberInvited", "MemberJoined", "MemberLeft", "SsiRecorded"]

_PILLAR_EXAMPLES = ["17.50"]


class EmployeeRecorded(OfEmployee):
    """An employee's place in the company from a day on. A later row ends the earlier one."""

    kind: Literal["employee.recorded"] = Field(
        default="employee.recorded", description="Kind of fact.", examples=["employee.recorded"]
    )
    effective_on: Day = Field(
        description="First day on which this place holds.", examples=["2025-01-01"]
    )
    employed: Flag = Field(
        default=True, description="False from the first day after leaving.", examples=[True]
    )
    team: Ref | None = Field(default=None, description="Team.", examples=["Sales"])
    department: Ref | None = Field(default=None, description="Department.", examples=["Commercial"])
    role: Ref | None = Field(
        default=None,
        description="Role or seniority. Leaders are those of the role `leader`, spelled so.",
        examples=["leader"],
    )
    linkedin_account: Flag = Field(
        default=False, description="Whether the employee has a LinkedIn account.", examples=[True]
    )

    def day_in(self, zone: ZoneInfo) -> date:
        return self.effective_on


class MemberInvited(OfEmployee):
    """An employee was invited to the program."""

    kind: Literal["member.invited"] = Field(
        default="member.invited", description="Kind of fact.", examples=["member.invited"]
    )


class MemberJoined(OfEmployee):
    """An employee joined (or returned to) the program."""

    kind: Literal["member.joined"] = Field(
        default="member.joined", description="Kind of fact.", examples=["member.joined"]
    )


class MemberLeft(OfEmployee):
    """An employee left the program, however often they joined: the last of both holds."""

    kind: Literal["member.left"] = Field(
        default="member.left", description="Kind of fact.", examples=["member.left"]
    )


class SsiRecorded(OfEmployee):
    """An employee's Social Selling Index: four pillars of 0 to 25 points each."""

    kind: Literal["ssi.recorded"] = Field(
        default="ssi.recorded", description="Kind of fact.", examples=["ssi.recorded"]
    )
    brand: Score = Field(
        description="Points for the professional brand, 0 to 25.", examples=_PILLAR_EXAMPLES
    )
    people: Score = Field(
        description="Points for finding the right people, 0 to 25.", examples=_PILLAR_EXAMPLES
    )
    insights: Score = Field(
        description="Points for engaging with insights, 0 to 25.", examples=_PILLAR_EXAMPLES
    )
    relationships: Score = Field(
        description="Points for building relationships, 0 to 25.", examples=_PILLAR_EXAMPLES
    )
