"""Shapes that facts of several kinds have."""

from datetime import date
from zoneinfo import ZoneInfo

from pydantic import Field

from shared.facts.envelope import Fact
from shared.facts.fields import Day, EmployeeRef

__all__ = ["DailyTotal", "OfEmployee"]


class OfEmployee(Fact):
    """A fact about an employee, which it cannot do without."""

    subject_field = "employee"
    employee: EmployeeRef = Field(
        description="Opaque reference of the employee; never an e-mail address.", examples=["E007"]
    )


class DailyTotal(Fact):
    """A fact that is a total of one day, as cut by its source."""

    day: Day = Field(
        description="The day of the total, in the source's zone.", examples=["2025-02-03"]
    )

    def day_in(self, zone: ZoneInfo) -> date:
        return self.day
