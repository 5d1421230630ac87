"""What a channel earned by the removal effect, divided among the touches made through it.

The effect says what a channel is worth, and nothing of who worked in it. Inside a channel credit
follows the linear model. Amounts are divided in three steps, each to the last minor unit: among
channels, then between the touches asked about and the others, then among their groups. So groups of
any kind add up to the same totals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from shared.attribution.markov import RemovalEffects
from shared.money import allocate

__all__ = ["ChannelPart", "amounts_of_channels", "amounts_of_parts"]


class ChannelPart(NamedTuple):
    """A part of a channel's touches: whose they are, and what the linear model credits them with.

    `is_asked` tells the touches an answer is about from others on the same journeys. `touches`
    counts them, those on journeys that led nowhere included.
    """

    channel: str
    group: str
    is_asked: bool
    touches: int
    amount: Decimal
    share: Decimal


def amounts_of_channels(
    effects: RemovalEffects, value: Decimal, *, exponent: int
) -> dict[str, Decimal]:
    """Divide the value of all conversions among channels, to the minor unit of `exponent` digits.

    The amounts add up to the value exactly.
    """
    parts = allocate(value, [channel.share for channel in effects.channels], exponent)
    return {
        channel.channel: amount for channel, amount in zip(effects.channels, parts, strict=True)
    }


def amounts_of_parts(
    amounts: Mapping[str, Decimal], parts: Iterable[ChannelPart], *, exponent: int
) -> list[tuple[ChannelPart, Decimal]]:
    """Divide each channel's amount among its parts; those of a channel add up to its amount."""
    by_channel: dict[str, list[ChannelPart]] = defaultdict(list)
    for part in sorted(parts, key=lambda part: (part.channel, not part.is_asked, part.group)):
        by_channel[part.channel].append(part)
    divided: list[tuple[ChannelPart, Decimal]] = []
    for channel, of_channel in by_channel.items():
        weights = _weights(of_channel)
        asked = [place for place, part in enumerate(of_channel) if part.is_asked]
        sides = [range(len(asked)), range(len(asked), len(of_channel))]
        totals = [sum((weights[place] for place in side), Fraction(0)) for side in sides]
        earned = allocate(amounts.get(channel, Decimal(0)), totals, exponent)
        for side, total, amount in zip(sides, totals, earned, strict=True):
            if total:
                shares = allocate(amount, [weights[place] for place in side], exponent)
                divided += zip([of_channel[place] for place in side], shares, strict=True)
    return divided


def _weights(parts: Sequence[ChannelPart]) -> list[Fraction]:
    """Return how much each part weighs against the others."""
    if min(part.amount for part in parts) >= 0 and any(part.amount for part in parts):
        return [Fraction(part.amount) for part in parts]
    if any(part.share for part in parts):
        # Deals worth nothing, or credited back: their number still tells.
        return [Fraction(part.share) for part in parts]
    # A channel of lost journeys alone can have an effect: it led to channels that won.
    return [Fraction(part.touches) for part in parts]
