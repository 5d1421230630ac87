"""What the removal effects answer."""

from datetime import date

from pydantic import Field

from services.api.answers import IsPartial, Trust
from services.api.model import DecimalText, Output
from services.api.roi.queries import BASIS
from services.api.roi.repository import Basis
from shared.kpis.vocabulary import ConversionKind

__all__ = ["ChannelEffect", "RemovalEffects", "Transition"]


class Transition(Output):
    """How often journeys moved from one state to another."""

    state: list[str] = Field(
        description="The last channels, at most `order`; empty at the start.",
        examples=[["employee_advocacy"]],
    )
    to: str = Field(
        description="The next channel, or `(converted)`, or `(lost)`.", examples=["brand"]
    )
    count: int = Field(description="How many moves.", examples=[1])
    of: int = Field(description="Of how many that left the state.", examples=[9])


class ChannelEffect(Output):
    """What would be lost without one channel."""

    channel: str = Field(description="The channel.", examples=["employee_advocacy"])
    without: str = Field(
        description="Probability to convert without it, exact or to twelve digits.",
        examples=["9/68"],
    )
    removal_effect: DecimalText = Field(
        description="1 - without / probability, to twelve digits.", examples=["0.779411764706"]
    )
    share_percent: DecimalText = Field(
        description="Its part of all removal effects.", examples=["45.05"]
    )
    amount: DecimalText | None = Field(
        description="Its part of the value; null where conversions are worth no money.",
        examples=["27030.60"],
    )
    conversions: DecimalText = Field(
        description="Its part of those that converted, up to twelve digits.",
        examples=["2.70306007556"],
    )
    arithmetic: str = Field(description="The computation.", examples=["1 - (9/68) / (3/5) = 53/68"])


class RemovalEffects(Trust):
    """How the model `markov` comes to its figures.

    The transitions are counts over whole journeys, those that led nowhere included; each
    probability is the one to get from the start to `(converted)` when moves into a channel end at
    `(lost)`. Deals are told to be lost. A journey to a lead, an application or a hire led nowhere
    when the window behind its last touch was over and the person had not converted; to a hire only
    those of people who had applied are journeys.
    """

    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-01-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-04-01"])
    is_partial: IsPartial
    basis: Basis = Field(description=BASIS, examples=["cohort"])
    conversion: ConversionKind = Field(description="What the touches led to.", examples=["deal"])
    currency: str = Field(description="Currency of every amount.", examples=["USD"])
    window_days: int = Field(
        description="Look-back window, whole days, both ends included.", examples=[90]
    )
    order: int = Field(description="How many channels back the chain remembers.", examples=[1])
    journeys: int = Field(description="Journeys with a path.", examples=[10])
    converted: int = Field(description="Those that converted: deals won.", examples=[6])
    value: DecimalText | None = Field(
        description="What these are worth; null where conversions are worth no money.",
        examples=["60000.00"],
    )
    probability: str | None = Field(
        description="Probability to convert; null without journeys.", examples=["3/5"]
    )
    error: DecimalText = Field(
        description="How far a probability can be from the exact one; 0: they are exact.",
        examples=["0"],
    )
    transitions: list[Transition] = Field(description="Every move that was made, from the start.")
    channels: list[ChannelEffect] = Field(
        description="The channels; empty while nothing converted."
    )
