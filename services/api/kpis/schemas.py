"""What the KPI endpoints take and answer."""

from datetime import date
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from services.api.answers import IsPartial, Trust, TrustOfList
from services.api.facts.lines import FactLine
from services.api.model import Cursor, DecimalText, Limit, Output, Page
from services.api.periods import SlicedQuery
from shared.kpis.definitions import Id, NullRule
from shared.kpis.periods import Interval
from shared.kpis.vocabulary import (
    Aggregation,
    Category,
    Dimension,
    Direction,
    Grade,
    Unavailable,
    Unit,
    Worth,
)
from shared.rollups.listed import Combined

__all__ = [
    "Catalogue",
    "ExplainQuery",
    "KpiDefinition",
    "KpiExplanation",
    "MeasureInput",
    "Point",
    "Series",
    "SeriesQuery",
    "UsedAssumption",
    "Value",
    "ValueInterval",
    "Values",
    "ValuesQuery",
]

_Group = Annotated[
    str | None,
    Field(
        description='The group\'s value; of teams, departments, roles and cohorts, "" is of people'
        " who have none. What names no value of the dimension is in no group, but in the whole."
        " Null without `group_by`.",
        examples=["sales"],
    ),
]
#: What the field divides by and the rollups do not; the partners' guide says what to ask instead.
_NOT_KEPT: Final = frozenset({"model", "source"})


def _kept(value: Any) -> Any:
    if value in _NOT_KEPT:
        raise PydanticCustomError(
            "dimension_not_kept",
            "Figures are not divided by this; the partners' guide says what to ask.",
        )
    return value


_GroupBy = Annotated[
    Dimension | None,
    BeforeValidator(_kept),
    Field(description="Divide by this dimension.", examples=["team"]),
]


class Benchmark(Output):
    """What others reached: context with its source, never a target."""

    value: DecimalText = Field(description="The figure.", examples=["30"])
    unit: Unit = Field(description="Its unit.", examples=["percent"])
    currency: str | None = Field(
        description="Currency of an amount, as it was published; null for anything else.",
        examples=["USD"],
    )
    source: str = Field(description="Where it was published.", examples=["practitioners' article"])
    year: int | None = Field(description="The year it was published, if known.", examples=[2020])
    grade: Grade = Field(description="How well it is founded.", examples=["claimed"])
    note: str = Field(description="What to know before comparing.", examples=["a good share"])


class KpiDefinition(Output):
    """Everything about one KPI: enough for a tooltip, and to compute it by hand."""

    id: str = Field(description="Stable id.", examples=["enrollment_rate"])
    name: str = Field(description="Name for people.", examples=["Enrollment rate"])
    description: str = Field(description="What it says.", examples=["Members of all employed."])
    category: Category = Field(description="Chapter of the catalogue.", examples=["AD"])
    worth: Worth = Field(
        description="Whether it leads to decisions or only flatters.", examples=["success"]
    )
    unit: Unit = Field(description="Unit of the value.", examples=["percent"])
    aggregation: Aggregation = Field(
        description="What may be done with several values.", examples=["ratio"]
    )
    formula: str | None = Field(
        description="The formula as it is executed; null if a statement, or nothing, answers it.",
        examples=["enrolled / headcount"],
    )
    statement: str | None = Field(
        description="The statement that answers it, if it has no single number.", examples=["roi"]
    )
    unavailable: Unavailable | None = Field(
        description="Why it never has a number, if so.", examples=["only_bounds_known"]
    )
    version: int = Field(description="Grows when the meaning changes.", examples=[1])
    interval: str | None = Field(
        description="The method of the interval that comes with its values; null if none does.",
        examples=["newcombe"],
    )
    dimensions: list[Dimension] = Field(
        description="What it can be grouped and filtered by.", examples=[["team"]]
    )
    measures: list[str] = Field(
        description="The stored quantities it is made of.", examples=[["enrolled", "headcount"]]
    )
    facts: list[str] = Field(
        description="The kinds of facts it is made of.",
        examples=[["employee.recorded", "member.joined", "member.left"]],
    )
    additive_over: list[str] = Field(
        description="Along what the values of parts make the value of the whole: `time` or a "
        "dimension, where the whole is of what names a value of it. Sums are added, quotients by "
        "their numerators and denominators, and each value is rounded by itself: what is priced or "
        "divided may differ from its added parts in the last digit. Along anything else they are "
        "not to be combined.",
        examples=[["time", "team"]],
    )
    assumptions: list[str] = Field(
        description="The assumptions in its formula, then those that say who is counted.",
        examples=[["gross_margin"]],
    )
    null_rule: NullRule = Field(
        description="When there is no value. A denominator below zero is none either.",
        examples=["missing_input_or_zero_denominator"],
    )
    rounding: int = Field(description="Fraction digits shown.", examples=[2])
    direction: Direction = Field(
        description="Whether more or less of it is better.", examples=["up"]
    )
    benchmarks: list[Benchmark] = Field(description="What others reached.")


class Catalogue(Output):
    """Every KPI."""

    kpis: list[KpiDefinition] = Field(description="The definitions, in catalogue order.")


class SeriesQuery(SlicedQuery):
    """A KPI over time."""

    interval: Interval = Field(
        default=Interval.TOTAL,
        description="How the days are cut: at Mondays, or where calendar months, quarters or years"
        " begin; the first and the last part may be shorter.",
        examples=["month"],
    )
    group_by: _GroupBy = None


class ValuesQuery(SlicedQuery):
    """Several KPIs of one period in one call."""

    ids: list[Id] = Field(
        description="The KPIs; repeat the parameter.",
        min_length=1,
        max_length=50,
        examples=[["shares", "enrollment_rate"]],
    )
    group_by: _GroupBy = None


class ExplainQuery(SlicedQuery):
    """Where a KPI's value comes from."""

    measure: str | None = Field(
        default=None,
        description="List the facts of this input only; all inputs, one after another, if absent.",
        max_length=64,
        examples=["shares"],
    )
    cursor: Cursor = None
    limit: Limit = 50


class ValueInterval(Output):
    """How sure a value is: where the true one lies."""

    method: str = Field(
        description="newcombe: the hybrid score interval of the difference of two proportions,"
        " method 10 of Newcombe (1998), Statist. Med. 17, 873-890.",
        examples=["newcombe"],
    )
    level_percent: DecimalText = Field(
        description="How often such intervals are meant to hold the true value.", examples=["95"]
    )
    low: DecimalText | None = Field(description="Its lower end.", examples=["-2.10"])
    high: DecimalText | None = Field(description="Its upper end.", examples=["14.35"])
    null_reason: str | None = Field(
        description="Why there are no ends: what the value lacks, or `too_few:<cases>`, of which"
        " there are fewer than five.",
        examples=["too_few:leads_advocacy"],
    )


class Value(Output):
    """One value, with what was divided."""

    group: _Group
    value: DecimalText | None = Field(
        description="Rounded as the definition says; null is not zero.", examples=["30.00"]
    )
    numerator: DecimalText | None = Field(
        description="What was divided, for a quotient.", examples=["30"]
    )
    denominator: DecimalText | None = Field(
        description="What it was divided by, for a quotient.", examples=["100"]
    )
    null_reason: str | None = Field(
        description="Why there is no value: `missing:<input>`, `zero_denominator`,"
        " `negative_denominator` (a network took back more than it counted) or"
        " `suppressed:small_group`.",
        examples=["missing:headcount"],
    )
    interval: ValueInterval | None = Field(
        description="How sure the value is, for a KPI whose definition names an `interval`."
    )
    moved: DecimalText | None = Field(
        description="Since the period was published: the live value minus the published one. "
        "Null where nothing is published, and in explanations.",
        examples=["-1500.00"],
    )
    suppressed: bool = Field(
        description="Whether there is a value that is not shown, because it is about too few"
        " people or would give away one that is.",
        examples=[False],
    )
    merged: list[str] = Field(
        description="The groups in this value, if it is that of those too small to be shown"
        " by themselves; else empty.",
        examples=[["it", "management"]],
    )


class Point(Value):
    """The value of one bucket and group."""

    from_: date = Field(
        serialization_alias="from", description="First day of the bucket.", examples=["2025-01-01"]
    )
    to: date = Field(description="The day after its last one.", examples=["2025-02-01"])
    is_partial: bool = Field(
        description="Whether the bucket reaches beyond `complete_until`.", examples=[False]
    )


class _Figure(Output):
    kpi: str = Field(description="The KPI's id.", examples=["enrollment_rate"])
    version: int = Field(description="Version of its definition.", examples=[1])
    formula: str = Field(description="The formula.", examples=["enrolled / headcount"])
    unit: Unit = Field(description="Unit of the values.", examples=["percent"])
    currency: str | None = Field(
        description="Currency of the values, if they are money.", examples=["USD"]
    )


class Series(Trust, _Figure):
    """A KPI over time."""

    interval: Interval = Field(description="How the days were cut.", examples=["month"])
    group_by: Dimension | None = Field(
        description="The dimension it was divided by.", examples=["team"]
    )
    points: list[Point] = Field(description="Ordered by bucket, then group.")


class KpiValues(_Figure):
    """One KPI of one period."""

    values: list[Value] = Field(description="One per group; one in all without `group_by`.")


class Values(Trust):
    """Several KPIs of one period."""

    is_partial: IsPartial
    kpis: list[KpiValues] = Field(description="In the order asked for.")


class MeasureInput(Output):
    """A stored quantity that went into the value."""

    measure: str = Field(description="Its id.", examples=["shares"])
    description: str = Field(
        description="What it counts.", examples=["posts published by advocates"]
    )
    unit: Unit = Field(description="Its unit.", examples=["posts"])
    value: DecimalText | None = Field(
        description="Its value; null if there are no facts of it.", examples=["624"]
    )
    cursor: str | None = Field(
        description="Where its facts begin in the list of all of them, as of the moment of this"
        " answer: give it as `cursor`. Null if they are not listed.",
        examples=["AZ3kT9…"],
    )


class UsedAssumption(Output):
    """A rate that went into the value."""

    key: str = Field(description="Its key.", examples=["emv.cpc"])
    value: DecimalText = Field(description="Its value.", examples=["5"])
    effective_from: date | None = Field(
        description="The first day it holds; null for the product's own default.",
        examples=["2025-01-01"],
    )
    version: int = Field(description="0 is the product's default.", examples=[2])
    source: str = Field(description="Where it comes from.", examples=["paid media team"])
    grade: Grade = Field(description="How well it is founded.", examples=["measured"])


class FactPage(Page):
    """One page of the facts behind one measure."""

    measure: str | None = Field(
        description="The measure these facts add up to; null if nothing is left to list.",
        examples=["shares"],
    )
    total: DecimalText | None = Field(
        description="What the facts of all pages of this measure add up to.", examples=["624"]
    )
    combined: Combined | None = Field(
        description="How the facts make the total: sum, count, most; mean, median or p90 of what "
        "each fact says, the lines of one fact (`position`) added up; median_by_employee of what "
        "the lines of each employee add up to; or a score: evenness by employee, slope by week, "
        "cross_pairs by team.",
        examples=["sum"],
    )
    lines_total: int | None = Field(
        description="How many lines that is, on all pages; null if too many to be counted.",
        examples=[624],
    )
    lines: list[FactLine] = Field(description="The facts of this page.")


class KpiExplanation(TrustOfList, _Figure):
    """Where a value comes from, down to the facts."""

    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-01-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-04-01"])
    is_partial: IsPartial
    value: Value = Field(description="The value that is explained.")
    arithmetic: str = Field(
        description="The computation, step by step.", examples=["30 / 100 = 30 %"]
    )
    inputs: list[MeasureInput] = Field(description="The quantities in the formula, in its order.")
    assumptions: list[UsedAssumption] = Field(
        description="The rates that applied, then what said who is counted."
    )
    facts: FactPage = Field(
        description="The facts behind the inputs: follow `next_cursor` through all of them."
    )
