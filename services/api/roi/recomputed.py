"""Credit computed anew while reading: another window or half-life than the rollups are kept for.

The same functions as the fold's, over the journeys of the period; nothing is stored.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from services.api.roi.journeys import Journey, Paths, Scope
from services.api.roi.repository import Basis, Credits
from shared.attribution import AttributionModel, credit_journey
from shared.attribution.markov import PathCount
from shared.attribution.sharing import ChannelPart

__all__ = ["counted_paths", "credited_anew", "linear_parts"]

_Sums = dict[tuple[str, str, str, bool], list[Decimal]]


def credited_anew(
    journeys: Iterable[Journey],
    scope: Scope,
    models: Sequence[AttributionModel],
    *,
    half_life_days: Decimal,
    exponent: int,
) -> list[Credits]:
    """Return what each model credits to each channel and group, by the touches asked about."""
    sums = _summed(journeys, scope, models, half_life_days, exponent)
    return [
        Credits(model, channel, group, amount, conversions)
        for (model, channel, group, is_asked), (amount, conversions) in sorted(sums.items())
        if is_asked
    ]


def linear_parts(journeys: Sequence[Journey], scope: Scope, *, exponent: int) -> list[ChannelPart]:
    """Return the touches of each channel by group, with their linear credit."""
    model = AttributionModel.LINEAR
    sums = _summed(journeys, scope, [model], Decimal(1), exponent)
    touches = Counter(
        (touch.channel, group, _is_asked(journey, place, scope))
        for journey in journeys
        for place, (touch, group) in enumerate(zip(journey.touches, journey.groups, strict=True))
    )
    return [
        ChannelPart(channel, group, is_asked, count, *sums[model, channel, group, is_asked])
        for (channel, group, is_asked), count in touches.items()
    ]


def counted_paths(journeys: Iterable[Journey]) -> Paths:
    """Return the journeys counted by path, and what the won ones were worth."""
    counts: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    value = Decimal(0)
    for journey in journeys:
        count = counts[tuple(touch.channel for touch in journey.touches)]
        count[0] += 1
        if journey.is_won:
            count[1] += 1
            value += journey.conversion.amount or Decimal(0)
    return Paths(tuple(PathCount(path, *count) for path, count in sorted(counts.items())), value)


def _summed(
    journeys: Iterable[Journey],
    scope: Scope,
    models: Sequence[AttributionModel],
    half_life_days: Decimal,
    exponent: int,
) -> _Sums:
    sums: _Sums = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for journey in journeys:
        if not journey.is_won:
            continue
        place_of = {touch.id: place for place, touch in enumerate(journey.touches)}
        for credit in credit_journey(
            journey.touches,
            [journey.conversion],
            models,
            window_days=scope.window_days,
            half_life_days=half_life_days,
            exponent=exponent,
        ):
            place = place_of[credit.touch_id]
            channel, group = journey.touches[place].channel, journey.groups[place]
            part = sums[credit.model, channel, group, _is_asked(journey, place, scope)]
            part[0] += credit.amount or Decimal(0)
            part[1] += credit.share
    return sums


def _is_asked(journey: Journey, place: int, scope: Scope) -> bool:
    if scope.basis is Basis.PERIOD:
        return True  # the journey is there because it was decided in the period
    return scope.period.start <= journey.touches[place].day < scope.period.end
