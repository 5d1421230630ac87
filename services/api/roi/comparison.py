"""All attribution models at once: what each credits, what it makes of the ROI, where they part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from services.api.dependencies import Access
from services.api.evaluation import MOST_POINTS, too_many
from services.api.model import exact
from services.api.privacy import require_people
from services.api.roi.comparison_schemas import (
    ChannelCredit,
    ModelParameters,
    ModelResult,
    RoiComparison,
    ShareSpread,
    Spread,
)
from services.api.roi.crediting import Crediting, Model, credit_by_models
from services.api.roi.groups import Earned, earned, group_credits, may_be_shown
from services.api.roi.inputs import Inputs, common_fields, read_inputs
from services.api.roi.moves import Moving, move_of, told_on_both_sides
from services.api.roi.queries import ComparisonQuery
from services.api.roi.returns import break_evens, return_of
from shared.kpis.expressions import rounded
from shared.kpis.privacy import Disclosure
from shared.kpis.roi import ModelComparison, ModelRoi, compare_models, part_percent
from shared.kpis.vocabulary import AttributionModel, ConversionKind, GlobalModel

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
    nothing = Moving()
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


def _by_model(told: RoiComparison) -> dict[str, Moving]:
    return {
        result.model: Moving(
            result.credited_revenue,
            result.credited_conversions,
            told.cost.total,
            result.roi_cash.percent,
        )
        for result in told.models
    }


async def _told(access: Access, query: ComparisonQuery) -> RoiComparison:
    """Return the comparison in the transaction's time."""
    require_people(access, {}, query.group_by)
    inputs = await read_inputs(
        access,
        query,
        kind=query.conversion,
        recruiting_by=query.recruiting_method,
        group_by=query.group_by,
    )
    crediting = await credit_by_models(access, inputs, query)
    _refuse_too_many(crediting)
    shown = await may_be_shown(access, query, crediting.window_days, inputs.freshness)
    compared = _compare(inputs, crediting, query)
    channels = _by_channel(crediting, compared.digits)
    shares = list(compared.shares.values())
    said = common_fields(inputs)
    said["total_revenue"] = crediting.revenue
    said["notices"] = [*inputs.notices, *crediting.notices]
    even = {} if compared.digits is None else compared.returns.break_evens
    return RoiComparison(
        **said,
        conversion=query.conversion,
        total_conversions=crediting.conversions,
        window_days=crediting.window_days,
        models=[
            _result(compared, roi, model, channels[model], shown)
            for model, roi in zip(compared.mine, compared.returns.models, strict=True)
        ],
        spread=_spreads(compared.returns),
        share_spread=_share_spread(shares),
        break_even=break_evens(even, inputs.digits),
        sign_depends_on_model=compared.returns.sign_depends_on_model,
        ranking_depends_on_model=len({_order(credits) for credits in channels.values()}) > 1,
    )


def _refuse_too_many(crediting: Crediting) -> None:
    points = sum(len({credit.group for credit in of}) for of in crediting.credits.values())
    if points > MOST_POINTS:
        raise too_many(points)


@dataclass(frozen=True, slots=True)
class _Compared:
    """What every model credits to the asked channel, and what that makes of the return.

    ``mine`` is empty where no such conversion was ever told: a model would say 0, which is no null.
    ``digits`` are the currency's minor digits, None where conversions are worth no money.
    """

    query: ComparisonQuery
    crediting: Crediting
    mine: Mapping[Model, Earned]
    returns: ModelComparison
    digits: int | None

    @property
    def shares(self) -> dict[Model, Fraction | None]:
        """Return the channel's part in percent: of the money, where there is any."""
        if self.digits is not None:
            models = zip(self.mine, self.returns.models, strict=True)
            return {model: roi.share_percent for model, roi in models}
        whole = Fraction(self.crediting.conversions or 0)
        return {
            model: part_percent(Fraction(mine.conversions), whole)
            for model, mine in self.mine.items()
        }


def _compare(inputs: Inputs, crediting: Crediting, query: ComparisonQuery) -> _Compared:
    digits = inputs.digits if query.conversion is ConversionKind.DEAL else None
    credits = {} if crediting.conversions is None else crediting.credits
    mine = {
        model: earned((credit for credit in of if credit.channel == query.channel), digits)
        for model, of in credits.items()
    }
    returns = compare_models(
        {model: credit.amount for model, credit in mine.items()},
        total_revenue=crediting.revenue or Decimal(0),
        gross_margin=inputs.gross_margin,
        recruiting=inputs.recruiting,
        cost=inputs.cost.total,
    )
    return _Compared(query, crediting, mine, returns, digits)


def _by_channel(crediting: Crediting, digits: int | None) -> dict[Model, list[ChannelCredit]]:
    channels = sorted({credit.channel for of in crediting.credits.values() for credit in of})
    return {
        model: ranked(
            {
                channel: earned((c for c in of if c.channel == channel), digits)
                for channel in channels
            }
        )
        for model, of in crediting.credits.items()
    }


def ranked(credits: Mapping[str, Earned]) -> list[ChannelCredit]:
    """Return channels by credit, the largest first; equal credits share a rank."""
    ordered = sorted(credits.items(), key=lambda item: (-item[1].ranking, item[0]))
    return [
        ChannelCredit(
            channel=channel,
            amount=credit.amount,
            conversions=credit.conversions,
            rank=1 + sum(other.ranking > credit.ranking for other in credits.values()),
        )
        for channel, credit in ordered
    ]


def _order(credits: list[ChannelCredit]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((credit.channel, credit.rank) for credit in credits))


def _result(
    compared: _Compared,
    roi: ModelRoi,
    model: Model,
    channels: list[ChannelCredit],
    shown: Disclosure,
) -> ModelResult:
    query, digits = compared.query, compared.digits
    credits, mine = compared.crediting.credits[model], compared.mine[model]
    whole, share = earned(credits, digits), compared.shares[model]
    return ModelResult(
        model=model,
        parameters=_parameters(model, compared.crediting, query),
        total=whole.amount,
        total_conversions=whole.conversions,
        channels=channels,
        groups=group_credits(credits, digits, shown) if query.group_by else None,
        credited_revenue=mine.amount,
        credited_conversions=mine.conversions,
        moved=None,
        share_percent=None if share is None else rounded(share, _PERCENT_DIGITS),
        roi_on_revenue=return_of(roi.on_revenue, digits or 0),
        roi_on_margin=return_of(roi.on_margin, digits or 0),
        roi_cash=return_of(roi.cash, digits or 0),
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


def _share_spread(shares: Sequence[Fraction | None]) -> ShareSpread | None:
    known = [share for share in shares if share is not None]
    if not known:
        return None
    return ShareSpread(
        lowest=rounded(min(known), _PERCENT_DIGITS),
        highest=rounded(max(known), _PERCENT_DIGITS),
        points=rounded(max(known) - min(known), _PERCENT_DIGITS),
    )
