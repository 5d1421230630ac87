"""Lines of value as roi.md defines them: how much, how near to the bank, how well founded.

Lines may be added unless they hold the same thing twice: every line is told here by what it holds,
and two lines overlap if they share any of it. What a sum rests on is its weakest line.
"""

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

__all__ = [
    "ADDABLE",
    "NETWORK",
    "Line",
    "added",
    "line",
    "network_lines",
    "overlaps",
    "weakest",
]

Value = Fraction | None


class Line(NamedTuple):
    """A line of value; ``amount`` is None where somebody would have to state something first."""

    kind: str
    amount: Value
    money: str
    grade: str


#: kind → what it is money of. Revenue is won by the clicks that media value prices, and margin is a
#: part of it; a flat saving replaces both others; who reads no mail has saved the time.
_HOLDS: Mapping[str, frozenset[str]] = {
    "revenue": frozenset({"sales"}),
    "margin": frozenset({"sales"}),
    "media_value": frozenset({"sales"}),
    "recruiting_flat": frozenset({"hiring", "empty seat"}),
    "recruiting_cost_per_hire": frozenset({"hiring"}),
    "recruiting_vacancy": frozenset({"empty seat"}),
    "leavers_avoided": frozenset({"leavers"}),
    "time_saved": frozenset({"searching", "mail"}),
    "mail_avoided": frozenset({"mail"}),
    "ideas": frozenset({"ideas"}),
}
#: kind → what kind of money it is, and on what it rests. R1 is a figure of others, an upper bound.
_KNOWN_AS = {
    "revenue": ("cash", "modelled"),
    "margin": ("cash", "modelled"),
    "media_value": ("avoided_cost", "modelled"),
    "recruiting_flat": ("claimed", "claimed"),
    "recruiting_cost_per_hire": ("avoided_cost", "modelled"),
    "recruiting_vacancy": ("avoided_cost", "modelled"),
    "leavers_avoided": ("avoided_cost", "modelled"),
    "time_saved": ("modelled", "modelled"),
    "mail_avoided": ("modelled", "modelled"),
    "ideas": ("avoided_cost", "modelled"),
    "productivity": ("claimed", "claimed"),
}
_FIRM = ("claimed", "modelled", "measured")
#: The lines of the program, and those of the internal network.
ADDABLE, NETWORK = tuple(_HOLDS)[:6], tuple(_HOLDS)[6:]


def line(kind: str, amount: Value) -> Line:
    """Return a line with what is known of its kind."""
    return Line(kind, amount, *_KNOWN_AS[kind])


def overlaps(kinds: Sequence[str]) -> set[frozenset[str]]:
    """Return the pairs of kinds that hold anything in common."""
    pairs = combinations(sorted(set(kinds)), 2)
    return {frozenset({a, b}) for a, b in pairs if _HOLDS[a] & _HOLDS[b]}


def weakest(lines: Sequence[Line]) -> str:
    """Return on what a sum rests."""
    return min((one.grade for one in lines), key=_FIRM.index)


def added(lines: Sequence[Line]) -> Value:
    """Return the sum of lines; None if nobody can tell one of them."""
    total = Fraction(0)
    for one in lines:
        if one.amount is None:
            return None
        total += one.amount
    return total


def network_lines(rates: Mapping[str, Value], measured: Collection[str]) -> dict[str, Line]:
    """Return the lines of a year of the internal network, and the claim that is no part of it.

    ``rates`` are its inputs by key. Leavers avoided are those measured against teams without the
    network if they are stated, else the published part of those who quit while new. ``measured``
    names the inputs that the company itself measured.
    """
    counted = rates["esn.leavers_avoided"]
    modelled = _product(rates, "adaptation_quits", "quit_reduction", "replacement_cost")
    leavers = line("leavers_avoided", modelled)
    if counted is not None:
        amount = _product(rates, "leavers_avoided", "replacement_cost")
        is_measured = {"esn.leavers_avoided", "esn.replacement_cost"} <= set(measured)
        grade = "measured" if is_measured else "modelled"
        leavers = leavers._replace(amount=amount, grade=grade)
    hours = _product(rates, "people", "minutes_saved_per_day", "work_days")
    mails = _product(rates, "mails_avoided", "minutes_per_mail")
    paid = _product(rates, "hourly_rate", "realization")
    year = _product(rates, "people", "work_days", "hourly_rate")
    return {
        "leavers_avoided": leavers,
        "time_saved": line("time_saved", _minutes(hours, paid)),
        "mail_avoided": line("mail_avoided", _minutes(mails, paid)),
        "ideas": line("ideas", rates["esn.ideas_value"]),
        # A quarter of all hours worked, of which nobody knows whether it comes true.
        "productivity": line("productivity", None if year is None else year * 8 / 4),
    }


def _product(rates: Mapping[str, Value], *names: str) -> Value:
    product = Fraction(1)
    for name in names:
        factor = rates[f"esn.{name}"]
        if factor is None:
            return None
        product *= factor
    return product


def _minutes(minutes: Value, an_hour: Value) -> Value:
    return None if minutes is None or an_hour is None else minutes * an_hour / 60
