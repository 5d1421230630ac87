"""What returns are made of that is cheap to ask: compared in every history, not in a few.

What a period cost, in full, and in cash with one-off costs amortized, by category and line by line;
and how many deals its touches led to through a channel, and how many of these are decided.
"""

from services.api.dependencies import Access
from services.api.roi.queries import CostQuery
from services.api.roi.repository import opportunities
from shared.db import Database
from shared.facts import CostBooked, DealChanged
from shared.kpis.costs import CostBasis
from shared.orgs import Org
from tests.property.comparing import BUCKETS
from tests.property.engine import GENERATION
from tests.property.lining import Asking, assert_charged
from tests.property.oracle.ledger import History
from tests.property.oracle.returns import matured

__all__ = ["assert_charged_and_matured"]


async def assert_charged_and_matured(database: Database, org: Org, history: History) -> None:
    """Compare them for each bucket."""
    asking = Asking(database, org)
    if history.of(CostBooked):
        await _assert_charged(asking, history)
    if history.of(DealChanged):
        async with asking.access() as access:
            await _assert_matured(access, history)


async def _assert_charged(asking: Asking, history: History) -> None:
    for bucket in BUCKETS:
        for basis, months in ((CostBasis.FULL, None), (CostBasis.CASH, 1)):
            charging = {"cost_basis": basis, "amortize_months": months}
            asked = {"from": bucket.start, "to": bucket.end, **charging}
            await assert_charged(asking, CostQuery.model_validate(asked), history)


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
