"""What the explanation of a goal answers."""

from datetime import date

from pydantic import Field

from services.api.answers import Trust
from services.api.goals.schemas import StatedGoal
from services.api.model import DecimalText, Output
from shared.kpis.forecast import Method

__all__ = ["ExplainedForecast", "ForecastSeries", "GoalExplanation", "ReadOver", "Step", "Week"]


class Step(Output):
    """A quantity, and how it came to be."""

    name: str = Field(description="What it is.", examples=["progress"])
    value: DecimalText = Field(description="It, up to twelve digits.", examples=["33.333333333333"])
    arithmetic: str = Field(
        description="How it is computed; numbers with at most nine digits after the point.",
        examples=["100 × (400 - 0) / (1200 - 0) ≈ 33.333333333"],
    )


class ReadOver(Output):
    """The KPI, as it was read over some days."""

    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-04-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-05-12"])
    value: DecimalText | None = Field(description="Its value, exactly.", examples=["2260"])
    null_reason: str | None = Field(description="Why there is none.", examples=["missing:clicks"])
    arithmetic: str = Field(description="How it was computed.", examples=["2260 = 2260"])
    facts: str = Field(
        description="Where the facts behind it are listed (scope kpis:read; of a department, role"
        " or cohort people:read as well).",
        examples=["/v1/kpis/clicks/explain?from=2025-04-01&to=2025-05-12&live=true"],
    )


class Week(Output):
    """A week of history, or the change of a level over one."""

    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-05-05"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-05-12"])
    value: DecimalText = Field(description="What it brought.", examples=["57"])


class ForecastSeries(Output):
    """A series of weeks, and how it is carried on."""

    of: str = Field(
        description="value of a sum; change of a level; numerator (of a percentage times 100), "
        "denominator and deviation (numerator - rate × denominator) of a rate.",
        examples=["value"],
    )
    weeks: list[Week] = Field(description="The weeks it was made from, oldest first.")
    steps: list[Step] = Field(
        description="mean, slope; length and center: how many weeks are to come, and how far off; "
        "expected of them; noise: variance around the line; "
        "together and growth: what it is widened by; variance; half_width of the interval."
    )


class ExplainedForecast(Output):
    """How a forecast was made."""

    method: Method = Field(description="How it was made.", examples=["weekly_line"])
    source: str = Field(
        description="Where the formula comes from.",
        examples=["random walk with drift: Hyndman & Athanasopoulos, Forecasting, 3rd ed., 5.2"],
    )
    level: DecimalText = Field(
        description="How often such an interval holds what comes.", examples=["0.8"]
    )
    series: list[ForecastSeries] = Field(description="What was carried on.")
    steps: list[Step] = Field(description="What they make: expected, low and high.")


class GoalExplanation(Trust):
    """A goal's standing, computed before your eyes."""

    goal: StatedGoal = Field(description="The version of the goal.")
    formula: str = Field(description="Formula of its KPI.", examples=["clicks"])
    kpi_version: int = Field(description="Version of the KPI's definition.", examples=[1])
    currency: str | None = Field(description="Currency of amounts of money.", examples=["USD"])
    until: date = Field(
        description="Days before this one count; it does not.", examples=["2025-05-12"]
    )
    actual: ReadOver | None = Field(description="What was reached; null before it begins.")
    baseline: ReadOver | None = Field(description="Where it started; null: a sum starts from 0.")
    steps: list[Step] = Field(
        description="progress, of_target, expected_by_now: those that have a value."
    )
    forecast: ExplainedForecast | None = Field(
        description="How the forecast was made; null where there is none."
    )
