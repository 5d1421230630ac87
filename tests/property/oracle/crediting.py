"""What every model credits to whom in a period, by any window and half-life.

A journey is a deal that was won or lost, with the touches of its person inside the window; or a
lead, an application or a hire, and what led to none (:mod:`tests.property.oracle.lapsed`). On the
basis *cohort* a period asks for the touches made in it, whenever their journeys were decided; on
the basis *period*, for the journeys decided in it. What looks at one journey alone is credited
journey by journey; the removal effect looks at all journeys that have to do with the period. Only
deals are worth money; each of any kind counts one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from shared.facts import TouchRecorded
from tests.property.oracle.attribution import MODELS, SHARE_DIGITS, credits, digits_of, divide
from tests.property.oracle.lapsed import lapsed
from tests.property.oracle.ledger import History
from tests.property.oracle.removal import Effect, effects
from tests.property.oracle.sales import Converted, converted, decided, journey_of
from tests.property.oracle.slices import team_of

__all__ = [
    "MARKOV",
    "Asked",
    "Credited",
    "Journey",
    "Line",
    "credited",
    "credited_lines",
    "journeys",
    "removals",
    "revenue",
]

MARKOV = "markov"


@dataclass(frozen=True)
class Asked:
    """A period, how touches belong to it, and what credit is divided by besides the channel.

    ``kind`` is what the touches led to, and ``today`` the day on which it is asked.
    """

    start: date
    end: date
    basis: str
    group_by: str | None = None
    order: int = 1
    kind: str = "deal"
    today: date = date.max

    def holds(self, day: date) -> bool:
        """Tell whether a day lies in the period."""
        return self.start <= day < self.end


class Journey(NamedTuple):
    """What was decided and when, and the touches before it, in order."""

    end: Converted
    is_won: bool
    path: list[TouchRecorded]
    day: date


class Credited(NamedTuple):
    """What touches of one channel and group earned: money, and conversions in shares."""

    amount: Fraction
    share: Fraction


Place = tuple[str, str]  # channel, group
Sums = dict[Place, Credited]


def journeys(history: History, asked: Asked) -> list[Journey]:
    """Return the journeys that have to do with a period: one with any touch asked about."""
    found = [
        journey
        for journey in _decided(history, asked)
        if any(_is_asked(history, asked, journey, touch) for touch in journey.path)
    ]
    return sorted(found, key=lambda journey: journey.end.id)


def _decided(history: History, asked: Asked) -> Iterator[Journey]:
    won = [end for end in converted(history) if end.kind == asked.kind]
    lost = list(decided(history, "lost")) if asked.kind == "deal" else []
    for is_won, ends in ((True, won), (False, lost)):
        for end in ends:
            yield Journey(end, is_won, journey_of(history, end), history.day(end.at))
    if asked.kind != "deal":
        for gone in lapsed(history, asked.kind, asked.today):
            yield Journey(gone.would_be, False, gone.path, gone.day)


def _is_asked(history: History, asked: Asked, journey: Journey, touch: TouchRecorded) -> bool:
    by_touch = asked.basis == "cohort"
    return asked.holds(history.day(touch.occurred_at) if by_touch else journey.day)


def revenue(history: History, asked: Asked) -> Fraction:
    """Return the full amounts of the deals won with any credit in the period."""
    won = [journey for journey in journeys(history, asked) if journey.is_won]
    return _worth(won)


def _worth(found: Iterable[Journey]) -> Fraction:
    return sum((one.end.amount or Fraction(0) for one in found if one.is_won), Fraction(0))


def credited(history: History, asked: Asked) -> dict[str, Sums]:
    """Return model → (channel, group) → what is credited; nobody who earned nothing."""
    found = journeys(history, asked)
    local = {model: _sums(_earned(history, asked, found, model)) for model in MODELS}
    return local | {MARKOV: _by_removal(history, asked, found)}


class Line(NamedTuple):
    """What one model gives one touch of a journey that was won."""

    journey: Journey
    touch: TouchRecorded
    share: Fraction
    amount: Fraction | None


def credited_lines(history: History, asked: Asked, model: str, channel: str) -> list[Line]:
    """Return what a model gives to each touch of a channel that a period asks about."""
    return [
        Line(journey, touch, share, amount)
        for journey in journeys(history, asked)
        if journey.is_won
        for touch, share, amount in credits(history, model, journey.path, journey.end)
        if touch.channel == channel and _is_asked(history, asked, journey, touch)
    ]


class _Part(NamedTuple):
    place: Place
    is_asked: bool
    amount: Fraction
    share: Fraction


def _earned(
    history: History, asked: Asked, found: Sequence[Journey], model: str
) -> Iterator[_Part]:
    """Yield what one model credits to every touch of the journeys won."""
    for journey in found:
        if not journey.is_won:
            continue
        for touch, share, amount in credits(history, model, journey.path, journey.end):
            yield _Part(
                (touch.channel, _group(history, asked, journey, touch)),
                _is_asked(history, asked, journey, touch),
                amount or Fraction(0),
                share,
            )


def _group(history: History, asked: Asked, journey: Journey, touch: TouchRecorded) -> str:
    """Return the group of a touch; a team is that of the day on which the journey was decided."""
    if asked.group_by is None:
        return ""
    if asked.group_by == "team":
        return team_of(history, touch.employee, journey.day) if touch.employee else ""
    return getattr(touch, asked.group_by) or ""


def _sums(parts: Iterable[_Part]) -> Sums:
    sums: Sums = defaultdict(lambda: Credited(Fraction(0), Fraction(0)))
    for part in parts:
        if part.is_asked:
            amount, share = sums[part.place]
            sums[part.place] = Credited(amount + part.amount, share + part.share)
    return dict(sums)


def removals(found: Iterable[Journey], order: int) -> dict[str, Effect]:
    """Return the removal effect of every channel of the journeys."""
    paths = [([t.channel for t in journey.path], journey.is_won) for journey in found]
    return effects(paths, order)


def _by_removal(history: History, asked: Asked, found: Sequence[Journey]) -> Sums:
    """Divide what was won by removal effect, and inside a channel in proportion to linear credit.

    Money and the number of conversions are each divided for themselves.
    """
    effect = removals(found, asked.order)
    if not effect:
        return {}
    worth, count = _worth(found), Fraction(sum(journey.is_won for journey in found))
    weights = _Weights.of(history, asked, found)
    money = _divided(
        effect,
        worth,
        [weights.money, weights.shares, weights.touches],
        lambda amount: digits_of(history, amount),
    )
    shares = _divided(effect, count, [weights.shares, weights.touches], lambda _: SHARE_DIGITS)
    nothing = Fraction(0)
    return {
        place: Credited(money.get(place, nothing), shares.get(place, nothing))
        for place in money.keys() | shares.keys()
    }


Part = tuple[Place, bool]
ByPart = dict[Part, Fraction]
#: To how many digits an amount is divided.
Digits = Callable[[Fraction], int]


class _Weights(NamedTuple):
    """What the touches of each channel, group and side weigh: linear credit, or their number."""

    money: ByPart
    shares: ByPart
    touches: ByPart

    @classmethod
    def of(cls, history: History, asked: Asked, found: Sequence[Journey]) -> "_Weights":
        """Add them up over the journeys."""
        touches: ByPart = defaultdict(Fraction)
        for journey in found:
            for touch in journey.path:
                place: Place = (touch.channel, _group(history, asked, journey, touch))
                touches[place, _is_asked(history, asked, journey, touch)] += 1
        money, shares = dict.fromkeys(touches, Fraction(0)), dict.fromkeys(touches, Fraction(0))
        for place, side, amount, share in _earned(history, asked, found, "linear"):
            money[place, side] += amount
            shares[place, side] += share
        return cls(money, shares, touches)


def _divided(
    effect: Mapping[str, Effect], worth: Fraction, tried: Sequence[ByPart], digits: Digits
) -> dict[Place, Fraction]:
    """Return what the places asked about get of something worth so much.

    Three divisions by largest remainder: among channels; in a channel, between the touches asked
    about and the others; of either, among their groups. A channel is divided by the first weights
    tried that are anything in it, and none of them owed back.
    """
    shares = [one.share for one in effect.values()]
    got: dict[Place, Fraction] = {}
    for channel, amount in zip(effect, divide(worth, shares, digits(worth)), strict=True):
        inside = [_of_channel(channel, weights) for weights in tried]
        weights = next(one for one in inside if any(one.values()) and min(one.values()) >= 0)
        sides = [
            {p: w for (p, is_asked), w in weights.items() if is_asked is s} for s in (True, False)
        ]
        totals = [sum(side.values(), Fraction(0)) for side in sides]
        if totals[0]:
            places = sorted(sides[0])
            part = divide(amount, totals, digits(amount))[0]
            of_groups = divide(part, [sides[0][place] for place in places], digits(part))
            got |= zip(places, of_groups, strict=True)
    return got


def _of_channel(channel: str, weights: ByPart) -> ByPart:
    return {part: weight for part, weight in weights.items() if part[0][0] == channel}
