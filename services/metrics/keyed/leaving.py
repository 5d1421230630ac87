"""Ends of employment: whoever leaves has left once, however many sources tell it.

Their state is kept with the facts that stand.
"""

from services.metrics.keyed.operator import KeyedOperator
from shared.rollups.leaving import leaving

__all__ = ["LEAVING"]

# Of the others who left on such a day, what is taken away is given again.
LEAVING = KeyedOperator(
    kinds=frozenset({"employment.ended"}),
    contributions=leaving("(SELECT DISTINCT day FROM fold_batch WHERE kind = 'employment.ended')"),
)
