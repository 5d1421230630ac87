"""How far a statement of ROI moved since its period was published."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import NamedTuple, TypeVar

from pydantic import Field

from services.api.dependencies import Access
from services.api.kpis.moves import difference
from services.api.lookback import look, look_at_other_side
from services.api.model import DecimalText, Output
from services.api.periods import KnownQuery

__all__ = ["Moving", "RoiMove", "move_of", "told_on_both_sides"]

Answer = TypeVar("Answer")


class RoiMove(Output):
    """The live figures minus the published ones; one that appears moves by all of itself."""

    credited_revenue: DecimalText | None = Field(
        description="Of the credited revenue; null if there is none on either side.",
        examples=["-6000.00"],
    )
    credited_conversions: DecimalText | None = Field(
        description="Of the conversions credited, in shares: deals won, or what was asked about.",
        examples=["-0.5"],
    )
    cost: DecimalText | None = Field(description="Of the cost of the period.", examples=["0.00"])
    percent: DecimalText | None = Field(
        description="Of the return, in percentage points: that of `headline` in a statement, of "
        "`roi_cash` in a comparison of models.",
        examples=["-21.33"],
    )


class Moving(NamedTuple):
    """The figures of one side; None where there is none."""

    credited_revenue: Decimal | None = None
    credited_conversions: Decimal | None = None
    cost: Decimal | None = None
    percent: Decimal | None = None


def move_of(live: Moving, published: Moving) -> RoiMove:
    """Return how far the figures of both sides are apart."""
    moved = (difference(after, before) for after, before in zip(live, published, strict=True))
    return RoiMove(**dict(zip(Moving._fields, moved, strict=True)))


async def told_on_both_sides(
    access: Access, query: KnownQuery, tell: Callable[[], Awaitable[Answer]]
) -> tuple[Answer, tuple[Answer, Answer] | None]:
    """Return the answer, and the live and the published one if a publication speaks for it.

    ``tell`` reads in the transaction's time; the other side is read after the answer itself.
    Raises as :func:`services.api.lookback.look`.
    """
    publication = await look(access, query)
    here = await tell()
    if publication is None:
        return here, None
    await look_at_other_side(access, query, publication)
    there = await tell()
    return here, (here, there) if query.live else (there, here)
