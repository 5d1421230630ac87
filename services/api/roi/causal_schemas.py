"""What the endpoints about cause and baseline take and answer."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.api.answers import IsPartial, Trust
from services.api.model import DecimalText, Name, Output
from services.api.periods import KnownQuery, LocalDay
from shared.kpis.definitions import Id
from shared.kpis.incrementality import PreTrend
from shared.kpis.vocabulary import Unit
from shared.text import composed

__all__ = [
    "BaselineAnswer",
    "BaselineQuery",
    "ComparedFigure",
    "EstimateOut",
    "IncrementalityAnswer",
    "IncrementalityQuery",
    "LeftOut",
    "Origin",
    "ReachedOut",
    "RelativeWeek",
    "StartedTeam",
]

_ROLLOUT: Final = re.compile(r"(?P<team>.{1,128})=(?P<day>\d{4}-\d{2}-\d{2})", re.ASCII | re.DOTALL)


def _rollout(text: str) -> str:
    found = _ROLLOUT.fullmatch(text)
    if found is None or not _is_day(found["day"]):
        raise PydanticCustomError("rollout_form", "A roll-out is written as team=YYYY-MM-DD.")
    return composed(text)


def _one_start_each(texts: list[str]) -> list[str]:
    teams = [text.rpartition("=")[0] for text in texts]
    if len(set(teams)) < len(teams):
        raise PydanticCustomError("rollout_twice", "A team starts once.")
    return texts


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


class IncrementalityQuery(KnownQuery):
    """What the program changed in a figure of teams."""

    metric: Id = Field(
        description="The KPI, which teams must carry. One that adds up is taken per employee.",
        examples=["shares"],
    )
    team: list[Name] = Field(
        default=[],
        max_length=500,
        description="Only these teams; all if absent.",
        examples=[["sales", "support"]],
    )
    rollout: Annotated[
        list[Annotated[str, AfterValidator(_rollout)]], AfterValidator(_one_start_each)
    ] = Field(
        default=[],
        max_length=500,
        description="When a team started, as `team=YYYY-MM-DD`; repeat the parameter, once a team."
        " A team that is not named started on the first day on which one of its staff was a member"
        " of the program: who joins there, and who comes as a member from another team.",
        examples=[["sales=2025-02-03"]],
    )

    @property
    def stated(self) -> dict[str, date]:
        """Return the starts that were stated, by team."""
        pairs = (text.rpartition("=") for text in self.rollout)
        return {team: date.fromisoformat(day) for team, _, day in pairs}


class Origin(StrEnum):
    """Where a team's start comes from: `first_join` is the first day with a member on its staff."""

    STATED = "stated"
    FIRST_JOIN = "first_join"
    NONE = "none"


class StartedTeam(Output):
    """A team of the comparison."""

    team: str = Field(description="The team.", examples=["sales"])
    started_on: date | None = Field(
        description="The first day of the program there; null: not in the period.",
        examples=["2025-02-03"],
    )
    origin: Origin = Field(description="Where this day comes from.", examples=["first_join"])


class LeftOut(Output):
    """A team that cannot be compared."""

    team: str = Field(description="The team.", examples=["board"])
    reason: Literal["small_group", "started_before", "missing_weeks", "no_staff"] = Field(
        description="`small_group`, `started_before` (no week before its start is known),"
        " `missing_weeks`, or `no_staff` (it is asked about by name, and nobody is in it).",
        examples=["small_group"],
    )


class EstimateOut(Output):
    """An estimate with its uncertainty over teams."""

    value: DecimalText = Field(description="The estimate.", examples=["1.84"])
    standard_error: DecimalText = Field(
        description="Its standard error: jackknife over teams.", examples=["0.41"]
    )
    degrees_of_freedom: int = Field(
        description="How sure that error is: interval and p-value are those of Student's t with so"
        " many degrees of freedom (Satterthwaite, rounded down). Few where few teams started, or"
        " few waited.",
        examples=[9],
    )
    low: DecimalText = Field(description="Lower end of the 95 % interval.", examples=["0.91"])
    high: DecimalText = Field(description="Upper end of the 95 % interval.", examples=["2.77"])
    p_value: DecimalText = Field(
        description="How likely a value as far from 0, or farther, is if there is no effect.",
        examples=["0.0015"],
    )


class RelativeWeek(Output):
    """The effect so many weeks after the start, over the teams that have come so far."""

    weeks_since_start: int = Field(description="0 is the week of the start.", examples=[4])
    effect: DecimalText = Field(description="The mean effect.", examples=["2.1"])
    teams: int = Field(description="Teams it is made of.", examples=[6])


class IncrementalityAnswer(Trust):
    """What the program changed, against teams that had not started yet."""

    from_: date = Field(
        serialization_alias="from", description="First day compared.", examples=["2025-01-06"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-06-30"])
    is_partial: IsPartial
    metric: str = Field(description="The KPI.", examples=["shares"])
    unit: Unit = Field(description="Its unit.", examples=["posts"])
    currency: str | None = Field(description="Currency of amounts of money.", examples=["USD"])
    per_employee: bool = Field(
        description="Whether the figure is divided by the team's staff, so that its size does not"
        " matter.",
        examples=[True],
    )
    weeks: int = Field(description="Whole ISO weeks compared.", examples=[25])
    method: str = Field(description="The method.", examples=["group_time_not_yet_treated"])
    effect: EstimateOut | None = Field(
        description="Change a team and week that the program caused; null with a reason."
    )
    pre_trend: EstimateOut | None = Field(
        description="Slope a week of the difference before the start: should be none."
    )
    verdict: PreTrend | None = Field(
        description="failed: teams were on their way already, do not use the effect; passed: no"
        " sign of it, which is no proof.",
        examples=["passed"],
    )
    placebo: EstimateOut | None = Field(
        description="The effect of starts pretended to be earlier: should be none."
    )
    by_week: list[RelativeWeek] = Field(description="The effect as it develops.")
    teams: list[StartedTeam] = Field(description="The teams compared.")
    left_out: list[LeftOut] = Field(description="Teams that were not, and why.")
    null_reason: str | None = Field(
        description="Why there is no estimate.", examples=["too_few_teams"]
    )


class ComparedFigure(StrEnum):
    """A figure that advocates and the brand's accounts both have."""

    IMPRESSIONS = "impressions"
    REACTIONS = "reactions"
    COMMENTS = "comments"
    RESHARES = "reshares"
    NETWORK_CLICKS = "network_clicks"


class BaselineQuery(KnownQuery):
    """Advocates against the brand, now and before."""

    metric: ComparedFigure = Field(
        default=ComparedFigure.IMPRESSIONS,
        description="What is compared.",
        examples=["impressions"],
    )
    baseline_from: LocalDay = Field(
        description="First day of the time before the program.", examples=["2024-10-01"]
    )
    baseline_to: LocalDay = Field(
        description="The day after its last one.", examples=["2025-01-01"]
    )


class ReachedOut(Output):
    """What both reached in a period."""

    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-01-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-04-01"])
    advocacy: DecimalText | None = Field(
        description="Of advocates' posts; null if there are no facts.", examples=["124800"]
    )
    brand: DecimalText | None = Field(
        description="Of the brand's posts; null if there are no facts.", examples=["195000"]
    )


class BaselineAnswer(Trust):
    """What advocates reached beyond what they would have reached without the program."""

    metric: ComparedFigure = Field(description="What is compared.", examples=["impressions"])
    before: ReachedOut = Field(description="Before the program.")
    now: ReachedOut = Field(description="In the period asked about.")
    is_partial: IsPartial
    expected: DecimalText | None = Field(
        description="Of advocates without the program: what they had, grown as the brand's has.",
        examples=["0"],
    )
    incremental: DecimalText | None = Field(
        description="Beyond it; null with a reason.", examples=["124800"]
    )
    amplification: DecimalText | None = Field(
        description="Advocates' for each of the brand's.", examples=["0.64"]
    )
    null_reason: str | None = Field(
        description="Why there is no comparison.", examples=["missing:impressions_brand"]
    )
