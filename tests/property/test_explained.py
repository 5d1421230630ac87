"""Every number explains itself: the facts listed for a figure add up to it, in any history."""

from collections.abc import Mapping
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.db import Database
from shared.kpis.measures import MEASURES, Kept
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Axis
from shared.orgs import Org
from shared.rollups.explain import ContributionLine, ExplainPage, explain_measure
from tests.property.drawing import one_in
from tests.property.engine import found_org, history_of, tell
from tests.property.oracle.ledger import History
from tests.property.worlds import (
    FIRST_DAY,
    LAST_DAY,
    Delivery,
    Setting,
    Step,
    histories,
    settings,
    steps,
)

pytestmark = pytest.mark.timeout(7200)

_EXPLAINED_AT_ONCE = 12
_SUMS = sorted(
    measure.id
    for measure in MEASURES.values()
    if measure.kept in {Kept.STORED, Kept.VIEW} and measure.adds_up_over(Axis.TIME)
)
_COUNTS = [
    *("sharers", "active_advocates", "enrolled", "invited_enrolled", "invited"),
    *("headcount", "linkedin_accounts"),
]
_PERIODS = (Period(FIRST_DAY, LAST_DAY), Period(FIRST_DAY, FIRST_DAY.replace(day=31)))
_FILTERS: tuple[Mapping[str, str], ...] = (
    {},
    {"team": "Sales"},
    {"network": "linkedin"},
    {"team": "IT", "network": "linkedin"},
    {"role": "leader"},
    {"role": "expert", "network": "linkedin"},
    {"role": "leader", "team": "Sales"},
    {"department": "North"},
    {"content": "k1"},
)


@one_in(8)
@given(settings, histories(), steps, st.randoms(use_true_random=False))
async def test_the_facts_listed_add_up_to_the_figure(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    chosen: Random,
) -> None:
    org = await found_org(database, setting)
    await tell(database, org, deliveries, plan)
    history = history_of(org, deliveries)

    for measure in chosen.sample(_SUMS, _EXPLAINED_AT_ONCE):
        await _assert_adds_up(database, org, history, measure, chosen)
    for measure in _COUNTS:
        await _assert_adds_up(database, org, history, measure, chosen)


async def _assert_adds_up(
    database: Database, org: Org, history: History, measure: str, chosen: Random
) -> None:
    carried = {dimension.value for dimension in MEASURES[measure].dimensions}
    if MEASURES[measure].channel is not None:
        carried.discard("content")  # content comes with no second dimension, such as the channel
    possible = [filters for filters in _FILTERS if filters.keys() <= carried]
    filters, period = chosen.choice(possible), chosen.choice(_PERIODS)
    lines, page = await _all_lines(database, org, measure, period, filters)
    told = (measure, period, filters, page)

    assert len(lines) == page.lines_total, told
    assert sum((Fraction(line.quantity) for line in lines), Fraction(0)) == (page.total or 0), told
    standing = {(fact.source, fact.kind, fact.external_id) for fact in history.facts}
    assert {(line.source, line.kind, line.external_id) for line in lines} <= standing, told


async def _all_lines(
    database: Database, org: Org, measure: str, period: Period, filters: Mapping[str, str]
) -> tuple[list[ContributionLine], ExplainPage]:
    """Return the lines of every page, and the last page."""
    lines: list[ContributionLine] = []
    after: str | None = None
    while True:
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection,
                org,
                measure,
                period,
                filters={name: frozenset({value}) for name, value in filters.items()},
                after=after,
                limit=3,
            )
        lines += page.lines
        after = page.next
        if after is None:
            return lines, page
