"""Credit by each model, in exact fractions, divided by largest remainder.

Written from the definitions: first and last take all; linear shares alike; position gives 40 % to
each end and 20 % to the middle, halves to two; last non-direct takes the last touch that is not a
direct visit, if there is one; W gives 30 % each to the first touch and to the last one up to each
known stage, and 10 % to the touches without such a role, of what is left when roles are not filled;
decay weighs 2^(-days before close / half-life) to
forty digits, the nearest touch being the unit; Shapley, with the worth of a set of channels being
the revenue of the journeys that used no others, is computed here over all orders of arrival.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from math import isqrt

from shared.facts import TouchRecorded
from tests.property.oracle.ledger import History
from tests.property.oracle.sales import Converted

__all__ = ["MODELS", "SHARE_DIGITS", "credits", "digits_of", "divide"]

MODELS = (
    "first",
    "last",
    "last_non_direct",
    "linear",
    "position",
    "w_shaped",
    "time_decay",
    "shapley",
)
SHARE_DIGITS = 12
DECAY_DIGITS = 40


def credits(
    history: History, model: str, path: Sequence[TouchRecorded], conversion: Converted
) -> list[tuple[TouchRecorded, Fraction, Fraction | None]]:
    """Return (touch, share, amount) of every touch that earns either; nothing without a path.

    Without money in the conversion there are no amounts.
    """
    if not path:
        return []
    closed_on = history.day(conversion.at)
    ages = [(closed_on - history.day(touch.occurred_at)).days for touch in path]
    match model:
        case "shapley":
            weights = _shapley([touch.channel for touch in path])
        case "last_non_direct":
            weights = _last_non_direct([touch.channel for touch in path])
        case "w_shaped":
            weights = _w_shaped(path, conversion)
        case _:
            weights = _weights(model, ages, Fraction(history.half_life_days))
    if conversion.amount is None:
        parts = zip(path, divide(Fraction(1), weights, SHARE_DIGITS), strict=True)
        return [(touch, share, None) for touch, share in parts if share]
    amount = conversion.amount
    digits = digits_of(history, amount)
    shares = divide(Fraction(1), weights, SHARE_DIGITS)
    amounts = divide(amount, weights, digits)
    return [row for row in zip(path, shares, amounts, strict=True) if row[1] or row[2]]


def _weights(model: str, ages: Sequence[int], half_life_days: Fraction) -> list[Fraction]:
    n = len(ages)
    match model:
        case "first":
            return [Fraction(i == 0) for i in range(n)]
        case "last":
            return [Fraction(i == n - 1) for i in range(n)]
        case "position" if n > 2:
            ends, middle = Fraction(2, 5), Fraction(1, 5 * (n - 2))
            return [ends if i in {0, n - 1} else middle for i in range(n)]
        case "time_decay":
            nearest = min(ages)
            return [_half_power(age - nearest, half_life_days) for age in ages]
    return [Fraction(1)] * n


def _last_non_direct(channels: Sequence[str]) -> list[Fraction]:
    """Give everything to the last touch but direct ones, or to the last of direct ones alone."""
    places = range(len(channels))
    earner = max((i for i in places if channels[i] != "direct"), default=len(channels) - 1)
    return [Fraction(i == earner) for i in places]


def _w_shaped(path: Sequence[TouchRecorded], conversion: Converted) -> list[Fraction]:
    """Give 3/10 to each role that is filled and 1/10 to all the others together, as far as any."""
    weights = [Fraction(0)] * len(path)
    earners = [0]
    for stage in conversion.stages:
        reached = [i for i, touch in enumerate(path) if stage and touch.occurred_at <= stage]
        earners += reached[-1:]
    for i in earners:
        weights[i] += Fraction(3, 10)
    others = [i for i in range(len(path)) if i not in earners]
    for i in others:
        weights[i] = Fraction(1, 10) / len(others)
    return weights


def _shapley(channels: Sequence[str]) -> list[Fraction]:
    """Return the mean marginal worth of each touch's channel, alike for touches of one channel.

    A set of channels is worth 1 as soon as it holds every channel of the journey: over all orders
    in which the channels can arrive, the last one to arrive earns it.
    """
    orders = list(permutations(sorted(set(channels))))
    last = Counter(order[-1] for order in orders)
    return [Fraction(last[c], len(orders) * channels.count(c)) for c in channels]


def _half_power(days: int, half_life_days: Fraction) -> Fraction:
    """Return 2^(-days / half-life), rounded to forty digits by whole-number roots."""
    unit = 10**DECAY_DIGITS
    halvings = days / half_life_days
    power, degree = halvings.numerator, halvings.denominator
    if degree == 1:
        return Fraction(round(Fraction(unit, 2**power)), unit)
    # (2·unit)^degree / 2^power is the degree-th power of twice the result; halving it then rounds.
    twice = _root((2 * unit) ** degree // 2**power, degree)
    return Fraction((twice + 1) // 2, unit)


def _root(value: int, degree: int) -> int:
    """Return the largest whole number whose power of ``degree`` is not above ``value``."""
    if degree == 1:
        return value
    if degree == 2:
        return isqrt(value)
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= value else (low, middle - 1)
    return low


def divide(amount: Fraction, weights: Sequence[Fraction], digits: int) -> list[Fraction]:
    """Divide an amount into parts of ``digits`` fraction digits that add up to it.

    Everybody gets the whole units of their exact part; the units left over go to the largest
    remainders, equal ones in the given order. A negative amount is the mirror image.
    """
    unit = Fraction(1, 10**digits)
    sign = -1 if amount < 0 else 1
    exact = [abs(amount) * weight / sum(weights) / unit for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: int(abs(amount) / unit) - sum(parts)]:
        parts[i] += 1
    return [sign * part * unit for part in parts]


def digits_of(history: History, amount: Fraction) -> int:
    """Return to how many digits an amount is divided: its own, or those of the currency."""
    digits = history.minor_digits
    while (amount * 10**digits).denominator != 1:
        digits += 1
    return digits
