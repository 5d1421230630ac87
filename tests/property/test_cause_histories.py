"""What the program changed, and what it reached beyond the brand, equal what the oracle says.

Over random roll-outs, told in any order: which teams are compared, the effect, the trend before the
start, the placebo, and all of it as the weeks since the start go by.
"""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dependencies import Access
from shared.db import Database
from shared.security.keys import Caller
from tests.property.causing import (
    AskedBaseline,
    AskedCause,
    assert_beyond_baseline,
    assert_caused,
    baseline_asked,
    cause_asked,
)
from tests.property.drawing import dear
from tests.property.engine import found_org, history_of, tell
from tests.property.oracle.whole import Whole
from tests.property.rollouts import FIRST_MONDAY, Rollout, rollouts
from tests.property.worlds import Setting, Step, settings, steps

pytestmark = pytest.mark.timeout(7200)

_METRICS = ("impressions_advocacy", "reactions", "engagement_rate")
_SOME_TEAMS = tuple(f"T{n}" for n in range(7))
_teams = st.sampled_from([(), (), _SOME_TEAMS, ("T0", "nobody")])
_edges = st.sampled_from([(0, 0), (0, 0), (-3, 0), (2, -1)])


@dear(long=75, otherwise=2)
@given(settings, rollouts, steps, st.booleans(), _edges, _teams)
async def test_what_the_program_changed_equals_what_the_oracle_says(
    database: Database,
    setting: Setting,
    rollout: Rollout,
    plan: list[Step],
    sees_people: bool,
    edges: tuple[int, int],
    only: tuple[str, ...],
) -> None:
    org = await found_org(database, setting)
    told = rollout.told()
    await tell(database, org, told, plan)
    start = FIRST_MONDAY + timedelta(days=edges[0])
    end = FIRST_MONDAY + timedelta(weeks=rollout.weeks, days=edges[1])
    middle = start + timedelta(days=10)
    causes = [
        AskedCause(metric, start, end, rollout.stated, only, sees_people) for metric in _METRICS
    ]
    baselines = [
        AskedBaseline(metric, start - timedelta(days=20), middle, middle + timedelta(days=3), end)
        for metric in ("impressions", "reactions", "comments")
    ]
    scopes = frozenset({"people:read"} if sees_people else ())

    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", scopes), connection)
        changed = [(asked, await cause_asked(access, asked)) for asked in causes]
        reached = [(asked, await baseline_asked(access, asked)) for asked in baselines]

    oracle = Whole.of(history_of(org, told), ())
    for cause, answer in changed:
        if answer is not None:
            assert_caused(answer, cause, oracle)
    for since, beyond in reached:
        assert_beyond_baseline(beyond, since, oracle)
