"""The guard against counting the same money twice, as every endpoint that adds lines answers it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.errors import FieldError, Invalid
from shared.kpis.value import OverlappingValue

__all__ = ["adding"]

_RULE: Final = "overlapping_value"


@contextmanager
def adding(flag: str) -> Iterator[None]:
    """Answer 422 and name the overlap if lines of value are added that hold the same money.

    ``flag`` is the query parameter that allows it.

    Raises:
        Invalid: with code ``overlapping_value`` and one error for each pair.
    """
    try:
        yield
    except OverlappingValue as error:
        raise Invalid(
            f"{error}. Send {flag}=true to have it all the same.",
            code=_RULE,
            errors=[
                FieldError(
                    field="query", rule="overlapping_value", message=f"{one}, {other}: {why}"
                )
                for one, other, why in error.pairs
            ],
        ) from None
