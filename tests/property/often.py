"""What returns are made of that is cheap to ask: compared in every history, not in a few.

What a period cost, in full and in cash, with one-off costs amortized or not, by category; and how
many deals its touches led to through a channel, and how many of these are decided.
"""

from fractions import Fraction

from services.api.dependencies import Access
from services.api.roi.costs import read_cost
from services.api.roi.repository import opportunities
from shared.db import Database
from shared.facts import CostBooked, DealChanged
from shared.kpis.costs import CostBasis
from shared.orgs import Org
from shared.security.keys import Caller
from tests.property.comparing import BUCKETS
from tests.property.engine import GENERATION
from tests.property.oracle.ledger import History
from tests.property.oracle.returns import matured
from tests.property.oracle.spending import cost_of

__all__ = ["assert_charged_and_matured"]


async def assert_charged_and_matured(database: Database, org: Org, history: History) -> None:
    """Compare them for each bucket."""
    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", frozenset()), connection)
        if history.of(CostBooked):
            await _assert_charged(access, history)
        if history.of(DealChanged):
            await _assert_matured(access, history)


async def _assert_charged(access: Access, history: History) -> None:
    for bucket in BUCKETS:
        for basis in CostBasis:
            for months in (None, 1):
                got = await read_cost(access, bucket, basis, months)
                want = cost_of(history, bucket.start, bucket.end, basis=basis, months=months)
                told = (bucket, basis, months)
                assert (got.total is None) is (want is None), told
                shown = {str(one.category): Fraction(one.amount) for one in got.by_category}
                assert shown == (want or {}), told


async def _assert_matured(access: Access, history: History) -> None:
    for bucket in BUCKETS:
        for channel in ("employee_advocacy", "brand"):
            got = await opportunities(
                access.connection,
                access.org.id,
                GENERATION,
                period=bucket,
                channel=channel,
                window_days=history.window_days,
            )
            want = matured(history, bucket.start, bucket.end, channel)
            assert (got.opened, got.closed) == want, (bucket, channel)
