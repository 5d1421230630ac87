"""What is counted when it is asked for equals what the oracle counts, in any history."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import settings as profile

from shared.db import Database
from shared.kpis.measures import MEASURES
from shared.kpis.vocabulary import Aggregation
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures
from shared.rollups.readers import LISTED
from tests.property.comparing import BUCKETS
from tests.property.engine import found_org, history_of, tell
from tests.property.oracle.answers import Span
from tests.property.oracle.company_lines import company_lines
from tests.property.oracle.ledger import History
from tests.property.oracle.lines import gathered
from tests.property.oracle.program_lines import program_lines
from tests.property.worlds import Delivery, Setting, Step, histories, settings, steps

pytestmark = pytest.mark.timeout(7200)

#: Not in the oracle: answered under a hashtag only; for an audience's denominator; by weeks and
#: topics of which the oracle counts some; with a field of a deal that changes the count of clients.
_OTHERWISE = frozenset({"engagements_tagged", "reach.followers", "customers_new_market"})
_WITHOUT_ZERO = frozenset({Aggregation.QUANTILE, Aggregation.COMPOSITE})
#: A mean, and hours of seconds, are divisions: the database gives sixteen digits of them.
_DIVISION = Fraction(1, 10**12)
_ORACLE_COUNTS = sorted(
    name
    for name in LISTED
    if name not in _OTHERWISE
    and not name.startswith(("cohort.w8", "cohort.w12", "cohort.w26", "cohort_active.w8"))
    and not name.startswith(("cohort_active.w12", "cohort_active.w26"))
    and (
        not name.startswith("survey.")
        or name.split(".")[1] in {"engagement", "enps", "stress", "brand_trust"}
    )
    and name != "figure.recruiting_cost"
)


@profile(max_examples=max(8, profile().max_examples // 6))
@given(settings, histories(), steps)
async def test_every_count_equals_what_the_oracle_counts(
    database: Database, setting: Setting, deliveries: list[Delivery], plan: list[Step]
) -> None:
    org = await found_org(database, setting)
    await tell(database, org, deliveries, plan)
    history = history_of(org, deliveries)

    for group_by in (None, "team"):
        await _assert_counted(database, org, history, group_by)


async def _assert_counted(
    database: Database, org: Org, history: History, group_by: str | None
) -> None:
    measures = [m for m in _ORACLE_COUNTS if group_by is None or "team" in MEASURES[m].dimensions]
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, measures, MeasureQuery(BUCKETS, group_by))
    for index, bucket in enumerate(BUCKETS):
        span = Span(bucket.start, bucket.end, group_by)
        told = program_lines(history, span) | company_lines(history, span)
        assert told.keys() <= set(_ORACLE_COUNTS)
        for measure in measures:
            want = gathered(history, told[measure], span) if measure in told else None
            groups = {group for at, group in table if at == index} | set(want or {})
            for group in groups:
                got = table[index, group][measure]
                expected = _expected(want, measure, group)
                assert _agree(got, expected), (measure, bucket, group, got, expected)


def _expected(want: dict[str, Fraction] | None, measure: str, group: str) -> Fraction | None:
    if want is None:
        return None
    declared = MEASURES[measure]
    is_null = declared.aggregation in _WITHOUT_ZERO or not declared.has_zero
    return want.get(group, None if is_null else Fraction(0))


def _agree(got: object, want: Fraction | None) -> bool:
    if got is None or want is None:
        return got is want
    return abs(Fraction(str(got)) - want) <= _DIVISION
