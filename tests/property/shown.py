"""How a number in an answer is compared with a fraction: as it is, or rounded as it is shown."""

from decimal import Decimal
from fractions import Fraction

from services.api.roi.schemas import Return
from tests.property.oracle.returns import Value, return_on

__all__ = ["CENT", "as_shown", "assert_equal", "assert_return", "assert_shown", "assert_written"]

CENT = Fraction(1, 100)
#: What a decimal of twelve digits can be off by.
_WRITTEN = Fraction(1, 10**12)


def assert_return(got: Return, value: Value, cost: Value) -> None:
    """Compare a return and the value it is of; either can be missing."""
    assert_shown(got.percent, return_on(value, cost), CENT)
    assert_shown(got.value, value, CENT)


def assert_equal(got: Decimal | None, want: Value) -> None:
    """Compare a number that is never rounded."""
    assert (None if got is None else Fraction(got)) == want


def as_shown(value: Fraction, unit: Fraction) -> Fraction:
    """Return a value in whole units, halves away from zero."""
    units = int(abs(value) / unit + Fraction(1, 2))
    return (units if value >= 0 else -units) * unit


def assert_shown(got: Decimal | None, want: Value, unit: Fraction) -> None:
    """Compare a number rounded to a unit, halves away from zero."""
    if got is None or want is None:
        assert (got is None) is (want is None), (got, want)
        return
    assert Fraction(got) == as_shown(want, unit), (got, want)


def assert_written(got: str | None, want: Fraction) -> None:
    """Compare a fraction written out, or cut to twelve digits if it is too long to be read."""
    assert got is not None
    assert abs(Fraction(got) - want) <= (0 if "/" in got else _WRITTEN), (got, want)
