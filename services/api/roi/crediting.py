"""Credit under every model, with the parameters a caller chose.

What the rollups keep is taken as stored. Another window, another half-life and the removal effect
are computed from the journeys of the period by the functions the fold uses.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from services.api.dependencies import Access
from services.api.freshness import answer_day
from services.api.roi.inputs import Inputs
from services.api.roi.journeys import Paths, Scope, channel_parts, journeys, paths
from services.api.roi.queries import ComparisonQuery, MarkovQuery
from services.api.roi.recomputed import counted_paths, credited_anew, linear_parts
from services.api.roi.repository import Credits, StoredWith, stored_with
from services.api.roi.schemas import Notice
from shared.attribution import SHARE_DIGITS
from shared.attribution.markov import RemovalEffects, chain_of, removal_effects
from shared.attribution.sharing import ChannelPart, amounts_of_channels, amounts_of_parts
from shared.kpis.expressions import exact_text
from shared.kpis.vocabulary import AttributionModel, GlobalModel
from shared.money import round_money
from shared.orgs import HalfLifeSource
from shared.rollups.cycle import measure_cycle
from shared.rollups.read import live_generation

__all__ = ["Crediting", "Model", "credit_by_models", "scope_of"]

Model = AttributionModel | GlobalModel

_NOT_MEASURED: Final = Notice(
    code="half_life_not_measured",
    message=(
        "No deal that came of a lead was won before the end of the period: there is no sales cycle"
        " to measure, and the model `time_decay` keeps the organization's half-life."
    ),
)


@dataclass(frozen=True, slots=True)
class HalfLife:
    """A half-life in days, who chose it, and the won deals it was measured from, if it was."""

    days: Decimal
    source: HalfLifeSource | Literal["asked"]
    deals: int | None = None


@dataclass(frozen=True, slots=True)
class Crediting:
    """What every model credits, and with which parameters.

    ``revenue`` is what the deals are worth, ``conversions`` how many there are: None without any
    ever told. Other conversions than deals have no revenue.
    """

    credits: dict[Model, list[Credits]]
    revenue: Decimal | None
    conversions: int | None
    window_days: int
    half_life: HalfLife
    notices: tuple[Notice, ...]


async def credit_by_models(access: Access, inputs: Inputs, query: ComparisonQuery) -> Crediting:
    """Return the credit of every model for a period."""
    kept = await stored_with(access.connection, access.org.id, inputs.generation)
    half_life, notices = await _half_life(access, query, kept)
    today = answer_day(inputs.org, inputs.freshness)
    scope = scope_of(access, inputs.generation, query, kept, today=today)
    anew: tuple[AttributionModel, ...] = ()
    if scope.window_days != kept.window_days:
        anew = tuple(AttributionModel)
    elif half_life.days != kept.half_life_days:
        anew = (AttributionModel.TIME_DECAY,)
    found = await journeys(access.connection, scope, query.group_by) if anew else []
    # Pure arithmetic, a second of it for a large period: other requests must not wait for it.
    credits = await asyncio.to_thread(
        credited_anew, found, scope, anew, half_life_days=half_life.days, exponent=inputs.digits
    )
    credits += [credit for credit in inputs.credits if credit.model not in anew]
    revenue = inputs.revenue
    if scope.window_days == kept.window_days:
        counted = await paths(access.connection, scope)
        parts = await channel_parts(access.connection, scope, query.group_by)
    else:
        counted = counted_paths(found)
        parts = await asyncio.to_thread(linear_parts, found, scope, exponent=inputs.digits)
        revenue = None if revenue is None else round_money(counted.value, inputs.digits)
    by_model: dict[Model, list[Credits]] = {
        model: [credit for credit in credits if credit.model == model] for model in AttributionModel
    }
    by_model[GlobalModel.MARKOV] = await asyncio.to_thread(
        _markov_credits, counted, parts, order=query.order, exponent=inputs.digits
    )
    conversions = counted.converted if inputs.is_told else None
    return Crediting(by_model, revenue, conversions, scope.window_days, half_life, notices)


def scope_of(
    access: Access,
    generation: int,
    query: ComparisonQuery | MarkovQuery,
    kept: StoredWith,
    *,
    today: date,
) -> Scope:
    """Return the journeys that a query asks about."""
    window = kept.window_days if query.window_days is None else query.window_days
    return Scope(
        access.org.id, generation, query.conversion, query.basis, query.period, window, today
    )


async def _half_life(
    access: Access, query: ComparisonQuery, kept: StoredWith
) -> tuple[HalfLife, tuple[Notice, ...]]:
    """Return the half-life, and what there is to say of it."""
    stored = HalfLife(
        Decimal(kept.half_life_days), HalfLifeSource(kept.half_life_source), kept.half_life_deals
    )
    if query.half_life_days is None:
        return stored, ()
    if query.half_life_days != "measured":
        return HalfLife(query.half_life_days, "asked"), ()
    generation = await live_generation(access.connection, access.org.id)
    cycle = await measure_cycle(access.connection, access.org.id, generation, query.to)
    if cycle is None:
        return stored, (_NOT_MEASURED,)
    days = Decimal(exact_text(cycle.half_life_days))
    return HalfLife(days, HalfLifeSource.MEASURED, cycle.deals), ()


def _markov_credits(
    counted: Paths, parts: Sequence[ChannelPart], *, order: int, exponent: int
) -> list[Credits]:
    """Return the credit by removal effect of the touches asked about; none without conversions.

    Money and conversions are divided by the same effects, each on its own: a deal counts as one,
    whatever it is worth.
    """
    effects = removal_effects(chain_of(counted.counts, order=order))
    if effects is None:
        return []
    money = _divided(effects, counted.value, parts, exponent=exponent)
    shares = [part._replace(amount=part.share) for part in parts]
    deals = _divided(effects, Decimal(counted.converted), shares, exponent=SHARE_DIGITS)
    nothing = Decimal(0)
    return [
        Credits(GlobalModel.MARKOV, *place, money.get(place, nothing), deals.get(place, nothing))
        for place in sorted(money.keys() | deals.keys())
    ]


def _divided(
    effects: RemovalEffects, value: Decimal, parts: Sequence[ChannelPart], *, exponent: int
) -> dict[tuple[str, str], Decimal]:
    """Return (channel, group) → its part of a value, of the touches asked about."""
    amounts = amounts_of_channels(effects, value, exponent=exponent)
    return {
        (part.channel, part.group): amount
        for part, amount in amounts_of_parts(amounts, parts, exponent=exponent)
        if part.is_asked
    }
