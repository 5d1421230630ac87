"""Money: exact amounts, their currency's minor unit, and division that loses nothing.

Amounts are `Decimal`; the arithmetic inside is on integers, so a result never depends on the
precision of a decimal context. Divisions use the method of largest remainders: the parts add up to
the whole, and no part is further than one minor unit from its exact share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from math import lcm
from types import MappingProxyType

__all__ = [
    "EXPONENTS",
    "InvalidCurrency",
    "Money",
    "allocate",
    "convert",
    "exponent",
    "from_units",
    "round_money",
    "split_units",
    "to_units",
]

# ISO 4217 list one: the currencies whose minor unit is not a hundredth ...
_WHOLE_UNITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
EXPONENTS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(_WHOLE_UNITS.split(), 0),
        **dict.fromkeys(_THOUSANDTHS.split(), 3),
        "UYW": 4,
    }
)
# ... and those no deal is closed in: metals, units of account, test codes and funds.
_METALS_AND_CODES = "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX"
_FUNDS = "BOV CHE CHW CLF COU MXV USN UYI"
_NOT_FOR_DEALS = frozenset((_METALS_AND_CODES + " " + _FUNDS).split())
# Wide enough for any `numeric` the database holds; an operation that would round raises instead.
_EXACT = Context(prec=1000, rounding=ROUND_HALF_UP, traps=[InvalidOperation, Inexact])
_ROUNDING = Context(prec=1000, rounding=ROUND_HALF_UP, traps=[InvalidOperation])


class InvalidCurrency(ValueError):
    """The code is not a three-letter ISO 4217 currency that a deal can be closed in."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount and its ISO 4217 currency; amounts of different currencies never meet."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)
        if not self.amount.is_finite():
            raise ValueError("an amount of money must be finite")

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise InvalidCurrency(f"{self.currency} and {other.currency} cannot be added")
        return Money(_EXACT.add(self.amount, other.amount), self.currency)

    def __neg__(self) -> Money:
        return Money(self.amount.copy_negate(), self.currency)

    def __sub__(self, other: Money) -> Money:
        return self + -other

    def rounded(self) -> Money:
        """Return the amount rounded to the currency's minor unit."""
        return Money(round_money(self.amount, exponent(self.currency)), self.currency)


def exponent(currency: str) -> int:
    """Return the number of minor-unit digits of a currency: 2 for USD, 0 for JPY, 3 for KWD.

    Amounts that are kept are computed in whatever currency they were taken in; which one a new
    amount may be in is for `shared.currencies` to say.

    Raises `InvalidCurrency` for anything that is not a usable three-letter code.
    """
    is_code = len(currency) == 3 and currency.isascii() and currency.isalpha()
    if not is_code or not currency.isupper() or currency in _NOT_FOR_DEALS:
        raise InvalidCurrency(f"{currency!r} is not a currency for deals")
    return EXPONENTS.get(currency, 2)


def round_money(amount: Decimal, digits: int) -> Decimal:
    """Round to `digits` fraction digits, halves away from zero, as PostgreSQL's `round` does."""
    return amount.quantize(Decimal(1).scaleb(-digits), context=_ROUNDING)


def convert(amount: Decimal, rate: Decimal, digits: int | None) -> Decimal:
    """Return what `amount` is worth at `rate`, rounded as `round_money` does.

    With no number of `digits` the product is exact, without the zeros at its end.
    """
    worth = _EXACT.multiply(amount, rate)
    return worth.normalize(_EXACT) if digits is None else round_money(worth, digits)


def allocate(
    amount: Decimal, weights: Sequence[int | Decimal | Fraction], digits: int
) -> list[Decimal]:
    """Divide `amount` in proportion to `weights`; the parts add up to `amount` exactly.

    Parts have `digits` fraction digits; if `amount` itself is finer, its own last digit is the unit
    instead, because a part must never be lost. Equal remainders are served in the given order. A
    negative amount is divided as its mirror image, so a retraction cancels its original.
    Raises `ValueError` for a negative weight, or when no weight is positive.
    """
    units, digits = to_units(amount, digits)
    return [from_units(part, digits) for part in split_units(units, _integer_weights(weights))]


def to_units(amount: Decimal, digits: int) -> tuple[int, int]:
    """Return the amount as (whole units, fraction digits of a unit): 12.5 at 2 digits is (1250, 2).

    The digits grow when the amount is finer than asked, so nothing is ever rounded away.
    Raises `ValueError` for an amount that is not finite.
    """
    digits = max(digits, _fraction_digits(amount))
    return int(_EXACT.scaleb(amount, digits)), digits


def from_units(units: int, digits: int) -> Decimal:
    """Return whole units as an amount with exactly `digits` fraction digits."""
    return Decimal(units).scaleb(-digits, _EXACT)


def split_units(units: int, weights: Sequence[int]) -> list[int]:
    """Divide a whole number of units by largest remainder; the integer core of `allocate`."""
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative, and one must be positive")
    magnitude = abs(units)
    parts: list[int] = []
    remainders: list[int] = []
    for weight in weights:
        quota, remainder = divmod(magnitude * weight, total)
        parts.append(quota)
        remainders.append(remainder)
    left = magnitude - sum(parts)
    if left:
        # The sort is stable, also in reverse: equal remainders keep their order.
        ranked = sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)
        for index in ranked[:left]:
            parts[index] += 1
    return parts if units >= 0 else [-part for part in parts]


def _fraction_digits(amount: Decimal) -> int:
    # How many digits after the point the amount really needs: 1 for 2.50, 0 for 1E+3.
    _, digits, power = amount.as_tuple()
    if isinstance(power, str):  # the mark of an infinity or a NaN
        # Of an amount the value is wrong, whatever type tells so.
        raise ValueError("an amount of money must be finite")  # noqa: TRY004
    for digit in reversed(digits):
        if power >= 0 or digit:
            break
        power += 1
    return max(0, -power) if any(digits) else 0


def _integer_weights(weights: Sequence[int | Decimal | Fraction]) -> list[int]:
    exact = [Fraction(weight) for weight in weights]
    scale = lcm(*(weight.denominator for weight in exact))
    return [weight.numerator * (scale // weight.denominator) for weight in exact]
