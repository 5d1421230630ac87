"""What the goal endpoints take and answer."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.api.answers import Trust
from services.api.assumptions.schemas import RateText
from services.api.model import Cursor, DecimalText, Input, Output, Page
from services.api.periods import LocalDay
from shared.facts.fields import Flag
from shared.kpis.definitions import Id
from shared.kpis.forecast import Method
from shared.kpis.goals import Attainable, Pacing, Reading, Verdict
from shared.kpis.vocabulary import Unit
from shared.text import composed

__all__ = [
    "Goal",
    "GoalAnswer",
    "GoalChange",
    "GoalQuery",
    "GoalVersions",
    "Goals",
    "ListQuery",
    "NewGoal",
    "Standing",
    "StatedGoal",
]

_ID = "0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"
_OBJECTIVE = "Enter the Polish market with ten pilot customers by summer"
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
_Owner = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
_Value = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(composed)]
_Values = Annotated[tuple[_Value, ...], Field(min_length=1, max_length=100)]
#: Not by employee: a goal of one person is a matter between people, and not measured here.
_Dimension = Literal[
    "team",
    "department",
    "role",
    "network",
    "campaign",
    "content",
    "channel",
    "account",
    "hashtag",
    "job",
    "market",
    "language",
    "cohort",
]
_Filters = Annotated[
    Mapping[_Dimension, _Values],
    Field(description="Specific: only this part of the KPI.", examples=[{"team": ["sales"]}]),
]
_Way = Annotated[
    Literal["up", "down"],
    Field(description="Measurable: at least the target, or at most.", examples=["up"]),
]
_Stretch = Annotated[
    Flag,
    Field(
        description="Attainable: keep a target that lies outside the forecast's interval.",
        # True in the example, which no forecast then refuses: nobody knows what of it is in reach.
        examples=[True],
    ),
]
# What is posted as it stands must be taken whenever it is: a due day that has passed would not be.
_BASELINE = Field(description="Time-bound: the first day that counts.", examples=["2060-04-01"])
_DUE = Field(description="Time-bound: the last day that counts.", examples=["2060-06-30"])
_OWNER = Field(description="Relevant: who answers for it.", examples=["head of marketing"])
_SERVES = Field(description="Relevant: the objective it serves.", examples=[_OBJECTIVE])
_TARGET = Field(description="Measurable: the value to reach.", examples=["5000"])


class NewGoal(Input):
    """A goal to be: Specific, Measurable, Attainable, Relevant and Time-bound, or it is refused."""

    kpi: Id = Field(description="Specific: a KPI of the catalogue.", examples=["clicks"])
    filters: _Filters = Field(default={})
    target: RateText = _TARGET
    unit: Unit = Field(description="Measurable: the KPI's unit, stated.", examples=["clicks"])
    direction: _Way
    stretch: _Stretch = False
    owner: _Owner = _OWNER
    objective: _Words = _SERVES
    baseline_on: LocalDay = _BASELINE
    due_on: LocalDay = _DUE


class GoalChange(Input):
    """What of a goal changes; what is not given, or null, stays.

    The KPI stays: another one, another goal.
    """

    filters: _Filters | None = Field(
        default=None, description="Only this part of the KPI.", examples=[{"team": ["sales"]}]
    )
    target: RateText | None = Field(
        default=None, description="The value to reach.", examples=["5500"]
    )
    stretch: Flag | None = Field(
        default=None, description="Keep a target outside the interval.", examples=[True]
    )
    owner: _Owner | None = Field(
        default=None, description="Who answers for it.", examples=["head of sales"]
    )
    objective: _Words | None = Field(
        default=None, description="The objective it serves.", examples=[_OBJECTIVE]
    )
    baseline_on: LocalDay | None = Field(
        default=None, description="The first day that counts.", examples=["2060-04-01"]
    )
    due_on: LocalDay | None = Field(
        default=None, description="The last day that counts.", examples=["2060-07-31"]
    )


class GoalQuery(BaseModel):
    """As of when a goal is asked about."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    as_of: LocalDay | None = Field(
        default=None,
        description=(
            "Answer as at the end of this day, local to the organization: the version of the goal "
            "that counted then, and how it stood by what was known. Default: the present."
        ),
        examples=["2025-05-31"],
    )


class ListQuery(GoalQuery):
    """Goals in use, or archived ones."""

    archived: bool = Field(default=False, description="The archived ones.", examples=[False])
    cursor: Cursor = None
    # A goal's standing takes several reads: a page holds few.
    limit: int = Field(default=10, ge=1, le=20, description="Most goals of a page.", examples=[10])


class StatedGoal(Output):
    """A goal as it was stated in one version."""

    id: UUID = Field(description="Id of the goal.", examples=[_ID])
    version: int = Field(description="Counts its versions from 1.", examples=[2])
    kpi: str = Field(description="The KPI.", examples=["clicks"])
    filters: Mapping[str, tuple[str, ...]] = Field(
        description="The part of it; all of it, if empty.", examples=[{"team": ["sales"]}]
    )
    target: DecimalText = Field(description="The value to reach.", examples=["5000"])
    unit: Unit = Field(description="Its unit.", examples=["clicks"])
    direction: Literal["up", "down"] = Field(
        description="At least the target, or at most.", examples=["up"]
    )
    stretch: bool = Field(
        description="Whether a target outside the interval was wanted.", examples=[False]
    )
    owner: str = Field(description="Who answers for it.", examples=["head of marketing"])
    objective: str = Field(description="The objective it serves.", examples=[_OBJECTIVE])
    baseline_on: date = Field(description="The first day that counts.", examples=["2025-04-01"])
    due_on: date = Field(description="The last day that counts.", examples=["2025-06-30"])
    attainable: Attainable = Field(
        description="Whether the target lay inside the interval when it was stated; unknown: too "
        "little history.",
        examples=["yes"],
    )
    forecast_low: DecimalText | None = Field(
        description="Lower end of that interval.", examples=["4210"]
    )
    forecast_high: DecimalText | None = Field(
        description="Upper end of that interval.", examples=["5630"]
    )
    is_archived: bool = Field(description="Whether it is out of use.", examples=[False])
    recorded_at: datetime = Field(
        description="When this version was stated.", examples=["2025-03-28T09:00:00Z"]
    )
    recorded_by: str = Field(
        description="The API key that stated it (its public part).", examples=["7Ka2bQ9z"]
    )


class Projection(Output):
    """What is expected on the due day, and the interval in which such forecasts end.

    The goal's explanation has the weeks it was made from, every step, and the formula's source.
    """

    expected: DecimalText = Field(description="The middle.", examples=["4920"])
    low: DecimalText = Field(description="Lower end of the interval.", examples=["4210"])
    high: DecimalText = Field(description="Upper end of the interval.", examples=["5630"])
    level: DecimalText = Field(
        description="How often such an interval holds what comes.", examples=["0.8"]
    )
    method: Method = Field(
        description="weekly_line: a least-squares line through the weeks, with the prediction "
        "interval of a sum around it (Draper & Smith, Applied Regression Analysis, ch. 3); "
        "weekly_drift: the mean of weekly changes (Hyndman & Athanasopoulos, Forecasting, 3rd ed., "
        "5.2); rate_of_sums: two lines and what one deviates from the rate (Cochran, Sampling "
        "Techniques, ch. 6).",
        examples=["weekly_line"],
    )
    weeks: int = Field(description="Weeks of history it was made from.", examples=[26])


class Standing(Output):
    """How a goal stands."""

    until: date = Field(
        description="Days before this one count; it does not.", examples=["2025-05-12"]
    )
    reading: Reading = Field(
        description="sum: what its days brought; rate: the quotient of its days; level: the last "
        "seven days.",
        examples=["sum"],
    )
    actual: DecimalText | None = Field(description="What was reached.", examples=["2260"])
    null_reason: str | None = Field(
        description="Why there is no actual value.", examples=["not_started"]
    )
    baseline: DecimalText | None = Field(
        description="Where it started: 0 for a sum; before a rate or a level begins, where it is.",
        examples=["0"],
    )
    progress: DecimalText | None = Field(
        description="Part of the way from baseline to target, in percent.", examples=["45.2"]
    )
    of_target: DecimalText | None = Field(
        description="Actual, of the target, in percent (`goal_progress`).", examples=["45.2"]
    )
    expected_by_now: DecimalText | None = Field(
        description="Where it should be by now.", examples=["2307.69"]
    )
    pacing: Pacing = Field(description="On what kind of way.", examples=["weekdays"])
    forecast: Projection | None = Field(
        description="What is expected on the due day (`goal_forecast`); null with too little "
        "history, where nothing is known of what came so far, and when the due day is over."
    )
    attainable: Attainable = Field(
        description="Whether the target lies inside the interval now.", examples=["yes"]
    )
    verdict: Verdict = Field(description="How it stands.", examples=["at_risk"])


class Goal(StatedGoal):
    """A goal and how it stands."""

    currency: str | None = Field(description="Currency of a target of money.", examples=["USD"])
    standing: Standing = Field(description="How it stands.")


class GoalAnswer(Goal, Trust):
    """One goal, and as of when it stands so."""


class Goals(Page, Trust):
    """Goals, the newest first."""

    goals: list[Goal] = Field(description="This page's goals.")


class GoalVersions(Page):
    """How a goal came to be what it is."""

    versions: list[StatedGoal] = Field(description="This page's versions, the last one first.")
