"""Facts about what is said and thought: mentions, surveys, who an audience is."""

from typing import Literal, Self

from pydantic import Field, model_validator

from shared.facts.envelope import Fact
from shared.facts.fields import Amount, Count, Flag, Instant, Ref, Respondents, Slug
from shared.facts.shapes import DailyTotal
from shared.kpis.vocabulary import Generation

__all__ = ["DemographicsRecorded", "MentionRecorded", "SurveyRecorded"]

_GENERATIONS = tuple(Generation)


class MentionRecorded(Fact):
    """Somebody outside talked about a brand, or about an employee as an expert."""

    subject_field = "mention"
    kind: Literal["mention.recorded"] = Field(
        default="mention.recorded", description="Kind of fact.", examples=["mention.recorded"]
    )
    mention: Ref = Field(description="The source's id of the mention.", examples=["m-1001"])
    brand: Literal["own", "competitor"] = Field(
        default="own", description="Whose brand was named.", examples=["own"]
    )
    sentiment: Literal["positive", "neutral", "negative"] | None = Field(
        default=None, description="Its mood, if judged.", examples=["positive"]
    )
    answered_at: Instant | None = Field(
        default=None,
        description="When the company first answered.",
        examples=["2025-03-01T11:30:00Z"],
    )
    market: Slug | None = Field(default=None, description="Its market.", examples=["de"])
    language: Slug | None = Field(default=None, description="Its language.", examples=["de"])

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.answered_at is not None and self.answered_at < self.occurred_at:
            raise ValueError("a mention is answered after it was made")
        return self


class SurveyRecorded(Fact):
    """What a group answered to one question, added up by the source: never a person's answer.

    Fewer than five respondents are refused; a smaller team is reported with another one.
    """

    kind: Literal["survey.recorded"] = Field(
        default="survey.recorded", description="Kind of fact.", examples=["survey.recorded"]
    )
    topic: Literal[
        "engagement",
        "enps",
        "stress",
        "competence",
        "customer_nps",
        "brand_trust",
        "employer_brand_awareness",
        "brand_perception",
        "cohesion",
        "morale",
        "retention_intent",
    ] = Field(description="What was asked about.", examples=["engagement"])
    respondents: Respondents = Field(description="How many answered, at least 5.", examples=[42])
    positive: Count | None = Field(
        default=None,
        description="Promoters, the engaged, or who said yes.",
        examples=[30],
    )
    negative: Count | None = Field(
        default=None,
        description="Detractors, the actively disengaged, or who said no.",
        examples=[4],
    )
    score_sum: Amount | None = Field(
        default=None, description="Sum of all scores, on the question's scale.", examples=["3276"]
    )
    team: Ref | None = Field(default=None, description="The team that was asked.", examples=["IT"])
    department: Ref | None = Field(
        default=None, description="The department that was asked.", examples=["Commercial"]
    )
    role: Ref | None = Field(
        default=None, description="The role that was asked.", examples=["leader"]
    )
    market: Slug | None = Field(default=None, description="Its market.", examples=["de"])

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if (self.positive or 0) + (self.negative or 0) > self.respondents:
            raise ValueError("more answers than respondents")
        if self.positive is None and self.negative is None and self.score_sum is None:
            raise ValueError("give positive, negative or score_sum")
        return self


class DemographicsRecorded(DailyTotal):
    """Views of one day by people of one segment of one facet, as the network sums them."""

    kind: Literal["demographics.recorded"] = Field(
        default="demographics.recorded",
        description="Kind of fact.",
        examples=["demographics.recorded"],
    )
    facet: Literal["company", "title", "city", "generation"] = Field(
        description="What the audience is divided by.", examples=["title"]
    )
    segment: Ref = Field(
        description="The part; of generations: silent, boomers, gen_x, millennials, gen_z.",
        examples=["purchasing"],
    )
    impressions: Count = Field(description="Views by these people.", examples=[120])
    is_target: Flag = Field(
        default=False, description="Whether the company wants to reach them.", examples=[True]
    )

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        # The views of each generation are a measure: another spelling would be one of its own.
        if self.facet == "generation" and self.segment not in _GENERATIONS:
            raise ValueError(f"the segment of a generation is one of {', '.join(_GENERATIONS)}")
        return self
