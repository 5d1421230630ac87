"""What every model credits to whom in a period, by any window and half-life.

A journey is a deal that was won or lost, with the touches of its person inside the window. On the
basis *cohort* a period asks for the touches made in it, whenever their deals were decided; on the
basis *period*, for the deals decided in it. What looks at one journey alone is credited journey by
journey; the removal effect looks at all journeys that have anything to do with the period.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from shared.facts import TouchRecorded
from tests.property.oracle.attribution import MODELS, credits, digits_of, divide
from tests.property.oracle.ledger import History
from tests.property.oracle.removal import Effect, effects
from tests.property.oracle.sales import Converted, decided, journey_of
from tests.property.oracle.slices import team_of

__all__ = ["MARKOV", "Asked", "Credited", "Journey", "credited", "journeys", "removals", "revenue"]

MARKOV = "markov"


@dataclass(frozen=True)
class Asked:
    """A period, how touches belong to it, and what credit is divided by besides the channel."""

    start: date
    end: date
    basis: str
    group_by: str | None = None
    order: int = 1

    def holds(self, day: date) -> bool:
        """Tell whether a day lies in the period."""
        return self.start <= day < self.end


class Journey(NamedTuple):
    """A decided deal and the touches before it, in order."""

    deal: Converted
    is_won: bool
    path: list[TouchRecorded]


class Credited(NamedTuple):
    """What touches of one channel and group earned: money, and deals in shares."""

    amount: Fraction
    share: Fraction


Place = tuple[str, str]  # channel, group
Sums = dict[Place, Credited]


def journeys(history: History, asked: Asked) -> list[Journey]:
    """Return the journeys that have to do with a period: one with any touch asked about."""
    found = []
    for state in ("won", "lost"):
        for deal in decided(history, state):
            path = journey_of(history, deal)
            if any(_is_asked(history, asked, deal, touch) for touch in path):
                found.append(Journey(deal, state == "won", path))
    return sorted(found, key=lambda journey: journey.deal.id)


def _is_asked(history: History, asked: Asked, deal: Converted, touch: TouchRecorded) -> bool:
    at = touch.occurred_at if asked.basis == "cohort" else deal.at
    return asked.holds(history.day(at))


def revenue(history: History, asked: Asked) -> Fraction:
    """Return the full amounts of the deals won with any credit in the period."""
    won = [journey for journey in journeys(history, asked) if journey.is_won]
    return sum((journey.deal.amount or Fraction(0) for journey in won), Fraction(0))


def credited(history: History, asked: Asked) -> dict[str, Sums]:
    """Return model → (channel, group) → what is credited; nobody who earned nothing."""
    found = journeys(history, asked)
    local = {model: _sums(_earned(history, asked, found, model)) for model in MODELS}
    return local | {MARKOV: _by_removal(history, asked, found)}


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
        for touch, share, amount in credits(history, model, journey.path, journey.deal):
            yield _Part(
                (touch.channel, _group(history, asked, journey, touch)),
                _is_asked(history, asked, journey.deal, touch),
                amount or Fraction(0),
                share,
            )


def _group(history: History, asked: Asked, journey: Journey, touch: TouchRecorded) -> str:
    """Return the group of a touch; a team is that of the day on which the deal was decided."""
    if asked.group_by is None:
        return ""
    if asked.group_by == "team":
        day = history.day(journey.deal.at)
        return team_of(history, touch.employee, day) if touch.employee else ""
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

    Three divisions by largest remainder: among channels; in a channel, between the touches asked
    about and the others; of either, among their groups.
    """
    effect = removals(found, asked.order)
    if not effect:
        return {}
    value = sum((j.deal.amount or Fraction(0) for j in found if j.is_won), Fraction(0))
    shares = [one.share for one in effect.values()]
    worth = dict(zip(effect, divide(value, shares, digits_of(history, value)), strict=True))
    sums: Sums = {}
    for channel, amount in worth.items():
        sums |= _inside(history, asked, found, channel, amount)
    return sums


def _inside(
    history: History, asked: Asked, found: Sequence[Journey], channel: str, worth: Fraction
) -> Sums:
    """Return what the groups of one channel get of its worth, as far as they are asked about."""
    weights = _weights(history, asked, found, channel)
    sides = [{p: w for p, w in weights.items() if p[0] is side} for side in (True, False)]
    totals = [sum(side.values(), Fraction(0)) for side in sides]
    if not totals[0]:
        return {}
    amount = divide(worth, totals, digits_of(history, worth))[0]
    groups = sorted(group for _, group in sides[0])
    parts = divide(amount, [sides[0][True, g] for g in groups], digits_of(history, amount))
    return {(channel, g): Credited(p, Fraction(0)) for g, p in zip(groups, parts, strict=True)}


def _weights(
    history: History, asked: Asked, found: Sequence[Journey], channel: str
) -> dict[tuple[bool, str], Fraction]:
    """Return how much the touches of each side and group weigh against the others of a channel.

    By linear money; where there is none, or money is owed back, by linear shares of deals; where
    nothing was won, by the number of touches.
    """
    money: dict[tuple[bool, str], Fraction] = {}
    shares, touches = dict(money), dict(money)
    for journey in found:
        for touch in journey.path:
            if touch.channel == channel:
                side = _is_asked(history, asked, journey.deal, touch)
                part = side, _group(history, asked, journey, touch)
                touches[part] = touches.get(part, Fraction(0)) + 1
    for place, side, amount, share in _earned(history, asked, found, "linear"):
        if place[0] == channel:
            part = side, place[1]
            money[part] = money.get(part, Fraction(0)) + amount
            shares[part] = shares.get(part, Fraction(0)) + share
    for weights in (money, shares):
        if any(weights.values()) and min(weights.values()) >= 0:
            return {part: weights.get(part, Fraction(0)) for part in touches}
    return touches
