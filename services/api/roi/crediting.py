"""Credit under every model, with the parameters a caller chose.

What the rollups keep is taken as stored. Another window, another half-life and the removal effect
are computed from the journeys of the period by the functions the fold uses.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from services.api.dependencies import Access
from services.api.roi.inputs import Inputs
from services.api.roi.journeys import Paths, Scope, channel_parts, journeys, paths
from services.api.roi.queries import ComparisonQuery, MarkovQuery
from services.api.roi.recomputed import counted_paths, credited_anew, linear_parts
from services.api.roi.repository import Credits, StoredWith, stored_with
from services.api.roi.schemas import Notice
from shared.attribution.markov import chain_of, removal_effects
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
        "No deal was won before the end of the period: there is no sales cycle to measure, and the"
        " model `time_decay` keeps the organization's half-life."
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
    """What every model credits, and with which parameters; no revenue: there are no deals."""

    credits: dict[Model, list[Credits]]
    revenue: Decimal | None
    window_days: int
    half_life: HalfLife
    notices: tuple[Notice, ...]


async def credit_by_models(access: Access, inputs: Inputs, query: ComparisonQuery) -> Crediting:
    """Return the credit of every model for a period."""
    kept = await stored_with(access.connection, access.org.id, inputs.generation)
    half_life, notices = await _half_life(access, query, kept)
    scope = scope_of(access, inputs.generation, query, kept)
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
    return Crediting(by_model, revenue, scope.window_days, half_life, notices)


def scope_of(
    access: Access, generation: int, query: ComparisonQuery | MarkovQuery, kept: StoredWith
) -> Scope:
    """Return the journeys that a query asks about."""
    window = kept.window_days if query.window_days is None else query.window_days
    return Scope(access.org.id, generation, query.basis, query.period, window)


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
    """Return the credit by removal effect of the touches asked about; none while nothing is won."""
    effects = removal_effects(chain_of(counted.counts, order=order))
    if effects is None:
        return []
    amounts = amounts_of_channels(effects, counted.value, exponent=exponent)
    return [
        Credits(GlobalModel.MARKOV, part.channel, part.group, amount, part.share)
        for part, amount in amounts_of_parts(amounts, parts, exponent=exponent)
        if part.is_asked
    ]
