"""All attribution models at once: what each credits, what it makes of the ROI, where they part."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from services.api.dependencies import Access
from services.api.evaluation import MOST_POINTS, too_many
from services.api.model import exact
from services.api.roi.crediting import Crediting, Model, credit_by_models
from services.api.roi.groups import group_credits, may_be_shown
from services.api.roi.inputs import Inputs, common_fields, read_inputs
from services.api.roi.moves import move_of, told_on_both_sides
from services.api.roi.queries import ComparisonQuery
from services.api.roi.returns import break_evens, return_of
from services.api.roi.schemas import (
    ChannelCredit,
    ModelParameters,
    ModelResult,
    RoiComparison,
    Spread,
)
from shared.kpis.expressions import rounded
from shared.kpis.privacy import Disclosure
from shared.kpis.roi import ModelComparison, ModelRoi, compare_models
from shared.kpis.vocabulary import AttributionModel, GlobalModel
from shared.money import round_money

__all__ = ["compare", "ranked"]

_PERCENT_DIGITS = 2


async def compare(access: Access, query: ComparisonQuery) -> RoiComparison:
    """Return every model's credit and ROI, the spread, and what depends on the model.

    Raises:
        InsufficientScope: credit would be divided by employee, and the caller may not see people.
        Invalid: it would be divided into more groups than an answer may hold (``cost_limit``).
    """
    here, sides = await told_on_both_sides(access, query, lambda: _told(access, query))
    if sides is None:
        return here
    live, published = (_by_model(side) for side in sides)
    nothing = (None, None, None)
    models = [
        result.model_copy(
            update={
                "moved": move_of(
                    live.get(result.model, nothing), published.get(result.model, nothing)
                )
            }
        )
        for result in here.models
    ]
    return here.model_copy(update={"models": models})


def _by_model(
    told: RoiComparison,
) -> dict[str, tuple[Decimal | None, Decimal | None, Decimal | None]]:
    return {
        result.model: (result.credited_revenue, told.cost.total, result.roi_cash.percent)
        for result in told.models
    }


async def _told(access: Access, query: ComparisonQuery) -> RoiComparison:
    """Return the comparison in the transaction's time."""
    inputs = await read_inputs(
        access, query, recruiting_by=query.recruiting_method, group_by=query.group_by
    )
    shown = await may_be_shown(access, query, inputs.freshness)
    crediting = await credit_by_models(access, inputs, query)
    _refuse_too_many(crediting)
    digits = inputs.digits
    channels = _by_channel(crediting, digits)
    compared = _compared(inputs, crediting)
    said = common_fields(inputs)
    said["total_revenue"] = crediting.revenue
    said["notices"] = [*inputs.notices, *crediting.notices]
    return RoiComparison(
        **said,
        window_days=crediting.window_days,
        models=[
            _result(model, crediting, channels, query, shown, digits) for model in compared.models
        ],
        spread=_spreads(compared),
        break_even=break_evens(compared.break_evens, digits),
        sign_depends_on_model=compared.sign_depends_on_model,
        ranking_depends_on_model=len({_order(credits) for credits in channels.values()}) > 1,
    )


def _refuse_too_many(crediting: Crediting) -> None:
    points = sum(len({credit.group for credit in of}) for of in crediting.credits.values())
    if points > MOST_POINTS:
        raise too_many(points)


def _compared(inputs: Inputs, crediting: Crediting) -> ModelComparison:
    # Without any deal there is nothing to compare: a model would be given a zero that is a null.
    credits = {} if crediting.revenue is None else crediting.credits
    channel = inputs.query.channel
    return compare_models(
        {
            model: round_money(_sum(c.amount for c in of if c.channel == channel), inputs.digits)
            for model, of in credits.items()
        },
        total_revenue=crediting.revenue or Decimal(0),
        gross_margin=inputs.gross_margin,
        recruiting=inputs.recruiting,
        cost=inputs.cost.total,
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _by_channel(crediting: Crediting, digits: int) -> dict[Model, list[ChannelCredit]]:
    channels = sorted({credit.channel for of in crediting.credits.values() for credit in of})
    return {
        model: ranked(
            {
                channel: round_money(_sum(c.amount for c in of if c.channel == channel), digits)
                for channel in channels
            }
        )
        for model, of in crediting.credits.items()
    }


def ranked(amounts: Mapping[str, Decimal]) -> list[ChannelCredit]:
    """Return channels by credit, the largest first; equal credits share a rank."""
    ordered = sorted(amounts.items(), key=lambda item: (-item[1], item[0]))
    return [
        ChannelCredit(
            channel=channel,
            amount=amount,
            rank=1 + sum(other > amount for other in amounts.values()),
        )
        for channel, amount in ordered
    ]


def _order(credits: list[ChannelCredit]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((credit.channel, credit.rank) for credit in credits))


def _result(
    roi: ModelRoi,
    crediting: Crediting,
    channels: Mapping[Model, list[ChannelCredit]],
    query: ComparisonQuery,
    shown: Disclosure,
    digits: int,
) -> ModelResult:
    model = next(model for model in crediting.credits if model == roi.model)
    credits = channels[model]
    return ModelResult(
        model=model,
        parameters=_parameters(model, crediting, query),
        total=_sum(credit.amount for credit in credits),
        channels=credits,
        groups=group_credits(crediting.credits[model], digits, shown) if query.group_by else None,
        credited_revenue=roi.revenue,
        moved=None,
        share_percent=None
        if roi.share_percent is None
        else rounded(roi.share_percent, _PERCENT_DIGITS),
        roi_on_revenue=return_of(roi.on_revenue, digits),
        roi_on_margin=return_of(roi.on_margin, digits),
        roi_cash=return_of(roi.cash, digits),
    )


def _parameters(model: Model, crediting: Crediting, query: ComparisonQuery) -> ModelParameters:
    is_decay = model is AttributionModel.TIME_DECAY
    return ModelParameters(
        half_life_days=exact(crediting.half_life.days) if is_decay else None,
        half_life_source=crediting.half_life.source if is_decay else None,
        half_life_deals=crediting.half_life.deals if is_decay else None,
        order=query.order if model is GlobalModel.MARKOV else None,
        game="sum" if model is AttributionModel.SHAPLEY else None,
    )


def _spreads(compared: ModelComparison) -> list[Spread]:
    return [
        Spread(
            form=form,
            lowest=rounded(spread.lowest, _PERCENT_DIGITS),
            highest=rounded(spread.highest, _PERCENT_DIGITS),
            points=rounded(spread.points, _PERCENT_DIGITS),
            sign_depends_on_model=spread.sign_depends_on_model,
        )
        for form, spread in compared.spreads.items()
        if spread is not None
    ]
