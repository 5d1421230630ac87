"""The removal effects behind the model `markov`: counts, probabilities and the arithmetic."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction

from services.api.answers import is_partial, trust_of
from services.api.dependencies import Access
from services.api.freshness import answer_day, freshness_of
from services.api.lookback import look
from services.api.model import exact
from services.api.roi.crediting import scope_of
from services.api.roi.journeys import Paths, paths
from services.api.roi.markov_schemas import ChannelEffect, RemovalEffects, Transition
from services.api.roi.queries import MarkovQuery
from services.api.roi.repository import stored_with
from shared.attribution import SHARE_DIGITS
from shared.attribution.markov import Chain, RemovalEffect, chain_of, removal_effects
from shared.attribution.markov import RemovalEffects as Effects
from shared.attribution.sharing import amounts_of_channels
from shared.kpis.expressions import exact_text, rounded
from shared.kpis.vocabulary import ConversionKind
from shared.money import exponent, round_money
from shared.rollups.read import live_generation

__all__ = ["explain_removals"]

_ERROR_DIGITS = 24
_LONGEST_FRACTION = 40


async def explain_removals(access: Access, query: MarkovQuery) -> RemovalEffects:
    """Return the transition counts of a period's journeys and what they make of each channel."""
    org = access.org
    await look(access, query)
    generation = await live_generation(access.connection, org.id)
    kept = await stored_with(access.connection, org.id, generation)
    freshness = await freshness_of(access.connection, org.id)
    scope = scope_of(access, generation, query, kept, today=answer_day(org, freshness))
    counted = await paths(access.connection, scope)
    chain = chain_of(counted.counts, order=query.order)
    effects = removal_effects(chain)
    digits = exponent(org.currency) if query.conversion is ConversionKind.DEAL else None
    return RemovalEffects(
        **trust_of(freshness, org.zone).model_dump(),
        from_=query.from_,
        to=query.to,
        is_partial=is_partial(query.to, freshness.complete_until, org.zone),
        basis=query.basis,
        conversion=query.conversion,
        currency=org.currency,
        window_days=scope.window_days,
        order=query.order,
        journeys=sum(path.journeys for path in counted.counts),
        converted=counted.converted,
        value=None if digits is None else round_money(counted.value, digits),
        probability=_fraction(effects.probability) if effects else None,
        error=Decimal(exact_text(effects.error, digits=_ERROR_DIGITS)) if effects else Decimal(0),
        transitions=list(_transitions(chain)),
        channels=_channels(effects, counted, digits) if effects else [],
    )


def _transitions(chain: Chain) -> Iterator[Transition]:
    for state in chain.states:
        leaving = chain.leaving(state)
        ends = {"(converted)": chain.converted.get(state, 0), "(lost)": chain.lost.get(state, 0)}
        counts = {to[-1]: count for to, count in sorted(chain.moves.get(state, {}).items())}
        for to, count in (counts | ends).items():
            if count:
                yield Transition(state=list(state), to=to, count=count, of=leaving)


def _channels(effects: Effects, counted: Paths, digits: int | None) -> list[ChannelEffect]:
    """Return the channels, the largest effect first; without ``digits`` there is no money."""
    amounts = {} if digits is None else amounts_of_channels(effects, counted.value, exponent=digits)
    shares = amounts_of_channels(effects, Decimal(counted.converted), exponent=SHARE_DIGITS)
    ordered = sorted(effects.channels, key=lambda channel: (-channel.effect, channel.channel))
    return [_channel(channel, effects.probability, amounts, shares) for channel in ordered]


def _channel(
    channel: RemovalEffect,
    probability: Fraction,
    amounts: Mapping[str, Decimal],
    shares: Mapping[str, Decimal],
) -> ChannelEffect:
    without, effect = _fraction(channel.without), _fraction(channel.effect)
    return ChannelEffect(
        channel=channel.channel,
        without=without,
        removal_effect=exact(channel.effect) or Decimal(0),
        share_percent=rounded(channel.share * 100, 2),
        amount=amounts.get(channel.channel),
        conversions=exact(shares[channel.channel]) or Decimal(0),
        arithmetic=f"1 - {_operand(without)} / {_operand(_fraction(probability))} = {effect}",
    )


def _operand(text: str) -> str:
    return f"({text})" if "/" in text else text


def _fraction(value: Fraction) -> str:
    """Write a fraction exactly while that can be read, else as a decimal."""
    text = str(value)
    return text if len(text) <= _LONGEST_FRACTION else exact_text(value)
