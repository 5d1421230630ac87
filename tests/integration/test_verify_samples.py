"""Samples of the metrics worker: each look finds what is wrong there, and exports it."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.metrics.verify import (
    FAMILIES,
    Check,
    Look,
    Sampler,
    repair,
    sampling,
    verify,
    verify_sample,
)
from services.metrics.worker import catch_up
from shared import clock
from shared.db import Database
from shared.observability import metrics
from shared.orgs import Org
from shared.rollups import layout
from tests.integration.falsifying import by_hand
from tests.integration.test_known import DAYS
from tests.integration.test_known import tell as tell_on
from tests.integration.test_rebuild import found, share

#: The column that shares are kept in.
_N = layout.FAMILIES["advocacy"].index("shares") + 1
_ROW = f"ctid = (SELECT ctid FROM rollup_change WHERE org_id = $1 AND d{_N} IS NOT NULL LIMIT 1)"
_LAST_HEAD = "position = (SELECT max(position) FROM fact_head WHERE org_id = $1)"


class _Aimed(Random):
    """Draws the first of what there is to choose from, or what is aimed at if that is there."""

    def __init__(self, aim: Callable[[Any], bool]) -> None:
        super().__init__(1)
        self._aim = aim

    def choice(self, seq: Any) -> Any:
        return next((item for item in seq if self._aim(item)), seq[0])

    def randint(self, a: int, b: int) -> int:
        return a


def aimed(name: str) -> _Aimed:
    """Return a chance that draws the table, measure or family of this name."""
    return _Aimed(lambda item: name in (item, getattr(item, "name", None)))


@pytest.mark.parametrize(
    ("statement", "look", "name", "checks"),
    [
        ("UPDATE rollup SET v1 = v1 + 1", Look.CELLS, "linear", {Check.CELLS}),
        ("DELETE FROM rollup_change", Look.LOG, "shares", {Check.LOG}),
        (
            "UPDATE credit_row SET channel = 'paid'",
            Look.CELLS,
            "credit",
            {Check.CREDIT},
        ),
        ("UPDATE roster SET team = 'Z'", Look.STATE, "roster", {Check.STATE}),
        (
            "INSERT INTO post_past SELECT *, position + 1 FROM post",
            Look.STATE,
            "post_past",
            {Check.STATE},
        ),
        ("UPDATE fold_cursor SET next_cell = 2", Look.STATE, "deal", {Check.STATE}),
        ("UPDATE rollup_change SET known_on = known_on + 9", Look.LOG, "", {Check.PAST}),
        ("UPDATE fact_head SET is_retracted = true", Look.LEDGER, "", {Check.HEADS}),
        ("UPDATE fact_head SET content_hash = 'x'", Look.LEDGER, "", {Check.HEADS}),
        ("UPDATE fact_past SET until = until + 1", Look.LEDGER, "", {Check.HEADS}),
        ("DELETE FROM fact_head", Look.LEDGER, "", {Check.HEADS}),
        ("UPDATE ledger_head SET position = position + 1", Look.LEDGER, "", {Check.LEDGER}),
        ("DELETE FROM source_newest", Look.BESIDE, "source_newest", {Check.BESIDE}),
    ],
)
async def test_a_look_finds_what_is_wrong_where_it_looks(
    database: Database,
    org: Org,
    database_url: str,
    statement: str,
    look: Look,
    name: str,
    checks: set[Check],
) -> None:
    await found(database, org)
    assert not (await verify_sample(database, org.id, look, aimed(name))).listed
    await by_hand(database_url, f"{statement} WHERE org_id = $1", org.id)

    report = await verify_sample(database, org.id, look, aimed(name))
    assert set(report.counts) == checks


async def test_a_look_at_some_of_a_long_ledger_is_at_its_end_and_somewhere_else(
    database: Database, org: Org, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await found(database, org)
    monkeypatch.setattr("services.metrics.verify.samples._STRETCH", 10)
    await by_hand(database_url, "UPDATE fact_head SET content_hash = 'x' WHERE org_id = $1", org.id)
    # 20 heads at most, of the 128 entries.
    counts = (await verify_sample(database, org.id, Look.LEDGER, aimed(""))).counts
    assert 10 < counts[Check.HEADS] <= 20


async def in_two_batches(database: Database, org: Org) -> None:
    """Tell on one day, and fold in between."""
    for number in (1, 2):
        await tell_on(database, org, DAYS[0], [share(number)])
        await catch_up(database, org.id)


async def test_a_change_that_is_logged_at_another_batch_of_its_day_is_found_and_rebuilt(
    database: Database, org: Org, database_url: str
) -> None:
    await in_two_batches(database, org)
    await by_hand(
        database_url,
        "UPDATE rollup_change SET position = 2 WHERE org_id = $1 AND position = 1",
        org.id,
    )
    # The other way round: there has to be a batch to look at the end of.
    await by_hand(
        database_url,
        f"UPDATE rollup_change SET position = 1 WHERE org_id = $1 AND {_ROW}",
        org.id,
    )
    report = await verify(database, org.id)
    assert set(report.counts) == {Check.PAST}
    sample = await verify_sample(database, org.id, Look.PAST, aimed("publications"))
    assert set(sample.counts) == {Check.PAST}
    assert sample.family == "publications"

    done = await repair(database, org.id)
    assert (done.after.mismatches, done.is_rebuilt) == (0, True)


async def test_what_is_right_inside_of_a_day_is_no_difference(
    database: Database, org: Org, database_url: str
) -> None:
    await in_two_batches(database, org)
    await by_hand(database_url, f"UPDATE rollup SET v{_N} = v{_N} + 1 WHERE org_id = $1", org.id)
    # What was repaired at the end of the day was part of what was known before, then.
    assert (await repair(database, org.id)).before.counts[Check.CELLS] > 0
    assert not (await verify(database, org.id)).listed


@pytest.fixture
def value_of() -> Callable[..., float]:
    """Expose the metrics of the worker, at 0, and return how to read one."""
    metrics.expose("metrics-worker", version="test", revision="test")
    metrics.VERIFY_MISMATCHES.clear()
    metrics.expose("metrics-worker", version="test", revision="test")
    metrics.VERIFY_CELLS.reset()
    metrics.VERIFY_LAST_SUCCESS.set(0)

    def read(name: str, **labels: str) -> float:
        value = REGISTRY.get_sample_value(f"earned_verify_{name}", labels)
        assert value is not None, f"there is no {name} of {labels}"
        return value

    return read


def test_every_series_is_there_from_the_start(value_of: Callable[..., float]) -> None:
    for family in FAMILIES:
        for check in (Check.CELLS, Check.PAST):
            assert value_of("mismatches_total", check=check, family=family.name) == 0
    assert value_of("mismatches_total", check=Check.CREDIT, family="credit") == 0
    for check in {*Check} - {Check.CELLS, Check.CREDIT}:
        assert value_of("mismatches_total", check=check, family="") == 0


async def test_the_worker_looks_at_one_thing_after_another(
    database: Database, org: Org, database_url: str, value_of: Callable[..., float]
) -> None:
    await found(database, org)
    sampler = Sampler(database, every=timedelta(hours=1), chance=Random(5))
    runs = range(len(Look))
    for _ in runs:
        await sampler.verify(org.id)
    assert value_of("cells_total") > 0
    assert value_of("last_success_timestamp_seconds") > 0

    metrics.VERIFY_LAST_SUCCESS.set(0)
    await by_hand(database_url, "UPDATE fact_head SET content_hash = 'x' WHERE org_id = $1", org.id)
    for _ in runs:
        await sampler.verify(org.id)
    # Each look came round twice, and there are 127 facts.
    assert value_of("mismatches_total", check="heads", family="") == 2 * 127
    assert value_of("mismatches_total", check="ledger", family="") == 0

    assert (await repair(database, org.id)).after.mismatches == 0
    metrics.VERIFY_LAST_SUCCESS.set(0)
    for _ in runs:
        await sampler.verify(org.id)
    assert value_of("mismatches_total", check="heads", family="") == 2 * 127
    assert value_of("last_success_timestamp_seconds") > 0


async def test_a_worker_that_begins_anew_begins_anywhere(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    looks: list[Look] = []
    sample = verify_sample

    async def note(*arguments: Any) -> Any:
        looks.append(arguments[2])
        return await sample(*arguments)

    monkeypatch.setattr(sampling, "verify_sample", note)
    for seed in range(20):
        await Sampler(database, every=timedelta(days=1), chance=Random(seed)).verify(org.id)
    assert {*looks[::2]} == {*Look}
