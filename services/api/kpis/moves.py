"""How far figures have moved since their period was published."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from services.api.dependencies import Access
from services.api.evaluation import Slice, Valued, evaluate_kpis
from services.api.lookback import look_at_other_side
from services.api.periods import KnownQuery
from services.api.privacy import SUPPRESSED
from services.api.publications.repository import PublicationRow
from shared.kpis.definitions import Kpi
from shared.kpis.periods import Period

__all__ = ["Moves", "difference", "moves_of"]

#: (KPI, bucket, group) → the live value minus the published one.
Moves = Mapping[tuple[str, int, str], Decimal | None]


async def moves_of(
    access: Access,
    query: KnownQuery,
    publication: PublicationRow | None,
    found: Mapping[str, Sequence[Valued]],
    kpis: Sequence[Kpi],
    parts: tuple[Period, ...],
    asked: Slice,
) -> Moves:
    """Return how far each value in ``found`` has moved; nothing where no publication speaks.

    Call it last: the transaction reads the other side afterwards.
    """
    if publication is None:
        return {}
    await look_at_other_side(access, query, publication)
    other = await evaluate_kpis(access, kpis, parts, asked)
    values = {(kpi, v.bucket, v.group): v.value for kpi in other for v in other[kpi]}
    moves: dict[tuple[str, int, str], Decimal | None] = {}
    for kpi, valued in found.items():
        for one in valued:
            opposite = values.get((kpi, one.bucket, one.group))
            here, there = one.value.value, None if opposite is None else opposite.value
            is_hidden = SUPPRESSED in {one.value.null_reason, opposite and opposite.null_reason}
            if is_hidden or (one.merged and opposite is None):
                # A move from nothing would be the value that is not shown; and other teams may have
                # been shown as one then.
                moves[kpi, one.bucket, one.group] = None
                continue
            live, published = (here, there) if query.live else (there, here)
            moves[kpi, one.bucket, one.group] = difference(live, published)
    return moves


def difference(after: Decimal | None, before: Decimal | None) -> Decimal | None:
    """Return how far a value moved: one that appears moves by all of itself."""
    if after is None and before is None:
        return None
    return (after or Decimal(0)) - (before or Decimal(0))
