"""All attribution models at once: what each credits, what it makes of the ROI, where they part."""

from decimal import Decimal

from services.api.dependencies import Access
from services.api.model import money
from services.api.roi.inputs import Inputs, common_fields, read_inputs
from services.api.roi.queries import ModelsQuery
from services.api.roi.returns import break_evens, return_of
from services.api.roi.schemas import ChannelCredit, ModelResult, RoiComparison, Spread
from shared.kpis.expressions import rounded
from shared.kpis.roi import ModelComparison, ModelRoi, compare_models
from shared.kpis.vocabulary import AttributionModel

__all__ = ["compare", "ranked"]

_PERCENT_DIGITS = 2


async def compare(access: Access, query: ModelsQuery) -> RoiComparison:
    """Return every model's credit and ROI, the spread, and what depends on the model."""
    inputs = await read_inputs(access, query)
    digits = inputs.digits
    channels = {model: ranked(_by_channel(inputs, model)) for model in AttributionModel}
    compared = _compared(inputs)
    return RoiComparison(
        **common_fields(inputs),
        models=[_result(model, channels, digits) for model in compared.models],
        spread=_spreads(compared),
        break_even=break_evens(compared.break_evens, digits),
        sign_depends_on_model=compared.sign_depends_on_model,
        ranking_depends_on_model=len({_order(credits) for credits in channels.values()}) > 1,
    )


def _compared(inputs: Inputs) -> ModelComparison:
    # Without any deal there is nothing to compare: a model would be given a zero that is a null.
    models = [] if inputs.revenue is None else list(AttributionModel)
    return compare_models(
        {model: inputs.credited(model) or Decimal(0) for model in models},
        total_revenue=inputs.revenue or Decimal(0),
        gross_margin=inputs.gross_margin,
        recruiting=inputs.recruiting,
        cost=inputs.cost.total,
    )


def _by_channel(inputs: Inputs, model: AttributionModel) -> dict[str, Decimal]:
    channels = {credit.channel for credit in inputs.credits}
    amounts = dict.fromkeys(sorted(channels), Decimal(0))
    amounts |= {c.channel: c.amount for c in inputs.credits if c.model == model}
    return {channel: money(amount, inputs.digits) for channel, amount in amounts.items()}


def ranked(amounts: dict[str, Decimal]) -> list[ChannelCredit]:
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
    model: ModelRoi, channels: dict[AttributionModel, list[ChannelCredit]], digits: int
) -> ModelResult:
    credits = channels[AttributionModel(model.model)]
    return ModelResult(
        model=AttributionModel(model.model),
        total=sum((credit.amount for credit in credits), Decimal(0)),
        channels=credits,
        credited_revenue=model.revenue,
        share_percent=None
        if model.share_percent is None
        else rounded(model.share_percent, _PERCENT_DIGITS),
        roi_on_revenue=return_of(model.on_revenue, digits),
        roi_on_margin=return_of(model.on_margin, digits),
        roi_cash=return_of(model.cash, digits),
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
